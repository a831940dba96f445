"""The client for asyncio: the methods of ``Client``, which says what each does, to be awaited."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx

from rettevej_client import calls
from rettevej_client.calls import Call, Day, Moment, Page, Table
from rettevej_client.codes import (
    Arm,
    CorrectionReason,
    CurveMeasure,
    GroupBy,
    ParticipantState,
    RetractionReason,
    WithdrawalReason,
)
from rettevej_client.core import (
    END,
    ConnectionFailure,
    Effect,
    Operation,
    RenewToken,
    Response,
    RetryPolicy,
    Send,
    Wait,
)
from rettevej_client.feeds import AsyncChanges
from rettevej_client.http import TIMEOUT, base_url_of, connection_failure, partial_path, request_headers, to_response
from rettevej_client.people import (
    Assigned,
    Assignment,
    CorrectionRequest,
    Draw,
    ListedParticipant,
    NewTrial,
    Participant,
    Screened,
    Screening,
    Trial,
    TrialProtocol,
    Week,
)
from rettevej_client.push import PushOptions, push
from rettevej_client.records import StoredRecord
from rettevej_client.reports import (
    ActivityCurve,
    Assessment,
    ConditionsReport,
    Flow,
    Release,
    WeeklySummary,
    Worklist,
)
from rettevej_client.results import PushResult

T = TypeVar("T")


async def _none() -> AsyncIterator[object]:
    return
    yield


async def _all_of(records: Iterable[object] | AsyncIterable[object]) -> AsyncIterator[object]:
    if isinstance(records, AsyncIterable):
        async for record in records:
            yield record
    else:
        for record in records:
            yield record


class AsyncClient:
    """A client of one register with one token, for one event loop. ``token`` may be what gives one, awaited or not."""

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str | Awaitable[str]],
        *,
        retry_policy: RetryPolicy | None = None,
        timeout: httpx.Timeout | float = TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=base_url_of(url), timeout=timeout, transport=transport)
        self._retry_policy = retry_policy or RetryPolicy()
        self._sleep = sleep
        self._token_source = token
        self._token = token if isinstance(token, str) else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    # --- effects ------------------------------------------------------------------------------------------------------

    async def _run(self, operation: Operation[T], records: AsyncIterator[object] | None = None) -> T:
        answer: object = None
        feed = _none() if records is None else records
        while True:
            try:
                effect = operation.send(answer)
            except StopIteration as end:
                return cast(T, end.value)
            answer = await self._perform(effect, feed)

    async def _perform(self, effect: Effect, records: AsyncIterator[object]) -> object:
        if isinstance(effect, Send):
            return await self._send(effect)
        if isinstance(effect, Wait):
            await self._sleep(effect.seconds)
            return None
        if isinstance(effect, RenewToken):
            return await self._renew_token()
        return await anext(records, END)

    async def _send(self, effect: Send) -> Response | ConnectionFailure:
        request = effect.request
        if self._token is None:
            await self._renew_token()
        headers = request_headers(request, self._token or "")
        try:
            async with self._http.stream(
                request.method, request.path, params=request.params, headers=headers, content=request.content
            ) as response:
                if effect.save is None or response.status_code != 200:
                    return to_response(response, await response.aread())
                part = partial_path(effect.save)
                try:
                    with await asyncio.to_thread(part.open, "wb") as file:
                        async for chunk in response.aiter_bytes():
                            await asyncio.to_thread(file.write, chunk)
                    part.replace(effect.save)
                finally:
                    part.unlink(missing_ok=True)
                return to_response(response, b"")
        except httpx.RequestError as error:
            return connection_failure(error)

    async def _renew_token(self) -> bool:
        if isinstance(self._token_source, str):
            return False
        token = self._token_source()
        self._token = token if isinstance(token, str) else await token
        return True

    async def _execute(self, call: Call[T]) -> T:
        return await self._run(calls.execute(call, self._retry_policy))

    async def _paginate(self, call: Call[Page[T]]) -> AsyncIterator[T]:
        cursor: str | None = None
        while True:
            page = await self._execute(calls.with_cursor(call, cursor))
            for item in page.items:
                yield item
            cursor = page.next
            if cursor is None:
                return

    # --- protocols and trials ---------------------------------------------------------------------------------------

    async def protocols(self) -> list[TrialProtocol]:
        return await self._execute(calls.protocols())

    def trials(self) -> AsyncIterator[Trial]:
        return self._paginate(calls.trials())

    async def trial(self, trial: str) -> Trial:
        return await self._execute(calls.trial(trial))

    async def create_trial(self, new: NewTrial) -> Trial:
        return await self._execute(calls.create_trial(new))

    async def close_trial(self, trial: str) -> Trial:
        return await self._execute(calls.close_trial(trial))

    def draws(self, trial: str) -> AsyncIterator[Draw]:
        return self._paginate(calls.draws(trial))

    # --- people -----------------------------------------------------------------------------------------------------

    async def screen(self, trial: str, screening: Screening, *, dry_run: bool = False) -> Screened:
        return await self._execute(calls.screen(trial, screening, dry_run))

    async def lookup(self, trial: str, cpr: str) -> Participant:
        return await self._execute(calls.lookup(trial, cpr))

    def participants(
        self, trial: str, *, jobcentre: str | None = None, arm: Arm | None = None, state: ParticipantState | None = None
    ) -> AsyncIterator[ListedParticipant]:
        return self._paginate(calls.participants(trial, jobcentre, arm, state))

    async def participant(self, trial: str, participant_id: str) -> Participant:
        return await self._execute(calls.participant(trial, participant_id))

    def participant_changes(
        self, trial: str, since: str = "0", *, jobcentre: str | None = None
    ) -> AsyncChanges[ListedParticipant]:
        return AsyncChanges(lambda place: self._execute(calls.participant_changes(trial, place, jobcentre)), since)

    async def set_contact_person(self, trial: str, participant_id: str, contact_person: str | None) -> Participant:
        return await self._execute(calls.set_contact_person(trial, participant_id, contact_person))

    async def draw(self, trial: str, participant_id: str) -> Assignment:
        return await self._execute(calls.draw(trial, participant_id))

    async def assignment(self, trial: str, participant_id: str) -> Assignment:
        return await self._execute(calls.assignment(trial, participant_id))

    def assignments(self, trial: str, *, jobcentre: str | None = None) -> AsyncIterator[Assigned]:
        return self._paginate(calls.assignments(trial, jobcentre))

    async def withdraw(self, trial: str, participant_id: str, reason: WithdrawalReason) -> Participant:
        return await self._execute(calls.withdraw(trial, participant_id, reason))

    async def correct_cpr(
        self,
        trial: str,
        participant_id: str,
        cpr: str | None = None,
        reason: CorrectionReason | None = None,
        *,
        swap_with: str | None = None,
    ) -> CorrectionRequest:
        return await self._execute(calls.correct_cpr(trial, participant_id, cpr, reason, swap_with))

    async def weeks(self, trial: str, participant_id: str, *, until: str | None = None) -> list[Week]:
        return await self._execute(calls.weeks(trial, participant_id, until))

    async def letter(self, trial: str, participant_id: str, path: str | Path) -> Path:
        target = Path(path)
        return await self._run(calls.download(calls.letter(trial, participant_id, target), target, self._retry_policy))

    async def person_file(self, trial: str, participant_id: str) -> dict[str, Any]:
        return await self._execute(calls.person_file(trial, participant_id))

    async def save_person_file(self, trial: str, participant_id: str, path: str | Path) -> Path:
        target = Path(path)
        call = calls.saved_file(trial, participant_id, target)
        return await self._run(calls.download(call, target, self._retry_policy))

    # --- records ----------------------------------------------------------------------------------------------------

    async def push(
        self,
        trial: str,
        kind: str,
        records: Iterable[object] | AsyncIterable[object],
        options: PushOptions | None = None,
    ) -> PushResult:
        operation = push(trial, kind, options or PushOptions(), self._retry_policy)
        return await self._run(operation, _all_of(records))

    async def put(
        self, trial: str, kind: str, external_id: str, record: Mapping[str, Any], *, if_match: str | None = None
    ) -> StoredRecord:
        return await self._execute(calls.put(trial, kind, external_id, record, if_match))

    async def get(self, trial: str, kind: str, external_id: str, *, client_id: str | None = None) -> StoredRecord:
        return await self._execute(calls.get(trial, kind, external_id, client_id))

    async def retract(
        self, trial: str, kind: str, external_id: str, reason: RetractionReason, *, revision: int | None = None
    ) -> StoredRecord:
        return await self._execute(calls.retract(trial, kind, external_id, reason, revision))

    async def history(
        self, trial: str, kind: str, external_id: str, *, client_id: str | None = None
    ) -> list[StoredRecord]:
        return await self._execute(calls.history(trial, kind, external_id, client_id))

    def records(
        self, trial: str, kind: str, *, participant_id: str | None = None, client_id: str | None = None
    ) -> AsyncIterator[StoredRecord]:
        return self._paginate(calls.records(trial, kind, participant_id, client_id))

    def changes(
        self, trial: str, kind: str, since: str = "0", *, participant_id: str | None = None
    ) -> AsyncChanges[StoredRecord]:
        return AsyncChanges(lambda place: self._execute(calls.changes(trial, kind, place, participant_id)), since)

    async def batch(self, batch_id: str) -> dict[str, Any]:
        return await self._execute(calls.batch(batch_id))

    # --- reports ----------------------------------------------------------------------------------------------------

    async def weekly_summary(
        self,
        trial: str,
        *,
        week: str | None = None,
        by: GroupBy | None = None,
        since: str | None = None,
        known_at: Moment | None = None,
    ) -> WeeklySummary:
        return await self._execute(calls.weekly_summary(trial, week, by, since, known_at))

    async def conditions(
        self, trial: str, *, week: str | None = None, since: str | None = None, known_at: Moment | None = None
    ) -> ConditionsReport:
        return await self._execute(calls.conditions(trial, week, since, known_at))

    async def grant_assessments(self, trial: str) -> list[Assessment]:
        return await self._execute(calls.grant_assessments(trial))

    async def freeze_grant(self, trial: str, jobcentre: str, week: str) -> Assessment:
        return await self._execute(calls.freeze_grant(trial, jobcentre, week))

    async def worklist(
        self, trial: str, *, jobcentre: str | None = None, week: str | None = None, known_at: Moment | None = None
    ) -> Worklist:
        return await self._execute(calls.worklist(trial, jobcentre, week, known_at))

    async def activity_curve(
        self, trial: str, measure: CurveMeasure, *, jobcentre: str | None = None, known_at: Moment | None = None
    ) -> ActivityCurve:
        return await self._execute(calls.activity_curve(trial, measure, jobcentre, known_at))

    async def flow(
        self, trial: str, *, on: Day | None = None, jobcentre: str | None = None, known_at: Moment | None = None
    ) -> Flow:
        return await self._execute(calls.flow(trial, on, jobcentre, known_at))

    async def report(self, trial: str, name: str, **params: object) -> dict[str, Any]:
        return await self._execute(calls.report(trial, name, params))

    # --- the panel --------------------------------------------------------------------------------------------------

    async def record_release(self, trial: str, purpose: str, *, known_at: Moment | None = None) -> Release:
        return await self._execute(calls.record_release(trial, purpose, known_at))

    def releases(self, trial: str) -> AsyncIterator[Release]:
        return self._paginate(calls.releases(trial))

    async def panel_dictionary(self, trial: str) -> dict[str, Any]:
        return await self._execute(calls.panel_dictionary(trial))

    async def export_panel(self, trial: str, release: str, path: str | Path, *, table: Table = "person-weeks") -> Path:
        target = Path(path)
        return await self._run(calls.download(calls.panel(trial, table, release, target), target, self._retry_policy))
