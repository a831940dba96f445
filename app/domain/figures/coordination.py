"""Who was helped to use an offer: support efforts by area, and mentors (domain 4.7 [F])."""

from collections.abc import Iterable, Mapping
from datetime import date

from app.domain.facts import WORKPLACE_TYPES, History
from app.domain.rules.timeline import Timeline, working_days

COORDINATION = ("mentor", "company", "social_services", "health")
"""A mentor, and the areas of support efforts."""


def coordination_by_week(line: Timeline, history: History) -> Mapping[str, tuple[int, ...]]:
    """In which weeks, by index, a person had a mentor or a support effort of an area: on one working day at least,
    whatever the person's presence. A mentor is one recorded, or one assigned in an activation at a workplace.
    """
    spans: dict[str, list[tuple[date, date | None]]] = {name: [] for name in COORDINATION}
    for effort in history.support_efforts:
        spans[effort.area].append((effort.starts_on, effort.ends_on))
    spans["mentor"] += [(mentor.starts_on, mentor.ends_on) for mentor in history.mentors]
    spans["mentor"] += [
        (offer.starts_on, offer.ends_on)
        for _, offer in history.activations
        if offer.mentor == "assigned" and offer.type in WORKPLACE_TYPES
    ]
    return {name: _weeks(line, covered) for name, covered in spans.items() if covered}


def _weeks(line: Timeline, spans: Iterable[tuple[date, date | None]]) -> tuple[int, ...]:
    days = line.days_of(spans)
    return tuple(index for index in range(line.weeks) if working_days(days, index))
