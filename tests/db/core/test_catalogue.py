"""The rule "jobcentre first in every key" (engineering.md), and the script that would distribute by it (issue 5)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.db.core import migrate
from app.db.core.session import SYSTEM_SCOPE, AccessScope
from tests.database import query
from tests.db.core.test_row_security import FIGURES, OF_PEOPLE, OURS, REGION, THEIRS, Place, counted, place

__all__ = ["place"]

SCRIPT = Path(migrate.__file__).parents[1] / "migrations" / "citus" / "distribute.sql"
ELSEWHERE = {
    "trial": "of several jobcentres; small",
    "batch": "the receipt of a client, whose batch may be over several jobcentres",
    "release": "of a whole trial",
    "host_boot": "one row a boot of a host",
    "vault.secret": "a handful of keys",
    "alembic_version": "one row",
}
"""Tables that belong to no jobcentre."""
GUARDS = {
    "person_index": "unique across jobcentres: a person is in a trial once",
    "drawn_number": "unique across jobcentres: a number is drawn in a trial once",
    "record_key": "unique across jobcentres: an external id of a client",
}
"""Tables that name a jobcentre and are not kept by it."""
OPEN_FOREIGN_KEYS = {
    ("stratum", "trial"),
    ("screening", "trial"),
    ("person_index", "trial"),
    ("drawn_number", "trial"),
    ("release", "trial"),
}
"""Foreign keys without a jobcentre: to the table that every node would have."""

_TABLES = """
    select c.oid, case when n.nspname = 'vault' then 'vault.' else '' end || c.relname as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname in ('public', 'vault')
"""
_KEYS = f"""
    select t.name, k.contype::text as kind, f.name as target,
           array_agg(a.attname::text order by place) as columns,
           array_agg(b.attname::text order by place) as there
    from ({_TABLES}) t join pg_constraint k on k.conrelid = t.oid and k.contype in ('p', 'u', 'f')
    left join ({_TABLES}) f on f.oid = k.confrelid
    cross join unnest(k.conkey) with ordinality as part (number, place)
    join pg_attribute a on a.attrelid = t.oid and a.attnum = part.number
    left join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[place]
    group by t.name, k.oid, k.contype, f.name
"""
_UNIQUE = f"""
    select t.name, array_agg(a.attname::text order by place) as columns
    from ({_TABLES}) t join pg_index i on i.indrelid = t.oid and i.indisunique
    cross join unnest(i.indkey::int[]) with ordinality as part (number, place)
    left join pg_attribute a on a.attrelid = t.oid and a.attnum = part.number
    group by t.name, i.indexrelid
"""


@dataclass(frozen=True)
class Key:
    """A primary (p), unique (u) or foreign (f) key."""

    table: str
    kind: str
    target: str | None
    columns: list[str]
    there: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Catalogue:
    """Tables, keys and unique indexes as the migrations made them."""

    url: str
    tables: set[str]
    keys: list[Key]
    unique: list[tuple[str, list[str]]]

    def with_column(self, column: str) -> set[str]:
        found = query(
            self.url,
            f"select t.name from ({_TABLES}) t join pg_attribute a on a.attrelid = t.oid where a.attname = $1",
            arguments=[column],
        )
        return {row["name"] for row in found}


@pytest.fixture(scope="module")
def catalogue(new_database: Callable[[], str]) -> Catalogue:
    url = new_database()
    keys = [Key(r["name"], r["kind"], r["target"], r["columns"], r["there"]) for r in query(url, _KEYS)]
    unique = [(row["name"], row["columns"]) for row in query(url, _UNIQUE)]
    return Catalogue(url, {row["name"] for row in query(url, _TABLES)}, keys, unique)


def test_every_table_is_of_a_jobcentre_or_said_not_to_be(catalogue: Catalogue) -> None:
    of_jobcentres = catalogue.with_column("jobcentre_code")
    assert catalogue.tables - of_jobcentres == set(ELSEWHERE)
    assert set(GUARDS) <= of_jobcentres
    nullable = query(
        catalogue.url,
        f"select t.name from ({_TABLES}) t join pg_attribute a on a.attrelid = t.oid"
        " where a.attname = 'jobcentre_code' and not a.attnotnull",
    )
    assert nullable == []


def test_the_jobcentre_is_first_in_every_key(catalogue: Catalogue) -> None:
    """Primary keys, unique keys, unique indexes; and foreign keys, where it leads to the same of the other table."""
    of_jobcentres = catalogue.with_column("jobcentre_code") - set(GUARDS)
    assert {key.table for key in catalogue.keys if key.kind == "p"} == catalogue.tables
    for key in catalogue.keys:
        if key.kind == "f" and (key.table, key.target) in OPEN_FOREIGN_KEYS:
            assert key.columns == ["trial_id"], key
        elif key.kind == "f":
            assert (key.columns[0], key.there[0]) == ("jobcentre_code", "jobcentre_code"), key
            assert key.columns == key.there, key
        elif key.table in of_jobcentres:
            assert key.columns[0] == "jobcentre_code", key
    for table, columns in catalogue.unique:
        assert table not in of_jobcentres or columns[0] == "jobcentre_code", (table, columns)
    assert {(key.table, key.target) for key in catalogue.keys if key.columns == ["trial_id"]} == OPEN_FOREIGN_KEYS


def test_a_jobcentre_is_called_alike_everywhere(catalogue: Catalogue) -> None:
    """One type and one collation, or nothing could lie together."""
    types = query(
        catalogue.url,
        f"select distinct a.atttypid::regtype::text, a.atttypmod, a.attcollation::regcollation::text from ({_TABLES}) t"
        " join pg_attribute a on a.attrelid = t.oid where a.attname = 'jobcentre_code'",
    )
    assert len(types) == 1


def test_nothing_is_numbered_across_jobcentres(catalogue: Catalogue) -> None:
    assert query(catalogue.url, "select relname from pg_class where relkind = 'S' and relname not like 'pg_%'") == []


# --- the script for Citus ---------------------------------------------------------------------------------------------

_STAND_INS = """
    create table public.told (place bigint generated always as identity, relation text, by text, beside text);
    create function create_reference_table(relation regclass) returns void language sql
    begin atomic insert into public.told (relation) values (relation::text); end;
    create function create_distributed_table(relation regclass, by text, colocate_with text default 'default')
    returns void language sql begin atomic
        insert into public.told (relation, by, beside) values (relation::text, by, colocate_with);
    end;
