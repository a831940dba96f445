"""The conditions and the grant week by week (domain 5 [F], api.md "Reports")."""

from tests.register import Register, faults


def test_a_span_of_weeks_is_each_of_them_alone(register: Register) -> None:
    """``from``: one row a jobcentre and week, the same as when each week is asked for alone."""
    trial = register.new_trial()
    system = register.case_system()
    for code in ("849", "860"):
        someone = register.drawn(trial, jobcentre=code)
        talks = [
            {"external_id": f"{code}-{n}", "participant_id": someone, "date": f"2010-11-{15 + 7 * n}"} for n in (0, 1)
        ]
        system.push(trial, "conversations", talks)
    region = register.client("region", regions=["nord"])
    path = f"/v1/trials/{trial}/conditions"
    weeks = ["2010-W46", "2010-W47", "2010-W48"]
    span = region.get(path, **{"from": "2010-W46"}, week="2010-W48").json()["items"]
    assert [(row["group"]["jobcentre"], row["week"]) for row in span] == [
        (code, week) for code in ("849", "860") for week in weeks
    ]
    alone = [row for week in weeks for row in region.get(path, week=week).json()["items"]]
    key = lambda row: (row["group"]["jobcentre"], row["week"])  # noqa: E731 - the same order for both
    assert sorted(alone, key=key) == span


def test_the_span_is_checked(register: Register) -> None:
    path = f"/v1/trials/{register.new_trial()}/conditions"
    agency = register.client("agency")
    answer = agency.get(path, **{"from": "2010-W48"}, week="2010-W46")
    assert (answer.status_code, faults(answer.json())) == (422, [("/query/from", "invalid_value")])
