"""People as they stood when something was last registered in their jobcentre, kept by this process.

A batch is judged against everything earlier of the people in it. Reading that anew each time costs the more, the longer
a trial runs. What is kept holds as long as the stratum's ``last_registered_at`` is the one it was kept with: everything
that concerns a drawn person (records, draws, duplicates, handovers) is registered under the stratum's lock and raises
it. So it is asked for under that lock; what others registered in between is read and put to it (``news``).
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.db.derived.changes_since import ChangesSince
from app.domain.records.ingest import FIRST_NEW_ORDER, Person, StandingRecord

_MOST_PEOPLE = 10_000
"""Some kilobytes each."""


@dataclass(slots=True)
class _Stratum:
    """Drawn people of one jobcentre, no duplicates, by their histories of the judged kinds."""

    registered_at: datetime
    people: dict[UUID, Person] = field(default_factory=dict)


class ParticipantCache:
    """The people of a database by trial and jobcentre; the strata not asked for the longest go first."""

    def __init__(self, most_people: int = _MOST_PEOPLE) -> None:
        self._most = most_people
        self._strata: OrderedDict[tuple[str, str], _Stratum] = OrderedDict()
        self._jobcentres: dict[tuple[str, UUID], str] = {}

    def jobcentre_of(self, trial: str, participant_id: UUID) -> str | None:
        """Where a drawn person was found last, if kept: to be held against ``take`` under the stratum's lock."""
        return self._jobcentres.get((trial, participant_id))

    def since(self, trial: str, registered_at: Mapping[str, datetime | None]) -> dict[str, datetime]:
        """The jobcentres in which more was registered than is kept, and since when. The strata are locked."""
        return {
            code: stratum.registered_at
            for code, at in registered_at.items()
            if (stratum := self._strata.get((trial, code))) is not None and stratum.registered_at != at
        }

    def catch_up(self, trial: str, registered_at: Mapping[str, datetime | None], news: ChangesSince | None) -> None:
        """Puts what was registered in these jobcentres meanwhile to what is kept. Who changed otherwise goes; without
        news all of them go."""
        for code, at in registered_at.items():
            if news is None or at is None:
                self._forget((trial, code))
                continue
            stratum = self._strata[trial, code]
            stratum.registered_at = at
            for participant_id in news.changed & stratum.people.keys():
                del stratum.people[participant_id]
                self._jobcentres.pop((trial, participant_id), None)
            for participant_id in news.added.keys() & stratum.people.keys():
                person = stratum.people[participant_id]
                for order, (key, fact) in enumerate(news.added[participant_id], FIRST_NEW_ORDER):
                    person.put(key, StandingRecord(order, key[1], fact))
                stratum.people[participant_id] = person.without_records()

    def holds(self, trial: str, jobcentre: str, registered_at: datetime | None) -> bool:
        """Whether what is kept of a jobcentre is as it stands. The stratum is locked."""
        stratum = self._strata.get((trial, jobcentre))
        return stratum is not None and stratum.registered_at == registered_at

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
            if kept is None or registered_at is None:
                continue
            if kept.registered_at == before[jobcentre]:
                kept.registered_at = registered_at
            elif kept.registered_at < registered_at:
                self._forget(key)
            if key in self._strata:
                self._strata.move_to_end(key)
        for person in people:
            at = after[person.jobcentre]
            if at is None:
                continue
            stratum = self._strata.setdefault((trial, person.jobcentre), _Stratum(at))
            if stratum.registered_at == at:  # else others have registered more, and know it
                stratum.people[person.participant_id] = person
                self._jobcentres[trial, person.participant_id] = person.jobcentre
        while len(self._jobcentres) > self._most:
            self._forget(next(iter(self._strata)))

    def _forget(self, key: tuple[str, str]) -> None:
        stratum = self._strata.pop(key, None)
        for participant_id in () if stratum is None else stratum.people:
            self._jobcentres.pop((key[0], participant_id), None)
