"""The schemas of records in the contract, which FastAPI cannot see: bodies are read one record at a time."""

import csv
import io
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from app.routers.records.parse import Retraction, wire_of

Node = dict[str, Any]

_TEMPLATE: Final = "#/components/schemas/{model}"
PERSON: Final = "012c2ae5-c6e0-7b3f-8a41-5d0c9e2f7a16"
BATCH: Final = "012c5e21-4a08-7f60-b1d7-2c3a905be4f8"
_CPR: Final = "7101701234"  # synthetic: day + 60
_NULL: Final = {"type": "null"}
_EXAMPLES: Final[Mapping[str, tuple[Node, Node]]] = {
    "conversations": (
        {"external_id": "samtale-4711", "revision": 1, "date": "2010-11-15", "focus": ["clarification", "motivation"]},
        {"external_id": "samtale-4712", "date": "2010-11-22", "form": "telephone", "remote_ground": "illness"},
    ),
    "activations": (
        {
            "external_id": "tilbud-12",
            "revision": 1,
            "type": "work_placement_public",
            "starts_on": "2011-01-03",
            "hours_per_week": 15,
            "cvr_number": "10150817",
            "mentor": "assigned",
        },
        {
            "external_id": "tilbud-13",
            "type": "guidance_and_upskilling",
            "starts_on": "2011-01-10",
            "ends_on": "2011-02-04",
            "hours_per_week": 7.5,
            "reduced_hours_reason": "gradual_start",
        },
    ),
    "exemptions": (
        {
            "external_id": "fritagelse-3",
            "revision": 1,
            "scope": "both",
            "ground": "illness",
            "starts_on": "2010-11-24",
            "ends_on": "2010-12-07",
        },
        {"external_id": "fritagelse-4", "scope": "activation", "ground": "parental_leave", "starts_on": "2011-02-01"},
    ),
    "presence-events": (
        {"external_id": "ophoer-7", "revision": 1, "kind": "exit", "date": "2010-12-14", "reason": "match_group_3"},
        {"external_id": "genindtraeden-2", "kind": "re_entry", "date": "2011-01-17"},
    ),
    "support-efforts": (
        {
            "external_id": "indsats-21",
            "revision": 1,
            "area": "health",
            "kind": "district_psychiatry",
            "starts_on": "2010-12-06",
            "coordinator": "caseworker",
        },
        {
            "external_id": "indsats-22",
            "area": "company",
            "kind": "attendance",
            "starts_on": "2011-01-10",
            "ends_on": "2011-02-11",
        },
    ),
    "mentors": (
        {"external_id": "mentor-5", "revision": 1, "starts_on": "2011-01-10", "cvr_number": "10150817"},
        {"external_id": "mentor-6", "starts_on": "2011-01-17", "ends_on": "2011-03-31"},
    ),
    "declined-offers": (
        {
            "external_id": "afslag-8",
            "revision": 1,
            "date": "2010-12-15",
            "type": "work_placement_private",
            "reason": "transport",
        },
        {"external_id": "afslag-9", "date": "2011-01-12", "type": "guidance_and_upskilling"},
    ),
    "outcomes": (
        {
            "external_id": "dream-1-2011-W02",
            "revision": 1,
            "week": "2011-W02",
            "status": "employed",
            "hours_per_week": 32,
        },
        {"external_id": "dream-1-2011-W01", "week": "2011-W01", "status": "benefit", "benefit_code": "138"},
    ),
}
_RETRACTED: Final = {"revision": 2, "retracted": True, "retraction_reason": "duplicate"}
_ENVELOPE: Final[Node] = {
    "external_id": {"type": "string", "description": "The sender's id of the record."},
    "client_id": {"type": "string", "description": "Who sent it."},
    "participant_id": {
        "anyOf": [{"type": "string", "format": "uuid"}, _NULL],
        "description": "Null of a retracted record, of which no fact is shown.",
    },
    "revision": {"anyOf": [{"type": "integer", "format": "int64"}, _NULL], "description": "Null where none was sent."},
    "registered_at": {"type": "string", "format": "date-time", "description": "When this version was stored."},
    "retracted": {"type": "boolean", "description": "Whether the record has been taken back."},
    "retraction_reason": {
        "anyOf": [{"type": "string", "enum": ["entered_in_error", "duplicate", "wrong_person", "moved"]}, _NULL],
        "description": (
            "Why it was taken back; null while it stands. `moved` (in the change feed only): it has passed to a person"
            " or a client where you do not see it, or whom you did not ask for."
        ),
    },
}
_TOLD: Final[Node] = {
    "outcome": {
        "type": "string",
        "enum": ["created", "updated", "unchanged", "retracted"],
        "description": "What became of what you sent.",
    },
    "warnings": {
        "type": "array",
        "items": {"x-component": "WarningCode"},
        "description": "What the rules say of the record at this moment; it is stored all the same.",
    },
}

