"""The worked examples of domain 8 (tests/examples): each is a test."""

import json
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.domain.draw_verification import sequence
from app.domain.judged_weeks import FLAGS, Week
from app.domain.rules.calendar import week_code
from app.domain.rules.draw import commitment
from app.domain.rules.weeks import judge
from app.protocols import protocols
from tests.domain.build import history_of

EXAMPLES = Path(__file__).parents[2] / "examples"
WEEKS = [
    example
    for name in ("weeks", "aht-2008-sickness", "aht-2008-flexjob", "flex-2016")
    for example in yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text("utf-8"))
]
HISTORIES = json.loads((EXAMPLES / "histories.json").read_text("utf-8"))
DRAWS = yaml.safe_load((EXAMPLES / "draws.yaml").read_text("utf-8"))


def as_written(week: Week) -> dict[str, Any]:
    return {
        "week": week_code(week.monday),
        "number": week.number,
        "state": week.state,
        "flags": [flag for flag in FLAGS if getattr(week, flag)],
        "deviations": list(week.deviations),
    }


@pytest.mark.parametrize("example", WEEKS, ids=lambda example: f"{example['protocol']}: {example['name']}")
def test_weeks(example: dict[str, Any]) -> None:
    protocol = protocols()[example["protocol"]]
    ends_on = date.fromisoformat(example["ends_on"]) if "ends_on" in example else protocol.ends_on
    assert ends_on is not None
    judged = judge(protocol, ends_on, history_of(example["person"])).weeks
    shown = [week for week in judged if week_code(week.monday) <= example["until"]]
    assert [as_written(week) for week in shown] == example["weeks"]
    assert {flag: sum(getattr(week, flag) for week in shown) for flag in FLAGS} == example["totals"]


@pytest.mark.parametrize("example", HISTORIES, ids=[f"{n}-{h['protocol']}" for n, h in enumerate(HISTORIES)])
def test_histories(example: dict[str, Any]) -> None:
    protocol = protocols()[example["protocol"]]
    judged = judge(protocol, date.fromisoformat(example["ends_on"]), history_of(example["person"])).weeks
    assert [as_written(week) for week in judged] == example["weeks"]


@pytest.mark.parametrize("example", DRAWS, ids=lambda example: example["trial"])
def test_draws(example: dict[str, Any]) -> None:
    """Domain 3.3: the first forty draws of a jobcentre, and the commitment."""
    seed = bytes.fromhex(example["seed_hex"])
    assert commitment(seed) == example["seed_commitment"]
    assert list(islice(sequence(seed, example["trial"], example["jobcentre"], 3), 40)) == example["arms"]
