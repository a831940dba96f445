"""Group commit: single records that arrive while one transaction runs share the next one.

Each caller waits until its own record is on disk, and gets the result that it would get alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.db.core.micro_batch import MicroBatcher
from app.db.core.session import AccessScope, Database, has_timed_out
from app.db.derived.participant_cache import ParticipantCache
from app.db.records.batch_request import BatchRequest, MalformedRecord, RecordInput
from app.db.records.pipeline import receive
from app.db.records.queries import own_records
from app.domain.records.ingest import RecordReport

_GroupKey = tuple[str, str, AccessScope, bool]
"""Trial, kind, access scope (client included) and whether it is a register: what the records of a group share."""
SingleResult = tuple[RecordReport, tuple[UUID, Mapping[str, Any]] | None]
"""The report of a record; unless it is rejected, the id of its latest version and the record."""


@dataclass(frozen=True, slots=True)
class _Single:
    request: BatchRequest
    record: RecordInput


class GroupCommit:
    """Stores single records in groups of the same trial, kind and access scope."""

    def __init__(self, database: Database, participant_cache: ParticipantCache) -> None:
        self._database = database
        self._participant_cache = participant_cache
        self._batcher: MicroBatcher[_GroupKey, _Single, SingleResult | Exception] = MicroBatcher(self._store_all)

    async def receive(self, request: BatchRequest) -> SingleResult:
        """Judge and store one record. Raises what ``pipeline.receive`` raises."""
        (record,) = request.records
        if isinstance(record, MalformedRecord):
            return record.report, None
        single = _Single(request, record)
        if request.conditional:
            return (await self._store([single]))[0]
        group = (request.trial.id, request.kind, request.scope, request.is_register)
        result = await self._batcher.submit(group, single)
        if isinstance(result, Exception):
            raise result
        return result

    async def _store_all(self, _: _GroupKey, singles: Sequence[_Single]) -> list[SingleResult | Exception]:
        return [result for group in _without_repetition(singles) for result in await self._store_or_split(group)]

    async def _store_or_split(self, group: Sequence[_Single]) -> list[SingleResult | Exception]:
        try:
            return [*await self._store(group)]
        except Exception as error:  # noqa: BLE001 - ``receive`` raises it to the caller of the record
            if len(group) == 1 or has_timed_out(error):
                return [error] * len(group)
        # One record may be the cause: store each alone.
        return [result for single in group for result in await self._store_or_split([single])]

    async def _store(self, group: Sequence[_Single]) -> list[SingleResult]:
        request = replace(group[0].request, records=[single.record for single in group])
        result = await receive(self._database, self._participant_cache, request)
        reports = {single.record.external_id: report for single, report in zip(group, result.reports, strict=True)}
        ids = [external_id for external_id, report in reports.items() if not report.errors]
        key = (request.kind, request.trial.id, request.client)
        stored = await own_records(self._database, request.scope, *key, ids) if ids else {}
        return [(report, stored.get(external_id)) for external_id, report in reports.items()]


def _without_repetition(singles: Sequence[_Single]) -> Iterator[list[_Single]]:
    """Split, in order, into groups without a repeated external id: the later record is judged after the earlier."""
    group: dict[str, _Single] = {}
    for single in singles:
        if single.record.external_id in group:
            yield [*group.values()]
            group = {}
        group[single.record.external_id] = single
    yield [*group.values()]
