"""The rules by themselves: a person's weeks against a plain loop, and everyone counted anew."""

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from app.domain.facts import Activation, Conversation, Exemption, History
from app.domain.figures.counts import count_people
from app.domain.rules.weeks import judge
from app.protocols import protocols
from benchmarks.measure import Results, interleaved, timed
from tests.reference.weeks import judged_weeks

_PRVIJ, _ENDS_ON = protocols()["prvij-2010-11"], date(2012, 3, 31)
_LONG_AFTER = date(2012, 6, 1)


def history(seed: int) -> History:
    """73 weeks, 40 conversations, 4 activations, 2 exemptions."""
    chance = random.Random(seed)
    assigned_on = date(2010, 11, 8) + timedelta(days=chance.randint(0, 4))

    def day() -> date:
        return assigned_on + timedelta(days=chance.randint(1, 500))

    forms = ("in_person", "in_person", "telephone", "digital")
    talks = tuple(("case", Conversation(date=day(), form=chance.choice(forms))) for _ in range(40))  # type: ignore[arg-type]
    offers = []
    for _ in range(4):
        start = day()
        offers.append(
            (
                "case",
                Activation(
                    type=chance.choice(("work_placement_public", "other_offer")),
                    starts_on=start,
                    ends_on=start + timedelta(days=chance.randint(20, 120)),
                    hours_per_week=Decimal(chance.choice((8, 10, 15, 37))),
                ),
            )
        )
    exemptions = []
    for _ in range(2):
        start = day()
        exemptions.append(
            Exemption(scope="both", ground="illness", starts_on=start, ends_on=start + timedelta(days=18))
        )
    return History(assigned_on, conversations=talks, activations=tuple(offers), exemptions=tuple(exemptions))


def measure(results: Results) -> None:
    """Ours against the reference, on histories that are never the same twice."""
    ours = [history(seed) for seed in range(2000)]
    plain = [_as_example(each) for each in ours[:200]]
    found = interleaved(
        {
            "reference": lambda n: (
                timed(
                    lambda: [
                        judged_weeks("prvij-2010-11", _ENDS_ON, each, _LONG_AFTER)
                        for each in plain[40 * n : 40 * n + 40]
                    ]
                )
                / 40
            ),
            "judge": lambda n: (
                timed(lambda: [judge(_PRVIJ, _ENDS_ON, each) for each in ours[400 * n : 400 * n + 400]]) / 400
            ),
        }
    )
    results.ratio(
        "the weeks of a person: ours / reference loop", found["judge"], found["reference"], 0.12, at_most=True
    )
    results.figure("the weeks of a person", found["judge"].median * 1e6, "µs", 59)
    without = [replace(each, exemptions=()) for each in ours]
    seconds = timed(lambda: [judge(_PRVIJ, _ENDS_ON, each) for each in without]) / len(without)
    results.figure("the weeks of a person without exemptions", seconds * 1e6, "µs", None)
    everyone = [
        replace(each, assigned_on=each.assigned_on + timedelta(days=7 * (n % 20))) for n, each in enumerate(ours)
    ]
    seconds = timed(lambda: count_people(_PRVIJ, _ENDS_ON, everyone))
    results.figure("100,000 people counted anew, one core", seconds * 100_000 / len(everyone), "s", 10)


def _as_example(known: History) -> dict[str, object]:
    """A history as the reference reads it."""
    return {
        "interview_on": str(known.assigned_on),
        "conversations": [{"date": str(each.date), "form": each.form} for _, each in known.conversations],
        "activations": [
            {
                "client": client,
                "type": each.type,
                "starts_on": str(each.starts_on),
                "ends_on": str(each.ends_on),
                "hours_per_week": str(each.hours_per_week),
            }
            for client, each in known.activations
        ],
        "exemptions": [
            {"scope": each.scope, "ground": each.ground, "starts_on": str(each.starts_on), "ends_on": str(each.ends_on)}
            for each in known.exemptions
        ],
    }
