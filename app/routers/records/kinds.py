"""The kinds of records as the contract names them, and what their endpoints share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path, Query

from app.db.records.queries import find_record
from app.db.trials.trials import Trial
from app.routers.common.types import ClientName, ExternalId
from app.web.auth import Principal
from app.web.problems import Problem

ExternalIdPath = Annotated[ExternalId, Path(description="The sender's own id of the record. Never a CPR number.")]
ClientQuery = Annotated[ClientName | None, Query(alias="client_id", description="Only what this client sent.")]


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of record as the contract names it."""

    kind: str
    singular: str
    plural: str
    writes: str
    reads: str


KINDS = (
    RecordKind("conversations", "Conversation", "Conversations", "conversations:write", "conversations:write"),
    RecordKind("activations", "Activation", "Activations", "activations:write", "activations:write"),
    RecordKind("exemptions", "Exemption", "Exemptions", "participants:write", "participants:read"),
    RecordKind("presence-events", "PresenceEvent", "PresenceEvents", "participants:write", "participants:read"),
    RecordKind("support-efforts", "SupportEffort", "SupportEfforts", "participants:write", "participants:read"),
    RecordKind("mentors", "Mentor", "Mentors", "participants:write", "participants:read"),
    RecordKind("declined-offers", "DeclinedOffer", "DeclinedOffers", "participants:write", "participants:read"),
    RecordKind("outcomes", "Outcome", "Outcomes", "activations:write", "activations:write"),  # registers deliver both
)


def require_jobcentre_access(principal: Principal, trial: Trial) -> None:
    """Problem ``not_found`` for a client that is bound to no jobcentre of the trial."""
    if not any(principal.reads_person_of(code) for code in trial.jobcentres):
        raise Problem("not_found")


async def find_one(
    connection: Any, kind: RecordKind, trial: Trial, external_id: str, principal: Principal, client: str | None
) -> tuple[str, Mapping[str, Any]]:
    jobcentres = [code for code in trial.jobcentres if principal.reads_person_of(code)]
    found = await find_record(connection, kind.kind, trial.id, external_id, jobcentres, principal.client_id, client)
    if found is None:
        raise Problem("not_found")
    return str(found[0]), found[1]
