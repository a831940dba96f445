"""What the simulation passes between its parts: people, screenings, true records and the messages that tell of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

Value: TypeAlias = str | int | float | bool | list[str] | None
Body: TypeAlias = dict[str, Value]

REGISTER = "amfora"
KINDS = ("presence-events", "exemptions", "declined-offers", "activations", "outcomes", "conversations")
"""The kinds that are sent, in the order in which a case system sends a week's batches."""


@dataclass(frozen=True, slots=True)
class SimulatedPerson:
    """Someone who may be screened. The CPR number is synthetic (day + 60, domain 7)."""

    index: int
    cpr: str


@dataclass(frozen=True, slots=True)
class PlannedScreening:
    """One call of ``POST …/participants``, with the outcome that domain 3.1 gives it.

    ``only_if_waiting``: sent only while the person is an undrawn candidate. ``conflicts``: tells other facts of
    someone drawn, which is answered by 409. ``withdrawal``: reason for withdrawing the candidate before the draw.
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
    """Everyone who is screened, the screenings in the order of sending, and people that only the register knows."""

    people: tuple[SimulatedPerson, ...]
    screenings: tuple[PlannedScreening, ...]
    strangers: tuple[SimulatedPerson, ...]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Someone drawn. The arm is what the API answered, never chosen here."""

    person: SimulatedPerson
    participant_id: str
    jobcentre: str
    arm: str
    assigned_on: date
    target_group: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands in the end: field names of api.md, fields at their default left out."""

    client_id: str
    kind: str
    external_id: str
    person: SimulatedPerson
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Message:
    """One record as it is sent, in the week that begins on ``week``. ``body`` lacks the person, added at sending.

    ``expect`` holds the codes that it must be rejected with (one of them); empty: it must be accepted.
    """

    week: date
    client_id: str
    kind: str
    person: SimulatedPerson
    body: Mapping[str, Value]
    expect: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent, in order for each client and kind, and what is true when all of it has arrived."""

    messages: tuple[Message, ...]
    records: tuple[Record, ...]


def client_of(jobcentre: str) -> str:
    """The client id of a jobcentre's case system."""
    return f"case-system-{jobcentre}"
