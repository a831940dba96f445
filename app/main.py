"""Application factory: services, routers, middleware, error handlers."""

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TypeVar

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse

from app.contract.document import document, document_30
from app.db.audit.signing import Signer
from app.db.core.replica import Replica
from app.db.core.session import REPORT, SHORT, Database, ReadDatabase, engine_on
from app.db.derived.participant_cache import ParticipantCache
from app.db.derived.person_reads import PersonReads
from app.db.derived.week_counts import rebuild_outdated
from app.db.participants.drawn_numbers import prepare_trial_keys
from app.db.participants.person_facts import store_missing_facts
from app.db.personal_data.vault import Vault
from app.db.records.group_commit import GroupCommit
from app.db.trials.host_boot import register_boot
from app.db.trials.successors import Successors
from app.db.trials.trials import TrialCache, check_protocols, record_protocol_digests
from app.protocols import add_folder
from app.routers import protocols
from app.routers.common.services import Services
from app.routers.panel import endpoints as panel
from app.routers.participants import corrections, letters, person_file, screening
from app.routers.participants import endpoints as participants
from app.routers.records import batch_io, snapshots
from app.routers.records import endpoints as records
from app.routers.reports import (
    activity_curve,
    conditions,
    consort_flow,
    data_quality,
    effects,
    grants,
    weekly_summary,
    worklist,
)
from app.routers.reports.response_cache import ResponseCache
from app.routers.service import audit, docs, health, problem_types, web_page
from app.routers.trials import endpoints as trials
from app.settings import Settings
from app.startup import embedded_in, master_key_of, verifier_of
from app.web.access_log import AccessLog, configure_logging
from app.web.error_handlers import database_is_away
from app.web.error_handlers import install as install_error_handlers
from app.web.http.client_limits import OpenBodies, RequestsInProgress, UnreadResponses
from app.web.http.request_line import RequestLineMiddleware
from app.web.http.security_headers import SecurityHeadersMiddleware
from app.web.http.suffixes import SuffixMiddleware
from app.web.http.timeouts import BodyDeadline
from app.web.metrics import merge_dead_workers
from app.web.rate_limit import RateLimit
from app.web.read_audit import ReadAudit, RefusalAuditMiddleware, RefusalCounts
from app.web.tracing import configure_tracing

_ROUTERS = (
    protocols.router,
    trials.router,
    screening.router,
    participants.router,
    corrections.router,
    letters.router,
    person_file.router,
    *records.routers,
    batch_io.router,
    snapshots.router,
    weekly_summary.router,
    conditions.router,
    worklist.router,
    activity_curve.router,
    consort_flow.router,
    effects.router,
    data_quality.router,
    grants.router,
    panel.router,
    audit.router,
    problem_types.router,
    health.router,
)
"""In the order of the contract."""

_DATABASE_SECONDS = 5.0
Opened = TypeVar("Opened")

_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "logs": False,
    "operation_spans": False,
    "metrics": False,
    "auto_configure": False,
}
"""FastAPI's own; ``access_log`` and ``tracing`` record only what may be recorded."""


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the clock itself


