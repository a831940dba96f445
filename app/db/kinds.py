"""How the facts of each kind lie in their table: one place that all reads and writes of records share."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Row

from app.domain.facts import KINDS, Fact


@dataclass(frozen=True, slots=True)
class RecordTable:
    """The table of a kind and the columns of its facts, named like the facts' fields."""

    kind: str
    name: str
    fact: type[Fact]
    columns: tuple[str, ...]

    def fact_of(self, row: Row[Any]) -> Fact | None:
        """The fact in a row; None in a retraction that came before its record."""
        if row.participant_id is None:
            return None
        values: dict[str, Any] = {column: row._mapping[column] for column in self.columns}
        if "focus" in values:
            values["focus"] = tuple(values["focus"])
        return self.fact(**values)

    def values_of(self, fact: Fact | None) -> tuple[Any, ...]:
        """The columns' values, for a retraction without a fact all null."""
        return tuple(None if fact is None else getattr(fact, column) for column in self.columns)


def _table(kind: str, name: str) -> RecordTable:
    return RecordTable(kind, name, KINDS[kind], tuple(each.name for each in fields(KINDS[kind])))


TABLES: Mapping[str, RecordTable] = {
    "conversations": _table("conversations", "conversation"),
    "activations": _table("activations", "activation"),
    "exemptions": _table("exemptions", "exemption"),
    "presence-events": _table("presence-events", "presence_event"),
}

ENVELOPE = (
    "jobcentre_code",
    "trial_id",
    "version_id",
    "record_id",
    "previous_id",
    "participant_id",
    "client_id",
    "external_id",
    "revision",
    "retraction_reason",
    "batch_id",
    "registered_at",
)
"""The columns of a version that every kind has."""
