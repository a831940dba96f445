"""Reading participants: lookup by number, one participant, lists, and assignments."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.register import Client, Clock, Register, new_cpr, record_id
from tests.routers.participants.screening.common import NOBODY, at, candidate, errors_of, refusal


def test_a_participant_is_found_by_number_and_by_id(register: Register, trial: str, everywhere: Client) -> None:
    """Api.md: arm, state, programme week, contact person; a CPR number is never in a URL, and in no answer."""
    body = register.screening(contact_person="Lis Holm", interview_on="2010-11-10")
    answer = everywhere.post(at(trial), body).json()
    view = everywhere.get(at(trial, answer["participant_id"]))
    assert view.json() == {
        "participant_id": answer["participant_id"],
        "jobcentre": "849",
        "state": view.json()["state"],
        "programme_week": view.json()["programme_week"],
        "arm": answer["assignment"]["arm"],
        "assigned_on": "2010-11-10",
        "interview_on": "2010-11-10",
        "channel": "new_match",
        "target_group": None,
        "contact_person": "Lis Holm",
        "cpr_correction": None,
        "ineligible_found": [],
        "duplicate_of": None,
    }
    for spelling in (body["cpr"], f"{body['cpr'][:6]}-{body['cpr'][6:]}"):
        found = register.case_system("849").post(at(trial, "lookup"), {"cpr": spelling})
        assert (found.status_code, found.json()) == (200, view.json())
    etag = view.headers["etag"]
    again = everywhere.request("GET", at(trial, answer["participant_id"]), headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_whoever_is_not_in_the_trial_is_not_found(register: Register, trial: str, everywhere: Client) -> None:
    """Api.md: 404 not there or not yours, and no difference between the two."""
    drawn = register.screening()
    participant = everywhere.post(at(trial), drawn).json()["participant_id"]
    ineligible = register.screening(match_group=1)
    everywhere.post(at(trial), ineligible)
    hjorring = register.case_system("860")
    elsewhere = register.new_trial()
    answers = [
        everywhere.post(at(trial, "lookup"), {"cpr": new_cpr()}),
        everywhere.post(at(trial, "lookup"), {"cpr": ineligible["cpr"]}),
        everywhere.post(at(elsewhere, "lookup"), {"cpr": drawn["cpr"]}),
        hjorring.post(at(trial, "lookup"), {"cpr": drawn["cpr"]}),
        everywhere.get(at(trial, NOBODY)),
        everywhere.get(at(elsewhere, participant)),
        *(hjorring.get(at(trial, participant, *rest)) for rest in ((), ("weeks",), ("assignment",))),
        hjorring.patch(at(trial, participant), {"contact_person": "Bo"}),
        hjorring.get(at(trial), jobcentre="849"),
        everywhere.get(at(trial), jobcentre="580"),
        hjorring.get(f"/v1/trials/{trial}/assignments", jobcentre="849"),
    ]
    for response in answers:
        assert refusal(response) == (404, "not_found")
        assert response.json() == answers[0].json()


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {("/cpr", "missing_field")}),
        ({"cpr": "0000000000"}, {("/cpr", "invalid_cpr")}),
        ({"cpr": None}, {("/cpr", "missing_field")}),
        ({"cpr": "6101701234", "name": "x"}, {("", "unknown_field")}),
    ],
    ids=str,
)
def test_a_malformed_lookup(trial: str, everywhere: Client, body: dict[str, Any], errors: set[tuple[str, str]]) -> None:
    assert errors_of(everywhere.post(at(trial, "lookup"), body)) == errors


@pytest.mark.parametrize(
    ("today", "state", "programme_week"),
    [
        ("2010-11-10", "assignment_week", 1),
        ("2010-11-14", "assignment_week", 1),
        ("2010-11-15", "counted", 2),
        ("2010-11-22", "exempt", 2),
        ("2010-11-29", "counted", 3),
        ("2010-12-06", "absent", 3),
        ("2011-01-03", "absent", 3),
        ("2011-01-10", "counted", 4),
    ],
)
def test_a_participant_is_shown_as_of_today(
    register: Register, everywhere: Client, clock: Clock, today: str, state: str, programme_week: int
) -> None:
    """Domain 4.3: the state of the week that today lies in, and the programme week reached; lists filter by it."""
    trial = register.new_trial()
    participant = register.drawn(trial, interview_on="2010-11-10")
    person = {"participant_id": participant}
    days = {"starts_on": "2010-11-22", "ends_on": "2010-11-28", "scope": "both", "ground": "illness"}
    everywhere.push(trial, "exemptions", [{"external_id": record_id(), **person, **days}])
    events = [
        {"external_id": record_id(), **person, "kind": "exit", "date": "2010-12-06", "reason": "job"},
        {"external_id": record_id(), **person, "kind": "re_entry", "date": "2011-01-10"},
    ]
    everywhere.push(trial, "presence-events", events)
    clock.now = datetime.fromisoformat(f"{today}T12:00:00+00:00")
    view = everywhere.get(at(trial, participant)).json()
    assert (view["state"], view["programme_week"]) == (state, programme_week)
    weeks = everywhere.get(at(trial, participant, "weeks")).json()["items"]
    monday = date.fromisoformat(today) - timedelta(days=date.fromisoformat(today).weekday())
    (this_week,) = (each for each in weeks if each["week"] == f"{monday:%G-W%V}")
    assert this_week["state"] == state
    for each in ("assignment_week", "counted", "absent", "exempt", "complete", "waiting"):
        listed = everywhere.get(at(trial), state=each).json()["items"]
        assert listed == ([{**view, "change": None, "changed_at": None}] if each == state else [])


def test_lists_are_of_your_jobcentres_and_filtered(register: Register, trial: str, everywhere: Client) -> None:
    """Api.md: ``jobcentre``, ``arm``, ``state``."""
    for code in ("849", "860", "450"):
        for _ in range(4):
            register.drawn(trial, jobcentre=code)
        candidate(register, trial, "2010-10-20", jobcentre=code)
        gone = candidate(register, trial, "2010-10-21", jobcentre=code)
        everywhere.post(at(trial, gone, "withdrawal"), {"reason": "moved"})
    register.screen(trial, match_group=1)
    items = everywhere.get(at(trial)).json()["items"]
    assert len(items) == 18
    assert items == sorted(items, key=lambda each: (each["jobcentre"], each["participant_id"]))
    for parameters in (
        {"jobcentre": "860"},
        {"arm": "treatment"},
        {"arm": "control"},
        {"state": "waiting"},
        {"state": "withdrawn"},
        {"state": "complete"},
        {"state": "absent"},
        {"jobcentre": "849", "arm": "treatment"},
        {"jobcentre": "849", "state": "waiting"},
        {"arm": "control", "state": "waiting"},
    ):
        listed = everywhere.get(at(trial), **parameters).json()
        assert listed["next"] is None
        assert listed["items"] == [each for each in items if parameters.items() <= each.items()]
        seen: list[Any] = []
        cursor = None
        while seen == [] or cursor is not None:
            page = everywhere.get(at(trial), **parameters, limit=2, cursor=cursor)
            seen += page.json()["items"]
            cursor = page.json()["next"]
            assert ("link" in page.headers) == (cursor is not None)
            if not page.json()["items"]:
                break
        assert seen == listed["items"]
    # Each drawn person is in exactly one arm and in one state.
    by_arm = [each for arm in ("treatment", "control") for each in everywhere.get(at(trial), arm=arm).json()["items"]]
    assert len(by_arm) == 12
    some = register.case_system("849", "450", "580")
    assert some.get(at(trial)).json()["items"] == [each for each in items if each["jobcentre"] != "860"]
    assert refusal(register.case_system("580").get(at(trial))) == (404, "not_found")


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"jobcentre": "Nyborg"}, "/query/jobcentre"),
        ({"arm": "placebo"}, "/query/arm"),
        ({"state": "drawn"}, "/query/state"),
        ({"limit": 0}, "/query/limit"),
        ({"limit": 1001}, "/query/limit"),
        ({"cursor": "nonsense"}, "/query/cursor"),
        ({"cursor": "WyI4NDkiLCJ4Il0"}, "/query/cursor"),
        ({"cursor": "WyI4NDkiLDFd"}, "/query/cursor"),
    ],
    ids=str,
)
def test_a_malformed_list(trial: str, everywhere: Client, parameters: dict[str, Any], pointer: str) -> None:
    assert errors_of(everywhere.get(at(trial), **parameters)) == {(pointer, "invalid_value")}


def test_assignments_of_one_and_of_a_jobcentre(register: Register, trial: str, everywhere: Client) -> None:
    """Api.md: the assignment of one, of a jobcentre's people."""
    answers = {
        answer["participant_id"]: (code, answer["assignment"])
        for code in ("849", "860")
        for answer in (register.screen(trial, jobcentre=code) for _ in range(3))
    }
    candidate(register, trial, "2010-10-20")
    expected = sorted(
        (
            {"participant_id": participant, "jobcentre": code, **assignment}
            for participant, (code, assignment) in answers.items()
        ),
        key=lambda each: (each["jobcentre"], each["participant_id"]),
    )
    for participant, (_, assignment) in answers.items():
        assert everywhere.get(at(trial, participant, "assignment")).json() == assignment
    path = f"/v1/trials/{trial}/assignments"
    assert everywhere.get(path).json() == {"items": expected, "next": None}
    assert everywhere.get(path, jobcentre="860").json()["items"] == expected[3:]
    assert register.case_system("849").get(path).json()["items"] == expected[:3]
    first = everywhere.get(path, limit=4)
    assert first.json()["items"] == expected[:4]
    rest = everywhere.request("GET", first.headers["link"].removeprefix("<").partition(">")[0])
    assert rest.json() == {"items": expected[4:], "next": None}