_VERSION: Final[Node] = {
    "batch_id": {"type": "string", "format": "uuid", "description": "The batch that brought it."},
    "superseded_at": {
        "anyOf": [{"type": "string", "format": "date-time"}, _NULL],
        "description": "When the next version took its place; null of the one that stands.",
    },
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def record_schema(kind: str, singular: str) -> dict[str, Node]:
    """The components of a kind: the record as sent, as put, as stored, as answered to a write; a batch; a page."""
    sent = wire_of(kind).model.model_json_schema(ref_template=_TEMPLATE)
    sent.pop("$defs", None)
    for name, schema in sent["properties"].items():
        if name not in sent["required"]:
            sent["properties"][name] = _or_null(schema)
    sent["examples"] = [{**_EXAMPLES[kind][0], "participant_id": PERSON}, {**_EXAMPLES[kind][1], "cpr": _CPR}]
    put = deepcopy(sent) | {"required": [name for name in sent["required"] if name != "external_id"]}
    put["properties"]["external_id"]["description"] = "That of the address; it may be left out here."
    put["examples"] = [
        {name: value for name, value in example.items() if name != "external_id"} for example in sent["examples"]
    ]
    put["description"] = f"{sent['description']} Its id is in the address."
    retraction = Retraction.model_json_schema(ref_template=_TEMPLATE)
    retraction["examples"] = [{"external_id": "samtale-4710", **_RETRACTED}]
    retraction["properties"]["revision"] = _or_null(retraction["properties"]["revision"])
    facts = {
        name: _fact(schema)
        for name, schema in sent["properties"].items()
        if name not in ("external_id", "revision", "participant_id", "cpr")
    }
    stored, written = _ENVELOPE | facts, _ENVELOPE | facts | _TOLD
    return {
        f"{singular}Record": sent,
        f"{singular}Body": put,
        "Retraction": retraction,
        f"{singular}Batch": {
            "type": "object",
            "description": f"Up to 10,000 {kind}. Two with one `external_id` are judged in their order.",
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
        f"{singular}Stored": {
            "type": "object",
            "description": f"One of the {kind} as it stands. The facts are null in a retraction that came first.",
            "required": list(stored),
            "properties": stored,
        },
        f"{singular}Written": {
            "type": "object",
            "description": f"One of the {kind} as it stands after a write, and what became of what was sent.",
            "required": list(written),
            "properties": written,
        },
        f"{singular}Version": {
            "type": "object",
            "description": (
                "One version of a record: when it was registered, in which batch, and when the next took over."
            ),
            "required": [*stored, "batch_id", "superseded_at"],
            "properties": stored | _VERSION,
        },
        f"{singular}History": {
            "type": "object",
            "description": f"Every version of one of the {kind}.",
            "required": ["items"],
            "properties": {"items": {"type": "array", "items": _ref(f"{singular}Version")}},
        },
        f"{singular}Page": {
            "type": "object",
            "description": f"A page of {kind}, in the order of their registration.",
            "required": ["items", "next"],
            "properties": {
                "items": {"type": "array", "items": _ref(f"{singular}Stored")},
                "next": {
                    "anyOf": [{"type": "string"}, _NULL],
                    "description": (
                        "Send it as `cursor` for the next page; null on the last one. Of the change feed it is never"
                        " null, and is sent as `changed_since`."
                    ),
                },
            },
        },
    }


def _or_null(schema: Node) -> Node:
    """A field that may be left out may as well be null."""
    if "anyOf" in schema:
        return schema
    outside: Node = {name: schema[name] for name in ("description", "default") if name in schema}
    return {"anyOf": [{name: value for name, value in schema.items() if name not in outside}, _NULL], **outside}


def _fact(schema: Node) -> Node:
    """A field as it is shown: anything that may be sent, or null; no bounds that only a request has to keep."""
    shown = deepcopy(schema)
    shown.pop("default", None)
    return _or_null(shown)


# --- requests -------------------------------------------------------------------------------------------------------


def batch_body(kind: str, singular: str) -> Node:
    """The request body of a batch in its three media types, each with the same example."""
    first, second = ({**each, "cpr": _CPR} for each in _EXAMPLES[kind])
    records = [first, second, {"external_id": f"{first['external_id']}-x", **_RETRACTED}]
    return {
        "requestBody": {
            "required": True,
            "description": (
                "1 to 10,000 records, at most 16 MiB. `participant_id` or `cpr` says whose a record is, exactly one of"
                " the two. A retraction has neither, only the id and the reason."
            ),
            "content": {
                "application/json": {"schema": _ref(f"{singular}Batch"), "example": {"records": records}},
                "application/x-ndjson": {
                    "schema": {
                        "type": "string",
                        "description": f"One record a line, each a `{singular}Record` or a `Retraction`.",
                    },
                    "example": "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records),
                },
                "text/csv": {
                    "schema": {
                        "type": "string",
                        "description": (
                            "RFC 4180 in UTF-8. The header has the names of the fields; lists are joined by `|`,"
                            " nothing is null, and there is `true` and `false`."
                        ),
                    },
                    "example": _csv(records),
                },
            },
        }
    }


def _csv(records: list[Node]) -> str:
    columns = list(dict.fromkeys(name for record in records for name in record))
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(record.get(column)) for column in columns] for record in records)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "|".join(value) if isinstance(value, list) else value


