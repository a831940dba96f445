"""A protocol: the rules' parameters as data, each beside its source (domain 6). A protocol in use is never edited."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Literal, get_args

Design = Literal["randomised", "one_arm"]
Cadence = Literal["weekly", "average"]
Criterion = Literal[
    "job_or_education",
    "job",
    "flex_job",
    "part_time_job",
    "partial_return",
    "workplace_activation",
    "active_offer",
]
PrimaryMeasure = Literal["employment", "education", "any_hours", "hours", "on_benefit"]
InPerson = int | Literal["all", "before_first_workplace_activation"]


class ProtocolError(ValueError):
    """A protocol file is faulty; the sentence says which parameter and why."""


@dataclass(frozen=True, slots=True)
class EligibilityRule:
    """One failing code of the screening: which check, with which parameters (domain 3.1)."""

    code: str
    check: str
    parameters: Mapping[str, Any]
    source: str
    detail: str | None = None
    """The failure in a sentence for people, where the register has none of its own for the code."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Rates that the three conditions of the grant require, in per cent, inclusive (domain 5)."""

    conversation: int
    activation: int
    workplace: int


@dataclass(frozen=True, slots=True)
class PrimaryOutcome:
    """What the trial is to show: an outcome so many ISO weeks since the assignment week, stratified by jobcentre
    (domain 5.1)."""

    outcome: PrimaryMeasure
    week: int


@dataclass(frozen=True, slots=True)
class Protocol:
    """The parameters that the rules are functions of. Names and units as in domain 6; None: the protocol has none."""

    id: str
    title: str
    design: Design
    imbalance_limit: int
    """How far one arm may be ahead in a jobcentre (domain 3.3); 0 where nothing is drawn."""
    intake_from: date | None
    intake_to: date | None
    ends_on: date | None
    countable_days: int
    """Available working days that make a week count, of 5 (domain 4.3)."""
    accepted_forms: frozenset[str]
    in_person_forms: frozenset[str]
    """The forms that are as good as meeting alone in person."""
    accepted_conductors: frozenset[str]
    cadence: Cadence
    first_talk_within_days: int | None
    """Days after the assignment in which the first counting conversation is due (``started_late``, domain 4.5)."""
    talk_on_assignment_counts: bool
    """Whether a conversation on the day of the assignment is the first of the course (domain 4.5 [S])."""
    rematch_to_group_3_exits: bool
    """Whether a rematch to group 3 is an exit, and one to group 1 or 2 the way back (domain 4.1)."""
    in_person_weeks: InPerson
    """Programme weeks 1 to n in person; all; or the weeks before the first workplace activation starts."""
    remote_grounds: frozenset[str]
    remote_share_max: Fraction | None
    activation_due_week: int | None
    min_weekly_hours: int | None
    reduced_hours_reasons: frozenset[str]
    sufficient_not_workplace_reasons: frozenset[str]
    max_activation_weeks: int | None
    """The meter: weeks of activation after which the course is over (domain 4.4)."""
    max_programme_weeks: int | None
    """The programme week after which the course is over, whatever the meter."""
    judges_workplace: bool
    """Whether wrong_place, not_at_workplace and mentor_missing are deviations."""
    requires_justification: bool
    thresholds: Thresholds | None
    primary_outcome: PrimaryOutcome | None
    success_criteria: tuple[Criterion, ...]
    """The best first (domain 5)."""
    grant_dkk: int | None
    channels: tuple[str, ...]
    screening_fields: frozenset[str]
    """What a screening must state beyond cpr, jobcentre and interview_on."""
    optional_screening_fields: frozenset[str]
    """What it may state besides; no rule reads it."""
    target_groups: tuple[int, ...]
    """The target groups that a trial picks from (numbers of the law's § 2, domain 6 [C]); empty: there are none."""
    eligibility: tuple[EligibilityRule, ...]
    document: Mapping[str, Any]
    """The file as it was read, every value beside its source: what the API shows."""


def parse_protocol(document: Mapping[str, Any]) -> Protocol:
    """A protocol from its parsed TOML; ProtocolError names what is missing, unknown or of the wrong type."""
    known = {"id", "title", "description", "parameters", "eligibility"}
    if unknown := set(document) - known:
        raise ProtocolError(f"unknown entries: {', '.join(sorted(unknown))}")
    if not isinstance(document.get("description", ""), str):
        raise ProtocolError("description must be a text")
    reader = _Parameters(_table(document, "parameters"))
    design = reader.choice("design", ("randomised", "one_arm"))
    protocol = Protocol(
        id=_text(document, "id"),
        title=_text(document, "title"),
        design=design,
        imbalance_limit=reader.take("imbalance_limit", int, optional=design == "one_arm") or 0,
        intake_from=reader.take("intake_from", date, optional=True),
        intake_to=reader.take("intake_to", date, optional=True),
        ends_on=reader.take("ends_on", date, optional=True),
        countable_days=reader.take("countable_days", int),
        accepted_forms=reader.codes("accepted_forms"),
        in_person_forms=reader.codes("in_person_forms"),
        accepted_conductors=reader.codes("accepted_conductors"),
        cadence=reader.choice("cadence", ("weekly", "average")),
        first_talk_within_days=reader.take("first_talk_within_days", int, optional=True),
        talk_on_assignment_counts=reader.take("talk_on_assignment_counts", bool, optional=True) or False,
        rematch_to_group_3_exits=reader.take("rematch_to_group_3_exits", bool, optional=True) or False,
        in_person_weeks=reader.in_person_weeks(),
        remote_grounds=reader.codes("remote_grounds"),
        remote_share_max=reader.share("remote_share_max"),
        activation_due_week=reader.take("activation_due_week", int, optional=True),
        min_weekly_hours=reader.take("min_weekly_hours", int, optional=True),
        reduced_hours_reasons=reader.codes("reduced_hours_reasons"),
        sufficient_not_workplace_reasons=reader.codes("sufficient_not_workplace_reasons"),
        max_activation_weeks=reader.take("max_activation_weeks", int, optional=True),
        max_programme_weeks=reader.take("max_programme_weeks", int, optional=True),
        judges_workplace=reader.take("judges_workplace", bool),
        requires_justification=reader.take("requires_justification", bool),
        thresholds=reader.thresholds("thresholds"),
        primary_outcome=reader.primary_outcome("primary_outcome"),
        success_criteria=reader.criteria("success_criteria"),
        grant_dkk=reader.take("grant_dkk", int, optional=True),
        channels=reader.texts("channels"),
        screening_fields=reader.codes("screening_fields"),
        optional_screening_fields=reader.codes("optional_screening_fields", optional=True),
        target_groups=reader.numbers("target_groups"),
        eligibility=tuple(_rule(code, entry) for code, entry in _table(document, "eligibility").items()),
        document=document,
    )
    reader.finish()
    return protocol


