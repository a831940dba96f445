"""Calls: every request to the register, and the parsing of its response. The clients' methods execute them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, cast

from rettevej_client.batches import encode_record
from rettevej_client.codes import (
    Arm,
    CorrectionReason,
    CurveMeasure,
    GroupBy,
    ParticipantState,
    RetractionReason,
    WithdrawalReason,
)
from rettevej_client.core import Operation, Request, RetryPolicy, read_json, send_with_retries
from rettevej_client.paths import path_of
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

T = TypeVar("T")
Day = str | date
Moment = str | datetime
Table = Literal["person-weeks", "participants", "draws"]
_TABLES: Mapping[Table, tuple[str, ...]] = {
    "person-weeks": ("person-weeks",),
    "participants": ("panel", "participants"),
    "draws": ("panel", "draws"),
}
_MEDIA_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".html": "text/html",
    ".pdf": "application/pdf",
}


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """Request, and the parsing of the JSON of its response."""

    request: Request
    parse: Callable[[Any], T] = lambda document: cast(T, document)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Page of a list, and the cursor of the next one: None after the last, never None in a change feed."""

    items: list[T]
    next: str | None


def execute(call: Call[T], retry_policy: RetryPolicy) -> Operation[T]:
    """Execute a call, and return its parsed response."""
    response = yield from send_with_retries(call.request, retry_policy)
    return call.parse(read_json(response))


def download(request: Request, path: Path, retry_policy: RetryPolicy) -> Operation[Path]:
    """Download a response to a file, which appears complete or not at all."""
    yield from send_with_retries(request, retry_policy, path)
    return path


def with_cursor(call: Call[Page[T]], cursor: str | None) -> Call[Page[T]]:
    """Return the call for the page at a cursor."""
    if cursor is None:
        return call
    return replace(call, request=replace(call.request, params={**call.request.params, "cursor": cursor}))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)  # a datetime is a date too


def _get(*path: str, **params: object) -> Request:
    given = {name: _text(value) for name, value in params.items() if value is not None}
    return Request("GET", path_of("v1", *path), given)


def _write(
    method: str, path: str, body: object = None, params: Mapping[str, str] | None = None, *, repeatable: bool = True
) -> Request:
    if body is None:
        return Request(method, path, params or {}, repeatable=repeatable)
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Request(method, path, params or {}, {"Content-Type": "application/json"}, content, repeatable)


def _items(document: Any) -> Any:
    return document["items"]


def _page(document: Any) -> Page[Any]:
    return Page(document["items"], document["next"])


def _records(document: Any) -> Page[StoredRecord]:
    return Page([StoredRecord.of(item) for item in document["items"]], document["next"])


# --- protocols and trials ---------------------------------------------------------------------------------------------


def protocols() -> Call[list[TrialProtocol]]:
    return Call(_get("protocols"), _items)


def trials() -> Call[Page[Trial]]:
    return Call(_get("trials", limit=1000), _page)


def trial(trial: str) -> Call[Trial]:
    return Call(_get("trials", trial))


def create_trial(new: NewTrial) -> Call[Trial]:
    return Call(_write("POST", path_of("v1", "trials"), new))


def close_trial(trial: str) -> Call[Trial]:
    return Call(_write("POST", path_of("v1", "trials", trial, "close")))


def draws(trial: str) -> Call[Page[Draw]]:
    return Call(_get("trials", trial, "draws", limit=1000), _page)


# --- people -----------------------------------------------------------------------------------------------------------


def _person(trial: str, participant_id: str, *rest: str) -> str:
    return path_of("v1", "trials", trial, "participants", participant_id, *rest)


def screen(trial: str, screening: Screening, dry_run: bool) -> Call[Screened]:
    params = {"dry_run": "true"} if dry_run else {}
    body = encode_record(cast(Mapping[str, Any], screening))
    return Call(_write("POST", path_of("v1", "trials", trial, "participants"), body, params))


