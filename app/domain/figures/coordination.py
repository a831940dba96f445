"""Who was helped to use an offer: support efforts by area, and mentors (domain 4.7 [F])."""

from collections.abc import Mapping, Sequence
from datetime import date

from app.domain.facts import WORKPLACE_TYPES
from app.domain.judged_weeks import JudgedWeeks

COORDINATION = ("mentor", "company", "social_services", "health")
"""A mentor, and the areas of support efforts."""


def coordination_by_week(judged: JudgedWeeks) -> Mapping[str, Sequence[int]]:
    """In which weeks, by index, a person had a mentor or a support effort of an area: on one working day at least,
    whatever the person's presence. A mentor is one recorded, or one assigned in an activation at a workplace.
    """
    history = judged.history
    spans: list[tuple[str, date, date | None]]
    spans = [(effort.area, effort.starts_on, effort.ends_on) for effort in history.support_efforts]
    spans += [("mentor", mentor.starts_on, mentor.ends_on) for mentor in history.mentors]
    spans += [
        ("mentor", offer.starts_on, offer.ends_on)
        for _, offer in history.activations
        if offer.mentor == "assigned" and offer.type in WORKPLACE_TYPES
    ]
    weeks: dict[str, set[int]] = {}
    for name, first, last in spans:
        weeks.setdefault(name, set()).update(judged.indexes_of(first, last))
    return {name: sorted(indexes) for name, indexes in weeks.items()}
