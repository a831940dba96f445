"""The rules and the slow reference on 20,000 random people: all protocols, and a made-up sixth.

``RETTEVEJ_THOROUGHNESS=1 .venv/bin/python -m pytest -m slow tests/domain/rules/test_agreement.py`` tries them all; CI a
tenth.
"""

import tomllib
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest

from app.domain.protocol_validation import read_protocol
from app.domain.rules.calendar import week_code
from app.domain.rules.warnings import StandingWeeks
from app.domain.rules.weeks import as_seen_on, judge
from app.protocols import protocols
from tests.domain.build import history_of
from tests.domain.rules.test_examples import as_written
from tests.reference import door
from tests.reference.people import random_person
from tests.reference.protocols import MADE_UP, PROTOCOLS
from tests.reference.vocabulary import TRIAL_DATES
from tests.reference.weeks import judged_weeks
from tests.thorough import so_many

PEOPLE = 20_000
FILE = Path(__file__).parents[2] / "examples" / "protocols" / "made-up-2012.toml"
RULES = {**protocols(), MADE_UP["id"]: read_protocol(tomllib.loads(FILE.read_text("utf-8")))}


@pytest.fixture(autouse=True)
def _made_up_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, MADE_UP["id"], MADE_UP)
    monkeypatch.setitem(TRIAL_DATES, MADE_UP["id"], (MADE_UP["intake_from"], MADE_UP["intake_to"], MADE_UP["ends_on"]))


def check_person(protocol_id: str, seed: int) -> None:
    """Domain 4: a person's weeks as they are seen on a day, and (4.8) the warnings for one of their records."""
    chance, rules = Random(f"agreement:{protocol_id}:{seed}"), RULES[protocol_id]
    earlier = timedelta(days=chance.choice([0, 0, chance.randint(0, 60)]))
    ends_on = date.fromisoformat(TRIAL_DATES[protocol_id][2]) - earlier
    person = random_person(protocol_id, 1_000_000 + seed, ends_on.isoformat())
    today = date.fromisoformat(person["interview_on"]) + timedelta(days=chance.choice([chance.randint(0, 500), 5_000]))
    judged = judge(rules, ends_on, history_of(person))
    rows = judged_weeks(protocol_id, ends_on, person, today)
    for week, row in zip(as_seen_on(rules, judged, today), rows, strict=True):
        expected = {name: row[name] for name in ("week", "number", "state", "flags", "deviations")}
        assert as_written(week) == expected, (protocol_id, seed)
        for name in ("active", "contact_week", "meter", "missing_because"):
            assert getattr(week, name) == row[name], (protocol_id, seed, week_code(week.monday), name)
    kind = chance.choice(["conversations", "activations"])
    if seed % 5 == 0 and person[kind]:
        record = chance.choice(person[kind])
        before = {**person, kind: [other for other in person[kind] if other is not record]}
        fact = getattr(history_of({"interview_on": person["interview_on"], kind: [record]}), kind)[0][1]
        codes = StandingWeeks(rules, judge(rules, ends_on, history_of(before))).warnings_of(fact)
        assert list(codes) == door.warnings(protocol_id, ends_on, before, kind, record, today), (protocol_id, seed)


@pytest.mark.parametrize("protocol_id", RULES)
def test_a_few_people(protocol_id: str) -> None:
    for seed in range(-10, 0):
        check_person(protocol_id, seed)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("protocol_id", RULES)
def test_many_people(protocol_id: str) -> None:
    for seed in range(so_many(-(-PEOPLE // len(RULES)))):
        check_person(protocol_id, seed)
