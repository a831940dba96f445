"""Closing of a trial, and its published draws (domain 3.3)."""

from typing import Any

import pytest

from app.domain.draw_verification import PublishedDraw, check_draws
from app.domain.rules.draw import commitment
from tests.register import Client, Register
from tests.routers.trials.common import errors_of

LIMIT = 3


def everything(client: Client, path: str, **parameters: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = client.get(path, cursor=cursor, **parameters).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


def test_nothing_shows_the_seed_before_the_trial_is_closed(register: Register, agency: Client, auditor: Client) -> None:
    """Domain 3.3: the seed itself only when the trial is closed."""
    trial = register.new_trial()
    register.drawn(trial)
    before = agency.get(f"/v1/trials/{trial}").json()
    assert before["seed"] is None
    assert before["closed"] is False
    (listed,) = (each for each in agency.get("/v1/trials", limit=1000).json()["items"] if each["id"] == trial)
    assert listed["seed"] is None
    closed = agency.post(f"/v1/trials/{trial}/close")
    assert closed.status_code == 200
    assert closed.json() == {**before, "seed": closed.json()["seed"], "closed": True}
    assert len(bytes.fromhex(closed.json()["seed"])) == 32
    assert commitment(bytes.fromhex(closed.json()["seed"])) == before["seed_commitment"]
    assert agency.get(f"/v1/trials/{trial}").json() == closed.json()
    assert auditor.get(f"/v1/trials/{trial}").json() == closed.json()


def test_closing_twice_is_closing_once(register: Register, agency: Client) -> None:
    trial = register.new_trial()
    first = agency.post(f"/v1/trials/{trial}/close")
    second = agency.post(f"/v1/trials/{trial}/close")
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json() == first.json()


def test_closing_needs_all_jobcentres_of_the_trial(register: Register) -> None:
    """Api.md: anything outside is 404."""
    trial = register.new_trial()
    assert register.client("agency", jobcentres=["849"]).post(f"/v1/trials/{trial}/close").status_code == 404
    assert register.case_system().post(f"/v1/trials/{trial}/close").status_code == 403
    assert register.client("agency").get(f"/v1/trials/{trial}").json()["closed"] is False


def test_nobody_is_drawn_after_closing_and_answers_given_stand(register: Register, agency: Client) -> None:
    """Api.md: no more draws."""
    trial = register.new_trial()
    people = f"/v1/trials/{trial}/participants"
    case_system = register.case_system()
    drawn = register.screening()
    drawn_answer = case_system.post(people, drawn).json()
    waiting = register.screening(channel="supplement", unemployed_since="2010-10-01")
    candidate = case_system.post(people, waiting).json()["participant_id"]
    ineligible = register.screening(match_group=1)
    ineligible_answer = case_system.post(people, ineligible).json()
    agency.post(f"/v1/trials/{trial}/close")
    for refused in (
        case_system.post(people, register.screening()),
        case_system.post(people, register.screening(), dry_run="true"),
        case_system.post(f"{people}/{candidate}/assignment"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "trial_closed")
    again = case_system.post(people, drawn)
    assert (again.status_code, again.json()) == (200, drawn_answer)
    again = case_system.post(people, ineligible)
    assert (again.status_code, again.json()) == (200, ineligible_answer)
    assert case_system.post(people, waiting).status_code == 200
    again = case_system.post(f"{people}/{drawn_answer['participant_id']}/assignment")
    assert (again.status_code, again.json()) == (200, drawn_answer["assignment"])
    # A candidate who will never be drawn can still be taken out of the list.
    assert case_system.post(f"{people}/{candidate}/withdrawal", {"reason": "moved"}).status_code == 200
    assert len(everything(register.client("auditor"), f"/v1/trials/{trial}/draws")) == 1


def test_draws_are_the_auditors_until_the_trial_is_closed_and_then_everyones(
    register: Register, agency: Client, auditor: Client
) -> None:
    """Api.md: then also for ``reports:read``, so that anyone can verify them."""
    trial = register.new_trial()
    participant = register.drawn(trial)
    draws = f"/v1/trials/{trial}/draws"
    readers = [agency, register.client("region", regions=["nord"]), register.case_system("849")]
    for reader in readers:
        response = reader.get(draws)
        assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")
    published = auditor.get(draws)
    assert published.status_code == 200
    (draw,) = published.json()["items"]
    assert draw.keys() == {"jobcentre", "position", "arm", "drawn_at", "pseudonym"}
    assert draw["pseudonym"] != participant
    assert participant not in published.text
    agency.post(f"/v1/trials/{trial}/close")
    for reader in (*readers, auditor):
        assert reader.get(draws).json() == published.json()
    for role in ("register", "evaluator"):
        assert register.client(role).get(draws).status_code == 403


def test_anyone_can_recompute_the_published_draws(register: Register, agency: Client, auditor: Client) -> None:
    """Domain 3.3: in order, page by page, without gap or repeat, and every arm as the seed gives it."""
    trial = register.new_trial()
    answers = [register.screen(trial, jobcentre=code) for code in ("849", "860", "849", "450", "849", "860", "849") * 2]
    draws = f"/v1/trials/{trial}/draws"
    early = everything(auditor, draws, limit=3)
    assert early == everything(auditor, draws)
    assert [(each["jobcentre"], each["position"]) for each in early] == [
        *(("450", position) for position in range(2)),
        *(("849", position) for position in range(8)),
        *(("860", position) for position in range(4)),
    ]
    assert sorted((each["arm"], each["drawn_at"]) for each in early) == sorted(
        (each["assignment"]["arm"], each["assignment"]["drawn_at"]) for each in answers
    )
    assert len({each["pseudonym"] for each in early}) == len(early)
    for code in ("849", "860"):
        moments = [each["drawn_at"] for each in early if each["jobcentre"] == code]
        assert moments == sorted(set(moments))
    closed = agency.post(f"/v1/trials/{trial}/close").json()
    published = everything(agency, draws, limit=5)
    assert published == early
    faults = check_draws(
        bytes.fromhex(closed["seed"]),
        closed["seed_commitment"],
        trial,
        LIMIT,
        [PublishedDraw(each["jobcentre"], each["position"], each["arm"]) for each in published],
    )
    assert faults == []


def test_a_trial_without_draws_publishes_none(register: Register, auditor: Client) -> None:
    response = auditor.get(f"/v1/trials/{register.new_trial()}/draws")
    assert (response.status_code, response.json()) == (200, {"items": [], "next": None})


@pytest.mark.parametrize("cursor", ["nonsense", "WyI4NDkiXQ", "WyI4NDkiLCJhIl0", "WyI4NDkiLDk5OTk5OTk5OTk5XQ"])
def test_draws_go_on_from_a_cursor_of_theirs_only(register: Register, auditor: Client, cursor: str) -> None:
    trial = register.new_trial()
    assert errors_of(auditor.get(f"/v1/trials/{trial}/draws", cursor=cursor)) == {("/query/cursor", "invalid_value")}
