"""Types of the simulation: people, screenings, true records, messages, and the result."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

Value: TypeAlias = str | int | float | bool | list[str] | None
Body: TypeAlias = dict[str, Value]

REGISTER = "amfora"
KINDS = ("presence-events", "exemptions", "declined-offers", "activations", "outcomes", "conversations")
"""Kinds of record, in the order in which a case system sends a week's batches."""


@dataclass(frozen=True, slots=True)
class SimulatedPerson:
    """A person who may be screened. The CPR number is synthetic (day + 60, domain 7)."""

    index: int
    cpr: str


@dataclass(frozen=True, slots=True)
class PlannedScreening:
    """One call of ``POST …/participants``, with the outcome that domain 3.1 gives it.

    ``only_if_waiting``: sent only while the person is an undrawn candidate. ``conflicts``: has other facts
    of a participant, which is answered by 409. ``withdrawal``: reason for withdrawing the candidate before the draw.
    """

    person: SimulatedPerson
    sender: str
    sent_on: date
    body: Mapping[str, Value]
    failures: frozenset[str] = frozenset()
    only_if_waiting: bool = False
    conflicts: bool = False
    withdrawal: str | None = None

    @property
    def interview_on(self) -> date:
        """The day of the job interview."""
        return date.fromisoformat(str(self.body["interview_on"]))


@dataclass(frozen=True, slots=True)
class Population:
    """People who are screened, their screenings in the order of sending, and people that only the register knows."""

    people: tuple[SimulatedPerson, ...]
    screenings: tuple[PlannedScreening, ...]
    strangers: tuple[SimulatedPerson, ...]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A participant. The arm comes from the API."""

    person: SimulatedPerson
    participant_id: str
    jobcentre: str
    arm: str
    assigned_on: date
    target_group: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Final state of a record: field names of api.md, fields at their default left out."""

    client_id: str
    kind: str
    external_id: str
    person: SimulatedPerson
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Message:
    """One record as sent in the week that begins on ``week``. ``body`` has no person; the runner adds it.

    ``expect``: the record must be rejected with one of these codes; empty: it must be accepted.
    """

    week: date
    client_id: str
    kind: str
    person: SimulatedPerson
    body: Mapping[str, Value]
    expect: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """Messages, in order for each client and kind, and the records that are true after all of them."""

    messages: tuple[Message, ...]
    records: tuple[Record, ...]


@dataclass(slots=True)
class OutcomeTally:
    """Counts of responses. ``unexpected`` has those that the plan does not foresee."""

    screened: set[int] = field(default_factory=set)
    eligible: set[int] = field(default_factory=set)
    failures: Counter[str] = field(default_factory=Counter)
    refused_draws: Counter[str] = field(default_factory=Counter)
    withdrawn: int = 0
    batches: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class ParticipantTruth:
    """Truth about a participant. ``records`` by kind, in api.md's names, with ``client_id`` and ``external_id``."""

    participant_id: str
    cpr: str
    jobcentre: str
    arm: str
    interview_on: date
    target_group: int | None
    records: Mapping[str, Sequence[Mapping[str, Value]]]


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """Result of a simulation. ``summary`` and ``conditions`` are the items of the last week's reports."""

    trial: str
    seed: int
    last_week: date
    """The Monday of the last week that records were sent in."""
    participants: tuple[ParticipantTruth, ...]
    tally: OutcomeTally
    summary: Sequence[Mapping[str, Any]]
    conditions: Sequence[Mapping[str, Any]]
    seconds: float


def participant_truths(enrolled: Sequence[Enrolled], records: Sequence[Record]) -> tuple[ParticipantTruth, ...]:
    """Return the true records by participant, in the order of ``enrolled``."""
    by_person: dict[int, dict[str, list[Mapping[str, Value]]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        fields = {**record.fields, "client_id": record.client_id, "external_id": record.external_id}
        by_person[record.person.index][record.kind].append(fields)
    return tuple(
        ParticipantTruth(
            participant.participant_id,
            participant.person.cpr,
            participant.jobcentre,
            participant.arm,
            participant.assigned_on,
            participant.target_group,
            {kind: tuple(bodies) for kind, bodies in by_person[participant.person.index].items()},
        )
        for participant in enrolled
    )


def client_of(jobcentre: str) -> str:
    """Return the client id of a jobcentre's case system."""
    return f"case-system-{jobcentre}"
