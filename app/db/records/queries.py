"""Queries of records: pages, the change feed, histories, single records."""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES, RecordTable
from app.db.core.record_tables import MOVED_AWAY, NO_JOBCENTRE
from app.db.core.session import AccessScope, Database
from app.db.core.statements import compose, sql
from app.domain.records.errors import DomainError
from app.domain.rules.calendar import week_code


def _select(table: RecordTable) -> str:
    columns = ", ".join(f"version.{column}" for column in table.columns)
    return compose(
        """
        select version.version_id, version.jobcentre_code, version.external_id, version.client_id,
               version.participant_id, version.revision, version.retraction_reason, version.registered_at, {columns}
        from {table} version
    """,
        columns=columns,
        table=table.name,
    )


def _body(table: RecordTable, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response body of a record. A retracted one has no fact: its fact depends on the order of arrival."""
    body = _version_body(table, values)
    if body["retracted"]:
        body |= dict.fromkeys(("participant_id", *table.columns))
    return body


def _version_body(table: RecordTable, values: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: values[name] for name in table.columns}
    if fields.get("hours_per_week") is not None:
        fields["hours_per_week"] = float(fields["hours_per_week"])
    if fields.get("week") is not None:
        fields["week"] = week_code(fields["week"])
    return {
        "external_id": values["external_id"],
        "client_id": values["client_id"],
        "participant_id": values["participant_id"],
        "revision": values["revision"],
        "registered_at": values["registered_at"],
        "retracted": values["retraction_reason"] is not None,
        "retraction_reason": values["retraction_reason"],
        **fields,
    }


async def list_records(
    database: Database,
    scope: AccessScope,
    kind: str,
    trial_id: str,
    jobcentres: Collection[str],
    participant_id: UUID | None,
    client: str | None,
    after: UUID,
    limit: int,
) -> list[tuple[UUID, dict[str, Any]]]:
    """Return the standing records of jobcentres in the order of registration, each with its version id."""
    statement = _page_of(TABLES[kind], one_person=participant_id is not None, one_client=client is not None)
    filters = [value for value in (participant_id, client) if value is not None]
    rows = await database.fetch(scope, statement, trial_id, sorted(jobcentres), after, limit, *filters)
    return [_item(dict(row)) for row in rows]


@cache
def _page_of(table: RecordTable, *, one_person: bool, one_client: bool) -> str:
    """Return the statement for a page of standing records.

    It reads each jobcentre's next records along the primary key, so that a page costs the same however many records
    there are. One person has few records, which it sorts.
    """
    columns = ", ".join(_EXPRESSIONS.get(column, f"version.{column}") for column in table.columns)
    conditions = "trial_id = $1 and version_id > $3 and superseded_at = 'infinity' and retraction_reason is null"
    if one_person:
        conditions += " and participant_id = $5"
    if one_client:
        conditions += f" and client_id = ${5 + one_person}"
    page = compose(
        """
        select version_id, external_id, client_id, participant_id, revision, registered_at, false as retracted,
               retraction_reason, {columns}
        from {table} version
    """,
        columns=columns,
        table=table.name,
    )
    if one_person:
        return f"{page} where jobcentre_code = any($2) and {conditions} order by version_id limit $4"
    return compose(
        """
        select next.* from unnest($2::text[]) as jobcentre (code) cross join lateral (
            {page} where jobcentre_code = jobcentre.code and {conditions} order by version_id limit $4
        ) next order by version_id limit $4
    """,
        page=page,
        conditions=conditions,
    )


_EXPRESSIONS: Final = {"hours_per_week": "version.hours_per_week::float8 as hours_per_week"}


def _item(record: dict[str, Any]) -> tuple[UUID, dict[str, Any]]:
    if record.get("week") is not None:
        record["week"] = week_code(record["week"])
    return record.pop("version_id"), record


async def changed_records(
    connection: AsyncConnection,
    kind: str,
    trial_id: str,
    positions: Mapping[str, UUID],
    participant_id: UUID | None,
    client: str | None,
    limit: int,
) -> tuple[list[dict[str, Any]], dict[str, UUID]]:
    """Change feed: return the records whose latest version is after the position of its jobcentre, with new positions.

    Within a jobcentre version ids rise in the order of commits, so that a position covers everything before it. The
    feed includes retracted records, and as retracted with the reason ``moved`` those that moved to another jobcentre
    or person outside the selection.
    """
    table = TABLES[kind]
    rows = await connection.execute(
        sql(
            f"""
            {_select(table)}
            join unnest(cast(:codes as text[]), cast(:positions as uuid[])) as reached (code, position)
                on version.jobcentre_code = reached.code and version.version_id > reached.position
            where trial_id = :trial
              and (superseded_at = 'infinity' or retraction_reason = :moved and (
                  cast(:participant as uuid) is not null or not exists (
                      select from record_key key
                      where key.trial_id = :trial and key.kind = :kind and key.external_id = version.external_id
                        and key.client_id = version.client_id and key.jobcentre_code = any(:codes))))
              and (cast(:participant as uuid) is null or participant_id = :participant)
              and (cast(:client as text) is null or client_id = :client)
            order by version_id limit :limit
            """
        ),
        {
            "kind": kind,
            "moved": MOVED_AWAY,
            "codes": list(positions),
            "positions": list(positions.values()),
            "trial": trial_id,
            "participant": participant_id,
            "client": client,
            "limit": limit,
        },
    )
    changed = rows.all()
    reached = dict(positions) | {row.jobcentre_code: row.version_id for row in changed}
    return [_body(table, row._asdict()) for row in changed], reached


async def load_history(
    connection: AsyncConnection, kind: str, trial_id: str, jobcentres: Collection[str], latest: UUID
) -> list[dict[str, Any]]:
    """Return the versions of a record in the given jobcentres, the oldest first."""
    table = TABLES[kind]
    rows = await connection.execute(
        sql(
            """
            with recursive chain as (
                select version_id, previous_id, 0 as age from {table}
                where jobcentre_code = any(:codes) and trial_id = :trial and version_id = :latest
                union all
                select earlier.version_id, earlier.previous_id, age + 1 from {table} earlier
                join chain on earlier.version_id = chain.previous_id
                where earlier.jobcentre_code = any(:codes) and earlier.trial_id = :trial
            )
            select selected.*, version.batch_id, nullif(version.superseded_at, 'infinity') as superseded_at
            from chain join ({select}) selected using (version_id)
            join {table} version using (jobcentre_code, version_id)
            where version.trial_id = :trial order by age desc
            """,
            table=table.name,
            select=_select(table),
        ),
        {"codes": [*sorted(jobcentres), NO_JOBCENTRE], "trial": trial_id, "latest": latest},
    )
    return [_with_batch(table, row) for row in rows]


async def load_versions_of_person(
    connection: AsyncConnection, kind: str, trial_id: str, jobcentre: str, participant_id: UUID
) -> list[dict[str, Any]]:
    """Return every version of a participant's records of a kind, by record, the oldest first."""
    table = TABLES[kind]
    rows = await connection.execute(
        sql(
            """
            select selected.*, version.batch_id, nullif(version.superseded_at, 'infinity') as superseded_at
            from {table} version join ({select}) selected using (jobcentre_code, version_id)
            where version.jobcentre_code = :jobcentre and version.trial_id = :trial
              and version.participant_id = :participant
            order by version.record_id, version.version_id
            """,
            table=table.name,
            select=_select(table),
        ),
        {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id},
    )
    return [_with_batch(table, row) for row in rows]


def _with_batch(table: RecordTable, row: Row[Any]) -> dict[str, Any]:
    return {**_version_body(table, row._asdict()), "batch_id": row.batch_id, "superseded_at": row.superseded_at}


async def find_record(
    connection: AsyncConnection,
    kind: str,
    trial_id: str,
    external_id: str,
    jobcentres: Collection[str],
    own: str,
    client: str | None,
) -> tuple[UUID, dict[str, Any]] | None:
    """Return the latest version of the named client's record, else of the own one, else of the only one.

    Error ``ambiguous_client``: several other clients sent a record of that id, and none is named.
    """
    table = TABLES[kind]
    rows = (
        await connection.execute(
            sql(
                f"""
                {_select(table)} join record_key key using (jobcentre_code, trial_id, version_id)
                where key.trial_id = :trial and key.kind = :kind and key.external_id = :external_id
                  and (cast(:client as text) is null or key.client_id = :client)
                  and (key.jobcentre_code = any(:jobcentres) or (key.jobcentre_code = '' and key.client_id = :own))
                """
            ),
            {
                "trial": trial_id,
                "kind": kind,
                "external_id": external_id,
                "client": client,
                "own": own,
                "jobcentres": sorted(jobcentres),
            },
        )
    ).all()
    chosen = [row for row in rows if row.client_id == own] or rows
    if len(chosen) > 1:
        raise DomainError("ambiguous_client")
    return (chosen[0].version_id, _body(table, chosen[0]._asdict())) if chosen else None


async def own_records(
    database: Database, scope: AccessScope, kind: str, trial_id: str, client: str, external_ids: Collection[str]
) -> dict[str, tuple[UUID, dict[str, Any]]]:
    """Return by external id the latest versions of a client's own records within its access scope."""
    table = TABLES[kind]
    statement = f"""
        {_select(table)} join record_key key using (jobcentre_code, trial_id, version_id)
        where key.trial_id = $1 and key.kind = $2 and key.external_id = any($3) and key.client_id = $4
    """
    rows = await database.fetch(scope, statement, trial_id, kind, list(external_ids), client)
    return {row["external_id"]: (row["version_id"], _body(table, dict(row))) for row in rows}
