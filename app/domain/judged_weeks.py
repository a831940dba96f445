"""The judged weeks of a person: what ``rules.weeks.judge`` returns, and how they are packed (domain 4.3 to 4.6, 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal, NamedTuple, get_args

from app.domain.facts import ExitReason, History, PresenceEvent

WORKING_DAYS: Final = 5
WeekForm = Literal["in_person", "grounded", "remote"]
"""The form of a week: that of the best of its counting conversations, in this order."""
WEEK_FORMS: Final[tuple[WeekForm, ...]] = ("in_person", "grounded", "remote")
MissingReason = Literal["no_show", "cancelled", "mentor_only", "not_accepted", "nothing"]
WeekState = Literal["assignment_week", "counted", "absent", "exempt", "complete"]
FLAGS: Final = (
    "conversation_due",
    "conversation_held",
    "conversation_conforming",
    "activation_due",
    "activated",
    "workplace_activated",
)


@dataclass(frozen=True, slots=True)
class Presence:
    """The spans of days in the trial (first and last day), and the events by their effect, in the order of 4.1."""

    spans: tuple[tuple[date, date], ...]
    exits: tuple[tuple[date, ExitReason], ...]
    """The effective exits: first day out, reason. A rematch to group 3 is one where the protocol says so."""
    re_entries: tuple[date, ...]
    """The effective re-entries: first day in."""
    without_effect: tuple[PresenceEvent, ...]
    """The events that are the deviation ``event_without_effect`` of their week."""

    def covers(self, day: date) -> bool:
        """Whether the person is in the trial on the day."""
        return any(first <= day <= last for first, last in self.spans)


class Week(NamedTuple):
    """One ISO week of one person: the columns of ``JudgedWeeks``. Deviations and ``missing_because`` are those of a
    week that is over: see ``as_seen_on``."""

    monday: date
    number: int | None
    state: WeekState
    conversation_due: bool
    conversation_held: bool
    conversation_conforming: bool
    activation_due: bool
    activated: bool
    workplace_activated: bool
    deviations: tuple[str, ...]
    missing_because: MissingReason | None
    form: WeekForm | None
    in_person: bool
    active: bool
    at_workplace: bool
    contact_week: bool
    days_in_trial: int
    meter: int


class JudgedWeeks:
    """The weeks of a person, column by column, and what was read on the way to them. Read-only once judged."""

    def __init__(
        self,
        history: History,
        first_monday: date,
        presence: Presence,
        days_in_trial: list[int],
        form: list[WeekForm | None],
        active: list[bool],
        at_workplace: list[bool],
    ) -> None:
        """The columns before the rules: counted weeks without number, in which nothing is due."""
        weeks, unset = len(days_in_trial), [False] * len(days_in_trial)
        self.history = history
        self.first_monday = first_monday
        """Of the assignment week."""
        self.presence = presence
        self.number: list[int | None] = [None] * weeks
        """The programme week; None while the clock stands still."""
        self.state: list[WeekState] = ["counted"] * weeks
        self.conversation_due = unset
        self.conversation_held = unset.copy()
        self.conversation_conforming = unset.copy()
        self.activation_due = unset.copy()
        self.activated = unset.copy()
        self.workplace_activated = unset.copy()
        self.deviations: list[tuple[str, ...]] = [()] * weeks
        """In any order; those of a ``Week`` are sorted."""
        self.missing_because: list[MissingReason | None] = [None] * weeks
        """Why a due conversation is missing (domain 5)."""
        self.form = form
        """The form of the week's counting conversations, due or not; None without any."""
        self.in_person = unset.copy()
        """The week has a number, and its conversation is to be in person."""
        self.active = active
        """Active by its activations (4.6), due or not."""
        self.at_workplace = at_workplace
        """A covering activation is at a workplace, due or not."""
        self.contact_week = unset.copy()
        """Counted, with enough days not exempt from conversations, where the cadence is an average (domain 6 [C])."""
        self.days_in_trial = days_in_trial
        """Working days in the trial, 0 to 5."""
        self.meter = [0] * weeks
        """Weeks of the nine months used up, this one included (4.4)."""

    @property
    def weeks(self) -> list[Week]:
        """The weeks in their order, made anew."""
        first = self.first_monday.toordinal()
        mondays = [date.fromordinal(first + 7 * index) for index in range(len(self.state))]
        return list(map(Week._make, zip(mondays, *self._columns(), strict=True)))

    @property
    def assigned_on(self) -> date:
        """The day of the assignment."""
        return self.history.assigned_on

    def week(self, index: int) -> Week:
        """The week at an index."""
        return Week(self.monday(index), *[column[index] for column in self._columns()])

    def _columns(self) -> tuple[list[Any], ...]:
        """The columns in the order of a ``Week``'s fields after its Monday."""
        sorted_codes = [codes if len(codes) < 2 else tuple(sorted(codes)) for codes in self.deviations]
        return (
            *(self.number, self.state, self.conversation_due, self.conversation_held, self.conversation_conforming),
            *(self.activation_due, self.activated, self.workplace_activated, sorted_codes, self.missing_because),
            *(self.form, self.in_person, self.active, self.at_workplace, self.contact_week, self.days_in_trial),
            self.meter,
        )

    def monday(self, index: int) -> date:
        """The Monday of the week at an index, within the person's weeks or not."""
        return self.first_monday + timedelta(days=7 * index)

    def index_of(self, day: date) -> int:
        """How many ISO weeks after the assignment week a day lies; it may lie outside the person's weeks."""
        return (day.toordinal() - self.first_monday.toordinal()) // 7

    def indexes_of(self, first: date, last: date | None) -> range:
        """The weeks of which a span of days covers at least one working day; None is open."""
        return weeks_covered(first, last, self.first_monday.toordinal(), len(self.state))

    def has(self, index: int) -> bool:
        """Whether the index is that of one of the person's weeks."""
        return 0 <= index < len(self.state)


