"""Single records that arrive at the same time are stored together.

One transaction stores what came while the one before it ran. Each record waits until it is on disk itself, and is
answered as if it had come alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.db.core.micro_batch import MicroBatcher
from app.db.core.session import AccessScope, Database
from app.db.derived.participant_cache import ParticipantCache
from app.db.records.batch_request import BatchRequest, RecordInput
from app.db.records.pipeline import receive
from app.db.records.queries import own_records
from app.domain.records.ingest import RecordReport

_Line = tuple[str, str, str, AccessScope]
"""Trial, kind, client and what it sees: what records that are stored together have in common."""
SingleResult = tuple[RecordReport, tuple[UUID, Mapping[str, Any]] | None]
"""What became of a record; the id of its version and the record as it stands, where it was not rejected."""


@dataclass(frozen=True, slots=True)
class _Single:
    delivery: BatchRequest
    record: RecordInput


class GroupCommit:
    """The lines in which single records wait."""

    def __init__(self, database: Database, participant_cache: ParticipantCache) -> None:
        self._database = database
        self._participant_cache = participant_cache
        self._gathered: MicroBatcher[_Line, _Single, SingleResult | Exception] = MicroBatcher(self._work)

    async def receive(self, delivery: BatchRequest) -> SingleResult:
        """Judges and stores one record. The errors are those of ``records.receive``."""
        (record,) = delivery.records
        if isinstance(record, RecordReport):
            return record, None
        single = _Single(delivery, record)
        if delivery.if_match is not None:
            return (await self._store([single]))[0]
        line = (delivery.trial.id, delivery.kind, delivery.client, delivery.scope)
        answer = await self._gathered.submit(line, single)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _work(self, _: _Line, several: Sequence[_Single]) -> list[SingleResult | Exception]:
        return [answer for group in _apart(several) for answer in await self._answer(group)]

    async def _answer(self, group: Sequence[_Single]) -> list[SingleResult | Exception]:
        try:
            return [*await self._store(group)]
        except Exception as error:  # noqa: BLE001 - it is told to whom it belongs
            if len(group) == 1:
                return [error]
        # One of them may be to blame, and the others are not.
        return [answer for each in group for answer in await self._answer([each])]

    async def _store(self, group: Sequence[_Single]) -> list[SingleResult]:
        delivery = replace(group[0].delivery, records=[each.record for each in group])
        received = await receive(self._database, self._participant_cache, delivery)
        ids = [each.record.external_id for each in group]
        kept = [each for each, report in zip(ids, received.reports, strict=True) if not report.errors]
        place = (delivery.kind, delivery.trial.id, delivery.client)
        stored = await own_records(self._database, delivery.scope, *place, kept) if kept else {}
        return [(report, stored.get(each)) for each, report in zip(ids, received.reports, strict=True)]


def _apart(several: Sequence[_Single]) -> Iterator[list[_Single]]:
    """The same in their order, in groups that hold no external id twice: what came later is judged after it."""
    group: dict[str, _Single] = {}
    for each in several:
        if each.record.external_id in group:
            yield [*group.values()]
            group = {}
        group[each.record.external_id] = each
    yield [*group.values()]
