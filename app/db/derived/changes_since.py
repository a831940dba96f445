"""Records of the judged kinds that were registered in jobcentres since a moment."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.ids import first_id_after
from app.db.core.kinds import TABLES
from app.db.core.statements import sql
from app.domain.facts import JUDGED_KINDS, Fact
from app.domain.records.ingest import RecordKey

_MAX_VERSIONS = 20_000
"""Above this number of versions, loading the people anew is cheaper."""


@dataclass(slots=True)
class ChangesSince:
    """New records by participant in the order of registration, and the participants with other changes."""

    added: dict[UUID, list[tuple[RecordKey, Fact]]] = field(default_factory=dict)
    changed: set[UUID] = field(default_factory=set)
    """Participants with a replaced, retracted or moved record, and the duplicates."""
    duplicates: Collection[UUID] = ()


async def load_changes_since(
    connection: AsyncConnection, trial_id: str, since: Mapping[str, datetime]
) -> ChangesSince | None:
    """Return the changes in locked strata since a moment of each; None if there are too many."""
    places = {"trial": trial_id, "codes": list(since), "places": [first_id_after(at) for at in since.values()]}
    changes = ChangesSince()
    for kind in JUDGED_KINDS:
        table = TABLES[kind]
        rows = (
            await connection.execute(
                sql(
                    """
                    select participant_id, client_id, external_id,
                           previous_id is null and retraction_reason is null and superseded_at = 'infinity' as added,
                           {columns}
                    from unnest(cast(:codes as text[]), cast(:places as uuid[])) as reached (in_jobcentre, from_id)
                    join {table} version on jobcentre_code = in_jobcentre and version_id >= from_id
                    where trial_id = :trial and participant_id is not null order by version_id limit {limit}
                    """,
                    columns=", ".join(f"version.{column}" for column in table.columns),
                    table=table.name,
                    limit=str(_MAX_VERSIONS + 1),
                ),
                places,
            )
        ).all()
        if len(rows) > _MAX_VERSIONS:
            return None
        for participant_id, client, external_id, added, *values in rows:
            if added:
                fact = table.fact_from(values)
                changes.added.setdefault(participant_id, []).append(((kind, client, external_id), fact))
            else:
                changes.changed.add(participant_id)
    changes.duplicates = await _duplicates_since(connection, trial_id, since)
    changes.changed.update(changes.duplicates)
    return changes


async def _duplicates_since(connection: AsyncConnection, trial_id: str, since: Mapping[str, datetime]) -> set[UUID]:
    rows = await connection.execute(
        sql(
            """
            select participant_id
            from unnest(cast(:codes as text[]), cast(:moments as timestamptz[])) as reached (code, moment)
            join duplicate on jobcentre_code = code and registered_at > moment where trial_id = :trial
            """
        ),
        {"trial": trial_id, "codes": list(since), "moments": list(since.values())},
    )
    return set(rows.scalars())
