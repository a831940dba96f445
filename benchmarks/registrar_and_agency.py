"""``python -m benchmarks.registrar_and_agency``: can registrar and agency together tell the arm of a waiting request?

Of what the registrar reads only the jobcentre, the band of time since the draw, and whether a register sent an outcome
are in the agency's panel too, beside the arm (domain 3.4). So it draws trials of 18 jobcentres in memory, lets a
register send outcomes every fourth week as the simulation's does, and prints how often the likelier arm of a request of
anybody drawn is the right one: exactly, by the arms in each cell, with the standard error over the trials.
"""

import random
from collections import Counter
from collections.abc import Hashable, Iterable
from datetime import date, timedelta
from statistics import fmean, stdev

from app.domain.rules.calendar import monday_of
from app.domain.rules.corrections import drawn_ago
from app.domain.rules.draw import Arm, arm_of_draw
from app.simulate.outcomes import WEEKS_A_FILE

_TRIALS, _PLACES, _EACH, _DAYS = 300, 18, 166, 4
_FIRST, _INTAKE_DAYS = date(2010, 11, 8), 20 * 7
_Person = tuple[int, date, bool, Arm]
"""Jobcentre, day of the draw, whether a register knows the person at all, arm."""


def _drawn(rng: random.Random, told_of: float) -> list[_Person]:
    seed, people = rng.randbytes(32), []
    for place in range(_PLACES):
        balance = 0
        for position, day in enumerate(sorted(rng.randrange(_INTAKE_DAYS) for _ in range(_EACH))):
            arm = arm_of_draw(seed, "trial", str(place), position, balance, 3)
            balance += 1 if arm == "treatment" else -1
            people.append((place, _FIRST + timedelta(days=day), rng.random() < told_of, arm))
    return people


def _is_known(person: _Person, today: date) -> bool:
    """Return whether a file that has come holds an outcome of the person."""
    _, day, told_of, _ = person
    files = (monday_of(today) - _FIRST).days // 7 // WEEKS_A_FILE
    return told_of and monday_of(day) < _FIRST + timedelta(weeks=files * WEEKS_A_FILE)


def _right(cells: Iterable[tuple[Hashable, Arm]]) -> float:
    """Return the share of people whose arm is the likelier one of their cell; half of them where both are as likely."""
    arms: dict[Hashable, Counter[Arm]] = {}
    for cell, arm in cells:
        arms.setdefault(cell, Counter())[arm] += 1
    return sum(max(each.values()) if len(each) > 1 else each.total() for each in arms.values()) / sum(
        each.total() for each in arms.values()
    )


def _measure(rng: random.Random, told_of: float) -> tuple[float, float]:
    """Return how often jobcentre and band tell the arm, and how often they do with the outcome, in one trial."""
    people, apart, together = _drawn(rng, told_of), [], []
    for _ in range(_DAYS):
        today = _FIRST + timedelta(days=rng.randrange(14, _INTAKE_DAYS + 60))
        waiting = [person for person in people if person[1] <= today]
        cells = [(person[0], drawn_ago(person[1], today)) for person in waiting]
        arms = [person[3] for person in waiting]
        apart.append(_right(zip(cells, arms, strict=True)))
        known = [_is_known(person, today) for person in waiting]
        together.append(_right(zip(zip(cells, known, strict=True), arms, strict=True)))
    return fmean(apart), fmean(together)


def main() -> None:
    """Print both shares and their difference, where the register knows everyone, and where it does not."""
    for told_of in (1.0, 0.85):
        rng = random.Random(1)
        apart, together = zip(*(_measure(rng, told_of) for _ in range(_TRIALS)), strict=True)
        more = [second - first for first, second in zip(apart, together, strict=True)]
        figures = "; ".join(
            f"{name} {fmean(values):.4f} (standard error {stdev(values) / _TRIALS**0.5:.4f})"
            for name, values in (("jobcentre and band", apart), ("with the outcome", together), ("more", more))
        )
        print(f"register tells of {told_of:.0%}: right by {figures}")


if __name__ == "__main__":
    main()
