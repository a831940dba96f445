"""Endpoints that read records: a list, a change feed, one record, and its history."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic_core import to_json

from app.db.records.queries import changed_records, list_records, load_history
from app.routers.common.feeds import ChangedSince, decode_positions, encode_positions
from app.routers.common.services import (
    JSON,
    Cursor,
    Limit,
    Services,
    ServicesDep,
    TrialPath,
    access_scope_of,
    decode_cursor,
    encode_cursor,
    etag_response,
    json_response,
    page,
    trial_or_404,
)
from app.routers.records.kinds import (
    ClientQuery,
    ExternalIdPath,
    RecordKind,
    find_one,
    jobcentres_of,
    require_jobcentre_access,
)
from app.routers.records.schemas import models_of
from app.web.auth import Principal, requires
from app.web.problems import COMMON, problem_responses

_FIRST = UUID(int=0)


def add_reads(router: APIRouter, kind: RecordKind) -> None:
    """Add the endpoints that read records of a kind."""
    _add_list(router, kind)
    _add_history(router, kind)  # before the single record, whose path matches the history's too
    _add_single(router, kind)


def _add_list(router: APIRouter, kind: RecordKind) -> None:
    @router.get(
        "",
        operation_id=f"list{kind.plural}",
        summary=f"The {kind.kind} of your jobcentres",
        response_model=models_of(kind).page,
        responses=problem_responses(*COMMON, "not_found"),
    )
    async def listed(
        request: Request,
        services: ServicesDep,
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
        if changed_since is not None:
            feed = _Feed(kind.kind, trial_id, participant_id, client_id, limit)
            return await _read_feed(request, services, principal, feed, changed_since)
        (after,) = decode_cursor(request, cursor, UUID) or (_FIRST,)
        trial = await services.get_trial(principal, trial_id)
        jobcentres = require_jobcentre_access(principal, trial)
        filters = {"kind": kind.kind, "client_id": client_id}
        selection = (kind.kind, trial_id, jobcentres, participant_id, client_id, after, limit + 1)
        async with services.audited_read(principal, "records.listed", trial_id, jobcentres, participant_id, **filters):
            rows = await list_records(services.database, access_scope_of(principal), *selection)
        records = [record for _, record in rows]
        return page(request, records, limit, lambda _: encode_cursor(request, rows[limit - 1][0]))


@dataclass(frozen=True, slots=True)
class _Feed:
    """The records that a change feed selects."""

    kind: str
    trial_id: str
    participant_id: UUID | None
    client_id: str | None
    limit: int


async def _read_feed(
    request: Request, services: Services, principal: Principal, feed: _Feed, changed_since: str
) -> Response:
    """Return what has changed since, with the cursor reached."""
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, feed.trial_id)
        jobcentres = require_jobcentre_access(principal, trial)
        positions = decode_positions(request, changed_since, jobcentres)
        changed, reached = await changed_records(
            connection, feed.kind, feed.trial_id, positions, feed.participant_id, feed.client_id, feed.limit
        )
    filters = {"kind": feed.kind, "client_id": feed.client_id}
    await services.audit_read(principal, "records.followed", feed.trial_id, jobcentres, feed.participant_id, **filters)
    return json_response(request, {"items": changed, "next": encode_positions(request, reached)})


def _add_history(router: APIRouter, kind: RecordKind) -> None:
    @router.get(
        "/{external_id:path}/history",
        operation_id=f"get{kind.singular}History",
        summary="Every version of one record",
        response_model=models_of(kind).history,
        responses=problem_responses(*COMMON, "not_found", "ambiguous_client"),
    )
    async def history(
        request: Request,
        services: ServicesDep,
        trial_id: TrialPath,
        external_id: ExternalIdPath,
        principal: Annotated[Principal, Depends(requires(kind.reads))],
        client_id: ClientQuery = None,
    ) -> Response:
        """When each version was registered, by whom, in which batch, and when the next took its place.

        Found as a single record is; retractions are versions too. Versions of people who are not at your jobcentres are
        left out.
        """
        async with services.read(principal) as connection:
            trial = await trial_or_404(services, connection, trial_id)
            latest, _ = await find_one(connection, kind, trial, external_id, principal, client_id)
            jobcentres = jobcentres_of(principal, trial)
            versions = await load_history(connection, kind.kind, trial_id, jobcentres, UUID(latest))
        for participant_id in dict.fromkeys(version["participant_id"] for version in versions):
            await services.audit_read(principal, "history.read", trial_id, (), participant_id, kind=kind.kind)
        return json_response(request, {"items": versions})


def _add_single(router: APIRouter, kind: RecordKind) -> None:
    @router.get(
        "/{external_id:path}",
        operation_id=f"get{kind.singular}",
        summary="One record",
        response_model=models_of(kind).stored,
        responses=problem_responses(*COMMON, "not_found", "ambiguous_client"),
    )
    async def single(
        request: Request,
        services: ServicesDep,
        trial_id: TrialPath,
        external_id: ExternalIdPath,
        principal: Annotated[Principal, Depends(requires(kind.reads))],
        client_id: ClientQuery = None,
    ) -> Response:
        """Your own record of that id, or else the one that another client sent of someone at your jobcentres.

        A retracted one says so. Where several other clients sent a record of that id, name one as `client_id`: without
        it the answer is 409.
        """
        async with services.read(principal) as connection:
            trial = await trial_or_404(services, connection, trial_id)
            etag, record = await find_one(connection, kind, trial, external_id, principal, client_id)
        await services.audit_read(principal, "record.read", trial_id, (), record["participant_id"], kind=kind.kind)
        return etag_response(request, to_json(record), JSON, etag)
