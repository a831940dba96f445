"""One side of ``benchmarks.rules``: judge the people once with the rules on the path, these or the earlier ones."""

import json
import random
import time
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from app.domain.facts import (
    Activation,
    ActivationType,
    Conversation,
    ConversationForm,
    Exemption,
    History,
    PresenceEvent,
)
from app.protocols import protocols

try:
    from app.domain.rules import weeks
except ImportError:
    from app.domain import weeks  # type: ignore[attr-defined, no-redef]

PEOPLE, WARM_UP = 500, 50
WITH_CLIENT: Final = weeks.__name__ == "app.domain.rules.weeks"
"""The earlier rules have conversations without the client that sent them."""
FORMS: Final[tuple[ConversationForm, ...]] = ("in_person", "in_person", "telephone", "digital")
TYPES: Final[tuple[ActivationType, ...]] = ("work_placement_public", "other_offer")


def judge_people() -> tuple[float, str]:
    """Return the processor's seconds for all people, and the file of the rules. Runs on either side."""
    protocol, ends_on = protocols()["prvij-2010-11"], date(2012, 3, 31)
    for seed in range(WARM_UP):
        weeks.judge(protocol, ends_on, _history(PEOPLE + seed))
    histories = [_history(seed) for seed in range(PEOPLE)]
    begun = time.process_time()
    for history in histories:
        weeks.judge(protocol, ends_on, history)
    return time.process_time() - begun, str(weeks.__file__)


def _history(seed: int) -> Any:
    """One person."""
    chance = random.Random(seed)
    assigned_on = date(2010, 11, 8) + timedelta(days=chance.randint(0, 4))

    def day() -> date:
        return assigned_on + timedelta(days=chance.randint(1, 500))

    talks: list[Any] = []
    for _ in range(40):
        talk = Conversation(date=day(), form=chance.choice(FORMS))
        talks.append(("case", talk) if WITH_CLIENT else talk)
    offers = []
    for _ in range(4):
        start = day()
        offer = Activation(
            type=chance.choice(TYPES),
            starts_on=start,
            ends_on=start + timedelta(days=chance.randint(20, 120)),
            hours_per_week=Decimal(chance.choice((8, 10, 15, 37))),
        )
        offers.append(("case", offer))
    exemptions = []
    for _ in range(2):
        start = day()
        end = start + timedelta(days=18)
        exemptions.append(Exemption(scope="both", ground="illness", starts_on=start, ends_on=end))
    events: list[PresenceEvent] = []
    if seed % 3 == 0:
        out = day()
        events.append(PresenceEvent(kind="exit", date=out, reason="job"))
        events.append(PresenceEvent(kind="re_entry", date=out + timedelta(days=chance.randint(5, 90))))
    return History(assigned_on, tuple(talks), tuple(offers), tuple(exemptions), tuple(events))


if __name__ == "__main__":
    print(json.dumps(judge_people()))
