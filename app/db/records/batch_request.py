"""What a client sends at once, and what came of it."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.session import AccessScope
from app.db.records.receipts import RequestKey
from app.db.trials.trials import Trial
from app.domain.facts import Fact
from app.domain.records.ingest import RecordReport


class RecordInput(NamedTuple):
    """A well-formed record as sent, its person named by id or by blind index, or, in a retraction, not at all."""

    external_id: str
    revision: int | None
    participant_id: UUID | None
    blind_index: bytes | None
    fact: Fact | None
    retraction_reason: str | None


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What a client sends at once. A record that is malformed stands there as its report already."""

    trial: Trial
    kind: str
    client: str
    sees: Callable[[str], bool]
    """Whether the client may write to a jobcentre."""
    scope: AccessScope
    records: Sequence[RecordInput | RecordReport]
    keep: bool = True
    atomic: bool = False
    if_match: Collection[UUID] | Literal["any"] | None = None
    """For a single record: the versions of which it must still stand at one."""
    receipt: "Callable[[BatchResult], bytes] | None" = None
    """Makes the report that the client gets, and that is kept for it."""
    request: RequestKey | None = None
    """The client's own key of the request: the same request again gets the report of the first."""
    prepare: "Callable[[AsyncConnection], Awaitable[BatchRequest]] | None" = None
    """Makes the delivery that is judged, inside its transaction: a snapshot depends on what is stored."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of each record. Without ``committed`` nothing was stored; a dry run has no ``batch_id``."""

    batch_id: UUID | None
    committed: bool
    reports: Sequence[RecordReport]
    receipt: bytes = b""
