"""Who is screened, and how it should end (domain 3.1)."""

from collections import Counter
from datetime import date

import pytest

from app.domain.rules.calendar import age_on
from app.simulate.jobcentres import BY_CODE, JOBCENTRES, sizes
from app.simulate.model import PlannedScreening, Population
from app.simulate.population import MIN_PEOPLE, make_population
from app.simulate.scenarios import PRVIJ, SCENARIOS, Scenario


@pytest.fixture(scope="module")
def population() -> Population:
    return make_population(300, 7)


def born(cpr: str) -> date:
    return date(1900 + int(cpr[4:6]), int(cpr[2:4]), int(cpr[:2]) - 60)


def by_code(population: Population, code: str) -> list[PlannedScreening]:
    return [screening for screening in population.screenings if code in screening.failures]


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    assert make_population(300, 7) == make_population(300, 7)
    assert make_population(300, 7) != make_population(300, 8)


def test_cpr_numbers_are_synthetic_and_unique(population: Population) -> None:
    numbers = [person.cpr for person in (*population.people, *population.strangers)]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        assert len(number) == 10
        assert 61 <= int(number[:2]) <= 91
        assert born(number).year < 2000
        assert number[6] in ("012349" if int(number[4:6]) >= 37 else "0123"), "the 7th digit says 1900s"


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
@pytest.mark.parametrize("people", [MIN_PEOPLE, 300, 3000])
def test_every_failure_occurs(people: int, scenario: Scenario) -> None:
    population = make_population(people, 1, scenario)
    assert len(population.people) == people
    assert all(by_code(population, code) for code in scenario.failures)
    failing = {screening.person.index for screening in population.screenings if screening.failures}
    assert people == MIN_PEOPLE or len(failing) < people / 8


def test_nearly_everyone_is_20_and_someone_turns_20_on_the_day(population: Population) -> None:
    ages = [age_on(born(str(s.body["cpr"])), s.interview_on) for s in population.screenings]
    young = {s.person.index for s, age in zip(population.screenings, ages, strict=True) if age < 20}
    assert young == {s.person.index for s in by_code(population, "under_20")}
    birthdays = [
        s for s in population.screenings if (b := born(s.person.cpr)).replace(year=b.year + 20) == s.interview_on
    ]
    assert any(not screening.failures for screening in birthdays)


def test_interviews_are_on_weekdays_within_the_intake_period_but_for_those_that_are_not(population: Population) -> None:
    for screening in population.screenings:
        inside = PRVIJ.intake_from <= screening.interview_on <= PRVIJ.intake_to
        assert inside == ("outside_intake_period" not in screening.failures)
        assert screening.interview_on.weekday() < 5
        assert screening.interview_on <= screening.sent_on
        assert screening.sent_on.weekday() < 5


def test_not_available_is_who_was_screened_eligible_elsewhere_before(population: Population) -> None:
    for second in by_code(population, "not_available"):
        firsts = [s for s in population.screenings if s.person == second.person and s.sent_on < second.sent_on]
        assert firsts
        assert not firsts[0].failures
        assert firsts[0].sender != second.sender


def test_screenings_come_in_the_order_of_days_and_from_all_jobcentres(population: Population) -> None:
    days = [screening.sent_on for screening in population.screenings]
    assert days == sorted(days)
    assert {screening.sender for screening in population.screenings} == set(BY_CODE)
    senders = Counter(s.sender for s in population.screenings if s.body["jobcentre"] != s.sender)
    assert senders == {"370": len(by_code(population, "unknown_jobcentre"))}


def test_the_population_has_all_channels_repeats_conflicts_and_withdrawals(population: Population) -> None:
    channels = Counter(screening.body["channel"] for screening in population.screenings)
    assert channels.keys() == {"new_match", "rematch", "supplement"}
    bodies = Counter(str(sorted(s.body.items(), key=str)) for s in population.screenings)
    assert max(bodies.values()) == 2
    assert any(screening.conflicts for screening in population.screenings)
    assert any(screening.withdrawal for screening in population.screenings)
    assert any(screening.only_if_waiting for screening in population.screenings)


def test_the_jobcentres_are_the_eighteen_of_the_trial_with_the_published_shares() -> None:
    published = [83, 86, 91, 89, 93, 87, 69, 71, 77, 80, 86, 94, 91, 91, 89, 80, 74, 69]
    assert sorted(round(100 * place.conversations) for place in JOBCENTRES) == sorted(published)
    assert (BY_CODE["450"].conversations, BY_CODE["849"].conversations) == (0.94, 0.93)
    assert Counter(place.region for place in JOBCENTRES) == {
        "nord": 2,
        "midtjylland": 6,
        "syddanmark": 4,
        "hovedstaden_sjaelland": 6,
    }
    pooled = sum(place.size * place.conversations for place in JOBCENTRES) / sum(place.size for place in JOBCENTRES)
    assert pooled == pytest.approx(0.825, abs=0.002)
    assert sum(sizes(3000).values()) == 3000
    assert sum(sizes(301).values()) == 301
