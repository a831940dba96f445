"""What looks wrong in the data of a jobcentre: sources gone silent, implausible patterns, people forgotten.

The domain text names none of these rules; all thresholds are **[choice]**. A finding is a question to those who
deliver, no deviation and no fault of anyone: none enters a figure. ``day`` is the day by which things are looked at;
once the trial is over, its last day. People of both arms are looked at alike: what is in question is how records are
kept, not what the arm is due.

``quality_indicators`` looks at one person, the functions below it at what the signs of a jobcentre add up to.
``signs_of_choosing`` counts what a jobcentre that chooses whom to draw would leave (domain 3.4).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, zip_longest
from typing import Final, Literal
from uuid import UUID

from app.domain.facts import ConversationForm, History
from app.domain.judged_weeks import JudgedWeeks, Presence
from app.domain.protocol import Protocol
from app.domain.rules.conversations import told_once
from app.domain.rules.corrections import NEAR_DIGITS
from app.domain.rules.draw import ARMS, Arm
from app.domain.rules.eligibility import Candidate
from app.domain.rules.weeks import judge

FindingCode = Literal[
    "source_silent",
    "one_day",
    "all_in_person",
    "round_hours",
    "no_records",
    "activation_over_exit",
    "open_spell",
    "reentry_due",
    "same_person_twice",
    "number_corrected",
    "correction_waiting",
    "ineligible_found",
    "told_by_nobody_else",
    "near_number",
    "withdrawn_before_another",
    "dated_long_before",
]

SILENT_AFTER: Final = timedelta(days=14)
"""A source that delivered before and has not for more than this is silent: they deliver weekly at least."""
ONE_DAY_SPAN: Final = timedelta(weeks=8)
ONE_DAY_SHARE: Final = Fraction(9, 10)
ENOUGH: Final = 20
"""Records below which a pattern says nothing."""
ROUND_TO: Final = Decimal(5)
"""Hours a week are round when they are a multiple of this."""
ROUND_SHARE: Final = Fraction(95, 100)
UNSEEN_AFTER: Final = timedelta(days=28)
"""Someone assigned longer ago, of whom nothing is recorded, was forgotten: a conversation is due from week 2 on."""
OPEN_AFTER: Final = timedelta(weeks=26)
"""A spell open for longer was hardly meant so: AMFORA begins a new one wherever something changes (domain 7)."""
LATE_AFTER: Final = timedelta(days=14)
"""A screening sent longer after its interview was dated long before: whoever was drawn meanwhile was known."""
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look into. ``count`` are people, spells, records or days, as the code has it; ``total`` what a share
    is of. Each of the other members belongs to a few codes."""

    code: FindingCode
    count: int
    total: int | None = None
    kind: str | None = None
    """The kind of record concerned."""
    client_id: str | None = None
    last_on: date | None = None
    """The day of a source's last delivery."""
    weekday: int | None = None
    """1 is Monday, 7 Sunday."""
    participants: tuple[UUID, ...] = ()
    arm: Arm | None = None
    """Of signs of choosing that are counted by arm; None of people who were not drawn."""


@dataclass(frozen=True, slots=True)
class SourceActivity:
    """A client that delivered a kind of records, and the day in Copenhagen on which it last did."""

    client_id: str
    kind: str
    last_on: date


@dataclass(frozen=True, slots=True)
class QualityIndicators:
    """What one person's history adds to what is looked at."""

    participant_id: UUID
    weekdays: Mapping[int, int]
    """Conversations held in the last eight weeks by day of the week, 1 to 7."""
    later_talks: int
    """Conversations that count, after the in-person weeks."""
    later_in_person: int
    offers: int
    round_offers: int
    open_spells: Mapping[str, int]
    """Spells open for too long, by kind."""
    no_records: bool
    activation_over_exit: bool
    reentry_due: bool


def quality_indicators(
    protocol: Protocol, ends_on: date, participant_id: UUID, history: History, day: date
) -> QualityIndicators:
    """Looks at one person. ``ends_on`` is the trial's last day."""
    judged = judge(protocol, ends_on, history)
    presence = judged.presence
    later = _later_forms(protocol, judged, history, day)
    hours = [offer.hours_per_week for _, offer in history.activations]
    return QualityIndicators(
        participant_id=participant_id,
        weekdays=Counter(
            talk.date.isoweekday()
            for _, talk in history.conversations
            if talk.status == "held" and day - ONE_DAY_SPAN < talk.date <= day
        ),
        later_talks=len(later),
        later_in_person=later.count("in_person"),
        offers=len(hours),
        round_offers=sum(each % ROUND_TO == 0 for each in hours),
        open_spells=open_spells(history, day),
        no_records=no_records(presence, history, day),
        activation_over_exit=activation_over_exit(presence, history, day),
        reentry_due=reentry_due(protocol, presence, history, day),
    )


# --- one person -------------------------------------------------------------------------------------------------------


