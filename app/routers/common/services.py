"""Parts that all endpoints share: services of the process, trial or 404, responses with ETag, cursors and pages."""

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from pydantic import Field
from pydantic_core import from_json, to_json
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import EVERYWHERE, NewAuditEntry
from app.db.audit.signing import Signer
from app.db.core.session import ALL_JOBCENTRES, AccessScope, Database, ReadDatabase
from app.db.derived.participant_cache import ParticipantCache
from app.db.derived.person_reads import PersonReads
from app.db.personal_data.vault import Vault
from app.db.records.group_commit import GroupCommit
from app.db.trials.successors import Successors
from app.db.trials.trials import Trial, TrialCache, get_trial, load_trial
from app.domain.rules.calendar import civil_day
from app.routers.common.types import MomentOrDay
from app.web.auth import Principal
from app.web.problems import Problem
from app.web.read_audit import ReadAudit
from app.web.routes import CheckedRoute

JSON = "application/json"
MAX_LIMIT = 1000
_POSITIONS = frozenset({"cursor", "changed_since", "limit"})
CURSOR_PATTERN = r"^[A-Za-z0-9_=-]+$"


@dataclass(frozen=True, slots=True)
class Services:
    """Services of the process. ``clock`` returns the current moment in UTC."""

    database: Database
    vault: Vault
    clock: Callable[[], datetime]
    reads: ReadAudit
    signer: Signer
    reports: ReadDatabase
    """Database that reports are read from: the same one, or its replica."""
    group_commit: GroupCommit
    """Stores single records."""
    people: PersonReads
    """Reads single participants."""
    participant_cache: ParticipantCache
    trials: TrialCache
    successors: Successors

    async def audit_read(
        self,
        principal: Principal,
        action: str,
        trial: str | None = None,
        jobcentres: Collection[str] = (),
        participant_id: UUID | None = None,
        **filters: object,
    ) -> None:
        """Write an audit entry of a read, with its filters; in the jobcentre's chain if it concerns exactly one."""
        jobcentre = next(iter(jobcentres)) if len(jobcentres) == 1 else EVERYWHERE
        details = {name: str(value) for name, value in filters.items() if value is not None}
        await self.reads.note(NewAuditEntry(jobcentre, principal.client_id, action, trial, participant_id, details))

    @asynccontextmanager
    async def audited_read(
        self,
        principal: Principal,
        action: str,
        trial: str,
        jobcentres: Collection[str],
        participant_id: UUID | None = None,
        **filters: object,
    ) -> AsyncIterator[None]:
        """Write an audit entry of a read while the block reads: at the end of the block both are done."""
        entry = asyncio.create_task(self.audit_read(principal, action, trial, jobcentres, participant_id, **filters))
        try:
            yield
        finally:
            await entry

    def write(
        self, principal: Principal, trial_id: str, *, commit: bool = True
    ) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction of a trial with the client's access scope."""
        return self.database.write(access_scope_of(principal), trial_id, commit=commit)

    def read(self, principal: Principal) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a read-only snapshot with the client's access scope."""
        return self.database.read(access_scope_of(principal))

    def report(self, principal: Principal, trial_id: str) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction for figures of a trial and their watermark, with the client's access scope."""
        return self.reports.report(access_scope_of(principal), trial_id)

    async def get_trial(self, principal: Principal, trial_id: str) -> Trial:
        """Return the trial, from the cache if it is there. Problem ``not_found``."""
        return await _find_trial(self, self.database, principal, trial_id)

    async def reported_trial(self, principal: Principal, trial_id: str) -> Trial:
        """Return the trial as ``get_trial`` does, for reports. Problem ``not_found``."""
        return await _find_trial(self, self.reports, principal, trial_id)

    def today(self) -> date:
        """Return the current day in Copenhagen."""
        return civil_day(self.clock())


