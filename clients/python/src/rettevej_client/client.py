"""The client for ordinary programs. ``AsyncClient`` has the same methods, to be awaited."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from rettevej_client.feeds import Changes
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


class Client:
    """A client of one register with one token; safe to use from several threads, but for a feed or a push each.

    ``token`` is a token, or what gives one: it is asked once, and again when the register no longer accepts the last.
    ``transport`` is httpx's: certificates, proxies, tests. ``retry_policy`` says how often and how long it is tried.
    Every method raises ``ApiError`` (by kind: ``NotFoundError``, ``ConflictError`` …) for what the register refuses,
    and ``UnreachableError`` when no answer comes. Close it, or use it with ``with``.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str],
        *,
        retry_policy: RetryPolicy | None = None,
        timeout: httpx.Timeout | float = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(base_url=base_url_of(url), timeout=timeout, transport=transport)
        self._retry_policy = retry_policy or RetryPolicy()
        self._sleep = sleep
        self._token_source = token
        self._token = token if isinstance(token, str) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    # --- effects ------------------------------------------------------------------------------------------------------

    def _run(self, operation: Operation[T], records: Iterator[object] | None = None) -> T:
        answer: object = None
        feed = iter(()) if records is None else records
        while True:
            try:
                effect = operation.send(answer)
            except StopIteration as end:
                return cast(T, end.value)
            answer = self._perform(effect, feed)

    def _perform(self, effect: Effect, records: Iterator[object]) -> object:
        if isinstance(effect, Send):
            return self._send(effect)
        if isinstance(effect, Wait):
            self._sleep(effect.seconds)
            return None
        if isinstance(effect, RenewToken):
            return self._renew_token()
        return next(records, END)

    def _send(self, effect: Send) -> Response | ConnectionFailure:
        request = effect.request
        if self._token is None:
            self._renew_token()
        headers = request_headers(request, self._token or "")
        try:
            with self._http.stream(
                request.method, request.path, params=request.params, headers=headers, content=request.content
            ) as response:
                if effect.save is None or response.status_code != 200:
                    return to_response(response, response.read())
                part = partial_path(effect.save)
                try:
                    with part.open("wb") as file:
                        for chunk in response.iter_bytes():
                            file.write(chunk)
                    part.replace(effect.save)
                finally:
                    part.unlink(missing_ok=True)
                return to_response(response, b"")
        except httpx.RequestError as error:
            return connection_failure(error)

    def _renew_token(self) -> bool:
        if isinstance(self._token_source, str):
            return False
        self._token = self._token_source()
        return True

    def _execute(self, call: Call[T]) -> T:
        return self._run(calls.execute(call, self._retry_policy))

    def _paginate(self, call: Call[Page[T]]) -> Iterator[T]:
        cursor: str | None = None
        while True:
            page = self._execute(calls.with_cursor(call, cursor))
            yield from page.items
            cursor = page.next
            if cursor is None:
                return

    # --- protocols and trials ---------------------------------------------------------------------------------------

    def protocols(self) -> list[TrialProtocol]:
        """The protocols that the register knows."""
        return self._execute(calls.protocols())

    def trials(self) -> Iterator[Trial]:
        """Every trial."""
        return self._paginate(calls.trials())

    def trial(self, trial: str) -> Trial:
        """One trial."""
        return self._execute(calls.trial(trial))

    def create_trial(self, new: NewTrial) -> Trial:
        """Creates a trial; the same one again is that one, other content under its id is a ``ConflictError``."""
        return self._execute(calls.create_trial(new))

    def close_trial(self, trial: str) -> Trial:
        """Ends the draws of a trial and shows their seed."""
        return self._execute(calls.close_trial(trial))

    def draws(self, trial: str) -> Iterator[Draw]:
        """The published draws in their order, for whoever verifies them."""
        return self._paginate(calls.draws(trial))

    # --- people -----------------------------------------------------------------------------------------------------

    def screen(self, trial: str, screening: Screening, *, dry_run: bool = False) -> Screened:
        """Screens a person; who is eligible is drawn at once. The same screening again gives the same answer."""
        return self._execute(calls.screen(trial, screening, dry_run))

    def lookup(self, trial: str, cpr: str) -> Participant:
        """The participant with a CPR number, which travels in the body. ``NotFoundError`` for nobody, or not yours."""
        return self._execute(calls.lookup(trial, cpr))

    def participants(
        self, trial: str, *, jobcentre: str | None = None, arm: Arm | None = None, state: ParticipantState | None = None
    ) -> Iterator[ListedParticipant]:
        """The participants that you see."""
        return self._paginate(calls.participants(trial, jobcentre, arm, state))

    def participant(self, trial: str, participant_id: str) -> Participant:
        """One participant."""
        return self._execute(calls.participant(trial, participant_id))

    def participant_changes(
        self, trial: str, since: str = "0", *, jobcentre: str | None = None
    ) -> Changes[ListedParticipant]:
        """What changed of participants since a place of the feed: of whom to send again. As ``changes``."""
        return Changes(lambda place: self._execute(calls.participant_changes(trial, place, jobcentre)), since)

    def set_contact_person(self, trial: str, participant_id: str, contact_person: str | None) -> Participant:
        """Names the contact person, or nobody."""
        return self._execute(calls.set_contact_person(trial, participant_id, contact_person))

    def draw(self, trial: str, participant_id: str) -> Assignment:
        """Draws a supplement candidate; who is drawn already keeps that draw."""
        return self._execute(calls.draw(trial, participant_id))

    def assignment(self, trial: str, participant_id: str) -> Assignment:
        """The draw of one person."""
        return self._execute(calls.assignment(trial, participant_id))

    def assignments(self, trial: str, *, jobcentre: str | None = None) -> Iterator[Assigned]:
        """Who was drawn to which arm."""
        return self._paginate(calls.assignments(trial, jobcentre))

    def withdraw(self, trial: str, participant_id: str, reason: WithdrawalReason) -> Participant:
        """Withdraws an undrawn candidate."""
        return self._execute(calls.withdraw(trial, participant_id, reason))

    def correct_cpr(
        self,
        trial: str,
        participant_id: str,
        cpr: str | None = None,
        reason: CorrectionReason | None = None,
        *,
        swap_with: str | None = None,
    ) -> CorrectionRequest:
        """Requests another CPR number, or a swap with another participant; a registrar decides."""
        return self._execute(calls.correct_cpr(trial, participant_id, cpr, reason, swap_with))

    def weeks(self, trial: str, participant_id: str, *, until: str | None = None) -> list[Week]:
        """A person's weeks as the protocol judges them."""
        return self._execute(calls.weeks(trial, participant_id, until))

    def letter(self, trial: str, participant_id: str, path: str | Path) -> Path:
        """Saves the letter of the draw, Danish: HTML or PDF, by the ending of the file."""
        target = Path(path)
        return self._run(calls.download(calls.letter(trial, participant_id, target), target, self._retry_policy))

    def person_file(self, trial: str, participant_id: str) -> dict[str, Any]:
        """All that is stored of a person, every version included, and who read it. The read is in the audit trail."""
        return self._execute(calls.person_file(trial, participant_id))

    def save_person_file(self, trial: str, participant_id: str, path: str | Path) -> Path:
        """Saves the person's file: JSON, or a page to print, HTML, by the ending of the file's name."""
        target = Path(path)
        return self._run(calls.download(calls.saved_file(trial, participant_id, target), target, self._retry_policy))

    # --- records ----------------------------------------------------------------------------------------------------

    def push(self, trial: str, kind: str, records: Iterable[object], options: PushOptions | None = None) -> PushResult:
        """Sends records from anything that can be iterated, of any length, one batch after the other.

        A record is a mapping of field names; days, decimals and the scalars of data frames are written as the register
        reads them, and what is missing in a data frame is null. Nothing is read ahead of the batch that is filled.
        Retries are safe: each batch has an Idempotency-Key for all its attempts. When it breaks off, the error's
        ``so_far`` has what was acknowledged; pushing everything again is safe too.
        """
        operation = push(trial, kind, options or PushOptions(), self._retry_policy)
        return self._run(operation, iter(records))

    def put(
        self, trial: str, kind: str, external_id: str, record: Mapping[str, Any], *, if_match: str | None = None
    ) -> StoredRecord:
        """Stores one record, without ``external_id`` in it. ``if_match`` is the ETag that it must still have."""
        return self._execute(calls.put(trial, kind, external_id, record, if_match))

    def get(self, trial: str, kind: str, external_id: str, *, client_id: str | None = None) -> StoredRecord:
        """One record as it stands."""
        return self._execute(calls.get(trial, kind, external_id, client_id))

    def retract(
        self, trial: str, kind: str, external_id: str, reason: RetractionReason, *, revision: int | None = None
    ) -> StoredRecord:
        """Takes a record back, also before it has come."""
        return self._execute(calls.retract(trial, kind, external_id, reason, revision))

    def history(self, trial: str, kind: str, external_id: str, *, client_id: str | None = None) -> list[StoredRecord]:
        """Every version of a record, the first one first."""
        return self._execute(calls.history(trial, kind, external_id, client_id))

    def records(
        self, trial: str, kind: str, *, participant_id: str | None = None, client_id: str | None = None
    ) -> Iterator[StoredRecord]:
        """The records that stand."""
        return self._paginate(calls.records(trial, kind, participant_id, client_id))

    def changes(
        self, trial: str, kind: str, since: str = "0", *, participant_id: str | None = None
    ) -> Changes[StoredRecord]:
        """What has changed since a place of the feed (``0``: the beginning), retractions included.

        Keep ``place`` when the loop is done, and begin there next time: nothing is missed, whatever is written
        meanwhile. It moves on only past records that the loop has been given.
        """
        return Changes(lambda place: self._execute(calls.changes(trial, kind, place, participant_id)), since)

    def batch(self, batch_id: str) -> dict[str, Any]:
        """The report of a batch that you sent, once more."""
        return self._execute(calls.batch(batch_id))

    # --- reports ----------------------------------------------------------------------------------------------------

    def weekly_summary(
        self,
        trial: str,
        *,
        week: str | None = None,
        by: GroupBy | None = None,
        since: str | None = None,
        known_at: Moment | None = None,
    ) -> WeeklySummary:
        """Figures by group and arm for a week (the last one over), or from the week ``since`` on."""
        return self._execute(calls.weekly_summary(trial, week, by, since, known_at))

    def conditions(
        self, trial: str, *, week: str | None = None, since: str | None = None, known_at: Moment | None = None
    ) -> ConditionsReport:
        """Return conditions and grant of each jobcentre, cumulative to the week, or for each week from ``since`` on."""
        return self._execute(calls.conditions(trial, week, since, known_at))

    def grant_assessments(self, trial: str) -> list[Assessment]:
        """The frozen assessments companion what they are today."""
        return self._execute(calls.grant_assessments(trial))

    def freeze_grant(self, trial: str, jobcentre: str, week: str) -> Assessment:
        """Freezes an assessment; the same one again is the same."""
        return self._execute(calls.freeze_grant(trial, jobcentre, week))

    def worklist(
        self, trial: str, *, jobcentre: str | None = None, week: str | None = None, known_at: Moment | None = None
    ) -> Worklist:
        """What to do for whom in a week (the running one)."""
        return self._execute(calls.worklist(trial, jobcentre, week, known_at))

    def activity_curve(
        self, trial: str, measure: CurveMeasure, *, jobcentre: str | None = None, known_at: Moment | None = None
    ) -> ActivityCurve:
        """Treatment against control by weeks since the assignment; ``measure`` as the contract lists them."""
        return self._execute(calls.activity_curve(trial, measure, jobcentre, known_at))

    def flow(
        self, trial: str, *, on: Day | None = None, jobcentre: str | None = None, known_at: Moment | None = None
    ) -> Flow:
        """Everyone screened, and what became of them."""
        return self._execute(calls.flow(trial, on, jobcentre, known_at))

    def report(self, trial: str, name: str, **params: object) -> dict[str, Any]:
        """Any other report of the trial by the name in its address, such as ``data-quality`` or ``effects``."""
        return self._execute(calls.report(trial, name, params))

    # --- the panel --------------------------------------------------------------------------------------------------

    def record_release(self, trial: str, purpose: str, *, known_at: Moment | None = None) -> Release:
        """Records a release of the panel: what it is for, as known at which moment."""
        return self._execute(calls.record_release(trial, purpose, known_at))

    def releases(self, trial: str) -> Iterator[Release]:
        """Who exported the panel when, and for what."""
        return self._paginate(calls.releases(trial))

    def panel_dictionary(self, trial: str) -> dict[str, Any]:
        """What every column of the panel means."""
        return self._execute(calls.panel_dictionary(trial))

    def export_panel(self, trial: str, release: str, path: str | Path, *, table: Table = "person-weeks") -> Path:
        """Saves a table of a release as JSON, JSON Lines, CSV or Parquet, by the ending of the file.

        The same release gives the same bytes each time, so a download that broke off is simply done again; the file
        appears whole or not at all.
        """
        target = Path(path)
        return self._run(calls.download(calls.panel(trial, table, release, target), target, self._retry_policy))
