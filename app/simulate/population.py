"""People of the trial and their screenings (domain 3.1, 3.2), from a seed."""

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random

from app.domain.rules.calendar import add_months, monday_of
from app.simulate.jobcentres import JOBCENTRES, NEIGHBOUR, sizes
from app.simulate.model import Body, PlannedScreening, Population, SimulatedPerson, Value
from app.simulate.scenarios import PRVIJ, Scenario

FAILURE_SHARE, SUPPLEMENT_SHARE, REMATCH_SHARE, STRANGER_SHARE = 0.007, 0.12, 0.28, 0.06
MIN_PEOPLE = 40
REPEATED, CONFLICTING, SCREENED_AGAIN, WITHDRAWN = 0.03, 0.006, 0.4, 0.15


def make_population(people: int, seed: int, scenario: Scenario = PRVIJ) -> Population:
    """Generate ``people`` people who are screened, and some more that only the register knows."""
    rng = Random(f"{seed}/population")
    used: set[str] = set()
    codes = [code for code, count in sizes(people).items() for _ in range(count)]
    rng.shuffle(codes)
    everyone: list[SimulatedPerson] = []
    screenings: list[PlannedScreening] = []
    for index, (role, code) in enumerate(zip(_roles(rng, people, scenario), codes, strict=True)):
        day = _interview_day(rng, scenario, role)
        person = SimulatedPerson(index, _new_cpr(rng, _birthday(rng, role, day), used))
        everyone.append(person)
        screenings += _screenings(rng, scenario, person, role, code, day)
    strangers = tuple(
        SimulatedPerson(people + extra, _new_cpr(rng, _birthday(rng, "new_match", scenario.intake_from), used))
        for extra in range(max(2, round(people * STRANGER_SHARE)))
    )
    screenings.sort(key=lambda screening: (screening.sent_on, screening.sender, screening.person.index))
    return Population(tuple(everyone), tuple(screenings), strangers)


def _roles(rng: Random, people: int, scenario: Scenario) -> list[str]:
    """Return the roles: a failure, ``turns_20``, ``supplement``, ``rematch`` or ``new_match``; every failure occurs."""
    roles = [code for code in scenario.failures for _ in range(max(1, round(people * FAILURE_SHARE)))]
    roles += ["turns_20"]
    if scenario.supplement:
        roles += ["supplement"] * max(2, round(people * SUPPLEMENT_SHARE))
    rest = people - len(roles)
    rematched = round(rest * REMATCH_SHARE) if scenario.matched else 0
    roles += ["rematch"] * rematched + ["new_match"] * (rest - rematched)
    rng.shuffle(roles)
    return roles


def _interview_day(rng: Random, scenario: Scenario, role: str) -> date:
    """Choose a weekday of the intake period without the Christmas week; outside it for that failure."""
    if role == "outside_intake_period":
        return rng.choice(scenario.outside)
    if role == "supplement":  # candidates come in few weeks, so that some weeks have several of them
        week = scenario.intake_from + timedelta(days=28 * rng.randrange(5) + 14)
        return week + timedelta(days=rng.randrange(5))
    if role == "unemployed_too_long" and not scenario.supplement:  # asked of the first intake week only
        return scenario.first_week + timedelta(days=rng.randrange(5))
    last = scenario.intake_to
    if role == "not_available":  # the second interview is inside, too
        last -= timedelta(days=28)
    while True:
        day = scenario.intake_from + timedelta(days=rng.randrange((last - scenario.intake_from).days + 1))
        christmas = date(2010, 12, 24) <= day <= date(2010, 12, 31)
        if day.weekday() < 5 and not christmas:
            return day


def _birthday(rng: Random, role: str, day: date) -> date:
    """Choose a birthday: 20 to 59 years old at the interview, or the age of the role."""
    if role == "turns_20":
        return add_months(day, -240)
    if role == "under_20":
        return add_months(day, -240) + timedelta(days=rng.randrange(1, 700))
    return add_months(day, -240) - timedelta(days=int(rng.triangular(0, 14_600, 3_000)))


def _new_cpr(rng: Random, born: date, used: set[str]) -> str:
    """Make an unused synthetic CPR number (day + 60) of a birth in the 1900s (7th digit 0–3; 4 and 9 from 1937)."""
    while True:
        century = rng.choice("012349" if born.year >= 1937 else "0123")
        cpr = f"{born.day + 60:02d}{born:%m%y}{century}{rng.randrange(1000):03d}"
        if cpr not in used:
            used.add(cpr)
            return cpr


