"""The request and the result of a batch of records."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple
from uuid import UUID

from app.db.core.session import AccessScope
from app.db.trials.trials import Trial
from app.domain.facts import Fact
from app.domain.records.ingest import RecordReport
from app.domain.records.spell_matching import HoldReason, Removals


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Keyed digests of an ``Idempotency-Key``, and of the request that it came with."""

    key: bytes
    digest: bytes


class RecordInput(NamedTuple):
    """A well-formed record of a batch. It names its person by id or by blind index; a retraction names nobody."""

    external_id: str
    revision: int | None
    participant_id: UUID | None
    blind_index: bytes | None
    fact: Fact | None
    retraction_reason: str | None
    sent_number: bytes | None = None
    """The blind index, if the client may not write participants: the record follows the number (domain 3.4)."""


class MalformedRecord(NamedTuple):
    """A record of a batch that could not be parsed, with its report and, if legible, its external id."""

    external_id: str | None
    report: RecordReport
    hints: Mapping[str, str] = MappingProxyType({})
    """By pointer what the meaning of an error names besides its code: the nearest name, or why a row is at fault."""


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """Records of one kind that a client sends to a trial in one request."""

    trial: Trial
    kind: str
    scope: AccessScope
    """The client, and what row-level security lets its transaction read and write."""
    jobcentres: frozenset[str]
    """The trial's jobcentres that the client may write to."""
    records: Sequence[RecordInput | MalformedRecord]
    dry_run: bool = False
    atomic: bool = False
    """Stores nothing if one record is rejected."""
    if_match: Collection[UUID] | Literal["any"] | None = None
    """For a single record: the version ids of which one must be the record's latest."""
    if_none_match: Collection[UUID] | Literal["any"] | None = None
    """For a single record: the version ids of which none may be the record's latest; with ``any`` it must be new."""
    key: RequestKey | None = None
    """Identifies a repeated request, which gets the receipt of the first."""
    is_register: bool = False
    """Whether the client may not write participants (domain 3.4)."""

    @property
    def conditional(self) -> bool:
        """Whether a single record is written only in a certain state of what is stored."""
        return self.if_match is not None or self.if_none_match is not None

    @property
    def client(self) -> str:
        """The client's id."""
        return self.scope.client


@dataclass(frozen=True, slots=True)
class SnapshotCheck:
    """What a snapshot would take back, how many of its lines cannot be read, and why nothing of it is applied."""

    removals: Removals
    unreadable: int
    held_back: Sequence[HoldReason]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The outcome of each record. Nothing is stored unless ``committed``; a dry run has no ``batch_id``."""

    batch_id: UUID | None
    committed: bool
    reports: Sequence[RecordReport]
    receipt: bytes = b""
    snapshot: SnapshotCheck | None = None