def record_body(kind: str, singular: str) -> Node:
    """The request body of one record."""
    examples = {
        "by_cpr": {
            "summary": "Of a CPR number",
            "value": {name: value for name, value in _EXAMPLES[kind][0].items() if name != "external_id"}
            | {"cpr": _CPR},
        },
        "by_participant": {
            "summary": "Of a participant",
            "value": {name: value for name, value in _EXAMPLES[kind][1].items() if name != "external_id"}
            | {"participant_id": PERSON},
        },
    }
    content = {"application/json": {"schema": _ref(f"{singular}Body"), "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}


# --- answers --------------------------------------------------------------------------------------------------------


def _shown(kind: str, **changes: Any) -> Node:
    """The first example as it is stored, with the fields that were left out."""
    defaults = {
        name: [] if schema.get("default") == [] else schema.get("default")
        for name, schema in wire_of(kind).model.model_json_schema()["properties"].items()
        if name not in ("external_id", "revision", "participant_id", "cpr")
    }
    sent = {name: value for name, value in _EXAMPLES[kind][0].items() if name in defaults}
    return {
        "external_id": _EXAMPLES[kind][0]["external_id"],
        "client_id": "momentum-849",
        "participant_id": PERSON,
        "revision": 1,
        "registered_at": "2011-01-18T13:22:07.450192Z",
        "retracted": False,
        "retraction_reason": None,
        **defaults,
        **sent,
        **changes,
    }


def _report(kind: str) -> Node:
    """The report of the batch of ``batch_body``: stored, in two kinds with a warning; rejected; taken back."""
    first, second = (example["external_id"] for example in _EXAMPLES[kind])
    warnings = {"conversations": ["week_without_number"], "activations": ["starts_late"]}.get(kind)
    warned = {"index": 0, "external_id": first, "outcome": "created", "warnings": warnings}
    unknown = {"pointer": "/records/1/cpr", "code": "unknown_participant"}
    rejected = {"index": 1, "external_id": second, "outcome": "rejected", "errors": [unknown]}
    return {
        "batch_id": BATCH,
        "committed": True,
        "received": 3,
        "counts": {"created": 1, "updated": 0, "unchanged": 0, "stale": 0, "retracted": 1, "rejected": 1},
        "results": [warned, rejected] if warnings else [rejected],
    }


def history_answer(singular: str) -> Node:
    """The answer that shows the versions of one record."""
    return _answer("The versions, the first one first.", f"{singular}History")


def record_answers(kind: str, singular: str, plural: str) -> dict[str, dict[int, Node]]:
    """Examples of the answers by operation id and status. In ``responses=`` FastAPI would drop their nulls."""
    shown = _shown(kind)
    retracted = _shown(kind, revision=2, retracted=True, retraction_reason="duplicate")
    return {
        f"push{plural}": {207: _report(kind)},
        f"list{plural}": {200: {"items": [shown], "next": "WyIwMTJjNWUyMS00YTA4LTdmNjAtYjFkNy0yYzNhOTA1YmU0ZjgiXQ"}},
        f"get{singular}": {200: shown},
        f"get{singular}History": {200: {"items": [{**shown, "batch_id": BATCH, "superseded_at": None}]}},
        f"put{singular}": {
            200: {**shown, "outcome": "unchanged", "warnings": []},
            201: {**shown, "outcome": "created", "warnings": []},
        },
        f"retract{singular}": {200: {**retracted, "outcome": "retracted", "warnings": []}},
    }


def _answer(description: str, component: str) -> Node:
    return {"description": description, "content": {"application/json": {"schema": _ref(component)}}}


def stored_answer(singular: str) -> Node:
    """The answer that shows one record."""
    return _answer("The record as it stands.", f"{singular}Stored")


def written_answer(singular: str, outcome: str) -> Node:
    """The answer to a write: the record as it stands then."""
    told = {
        "created": "Stored for the first time.",
        "updated": "Stored before, or changed now; see `outcome`.",
        "retracted": "The record is taken back; one that has not come yet is held off.",
    }
    return _answer(told[outcome], f"{singular}Written")


def page_answer(kind: str, singular: str) -> Node:
    """The answer that lists records."""
    return _answer(f"A page of {kind}.", f"{singular}Page")
