"""The rules against the slow reference (tests/reference), which was written from domain.md alone.

Where the two differ, one of them is wrong, and domain.md decides which. Seeded people are many and mixed; the cases of
hypothesis are fewer, and a failure of theirs shrinks to a few lines.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date, timedelta
from random import Random
from typing import Any, TypeVar, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.figures.contacts import contacts_of, required_of, with_requirements
from app.domain.figures.counts import add_up, count, cumulated
from app.domain.figures.report_types import Group
from app.domain.figures.summary import (
    SummaryRow,
    by_person_of,
    codes_of,
    conditions_of,
    figures_of,
    grant_of,
    summary_rows,
)
from app.domain.protocol import Protocol
from app.domain.rules.calendar import monday_of_code, week_code
from app.domain.rules.eligibility import failures_of, weekly_target
from app.domain.rules.warnings import ENFORCED_CODES
from app.domain.rules.weeks import as_seen_on, judge
from app.domain.screening import Benefit, Circumstance, ExemptFrom, Screening, Terms
from app.protocols import protocols
from app.web.identifiers import parse_cpr
from tests.domain.build import codes_for, history_of
from tests.domain.rules.test_examples import as_written
from tests.reference import door, eligibility, figures
from tests.reference.generate import (
    TRIAL_DATES,
    activation_records,
    cases,
    conversation_records,
    populations,
    random_person,
)
from tests.reference.weeks import Person, Record, judged_weeks, weeks
from tests.thorough import so_many

PROTOCOLS = list(protocols())
LONG_PAST = "2026-01-01"
BY = ("jobcentre", "region", "trial")
T = TypeVar("T")
Case = tuple[str, Person, str]
"""Last day of the trial, person, today."""
Population = tuple[dict[str, Any], list[dict[str, Any]], str, str]
"""Trial, people, week, today."""

pytestmark = pytest.mark.parametrize("protocol_id", PROTOCOLS)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=so_many(1_000))


def quick_and_slow(quick: int, slow: int) -> pytest.MarkDecorator:
    """So many seeds in the quick suite, and so many more of other values, or a share of them, in the slow one."""
    slow = so_many(slow)
    return pytest.mark.parametrize(
        "seeds",
        [
            pytest.param(range(quick), id=f"{quick}"),
            pytest.param(range(quick, quick + slow), id=f"{slow}", marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
        ],
    )


searches = pytest.mark.parametrize(
    "search",
    [
        pytest.param(FEW, id="few"),
        pytest.param(MANY, id="many", marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)


def for_all(
    search: settings, protocol_id: str, strategy: st.SearchStrategy[T], check: Callable[[str, T], object]
) -> None:
    """Holds a check against what hypothesis grows."""

    @search
    @given(strategy)
    def one(case: T) -> None:
        check(protocol_id, case)

    one()


def random_case(protocol_id: str, seed: int) -> Case:
    """A person from a seed; the trial ends now and then in mid-week or early, today is after it or in the middle."""
    rng = Random(f"case:{protocol_id}:{seed}")
    usual_end = date.fromisoformat(TRIAL_DATES[protocol_id][2])
    ends_on = usual_end + timedelta(days=rng.choice([0, 0, 0, rng.randint(-10, 10), rng.randint(-360, 0)]))
    person = random_person(protocol_id, seed, ends_on.isoformat())
    assigned_on = date.fromisoformat(person["interview_on"])
    early, middle = rng.randint(0, 15), rng.randint(0, (ends_on - assigned_on).days + 20)
    today = assigned_on + timedelta(days=rng.choice([early, middle, middle]))
    return ends_on.isoformat(), person, rng.choice([LONG_PAST, today.isoformat()])


# --- weeks (domain 4) -------------------------------------------------------------------------------------------------


def check_weeks(protocol_id: str, case: Case) -> None:
    ends_on, person, today = case
    history = history_of(person)
    judged = judge(protocols()[protocol_id], date.fromisoformat(ends_on), history)
    seen = as_seen_on(protocols()[protocol_id], judged, date.fromisoformat(today))
    assert [as_written(week) for week in seen] == weeks(protocol_id, ends_on, person, today)


def test_weeks_of_many(protocol_id: str) -> None:
    """More of them, and of the made-up protocol: ``test_agreement``."""
    for seed in range(100):
        check_weeks(protocol_id, random_case(protocol_id, seed))


@searches
def test_weeks(protocol_id: str, search: settings) -> None:
    for_all(search, protocol_id, cases(protocol_id), check_weeks)


# --- the door (domain 4.8) --------------------------------------------------------------------------------------------


def check_door(protocol_id: str, ends_on: str, person: Person, kind: str, record: Record) -> list[str]:
    """Holds one more record against the person, and gives the codes."""
    protocol = protocols()[protocol_id]
    codes = codes_for(protocol, date.fromisoformat(ends_on), person, kind, record)
    assert codes == door.warnings(protocol_id, ends_on, person, kind, record, LONG_PAST)
    assert [code for code in codes if code in ENFORCED_CODES] == door.refused_with(codes)
    return codes


@quick_and_slow(80, 2_400)
def test_door_of_many(protocol_id: str, seeds: range) -> None:
    """Some of the person's own records, each as if it were the last to arrive, and calls beside some talks."""
    found: Counter[str] = Counter()
    for seed in seeds:
        ends_on, person, _ = random_case(protocol_id, seed)
        rng = Random(f"door:{seed}")
        for kind in ("conversations", "activations"):
            if person[kind]:
                record = rng.choice(person[kind])
                others = {**person, kind: [other for other in person[kind] if other is not record]}
                found.update(check_door(protocol_id, ends_on, others, kind, record))
        for talk in rng.sample(person["conversations"], min(2, len(person["conversations"]))):
            call = {"date": talk["date"], "form": "telephone", "status": rng.choice(["held", "no_show", "cancelled"])}
            found.update(check_door(protocol_id, ends_on, person, "conversations", call))
    protocol = protocols()[protocol_id]
    expected = {"week_without_number", "external_provider_not_accepted"}
    if protocol.cadence == "weekly":
        expected |= {"conducted_by_mentor", "form_not_accepted", "remote_too_early", "hours_too_few", "starts_late"}
    if protocol.judges_workplace:
        expected |= {"mentor_missing", "not_at_workplace"}
    assert found.keys() >= expected


