"""Supplement candidates (domain 3.2): weekly target, order of draws, and ties."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.register import JOBCENTRES, Client, Clock, Register
from tests.routers.participants.screening.common import NOBODY, SUPPLEMENT, at, candidate, refusal


def small_trial(register: Register, target: int) -> str:
    return register.new_trial(jobcentres=[{**each, "weekly_target": target} for each in JOBCENTRES])


def test_a_supplement_candidate_waits_for_a_draw_of_their_own(
    register: Register, trial: str, everywhere: Client
) -> None:
    """Domain 3.2; api.md: 201 with the assignment, and 200 with the same for ever after."""
    body = register.screening(**SUPPLEMENT, interview_on="2010-11-10")
    answer = everywhere.post(at(trial), body).json()
    participant = answer["participant_id"]
    assert answer == {"participant_id": participant, "eligible": True, "failures": [], "assignment": None}
    view = everywhere.get(at(trial, participant)).json()
    assert (view["state"], view["arm"], view["assigned_on"], view["programme_week"]) == ("waiting", None, None, None)
    path = at(trial, participant, "assignment")
    assert refusal(everywhere.get(path)) == (404, "not_found")
    assert refusal(everywhere.get(at(trial, participant, "weeks"))) == (404, "not_found")
    drawn = everywhere.post(path)
    assert drawn.status_code == 201
    assert drawn.json().keys() == {"arm", "assigned_on", "drawn_at"}
    assert drawn.json()["assigned_on"] == "2010-11-10"
    for again in (everywhere.post(path), everywhere.get(path)):
        assert (again.status_code, again.json()) == (200, drawn.json())
    view = everywhere.get(at(trial, participant)).json()
    assert (view["arm"], view["assigned_on"]) == (drawn.json()["arm"], "2010-11-10")
    again = everywhere.post(at(trial), body)
    assert (again.status_code, again.json()["participant_id"]) == (200, participant)
    assert refusal(everywhere.post(at(trial), {**body, "exempt_from": "activation"})) == (409, "already_drawn")


def test_the_draw_of_someone_drawn_at_the_screening_is_that_draw(
    register: Register, trial: str, everywhere: Client
) -> None:
    """Api.md: of anyone drawn 200, the same."""
    answer = register.screen(trial)
    again = everywhere.post(at(trial, answer["participant_id"], "assignment"))
    assert (again.status_code, again.json()) == (200, answer["assignment"])


def test_the_intake_of_a_week_is_everyone_drawn_there_in_that_week(register: Register, everywhere: Client) -> None:
    """Domain 3.2: both arms (with four draws there are two) and every channel, by the ISO week of the interview."""
    trial = small_trial(register, target=4)
    waiting = [candidate(register, trial, f"2010-10-{day}", interview_on="2010-11-14") for day in (20, 19, 18)]
    # None of these is of this jobcentre and week.
    register.drawn(trial, jobcentre="860", interview_on="2010-11-10")
    register.drawn(trial, interview_on="2010-11-15")
    candidate(register, trial, "2010-10-25", interview_on="2010-11-15")
    candidate(register, trial, "2010-10-25", jobcentre="450")
    register.screen(trial, match_group=1)
    # These are.
    arms = [register.screen(trial, interview_on="2010-11-08")["assignment"]["arm"] for _ in range(2)]
    arms.append(register.screen(trial, interview_on="2010-11-14", channel="rematch")["assignment"]["arm"])
    first = everywhere.post(at(trial, waiting[0], "assignment"))
    assert first.status_code == 201
    assert {*arms, first.json()["arm"]} == {"treatment", "control"} or arms.count(arms[0]) == 3
    for late in waiting[1:]:
        # The target is looked at first: for the last of them another candidate would be ahead, too.
        response = everywhere.post(at(trial, late, "assignment"))
        assert refusal(response) == (409, "intake_sufficient")
        assert everywhere.get(at(trial, late)).json()["state"] == "waiting"
    assert everywhere.post(at(trial, waiting[0], "assignment")).status_code == 200
    # A new match is drawn whatever the target.
    assert register.screen(trial, interview_on="2010-11-08")["assignment"] is not None


def test_the_target_follows_from_the_agreed_number(register: Register, everywhere: Client) -> None:
    """Domain 3.2: ceil(2 × agreed / ISO weeks of the intake period); here ceil(2 × 2 / 3) = 2."""
    trial = register.new_trial(
        jobcentres=[{**JOBCENTRES[0], "agreed_participants": 2}], intake_from="2010-11-10", intake_to="2010-11-22"
    )
    waiting = [candidate(register, trial, f"2010-10-{day}", interview_on="2010-11-10") for day in (20, 19, 18)]
    answers = [everywhere.post(at(trial, each, "assignment")) for each in waiting]
    assert [response.status_code for response in answers] == [201, 201, 409]
    assert refusal(answers[2]) == (409, "intake_sufficient")


def test_a_target_of_nobody_takes_no_supplement(register: Register, everywhere: Client) -> None:
    trial = small_trial(register, target=0)
    waiting = candidate(register, trial, "2010-10-20")
    assert refusal(everywhere.post(at(trial, waiting, "assignment"))) == (409, "intake_sufficient")


def test_the_shortest_unemployment_is_drawn_first(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.2: saying how many are ahead; whoever is drawn or withdrawn is ahead of nobody."""
    days = ["2010-10-01", "2010-10-15", "2010-10-31", "2010-10-20"]
    longest, third, shortest, second = (candidate(register, trial, day) for day in days)
    # Others' weeks and jobcentres do not matter.
    candidate(register, trial, "2010-11-01", jobcentre="860")
    candidate(register, trial, "2010-11-01", interview_on="2010-11-15")

    def draw(participant: str) -> Any:
        return everywhere.post(at(trial, participant, "assignment"))

    for participant, ahead in ((longest, 3), (third, 2), (second, 1)):
        response = draw(participant)
        assert refusal(response) == (409, "supplement_order")
        assert response.json()["ahead"] == ahead
        assert str(ahead) in response.json()["detail"]
    assert draw(shortest).status_code == 201
    assert draw(longest).json()["ahead"] == 2
    everywhere.post(at(trial, second, "withdrawal"), {"reason": "job"})
    assert draw(longest).json()["ahead"] == 1
    assert draw(third).status_code == 201
    assert draw(longest).status_code == 201


