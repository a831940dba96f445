"""Repeated screenings of one person (domain 3.1): the same facts, other facts, and later days."""

from typing import Any

import pytest

from tests.register import Client, Register, record_id
from tests.routers.participants.screening.common import SUPPLEMENT, at, codes, count_of, refusal


@pytest.mark.parametrize(
    "changes",
    [{}, SUPPLEMENT, {"match_group": 1, "benefit": "other"}, {"jobcentre": "580"}],
    ids=["drawn", "waiting", "ineligible", "unknown jobcentre"],
)
def test_the_same_screening_again_is_the_same_answer(
    register: Register, trial: str, everywhere: Client, changes: dict[str, Any]
) -> None:
    """Api.md: 200; by whichever client, however it is spelt."""
    body = register.screening(circumstances=["terminal_illness", "pension_case_started"], **changes)
    first = everywhere.post(at(trial), body)
    assert first.status_code == 201
    hyphened = f"{body['cpr'][:6]}-{body['cpr'][6:]}"
    spellings = [
        body,
        {**body, "cpr": hyphened},
        {**body, "circumstances": ["pension_case_started", "terminal_illness", "pension_case_started"]},
        {**body, "contact_person": None, "target_group": None},
    ]
    for spelling in spellings:
        again = everywhere.post(at(trial), spelling)
        assert (again.status_code, again.json()) == (200, first.json())
    other_client = register.case_system(body["jobcentre"], client_id="another-system").post(at(trial), body)
    assert (other_client.status_code, other_client.json()) == (200, first.json())
    assert count_of(register, "screening", trial) == 1


OTHER_FACTS: list[dict[str, Any]] = [
    {"channel": "rematch"},
    {"at_job_interview": False},
    {"match_group": 1},
    {"benefit": "start_benefit"},
    {"benefit": "other"},
    {"unemployed_since": "2010-10-02"},
    {"circumstances": ["in_stu"]},
    {"exempt_from": "activation"},
]


@pytest.mark.parametrize("other", OTHER_FACTS, ids=str)
def test_other_facts_about_someone_drawn(
    register: Register, trial: str, everywhere: Client, other: dict[str, Any]
) -> None:
    """Api.md: 409 ``already_drawn``; on the same day or another; nothing changes."""
    body = register.screening(unemployed_since="2010-10-01")
    first = everywhere.post(at(trial), body).json()
    for day in ("2010-11-08", "2010-11-15"):
        response = everywhere.post(at(trial), {**body, **other, "interview_on": day})
        assert refusal(response) == (409, "already_drawn")
    assert everywhere.post(at(trial), body).json() == first
    assert count_of(register, "screening", trial) == 1
    assert count_of(register, "assignment", trial) == 1