@searches
def test_door(protocol_id: str, search: settings) -> None:
    def check(protocol_id: str, data: st.DataObject) -> None:
        ends_on, person, _ = data.draw(cases(protocol_id))
        days = date.fromisoformat(person["interview_on"]), date.fromisoformat(ends_on)
        talk = data.draw(conversation_records(protocol_id, *days))
        offer = data.draw(activation_records(protocol_id, *days))
        check_door(protocol_id, ends_on, person, "conversations", talk)
        check_door(protocol_id, ends_on, person, "activations", offer)

    for_all(search, protocol_id, st.data(), check)


# --- the screening (domain 3.1 and 3.2) -------------------------------------------------------------------------------

INTAKE_ABOUT = 20
"""Days before and after the intake period in which interviews lie."""


PICKED = (2, 3, 11)
"""The target groups of a trial that has any."""
RIGHT_BENEFIT = {"aht-2008-sickness": "sickness_benefit"}
UNEMPLOYED_ABOUT = {"aht-2008-flexjob": (35, 120)}
"""Days about which a limit of the time unemployed lies; elsewhere half a year."""


def a_trial(protocol_id: str) -> dict[str, Any]:
    first, last, _ = TRIAL_DATES[protocol_id]
    trial = {"intake_from": first, "intake_to": last, "jobcentres": [{"code": "849"}, {"code": "450"}]}
    return trial | {"target_groups": list(PICKED)}


def cpr_of(born_on: date, rng: Random) -> str:
    """A number of someone born on that day, synthetic or not."""
    year, of_1900 = born_on.year % 100, born_on.year < 2000
    digits = [d for d in range(10) if (d <= 3 or (d in (4, 9) and year >= 37)) == of_1900]
    if not of_1900:
        digits = [d for d in digits if (d in (4, 9) and year <= 36) or (5 <= d <= 8 and year <= 57)]
    day = born_on.day + rng.choice([0, 60])
    return f"{day:02d}{born_on.month:02d}{year:02d}{rng.choice(digits)}{rng.randint(0, 999):03d}"


