"""How the facts of each kind lie in their table: one place that all reads and writes of records share."""

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
        """The fact in a row; None in a retraction that came before its record."""
        if row.participant_id is None:
            return None
        values = row._mapping
        return self.fact_from([values[column] for column in self.columns])

    def fact_from(self, values: Sequence[Any]) -> Fact:
        """The fact that the columns hold."""
        return _fact(self.kind, tuple([tuple(each) if type(each) is list else each for each in values]))

    def values_of(self, fact: Fact | None) -> tuple[Any, ...]:
        """The columns' values, for a retraction without a fact all null."""
        return (None,) * len(self.columns) if fact is None else self.read(fact)


@lru_cache(maxsize=8192)
def _fact(kind: str, values: tuple[Any, ...]) -> Fact:
    """Facts are values, and many are alike: one object stands for all of them."""
    return KINDS[kind](**dict(zip(TABLES[kind].columns, values, strict=True)))


def _table(kind: str, name: str) -> RecordTable:
    columns = tuple(each.name for each in fields(KINDS[kind]))
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

    Not by COPY, which PostgreSQL refuses where row-level security holds. A column that is alike in all rows (of a batch
    most of the envelope) is sent once.
    """
    names = [*_ENVELOPE, *table.columns]
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    if "focus" in table.columns:
        columns["focus"] = [None if focus is None else "|".join(focus) for focus in columns["focus"]]
    asked = names if len(rows) >= _MANY else _ALIKE
    alike = {name for name in asked if _is_alike(columns[name])}
    apart = [name for name in names if name not in alike]
    given = ", ".join(f"cast(:{name}_ as {_type_of(name)}[])" for name in apart)
    taken = {name: f"cast(:{name}_ as {_type_of(name)})" if name in alike else name for name in names}
    if "focus" in taken:
        taken["focus"] = f"string_to_array({taken['focus']}, '|')"
    statement = sql(
        """
        insert into {table} ({names})
        select {values} from unnest({arrays}) as version ({apart})
        """,
        table=table.name,
        names=tuple(names),
        values=tuple(taken.values()),
        arrays=given,
        apart=tuple(apart),
    )
    values = {f"{name}_": columns[name][0] if name in alike else columns[name] for name in names}
    await connection.execute(statement, values)


def _is_alike(values: Sequence[object]) -> bool:
    first = values[0]
    return values[-1] == first and all(value is first or value == first for value in values)


_ALIKE = ("trial_id", "client_id", "batch_id", "registered_at")
"""What all versions of a batch share."""
_MANY = 1000
"""So many rows are worth a statement of their own, whatever else they share."""


def _type_of(column: str) -> str:
    return _ENVELOPE.get(column) or _TYPES.get(column, "text")