def create_app(settings: Settings, database_url: str | None = None, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """Create the application on a database whose schema is up to date.

    Without ``database_url`` the application has a contract and cannot serve. Raises ``ProtocolError`` when a file in
    the operator's folder of protocols is faulty.
    """
    if settings.protocols is not None:
        add_folder(settings.protocols)
    app = FastAPI(
        title="rettevej",
        version=version("rettevej"),
        summary="The register of controlled employment trials.",
        lifespan=lambda app: _lifespan(app, settings, database_url, clock),
        docs_url=None,
        redirect_slashes=False,  # a trailing slash is another address: nothing is sent on to where Host says
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
    )
    # Not include_router, which matches every route twice: 18 % more CPU a request than a tree of paths, where a plain
    # list of routes costs 2 % (PUT of a record) to 8 % (weeks of a person) more (measured 2026-11).
    app.router.routes.extend(route for router in _ROUTERS for route in router.routes)
    docs.install(app)
    app.add_route("/openapi-3.0.json", lambda _: JSONResponse(document_30(app)), include_in_schema=False)
    web_page.install(app, settings.issuer, settings.page_client_id, settings.page_scope)
    app.add_middleware(SuffixMiddleware, routes=app.routes)
    app.add_middleware(OpenBodies, total=settings.max_held_bytes)
    install_error_handlers(app, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(RefusalAuditMiddleware)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(UnreadResponses, total=settings.max_held_bytes)
    app.add_middleware(BodyDeadline, seconds=settings.body_seconds, limit=settings.max_body_bytes)
    app.add_middleware(RequestLineMiddleware)
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_middleware(RequestsInProgress)
    app.add_middleware(AccessLog)
    app.openapi = lambda: document(app, records.REQUEST_SCHEMAS)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(
    app: FastAPI, settings: Settings, database_url: str | None, clock: Callable[[], datetime]
) -> AsyncIterator[None]:
    """Lifespan of the application: open its services, close them at the end."""
    assert database_url is not None, "serving needs a database"
    async with AsyncExitStack() as stack:
        size = max(1, settings.pool_size * 3 // 5)
        engine = await stack.enter_async_context(engine_on(database_url, size))
        database = Database(engine, SHORT)
        vault, signer = await _when_there(lambda: _open_keys(database, master_key_of(settings)))
        await _when_there(lambda: rebuild_outdated(Database(engine)))
        url = settings.report_database_url or database_url
        report_engine = await stack.enter_async_context(engine_on(url, max(1, settings.pool_size - size)))
        report_database: ReadDatabase = Database(report_engine, REPORT)
        if settings.report_database_url is not None:
            report_database = Replica(report_engine, REPORT, database)
        reads = ReadAudit(database)
        participant_cache = ParticipantCache()
        app.state.services = Services(
            database,
            vault,
            clock,
            reads,
            signer,
            report_database,
            GroupCommit(database, participant_cache),
            PersonReads(database),
            participant_cache,
            TrialCache(),
            successors := Successors(database),
        )
        app.state.successors = successors
        app.state.response_cache = ResponseCache(report_database)
        app.state.verifier = verifier_of(settings)
        app.state.metrics_token = settings.metrics_token
        app.state.refusals = RefusalCounts(reads)
        app.state.limit = RateLimit(settings.rate_limit)
        app.openapi()  # the first 422 would wait for it
        yield
        await app.state.refusals.stop()
        await reads.stop()


async def _when_there(work: Callable[[], Awaitable[Opened]]) -> Opened:
    """Do work of the start, again while the database is away; raise its error after ``_DATABASE_SECONDS``.

    A worker ends then, and another takes its place: one that fails its start would end the whole server.
    """
    deadline = time.monotonic() + _DATABASE_SECONDS
    while True:
        try:
            return await work()
        except Exception as error:
            if not database_is_away(error):
                raise
            if time.monotonic() > deadline:
                if multiprocessing.parent_process() is not None:
                    os._exit(1)
                raise
        await asyncio.sleep(0.2)


async def _open_keys(database: Database, master_key: bytes) -> tuple[Vault, Signer]:
    """Open vault and signer. Raises RuntimeError when the protocol of a stored trial has changed."""
    async with database.engine.begin() as connection:
        vault = await Vault.open(connection, master_key)
        signer = await Signer.open(connection, master_key)
        await register_boot(connection)
        await record_protocol_digests(connection)
        await store_missing_facts(connection, vault)
        await prepare_trial_keys(connection, vault)
        if faults := await check_protocols(connection):
            raise RuntimeError("; ".join(faults))
    return vault, signer


def app_of_environment() -> FastAPI:
    """Application factory of worker processes: settings from the environment, on a database that runs already."""
    settings = Settings()
    exit_with_parent()
    merge_dead_workers()
    configure_logging(settings.log_level)
    configure_tracing(settings.otlp_endpoint)
    app = create_app(settings, settings.database_url or embedded_in(settings.data_dir).url)
    app.openapi()
    tune_gc()
    return app


def tune_gc() -> None:
    """Freeze start-up objects for the garbage collector: full collections paused responses by 50 ms.

    The youngest generation is collected after 10 000 new objects instead of 700, because one response makes more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def exit_with_parent() -> None:
    """Stop this worker when its server is killed; it would hold the port, on a database that has gone."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait_for_parent() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_parent, daemon=True, name="parent").start()
