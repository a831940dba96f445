"""Reads for the weekly summary: stored counts, or, as known at an earlier moment, counts computed anew."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES
from app.db.core.session import SYSTEM_SCOPE, ReadDatabase
from app.db.core.statements import compose, sql
from app.db.derived.histories import load_everyone
from app.db.trials.trials import Trial
from app.domain.figures.contacts import MEASURES as CONTACTS
from app.domain.figures.counts import BY_PERSON, SUMS, count, cumulated
from app.domain.rules.draw import Arm

_SUMMED = ", ".join(f"sum({name})::int" for name in SUMS)
_COLUMNS = ", ".join(SUMS)
_OF_THESE = "jobcentre_code = any(:jobcentres) and trial_id = :trial"


@dataclass(frozen=True, slots=True)
class WeekCounts:
    """Counts of jobcentres: sums of all weeks before a span, and each week of the span."""

    before: Mapping[tuple[str, Arm], Mapping[str, int]]
    weeks: Mapping[tuple[str, Arm], Mapping[date, Mapping[str, int]]]


_NUMBERS = sql(
    """
    select jobcentre_code, arm, null as monday, null as other, {sums} from week_count
    where {condition} and monday < :first
    group by jobcentre_code, arm
    union all
    select jobcentre_code, arm, monday, other, {columns} from week_count
    where {condition} and monday between :first and :last
    """,
    sums=_SUMMED,
    condition=_OF_THESE,
    columns=_COLUMNS,
)


async def load_week_counts(
    connection: AsyncConnection, trial: Trial, jobcentres: Collection[str], first: date, last: date
) -> WeekCounts:
    """Load the counts from the week of Monday ``first`` to that of ``last``."""
    parameters = {"trial": trial.id, "jobcentres": sorted(jobcentres), "first": first, "last": last}
    before: dict[tuple[str, Arm], dict[str, int]] = {}
    weeks: dict[tuple[str, Arm], dict[date, dict[str, int]]] = {}
    for jobcentre, arm, monday, other, *sums in await connection.execute(_NUMBERS, parameters):
        if monday is None:
            before[jobcentre, arm] = dict(zip(SUMS, sums, strict=True))
        else:
            other.update(zip(SUMS, sums, strict=True))
            weeks.setdefault((jobcentre, arm), {})[monday] = other
    for jobcentre, arm, measure, n in await connection.execute(_OTHER_SUMS, parameters):
        before[jobcentre, arm][measure] = n
    return WeekCounts(before, weeks)


_OTHER_SUMS = sql(
    """
    select jobcentre_code, arm, measure.key, sum(cast(measure.value as int))
    from week_count, jsonb_each_text(other) measure
    where {condition} and monday < :first and measure.key like any(array[{prefixes}])
    group by jobcentre_code, arm, measure.key
    """,
    condition=_OF_THESE,
    prefixes=f"'{CONTACTS}%', '{BY_PERSON}%'",
)
"""Sums of the cumulative measures without a column, of all weeks before a span: of contacts, or by person."""


async def counts_as_of(
    connection: AsyncConnection, trial: Trial, jobcentres: Collection[str], first: date, last: date, known_at: datetime
) -> WeekCounts:
    """Compute the counts as known at a moment, by the function that made the stored counts."""
    before: dict[tuple[str, Arm], Counter[str]] = {}
    weeks: dict[tuple[str, Arm], dict[date, Counter[str]]] = {}
    for jobcentre in sorted(jobcentres):
        people = await load_everyone(connection, trial.id, jobcentre, known_at)
        for person in people.values():
            key = (jobcentre, person.arm)
            for monday, counted in count(trial.protocol, trial.ends_on, person.history()).items():
                if monday < first:
                    before.setdefault(key, Counter()).update(cumulated(counted))
                elif monday <= last:
                    weeks.setdefault(key, {}).setdefault(monday, Counter()).update(counted)
            await asyncio.sleep(0)  # lets other requests run
    return WeekCounts(before, weeks)


_STATES = """
    select jobcentre_code, last_registered_at::text || coalesce((
        select array_agg(last_received_at order by client_id, kind)::text from source
        where source.jobcentre_code = stratum.jobcentre_code and source.trial_id = stratum.trial_id), '')
        || (greatest(last_registered_at, watermark_floor) > register_clock())::text as state
    from stratum join trial on trial.id = trial_id where trial_id = $1
"""


async def load_states(database: ReadDatabase, trial_id: str) -> dict[str, str]:
    """Read, by jobcentre, the state that its figures rest on: the last registration, the clients' last batches, and
    whether it is ahead of the clock.

    A change of a count always comes with a later registration.
    """
    rows = await database.fetch(SYSTEM_SCOPE, _STATES, trial_id)
    return {row["jobcentre_code"]: row["state"] for row in rows}


@dataclass(frozen=True, slots=True)
class DeliverySource:
    """Latest delivery of a kind of record by a client."""

    client_id: str
    kind: str
    """Kind of record as in the address: `conversations`, `presence-events` …"""
    last_received_at: datetime


async def load_sources(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], known_at: datetime | None
) -> list[DeliverySource]:
    """Load the clients that deliver to jobcentres, with the last batch of each kind; ``known_at``: the last version."""
    parameters = {"trial": trial_id, "jobcentres": sorted(jobcentres), "known_at": known_at}
    if known_at is None:
        delivered = "select client_id, kind, last_received_at as at from source"
    else:
        delivered = " union all ".join(
            compose(
                "select client_id, '{kind}' as kind, registered_at as at, jobcentre_code, trial_id from {table}",
                kind=table.kind,
                table=table.name,
            )
            for table in TABLES.values()
        )
        delivered = compose("select client_id, kind, at from ({delivered}) version", delivered=delivered)
    rows = await connection.execute(
        sql(
            """
            select client_id, kind, max(at) from (
                {delivered} where jobcentre_code = any(:jobcentres) and trial_id = :trial
            ) delivery
            where cast(:known_at as timestamptz) is null or at <= :known_at
            group by client_id, kind order by client_id, kind
            """,
            delivered=delivered,
        ),
        parameters,
    )
    return [DeliverySource(*row) for row in rows]
