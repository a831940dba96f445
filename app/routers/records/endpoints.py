"""The endpoints of records: the same for every kind, each kind with its own names in the contract."""

from fastapi import APIRouter

from app.routers.records.batch import add_batch
from app.routers.records.kinds import KINDS, RecordKind
from app.routers.records.lists import add_reads
from app.routers.records.schemas import record_answers, record_schema
from app.routers.records.single import add_writes


def router_of(kind: RecordKind) -> APIRouter:
    """The five endpoints of one kind."""
    router = APIRouter(tags=["records"], prefix=f"/v1/trials/{{trial}}/{kind.kind}")
    add_batch(router, kind)
    add_reads(router, kind)
    add_writes(router, kind)
    return router


routers = [router_of(kind) for kind in KINDS]
RECORD_SCHEMAS = {name: schema for kind in KINDS for name, schema in record_schema(kind.kind, kind.singular).items()}
"""The schemas of all kinds, for the contract's components."""
RECORD_ANSWERS = {
    operation_id: answers
    for kind in KINDS
    for operation_id, answers in record_answers(kind.kind, kind.singular, kind.plural).items()
}
"""What the answers look like, by operation id and status."""
