"""What the reports on people by weeks since their assignment share: whose they are, and what they are cut to."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.session import ALL_JOBCENTRES, AccessScope
from app.db.reports.as_of import AsOf, load_as_of
from app.db.trials.trials import Trial
from app.routers.common.services import Services, digest, etag_response, json_response, trial_or_404
from app.routers.common.tables import to_csv, wants_csv
from app.routers.common.types import JobcentreCode
from app.routers.reports.weekly_summary import as_of_day, visible_groups
from app.web.auth import Principal, requires
from app.web.problems import Problem

ReportReader = Annotated[Principal, Depends(requires("reports:read"))]
OneJobcentre = Annotated[
    JobcentreCode | None, Query(description="Only this jobcentre; where left out, all that the token is bound to.")
]
CSV: dict[str, Any] = {"content": {"text/csv": {"schema": {"type": "string"}}}}


@dataclass(frozen=True, slots=True)
class AsOfRequest:
    """The people of a report. ``connection`` reads one snapshot."""

    trial: Trial
    jobcentres: Sequence[str]
    today: date
    cut: AsOf
    connection: AsyncConnection

    @property
    def is_whole(self) -> bool:
        """Whether these are all jobcentres of the trial."""
        return len(self.jobcentres) == len(self.trial.jobcentres)


async def _scope(
    services: Services,
    principal: Principal,
    trial_id: str,
    jobcentre: str | None,
    known_at: datetime | None,
    everyone: bool,
) -> tuple[Trial, Sequence[str], AsOf]:
    async with services.report(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        visible = visible_groups(principal, trial, "trial" if everyone and jobcentre is None else "jobcentre")
        if jobcentre is not None and jobcentre not in visible:
            raise Problem("not_found")
        jobcentres = sorted(trial.jobcentres if everyone else visible if jobcentre is None else [jobcentre])
        return trial, jobcentres, await load_as_of(connection, trial_id, jobcentres, known_at)


@asynccontextmanager
async def load_as_of_request(
    services: Services,
    principal: Principal,
    trial_id: str,
    jobcentre: str | None,
    known_at: datetime | None,
    *,
    everyone: bool = False,
) -> AsyncIterator[AsOfRequest]:
    """The people of one jobcentre, or of all those that the client sees; Problem ``not_found`` when it sees none.

    A region sees no person, but the figures made of its people: they are read in a transaction of the report's own.
    ``everyone``: the people of the whole trial, whichever jobcentre is asked for; what becomes of them is the report's
    responsibility. Without a jobcentre it is for clients alone that see the whole trial.
    """
    trial, jobcentres, cut = await _scope(services, principal, trial_id, jobcentre, known_at, everyone)
    scope = {ALL_JOBCENTRES} if len(jobcentres) == len(trial.jobcentres) else jobcentres
    async with services.reports.read(AccessScope(jobcentres=frozenset(scope))) as connection:
        yield AsOfRequest(trial, jobcentres, as_of_day(services, known_at), cut, connection)


def report(
    request: Request, value: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], blank: Mapping[str, Any]
) -> Response:
    """The report as JSON, or its rows as CSV for those who ask for it, with the columns of ``blank``."""
    if wants_csv(request.headers.get("accept")):
        content = as_csv(rows, blank)
        return etag_response(request, content, "text/csv; charset=utf-8", digest(content))
    return json_response(request, value)


def as_csv(rows: Sequence[Mapping[str, Any]], blank: Mapping[str, Any]) -> bytes:
    """Rows as CSV; the columns are those of ``blank``, also where there is no row."""
    header, _, lines = to_csv([blank, *rows]).split(b"\r\n", 2)
    return header + b"\r\n" + lines
