"""The panel for evaluators: what a person's weeks, baseline and draw are in columns, and what each column means.

Rows are tuples in the order of their table's columns. Nothing here judges: the columns hold what the functions of
``weeks``, ``activity`` and ``presence`` returned.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Literal

from app.domain.facts import Activation, History
from app.domain.figures.activation_load import load_of
from app.domain.figures.coordination import COORDINATION, coordination_by_week
from app.domain.figures.outcomes import WeeklyOutcome, lived_by_week
from app.domain.judged_weeks import JudgedWeeks
from app.domain.protocol import Protocol
from app.domain.rules.activity import hours_by_week
from app.domain.rules.calendar import is_over, monday_of, week_code
from app.domain.rules.conversations import is_no_show, told_once
from app.domain.rules.weeks import as_seen_on, judge, week_count

ColumnType = Literal["string", "bool", "int32", "double", "date", "list<string>"]
PanelRow = tuple[Any, ...]
VERSION = 2
"""Of the tables below: it rises whenever a column, its meaning or the order of rows changes."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the panel. ``codes`` names the list of codes that its values are of."""

    name: str
    type: ColumnType
    meaning: str
    source: str
    unit: str | None = None
    nullable: bool = False
    codes: str | None = None


@dataclass(frozen=True, slots=True)
class PanelTable:
    """A table of the panel; ``row`` says what one row is, ``key`` which columns name it."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in their order."""
        return tuple(column.name for column in self.columns)


_PERSON = Column("person", "string", "Pseudonym: the same in all tables of a release, another in each release", "draw")
_STRATUM = (
    Column("jobcentre", "string", "Municipality code of the jobcentre at the draw: the stratum", "draw, domain 3.3"),
    Column("region", "string", "Employment region of the jobcentre", "trial", codes="Region"),
    Column("arm", "string", "The arm that the person was drawn to (intention to treat)", "draw", codes="Arm"),
)
_FLAGS = {
    "conversation_due": ("A conversation was due", "4.4"),
    "conversation_held": ("Due, and at least one conversation counts", "4.5"),
    "conversation_conforming": ("Held in the form that the protocol asks for", "4.5"),
    "activation_due": ("An activation was due", "4.4"),
    "activated": ("Due, and active", "4.6"),
    "workplace_activated": ("Activated, and at a workplace", "4.6"),
}

