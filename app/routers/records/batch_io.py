"""Parsing of batch bodies (JSON, NDJSON, CSV) and encoding of batch reports (api.md "Records")."""

import io
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json
from rettevej_client.tables import EncodingError, FileError, Layout, TextTable, record_of

from app.db.records.batch_request import BatchRequest, BatchResult, MalformedRecord, RecordInput
from app.db.records.receipts import find_receipt
from app.domain.records.ingest import OUTCOMES, RecordOutcome, RecordReport
from app.domain.records.spell_matching import HoldReason
from app.routers.common.services import ServicesDep, json_response
from app.routers.common.types import FaultCode, WarningCode
from app.routers.records.kinds import KINDS
from app.web.auth import Principal, authenticated
from app.web.json_body import SMALL_BODY, RepeatedObject, decode_json, read_json, refuse_excess
from app.web.json_faults import json_fault
from app.web.meanings import explain_report, nearest_name
from app.web.problems import COMMON, MEANING, Fault, Problem, problem_responses
from app.web.routes import CheckedRoute

MAX_RECORDS = 10_000
_STORED: tuple[RecordOutcome, ...] = ("created", "updated", "retracted")
MEDIA_TYPES = ("application/json", "application/x-ndjson", "text/csv")

ReportLevel = Literal["default", "errors", "full"]
RecordOutcomeField = Literal["created", "updated", "unchanged", "stale", "retracted", "rejected"]


class FaultView(BaseModel):
    """One fault of a record."""

    pointer: str = Field(
        description="JSON pointer into the batch; it ends at the parent of an unknown field.",
        examples=["/records/2/date"],
    )
    code: FaultCode
    meaning: str = Field(description=MEANING, examples=["a day, YYYY-MM-DD, from 1971-01-01 on"])


class ResultView(BaseModel):
    """What became of one record."""

    index: int | None = Field(
        description="Place in the batch, from 0; null of a record that was taken back because a snapshot lacks it."
    )
    external_id: str | None = Field(description="Null where it is missing or not one.")
    outcome: RecordOutcomeField
    errors: list[FaultView] = Field([], description="Why it was rejected.")
    warnings: list[WarningCode] = Field([], description="What the rules say of a record that is stored all the same.")


class CountsView(BaseModel):
    """How many records came to what; of an atomic batch that was refused, nothing is created, updated or retracted."""

    created: int
    updated: int
    unchanged: int
    stale: int
    retracted: int
    rejected: int


class BatchReport(BaseModel):
    """What became of a batch. With `committed` everything not rejected or stale is on disk and in every report."""

    batch_id: UUID | None = Field(description="Null of a dry run, which leaves no receipt.")
    committed: bool = Field(
        description="False of a dry run, of an atomic batch with a rejection, and of a snapshot that is held back."
    )
    received: int = Field(description="How many records came.")
    counts: CountsView
    results: list[ResultView] = Field(description="What was not plainly stored; with `report=full` every record.")


class SnapshotReport(BatchReport):
    """What became of a snapshot. If it is held back, nothing is stored, and the counts are what would have been."""

    held_back: list[HoldReason] = Field(description="Why nothing was applied; empty if the snapshot was.")
    unreadable: int = Field(description="Lines that cannot be read.")
    stored: int = Field(description="Records of yours in the span before the snapshot.")
    removed: int = Field(description="How many of these are taken back, not counting those that have the same start.")
    people_without_spells: int = Field(description="People of whom every stored spell is taken back.")


router = APIRouter(route_class=CheckedRoute, tags=["records"])


