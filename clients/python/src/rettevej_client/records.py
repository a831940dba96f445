"""Stored records, as the register returns them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from rettevej_client.codes import RetractionTold, WriteOutcome

_ENVELOPE: Final = (
    "external_id",
    "client_id",
    "participant_id",
    "revision",
    "registered_at",
    "retracted",
    "retraction_reason",
)
_METADATA: Final = (*_ENVELOPE, "outcome", "warnings", "batch_id", "superseded_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """Stored record, or one version of it.

    ``facts`` are the fields of its kind, all null in a retraction. A write sets ``outcome`` and ``warnings``, a history
    ``batch_id`` and ``superseded_at``.
    """

    external_id: str
    client_id: str
    participant_id: str | None
    revision: int | None
    registered_at: str
    retracted: bool
    retraction_reason: RetractionTold | None
    facts: Mapping[str, Any]
    outcome: WriteOutcome | None = None
    warnings: tuple[str, ...] = ()
    batch_id: str | None = None
    superseded_at: str | None = None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Parse a record of a response."""
        return cls(
            **{name: document[name] for name in _ENVELOPE},
            facts={name: value for name, value in document.items() if name not in _METADATA},
            outcome=document.get("outcome"),
            warnings=tuple(document.get("warnings", ())),
            batch_id=document.get("batch_id"),
            superseded_at=document.get("superseded_at"),
        )
