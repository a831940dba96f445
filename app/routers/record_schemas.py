"""The schemas of records in the contract, which FastAPI cannot see: bodies are read record by record, not as a whole."""

from typing import Any

from app.routers.record_wire import Retraction, wire_of

_TEMPLATE = "#/components/schemas/{model}"
_EXAMPLES: dict[str, dict[str, Any]] = {
    "conversations": {"external_id": "samtale-4711", "revision": 1, "date": "2010-11-15", "form": "in_person"},
    "activations": {
        "external_id": "tilbud-12",
        "type": "work_placement_public",
        "starts_on": "2011-01-03",
        "hours_per_week": 15,
        "mentor": "assigned",
    },
    "exemptions": {
        "external_id": "fritagelse-3",
        "scope": "both",
        "ground": "illness",
        "starts_on": "2010-11-24",
        "ends_on": "2010-12-07",
    },
    "presence-events": {"external_id": "ophoer-7", "kind": "exit", "date": "2010-12-14", "reason": "match_group_3"},
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def record_schema(kind: str, singular: str) -> dict[str, dict[str, Any]]:
    """The components of a kind: the record as sent, as put, as stored; a batch; a page."""
    sent = wire_of(kind).model.model_json_schema(ref_template=_TEMPLATE)
    sent.pop("$defs", None)
    sent["examples"] = [{**_EXAMPLES[kind], "cpr": "7101701234"}]
    put = {**sent, "required": [name for name in sent["required"] if name != "external_id"]}
    put["examples"] = [{name: value for name, value in sent["examples"][0].items() if name != "external_id"}]
    return {
        f"{singular}Record": sent,
        f"{singular}Body": put,
        "Retraction": Retraction.model_json_schema(ref_template=_TEMPLATE),
        f"{singular}Batch": {
            "type": "object",
            "additionalProperties": False,
            "required": ["records"],
            "properties": {
                "records": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 10_000,
                    "items": {"anyOf": [_ref(f"{singular}Record"), _ref("Retraction")]},
                }
            },
        },
        f"{singular}Stored": _stored(kind, sent),
        f"{singular}Page": {
            "type": "object",
            "required": ["items", "next"],
            "properties": {
                "items": {"type": "array", "items": _ref(f"{singular}Stored")},
                "next": {"type": ["string", "null"]},
            },
        },
    }


def _stored(kind: str, sent: dict[str, Any]) -> dict[str, Any]:
    """A record as it is shown: who sent it, which version stands, and the facts, null in an early retraction."""
    facts = {
        name: {"anyOf": [schema, {"type": "null"}]}
        for name, schema in sent["properties"].items()
        if name not in ("external_id", "revision", "participant_id", "cpr")
    }
    envelope: dict[str, Any] = {
        "external_id": {"type": "string"},
        "client_id": {"type": "string", "description": "Who sent it."},
        "participant_id": {"type": ["string", "null"], "format": "uuid"},
        "revision": {"type": ["integer", "null"]},
        "registered_at": {"type": "string", "format": "date-time"},
        "retracted": {"type": "boolean"},
        "retraction_reason": {"type": ["string", "null"]},
    }
    return {
        "type": "object",
        "description": f"One of the {kind} as it stands.",
        "required": [*envelope, *facts],
        "properties": envelope | facts,
    }


def batch_body(singular: str) -> dict[str, Any]:
    """The request body of a batch in its three media types."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _ref(f"{singular}Batch")},
                "application/x-ndjson": {"schema": {"type": "string", "description": "One record a line."}},
                "text/csv": {
                    "schema": {
                        "type": "string",
                        "description": "The same names in the header; lists joined by |, empty is null, true and false.",
                    }
                },
            },
        }
    }


def record_body(singular: str) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _ref(f"{singular}Body")}}}}


def stored_schema(singular: str, *, warnings: bool = False) -> dict[str, Any]:
    """The answer that shows one record, after a write with its outcome and warnings."""
    schema: dict[str, Any] = _ref(f"{singular}Stored")
    if warnings:
        told = {
            "type": "object",
            "required": ["outcome", "warnings"],
            "properties": {
                "outcome": {"type": "string", "enum": ["created", "updated", "unchanged", "retracted"]},
                "warnings": {"type": "array", "items": {"type": "string"}},
            },
        }
        schema = {"allOf": [schema, told]}
    return {"description": "The record as it stands.", "content": {"application/json": {"schema": schema}}}


def history_schema(singular: str) -> dict[str, Any]:
    version = {
        "type": "object",
        "required": ["batch_id", "superseded_at"],
        "properties": {
            "batch_id": {"type": "string", "format": "uuid"},
            "superseded_at": {"type": ["string", "null"], "format": "date-time", "description": "Null: it stands."},
        },
    }
    items = {"type": "array", "items": {"allOf": [_ref(f"{singular}Stored"), version]}}
    schema = {"type": "object", "required": ["items"], "properties": {"items": items}}
    return {"description": "The versions, the first one first.", "content": {"application/json": {"schema": schema}}}


def page_schema(singular: str) -> dict[str, Any]:
    return {"description": "A page of records.", "content": {"application/json": {"schema": _ref(f"{singular}Page")}}}