def test_someone_drawn_is_drawn_once_whatever_the_day(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.3: one draw per person and trial, for ever; it survives the exit."""
    body = register.screening()
    participant = everywhere.post(at(trial), body).json()["participant_id"]
    exit_event = {"external_id": record_id(), "participant_id": participant, "kind": "exit", "reason": "job"}
    everywhere.push(trial, "presence-events", [{**exit_event, "date": "2010-12-01"}])
    response = everywhere.post(at(trial), {**body, "interview_on": "2011-02-01"})
    assert refusal(response) == (409, "already_drawn")


@pytest.mark.parametrize("other", OTHER_FACTS[1:], ids=str)
def test_other_facts_about_someone_waiting_on_the_same_day(
    register: Register, trial: str, everywhere: Client, other: dict[str, Any]
) -> None:
    """Domain 3.1: a conflict."""
    body = register.screening(**SUPPLEMENT)
    participant = everywhere.post(at(trial), body).json()["participant_id"]
    assert refusal(everywhere.post(at(trial), {**body, **other})) == (409, "screening_conflict")
    assert everywhere.get(at(trial, participant)).json()["state"] == "waiting"
    assert count_of(register, "screening", trial) == 1


@pytest.mark.parametrize("other", [{"match_group": 2}, {"benefit": "other"}], ids=["now eligible", "another failure"])
def test_other_facts_about_someone_ineligible_on_the_same_day(
    register: Register, trial: str, everywhere: Client, other: dict[str, Any]
) -> None:
    """Domain 3.1: a conflict, as far as the codes kept can tell."""
    body = register.screening(match_group=1)
    first = everywhere.post(at(trial), body).json()
    assert refusal(everywhere.post(at(trial), {**body, **other})) == (409, "screening_conflict")
    assert everywhere.post(at(trial), body).json() == first


def test_someone_ineligible_today_may_be_eligible_later(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.1: a new ``interview_on`` is a new screening; the older ones stay what they were."""
    body = register.screening(exempt_from="both")
    first = everywhere.post(at(trial), body)
    second = everywhere.post(at(trial), {**body, "interview_on": "2010-11-15"})
    third_body = {**body, "exempt_from": "none", "interview_on": "2010-11-22"}
    third = everywhere.post(at(trial), third_body)
    assert [response.status_code for response in (first, second, third)] == [201, 201, 201]
    assert first.json() == second.json()
    assert third.json()["assignment"]["assigned_on"] == "2010-11-22"
    assert everywhere.post(at(trial), body).json() == first.json()
    assert everywhere.post(at(trial), third_body).json() == third.json()


def test_a_later_screening_replaces_a_waiting_one(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.2: the candidate stays the same participant, and counts in the new week."""
    body = register.screening(**SUPPLEMENT, contact_person="Lis Holm")
    participant = everywhere.post(at(trial), body).json()["participant_id"]
    later = {**body, "interview_on": "2010-11-16", "unemployed_since": "2010-10-05"}
    del later["contact_person"]
    response = everywhere.post(at(trial), later)
    assert response.status_code == 201
    assert response.json() == {"participant_id": participant, "eligible": True, "failures": [], "assignment": None}
    view = everywhere.get(at(trial, participant)).json()
    assert (view["interview_on"], view["state"]) == ("2010-11-16", "waiting")
    assert view["contact_person"] == "Lis Holm", "nobody said that this has changed"
    drawn = everywhere.post(at(trial, participant, "assignment"))
    assert drawn.json()["assigned_on"] == "2010-11-16"


def test_a_waiting_one_may_be_drawn_by_a_later_screening(register: Register, trial: str, everywhere: Client) -> None:
    body = register.screening(**SUPPLEMENT)
    participant = everywhere.post(at(trial), body).json()["participant_id"]
    rematched = everywhere.post(at(trial), {**body, "interview_on": "2010-11-16", "channel": "rematch"})
    assert rematched.status_code == 201
    assert rematched.json()["participant_id"] == participant
    assert rematched.json()["assignment"]["assigned_on"] == "2010-11-16"
    view = everywhere.get(at(trial, participant)).json()
    assert (view["channel"], view["arm"]) == ("rematch", rematched.json()["assignment"]["arm"])


def test_a_waiting_one_found_ineligible_waits_no_longer(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.1, 3.2: and blocks nobody; eligible again, the person is the same participant."""
    body = register.screening(**SUPPLEMENT)
    participant = everywhere.post(at(trial), body).json()["participant_id"]
    ineligible = everywhere.post(at(trial), {**body, "interview_on": "2010-11-09", "match_group": 3})
    assert ineligible.status_code == 201
    assert codes(ineligible.json()) == ["not_match_group_2"]
    assert ineligible.json()["participant_id"] is None
    assert everywhere.get(at(trial, participant)).json()["state"] == "ineligible"
    assert refusal(everywhere.post(at(trial, participant, "assignment"))) == (409, "not_waiting")
    assert refusal(everywhere.post(at(trial, participant, "withdrawal"), {"reason": "job"})) == (409, "not_waiting")
    elsewhere = {**body, "jobcentre": "860", "interview_on": "2010-11-09"}
    assert everywhere.post(at(trial), elsewhere, dry_run="true").json()["eligible"] is True
    again = everywhere.post(at(trial), {**body, "interview_on": "2010-11-10"})
    assert (again.status_code, again.json()["participant_id"]) == (201, participant)
    assert everywhere.post(at(trial, participant, "assignment")).status_code == 201


def test_trials_know_nothing_of_each_other(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.3: one draw per person *and trial*."""
    body = register.screening()
    first = everywhere.post(at(trial), body)
    second = everywhere.post(at(register.new_trial()), {**body, "jobcentre": "860", "match_group": 2})
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json()["assignment"] is not None
    assert second.json()["participant_id"] != first.json()["participant_id"]
