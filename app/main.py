"""The application: services, routers, error handlers."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI

from app.contract.document import document
from app.db.audit.signing import Signer
from app.db.core.replica import Replica
from app.db.core.session import Database, make_engine
from app.db.derived.participant_cache import ParticipantCache
from app.db.derived.person_reads import PersonReads
from app.db.personal_data.vault import Vault, load_or_create_master_key
from app.db.records.group_commit import GroupCommit
from app.db.trials.trials import TrialCache, check_protocols, note_protocols
from app.direct_routes import DirectRoutes
from app.postgres.supervisor import EmbeddedPostgres
from app.protocols import add_folder
from app.routers import protocols
from app.routers.common.services import Services
from app.routers.panel import endpoints as exports
from app.routers.participants import assignments, letters, screening, weeks
from app.routers.participants import endpoints as participants
from app.routers.records import batch_io as batches
from app.routers.records import endpoints as records
from app.routers.records import snapshots
from app.routers.reports import activity_curve as curve
from app.routers.reports import conditions, effects, grants, worklist
from app.routers.reports import consort_flow as flow
from app.routers.reports import data_quality as quality
from app.routers.reports import weekly_summary as reports
from app.routers.reports.response_cache import ResponseCache
from app.routers.service import audit, docs, health, problem_types
from app.routers.service import web_page as page
from app.routers.trials import draws, handovers
from app.routers.trials import endpoints as trials
from app.settings import Settings
from app.web.access_log import AccessLog, configure_logging
from app.web.auth import authorise_unrouted
from app.web.error_handlers import install as install_problem_handlers
from app.web.rate_limit import RateLimit
from app.web.read_audit import ReadAudit, RefusalAuditMiddleware
from app.web.timeouts import BodyDeadline
from app.web.tokens import LocalIssuer, TokenVerifier
from app.web.tracing import configure_tracing


def _clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the clock itself


_ROUTERS = (
    protocols.router,
    trials.router,
    handovers.router,
    draws.router,
    screening.router,
    assignments.router,
    participants.router,
    weeks.router,
    letters.router,
    *records.routers,
    batches.router,
    snapshots.router,
    reports.router,
    conditions.router,
    worklist.router,
    curve.router,
    flow.router,
    effects.router,
    quality.router,
    grants.router,
    exports.router,
    audit.router,
    problem_types.router,
    health.router,
)
"""In the order of the contract."""


@asynccontextmanager
async def _serving(
    app: FastAPI, settings: Settings, database_url: str | None, clock: Callable[[], datetime]
) -> AsyncIterator[None]:
    """What requests use, from the start of the process to its end."""
    assert database_url is not None, "serving needs a database"
    database = Database(make_engine(database_url, settings.pool_size))
    async with database.engine.begin() as connection:
        vault = await Vault.open(connection, master_key_of(settings))
        signer = await Signer.open(connection, master_key_of(settings))
        await note_protocols(connection)
        if faults := await check_protocols(connection):
            raise RuntimeError("; ".join(faults))
    reads = ReadAudit(database)
    reads.start()
    reports_from = database
    if settings.report_database_url is not None:
        reports_from = Replica(make_engine(settings.report_database_url, settings.pool_size))
    participant_cache = ParticipantCache()
    app.state.services = Services(
        database,
        vault,
        clock,
        reads,
        signer,
        reports_from,
        GroupCommit(database, participant_cache),
        PersonReads(database),
        participant_cache,
        TrialCache(),
    )
    app.state.response_cache = ResponseCache(reports_from)
    app.state.verifier = verifier_of(settings)
    app.state.limit = RateLimit(settings.rate_limit)
    app.openapi()
    yield
    await reads.stop()
    await reports_from.close()
    await database.close()


def create_app(settings: Settings, database_url: str | None = None, clock: Callable[[], datetime] = _clock) -> FastAPI:
    """An application on a database whose schema is up to date. Without a URL only its contract can be asked for.

    ``ProtocolError`` when a file in the operator's folder of protocols is faulty.
    """
    if settings.protocols is not None:
        add_folder(settings.protocols)

    app = FastAPI(
        title="rettevej",
        version="0.1.0",
        summary="The register of controlled employment trials.",
        lifespan=lambda app: _serving(app, settings, database_url, clock),
        docs_url=None,
        redoc_url=None,
        telemetry={
            "tracing": False,
            "logs": False,
            "operation_spans": False,
            "metrics": False,
            "auto_configure": False,
        },
    )
    for router in _ROUTERS:  # not include_router, which makes every route a second time and finds it slowly
        app.router.routes.extend(router.routes)
    docs.install(app)
    page.install(app, settings.issuer, settings.page_client_id, settings.page_scope)
    app.router.middleware_stack = DirectRoutes(app.router)
    install_problem_handlers(app, max_body_bytes=settings.max_body_bytes, authorise_unrouted=authorise_unrouted)
    app.add_middleware(RefusalAuditMiddleware)
    app.add_middleware(BodyDeadline, seconds=settings.body_seconds)
    app.add_middleware(AccessLog)
    app.openapi = lambda: document(app, records.REQUEST_SCHEMAS)  # type: ignore[method-assign]
    return app


def verifier_of(settings: Settings) -> TokenVerifier:
    """Whose tokens are accepted: the configured issuer's, or our own where that is allowed."""
    if settings.issuer is not None and settings.jwks_url is not None:
        return TokenVerifier.remote(settings.issuer, settings.jwks_url, settings.audience)
    if not settings.local_issuer_allowed:
        raise RuntimeError(
            "Set RETTEVEJ_ISSUER and RETTEVEJ_JWKS_URL: the local issuer serves only the loopback interface"
            " and a database that this start created itself."
        )
    return TokenVerifier.local(LocalIssuer.load_or_create(settings.data_dir, settings.audience))


def master_key_of(settings: Settings, *, make: bool = True) -> bytes:
    """The 32 bytes: those set, or for the embedded database those made here, at the latest now if ``make``."""
    key = settings.master_key_bytes()
    if key is not None:
        return key
    if settings.database_url is not None:
        raise RuntimeError("Set RETTEVEJ_MASTER_KEY (32 bytes, hex or base64): it is never kept in a database server.")
    if not make and not (settings.data_dir / "master.key").exists():
        raise RuntimeError(f"there is no master.key in {settings.data_dir}: put the one there that belongs to the data")
    return load_or_create_master_key(settings.data_dir)


def new_key_file(settings: Settings) -> Path:
    """Where the next master key of an embedded database lies while everything is sealed anew."""
    return settings.data_dir / "master.key.new"


def embedded_in(data_dir: Path) -> EmbeddedPostgres:
    """The embedded database of a data directory; keys lie beside it, not in it."""
    return EmbeddedPostgres(data_dir / "postgres")


def app_of_environment() -> FastAPI:
    """For worker processes: the application that the environment describes, on a database that runs already."""
    settings = Settings()
    exit_with_parent()
    configure_logging(settings.log_level)
    configure_tracing(settings.otlp_endpoint)
    app = create_app(settings, settings.database_url or embedded_in(settings.data_dir).url)
    app.openapi()
    tune_gc()
    return app


def tune_gc() -> None:
    """What is there now stays to the end: looking through it for garbage stopped every answer for 50 ms.

    And 700 new objects, the usual threshold, are not worth a look: one answer makes more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def exit_with_parent() -> None:
    """A worker whose server was killed stops too; it would go on holding the port, on a database that has gone."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="parent").start()