def random_screening(protocol_id: str, seed: int) -> dict[str, Any]:
    """A screening that is mostly right in each point, with dates about every limit."""
    rng = Random(f"screening:{protocol_id}:{seed}")
    first, last, _ = (date.fromisoformat(day) for day in TRIAL_DATES[protocol_id])
    span = (last - first).days
    interview_on = first + timedelta(
        days=rng.choice([rng.randint(-INTAKE_ABOUT, span + INTAKE_ABOUT), rng.randint(0, span), -1, 0, span, span + 1])
    )
    twenty_before = date(interview_on.year - 20, interview_on.month, min(interview_on.day, 28))
    born_on = twenty_before + timedelta(days=rng.choice([rng.randint(-15_000, 1_500), rng.randint(-4, 4)]))
    limit = interview_on - timedelta(days=rng.choice(UNEMPLOYED_ABOUT.get(protocol_id, (181,))))
    since = min(interview_on, limit + timedelta(days=rng.choice([rng.randint(-400, 180), rng.randint(-8, 8)])))

    def mostly(right: Any, others: Sequence[Any]) -> Any:
        return rng.choice(others) if rng.random() < 0.15 else right

    return {
        "cpr": cpr_of(born_on, rng),
        "jobcentre": mostly("849", ["450", "860"]),
        "interview_on": interview_on.isoformat(),
        "channel": rng.choice(protocols()[protocol_id].channels or (None,)),
        "at_job_interview": mostly(True, [False]),
        "match_group": mostly(2, [1, 3]),
        "benefit": mostly(RIGHT_BENEFIT.get(protocol_id, "cash_benefit"), get_args(Benefit)),
        "unemployed_since": since.isoformat(),
        "circumstances": [
            code
            for code in get_args(Circumstance)
            if rng.random() < (0.9 if code == "referred_to_flexjob" and protocol_id == "aht-2008-flexjob" else 0.05)
        ],
        "target_group": mostly(rng.choice(PICKED), [1, 4, 14]),
        "exempt_from": mostly("none", get_args(ExemptFrom)),
    }


def check_screening(protocol_id: str, screening: dict[str, Any]) -> list[str]:
    """Screens, and gives the codes."""
    trial = a_trial(protocol_id)
    stated = Screening(
        born_on=parse_cpr(screening["cpr"]).born_on,
        jobcentre=screening["jobcentre"],
        interview_on=date.fromisoformat(screening["interview_on"]),
        channel=screening["channel"],
        at_job_interview=screening["at_job_interview"],
        match_group=screening["match_group"],
        benefit=screening["benefit"],
        unemployed_since=date.fromisoformat(screening["unemployed_since"]),
        circumstances=frozenset(screening["circumstances"]),
        exempt_from=screening["exempt_from"],
        target_group=screening["target_group"],
    )
    intake = date.fromisoformat(trial["intake_from"]), date.fromisoformat(trial["intake_to"])
    terms = Terms({"849", "450"}, *intake, PICKED)
    codes = [failure.code for failure in failures_of(protocols()[protocol_id], terms, stated)]
    assert sorted(codes) == eligibility.failures(protocol_id, trial, screening)
    return codes


@quick_and_slow(1_000, 100_000)
def test_screenings_of_many(protocol_id: str, seeds: range) -> None:
    found: Counter[str] = Counter()
    for seed in seeds:
        found.update(check_screening(protocol_id, random_screening(protocol_id, seed)) or ["eligible"])
    rules = {rule.code for rule in protocols()[protocol_id].eligibility}
    assert found.keys() == rules | {"outside_intake_period", "unknown_jobcentre", "eligible"}


@searches
def test_screenings(protocol_id: str, search: settings) -> None:
    screenings = st.integers(0).map(lambda seed: random_screening(protocol_id, seed))
    for_all(search, protocol_id, screenings, check_screening)