@router.get(
    "/v1/batches/{batch_id}",
    operation_id="getBatch",
    summary="The report of a batch that you sent",
    response_model=BatchReport,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_batch(
    request: Request,
    batch_id: Annotated[UUID, Path(description="Id of the batch, from the answer to it.")],
    services: ServicesDep,
    principal: Annotated[Principal, Depends(authenticated())],
) -> Response:
    """The answer that the batch got, once more; for the client that sent it. 404 for everybody else's batches."""
    async with services.read(principal) as connection:
        receipt = await find_receipt(connection, batch_id, principal.client_id)
    if receipt is None:
        raise Problem("not_found")
    kind, report = receipt
    plural = next(known.plural for known in KINDS if known.kind == kind)
    language = await explain_report(report, f"push{plural}", request.scope)
    response = json_response(request, report)
    response.headers["Content-Language"] = language
    response.headers.add_vary_header("Accept-Language")
    return response


class TableRecord(dict[str, Any]):
    """Record of a row of a table. ``hints`` has the reasons of the faults of its cells by pointer."""

    def __init__(self, record: Mapping[str, Any], hints: Mapping[str, str]) -> None:
        super().__init__(record)
        self.hints = hints


# --- reading a body -------------------------------------------------------------------------------------------------


def media_type_of(request: Request) -> str:
    """Return the body's media type. Problem ``unsupported_media_type`` for others, and for charsets but UTF-8."""
    full_type, _, parameters = request.headers.get("content-type", "").partition(";")
    media_type = full_type.strip().lower()
    for parameter in parameters.lower().split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8", "us-ascii"):
            raise Problem("unsupported_media_type")
    if media_type not in MEDIA_TYPES or request.headers.get("content-encoding", "identity") != "identity":
        raise Problem("unsupported_media_type")
    return media_type


def read_batch(media_type: str, body: bytes, names: Collection[str]) -> list[Any]:
    """Return the raw records of a body; a malformed record for a line that is not JSON and a faulty row of CSV.

    ``names`` are the fields of the kind. Problems for the whole batch: ``invalid_json`` 400 (also for CSV that is not
    UTF-8), ``malformed`` 422, ``too_large`` 413 beyond 10,000 records.
    """
    records: list[Any]
    refuse_excess(body)
    if media_type == "text/csv":
        try:
            records = list(islice(_csv_records(body, names), MAX_RECORDS + 1))
        except EncodingError as error:
            raise Problem("invalid_json", _sentence(error)) from None
        except FileError as error:
            raise Problem("malformed", _sentence(error), errors=[("", "invalid_value")]) from None
    elif media_type == "application/x-ndjson":
        lines = enumerate(io.BytesIO(body.removeprefix(BOM_UTF8)), 1)
        decoded = (_json_record(line.rstrip(b"\n"), number) for number, line in lines if line.strip())
        records = list(islice(decoded, MAX_RECORDS + 1))
    else:
        records = _json_records(body)
    if len(records) > MAX_RECORDS:
        raise Problem("too_large", f"A batch holds at most {MAX_RECORDS} records.")
    if not records:
        detail = f"A batch holds 1 to {MAX_RECORDS:,} records."
        raise Problem("malformed", detail, errors=[("/records", "invalid_value")])
    return records


def _sentence(error: FileError) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."


class _JsonBatch(msgspec.Struct):
    """Body of a batch whose records are not decoded."""

    records: list[msgspec.Raw]


_BATCH: Final = msgspec.json.Decoder(_JsonBatch)
_WRONG_TYPE: Final = re.compile(r"^Expected `(?:object|array)`, got `(?!null)\w+`( - at `\$\.records`)?$")


def _refuse_wrong_type(body: bytes) -> None:
    """Refuse a large body at the first value that has not the type of a batch's, without decoding the rest."""
    try:
        _BATCH.decode(body.removeprefix(BOM_UTF8))
    except msgspec.ValidationError as error:
        if match := _WRONG_TYPE.search(str(error)):
            raise Problem("malformed", errors=[("/records" if match[1] else "", "invalid_value")]) from None
    except (ValueError, RecursionError):
        pass  # what comes next says what is wrong, and where


def _json_records(body: bytes) -> list[Any]:
    if len(body) > SMALL_BODY:
        _refuse_wrong_type(body)
    document = read_json(body)
    if not isinstance(document, dict):
        raise Problem("malformed", errors=[("", "invalid_value")])
    if isinstance(document, RepeatedObject):
        raise Problem("malformed", errors=[("", "repeated_field")])
    errors = [Fault("", "unknown_field", nearest_name(document, ["records"]))] if document.keys() - {"records"} else []
    records = document.get("records")
    if records is None:
        errors.append(Fault("/records", "missing_field"))
    elif not isinstance(records, list):
        errors.append(Fault("/records", "invalid_value"))
    if errors:
        raise Problem("malformed", errors=errors)
    return list(records or ())


def _json_record(line: bytes, number: int) -> Any:
    """Parse a line. One that is not JSON is a malformed record whose hint has the line's number in the body."""
    try:
        return decode_json(line)
    except (ValueError, RecursionError):
        cause, *place = json_fault(line).split(":")
        hint = ":".join([cause, str(number), *place[1:]]) if place else cause
        return MalformedRecord(None, RecordReport("rejected", (("", "invalid_json"),)), {"": hint})


def _csv_records(body: bytes, names: Collection[str]) -> Iterator[Any]:
    """Parse rows by the names in the header. A row of another width is a malformed record, and rejected alone."""
    table = TextTable(io.BytesIO(body), Layout(names, encoding="utf-8"))
    for row in table.rows():
        if row.fault is not None:
            report = RecordReport("rejected", (("", row.fault.code),))
            yield MalformedRecord(None, report, hints={"": row.fault.reason})
        else:
            record, faults = record_of(row, table.style)
            yield TableRecord(record, {f"/{fault.field}": fault.reason for fault in faults if fault.reason})


def with_hints(record: RecordInput | MalformedRecord, raw: object) -> RecordInput | MalformedRecord:
    """Return a malformed record of a table with the reasons of its cells' faults."""
    if isinstance(record, MalformedRecord) and isinstance(raw, TableRecord) and raw.hints:
        return record._replace(hints={**record.hints, **raw.hints})
    return record


# --- the report -----------------------------------------------------------------------------------------------------


def encode_report(request: BatchRequest, result: BatchResult, level: ReportLevel, received: int | None = None) -> bytes:
    """Encode the report of a batch as JSON, as it is stored: without meanings, which ``explain_report`` adds.

    Records from the ``received``-th on were not sent: they are retractions of what a snapshot lacks, and all listed.
    """
    reports = result.reports
    received = len(reports) if received is None else received
    counts = Counter(report.outcome for report in reports)
    if request.atomic and counts["rejected"]:
        counts.subtract({outcome: counts[outcome] for outcome in _STORED})
    report: dict[str, Any] = {
        "batch_id": result.batch_id,
        "committed": result.committed,
        "received": received,
        "counts": {outcome: counts[outcome] for outcome in OUTCOMES},
        "results": [
            _result(index if index < received else None, request.records[index], report)
            for index, report in enumerate(reports)
            if level == "full"
            or index >= received
            or report.outcome in ("rejected", "stale")
            or (level == "default" and report.warnings)
        ],
    }
    if (check := result.snapshot) is not None:
        report |= {"held_back": check.held_back, "unreadable": check.unreadable, **asdict(check.removals)}
    return to_json(report)


def _result(index: int | None, record: RecordInput | MalformedRecord, report: RecordReport) -> Mapping[str, Any]:
    result: dict[str, Any] = {"index": index, "external_id": record.external_id, "outcome": report.outcome}
    if report.errors:
        parent = "" if index is None else f"/records/{index}"
        result["errors"] = [{"pointer": parent + pointer, "code": code} for pointer, code in report.errors]
        for error, (pointer, _) in zip(result["errors"], report.errors, strict=True):
            if isinstance(record, MalformedRecord) and record.hints.get(pointer):
                error["hint"] = record.hints[pointer]
    if report.warnings:
        result["warnings"] = report.warnings
    return result
