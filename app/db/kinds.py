"""How the facts of each kind lie in their table: one place that all reads and writes of records share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

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
        values = row._mapping
        return self.fact_from([values[column] for column in self.columns])

    def fact_from(self, values: Sequence[Any]) -> Fact:
        """The fact that the columns hold."""
        return _fact(self.kind, tuple(tuple(each) if isinstance(each, list) else each for each in values))

    def values_of(self, fact: Fact | None) -> tuple[Any, ...]:
        """The columns' values, for a retraction without a fact all null."""
        return tuple(None if fact is None else getattr(fact, column) for column in self.columns)


@lru_cache(maxsize=8192)
def _fact(kind: str, values: tuple[Any, ...]) -> Fact:
    """Facts are values, and many are alike: one object stands for all of them."""
    fact = KINDS[kind]
    return fact(**dict(zip((each.name for each in fields(fact)), values, strict=True)))


def _table(kind: str, name: str) -> RecordTable:
    return RecordTable(kind, name, KINDS[kind], tuple(each.name for each in fields(KINDS[kind])))


TABLES: Mapping[str, RecordTable] = {
    "conversations": _table("conversations", "conversation"),
    "activations": _table("activations", "activation"),
    "exemptions": _table("exemptions", "exemption"),
    "presence-events": _table("presence-events", "presence_event"),
    "support-efforts": _table("support-efforts", "support_effort"),
    "mentors": _table("mentors", "mentor"),
    "declined-offers": _table("declined-offers", "declined_offer"),
    "outcomes": _table("outcomes", "outcome"),
}

_ENVELOPE: Mapping[str, str] = {
    "jobcentre_code": "text",
    "trial_id": "text",
    "version_id": "uuid",
    "record_id": "uuid",
    "previous_id": "uuid",
    "participant_id": "uuid",
    "client_id": "text",
    "external_id": "text",
    "revision": "bigint",
    "retraction_reason": "text",
    "batch_id": "uuid",
    "registered_at": "timestamptz",
}
"""The columns of a version that every kind has, with their types."""
_TYPES: Mapping[str, str] = {
    "date": "date",
    "week": "date",
    "starts_on": "date",
    "ends_on": "date",
    "hours_per_week": "numeric",
    "match_group": "int",
    "mentor_present": "boolean",
    "job_interview": "boolean",
    "company_centre": "boolean",
}
"""The types of the facts' columns that are not text."""


async def insert_versions(connection: AsyncConnection, table: RecordTable, rows: Sequence[tuple[Any, ...]]) -> None:
    """Appends versions in one statement; a row is the envelope's values and the facts' after them.

    Not by COPY, which PostgreSQL refuses where row-level security holds.
    """
    types = [*_ENVELOPE.values(), *(_TYPES.get(column, "text") for column in table.columns)]
    names = [*_ENVELOPE, *table.columns]
    given = ", ".join(f"cast(:{name}_ as {kind}[])" for name, kind in zip(names, types, strict=True))
    taken = ["string_to_array(focus, '|')" if name == "focus" else name for name in names]
    values = dict(zip((f"{name}_" for name in names), map(list, zip(*rows, strict=True)), strict=True))
    if "focus" in table.columns:
        values["focus_"] = [None if focus is None else "|".join(focus) for focus in values["focus_"]]
    columns = ", ".join(names)
    statement = f"""
        insert into {table.name} ({columns})
        select {", ".join(taken)} from unnest({given}) as version ({columns})
    """  # noqa: S608 - names of our own
    await connection.execute(text(statement), values)