def test_weekly_target(protocol_id: str) -> None:
    """Domain 3.2: for every agreed number and many intake periods."""
    first = date.fromisoformat(TRIAL_DATES[protocol_id][0])
    for agreed in range(200):
        for days in range(agreed % 7, 200, 13):
            last = first + timedelta(days=days)
            for given_target in (None, 0, 3):
                jobcentre = {"agreed_participants": agreed, "weekly_target": given_target}
                expected = eligibility.weekly_target(jobcentre, first, last)
                assert weekly_target(given_target, agreed, first, last) == expected


# --- figures (domain 5) -----------------------------------------------------------------------------------------------

STATES = ("counted", "absent", "exempt", "complete", "assignment_week")
SPAN = 3
"""Weeks of a span that is asked for at once."""


@contextmanager
def weeks_judged_once() -> Iterator[None]:
    """Spares the reference's figures judging the same person anew for every row; what they are told stays the same."""
    known: dict[tuple[Any, ...], tuple[Person, list[dict[str, Any]]]] = {}

    def participant_cache(
        protocol_id: str, ends_on: date | str, person: Person, as_of: date | str
    ) -> list[dict[str, Any]]:
        key = (protocol_id, str(ends_on), id(person), str(as_of))
        if key not in known:
            known[key] = person, judged_weeks(protocol_id, ends_on, person, as_of)
        return known[key][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "judged_weeks", participant_cache)
        yield


def as_row(row: SummaryRow, protocol: Protocol) -> dict[str, Any]:
    """A row as api.md names its members."""
    written: dict[str, Any] = {
        "week": week_code(row.monday),
        "group": {name: value for name, value in asdict(row.group).items() if value is not None},
        "arm": row.arm,
        "participants": row.week["participants"],
        "states": {state: row.week[f"state:{state}"] for state in STATES},
        "entries": row.week["entries"],
        "exits": codes_of("exit", row.week),
        **asdict(figures_of(row.week)),
        "forms": codes_of("form", row.week),
        "no_shows": row.week["no_shows"],
        "deviations": codes_of("deviation", row.week),
        "missing_because": codes_of("missing", row.week),
        "cumulative": asdict(figures_of(row.cumulative)),
        "conditions": None if row.conditions is None else asdict(row.conditions),
        "by_person": asdict(by_person_of(row.cumulative)) if row.arm == "treatment" else None,
    }
    if protocol.cadence == "average":
        for place, sums in ((written, row.week), (written["cumulative"], row.cumulative)):
            del place["conversation_rate"], place["conforming_rate"]
            place["contacts_per_four_weeks"] = asdict(contacts_of(sums, row.cumulative))
            place["required_contacts"] = asdict(required_of(sums, row.cumulative))
    return written if row.action_plan is None else {**written, "action_plan": row.action_plan}


def group_of(by: str, jobcentre: dict[str, Any]) -> Group:
    if by == "jobcentre":
        return Group(jobcentre=jobcentre["code"])
    return Group(region=jobcentre["region"]) if by == "region" else Group()


