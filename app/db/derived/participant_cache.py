"""Participant cache: people as of the last registration in their jobcentre.

A batch is judged against everything earlier of the people in it; loading that costs more the longer a trial runs. An
entry is valid while the stratum's ``last_registered_at`` is the one it was stored with: everything that concerns a
drawn person (records, draws, duplicates, handovers) is registered under the stratum's lock and raises it. So the cache
is read under that lock, and brought up to date by ``changes_since``.
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
    """People by trial and jobcentre; the least recently used strata are removed first."""

    def __init__(self, most_people: int = _MOST_PEOPLE) -> None:
        self._most = most_people
        self._strata: OrderedDict[tuple[str, str], _Stratum] = OrderedDict()
        self._jobcentres: dict[tuple[str, UUID], str] = {}

    def jobcentre_of(self, trial: str, participant_id: UUID) -> str | None:
        """Return the cached jobcentre of a drawn person, to be confirmed by ``take`` under the stratum's lock."""
        return self._jobcentres.get((trial, participant_id))

    def since(self, trial: str, registered_at: Mapping[str, datetime | None]) -> dict[str, datetime]:
        """Return the moments of the entries that are out of date, by jobcentre. The strata are locked."""
        return {
            code: stratum.registered_at
            for code, at in registered_at.items()
            if (stratum := self._strata.get((trial, code))) is not None and stratum.registered_at != at
        }

    def catch_up(
        self,
        trial: str,
        since: Mapping[str, datetime],
        registered_at: Mapping[str, datetime | None],
        changes: ChangesSince | None,
    ) -> None:
        """Apply changes since a moment to the entries of jobcentres: new records are added, people with other changes
        removed.

        Without changes the jobcentres are removed. So are those whose entry is no longer of the moment ``since``: while
        the changes were loaded, another request stored its people, who have some of the changes already.
        """
        for code, moment in since.items():
            stratum, at = self._strata.get((trial, code)), registered_at[code]
            if stratum is None or stratum.registered_at == at:
                continue
            if changes is None or at is None or stratum.registered_at != moment:
                self._remove((trial, code))
                continue
            stratum.registered_at = at
            for participant_id in changes.changed & stratum.people.keys():
                del stratum.people[participant_id]
                self._jobcentres.pop((trial, participant_id), None)
            for participant_id in changes.added.keys() & stratum.people.keys():
                person = stratum.people[participant_id]
                for order, (key, fact) in enumerate(changes.added[participant_id], FIRST_NEW_ORDER):
                    person.put(key, StandingRecord(order, key[1], fact))
                stratum.people[participant_id] = person.without_records()

    def holds(self, trial: str, jobcentre: str, registered_at: datetime | None) -> bool:
        """Return whether the entry of a jobcentre is current. The stratum is locked."""
        stratum = self._strata.get((trial, jobcentre))
        return stratum is not None and stratum.registered_at == registered_at

    def take(
        self, trial: str, jobcentre: str, registered_at: datetime | None, participant_ids: Collection[UUID]
    ) -> dict[UUID, Person]:
        """Remove and return the cached ones of these people, who are about to change, if the entry is current."""
        if not self.holds(trial, jobcentre, registered_at):
            return {}
        people = self._strata[trial, jobcentre].people
        taken = {participant_id: people.pop(participant_id) for participant_id in set(participant_ids) & people.keys()}
        for participant_id in taken:
            self._jobcentres.pop((trial, participant_id), None)
        return taken

    def store(
        self,
        trial: str,
        before: Mapping[str, datetime | None],
        after: Mapping[str, datetime | None],
        people: Collection[Person],
    ) -> None:
        """Store committed people, with the last registration by jobcentre before and after their transaction."""
        for jobcentre, registered_at in after.items():
            key = (trial, jobcentre)
            stratum = self._strata.get(key)
            if stratum is None or registered_at is None:
                continue
            if stratum.registered_at == before[jobcentre]:
                stratum.registered_at = registered_at
            elif stratum.registered_at < registered_at:
                self._remove(key)
            if key in self._strata:
                self._strata.move_to_end(key)
        for person in people:
            at = after[person.jobcentre]
            if at is None:
                continue
            stratum = self._strata.setdefault((trial, person.jobcentre), _Stratum(at))
            if stratum.registered_at == at:  # otherwise the entry is of a later registration
                stratum.people[person.participant_id] = person
                self._jobcentres[trial, person.participant_id] = person.jobcentre
        while len(self._jobcentres) > self._most:
            self._remove(next(iter(self._strata)))

    def _remove(self, key: tuple[str, str]) -> None:
        stratum = self._strata.pop(key, None)
        for participant_id in () if stratum is None else stratum.people:
            self._jobcentres.pop((key[0], participant_id), None)
