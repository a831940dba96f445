"""Models of the record endpoints for the contract, made from the facts of each kind.

FastAPI sees no model of a record: endpoints read records one at a time (``parse``), and write stored JSON as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.json_schema import models_json_schema

from app.db.records.snapshots import KIND as SNAPSHOT_KIND
from app.routers.common.types import ExternalId, WarningCode
from app.routers.records.kinds import RecordKind
from app.routers.records.parse import Retraction, wire_of

Node = dict[str, Any]

_RETRACTED: Node = {
    "retracted": (bool | None, Field(False, description="Whether the record is taken back.")),
    "retraction_reason": (
        Retraction.model_fields["retraction_reason"].annotation | None,  # type: ignore[operator]
        Field(None, description="Why the record is taken back; required then, and else absent."),
    ),
}
"""What takes a record back, beside its facts: one flat object has both, since generators make little of a union."""
_ENVELOPE = ("external_id", "revision", "participant_id", "cpr")


class _Stored(BaseModel):
    external_id: str = Field(description="The sender's id of the record.")
    client_id: str = Field(description="The client that sent the record.")
    participant_id: UUID | None = Field(
        description="The participant; null in a retracted record that is returned without facts."
    )
    revision: int | None = Field(description="The revision that was sent, or null.")
    registered_at: datetime = Field(description="When the service stored this version.")
    retracted: bool = Field(description="Whether the record is retracted.")
    retraction_reason: Literal["entered_in_error", "duplicate", "wrong_person", "moved"] | None = Field(
        description=(
            "Why the record is retracted, or null. `moved` occurs in the change feed only: the record now belongs to a"
            " person or a client that you do not see, or did not ask for."
        )
    )


class _Written(BaseModel):
    outcome: Literal["created", "updated", "unchanged", "retracted"] = Field(description="The result of the request.")
    warnings: list[WarningCode] = Field(description="Rules that the record breaks now. It is stored all the same.")


class _Version(BaseModel):
    batch_id: UUID = Field(description="The batch that contained this version.")
    superseded_at: datetime | None = Field(description="When the next version replaced it; null for the current one.")


@dataclass(frozen=True)
class RecordModels:
    """The models of one kind: a record and a batch of items as sent; a record, its history and a page as returned."""

    record: type[BaseModel]
    body: type[BaseModel]
    batch: type[BaseModel]
    stored: type[BaseModel]
    written: type[BaseModel]
    history: type[BaseModel]
    page: type[BaseModel]


@cache
def models_of(kind: RecordKind) -> RecordModels:
    """Return the models of a kind, made from the wire model of its fact."""
    name, wire = kind.singular, wire_of(kind.kind).model
    facts = {field: info for field, info in wire.model_fields.items() if field not in _ENVELOPE}
    sent: Node = {
        field: (info.rebuild_annotation() | None, Field(info.default, description=info.description))
        for field, info in facts.items()
        if not info.is_required()
    }
    optional: Node = {
        field: (info.rebuild_annotation() | None, Field(None, description=info.description))
        for field, info in facts.items()
        if info.is_required()
    }
    returned: Node = {
        field: (info.rebuild_annotation() | None, Field(description=info.description)) for field, info in facts.items()
    }
    record = create_model(f"{name}Record", __base__=wire, __doc__=wire.__doc__, **sent)
    item = create_model(
        f"{name}Item",
        __base__=record,
        __doc__=f"{wire.__doc__} Or, with `retracted`, takes it back: then it has no facts and nobody's id.",
        **optional,
        **_RETRACTED,
    )
    stored = create_model(
        f"{name}Stored",
        __base__=_Stored,
        __doc__=f"One of the {kind.kind} in its current version. Its facts are null in a retraction that came first.",
        **returned,
    )
    version = create_model(f"{name}Version", __base__=(_Version, stored), __doc__="One version of a record.")
    return RecordModels(
        record,
        *_request_models(kind, record, item),
        stored,
        create_model(
            f"{name}Written",
            __base__=(_Written, stored),
            __doc__=f"One of the {kind.kind} after a write, and the result of the write.",
        ),
        create_model(f"{name}History", __doc__=f"Every version of one of the {kind.kind}.", items=(list[version], ...)),
        _page(kind, stored),
    )


def _request_models(
    kind: RecordKind, record: type[BaseModel], item: type[BaseModel]
) -> tuple[type[BaseModel], type[BaseModel]]:
    external_id = Annotated[ExternalId, Field(description="The id in the address; may be left out here.")]
    records = Annotated[list[item], Field(min_length=1, max_length=10_000)]  # type: ignore[valid-type]
    body = create_model(
        f"{kind.singular}Body",
        __base__=record,
        __doc__=f"{record.__doc__} Its id is in the address.",
        external_id=(external_id, None),
    )
    batch = create_model(
        f"{kind.singular}Batch",
        __config__=ConfigDict(extra="forbid"),
        __doc__=f"Up to 10,000 {kind.kind}. The service processes records with the same `external_id` in their order.",
        records=(records, ...),
    )
    return body, batch


def _page(kind: RecordKind, stored: type[BaseModel]) -> type[BaseModel]:
    cursor = (
        "Send it as `cursor` to get the next page; null on the last one. In the change feed it is never null: send it"
        " as `changed_since`."
    )
    return create_model(
        f"{kind.singular}Page",
        __doc__=f"A page of {kind.kind}, in the order of registration.",
        items=(list[stored], ...),  # type: ignore[valid-type]
        next=(str | None, Field(description=cursor)),
    )


def _spell(kind: RecordKind) -> type[BaseModel]:
    """An activation as sent in a snapshot: a record without id and revision."""
    fields: Node = {
        name: (info.rebuild_annotation(), info)
        for name, info in models_of(kind).record.model_fields.items()
        if name not in ("external_id", "revision")
    }
    return create_model(
        "ActivationSpell",
        __config__=ConfigDict(extra="forbid"),
        __doc__="An activation from a register that has no ids for its records.",
        **fields,
    )


def request_schemas(kinds: Iterable[RecordKind]) -> Node:
    """Return the schemas by component name of all request bodies that endpoints read one record at a time."""
    models: list[type[BaseModel]] = []
    for kind in kinds:
        models += [models_of(kind).body, models_of(kind).batch]
        models += [_spell(kind)] if kind.kind == SNAPSHOT_KIND else []
    _, schema = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    definitions: Node = schema["$defs"]
    return definitions


# --- Request bodies ---------------------------------------------------------------------------------------------------


def _ref(model: type[BaseModel]) -> Node:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def batch_body(kind: RecordKind) -> Node:
    """Return the request body of a batch in its three media types."""
    lines = f"One record per line, each a `{kind.singular}Item`."
    table = (
        "RFC 4180 in UTF-8. The header contains the names of the fields. Separate the items of a list by `|`, leave a"
        " cell empty for null, and write `true` and `false`. A row has as many fields as the header, or it is rejected"
        " alone; a faulty header is refused for all. Semicolons or tabs are read as well, and then also `7,5` and"
        " `31-12-2010`. What can be misread is rejected: `1.200`, a time of day, `NULL` and its like, rounded ids."
    )
    return {
        "requestBody": {
            "required": True,
            "description": (
                "1 to 10,000 records, at most 16 MiB. Each record has either `participant_id` or `cpr`. A retraction"
                " has neither, only the id and the reason."
            ),
            "content": {
                "application/json": {"schema": _ref(models_of(kind).batch)},
                "application/x-ndjson": {"schema": {"type": "string", "description": lines}},
                "text/csv": {"schema": {"type": "string", "description": table}},
            },
        }
    }


def record_body(kind: RecordKind) -> Node:
    """Return the request body of one record."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _ref(models_of(kind).body)}}}}
