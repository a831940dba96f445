"""Record tables by kind: how reads and writes of records map facts to columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import attrgetter
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.statements import sql
from app.domain.facts import KINDS, Fact


@dataclass(frozen=True, slots=True)
class RecordTable:
    """The table of a kind and the columns of its facts, named like the facts' fields."""

    kind: str
    name: str
    fact: type[Fact]
    columns: tuple[str, ...]
    read: Callable[[Fact], tuple[Any, ...]]
    """Reads these columns from a fact."""

    def fact_of(self, row: Row[Any]) -> Fact | None:
        """Return the fact in a row; None for an orphan retraction."""
        if row.participant_id is None:
            return None
        values = row._mapping
        return self.fact_from([values[column] for column in self.columns])

    def fact_from(self, values: Sequence[Any]) -> Fact:
        """Return the fact with these values of the columns."""
        return _fact(self.kind, tuple([tuple(value) if type(value) is list else value for value in values]))

    def values_of(self, fact: Fact | None) -> tuple[Any, ...]:
        """Return the columns' values; all null without a fact."""
        return (None,) * len(self.columns) if fact is None else self.read(fact)


@lru_cache(maxsize=8192)
def _fact(kind: str, values: tuple[Any, ...]) -> Fact:
    """Return a shared object: facts are values, and many are equal."""
    return KINDS[kind](**dict(zip(TABLES[kind].columns, values, strict=True)))


def _table(kind: str, name: str) -> RecordTable:
    columns = tuple(field.name for field in fields(KINDS[kind]))
    return RecordTable(kind, name, KINDS[kind], columns, attrgetter(*columns))


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
    "sent_number": "bytea",
}
"""The columns of a version that every kind has, with their types."""
_TYPES: Mapping[str, str] = {
    "date": "date",
    "week": "date",
    "starts_on": "date",
    "ends_on": "date",
    "planned_ends_on": "date",
    "hours_per_week": "numeric",
    "match_group": "int",
    "mentor_present": "boolean",
    "job_interview": "boolean",
    "company_centre": "boolean",
}
"""The types of the facts' columns that are not text."""


async def insert_versions(connection: AsyncConnection, table: RecordTable, rows: Sequence[tuple[Any, ...]]) -> None:
    """Append versions in one statement; a row is the envelope's values followed by the fact's.

    COPY is impossible: PostgreSQL refuses it under row-level security. A column that is equal in all rows, as most of
    the envelope is within a batch, is sent once.
    """
    names = [*_ENVELOPE, *table.columns]
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    if "focus" in table.columns:
        columns["focus"] = [None if focus is None else "|".join(focus) for focus in columns["focus"]]
    candidates = names if len(rows) >= _MANY else _ALIKE
    alike = {name for name in candidates if _is_alike(columns[name])}
    apart = [name for name in names if name not in alike]
    arrays = ", ".join(f"cast(:{name}_ as {_type_of(name)}[])" for name in apart)
    expressions = {name: f"cast(:{name}_ as {_type_of(name)})" if name in alike else name for name in names}
    if "focus" in expressions:
        expressions["focus"] = f"string_to_array({expressions['focus']}, '|')"
    statement = sql(
        """
        insert into {table} ({names})
        select {values} from unnest({arrays}) as version ({apart})
        """,
        table=table.name,
        names=tuple(names),
        values=tuple(expressions.values()),
        arrays=arrays,
        apart=tuple(apart),
    )
    values = {f"{name}_": columns[name][0] if name in alike else columns[name] for name in names}
    await connection.execute(statement, values)


def _is_alike(values: Sequence[object]) -> bool:
    first = values[0]
    return values[-1] == first and all(value is first or value == first for value in values)


_ALIKE = ("trial_id", "client_id", "batch_id", "registered_at", "sent_number")
"""Columns that are equal in all versions of a batch."""
_MANY = 1000
"""From this number of rows on, a statement for the columns that happen to be equal is worth parsing."""


def _type_of(column: str) -> str:
    return _ENVELOPE.get(column) or _TYPES.get(column, "text")
