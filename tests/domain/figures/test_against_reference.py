"""Activity curve and flow against the slow reference, which was written from domain.md alone."""

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from app.domain.figures.activity_curve import Tallies, curve, weeks_of
from app.domain.figures.consort_flow import path_of
from app.protocols import protocols
from tests.domain.build import history_of
from tests.reference import evaluation
from tests.reference.generate import TRIAL_DATES, random_person

SEEDS = [pytest.param(seed, id=f"{seed}") for seed in range(6)]
every_protocol = pytest.mark.parametrize("protocol_id", [name for name in protocols() if name in TRIAL_DATES])


def random_day(rng: Random, protocol_id: str) -> date:
    first, _, last = map(date.fromisoformat, TRIAL_DATES[protocol_id])
    return first + timedelta(days=rng.randrange((last - first).days + 60))


@every_protocol
@pytest.mark.parametrize("seed", SEEDS)
def test_curves(protocol_id: str, seed: int) -> None:
    """Domain 5, "Activity curve"."""
    rng = Random(f"curve/{protocol_id}/{seed}")
    ends_on = date.fromisoformat(TRIAL_DATES[protocol_id][2]) - timedelta(days=rng.randrange(7))
    people: list[dict[str, Any]] = [
        {"arm": rng.choice(evaluation.ARMS), "person": random_person(protocol_id, 1000 * seed + n)} for n in range(15)
    ]
    as_of = random_day(rng, protocol_id)
    for measure in evaluation.MEASURES:
        tallies = Tallies()
        for each in people:
            history = history_of(each["person"])
            tallies.add(each["arm"], weeks_of(protocols()[protocol_id], ends_on, history, measure, as_of))  # type: ignore[arg-type]  # a measure by its name
        found: list[dict[str, Any]] = [
            {
                "weeks_since_assignment": point.k,
                "analysis": point.analysis,
                "treatment": (point.treatment.n, point.treatment.count),
                "control": (point.control.n, point.control.count),
                "running_sum": point.running_sum,
            }
            for point in curve(tallies)
        ]
        assert found == evaluation.curve(protocol_id, ends_on, people, measure, as_of)


@every_protocol
@pytest.mark.parametrize("seed", SEEDS)
def test_paths(protocol_id: str, seed: int) -> None:
    """Domain 5, "Flow"."""
    rng = Random(f"flow/{protocol_id}/{seed}")
    ends_on = date.fromisoformat(TRIAL_DATES[protocol_id][2])
    for n in range(25):
        person = random_person(protocol_id, 1000 * seed + n)
        on, as_of = random_day(rng, protocol_id), random_day(rng, protocol_id)
        path = path_of(protocols()[protocol_id], ends_on, history_of(person), on, as_of)
        found = {name: getattr(path, name) for name in ("last_exit", "re_entered", "in_trial", "complete")}
        assert found == evaluation.path(protocol_id, ends_on, person, on, as_of)
