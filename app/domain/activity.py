"""What a person's activations make of each week (domain 4.6), due or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.calendar import WORKING_DAYS
from app.domain.facts import WORKPLACE_TYPES, Activation, History
from app.domain.protocol import Protocol
from app.domain.timeline import Timeline, working_days


@dataclass(frozen=True, slots=True)
class Activity:
    """A week that at least one activation covers."""

    active: bool
    """The hours reach the minimum, or a covering activation carries an accepted reason for reduced hours."""
    at_workplace: bool
    excused: bool
    """A covering activation carries a sufficient reason for not being at a workplace."""
    mentored: bool
    """A covering workplace activation has a mentor assigned or waived, or a mentor record covers a working day."""


Covering = Sequence[tuple[str, Activation, int]]
"""The activations that cover a week: client, activation, and the working days of the week that it covers."""


def covering_by_week(line: Timeline, history: History) -> Mapping[int, Covering]:
    """What covers each week that anything covers, by index. A week is covered by one of its working days."""
    covering: dict[int, list[tuple[str, Activation, int]]] = {}
    for client, offer in history.activations:
        days = line.days_of(((offer.starts_on, offer.ends_on),))
        if not days:
            continue
        first = ((days & -days).bit_length() - 1) // WORKING_DAYS
        last = (days.bit_length() - 1) // WORKING_DAYS
        for index in range(first, last + 1):
            if week_days := working_days(days, index):
                covering.setdefault(index, []).append((client, offer, week_days))
    return covering


def activity_by_week(protocol: Protocol, line: Timeline, history: History) -> dict[int, Activity]:
    """The weeks covered by an activation, by index."""
    mentor_days = line.days_of((mentor.starts_on, mentor.ends_on) for mentor in history.mentors)
    known: dict[tuple[object, ...], Activity] = {}  # weeks with the same cover are alike
    found: dict[int, Activity] = {}
    for index, offers in covering_by_week(line, history).items():
        mentored = bool(working_days(mentor_days, index))
        alike = (mentored, *((id(offer), days) for _, offer, days in offers))
        if alike not in known:
            known[alike] = _activity(protocol, offers, mentored)
        found[index] = known[alike]
    return found


def _activity(protocol: Protocol, covering: Covering, mentor_record: bool) -> Activity:
    offers = [offer for _, offer, _ in covering]
    workplaces = [offer for offer in offers if offer.type in WORKPLACE_TYPES]
    return Activity(
        active=reaches_minimum(protocol, covering)
        or any(offer.reduced_hours_reason in protocol.reduced_hours_reasons for offer in offers),
        at_workplace=bool(workplaces),
        excused=any(offer.not_workplace_reason in protocol.sufficient_not_workplace_reasons for offer in offers),
        mentored=mentor_record or any(offer.mentor != "unknown" for offer in workplaces),
    )


def reaches_minimum(protocol: Protocol, covering: Covering) -> bool:
    """Whether the week's hours reach the protocol's minimum; without one any covering activation does."""
    minimum = protocol.min_weekly_hours
    if minimum is None or any(offer.hours_per_week >= minimum for _, offer, _ in covering):
        return True
    return len(covering) > 1 and hours_of(covering) >= minimum


def hours_of(covering: Covering) -> Decimal:
    """The hours of a week: the largest, over its working days, of the sum of one client's activations of that day.

    Activations of different clients are never added up: a case system and a register may report one placement.
    """
    clients = {client for client, _, _ in covering}
    return max(
        sum(
            (offer.hours_per_week for sender, offer, days in covering if sender == client and days >> day & 1),
            Decimal(0),
        )
        for client in clients
        for day in range(WORKING_DAYS)
    )