def check_figures(protocol_id: str, population: Population) -> int:
    """Compares the rows of the week and the two before it, and the conditions; gives the number of rows."""
    trial, people, week, today = population
    protocol, ends_on = protocols()[protocol_id], date.fromisoformat(trial["ends_on"])
    parts: dict[tuple[str, Any], list[dict[date, Counter[str]]]] = {}
    for someone in people:
        if not someone.get("duplicate"):
            history = replace(history_of(someone["person"]), target_group=someone.get("target_group"))
            counted = count(protocol, ends_on, history)
            parts.setdefault((someone["jobcentre"], someone["arm"]), []).append(counted)
    required = {
        each["code"]: each.get("required_contacts") or trial.get("required_contacts") for each in trial["jobcentres"]
    }
    numbers = {
        key: {monday: Counter(with_requirements(sums, required[key[0]])) for monday, sums in add_up(several).items()}
        for key, several in parts.items()
    }
    span = [monday_of_code(week) - timedelta(days=7 * back) for back in reversed(range(SPAN))]

    def sums_before(key: tuple[str, Any], monday: date) -> Counter[str]:
        total: Counter[str] = Counter()
        for day, counted in numbers.get(key, {}).items():
            if day < monday:
                total.update(cumulated(counted))
        return total

    compared = 0
    with weeks_judged_once():
        for by in BY:
            groups = {jobcentre["code"]: group_of(by, jobcentre) for jobcentre in trial["jobcentres"]}
            before = {key: sums_before(key, span[0]) for key in numbers}
            rows = summary_rows(protocol, groups, before, numbers, span, date.fromisoformat(today))
            expected = [
                row
                for monday in span
                for row in figures.summary(protocol_id, trial, people, week_code(monday), by, today)
            ]
            assert [as_row(row, protocol) for row in rows] == expected
            compared += len(rows)
        for expectation in figures.conditions(protocol_id, trial, people, week, today):
            sums = sums_before((expectation["jobcentre"], "treatment"), span[-1] + timedelta(days=7))
            conditions = conditions_of(protocol, sums)
            grant = grant_of(protocol, expectation["agreed_participants"], sums)
            rates = asdict(figures_of(sums))
            assert expectation["conditions"] == (None if conditions is None else asdict(conditions))
            assert expectation["sums"].items() <= rates.items()
            assert expectation["rates"].items() <= rates.items()
            assert expectation["grant"] == (None if grant is None else grant.amount_dkk)
            if grant is not None:
                assert expectation["payable"] == grant.payable
                assert expectation["participants_with_conversation"] == grant.first_conversations
    return compared


def random_population(protocol_id: str, seed: int) -> Population:
    """Eight people or fewer in three jobcentres, from a seed, and a week that is over or running."""
    rng = Random(f"population:{protocol_id}:{seed}")
    first, last, ends_on = TRIAL_DATES[protocol_id]
    places = [("849", "nord"), ("860", "nord"), ("450", "syddanmark")]
    trial: dict[str, Any] = {
        "intake_from": first,
        "intake_to": last,
        "ends_on": ends_on,
        "jobcentres": [
            {"code": code, "name": code, "region": region, "agreed_participants": rng.randint(0, 3)}
            | {"external_provider_talks": rng.random() < 0.7}
            for code, region in places
        ],
    }
    one_arm = protocols()[protocol_id].design == "one_arm"
    if one_arm:
        trial |= {"required_contacts": 2, "target_groups": list(PICKED)}
        trial["jobcentres"][0]["required_contacts"] = {"2": 1, "3": 2, "11": 4}
    people: list[dict[str, Any]] = [
        {
            "jobcentre": rng.choice(["849", "849", "860", "450"]),
            "arm": "treatment" if one_arm else rng.choice(["treatment", "treatment", "control"]),
            "duplicate": rng.random() < 0.1,
            "person": random_person(protocol_id, 1_000 * seed + index),
        }
        | ({"target_group": rng.choice(PICKED)} if one_arm else {})
        for index in range(rng.randint(1, 8))
    ]
    for someone in people:
        jobcentre = next(each for each in trial["jobcentres"] if each["code"] == someone["jobcentre"])
        someone["person"]["settings"] = {name: jobcentre.get(name) for name in figures.SETTINGS}
        beginning = date.fromisoformat(someone["person"]["interview_on"])
        missed = {"date": (beginning + timedelta(days=rng.randint(-3, 3))).isoformat(), "status": "no_show"}
        someone["person"]["conversations"].append(missed)
    course = (date.fromisoformat(ends_on) - date.fromisoformat(first)).days
    anywhere = date.fromisoformat(first) + timedelta(days=rng.randint(0, course + 20))
    early = date.fromisoformat(rng.choice(people)["person"]["interview_on"]) + timedelta(days=rng.randint(0, 14))
    today = rng.choice([early, anywhere])
    week = week_code(today - timedelta(days=7 * rng.randint(0, 1)))
    return trial, people, week, rng.choice([LONG_PAST, today.isoformat(), today.isoformat()])


@quick_and_slow(16, 800)
def test_figures_of_many(protocol_id: str, seeds: range) -> None:
    assert sum(check_figures(protocol_id, random_population(protocol_id, seed)) for seed in seeds) > len(seeds)


@searches
def test_figures(protocol_id: str, search: settings) -> None:
    for_all(search, protocol_id, populations(protocol_id, max_people=4), check_figures)
