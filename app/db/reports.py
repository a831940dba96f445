"""Reads for the weekly summary: kept counts added up; or, as known at an earlier moment, everyone judged anew."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.histories import load_everyone
from app.db.kinds import TABLES
from app.db.replica import replayed_to
from app.db.trials import Trial
from app.domain.contacts import MEASURES as CONTACTS
from app.domain.draw import Arm
from app.domain.tallies import SUMS, cumulated, tally
from app.protocols import protocols

_SUMMED = ", ".join(f"sum({name})::int as {name}" for name in SUMS)
_COLUMNS = ", ".join(SUMS)


@dataclass(frozen=True, slots=True)
class WeekNumbers:
    """The counts of jobcentres: sums of all weeks before a span, and the weeks of the span one by one."""

    before: Mapping[tuple[str, Arm], Counter[str]]
    weeks: Mapping[tuple[str, Arm], Mapping[date, Counter[str]]]


async def week_numbers(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], first: date, last: date
) -> WeekNumbers:
    """The counts from the week of Monday ``first`` to that of ``last``."""
    parameters = {"trial": trial_id, "jobcentres": sorted(jobcentres), "first": first, "last": last}
    earlier = await connection.execute(
        text(
            f"""
            select jobcentre_code, arm, {_SUMMED} from week_count
            where jobcentre_code = any(:jobcentres) and trial_id = :trial and monday < :first
            group by jobcentre_code, arm
            """  # noqa: S608 - column names of our own
        ),
        parameters,
    )
    before = {(row.jobcentre_code, row.arm): _counter(row) for row in earlier}
    for key, contacts in (await _contacts_before(connection, parameters)).items():
        before[key].update(contacts)
    rows = await connection.execute(
        text(
            f"""
            select jobcentre_code, arm, monday, {_COLUMNS}, other from week_count
            where jobcentre_code = any(:jobcentres) and trial_id = :trial and monday between :first and :last
            """  # noqa: S608 - column names of our own
        ),
        parameters,
    )
    weeks: dict[tuple[str, Arm], dict[date, Counter[str]]] = {}
    for row in rows:
        counted = _counter(row)
        counted.update(row.other)
        weeks.setdefault((row.jobcentre_code, row.arm), {})[row.monday] = counted
    return WeekNumbers(before, weeks)


async def _contacts_before(
    connection: AsyncConnection, parameters: Mapping[str, Any]
) -> dict[tuple[str, Arm], Counter[str]]:
    """The measures of contacts (domain 6 [C]) of all weeks before a span, where the trial's protocol measures them."""
    averages = [protocol.id for protocol in protocols().values() if protocol.cadence == "average"]
    rows = await connection.execute(
        text(
            """
            select jobcentre_code, arm, measure.key, sum(cast(measure.value as int)) as n
            from week_count, jsonb_each_text(other) measure
            where jobcentre_code = any(:jobcentres) and trial_id = :trial and monday < :first
              and starts_with(measure.key, :contacts)
              and exists (select from trial where id = :trial and protocol = any(:averages))
            group by jobcentre_code, arm, measure.key
            """
        ),
        {**parameters, "contacts": CONTACTS, "averages": averages},
    )
    contacts: dict[tuple[str, Arm], Counter[str]] = {}
    for row in rows:
        contacts.setdefault((row.jobcentre_code, row.arm), Counter())[row.key] = row.n
    return contacts


def _counter(row: Row[Any]) -> Counter[str]:
    return Counter({name: getattr(row, name) for name in SUMS})


async def numbers_known_at(
    connection: AsyncConnection, trial: Trial, jobcentres: Collection[str], first: date, last: date, known_at: datetime
) -> WeekNumbers:
    """The same out of the versions that stood at a moment, by the function that made the kept counts."""
    before: dict[tuple[str, Arm], Counter[str]] = {}
    weeks: dict[tuple[str, Arm], dict[date, Counter[str]]] = {}
    for jobcentre in sorted(jobcentres):
        people = await load_everyone(connection, trial.id, jobcentre, known_at)
        for person in people.values():
            key = (jobcentre, person.arm)
            for monday, counted in tally(trial.protocol, trial.ends_on, person.history()).items():
                if monday < first:
                    before.setdefault(key, Counter()).update(cumulated(counted))
                elif monday <= last:
                    weeks.setdefault(key, {}).setdefault(monday, Counter()).update(counted)
            await asyncio.sleep(0)  # others are answered meanwhile
    return WeekNumbers(before, weeks)


@dataclass(frozen=True, slots=True)
class Source:
    """A client that delivers a kind of records, and when it last did."""

    client_id: str
    kind: str
    last_received_at: datetime


async def sources_of(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], known_at: datetime | None
) -> list[Source]:
    """Who delivers to these jobcentres, with the latest delivery of each kind; as known then, if of a version."""
    parameters = {"trial": trial_id, "jobcentres": sorted(jobcentres), "known_at": known_at}
    if known_at is None:
        delivered = "select client_id, kind, last_received_at as at from source"
    else:
        delivered = " union all ".join(
            f"select client_id, '{table.kind}' as kind, registered_at as at, jobcentre_code, trial_id from {table.name}"  # noqa: S608 - names of our own
            for table in TABLES.values()
        )
        delivered = f"select client_id, kind, at from ({delivered}) version"  # noqa: S608 - the statement above
    rows = await connection.execute(
        text(
            f"""
            select client_id, kind, max(at) from (
                {delivered} where jobcentre_code = any(:jobcentres) and trial_id = :trial
            ) delivery
            where cast(:known_at as timestamptz) is null or at <= :known_at
            group by client_id, kind order by client_id, kind
            """  # noqa: S608 - tables and kinds of our own
        ),
        parameters,
    )
    return [Source(*row) for row in rows]


async def settle(connection: AsyncConnection, trial_id: str, jobcentres: Collection[str]) -> None:
    """Waits for what is being registered in these jobcentres, and holds back what is not, until the transaction ends.

    Without it the figures, read after the watermark, could hold a registration that is later than it; and over several
    jobcentres they could hold a later registration and miss an earlier one. A replica's snapshot is settled already.
    """
    if replayed_to(connection) is not None:
        return
    await connection.execute(
        text(
            """
            select from stratum where jobcentre_code = any(:jobcentres) and trial_id = :trial
            order by jobcentre_code for share
            """
        ),
        {"trial": trial_id, "jobcentres": sorted(jobcentres)},
    )


async def watermark_of(connection: AsyncConnection, trial_id: str, jobcentres: Collection[str]) -> datetime | None:
    """The moment up to which the report holds all that is registered in these jobcentres; None when nothing is.

    Of a replica under steady writing it is that of its snapshot, which may hold some later registrations too.
    """
    rows = await connection.execute(
        text(
            """
            select least(max(last_registered_at), cast(:replayed as timestamptz)) from stratum
            where jobcentre_code = any(:jobcentres) and trial_id = :trial having max(last_registered_at) > '-infinity'
            """
        ),
        {"trial": trial_id, "jobcentres": sorted(jobcentres), "replayed": replayed_to(connection)},
    )
    watermark: datetime | None = rows.scalar_one_or_none()
    return watermark