"""


Told = tuple[str, str | None, str | None]
"""A table, the column that it is distributed by, and the table that it lies beside."""


def _distribute(url: str) -> list[Told]:
    """Runs the script with stand-ins for the functions of Citus, and gives what they were told, in its order."""
    statements = [_STAND_INS, SCRIPT.read_text("utf-8"), "select relation, by, beside from told order by place"]
    told = [(row["relation"], row["by"], row["beside"]) for row in query(url, *statements)]
    query(url, "drop table told cascade")
    return told


@pytest.fixture
def distributed(new_database: Callable[[], str]) -> list[Told]:
    return _distribute(new_database())


def test_every_table_is_named_once(catalogue: Catalogue, distributed: list[Told]) -> None:
    names = [relation for relation, _, _ in distributed]
    assert len(names) == len(set(names))
    assert set(names) == catalogue.tables - (set(ELSEWHERE) - {"trial"})
    stay = SCRIPT.read_text("utf-8").splitlines()[-1]
    assert all(name in stay for name in set(ELSEWHERE) - {"trial"})


def test_what_is_distributed_has_its_column_in_every_key(catalogue: Catalogue, distributed: list[Told]) -> None:
    """What Citus asks for; and a foreign key leads to what lies together with it, or to what every node has."""
    by = {relation: column for relation, column, _ in distributed}
    beside = {relation: place for relation, _, place in distributed}
    order = [relation for relation, _, _ in distributed]
    for key in catalogue.keys:
        column = by.get(key.table)
        if column is None:
            continue
        if key.kind in ("p", "u"):
            assert column in key.columns, key
        else:
            assert key.target is not None
            assert order.index(key.target) < order.index(key.table), key
            if by[key.target] is not None:
                assert key.there[key.columns.index(column)] == by[key.target], key
                assert beside[key.table] == "stratum", key
    for table, columns in catalogue.unique:
        assert by.get(table) is None or by[table] in columns, (table, columns)
    assert {relation for relation, column in by.items() if column == "jobcentre_code"} == {
        table for table in catalogue.with_column("jobcentre_code") if table not in GUARDS
    }


def test_its_policies_let_through_what_they_did(place: Place) -> None:
    """All but a region's figures, of which the application's own check is what is left."""
    sights: tuple[AccessScope, ...] = (
        SYSTEM_SCOPE,
        OURS,
        THEIRS,
        AccessScope("ours"),
        AccessScope(jobcentres=frozenset({"84"})),
    )
    tables = (*OF_PEOPLE, *FIGURES)
    before = {table: [counted(place, scope, table) for scope in sights] for table in tables}
    of_region = {table: counted(place, REGION, table) for table in OF_PEOPLE}
    _distribute(place.url)
    assert {table: [counted(place, scope, table) for scope in sights] for table in tables} == before
    assert {table: counted(place, REGION, table) for table in OF_PEOPLE} == of_region
    subqueries = (
        "select 1 from pg_policy where pg_get_expr(polqual, polrelid) ilike '%select%' and polrelid <> $1::regclass"
    )
    assert query(place.url, subqueries, arguments=["batch"]) == []
