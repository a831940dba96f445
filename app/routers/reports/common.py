"""Parts that the reports share: access, weeks, the as-of day, and counts of weeks with their watermark."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.session import AccessScope, set_access_scope
from app.db.reports.summary import WeekCounts, counts_as_of, load_week_counts
from app.db.trials.trials import Trial
from app.db.trials.watermarks import AsOf, load_as_of
from app.domain.figures.activity_curve import Difference
from app.domain.figures.report_types import Group
from app.domain.rules.calendar import civil_day, last_week_over, monday_of
from app.domain.rules.weeks import last_monday
from app.routers.common.services import Services
from app.routers.common.types import JobcentreCode, ResponseModel, WeekCode
from app.web.auth import Principal, requires
from app.web.problems import Problem

Grouping = Literal["jobcentre", "region", "trial"]
ReportReader = Annotated[Principal, Depends(requires("reports:read"))]
OneJobcentre = Annotated[
    JobcentreCode | None, Query(description="Only this jobcentre. Default: all that the token is bound to.")
]
WeekQuery = Annotated[WeekCode | None, Query(description="The week. Default: the last week that is over.")]
FirstWeek = Annotated[WeekCode | None, Query(alias="from", description="First week of a span that ends with `week`.")]
MAX_WEEKS: Final = 520


class Report(ResponseModel):
    """Day and watermark of a report."""

    as_of: date = Field(description="Day in Copenhagen that decides which weeks are over.")
    watermark: datetime | None = Field(description="Latest registration that the report includes.")
    moments_ahead: bool = Field(description="Whether moments of registration are ahead of the clock, which was wrong.")


def as_of_day(services: Services, known_at: datetime | None) -> date:
    """Return the day that decides which weeks are over: the earlier of now and ``known_at``, in Copenhagen."""
    now = services.clock()
    return civil_day(now if known_at is None else min(now, known_at))


def visible_groups(principal: Principal, trial: Trial, by: Grouping) -> dict[str, Group]:
    """Return the group of each jobcentre whose group the client may read as a whole. Problem ``not_found`` if none.

    A group with a jobcentre that the client may not read is left out: the sum of the others would be no group's figure.
    """
    group_of = {code: _group(by, code, jobcentre.region) for code, jobcentre in trial.jobcentres.items()}
    if principal.all_jobcentres and group_of:
        return group_of
    hidden = {
        group_of[code]
        for code, jobcentre in trial.jobcentres.items()
        if not principal.reads_figures_of(code, jobcentre.region)
    }
    visible = {code: group for code, group in group_of.items() if group not in hidden}
    if not visible:
        raise Problem("not_found")
    return visible


@lru_cache(maxsize=1024)
def _group(by: Grouping, jobcentre: str, region: str) -> Group:
    return Group(jobcentre=jobcentre) if by == "jobcentre" else Group(region=region) if by == "region" else Group()


def visible_codes(principal: Principal, trial: Trial, jobcentre: str | None) -> list[str]:
    """Return the given jobcentre, or all whose figures the client may read. Problem ``not_found`` if none."""
    visible = visible_groups(principal, trial, "jobcentre")
    if jobcentre is not None and jobcentre not in visible:
        raise Problem("not_found")
    return sorted(visible) if jobcentre is None else [jobcentre]


def requested_weeks(trial: Trial, today: date, first: date | None, last: date | None) -> list[date]:
    """Return the Mondays from ``first`` to ``last``; by default only the last week that is over.

    Problem ``malformed``: a week after the running one, a span that ends before it starts, more than 520 weeks.
    """
    if last is None:
        last = min(last_week_over(today), last_monday(trial.ends_on, trial.protocol.countable_days))
    if last > monday_of(today):
        raise Problem("malformed", errors=[("/query/week", "date_in_future")])
    first = last if first is None else first
    if first > last:
        raise Problem("malformed", errors=[("/query/from", "invalid_value")])
    if (last - first).days // 7 >= MAX_WEEKS:
        raise Problem("malformed", f"A span has at most {MAX_WEEKS} weeks.", errors=[("/query/from", "invalid_value")])
    return [first + timedelta(days=7 * index) for index in range((last - first).days // 7 + 1)]


async def counts_and_watermark(
    connection: AsyncConnection,
    trial: Trial,
    groups: Collection[str],
    first: date,
    last: date,
    known_at: datetime | None,
) -> tuple[WeekCounts, AsOf]:
    """Return the counts of weeks ``first`` to ``last`` and what they are as of, at ``known_at`` if given."""
    as_of = await load_as_of(connection, trial.id, groups, known_at)
    if known_at is not None or not as_of.is_latest:  # read from people, whom a region's own scope does not include
        await set_access_scope(connection, AccessScope(jobcentres=frozenset(groups)))
    if as_of.is_latest:
        return await load_week_counts(connection, trial, groups, first, last), as_of
    return await counts_as_of(connection, trial, groups, first, last, as_of.moment), as_of


def report_fields(today: date, as_of: AsOf) -> dict[str, Any]:
    """Return the fields of ``Report``."""
    return {"as_of": today, "watermark": as_of.watermark, "moments_ahead": as_of.moments_ahead}


def difference_fields(difference: Difference | None) -> dict[str, Any]:
    """Return a difference and its interval as fields of a report's row; null without one."""
    if difference is None:
        return {"difference": None, "difference_low": None, "difference_high": None}
    return {
        "difference": difference.estimate,
        "difference_low": difference.low,
        "difference_high": difference.high,
    }
