"""The endpoints of records: the same for every kind, each kind with its own names in the contract."""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic_core import from_json, to_json

from app.auth import Principal, requires
from app.db.receipts import RequestKey
from app.db.record_reads import changed_records, find_record, history_of, list_records
from app.db.records import Delivery, Received, SentRecord, receive
from app.db.trials import Trial
from app.domain.door import REFUSED
from app.domain.facts import RetractionReason
from app.domain.ingest import Report
from app.metrics import BATCHES, RECORDS
from app.problems import BODY, COMMON, Problem, problem_responses
from app.routers.batches import BatchReport, ReportLevel, media_type_of, read_batch, report_of
from app.routers.fields import MAX_REVISION, ClientName, ExternalId
from app.routers.record_schemas import (
    batch_body,
    history_answer,
    page_answer,
    record_answers,
    record_body,
    record_schema,
    stored_answer,
    written_answer,
)
from app.routers.record_wire import RecordWire, read_record, wire_of
from app.routers.support import (
    CURSOR,
    JSON,
    Cursor,
    Limit,
    Services,
    TrialPath,
    Use,
    answer,
    decode_cursor,
    encode_cursor,
    page,
    sight_of,
    trial_or_404,
    with_etag,
)

_FIRST = UUID(int=0)
_VERSION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""How the ETag of a single record is written."""
_REFUSALS = {
    "conversations": ("form_not_accepted", "remote_too_early", "conducted_by_mentor"),
    "activations": ("hours_too_few", "not_at_workplace"),
}
_CONFLICTS = ("not_drawn", "event_order", "revision_conflict")
ExternalIdPath = Annotated[ExternalId, Path(description="The sender's own id of the record. Never a CPR number.")]
ClientQuery = Annotated[ClientName | None, Query(alias="client_id", description="Only what this client sent.")]
DryRun = Annotated[bool, Query(description="Judges everything and stores nothing.")]
ChangedSince = Annotated[
    str | None,
    Query(
        max_length=20_000,
        pattern=CURSOR,
        description="`0`, or `next` of the feed's last answer: what changed since.",
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description=(
            "Your own key of this request: sent again with the same request, it gets the report of the first; with"
            " another one it is refused (`idempotency_key_reused`)."
        ),
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag that the record must still have, or several of which one; `*` is any. Else 412.",
    ),
]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of record as the contract names it."""

    kind: str
    singular: str
    plural: str
    writes: str
    reads: str


_KINDS = (
    _Kind("conversations", "Conversation", "Conversations", "conversations:write", "conversations:write"),
    _Kind("activations", "Activation", "Activations", "activations:write", "activations:write"),
    _Kind("exemptions", "Exemption", "Exemptions", "participants:write", "participants:read"),
    _Kind("presence-events", "PresenceEvent", "PresenceEvents", "participants:write", "participants:read"),
    _Kind("support-efforts", "SupportEffort", "SupportEfforts", "participants:write", "participants:read"),
    _Kind("mentors", "Mentor", "Mentors", "participants:write", "participants:read"),
    _Kind("declined-offers", "DeclinedOffer", "DeclinedOffers", "participants:write", "participants:read"),
    _Kind("outcomes", "Outcome", "Outcomes", "activations:write", "activations:write"),  # registers deliver both
)


def router_of(kind: _Kind) -> APIRouter:
    """The five endpoints of one kind."""
    router = APIRouter(tags=["records"], prefix=f"/v1/trials/{{trial}}/{kind.kind}")
    _add_batch(router, kind)
    _add_reads(router, kind)
    _add_single_writes(router, kind)
    return router


