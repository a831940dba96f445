"""Audit trail: writes and reads by client, and the signed heads of the hash chains."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, TypeAdapter

from app.db.audit.log import StoredEntry, list_entries, load_chain_heads
from app.db.core.session import SYSTEM_SCOPE
from app.routers.common.services import (
    Cursor,
    Limit,
    NextPage,
    ServicesDep,
    decode_cursor,
    encode_cursor,
    json_response,
    page,
    whole_number,
)
from app.routers.common.types import ClientName, Moment
from app.web.auth import Principal, requires
from app.web.problems import COMMON, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["audit"])
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
Auditor = Annotated[Principal, Depends(requires("audit:read"))]


class AuditEntryView(BaseModel):
    """Entry of a hash chain. It holds ids, codes, counts and dates, and no personal data."""

    at: datetime = Field(description="Moment of the action.")
    client_id: str | None = Field(description="Client that acted; null for the service itself.")
    action: str = Field(
        description="Action, such as `participant.drawn`, `records.received` or `weekly_summary.read`.",
        examples=["participant.drawn"],
    )
    trial: str | None = Field(description="Id of the trial; null if the action concerns none.")
    participant_id: UUID | None = Field(
        description="Participant concerned; null if the action concerns none or several."
    )
    details: dict[str, Any] = Field(description="Counts, codes and filters of the action.")
    jobcentre: str = Field(description="Jobcentre of the chain; empty if the action concerns no single one.")
    chain: Literal["writes", "reads"]
    position: int = Field(description="Number in the chain: 0, 1, 2 … without gaps.")
    previous_hash: str = Field(description="`hash` of the previous entry, in hex; 64 zeros for the first.")
    hash: str = Field(
        description=(
            "SHA-256, hex, over the 32 bytes of `previous_hash` and this entry as canonical JSON (RFC 8785) with the"
            " members `jobcentre`, `chain`, `position`, `at` (UTC, six decimals, `+00:00`), `client`, `action`,"
            " `trial`, `participant`, `details`."
        )
    )


class AuditPage(BaseModel):
    """Page of the audit trail, in order of time."""

    items: list[AuditEntryView]
    next: NextPage


class HeadView(BaseModel):
    """Head of one chain."""

    jobcentre: str = Field(description="Empty for actions that concern no single jobcentre.")
    chain: Literal["writes", "reads"]
    length: int = Field(description="Number of entries.")
    head: str = Field(description="Hash of the last entry.")


class HeadsView(BaseModel):
    """Heads of all chains, also as a signed JWS (ES256) with the moment of signing."""

    items: list[HeadView]
    jws: str = Field(description="Compact JWS with the payload `{iat, heads}`: moment of signing, and the items.")
    jwk: dict[str, str] = Field(description="Public key of the signature.")


@router.get(
    "/v1/audit",
    operation_id="listAudit",
    summary="Who did or read what, when",
    response_model=AuditPage,
    responses=problem_responses(*COMMON),
)
async def get_audit(
    request: Request,
    services: ServicesDep,
    principal: Auditor,
    participant_id: Annotated[UUID | None, Query(description="Only actions on this participant.")] = None,
    client_id: Annotated[ClientName | None, Query(description="Only actions of this client.")] = None,
    since: Annotated[
        Moment | None,
        Query(alias="from", description="Only entries from this moment on.", examples=["2011-01-01T00:00:00Z"]),
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Returns every write and read in order of time, as ids, codes and counts without personal data.

    With `participant_id`, the batches with records of the participant are included. Each entry is part of a hash chain:
    each jobcentre has one chain of writes and one of reads. Reading the trail adds an entry.
    """
    after = decode_cursor(request, cursor, _MOMENT.validate_python, str, str, whole_number)
    async with services.database.read(SYSTEM_SCOPE) as connection:
        entries = await list_entries(connection, participant_id, client_id, since, after, limit + 1)
    await services.audit_read(principal, "audit.read", None, (), participant_id, client_id=client_id, since=since)
    return page(
        request,
        [_view(entry) for entry in entries],
        limit,
        lambda item: encode_cursor(request, item["at"], item["jobcentre"], item["chain"], item["position"]),
    )


@router.get(
    "/v1/audit/heads",
    operation_id="getAuditHeads",
    summary="The heads of all chains, signed",
    response_model=HeadsView,
    responses=problem_responses(*COMMON),
)
async def get_heads(request: Request, services: ServicesDep, principal: Auditor) -> Response:
    """Returns the last hash of every chain, signed with the current moment.

    A copy stored elsewhere proves later whether any earlier entry was changed, removed or inserted.
    """
    async with services.database.read(SYSTEM_SCOPE) as connection:
        heads = await load_chain_heads(connection)
    await services.audit_read(principal, "audit.heads_read")
    jws = services.signer.sign({"iat": int(services.clock().timestamp()), "heads": heads})
    return json_response(request, {"items": heads, "jws": jws, "jwk": services.signer.public_jwk()})


def _view(stored: StoredEntry) -> dict[str, Any]:
    entry = stored.entry
    return {
        "at": stored.at,
        "client_id": entry.client,
        "action": entry.action,
        "trial": entry.trial,
        "participant_id": entry.participant_id,
        "details": entry.details,
        "jobcentre": entry.jobcentre,
        "chain": stored.chain,
        "position": stored.position,
        "previous_hash": stored.previous_hash.hex(),
        "hash": stored.hash.hex(),
    }
