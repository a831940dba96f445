"""What a simulation leaves behind: counts, reports, and for each person the records as they stand in the end."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from app.simulate.model import Enrolled, Record, Value


@dataclass(slots=True)
class OutcomeTally:
    """Counts of what was answered. ``unexpected`` names every answer that the plan did not foresee; empty is well."""

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
    """One person drawn. ``records`` by kind, as api.md names them, no defaults, with ``client_id``, ``external_id``."""

    participant_id: str
    cpr: str
    jobcentre: str
    arm: str
    interview_on: date
    target_group: int | None
    records: Mapping[str, Sequence[Mapping[str, Value]]]


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """The end of a simulation. ``summary`` and ``conditions`` hold the items of the reports of the last week."""

    trial: str
    seed: int
    last_week: date
    """The Monday of the last week that records were sent in."""
    participants: tuple[ParticipantTruth, ...]
    tally: OutcomeTally
    summary: Sequence[Mapping[str, Any]]
    conditions: Sequence[Mapping[str, Any]]
    seconds: float


def truths(enrolled: Sequence[Enrolled], records: Sequence[Record]) -> tuple[ParticipantTruth, ...]:
    """The end state by person, in the order of ``enrolled``."""
    by_person: dict[int, dict[str, list[Mapping[str, Value]]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        known = {**record.fields, "client_id": record.client_id, "external_id": record.external_id}
        by_person[record.person.index][record.kind].append(known)
    return tuple(
        ParticipantTruth(
            someone.participant_id,
            someone.person.cpr,
            someone.jobcentre,
            someone.arm,
            someone.assigned_on,
            someone.target_group,
            {kind: tuple(bodies) for kind, bodies in by_person[someone.person.index].items()},
        )
        for someone in enrolled
    )