def _add_batch(router: APIRouter, kind: _Kind) -> None:
    wire = wire_of(kind.kind)

    @router.post(
        "/batch",
        operation_id=f"push{kind.plural}",
        summary=f"Send up to 10,000 {kind.kind}",
        status_code=207,
        response_model=BatchReport,
        openapi_extra=batch_body(kind.kind, kind.singular),
        responses=problem_responses(*COMMON, *BODY, "not_found", "idempotency_key_reused"),
    )
    async def push(
        request: Request,
        use: Use,
        trial_id: TrialPath,
        principal: Annotated[Principal, Depends(requires(kind.writes))],
        dry_run: DryRun = False,
        atomic: Annotated[bool, Query(description="Stores all or, if one is rejected, nothing.")] = False,
        report: Annotated[
            ReportLevel, Query(description="`errors` leaves warnings out, `full` lists all.")
        ] = "default",
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Sends what is new, changed or taken back, for any number of people. Sending again is always safe.

        Each record is judged for itself: a faulty one is `rejected` with every fault and its pointer, and never stops
        the others. The answer is 207 whenever the records were looked at; it lists what was not plainly stored, and
        counts the rest. What was stored is on disk then, and in every report asked for afterwards.

        The same content again is `unchanged`. Other content replaces what is stored when its `revision` is higher; a
        lower one is `stale`, the same one is rejected (`revision_conflict`). Without revisions the later arrival wins.
        So send a `revision` with every record if your messages can overtake each other: the order of arrival then never
        matters.

        `atomic` stores all or nothing, `dry_run` judges and stores nothing. Without a list of 1 to 10,000 records, or
        when the body cannot be read, the whole batch is refused with 400, 413 or 422, and nothing is stored.
        """
        body = await request.body()
        records = read_batch(media_type_of(request), body)
        async with use.read(principal) as connection:
            trial = await trial_or_404(connection, trial_id)
        require_a_place(principal, trial)
        external_ids, parsed = _read(wire, use, records)
        delivery = Delivery(
            trial,
            kind.kind,
            principal.client_id,
            principal.reads_person_of,
            sight_of(principal),
            parsed,
            keep=not dry_run,
            atomic=atomic,
            request=None if dry_run else request_key(request, body, idempotency_key),
            receipt=lambda received: to_json(report_of(received, external_ids, report)),
        )
        received = await receive(use.database, delivery)
        measure(kind.kind, received)
        await _note_questions(use, principal, delivery, received)
        return Response(received.receipt, 207, media_type=JSON)


def measure(kind: str, received: Received) -> None:
    BATCHES.labels(kind, str(received.committed).lower()).inc()
    for outcome, n in Counter(report.outcome for report in received.reports).items():
        RECORDS.labels(kind, outcome).inc(n)


async def _note_questions(use: Services, principal: Principal, delivery: Delivery, received: Received) -> None:
    """What a batch asks, it learns: whether the people in it are the client's, and what it would come to."""
    trial, kind, reports = delivery.trial, delivery.kind, received.reports
    if unknown := sum(code == "unknown_participant" for report in reports for _, code in report.errors):
        await use.noted(principal, "records.unknown_participant", trial.id, kind=kind, records=unknown)
    stored = received.committed and any(each.outcome in ("created", "updated", "retracted") for each in reports)
    if reports and not stored and unknown < len(reports):
        jobcentres = [code for code in trial.jobcentres if principal.reads_person_of(code)]
        await use.noted(principal, "records.judged", trial.id, jobcentres, kind=kind, received=len(reports))


def request_key(request: Request, body: bytes, key: str | None) -> RequestKey | None:
    """Of the key, too, only the hash is kept: a client may have put anything into it."""
    if key is None:
        return None
    described = f"{request.url.path}?{request.url.query}\n{request.headers.get('content-type')}\n"
    return RequestKey(hashlib.sha256(key.encode()).hexdigest(), hashlib.sha256(described.encode() + body).digest())


def require_a_place(principal: Principal, trial: Trial) -> None:
    """Problem ``not_found`` for a client that is bound to no jobcentre of the trial."""
    if not any(principal.reads_person_of(code) for code in trial.jobcentres):
        raise Problem("not_found")


def _read(wire: RecordWire, use: Services, records: list[Any]) -> tuple[list[str | None], list[SentRecord | Report]]:
    today = use.today()
    read = [read_record(wire, record, today, use.vault.blind_index) for record in records]
    return [external_id for external_id, _ in read], [record for _, record in read]


def _add_reads(router: APIRouter, kind: _Kind) -> None:
    @router.get(
        "",
        operation_id=f"list{kind.plural}",
        summary=f"The {kind.kind} of your jobcentres",
        responses={200: page_answer(kind.kind, kind.singular), **problem_responses(*COMMON, "not_found")},
    )
    async def listed(
        request: Request,
        use: Use,
        trial_id: TrialPath,
        principal: Annotated[Principal, Depends(requires(kind.reads))],
        participant_id: Annotated[UUID | None, Query(description="Only the records of this participant.")] = None,
        client_id: ClientQuery = None,
        changed_since: ChangedSince = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        """The records that stand, whoever sent them, in the order of registration. Retracted ones are left out.

        With `changed_since` it is a change feed instead: what has changed since, retractions included. Its `next` is
        never null: keep it, and ask with it again later. It misses nothing, whatever is written meanwhile. Begin with
        `0`. A record that passes to somebody whom you do not see, or did not ask for, appears once more as retracted,
        with the reason `moved`.
        """
        (after,) = decode_cursor(cursor, UUID) or (_FIRST,)
        async with use.read(principal) as connection:
            trial = await trial_or_404(connection, trial_id)
            require_a_place(principal, trial)
            jobcentres = [code for code in trial.jobcentres if principal.reads_person_of(code)]
            found: list[tuple[UUID, dict[str, Any]]] = []
            feed: dict[str, Any] | None = None
            if changed_since is not None:
                places = _places(changed_since, jobcentres)
                changed, reached = await changed_records(
                    connection, kind.kind, trial_id, places, participant_id, client_id, limit
                )
                feed = {"items": changed, "next": _feed_cursor(reached)}
            else:
                found = await list_records(
                    connection, kind.kind, trial_id, jobcentres, participant_id, client_id, after, limit + 1
                )
        # The connection is given back first: writing the note needs one too.
        action = "records.listed" if feed is None else "records.followed"
        await use.noted(principal, action, trial_id, jobcentres, participant_id, kind=kind.kind, client_id=client_id)
        if feed is not None:
            return answer(request, feed)
        versions = [version_id for version_id, _ in found]
        items = [record for _, record in found]
        return page(request, items, limit, lambda _: encode_cursor(versions[limit - 1]))

    @router.get(
        "/{external_id:path}/history",
        operation_id=f"get{kind.singular}History",
        summary="Every version of one record",
        responses={200: history_answer(kind.singular), **problem_responses(*COMMON, "not_found", "ambiguous_client")},
    )
    async def history(
        request: Request,
        use: Use,
        trial_id: TrialPath,
        external_id: ExternalIdPath,
        principal: Annotated[Principal, Depends(requires(kind.reads))],
        client_id: ClientQuery = None,
    ) -> Response:
        """When each version was registered, by whom, in which batch, and when the next took its place.

        Found as a single record is; retractions are versions too. Versions of people who are not at your jobcentres are
        left out.
        """
        async with use.read(principal) as connection:
            trial = await trial_or_404(connection, trial_id)
            latest, _ = await _find(connection, kind, trial, external_id, principal, client_id)
            jobcentres = [code for code in trial.jobcentres if principal.reads_person_of(code)]
            versions = await history_of(connection, kind.kind, trial_id, jobcentres, UUID(latest))
        for someone in dict.fromkeys(version["participant_id"] for version in versions):
            await use.noted(principal, "history.read", trial_id, (), someone, kind=kind.kind)
        return answer(request, {"items": versions})

    @router.get(
        "/{external_id:path}",
        operation_id=f"get{kind.singular}",
        summary="One record",
        responses={
            200: stored_answer(kind.singular),
            **problem_responses(*COMMON, "not_found", "ambiguous_client"),
        },
    )
    async def single(
        request: Request,
        use: Use,
        trial_id: TrialPath,
        external_id: ExternalIdPath,
        principal: Annotated[Principal, Depends(requires(kind.reads))],
        client_id: ClientQuery = None,
    ) -> Response:
        """Your own record of that id, or else the one that another client sent of someone at your jobcentres.

        A retracted one says so. Where several other clients sent a record of that id, name one as `client_id`: without
        it the answer is 409.
        """
        async with use.read(principal) as connection:
            trial = await trial_or_404(connection, trial_id)
            etag, record = await _find(connection, kind, trial, external_id, principal, client_id)
        await use.noted(principal, "record.read", trial_id, (), record["participant_id"], kind=kind.kind)
        return with_etag(request, to_json(record), JSON, etag)


def _places(changed_since: str, jobcentres: Sequence[str]) -> dict[str, UUID]:
    """How far a reader of the feed has come in each jobcentre; ``0`` is the beginning."""
    reached: dict[str, UUID] = {}
    if changed_since != "0":
        (given,) = decode_cursor(changed_since, dict, parameter="changed_since") or ({},)
        try:
            reached = {code: UUID(hex=place) for code, place in given.items()}
        except (ValueError, AttributeError, TypeError):
            raise Problem("malformed", errors=[("/query/changed_since", "invalid_value")]) from None
    return {code: reached.get(code, _FIRST) for code in jobcentres}


def _feed_cursor(reached: Mapping[str, UUID]) -> str:
    return encode_cursor({code: place.hex for code, place in reached.items() if place != _FIRST})


async def _find(
    connection: Any, kind: _Kind, trial: Trial, external_id: str, principal: Principal, client: str | None
) -> tuple[str, Mapping[str, Any]]:
    jobcentres = [code for code in trial.jobcentres if principal.reads_person_of(code)]
    found = await find_record(connection, kind.kind, trial.id, external_id, jobcentres, principal.client_id, client)
    if found is None:
        raise Problem("not_found")
    return str(found[0]), found[1]


def _add_single_writes(router: APIRouter, kind: _Kind) -> None:
    wire = wire_of(kind.kind)
    about_the_version = ("revision_conflict", "stale", "precondition_failed")
    order = ("event_order",) if kind.kind == "presence-events" else ()
    about_the_person = ("unknown_participant", "not_drawn", *order, *_REFUSALS.get(kind.kind, ()))

    @router.put(
        "/{external_id:path}",
        operation_id=f"put{kind.singular}",
        summary="Send one record",
        openapi_extra=record_body(kind.kind, kind.singular),
        responses={
            200: written_answer(kind.singular, "updated"),
            201: written_answer(kind.singular, "created"),
            **problem_responses(*COMMON, *BODY, "not_found", *about_the_person, *about_the_version),
        },
    )
    async def put(
        request: Request,
        use: Use,
        trial_id: TrialPath,
        external_id: ExternalIdPath,
        principal: Annotated[Principal, Depends(requires(kind.writes))],
        if_match: IfMatch = None,
    ) -> Response:
        """Stores one record under your own id, by the rules of a batch: again is safe, a higher revision corrects.

        Refused with 409 is what contradicts what is stored (`revision_conflict`, `stale`, `not_drawn`, `event_order`)
        or, in a trial that enforces its rules, breaks one of them. Everything else that is wrong is 422, every fault
        with its pointer. With `If-Match` it is written only while the stored version has that ETag.
        """
        if media_type_of(request) != JSON:
            raise Problem("unsupported_media_type")
        try:
            raw = from_json(await request.body(), allow_inf_nan=False)
        except ValueError:
            raise Problem("invalid_json", errors=[("", "invalid_json")]) from None
        if not isinstance(raw, dict):
            raise Problem("malformed", errors=[("", "invalid_value")])
        if raw.get("external_id", external_id) != external_id:
            raise Problem("malformed", errors=[("/external_id", "invalid_value")])
        record = {**raw, "external_id": external_id}
        return await _write_one(request, use, kind, wire, trial_id, record, principal, if_match)

    @router.delete(
        "/{external_id:path}",
        operation_id=f"retract{kind.singular}",
        summary="Take one record back",
        responses={
            200: written_answer(kind.singular, "retracted"),
            **problem_responses(*COMMON, "not_found", "unknown_participant", *about_the_version),
        },
    )
    async def delete(
        request: Request,
        use: Use,
        trial_id: TrialPath,
        external_id: ExternalIdPath,
        principal: Annotated[Principal, Depends(requires(kind.writes))],
        retraction_reason: Annotated[RetractionReason, Query(description="Why it is taken back.")] = "entered_in_error",
        revision: Annotated[
            int | None,
            Query(ge=0, le=MAX_REVISION, description="Higher than that of the record, where it was sent with one."),
        ] = None,
        if_match: IfMatch = None,
    ) -> Response:
        """Takes your own record back. It may even come before its record, and holds that off then.

        A record that was sent with a revision needs a higher one here. A still higher one, put later, brings it back.
        """
        raw = {
            "external_id": external_id,
            "revision": revision,
            "retracted": True,
            "retraction_reason": retraction_reason,
        }
        return await _write_one(request, use, kind, wire, trial_id, raw, principal, if_match)


async def _write_one(
    request: Request,
    use: Services,
    kind: _Kind,
    wire: RecordWire,
    trial_id: str,
    raw: dict[str, Any],
    principal: Principal,
    if_match: str | None,
) -> Response:
    """A batch of one, its outcome as a status: 201 created, 200 otherwise, a problem where it was rejected or stale."""
    async with use.read(principal) as connection:
        trial = await trial_or_404(connection, trial_id)
    require_a_place(principal, trial)
    (_, parsed) = read_record(wire, raw, use.today(), use.vault.blind_index)
    delivery = Delivery(
        trial,
        kind.kind,
        principal.client_id,
        principal.reads_person_of,
        sight_of(principal),
        [parsed],
        if_match=_versions(if_match),
    )
    received = await receive(use.database, delivery)
    measure(kind.kind, received)
    report = received.reports[0]
    if report.outcome == "stale":
        raise Problem("stale")
    if report.errors:
        raise _problem_of(report)
    async with use.read(principal) as connection:
        etag, record = await _find(connection, kind, trial, raw["external_id"], principal, principal.client_id)
    if report.outcome == "unchanged":
        await use.noted(principal, "record.read", trial_id, (), record["participant_id"], kind=kind.kind)
    content = to_json({**record, "outcome": report.outcome, "warnings": report.warnings})
    return with_etag(request, content, JSON, etag, 201 if report.outcome == "created" else 200)


def _versions(if_match: str | None) -> Collection[UUID] | Literal["any"] | None:
    """The versions behind a list of ETags (RFC 9110, 13.1.1); those that were never ours, or are weak, match none."""
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return "any"
    tags = [tag.strip().strip('"') for tag in if_match.split(",")]
    return {UUID(tag) for tag in tags if _VERSION.fullmatch(tag)}


def _problem_of(report: Report) -> Problem:
    """Single codes have a status of their own; everything else is a malformed body, every fault with its pointer."""
    for _, code in report.errors:
        if code in REFUSED or code in (*_CONFLICTS, "unknown_participant"):
            return Problem(code, errors=report.errors)
    return Problem("malformed", errors=report.errors)


routers = [router_of(kind) for kind in _KINDS]
RECORD_SCHEMAS = {name: schema for kind in _KINDS for name, schema in record_schema(kind.kind, kind.singular).items()}
"""The schemas of all kinds, for the contract's components."""
RECORD_ANSWERS = {
    operation_id: answers
    for kind in _KINDS
    for operation_id, answers in record_answers(kind.kind, kind.singular, kind.plural).items()
}
"""What the answers look like, by operation id and status."""