def _screenings(
    rng: Random, scenario: Scenario, person: SimulatedPerson, role: str, code: str, day: date
) -> list[PlannedScreening]:
    """Return all screenings of one person: the first, and those that follow from it."""
    failures = frozenset({role} & set(scenario.failures)) - {"not_available"}
    body = _facts(rng, scenario, person, role, code, day)
    if scenario.matched and failures and "wrong_benefit" not in failures and rng.random() < 0.25:
        body["benefit"] = "sickness_benefit"
        failures |= {"wrong_benefit"}
    sender = NEIGHBOUR[0] if role == "unknown_jobcentre" else code
    withdrawal = None
    if role == "supplement" and rng.random() < WITHDRAWN:
        withdrawal = rng.choice(["job", "moved", "not_interviewed", "entered_in_error"])
    first = PlannedScreening(person, sender, day, body, failures, withdrawal=withdrawal)
    return [first, *_repeated(rng, first), *_later_interviews(rng, scenario, first, role)]


def _facts(rng: Random, scenario: Scenario, person: SimulatedPerson, role: str, code: str, day: date) -> Body:
    """Return the body of a screening: eligible, apart from the failure of the role."""
    body: Body = {
        "cpr": person.cpr,
        "jobcentre": NEIGHBOUR[1] if role == "unknown_jobcentre" else code,
        "interview_on": day.isoformat(),
        **scenario.screening_facts(rng, role, day),
    }
    if rng.random() < 0.9:
        body["contact_person"] = f"KP-{code}-{rng.randrange(1, 6)}"
    return body


def _repeated(rng: Random, first: PlannedScreening) -> list[PlannedScreening]:
    """Return the same screening repeated, or with other facts after the draw (409)."""
    plain = not first.failures and first.body.get("channel") != "supplement"
    luck = rng.random()
    later = _workday(first.sent_on + timedelta(days=rng.randrange(4)))
    if luck < REPEATED and first.withdrawal is None:
        return [PlannedScreening(first.person, first.sender, later, first.body, first.failures)]
    if plain and luck < REPEATED + CONFLICTING:
        body = {**first.body, **_changed_fact(first.body)}
        return [PlannedScreening(first.person, first.sender, later, body, conflicts=True)]
    return []


def _changed_fact(body: Mapping[str, Value]) -> Body:
    """Change a fact of the person that no rule depends on."""
    if body.get("channel") is None:
        return {"circumstances": ["in_stu"] if not body.get("circumstances") else []}
    return {"benefit": "start_benefit" if body["benefit"] == "cash_benefit" else "cash_benefit"}


def _later_interviews(rng: Random, scenario: Scenario, first: PlannedScreening, role: str) -> list[PlannedScreening]:
    """Return a new interview: after a temporary failure, of a candidate not drawn, or in another jobcentre."""
    weeks = timedelta(days=7 * rng.randrange(1, 5))
    day, other_code = first.sent_on + weeks, rng.choice([p.code for p in JOBCENTRES if p.code != first.sender])
    if role == "not_available":
        return [_new_interview(rng, scenario, first, other_code, day, frozenset({role}))]
    if day > scenario.intake_to or first.failures - scenario.passing:
        return []
    if first.withdrawal == "moved":
        return [_new_interview(rng, scenario, first, other_code, day)]
    if role in scenario.passing and rng.random() < 0.5:
        return [_new_interview(rng, scenario, first, first.sender, day)]
    if role == "supplement" and first.withdrawal is None and rng.random() < SCREENED_AGAIN:
        day = first.sent_on + timedelta(days=7)
        body = {**first.body, "interview_on": day.isoformat()}
        return [PlannedScreening(first.person, first.sender, day, body, only_if_waiting=True)]
    return []


def _new_interview(
    rng: Random,
    scenario: Scenario,
    first: PlannedScreening,
    code: str,
    day: date,
    failures: frozenset[str] = frozenset(),
) -> PlannedScreening:
    return PlannedScreening(
        first.person, code, day, _facts(rng, scenario, first.person, "new_match", code, day), failures
    )


def _workday(day: date) -> date:
    return day if day.weekday() < 5 else monday_of(day) + timedelta(days=7)