PERSON_WEEKS = PanelTable(
    "person-weeks",
    "one person in one ISO week that is over, from the assignment week to the trial's end; whoever left stays in",
    ("person", "week"),
    (
        _PERSON,
        *_STRATUM,
        Column("week", "string", "ISO week, 2011-W05", "calendar, domain 2"),
        Column("monday", "date", "The week's Monday", "calendar, domain 2"),
        Column(
            "weeks_since_assignment",
            "int32",
            "ISO weeks since the assignment week, which is 0",
            "draw, domain 5",
            "weeks",
        ),
        Column(
            "number", "int32", "Programme week; null while the clock stands still", "domain 4.3", None, nullable=True
        ),
        Column("meter", "int32", "Weeks of activation used up, this one included", "domain 4.4", "weeks"),
        Column("state", "string", "State of the week", "domain 4.3", codes="WeekState"),
        Column("days_in_trial", "int32", "Working days in the trial, 0 to 5", "presence events, domain 4.1", "days"),
        *(Column(name, "bool", meaning, f"domain {source}") for name, (meaning, source) in _FLAGS.items()),
        Column("contact_week", "bool", "Counts for the average of contacts, where the cadence is one", "domain 6"),
        Column("deviations", "list<string>", "Departures from the protocol", "domain 4.5, 4.6", codes="DeviationCode"),
        Column("conversations", "int32", "Conversations that count, due or not", "conversations, domain 4.5", "count"),
        Column("forms", "list<string>", "Forms of those, each once", "conversations", codes="ConversationForm"),
        Column("no_shows", "int32", "Conversations to which the person did not come", "conversations", "count"),
        Column("active", "bool", "Active by the protocol's minimum, due or not", "activations, domain 4.6"),
        Column("at_workplace", "bool", "A covering activation is at a workplace", "activations, domain 4.6"),
        Column(
            "hours_per_week",
            "double",
            "Hours of activation: the largest daily sum of one client; 0 where nothing covers the week",
            "activations, domain 4.6",
            "hours a week",
        ),
        Column(
            "load_per_mille",
            "double",
            "What the week's activations add to the year's load as AMFORA counts it: hours/37 × days/days of the year",
            "activations, domain 7",
            "per mille of a full-time year",
        ),
        Column("activation_types", "list<string>", "Types that cover the week", "activations", codes="ActivationType"),
        Column("coordination", "list<string>", "A mentor, and areas of support efforts, in the week", "domain 4.7"),
        Column("exits", "list<string>", "Reasons of effective exits of the week", "domain 4.1", codes="ExitReason"),
        Column("re_entered", "bool", "An effective re-entry lies in the week", "presence events, domain 4.1"),
        Column(
            "outcome_status",
            "string",
            "What the person lived on that week; null where no register told",
            "outcomes, domain 7",
            nullable=True,
            codes="OutcomeStatus",
        ),
        Column(
            "outcome_hours",
            "double",
            "Hours of work, with whatever status; 0 where none are told, null of the employed then, or of no record",
            "outcomes, domain 7",
            "hours a week",
            nullable=True,
        ),
    ),
)
PARTICIPANTS = PanelTable(
    "participants",
    "one person drawn, as they were on the day of the assignment",
    ("person",),
    (
        _PERSON,
        *_STRATUM,
        Column("assigned_week", "string", "ISO week of the assignment", "screening, domain 3.3"),
        Column("channel", "string", "How the person came to be screened", "screening", nullable=True, codes="Channel"),
        Column("match_group", "int32", "Match group", "screening", nullable=True, codes="MatchGroup"),
        Column("benefit", "string", "Benefit received", "screening", nullable=True, codes="Benefit"),
        Column(
            "exempt_from", "string", "What the person was exempt from", "screening", nullable=True, codes="ExemptFrom"
        ),
        Column("circumstances", "list<string>", "Circumstances stated", "screening", codes="Circumstance"),
        Column("target_group", "int32", "Target group (§ 2), where the trial is for some", "screening", nullable=True),
        Column(
            "unemployed_weeks",
            "int32",
            "Whole weeks unemployed on the day of the assignment, where it was stated",
            "screening",
            "weeks",
            nullable=True,
        ),
        Column(
            "sick_weeks",
            "int32",
            "Whole weeks sick on the day of the assignment, where it was stated",
            "screening, domain 6",
            "weeks",
            nullable=True,
        ),
        Column("has_job", "bool", "A job to return to, where it was stated", "screening, domain 6", nullable=True),
        Column("weeks", "int32", "Rows of the person in person-weeks", "calendar", "weeks"),
    ),
)
DRAWS = PanelTable(
    "draws",
    "one draw; a one-arm trial has none",
    ("jobcentre", "person"),
    (
        Column("person", "string", f"{_PERSON.meaning}; null of a duplicate", "draw", nullable=True),
        *_STRATUM,
        Column(
            "position",
            "int32",
            "Place among the draws of the jobcentre, from 0; null until the trial is closed and its draws published",
            "draw, domain 3.3",
            nullable=True,
        ),
        Column("assigned_week", "string", "ISO week of the assignment", "screening, domain 3.3"),
        Column("drawn_week", "string", "ISO week of the draw itself, later for a supplement candidate", "draw"),
        Column("duplicate", "bool", "Of a person drawn before: in no figure, and in no other table", "domain 3.3"),
    ),
)
TABLES: Mapping[str, PanelTable] = {table.name: table for table in (PERSON_WEEKS, PARTICIPANTS, DRAWS)}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose rows they are: the first columns of every table."""

    person: str
    jobcentre: str
    region: str
    arm: str

    @property
    def cells(self) -> PanelRow:
        """The values of these columns."""
        return (self.person, self.jobcentre, self.region, self.arm)


def person_week_rows(
    subject: Subject, protocol: Protocol, ends_on: date, today: date, history: History
) -> Iterator[PanelRow]:
    """The rows of one person in ``PERSON_WEEKS``: the weeks that are over on ``today``."""
    judged = judge(protocol, ends_on, history)
    covering = _covering_by_week(judged, history.activations)
    hours = hours_by_week(history.activations, judged.first_monday.toordinal(), len(judged.state))
    told = told_once(protocol, history)
    talks = _by_week(judged, ((talk.date, talk.form) for talk, counting in told if counting))
    missed = _by_week(judged, ((talk.date, talk) for talk, _ in told if is_no_show(history, talk)))
    exits = _by_week(judged, judged.presence.exits)
    re_entries = _by_week(judged, ((day, day) for day in judged.presence.re_entries))
    coordinated = coordination_by_week(judged)
    lived = lived_by_week(history, today)
    for index, week in enumerate(as_seen_on(protocol, judged, today)):
        if not is_over(week.monday, today):
            return
        offers = covering.get(index, ())
        yield (
            *subject.cells,
            week_code(week.monday),
            week.monday,
            index,
            week.number,
            week.meter,
            week.state,
            week.days_in_trial,
            *week[3:9],
            week.contact_week,
            week.deviations,
            len(talks.get(index, ())),
            _codes(talks.get(index, ())),
            len(missed.get(index, ())),
            week.active,
            week.at_workplace,
            float(hours.get(index, 0)),
            float(1000 * _load(offers, week.monday)) if offers else 0.0,
            _codes(offer.type for _, offer in offers),
            tuple(name for name in COORDINATION if index in coordinated.get(name, ())),
            _codes(exits.get(index, ())),
            index in re_entries,
            *(_lived(lived[index]) if index in lived else (None, None)),
        )


def participant_row(
    subject: Subject, protocol: Protocol, ends_on: date, today: date, assigned_on: date, facts: Mapping[str, Any]
) -> PanelRow:
    """The row of one person in ``PARTICIPANTS``; ``facts`` are those of the screening (api.md)."""
    unemployed, sick = (
        None if since is None else (assigned_on - date.fromisoformat(since)).days // 7
        for since in (facts.get("unemployed_since"), facts.get("sick_since"))
    )
    first = monday_of(assigned_on)
    weeks = week_count(assigned_on, ends_on, protocol.countable_days)
    return (
        *subject.cells,
        week_code(assigned_on),
        facts.get("channel"),
        facts.get("match_group"),
        facts.get("benefit"),
        facts.get("exempt_from"),
        tuple(facts.get("circumstances") or ()),
        facts.get("target_group"),
        unemployed,
        sick,
        facts.get("has_job"),
        sum(is_over(first + timedelta(days=7 * index), today) for index in range(weeks)),
    )


def draw_row(subject: Subject, position: int | None, assigned_on: date, drawn_on: date, *, duplicate: bool) -> PanelRow:
    """The row of one draw in ``DRAWS``."""
    person, *stratum = subject.cells
    shown = None if duplicate else person
    return (shown, *stratum, position, week_code(assigned_on), week_code(drawn_on), duplicate)


def _lived(week: WeeklyOutcome) -> PanelRow:
    return (week.status, None if week.hours is None else float(week.hours))


def _by_week(judged: JudgedWeeks, dated: Iterable[tuple[date, Any]]) -> dict[int, list[Any]]:
    by_week: dict[int, list[Any]] = {}
    for day, value in dated:
        by_week.setdefault(judged.index_of(day), []).append(value)
    return by_week


def _covering_by_week(
    judged: JudgedWeeks, activations: Iterable[tuple[str, Activation]]
) -> dict[int, list[tuple[str, Activation]]]:
    covering: dict[int, list[tuple[str, Activation]]] = {}
    for client, activation in activations:
        for index in judged.indexes_of(activation.starts_on, activation.ends_on):
            covering.setdefault(index, []).append((client, activation))
    return covering


def _codes(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(codes)))


def _load(offers: Sequence[tuple[str, Activation]], monday: date) -> Fraction:
    """The load of a week: of the client with the largest, as with the hours (domain 4.6), all its seven days."""
    sunday = date.fromordinal(monday.toordinal() + 6)
    loads: dict[str, Fraction] = {}
    for client, offer in offers:
        last = sunday if offer.ends_on is None else min(offer.ends_on, sunday)
        load = load_of(offer.hours_per_week, max(offer.starts_on, monday), last)
        loads[client] = loads.get(client, Fraction(0)) + load
    return max(loads.values())
