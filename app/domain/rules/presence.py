"""Presence (domain 4.1), exemptions (4.2), and the working days of each week that they leave (4.3)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, get_args

from app.domain.facts import Exemption, ExitReason, PresenceEvent
from app.domain.judged_weeks import WORKING_DAYS, Presence
from app.domain.protocol import Protocol

_REASONS: Final[tuple[ExitReason, ...]] = get_args(ExitReason)
_GROUP_3: Final[ExitReason] = "match_group_3"
_ONE_DAY: Final = timedelta(days=1)


def read_presence(protocol: Protocol, assigned_on: date, ends_on: date, events: Sequence[PresenceEvent]) -> Presence:
    """Read exits, re-entries and rematches by date; nobody is in the trial before ``assigned_on`` or after its end.

    No deviation: a rematch, an exit for ``match_group_3`` of whoever is out for that, a re-entry of whom a rematch
    brought back. Each says the same twice.
    """
    spans: list[tuple[date, date]] = []
    exits: list[tuple[date, ExitReason]] = []
    re_entries: list[date] = []
    without_effect: list[PresenceEvent] = []
    since: date | None = assigned_on
    by_rematch = False  # whether a rematch brought the person back
    for event in sorted(events, key=_order):
        rematch = event.kind == "rematch"
        if rematch and not protocol.rematch_to_group_3_exits:
            continue
        leaves = event.match_group == 3 if rematch else event.kind == "exit"
        reason = _GROUP_3 if rematch or event.reason is None else event.reason
        if leaves and since is not None:
            spans.append((since, min(event.date - _ONE_DAY, ends_on)))
            exits.append((event.date, reason))
            since = None
        elif not leaves and since is None:
            if rematch and exits[-1][1] != _GROUP_3:
                continue
            re_entries.append(event.date)
            since, by_rematch = event.date, rematch
        elif not rematch:
            same_again = by_rematch if since is not None else reason == exits[-1][1] == _GROUP_3
            if not same_again:
                without_effect.append(event)
    if since is not None:
        spans.append((since, ends_on))
    return Presence(tuple(spans), tuple(exits), tuple(re_entries), tuple(without_effect))


def _order(event: PresenceEvent) -> tuple[date, int, int]:
    """By date; on one date exits in the order of their reasons, then rematches (to group 3 first), then re-entries."""
    if event.kind == "exit":
        return event.date, 0, _REASONS.index(event.reason) if event.reason else 0
    if event.kind == "rematch":
        return event.date, 1, -(event.match_group or 0)
    return event.date, 2, 0


DaysOfWeeks = tuple[list[int], list[int], list[int], list[int]]
"""How many working days of each week, 0 to 5: in the trial; available: of these not exempt from both, by one exemption
or by two together; of these not exempt from conversations; not exempt from activation."""
_OUT, _IN, _NO_TALK, _NO_OFFER, _NEITHER = b"-", b"i", b"c", b"a", b"b"
"""A day out of the trial; in it; in it and exempt from conversations; from activation; from both."""
_EXEMPTING: Final[Mapping[str, bytes]] = {
    "conversations": bytes.maketrans(_IN + _NO_OFFER, _NO_TALK + _NEITHER),
    "activation": bytes.maketrans(_IN + _NO_TALK, _NO_OFFER + _NEITHER),
    "both": bytes.maketrans(_IN + _NO_TALK + _NO_OFFER, _NEITHER * 3),
}


def count_days(presence: Presence, exemptions: Sequence[Exemption], first_monday: int, weeks: int) -> DaysOfWeeks:
    """Count the days of each week. ``first_monday`` is the ordinal of that of the first week.

    Only weeks that the assignment, an exit, an exemption or the end touches have fewer than five of each.
    """
    length = 7 * weeks
    days, inside = bytearray(_OUT * length), 0
    touched: set[int] = set()
    for first, last in presence.spans:
        begin, end = first.toordinal() - first_monday, min(last.toordinal() - first_monday + 1, length)
        if begin < end:
            days[begin:end] = _IN * (end - begin)
            touched.update(range(inside // 7, begin // 7 + 1))
            inside = end
    touched.update(range(inside // 7, weeks))
    for exemption in exemptions:
        begin = max(exemption.starts_on.toordinal() - first_monday, 0)
        end = length if exemption.ends_on is None else min(exemption.ends_on.toordinal() - first_monday + 1, length)
        if begin < end:
            days[begin:end] = days[begin:end].translate(_EXEMPTING[exemption.scope])
            touched.update(range(begin // 7, (end - 1) // 7 + 1))
    in_trial = [WORKING_DAYS] * weeks
    available, open_to_talks, open_to_offers = in_trial.copy(), in_trial.copy(), in_trial.copy()
    from_one = any(exemption.scope != "both" for exemption in exemptions)
    for index in touched:
        week = days[7 * index : 7 * index + WORKING_DAYS]
        in_trial[index] = WORKING_DAYS - week.count(_OUT)
        available[index] = left = in_trial[index] - week.count(_NEITHER)
        open_to_talks[index] = left - week.count(_NO_TALK) if from_one else left
        open_to_offers[index] = left - week.count(_NO_OFFER) if from_one else left
    return in_trial, available, open_to_talks, open_to_offers