def lookup(trial: str, cpr: str) -> Call[Participant]:
    return Call(_write("POST", path_of("v1", "trials", trial, "participants", "lookup"), {"cpr": cpr}))


def participants(
    trial: str, jobcentre: str | None, arm: Arm | None, state: ParticipantState | None
) -> Call[Page[ListedParticipant]]:
    return Call(_get("trials", trial, "participants", jobcentre=jobcentre, arm=arm, state=state, limit=1000), _page)


def participant_changes(trial: str, since: str, jobcentre: str | None) -> Call[Page[ListedParticipant]]:
    return Call(_get("trials", trial, "participants", changed_since=since, jobcentre=jobcentre, limit=1000), _page)


def participant(trial: str, participant_id: str) -> Call[Participant]:
    return Call(_get("trials", trial, "participants", participant_id))


def set_contact_person(trial: str, participant_id: str, contact_person: str | None) -> Call[Participant]:
    return Call(_write("PATCH", _person(trial, participant_id), {"contact_person": contact_person}))


def draw(trial: str, participant_id: str) -> Call[Assignment]:
    return Call(_write("POST", _person(trial, participant_id, "assignment")))


def assignment(trial: str, participant_id: str) -> Call[Assignment]:
    return Call(_get("trials", trial, "participants", participant_id, "assignment"))


def assignments(trial: str, jobcentre: str | None) -> Call[Page[Assigned]]:
    return Call(_get("trials", trial, "assignments", jobcentre=jobcentre, limit=1000), _page)


def withdraw(trial: str, participant_id: str, reason: WithdrawalReason) -> Call[Participant]:
    return Call(_write("POST", _person(trial, participant_id, "withdrawal"), {"reason": reason}, repeatable=False))


def correct_cpr(
    trial: str, participant_id: str, cpr: str | None, reason: CorrectionReason | None, swap_with: str | None
) -> Call[CorrectionRequest]:
    body = {"cpr": cpr, "reason": reason, "swap_with": swap_with}
    return Call(_write("POST", _person(trial, participant_id, "cpr"), body))


def weeks(trial: str, participant_id: str, until: str | None) -> Call[list[Week]]:
    return Call(_get("trials", trial, "participants", participant_id, "weeks", until=until), _items)


def letter(trial: str, participant_id: str, path: Path) -> Request:
    return _accepting(_get("trials", trial, "participants", participant_id, "letter"), path, (".html", ".pdf"))


def person_file(trial: str, participant_id: str) -> Call[dict[str, Any]]:
    return Call(_get("trials", trial, "participants", participant_id, "file"))


def saved_file(trial: str, participant_id: str, path: Path) -> Request:
    return _accepting(_get("trials", trial, "participants", participant_id, "file"), path, (".json", ".html"))


# --- single records ---------------------------------------------------------------------------------------------------


def _record(trial: str, kind: str, external_id: str) -> str:
    return path_of("v1", "trials", trial, kind, external_id)


def put(trial: str, kind: str, external_id: str, record: Mapping[str, Any], if_match: str | None) -> Call[StoredRecord]:
    request = _write("PUT", _record(trial, kind, external_id), encode_record(record))
    if if_match is not None:  # a second attempt after a success would be refused
        request = replace(request, headers={**request.headers, "If-Match": if_match}, repeatable=False)
    return Call(request, StoredRecord.of)


def get(trial: str, kind: str, external_id: str, client_id: str | None) -> Call[StoredRecord]:
    return Call(_get("trials", trial, kind, external_id, client_id=client_id), StoredRecord.of)


def retract(
    trial: str, kind: str, external_id: str, reason: RetractionReason, revision: int | None
) -> Call[StoredRecord]:
    params = {"retraction_reason": reason} | ({} if revision is None else {"revision": str(revision)})
    return Call(_write("DELETE", _record(trial, kind, external_id), params=params), StoredRecord.of)


