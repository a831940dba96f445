"""What the evaluation printed beside what a simulated trial gives: ``python -m benchmarks.evaluation --trial ID``.

Reads a running server: the panel (a release is recorded), the activity curve, the effects. Weeks of one person are
alike, so standard errors are by person: of a pooled rate Σy/Σx that of a ratio estimator, of the running sum of the
curve that of each person's part in it. ``docs/evaluation.md`` explains the table.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import httpx

from app.settings import Settings
from app.web.tokens import LocalIssuer

AFTER_WEEKS = 64
Z = 1.959963984540054
Week = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """A figure as printed, as simulated, its standard error, and one decimal of the unit shown."""

    figure: str
    published: float
    simulated: float
    standard_error: float
    unit: str
    parameter: str
    """``entered``: the printed figure is a parameter of the simulation; ``tuned``: a parameter was set to give it."""

    @property
    def distance(self) -> float:
        """In standard errors; 0 where nothing varies."""
        return (self.simulated - self.published) / self.standard_error if self.standard_error else 0.0

    def row(self) -> str:
        within = "yes" if abs(self.distance) < Z else "**no**"
        return (
            f"| {self.figure} | {self.published:g} {self.unit} | {self.simulated:.1f} {self.unit}"
            f" | {self.standard_error:.2f} | {self.distance:+.1f} | {within} | {self.parameter} |"
        )


def rate(people: Iterable[Sequence[Week]], part: str, whole: str) -> tuple[float, float]:
    """Σ part / Σ whole over people's weeks, and its standard error by person."""
    pairs = [(sum(week[part] for week in weeks), sum(week[whole] for week in weeks)) for weeks in people]
    due = sum(x for _, x in pairs)
    share = sum(y for y, _ in pairs) / due
    n = len(pairs)
    return share, sqrt(sum((y - share * x) ** 2 for y, x in pairs) * n / (n - 1)) / due


def more_conversations(arms: Mapping[str, Sequence[Sequence[Week]]]) -> tuple[float, float]:
    """The running sum of the conditional curve up to ``AFTER_WEEKS``, and its standard error by person.

    The sum is linear in the weekly shares: a person adds, over the weeks in the trial on all five days, what lies above
    the arm's share, divided by how many there are.
    """
    total, variance = 0.0, 0.0
    for sign, people in ((1, arms["treatment"]), (-1, arms["control"])):
        seen = [
            {w["weeks_since_assignment"]: w["conversations"] > 0 for w in weeks if w["days_in_trial"] == 5}
            for weeks in people
        ]
        n: dict[int, int] = defaultdict(int)
        count: dict[int, int] = defaultdict(int)
        for person in seen:
            for k, held in person.items():
                n[k] += 1
                count[k] += held
        ks = range(AFTER_WEEKS + 1)
        total += sign * sum(count[k] / n[k] for k in ks)
        variance += sum(sum((person[k] - count[k] / n[k]) / n[k] for k in ks if k in person) ** 2 for person in seen)
    return total, sqrt(variance)


def panel(http: httpx.Client, trial: str) -> dict[str, list[list[Week]]]:
    """Everyone's weeks, by arm."""
    people: dict[tuple[str, str], list[Week]] = defaultdict(list)
    parameters = {"purpose": "The table of docs/evaluation.md"}
    headers = {"Accept": "application/x-ndjson"}
    with http.stream("GET", f"/v1/trials/{trial}/person-weeks", params=parameters, headers=headers) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if line:
                week = json.loads(line)
                people[week["arm"], week["person"]].append(week)
    arms: dict[str, list[list[Week]]] = {"treatment": [], "control": []}
    for (arm, _), weeks in people.items():
        arms[arm].append(weeks)
    return arms


def lines(arms: Mapping[str, Sequence[Sequence[Week]]], employed: Mapping[str, Any]) -> Iterator[Line]:
    """The figures in the order of the evaluation."""
    talks = ("conversation_held", "conversation_due")
    offers = ("workplace_activated", "activation_due")
    for figure, arm, published, (part, whole) in (
        ("Weeks with a conversation, treatment", "treatment", 82.5, talks),
        ("Weeks with a conversation, control", "control", 13.5, talks),
        ("Weeks activated at a workplace, treatment", "treatment", 46.0, offers),
        ("Weeks activated at a workplace, control", "control", 21.0, offers),
    ):
        share, error = rate(arms[arm], part, whole)
        yield Line(figure, published, 100 * share, 100 * error, "%", "entered")
    more, error = more_conversations(arms)
    yield Line(f"More conversations in {AFTER_WEEKS} weeks", 22.0, more, error, "", "tuned")
    for arm in ("treatment", "control"):
        cell = employed[arm]
        share = cell["mean"]
        error = sqrt(share * (1 - share) / cell["people"])
        yield Line(f"Employed after {AFTER_WEEKS} weeks, {arm}", 7.0, 100 * share, 100 * error, "%", "tuned")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", default="http://127.0.0.1:8000")
    arguments.add_argument("--trial", required=True)
    arguments.add_argument("--data-dir", type=Path, default=Settings().data_dir)
    given = arguments.parse_args()
    issuer = LocalIssuer.load_or_create(given.data_dir, Settings().audience)
    headers = {"Authorization": f"Bearer {issuer.token('agency')}"}
    with httpx.Client(base_url=given.url, headers=headers, timeout=600) as http:
        arms = panel(http, given.trial)
        effects = (
            http.get(f"/v1/trials/{given.trial}/effects", params={"after_weeks": AFTER_WEEKS}).raise_for_status().json()
        )
        curve = http.get(f"/v1/trials/{given.trial}/activity-curve").raise_for_status().json()["items"]
    at = {(row["outcome"], row["weeks_since_assignment"]): row for row in effects["items"]}
    employed = at["employment", AFTER_WEEKS]
    print(f"{sum(map(len, arms.values()))} people drawn, {len(arms['treatment'])} of them to treatment.\n")
    print("| figure | printed | simulated | standard error | distance | within 95 % | parameter |")
    print("|---|---|---|---|---|---|---|")
    for line in lines(arms, employed):
        print(line.row())
    (pooled,) = [each for each in effects["effects"] if each["outcome"] == "employment"]
    print(f"\nEmployment after {AFTER_WEEKS} weeks, treatment − control, percentage points:")
    for name in ("stratified", "clustered"):
        found = pooled[name]
        print(
            f"- {name} by jobcentre: {100 * pooled['difference']:+.1f}"
            f" ({100 * found['low']:+.1f} to {100 * found['high']:+.1f}), p = {found['p_value']:.2f}"
        )
    (shown,) = [
        row["running_sum"]
        for row in curve
        if row["analysis"] == "conditional" and row["weeks_since_assignment"] == AFTER_WEEKS
    ]
    again, _ = more_conversations(arms)
    print(f"\nThe activity curve's own running sum is {shown:.3f}; recomputed from the panel {again:.3f}.")


if __name__ == "__main__":
    main()
