"""Corrections of CPR numbers (domain 3.4 [choice]): what a registrar reads, and what an accepted one changes.

A jobcentre requests, a registrar decides. The functions take numbers and return bands, counts and codes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

CorrectionKind = Literal["single", "swap"]
CorrectionReason = Literal["typing_error", "new_number"]
CorrectionStatus = Literal["waiting", "accepted", "refused", "replaced", "cancelled"]
Decision = Literal["accepted", "refused"]
DecisionReason = Literal["document_seen", "register_confirms", "not_plausible", "suspected_choice", "other"]
DrawnAgo = Literal["same_day", "7_days", "30_days", "more"]
NumberIs = Literal[
    "no",
    "drawn_here",
    "drawn_elsewhere",
    "waiting_here",
    "waiting_elsewhere",
    "former_here",
    "former_elsewhere",
    "erased",
]
NEAR_DIGITS = 2
"""Two numbers are near if at most so many of their digits differ."""


def drawn_ago(drawn_on: date, requested_on: date) -> DrawnAgo:
    """Return the band of time from the draw to the request; it is fixed at the request."""
    days = (requested_on - drawn_on).days
    if days <= 0:
        return "same_day"
    return "7_days" if days <= 7 else "30_days" if days <= 30 else "more"


def digits_changed(old: str, new: str) -> int:
    """Return at how many of the ten places two numbers differ."""
    return sum(first != second for first, second in zip(old, new, strict=True))


def near_numbers(numbers: Iterable[str], old: str, new: str) -> int:
    """Return how many numbers are near the old one or the new one."""
    return sum(min(digits_changed(number, old), digits_changed(number, new)) <= NEAR_DIGITS for number in numbers)


def number_is(
    here: str, *, erased: bool, drawn_in: str | None, former_in: Iterable[str], waiting_in: str | None
) -> NumberIs:
    """Return what a requested number is already for others; the gravest if it is several.

    ``here`` is the jobcentre of the request, the other arguments are jobcentres of other participants.
    """
    if erased:
        return "erased"
    if drawn_in is not None:
        return "drawn_here" if drawn_in == here else "drawn_elsewhere"
    if former := list(former_in):
        return "former_here" if here in former else "former_elsewhere"
    if waiting_in is not None:
        return "waiting_here" if waiting_in == here else "waiting_elsewhere"
    return "no"


def is_taken(known_as: NumberIs, *, closed: bool) -> bool:
    """Return whether a number can only be refused (``number_taken``); after closing, anybody else's number."""
    return known_as in ("erased", "former_here", "former_elsewhere") or (closed and known_as != "no")


def is_allowed_after_closing(kind: CorrectionKind, reason: CorrectionReason | None) -> bool:
    """Return whether a correction may be requested of a closed trial: a new number only."""
    return kind == "single" and reason == "new_number"


@dataclass(frozen=True, slots=True)
class DrawUnderNumber:
    """A draw of one of two participants with the same number; ``under_it``: that number was known at the draw."""

    drawn_at: datetime
    position: tuple[str, int]
    """Jobcentre and position, which decide between draws of the same moment."""
    under_it: bool


def first_governs(reason: CorrectionReason, first: DrawUnderNumber, second: DrawUnderNumber) -> bool:
    """Return whether the first of two draws of one person governs.

    It is the draw made under the right number; of two such, of none, and for a new number the earlier one.
    """
    if reason == "typing_error" and first.under_it != second.under_it:
        return first.under_it
    return (first.drawn_at, first.position) <= (second.drawn_at, second.position)
