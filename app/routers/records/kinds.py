"""Kinds of record as the contract names them, and what their endpoints share."""

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
    """A kind of record: its names in the contract, and the scopes that its endpoints require."""

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
    RecordKind("outcomes", "Outcome", "Outcomes", "outcomes:write", "outcomes:write"),
)


def jobcentres_of(principal: Principal, trial: Trial) -> list[str]:
    """Return the trial's jobcentres whose people and records the client may read and write."""
    return [code for code in trial.jobcentres if principal.reads_person_of(code)]


def is_register(principal: Principal) -> bool:
    """Return whether the client is a register: records follow the CPR number that it sends (domain 3.4)."""
    return not principal.may("participants:write")


def require_jobcentre_access(principal: Principal, trial: Trial) -> list[str]:
    """Return the client's jobcentres of the trial. Problem ``not_found`` if there are none."""
    jobcentres = jobcentres_of(principal, trial)
    if not jobcentres:
        raise Problem("not_found")
    return jobcentres


async def find_one(
    connection: Any, kind: RecordKind, trial: Trial, external_id: str, principal: Principal, client: str | None
) -> tuple[str, Mapping[str, Any]]:
    """Return the version id and the content of a record. Problems ``not_found``, ``ambiguous_client``."""
    jobcentres = jobcentres_of(principal, trial)
    record = await find_record(connection, kind.kind, trial.id, external_id, jobcentres, principal.client_id, client)
    if record is None:
        raise Problem("not_found")
    return str(record[0]), record[1]
