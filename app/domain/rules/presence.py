"""When a person is in the trial (domain 4.1)."""

from dataclasses import dataclass
from datetime import date, timedelta

from app.domain.facts import History, PresenceEvent

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Presence:
    """The spans of days in the trial, and what became of each exit and re-entry."""

    spans: tuple[tuple[date, date], ...]
    exits: tuple[PresenceEvent, ...]
    """The exits that took effect, by date."""
    re_entries: tuple[PresenceEvent, ...]
    without_effect: tuple[PresenceEvent, ...]

    def covers(self, day: date) -> bool:
        """Whether the person is in the trial on the day."""
        return any(first <= day <= last for first, last in self.spans)


def read_presence(history: History, ends_on: date) -> Presence:
    """Reads the events by date, on one date the exit before the re-entry; of two alike the first registered counts.

    An exit while out and a re-entry while in change nothing. Nobody is in the trial after its end.
    """
    moves = sorted(
        (event for event in history.events if event.kind != "rematch"),
        key=lambda event: (event.date, event.kind == "re_entry"),
    )
    spans: list[tuple[date, date]] = []
    exits: list[PresenceEvent] = []
    re_entries: list[PresenceEvent] = []
    without_effect: list[PresenceEvent] = []
    since: date | None = history.assigned_on
    for event in moves:
        leaving = event.kind == "exit"
        if leaving != (since is not None):
            without_effect.append(event)
        elif since is not None:
            exits.append(event)
            spans.append((since, min(event.date - _ONE_DAY, ends_on)))
            since = None
        else:
            re_entries.append(event)
            since = event.date
    if since is not None:
        spans.append((since, ends_on))
    return Presence(tuple(spans), tuple(exits), tuple(re_entries), tuple(without_effect))