def test_ties_go_to_the_one_registered_first(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.2; sent again, a screening keeps its place."""
    body = register.screening(**SUPPLEMENT)
    first = everywhere.post(at(trial), body).json()["participant_id"]
    second = candidate(register, trial, "2010-10-01")
    assert everywhere.post(at(trial), body).status_code == 200
    response = everywhere.post(at(trial, second, "assignment"))
    assert (refusal(response), response.json()["ahead"]) == ((409, "supplement_order"), 1)
    assert everywhere.post(at(trial, first, "assignment")).status_code == 201
    assert everywhere.post(at(trial, second, "assignment")).status_code == 201


@pytest.mark.parametrize("withdrawn", [False, True], ids=["replaced", "withdrawn and back"])
def test_a_later_screening_takes_a_new_place_among_ties(
    register: Register, trial: str, everywhere: Client, withdrawn: bool
) -> None:
    """Domain 3.2."""
    body = register.screening(**SUPPLEMENT)
    first = everywhere.post(at(trial), body).json()["participant_id"]
    second = candidate(register, trial, "2010-10-01")
    if withdrawn:
        everywhere.post(at(trial, first, "withdrawal"), {"reason": "not_interviewed"})
    assert everywhere.post(at(trial), {**body, "interview_on": "2010-11-09"}).status_code == 201
    response = everywhere.post(at(trial, first, "assignment"))
    assert (refusal(response), response.json()["ahead"]) == ((409, "supplement_order"), 1)
    assert everywhere.post(at(trial, second, "assignment")).status_code == 201
    assert everywhere.post(at(trial, first, "assignment")).status_code == 201


def test_a_candidate_moves_to_the_week_of_the_later_screening(
    register: Register, trial: str, everywhere: Client
) -> None:
    """Domain 3.2: and is ahead of nobody in the week before."""
    body = register.screening(**SUPPLEMENT)
    everywhere.post(at(trial), body)
    second = candidate(register, trial, "2010-09-01")
    assert refusal(everywhere.post(at(trial, second, "assignment"))) == (409, "supplement_order")
    everywhere.post(at(trial), {**body, "interview_on": "2010-11-15"})
    assert everywhere.post(at(trial, second, "assignment")).status_code == 201


def test_a_candidate_may_be_drawn_after_the_week(
    register: Register, trial: str, everywhere: Client, clock: Clock
) -> None:
    """Domain 3.2: ``assigned_on`` stays the day of the interview, and the week that counts is that of the interview."""
    clock.now = datetime(2010, 11, 12, 12, tzinfo=UTC)
    waiting = candidate(register, trial, "2010-10-20", interview_on="2010-11-12")
    clock.now = datetime(2010, 12, 20, 12, tzinfo=UTC)
    drawn = everywhere.post(at(trial, waiting, "assignment"))
    assert (drawn.status_code, drawn.json()["assigned_on"]) == (201, "2010-11-12")


def test_the_draw_of_nobody(register: Register, trial: str, everywhere: Client) -> None:
    waiting = candidate(register, trial, "2010-10-20")
    elsewhere = register.new_trial()
    for response in (
        everywhere.post(at(trial, NOBODY, "assignment")),
        everywhere.post(at(elsewhere, waiting, "assignment")),
        register.case_system("860").post(at(trial, waiting, "assignment")),
    ):
        assert refusal(response) == (404, "not_found")
    assert everywhere.post(at(trial, "someone", "assignment")).status_code == 422
    assert everywhere.get(at(trial, waiting)).json()["state"] == "waiting"