def _later_forms(protocol: Protocol, judged: JudgedWeeks, history: History, day: date) -> Sequence[ConversationForm]:
    """The forms of the counting conversations in weeks with a number, after those that are to be in person (4.5)."""
    forms = []
    for talk, counting in told_once(protocol, history):
        index = judged.index_of(talk.date)
        numbered = judged.has(index) and judged.number[index] is not None
        if counting and talk.date <= day and numbered and not judged.in_person[index]:
            forms.append(talk.form)
    return forms


def no_records(presence: Presence, history: History, day: date) -> bool:
    """In the trial, assigned more than 28 days ago, and nothing of any kind is recorded."""
    recorded = (
        *(history.conversations, history.activations, history.exemptions, history.events),
        *(history.support_efforts, history.mentors, history.declined_offers, history.outcomes),
    )
    return not any(recorded) and day - history.assigned_on > UNSEEN_AFTER and presence.covers(day)


def activation_over_exit(presence: Presence, history: History, day: date) -> bool:
    """An activation covers a working day on which the person is out after an exit (4.1), up to ``day``.

    A part-time job with supplementary benefit is an activation, and no exit: one of the two records is wrong, or an
    activation was not ended when the person left.
    """
    outside = [
        (left, day if back is None else back - timedelta(days=1))
        for left, back in zip_longest((first for first, _ in presence.exits), presence.re_entries)
    ]
    return any(
        _has_working_day(max(offer.starts_on, first), min(offer.ends_on or day, last, day))
        for _, offer in history.activations
        for first, last in outside
    )


def _has_working_day(first: date, last: date) -> bool:
    """Whether a Monday to Friday lies among the days from ``first`` to ``last``; none where they are the wrong way."""
    days = (last - first).days + 1
    return days > 0 and (days > 2 or first.weekday() < _SATURDAY or last.weekday() < _SATURDAY)


def open_spells(history: History, day: date) -> Mapping[str, int]:
    """How many spells of each kind have had no last day for more than 26 weeks."""
    spans = {
        "activations": [(offer.starts_on, offer.ends_on) for _, offer in history.activations],
        "exemptions": [(each.starts_on, each.ends_on) for each in history.exemptions],
        "support-efforts": [(each.starts_on, each.ends_on) for each in history.support_efforts],
        "mentors": [(each.starts_on, each.ends_on) for each in history.mentors],
    }
    found = {
        kind: sum(last is None and day - first > OPEN_AFTER for first, last in several)
        for kind, several in spans.items()
    }
    return {kind: count for kind, count in found.items() if count}


def reentry_due(protocol: Protocol, presence: Presence, history: History, day: date) -> bool:
    """Out of the trial, and yet a counting conversation or the start of an activation is recorded after the exit.

    The day of the exit itself is not after it: that talk may have been the farewell.
    """
    if len(presence.exits) == len(presence.re_entries):
        return False
    left = presence.exits[-1][0]
    seen = [talk.date for talk, counting in told_once(protocol, history) if counting]
    seen += [offer.starts_on for _, offer in history.activations]
    return any(left < each <= day for each in seen)


# --- a jobcentre ------------------------------------------------------------------------------------------------------


def findings_of(
    signs: Sequence[QualityIndicators], sources: Sequence[SourceActivity], duplicates: Sequence[UUID], day: date
) -> list[Finding]:
    """Everything found in a jobcentre, in the order of the codes. ``duplicates`` are people drawn before (3.3)."""
    return [
        *source_silent(sources, day),
        *one_day(signs),
        *all_in_person(signs),
        *round_hours(signs),
        *_people("no_records", [each.participant_id for each in signs if each.no_records]),
        *_people("activation_over_exit", [each.participant_id for each in signs if each.activation_over_exit]),
        *open_spells_by_kind(signs),
        *_people("reentry_due", [each.participant_id for each in signs if each.reentry_due]),
        *_people("same_person_twice", duplicates),
    ]


def source_silent(sources: Sequence[SourceActivity], day: date) -> list[Finding]:
    """A client that delivered a kind before, and nothing for more than 14 days; ``count`` are the days."""
    return [
        Finding(
            "source_silent", (day - each.last_on).days, kind=each.kind, client_id=each.client_id, last_on=each.last_on
        )
        for each in sources
        if day - each.last_on > SILENT_AFTER
    ]


def one_day(signs: Sequence[QualityIndicators]) -> list[Finding]:
    """At least 20 conversations held in the last 8 weeks, 90 % of them or more on one day of the week."""
    weekdays: Counter[int] = Counter()
    for each in signs:
        weekdays.update(each.weekdays)
    total = weekdays.total()
    if total < ENOUGH:
        return []
    weekday, count = max(weekdays.items(), key=lambda item: item[1])
    found = count >= ONE_DAY_SHARE * total
    return [Finding("one_day", count, total, "conversations", weekday=weekday)] if found else []


def all_in_person(signs: Sequence[QualityIndicators]) -> list[Finding]:
    """At least 20 counting conversations after the in-person weeks, every one in person.

    ``in_person`` is what a record says that says nothing: a sender may never have told the form.
    """
    total = sum(each.later_talks for each in signs)
    count = sum(each.later_in_person for each in signs)
    return [Finding("all_in_person", count, total, "conversations")] if total >= ENOUGH and count == total else []


