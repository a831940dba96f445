"""Participants of a report as known at a moment: load them in one snapshot."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.session import ALL_JOBCENTRES, AccessScope
from app.db.trials.trials import Trial
from app.db.trials.watermarks import AsOf, load_as_of
from app.routers.common.services import Services, trial_or_404
from app.routers.reports.common import as_of_day, visible_codes, visible_groups
from app.web.auth import Principal


@dataclass(frozen=True, slots=True)
class AsOfRequest:
    """Jobcentres, day and snapshot that a report reads participants from."""

    trial: Trial
    jobcentres: Sequence[str]
    today: date
    cut: AsOf
    connection: AsyncConnection

    @property
    def is_whole(self) -> bool:
        """Whether the jobcentres are all of the trial's."""
        return len(self.jobcentres) == len(self.trial.jobcentres)


@asynccontextmanager
async def load_as_of_request(
    services: Services,
    principal: Principal,
    trial_id: str,
    jobcentre: str | None,
    known_at: datetime | None,
    *,
    whole_trial: bool = False,
) -> AsyncIterator[AsOfRequest]:
    """Open the snapshot of one jobcentre, or of all that the client may read. Problem ``not_found`` if none.

    The snapshot has a scope of its own: a region reads figures of people whom it may not read one by one.
    ``whole_trial`` loads the participants of all jobcentres, and the report itself hides small groups. Without a
    jobcentre it requires a client that may read the figures of the whole trial.
    """
    async with services.report(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        if whole_trial and jobcentre is None:
            visible_groups(principal, trial, "trial")
            jobcentres = sorted(trial.jobcentres)
        else:
            codes = visible_codes(principal, trial, jobcentre)
            jobcentres = sorted(trial.jobcentres) if whole_trial else codes
        cut = await load_as_of(connection, trial_id, jobcentres, known_at)
    scope = {ALL_JOBCENTRES} if len(jobcentres) == len(trial.jobcentres) else jobcentres
    async with services.reports.read(AccessScope(jobcentres=frozenset(scope))) as connection:
        yield AsOfRequest(trial, jobcentres, as_of_day(services, known_at), cut, connection)
