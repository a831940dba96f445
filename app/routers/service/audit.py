"""The audit trail, for the auditor: who did or read what, when; and the heads of its chains, signed."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, TypeAdapter

from app.db.audit.log import StoredEntry, heads_of_audit, list_entries
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

router = APIRouter(tags=["audit"])
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
Auditor = Annotated[Principal, Depends(requires("audit:read"))]


class AuditEntryView(BaseModel):
    """An entry of a hash chain. Nothing in it is personal: ids, codes, counts and dates."""

    at: datetime = Field(description="When it was done.")
    client_id: str | None = Field(description="The client that did it; null for the service itself.")
    action: str = Field(
        description="What was done, such as `participant.drawn`, `records.received` or `weekly_summary.read`.",
        examples=["participant.drawn"],
    )
    trial: str | None = Field(description="Id of the trial; null for what is of none.")
    participant_id: UUID | None = Field(description="Of whom; null for what is of nobody, or of many.")
    details: dict[str, Any] = Field(description="What else is told of such an action: counts, codes, the filter asked.")
    jobcentre: str = Field(description="The chain's jobcentre; empty for what belongs to no single one.")
    chain: Literal["writes", "reads"]
    position: int = Field(description="0, 1, 2 … in its chain, without gap or repeat.")
    previous_hash: str = Field(description="`hash` of the entry before it, hex; 64 zeros for the first one.")
    hash: str = Field(
        description=(
            "SHA-256, hex, over the 32 bytes of `previous_hash` and this entry as canonical JSON (RFC 8785) with the"
            " members `jobcentre`, `chain`, `position`, `at` (UTC, six decimals, `+00:00`), `client`, `action`,"
            " `trial`, `participant`, `details`."
        )
    )


class AuditPage(BaseModel):
    """A page of the audit trail, in the order of its moments."""

    items: list[AuditEntryView]
    next: NextPage


class HeadView(BaseModel):
    """How far one chain has come."""

    jobcentre: str = Field(description="Empty for what belongs to no single one.")
    chain: Literal["writes", "reads"]
    length: int = Field(description="How many entries it has.")
    head: str = Field(description="The hash of its last entry.")


class HeadsView(BaseModel):
    """The heads of all chains, and the same as a signed JWS (ES256) with the moment in it."""

    items: list[HeadView]
    jws: str = Field(description="Compact JWS; its payload is `{iat, heads}`, the moment and the same items.")
    jwk: dict[str, str] = Field(description="The public key of the signature.")


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
    participant_id: Annotated[UUID | None, Query(description="Only what was done or read of this participant.")] = None,
    client_id: Annotated[ClientName | None, Query(description="Only what this client did or read.")] = None,
    since: Annotated[
        Moment | None,
        Query(alias="from", description="Entries from this moment on.", examples=["2011-01-01T00:00:00Z"]),
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Every write and every read, in the order of their moments, by ids, codes and counts; nothing in it is personal.

    Of a participant also the batches that brought records of theirs. Each entry is a link of a hash chain, one chain of
    writes and one of reads for each jobcentre. Reading the trail is an entry of its own.
    """
    after = decode_cursor(cursor, _MOMENT.validate_python, str, str, whole_number)
    async with services.database.read(SYSTEM_SCOPE) as connection:
        entries = await list_entries(connection, participant_id, client_id, since, after, limit + 1)
    await services.audit_read(principal, "audit.read", None, (), participant_id, client_id=client_id, since=since)
    return page(
        request,
        [_view(each) for each in entries],
        limit,
        lambda item: encode_cursor(item["at"], item["jobcentre"], item["chain"], item["position"]),
    )


@router.get(
    "/v1/audit/heads",
    operation_id="getAuditHeads",
    summary="The heads of all chains, signed",
    response_model=HeadsView,
    responses=problem_responses(*COMMON),
)
async def get_heads(request: Request, services: ServicesDep, principal: Auditor) -> Response:
    """The last hash of every chain, signed with the moment: keep it somewhere else.

    Whoever has it can tell later whether anything before it was changed, removed or inserted.
    """
    async with services.database.read(SYSTEM_SCOPE) as connection:
        heads = await heads_of_audit(connection)
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
