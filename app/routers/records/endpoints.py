"""Endpoints of records, the same for every kind; each kind has its own names in the contract."""

from fastapi import APIRouter

from app.routers.common.services import TrialRoute
from app.routers.records.batch import add_batch
from app.routers.records.kinds import KINDS, RecordKind
from app.routers.records.lists import add_reads
from app.routers.records.schemas import request_schemas
from app.routers.records.single import add_writes


def router_of(kind: RecordKind) -> APIRouter:
    """Return the endpoints of one kind."""
    router = APIRouter(route_class=TrialRoute, tags=[kind.kind], prefix=f"/v1/trials/{{trial}}/{kind.kind}")
    add_batch(router, kind)
    add_reads(router, kind)
    add_writes(router, kind)
    return router


routers = [router_of(kind) for kind in KINDS]
REQUEST_SCHEMAS = request_schemas(KINDS)
"""Schemas of the request bodies that FastAPI does not see, by component name; the contract includes them."""