class _Parameters:
    """Takes parameters one by one, each a table of ``value`` and ``source``, and knows what was left over."""

    def __init__(self, entries: Mapping[str, Any]) -> None:
        self._entries = dict(entries)

    def take(self, name: str, kind: type, *, optional: bool = False) -> Any:
        entry = self._entries.pop(name, None)
        if entry is None:
            if optional:
                return None
            raise ProtocolError(f"parameters.{name} is missing")
        if not isinstance(entry, dict) or not _is_text(entry.get("source")) or "value" not in entry:
            raise ProtocolError(f"parameters.{name} needs a value and its source")
        if further := sorted(entry.keys() - {"value", "source"}):
            raise ProtocolError(f"parameters.{name} has more than a value and its source: {', '.join(further)}")
        value = entry["value"]
        is_subtype = type(value) in (bool, datetime)  # a bool is an int to Python, and a date-time a date
        if not isinstance(value, kind) or (is_subtype and kind in (int, date)):
            raise ProtocolError(f"parameters.{name} must be of type {kind.__name__}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.take(name, list)
        if not all(isinstance(value, str) for value in values):
            raise ProtocolError(f"parameters.{name} must hold texts only")
        return tuple(values)

    def codes(self, name: str, *, optional: bool = False) -> frozenset[str]:
        return frozenset(() if optional and name not in self._entries else self.texts(name))

    def numbers(self, name: str) -> tuple[int, ...]:
        values = self.take(name, list, optional=True) or []
        if not all(type(value) is int for value in values):
            raise ProtocolError(f"parameters.{name} must hold whole numbers only")
        return tuple(values)

    def share(self, name: str) -> Fraction | None:
        text = self.take(name, str, optional=True)
        try:
            return None if text is None else Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise ProtocolError(f"parameters.{name} must be a fraction such as 1/2") from None

    def thresholds(self, name: str) -> Thresholds | None:
        values = self.take(name, dict, optional=True)
        if values is None:
            return None
        names = {each.name for each in fields(Thresholds)}
        if values.keys() != names or any(type(each) is not int for each in values.values()):
            raise ProtocolError(f"parameters.{name} must be conversation, activation and workplace, whole per cent")
        return Thresholds(**values)

    def primary_outcome(self, name: str) -> PrimaryOutcome | None:
        values = self.take(name, dict, optional=True)
        if values is None:
            return None
        if values.keys() != {"outcome", "week"} or type(values["week"]) is not int:
            raise ProtocolError(f"parameters.{name} must be an outcome and a week")
        if values["outcome"] not in get_args(PrimaryMeasure):
            raise ProtocolError(f"parameters.{name}.outcome must be one of {', '.join(get_args(PrimaryMeasure))}")
        return PrimaryOutcome(values["outcome"], values["week"])

    def criteria(self, name: str) -> Any:
        values = self.texts(name) if name in self._entries else ()
        if unknown := sorted(set(values) - set(get_args(Criterion))):
            raise ProtocolError(f"parameters.{name} has unknown criteria: {', '.join(unknown)}")
        return values

    def choice(self, name: str, allowed: tuple[str, ...]) -> Any:
        value = self.take(name, str)
        if value not in allowed:
            raise ProtocolError(f"parameters.{name} must be one of {', '.join(allowed)}")
        return value

    def in_person_weeks(self) -> Any:
        value = self.take("in_person_weeks", object)
        if isinstance(value, bool) or not (
            isinstance(value, int) or value in ("all", "before_first_workplace_activation")
        ):
            raise ProtocolError("parameters.in_person_weeks must be a number, all or before_first_workplace_activation")
        return value

    def finish(self) -> None:
        if self._entries:
            raise ProtocolError(f"unknown parameters: {', '.join(sorted(self._entries))}")


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise ProtocolError(f"{name} must be a table")
    return table


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not _is_text(value):
        raise ProtocolError(f"{name} is missing")
    return str(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _rule(code: str, entry: Any) -> EligibilityRule:
    if not isinstance(entry, dict) or not _is_text(entry.get("source")) or "check" not in entry:
        raise ProtocolError(f"eligibility.{code} needs a check and its source")
    for name in ("check", "detail"):
        if not isinstance(entry.get(name, ""), str):
            raise ProtocolError(f"eligibility.{code}.{name} must be a text")
    parameters = {name: value for name, value in entry.items() if name not in ("check", "source", "detail")}
    return EligibilityRule(code, entry["check"], parameters, entry["source"], entry.get("detail"))
