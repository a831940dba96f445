"""Reads for the weekly summary: kept counts added up, nothing judged."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.draw import Arm
from app.domain.figures import SUMS

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


def _counter(row: Row[Any]) -> Counter[str]:
    return Counter({name: getattr(row, name) for name in SUMS})


@dataclass(frozen=True, slots=True)
class Source:
    """A client that delivers a kind of records, and when it last did."""

    client_id: str
    kind: str
    last_received_at: datetime


async def sources_of(connection: AsyncConnection, trial_id: str, jobcentres: Collection[str]) -> list[Source]:
    """Who delivers to these jobcentres, with the latest delivery of each kind."""
    rows = await connection.execute(
        text(
            """
            select client_id, kind, max(last_received_at) from source
            where jobcentre_code = any(:jobcentres) and trial_id = :trial
            group by client_id, kind order by client_id, kind
            """
        ),
        {"trial": trial_id, "jobcentres": sorted(jobcentres)},
    )
    return [Source(*row) for row in rows]


async def watermark_of(connection: AsyncConnection, trial_id: str, jobcentres: Collection[str]) -> datetime | None:
    """When the latest of what the report shows was registered; None while there is nothing."""
    rows = await connection.execute(
        text(
            """
            select nullif(max(last_registered_at), '-infinity') from stratum
            where jobcentre_code = any(:jobcentres) and trial_id = :trial
            """
        ),
        {"trial": trial_id, "jobcentres": sorted(jobcentres)},
    )
    watermark: datetime | None = rows.scalar_one()
    return watermark