def weeks_covered(first: date, last: date | None, first_monday: int, weeks: int) -> range:
    """The indexes of the weeks of which a span of days covers at least one working day; None is open."""
    # What begins on a weekend covers the next week first.
    start = max((first.toordinal() - first_monday + 7 - WORKING_DAYS) // 7, 0)
    stop = weeks if last is None else min((last.toordinal() - first_monday) // 7 + 1, weeks)
    return range(start, max(start, stop))


# --- packing ----------------------------------------------------------------------------------------------------------

LAYOUT: Final = 1
"""Version of the layout below, kept in every packed week. It rises whenever a field or a list of codes changes."""
DEVIATIONS: Final = (
    "activation_missing",
    "conversation_missing",
    "event_without_effect",
    "hours_too_few",
    "mentor_missing",
    "mentor_only",
    "no_justification",
    "not_at_workplace",
    "remote_too_early",
    "remote_too_often",
    "started_late",
    "wrong_place",
)
"""Every deviation, sorted."""
BYTES_A_WEEK: Final = 8
_BITS: Final = (
    *((4, "layout"), (11, "number"), (11, "meter"), (3, "days_in_trial"), (3, "state"), (3, "missing_because")),
    *((2, "form"), (len(DEVIATIONS), "deviations"), (1, "conversation_due"), (1, "conversation_held")),
    *((1, "conversation_conforming"), (1, "activation_due"), (1, "activated"), (1, "workplace_activated")),
    *((1, "in_person"), (1, "active"), (1, "at_workplace"), (1, "contact_week")),
)
"""Bits and name of each field of a packed week, the lowest first. Codes are places in their lists; None is 0."""
_STATES: Final[Sequence[WeekState]] = get_args(WeekState)
_REASONS: Final[Sequence[MissingReason | None]] = (None, *get_args(MissingReason))
_FORMS: Final[Sequence[WeekForm | None]] = (None, *WEEK_FORMS)


def pack(weeks: Sequence[Week]) -> bytes:
    """Pack weeks into eight bytes each, little-endian. Their Mondays follow from the first one."""
    return b"".join([_word(week).to_bytes(BYTES_A_WEEK, "little") for week in weeks])


def unpack(first_monday: date, packed: bytes) -> list[Week]:
    """Unpack what ``pack`` packed; ValueError for another layout."""
    words = [int.from_bytes(packed[at : at + BYTES_A_WEEK], "little") for at in range(0, len(packed), BYTES_A_WEEK)]
    return [_week(first_monday + timedelta(days=7 * index), word) for index, word in enumerate(words)]


def _word(week: Week) -> int:
    values: dict[str, int] = {
        "layout": LAYOUT,
        "number": week.number or 0,
        "state": _STATES.index(week.state),
        "missing_because": _REASONS.index(week.missing_because),
        "form": _FORMS.index(week.form),
        "deviations": sum([1 << DEVIATIONS.index(code) for code in week.deviations]),
    }
    word = shift = 0
    for bits, name in _BITS:
        value = values[name] if name in values else int(getattr(week, name))
        if value >> bits:
            raise ValueError(f"{name} does not fit into {bits} bits")
        word |= value << shift
        shift += bits
    return word


def _week(monday: date, word: int) -> Week:
    values: dict[str, Any] = {}
    for bits, name in _BITS:
        value = word & ((1 << bits) - 1)
        values[name] = bool(value) if bits == 1 else value
        word >>= bits
    if values.pop("layout") != LAYOUT:
        raise ValueError("packed weeks of another layout")
    return Week(
        monday=monday,
        **values
        | {
            "number": values["number"] or None,
            "state": _STATES[values["state"]],
            "missing_because": _REASONS[values["missing_because"]],
            "form": _FORMS[values["form"]],
            "deviations": tuple([code for at, code in enumerate(DEVIATIONS) if values["deviations"] >> at & 1]),
        },
    )