def access_scope_of(principal: Principal) -> AccessScope:
    """Return the rows that the database lets the client read and write."""
    jobcentres = frozenset({ALL_JOBCENTRES}) if principal.all_jobcentres else principal.jobcentres
    return AccessScope(principal.client_id, jobcentres, principal.regions)


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]
TRIAL_ID: Final = re.compile(r"^[a-z0-9-]{1,40}$")
TrialPath = Annotated[
    str, Path(alias="trial", pattern=TRIAL_ID.pattern, description="Id of the trial.", examples=["prvij"])
]
KnownAt = Annotated[
    MomentOrDay | None,
    Query(
        description="Moment, or the end of a day in Copenhagen, as of which the data are read: later registrations are"
        " left out.",
        examples=["2026-11-21T21:00:00Z"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Greatest number of items, 1 to 1,000.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=400,
        pattern=CURSOR_PATTERN,
        description="`next` of the previous page, unchanged.",
    ),
]

NextPage = Annotated[str | None, Field(description="Cursor of the next page; null on the last page.", examples=[None])]


class TrialRoute(CheckedRoute):
    """A route whose trial is looked for before a body is read."""

    async def check_address(self, request: Request) -> None:
        """Problem ``not_found`` for an unknown trial; the endpoint judges an id that is none."""
        trial_id = request.path_params.get("trial", "")
        if TRIAL_ID.fullmatch(trial_id):
            await (await _services(request)).get_trial(request.state.principal, trial_id)


async def _find_trial(services: Services, database: ReadDatabase, principal: Principal, trial_id: str) -> Trial:
    trial = services.trials.get(trial_id)
    if trial is None:
        async with database.read(access_scope_of(principal)) as connection:
            trial = await trial_or_404(services, connection, trial_id)
    return trial


async def trial_or_404(
    services: Services, connection: AsyncConnection, trial_id: str, *, closing: bool = False
) -> Trial:
    """Return the trial, or raise Problem ``not_found``; ``closed_at`` is current only with ``closing``."""
    if closing:
        trial = await load_trial(connection, trial_id)
    else:
        trial = await get_trial(connection, services.trials, trial_id)
    if trial is None:
        raise Problem("not_found")
    return trial


def json_response(request: Request, value: Any, status: int = 200, *, etag: str | None = None) -> Response:
    """Respond with JSON and an ETag, by default of the content; 304 if the client has that content."""
    content = to_json(value, inf_nan_mode="null")
    return etag_response(request, content, JSON, etag or digest(content), status)


def etag_response(request: Request, content: bytes, media_type: str, etag: str, status: int = 200) -> Response:
    """Respond with content and its ETag; 304 if ``If-None-Match`` names it."""
    # Vary for JSON too: caches must not answer a request for CSV with it.
    headers = {"ETag": f'"{etag}"', "Vary": "Accept"}
    if status == 200 and request.method in ("GET", "HEAD") and _matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    return Response(content, status, headers=headers, media_type=media_type)


def digest(content: bytes) -> str:
    """Return a strong ETag of the content."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _matches(header: str | None, etag: str) -> bool:
    if header is None:
        return False
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    return etag in tags or "*" in tags


def encode_cursor(request: Request, *values: object, parameter: str = "cursor") -> str:
    """Return the cursor that ``decode_cursor`` reads, for this list with these filters."""
    return base64.urlsafe_b64encode(to_json([_list_digest(request, parameter), *values])).decode().rstrip("=")


def decode_cursor(
    request: Request, cursor: str | None, *parsers: Callable[[Any], Any], parameter: str = "cursor"
) -> tuple[Any, ...] | None:
    """Return the values of a cursor, each read by its parser.

    Problem ``malformed``: not a cursor of this list, trial and filters. Elsewhere it would skip what came before.
    """
    if cursor is None:
        return None
    try:
        values = from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(values, list) and len(values) == len(parsers) + 1 and b"\\u0000" not in to_json(values):
            list_digest, *values = values
            if list_digest == _list_digest(request, parameter):
                return tuple(parse(value) for parse, value in zip(parsers, values, strict=True))
    except (ValueError, TypeError, AttributeError, binascii.Error):
        pass
    raise Problem("malformed", errors=[(f"/query/{parameter}", "invalid_value")])


def _list_digest(request: Request, parameter: str) -> str:
    """Identify a list by its address and filters: all of the query but where to go on and how far."""
    filters = sorted(item for item in request.query_params.multi_items() if item[0] not in _POSITIONS)
    return hashlib.blake2b(to_json([request.url.path, filters, parameter]), digest_size=6).hexdigest()


def whole_number(value: object) -> int:
    """Parse a cursor's value as a 32-bit integer."""
    if isinstance(value, int) and -(2**31) <= value < 2**31:
        return value
    raise ValueError


def page(request: Request, items: Sequence[Any], limit: int, cursor_of: Callable[[Any], str]) -> Response:
    """Respond with ``{"items", "next"}`` and an RFC 8288 link. An item past ``limit`` means that a next page exists."""
    page_items = items[:limit]
    following = cursor_of(page_items[-1]) if len(items) > limit else None
    response = json_response(request, {"items": page_items, "next": following})
    if following is not None:
        url = request.url.include_query_params(cursor=following)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return response
