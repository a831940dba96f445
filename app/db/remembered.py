"""People as they stood when something was last registered in their jobcentre, kept by this process.

A batch is judged against everything earlier of the people in it. Reading that anew each time costs the more, the longer
a trial runs. What is kept holds as long as the stratum's ``last_registered_at`` is the one it was kept with: everything
that concerns a drawn person (records, draws, duplicates, handovers) is registered under the stratum's lock and raises
it. So it is asked for under that lock, and whoever else registered something in between makes it be read again.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.ingest import Person

_MOST_PEOPLE = 10_000
"""Some kilobytes each."""


@dataclass(slots=True)
class _Stratum:
    """Drawn people of one jobcentre, no duplicates, by their histories of the judged kinds."""

    registered_at: datetime
    people: dict[UUID, Person] = field(default_factory=dict)


class Remembered:
    """The people of a database by trial and jobcentre; the strata not asked for the longest go first."""

    def __init__(self, most_people: int = _MOST_PEOPLE) -> None:
        self._most = most_people
        self._strata: OrderedDict[tuple[str, str], _Stratum] = OrderedDict()
        self._jobcentres: dict[tuple[str, UUID], str] = {}

    def jobcentre_of(self, trial: str, participant_id: UUID) -> str | None:
        """Where a drawn person was found last, if kept: to be held against ``take`` under the stratum's lock."""
        return self._jobcentres.get((trial, participant_id))

    def holds(self, trial: str, jobcentre: str, registered_at: datetime | None) -> bool:
        """Whether what is kept of a jobcentre is as it stands; what is not goes. The stratum is locked."""
        stratum = self._strata.get((trial, jobcentre))
        if stratum is None or stratum.registered_at == registered_at:
            return stratum is not None
        self._forget((trial, jobcentre))
        return False

    def take(
        self, trial: str, jobcentre: str, registered_at: datetime | None, participant_ids: Collection[UUID]
    ) -> dict[UUID, Person]:
        """Those kept among some people of a jobcentre that it ``holds``. They are changed now, and no longer kept."""
        if not self.holds(trial, jobcentre, registered_at):
            return {}
        people = self._strata[trial, jobcentre].people
        taken = {each: people.pop(each) for each in set(participant_ids) & people.keys()}
        for each in taken:
            self._jobcentres.pop((trial, each), None)
        return taken

    def keep(
        self,
        trial: str,
        before: Mapping[str, datetime | None],
        after: Mapping[str, datetime | None],
        people: Collection[Person],
    ) -> None:
        """Keeps people as committed: by jobcentre the last registration they were read after, and what it is now."""
        for jobcentre, registered_at in after.items():
            key = (trial, jobcentre)
            kept = self._strata.get(key)
            if kept is not None and kept.registered_at != before[jobcentre]:
                self._forget(key)
            elif kept is not None and registered_at is not None:
                kept.registered_at = registered_at
                self._strata.move_to_end(key)
        for person in people:
            key = (trial, person.jobcentre)
            at = after[person.jobcentre]
            if at is not None:
                stratum = self._strata.setdefault(key, _Stratum(at))
                stratum.people[person.participant_id] = person
                self._jobcentres[trial, person.participant_id] = person.jobcentre
        while len(self._jobcentres) > self._most:
            self._forget(next(iter(self._strata)))

    def _forget(self, key: tuple[str, str]) -> None:
        stratum = self._strata.pop(key, None)
        for participant_id in () if stratum is None else stratum.people:
            self._jobcentres.pop((key[0], participant_id), None)