def history(trial: str, kind: str, external_id: str, client_id: str | None) -> Call[list[StoredRecord]]:
    request = _get("trials", trial, kind, external_id, "history", client_id=client_id)
    return Call(request, lambda document: [StoredRecord.of(item) for item in document["items"]])


def records(trial: str, kind: str, participant_id: str | None, client_id: str | None) -> Call[Page[StoredRecord]]:
    request = _get("trials", trial, kind, participant_id=participant_id, client_id=client_id, limit=1000)
    return Call(request, _records)


def changes(trial: str, kind: str, since: str, participant_id: str | None) -> Call[Page[StoredRecord]]:
    request = _get("trials", trial, kind, changed_since=since, participant_id=participant_id, limit=1000)
    return Call(request, _records)


def batch(batch_id: str) -> Call[dict[str, Any]]:
    return Call(_get("batches", batch_id))


# --- reports ----------------------------------------------------------------------------------------------------------


def weekly_summary(
    trial: str, week: str | None, by: GroupBy | None, since: str | None, known_at: Moment | None
) -> Call[WeeklySummary]:
    return Call(_get("trials", trial, "weekly-summary", week=week, by=by, known_at=known_at, **{"from": since}))


def conditions(trial: str, week: str | None, since: str | None, known_at: Moment | None) -> Call[ConditionsReport]:
    return Call(_get("trials", trial, "conditions", week=week, known_at=known_at, **{"from": since}))


def grant_assessments(trial: str) -> Call[list[Assessment]]:
    return Call(_get("trials", trial, "grant-assessments"), _items)


def freeze_grant(trial: str, jobcentre: str, week: str) -> Call[Assessment]:
    return Call(
        _write("POST", path_of("v1", "trials", trial, "grant-assessments"), {"jobcentre": jobcentre, "week": week})
    )


def worklist(trial: str, jobcentre: str | None, week: str | None, known_at: Moment | None) -> Call[Worklist]:
    return Call(_get("trials", trial, "worklist", jobcentre=jobcentre, week=week, known_at=known_at))


def activity_curve(
    trial: str, measure: CurveMeasure, jobcentre: str | None, known_at: Moment | None
) -> Call[ActivityCurve]:
    return Call(_get("trials", trial, "activity-curve", measure=measure, jobcentre=jobcentre, known_at=known_at))


def flow(trial: str, on: Day | None, jobcentre: str | None, known_at: Moment | None) -> Call[Flow]:
    return Call(_get("trials", trial, "flow", on=on, jobcentre=jobcentre, known_at=known_at))


def report(trial: str, name: str, params: Mapping[str, object]) -> Call[dict[str, Any]]:
    return Call(_get("trials", trial, name, **params))


# --- the panel --------------------------------------------------------------------------------------------------------


def record_release(trial: str, purpose: str, known_at: Moment | None) -> Call[Release]:
    body = {"purpose": purpose} | ({} if known_at is None else {"known_at": _text(known_at)})
    return Call(_write("POST", path_of("v1", "trials", trial, "releases"), body, repeatable=False))


def releases(trial: str) -> Call[Page[Release]]:
    return Call(_get("trials", trial, "releases", limit=1000), _page)


def panel_dictionary(trial: str) -> Call[dict[str, Any]]:
    return Call(_get("trials", trial, "panel", "dictionary"))


def panel(trial: str, table: Table, release: str, path: Path) -> Request:
    request = _get("trials", trial, *_TABLES[table], release=release)
    return _accepting(request, path, (".json", ".jsonl", ".ndjson", ".csv", ".parquet", ".xlsx"))


def _accepting(request: Request, path: Path, suffixes: tuple[str, ...]) -> Request:
    """Return the request for the format of the file's suffix. Raises ``ValueError`` for any other suffix."""
    if path.suffix not in suffixes:
        raise ValueError(f"the file's name must end in one of {', '.join(suffixes)}")
    return replace(request, headers={**request.headers, "Accept": _MEDIA_TYPES[path.suffix]})
