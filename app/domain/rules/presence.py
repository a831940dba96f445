"""When a person is in the trial (domain 4.1)."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, get_args

from app.domain.facts import ExitReason, PresenceEvent
from app.domain.judged_weeks import Presence
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