def round_hours(signs: Sequence[QualityIndicators]) -> list[Finding]:
    """At least 20 activations, 95 % of them or more of 5, 10, 15 … hours a week."""
    total = sum(each.offers for each in signs)
    count = sum(each.round_offers for each in signs)
    found = total >= ENOUGH and count >= ROUND_SHARE * total
    return [Finding("round_hours", count, total, "activations")] if found else []


def open_spells_by_kind(signs: Sequence[QualityIndicators]) -> list[Finding]:
    """The spells that have been open for more than 26 weeks, kind by kind."""
    kinds = sorted({kind for each in signs for kind in each.open_spells})
    return [
        Finding(
            "open_spell",
            sum(each.open_spells.get(kind, 0) for each in signs),
            kind=kind,
            participants=tuple(each.participant_id for each in signs if kind in each.open_spells),
        )
        for kind in kinds
    ]


def _people(code: FindingCode, participants: Sequence[UUID]) -> list[Finding]:
    return [Finding(code, len(participants), participants=tuple(participants))] if participants else []


# --- signs of choosing ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DrawnPerson:
    """A drawn person as the signs look at them; ``number`` is None once erased."""

    participant_id: UUID
    arm: Arm
    number: str | None
    told_by_others: bool
    """Whether anybody but the jobcentre ever sent a record."""


@dataclass(frozen=True, slots=True)
class SentScreening:
    """A screening with the day on which it was sent; without participant and arm if nobody was drawn."""

    participant_id: UUID | None
    arm: Arm | None
    interview_on: date
    sent_on: date


@dataclass(frozen=True, slots=True)
class Candidacy:
    """The time that a supplement candidate waited; ``ended_at`` is None while it does."""

    participant_id: UUID
    monday: date
    order: Candidate
    ended_at: datetime | None
    withdrawn: bool


def signs_of_choosing(
    drawn: Sequence[DrawnPerson],
    screenings: Sequence[SentScreening],
    candidacies: Sequence[Candidacy],
    *,
    by_arm: bool,
) -> list[Finding]:
    """Count the signs in a jobcentre, whatever the size; ``total`` is of whom (domain 3.4)."""
    near = near_people({each.participant_id: each.number for each in drawn if each.number is not None})
    late = [each for each in screenings if each.sent_on - each.interview_on > LATE_AFTER]
    found: list[Finding] = []
    arm: Arm | None
    for arm in (*ARMS, None) if by_arm else (None,):
        people = [each for each in drawn if not by_arm or each.arm == arm]
        alone = [each.participant_id for each in people if not each.told_by_others]
        found.append(_sign("told_by_nobody_else", arm, len(people), alone))
        close = [each.participant_id for each in people if each.participant_id in near]
        found.append(_sign("near_number", arm, len(people), close))
        if arm is None:
            found.append(_sign("withdrawn_before_another", arm, len(candidacies), withdrawn_before(candidacies)))
        total = sum(not by_arm or each.arm == arm for each in screenings)
        dated = [each for each in late if not by_arm or each.arm == arm]
        people_dated = [each.participant_id for each in dated if each.participant_id is not None]
        found.append(_sign("dated_long_before", arm, total, people_dated, len(dated)))
    return [each for each in found if each.count]


def _sign(code: FindingCode, arm: Arm | None, total: int, people: Sequence[UUID], count: int | None = None) -> Finding:
    number = len(people) if count is None else count
    return Finding(code, number, total, arm=arm, participants=tuple(dict.fromkeys(people)))


def near_people(numbers: Mapping[UUID, str]) -> set[UUID]:
    """Return the people whose number differs from another's in at most two places.

    Two numbers are near if and only if they are equal without some two places: that takes a pass over the numbers for
    each pair of places, and not over their pairs.
    """
    near: set[UUID] = set()
    for places in combinations(range(10), NEAR_DIGITS):
        alike: dict[str, list[UUID]] = {}
        for participant_id, number in numbers.items():
            rest = "".join(digit for place, digit in enumerate(number) if place not in places)
            alike.setdefault(rest, []).append(participant_id)
        near.update(*(people for people in alike.values() if len(people) > 1))
    return near


def withdrawn_before(candidacies: Sequence[Candidacy]) -> list[UUID]:
    """Return the candidates withdrawn while another of the same week, who came after them, waited."""
    return [
        each.participant_id
        for each in candidacies
        if each.withdrawn and any(_waited_behind(each, other) for other in candidacies)
    ]


def _waited_behind(withdrawn: Candidacy, other: Candidacy) -> bool:
    ended_at = withdrawn.ended_at
    assert ended_at is not None
    waited = other.order.registered_at < ended_at and (other.ended_at is None or other.ended_at > ended_at)
    return waited and other.monday == withdrawn.monday and withdrawn.order.is_before(other.order)
