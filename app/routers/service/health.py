"""Liveness, readiness and metrics of the process."""

import hmac
from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy import text

from app.db.core.migrate import newest_schema, schema_of
from app.db.core.replica import Replica
from app.db.trials.watermarks import load_moments_ahead
from app.domain.rules.execution import Execution, execution
from app.routers.common.services import JSON, ServicesDep
from app.settings import is_loopback
from app.web.error_handlers import database_is_away
from app.web.metrics import CONNECTIONS, exposition
from app.web.problems import REQUEST, Problem, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["operation"])


class Health(BaseModel):
    """Liveness of the process."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """Readiness of the service."""

    status: Literal["ready"]
    schema_revision: str
    reports: Literal["primary", "replica", "away"]
    rules: Execution = Field(description="Whether the rules run compiled or, which is slower, interpreted.")
    moments_ahead: bool = Field(description="Whether moments of registration are ahead of the clock, which was wrong.")


@router.get(
    "/healthz",
    operation_id="getHealth",
    summary="The process answers",
    response_model=Health,
    responses=problem_responses(*REQUEST),
)
async def healthz() -> Response:
    """Returns 200 while the process responds, whatever the state of the database. For liveness probes."""
    return Response(b'{"status":"ok"}', media_type=JSON)


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="The database answers, and its schema is the one expected",
    responses=problem_responses(*REQUEST, "database_unavailable", "internal_error"),
)
async def readyz(services: ServicesDep) -> Readiness:
    """Returns 503 while the database cannot be reached or its schema is not that of this version.

    While the replica for reports is unavailable, reports return 503 and everything else works: readiness stays 200.
    """
    async with services.database.engine.connect() as connection:
        await connection.execute(text("select 1"))
        revision = await schema_of(connection)
        if revision is None or revision != newest_schema():
            raise Problem(
                "database_unavailable", "The database's schema is not the one expected: run `rettevej migrate`."
            )
        ahead = bool(await load_moments_ahead(connection))
    reports = await _reports_from(services)
    return Readiness(status="ready", schema_revision=revision, reports=reports, rules=execution(), moments_ahead=ahead)


def _may_read_metrics(request: Request) -> bool:
    if request.client is not None and is_loopback(request.client.host):
        return True
    token: SecretStr | None = request.app.state.metrics_token
    sent = request.headers.get("authorization", "").encode()
    return token is not None and hmac.compare_digest(sent, f"Bearer {token.get_secret_value()}".encode())


async def _reports_from(services: ServicesDep) -> Literal["primary", "replica", "away"]:
    if not isinstance(services.reports, Replica):
        return "primary"
    try:
        return "replica" if await services.reports.is_standby() else "away"
    except Exception as error:
        if database_is_away(error):
            return "away"
        raise


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **problem_responses(*REQUEST, "not_found"),
    },
)
async def metrics(request: Request, services: ServicesDep) -> Response:
    """Returns counts and durations of requests by route and status as Prometheus text, without values from requests.

    Other machines send `Authorization: Bearer …` with the token that the operator has set (`RETTEVEJ_METRICS_TOKEN`);
    without it the address is not there (404).
    """
    if not _may_read_metrics(request):
        raise Problem("not_found")
    pools = [database.pool for database in (services.database, services.reports)]
    CONNECTIONS.labels("in_use").set(sum(pool.checkedout() for pool in pools))
    CONNECTIONS.labels("size").set(sum(pool.size() for pool in pools))
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)
