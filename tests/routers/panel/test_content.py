"""Content of the panel: pseudonyms, weeks, draws, and the baseline."""

import io
from typing import Any

import polars as pl
from pyarrow import parquet

from tests.database import query
from tests.register import new_cpr
from tests.routers.panel.common import CSV, JSON_LINES, PARQUET, PATHS, Place, duplicate, place_in


def test_the_same_person_in_a_release_and_another_in_the_next(place: Place) -> None:
    releases = [place.release()["release_id"] for _ in range(2)]
    named = [
        [{row["person"] for row in place.items(table, release) if row["person"]} for table in PATHS]
        for release in releases
    ]
    for weeks, participants, draws in named:
        assert weeks == participants == draws
        assert len(weeks) == 6
    assert not named[0][0] & named[1][0]


def test_nothing_leads_back_to_a_participant(place: Place) -> None:
    """Neither the participant's id, nor the pseudonym of the published draws, nor a day of the draw."""
    release = place.release()["release_id"]
    published = query(
        place.register.database_url,
        "select pseudonym::text as p from assignment where trial_id = $1",
        arguments=[place.trial],
    )
    secret = {*place.people, *(row["p"] for row in published)}
    for table in PATHS:
        for accept in ("application/json", JSON_LINES, CSV, PARQUET):
            content = place.read(table, release, accept).content
            assert not [
                each for each in secret if each.encode() in content or each.replace("-", "").encode() in content
            ]
    assert all(row["position"] is None for row in place.items("draws", release))


def test_the_weeks_are_those_of_the_register(place: Place) -> None:
    """Domain 4: what the panel says of each person is what the case system reads of them."""
    release = place.release()["release_id"]
    shown: dict[str, list[dict[str, Any]]] = {}
    for row in place.items("person-weeks", release):
        shown.setdefault(row["person"], []).append(row)
    system = place.register.case_system()
    for participant in place.people:
        weeks = system.get(f"/v1/trials/{place.trial}/participants/{participant}/weeks").json()["items"]
        alike = [
            [{name: row[name] for name in week} for row, week in zip(rows, weeks, strict=True)]
            for rows in shown.values()
        ]
        assert weeks in alike
    by_state = [row["state"] for rows in shown.values() for row in rows]
    assert "absent" in by_state


def test_the_panel_adds_up_to_the_summary(place: Place) -> None:
    """Domain 5: same watermark, same figures."""
    release = place.release()
    agency = place.register.client("agency")
    summary = agency.get(f"/v1/trials/{place.trial}/weekly-summary", by="trial", known_at=release["watermark"]).json()
    rows = place.items("person-weeks", release["release_id"])
    for item in summary["items"]:
        for name in ("conversation_due", "conversation_held", "conversation_conforming", "activation_due", "activated"):
            assert sum(row[name] for row in rows if row["arm"] == item["arm"]) == item["cumulative"][name]
    assert summary["items"]


def test_duplicates_are_left_out_but_for_their_draw(place: Place) -> None:
    """Domain 3.3: no figure, but position and balance; nobody's before it was found out."""
    trial = place.register.new_trial()
    other = Place(place.register, trial, [], place.evaluator)
    before = other.release()
    duplicate(place.register, trial)
    after = other.release()["release_id"]
    assert len(other.items("participants", after)) == 1
    assert sorted(row["duplicate"] for row in other.items("draws", after)) == [False, True]
    assert other.items("draws", before["release_id"]) == []


def test_positions_once_the_draws_are_published(place: Place) -> None:
    other = place_in(place.register)
    before = other.release()["release_id"]
    assert other.register.client("agency").post(f"/v1/trials/{other.trial}/close").status_code == 200
    rows = other.items("draws", other.release()["release_id"])
    published = other.register.client("auditor").get(f"/v1/trials/{other.trial}/draws").json()["items"]
    ours = sorted((row["jobcentre"], row["position"], row["arm"]) for row in rows)
    assert ours == sorted((row["jobcentre"], row["position"], row["arm"]) for row in published)
    assert all(row["position"] is None for row in other.items("draws", before)), "as known then"


def test_the_baseline_is_what_the_screening_stated(place: Place) -> None:
    for row in place.items("participants"):
        assert (row["channel"], row["match_group"], row["benefit"]) == ("new_match", 2, "cash_benefit")
        assert (row["assigned_week"], row["region"], row["exempt_from"]) == ("2010-W45", "nord", "none")


def test_a_pilot_says_so(place: Place) -> None:
    pilot = place.register.new_trial(pilot=True)
    assert Place(place.register, pilot, [], place.evaluator).release()["pilot"] is True


def test_a_trial_of_one_arm(place: Place) -> None:
    """Domain 6 [C]: no draw, a target group, an average instead of duties."""
    register = place.register
    dates = {"intake_from": "2010-11-01", "intake_to": "2011-03-31", "ends_on": "2012-03-31"}
    trial = register.new_trial(protocol="flex-2016", required_contacts=2, target_groups=[2, 3], **dates)
    body = {"cpr": new_cpr(), "jobcentre": "849", "interview_on": "2010-11-08", "target_group": 3}
    assert register.case_system().post(f"/v1/trials/{trial}/participants", body).status_code == 201
    other = Place(register, trial, [], place.evaluator)
    release = other.release()["release_id"]
    (baseline,) = pl.read_parquet(io.BytesIO(other.read("participants", release, PARQUET).content)).to_dicts()
    assert (baseline["arm"], baseline["target_group"], baseline["channel"]) == ("treatment", 3, None)
    assert other.items("draws", release) == []
    assert any(row["contact_week"] for row in other.items("person-weeks", release))


def test_a_trial_without_people_has_a_panel_of_no_rows(place: Place) -> None:
    empty = Place(place.register, place.register.new_trial(), [], place.evaluator)
    release = empty.release()["release_id"]
    for table in PATHS:
        assert empty.items(table, release) == []
        assert empty.read(table, release, JSON_LINES).content == b""
        assert parquet.read_table(io.BytesIO(empty.read(table, release, PARQUET).content)).num_rows == 0
