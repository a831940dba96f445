"""Parsing of records: one model per kind, built from the facts of the domain and a shared envelope."""

from collections.abc import Callable, Container, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date
from decimal import Decimal
from functools import cache, cached_property, lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    TypeAdapter,
    ValidationError,
    create_model,
)

from app.db.records.batch_request import MalformedRecord, RecordInput
from app.domain.facts import KINDS, ActivationType, Fact, RetractionReason, validate_fact
from app.domain.records.ingest import RecordReport
from app.routers.common.types import Code, CprNumber, CvrNumber, ExternalId, Hours, IsoDate, PNumber, Revision, WeekCode
from app.web.json_body import RepeatedObject
from app.web.meanings import nearest_name
from app.web.validation import field_errors

ENVELOPE = ("external_id", "revision", "participant_id", "cpr", "retracted", "retraction_reason")
_BY_NAME: Mapping[str, Any] = {"cvr_number": CvrNumber | None, "p_number": PNumber | None, "week": WeekCode}
_BY_TYPE: Mapping[Any, Any] = {date: IsoDate, Decimal: Hours, bool: StrictBool, str: Code}
_MOST_CODES = 50
_HARMLESS: Mapping[Any, Any] = {date: date.min, Decimal: Decimal(1), ActivationType: "preventive_offer"}


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="forbid")

    external_id: ExternalId
    revision: Revision | None = None


class _RecordBase(_Envelope):
    participant_id: UUID | None = Field(None, description="The participant; or send `cpr`, exactly one of the two.")
    cpr: CprNumber | None = Field(None, description="The person's CPR number, where the participant is not known.")


class Retraction(_Envelope):
    """Takes a record back. It may arrive before its record, and then holds it off."""

    retracted: Literal[True]
    retraction_reason: RetractionReason = Field(description="Why the record is taken back.")


@dataclass(frozen=True)
class RecordWire:
    """The wire format of one kind."""

    kind: str
    fact: type[Fact]
    model: type[_RecordBase]
    names: frozenset[str]
    """Every name that a record may have."""
    fields: Mapping[str, TypeAdapter[Any]]
    """A validator for each field of the fact."""
    harmless: Mapping[str, Any]
    """A valid value for each field of the fact."""

    @cached_property
    def plain_names(self) -> frozenset[str]:
        """The names that a record on the fast path may have."""
        return frozenset((*self.fields, "external_id", "revision", "participant_id", "cpr"))

    def fact_of(self, record: BaseModel) -> Fact:
        """Return the fact of a validated record."""
        values = {field.name: getattr(record, field.name) for field in fields(self.fact)}
        if "focus" in values:
            values["focus"] = tuple(sorted(set(values["focus"])))
        return self.fact(**values)


def _wire_type(name: str, annotation: Any) -> Any:
    """Return the strict wire type for a field of the domain."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not NoneType]
        return Union[tuple(_wire_type("", member) for member in members)] | None  # noqa: UP007 - built at run time
    if get_origin(annotation) is tuple:
        return Annotated[list[get_args(annotation)[0]], Field(max_length=_MOST_CODES)]  # type: ignore[misc]
    if get_origin(annotation) is Literal and all(isinstance(value, int) for value in get_args(annotation)):
        return Annotated[annotation, BeforeValidator(_whole_number)]
    return _BY_TYPE.get(annotation, annotation)


def _whole_number(value: object) -> object:
    """Reject True, which Literal takes for 1; 1.0 is an integer of JSON."""
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else ""


@cache
def wire_of(kind: str) -> RecordWire:
    """Return the wire format of a kind."""
    fact = KINDS[kind]
    members: dict[str, Any] = {}
    harmless: dict[str, Any] = {}
    hints = get_type_hints(fact, include_extras=True)
    for field in fields(fact):
        annotation, description = get_args(hints[field.name])
        required = field.default is MISSING
        default = ... if required else [] if field.default == () else field.default
        harmless[field.name] = _HARMLESS.get(annotation) if required else field.default
        members[field.name] = (Annotated[_wire_type(field.name, annotation), Field(description=description)], default)
    model = create_model(f"{fact.__name__}Record", __base__=_RecordBase, __doc__=fact.__doc__, **members)
    names = frozenset((*model.model_fields, "retracted", "retraction_reason"))
    adapters = {name: TypeAdapter(annotated) for name, (annotated, _) in members.items()}
    return RecordWire(kind, fact, model, names, adapters, harmless)


_RETRACTION = TypeAdapter(Retraction)
_EXTERNAL_ID: TypeAdapter[str] = TypeAdapter(ExternalId)


def read_record(
    wire: RecordWire, raw: object, today: date, index_of: Callable[[str], bytes], *, follows_number: bool = False
) -> RecordInput | MalformedRecord:
    """Parse one raw record, or report every fault in it. Null means absent.

    ``index_of`` computes the blind index of a CPR number; ``follows_number``: the record follows that number, because
    the client may not write participants (domain 3.4). Codes: ``missing_field``, ``unknown_field``,
    ``repeated_field``, ``invalid_value``, ``invalid_cpr``, ``invalid_cvr``, ``invalid_json`` and those of
    ``facts.validate_fact``.
    """
    if not isinstance(raw, dict) or isinstance(raw, RepeatedObject):
        return _no_record(raw)
    if (plain := _plain_record(wire, raw, today)) is not None:
        return plain
    if not raw.keys() <= wire.names:
        known = read_record(wire, {name: raw[name] for name in raw.keys() & wire.names}, today, index_of)
        others = known.report.errors if isinstance(known, MalformedRecord) else ()
        report = RecordReport("rejected", (("", "unknown_field"), *others))
        return MalformedRecord(known.external_id, report, {"": nearest_name(raw, wire.names)})
    external_id = _legible_id(raw.get("external_id"))
    values = {name: value for name, value in raw.items() if value is not None}
    faults: list[tuple[str, str]] = []
    retracted = values.pop("retracted", False)
    if not isinstance(retracted, bool):
        return _malformed(external_id, [("/retracted", "invalid_value")])
    if retracted:
        return _read_retraction(external_id, values)
    if "retraction_reason" in values:
        faults.append(("/retraction_reason", "invalid_value"))
        del values["retraction_reason"]
    faults += _validate_person(values)
    try:
        record = wire.model.model_validate(values)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)
        faults += field_errors(errors, values, wire.names)
        faults += _validate_other_fields(wire, values, {str(details["loc"][0]) for details in errors}, today)
        return _malformed(external_id, faults)
    fact = wire.fact_of(record)
    faults += [(f"/{name}", code) for name, code in validate_fact(fact, today)]
    if faults:
        return _malformed(external_id, faults)
    blind_index = None if record.cpr is None else index_of(record.cpr.number)
    sent_number = blind_index if follows_number else None
    return RecordInput(record.external_id, record.revision, record.participant_id, blind_index, fact, None, sent_number)


def _no_record(raw: object) -> MalformedRecord:
    """Report what has no fields to judge."""
    if isinstance(raw, MalformedRecord):  # a row of a table
        return raw
    if isinstance(raw, RepeatedObject):
        return _malformed(
            None if "external_id" in raw.names else _legible_id(raw.get("external_id")), [("", "repeated_field")]
        )
    return _malformed(None, [("", "invalid_json")])


def _plain_record(wire: RecordWire, raw: dict[str, Any], today: date) -> RecordInput | None:
    """Fast path for records with plain fields and a participant id. Returns None to fall back to full validation."""
    named = raw.get("participant_id") is not None and raw.get("cpr") is None
    if not named or not wire.plain_names.issuperset(raw):
        return None
    values = tuple([raw.get(name) for name in wire.fields])
    try:
        fact = _valid_fact(wire.kind, values, tuple(map(type, values)), today)
        if fact is None:
            return None
        envelope = _PlainEnvelope.model_validate(raw)
    except (TypeError, ValidationError):  # TypeError: a list is not hashable
        return None
    return RecordInput(envelope.external_id, envelope.revision, envelope.participant_id, None, fact, None)


@lru_cache(maxsize=16_384)
def _valid_fact(kind: str, values: tuple[Any, ...], types: tuple[type, ...], today: date) -> Fact | None:  # noqa: ARG001 - 1 is no True
    """Return the fact of the values of ``RecordWire.fields``, or None if one is at fault. Many records are alike."""
    wire = wire_of(kind)
    named = {name: value for name, value in zip(wire.fields, values, strict=True) if value is not None}
    fact = wire.fact_of(wire.model.model_validate({**named, "external_id": "plain"}))
    return None if validate_fact(fact, today) else fact


class _PlainEnvelope(BaseModel):
    """The fields of such a record besides those of its fact."""

    external_id: ExternalId
    revision: Revision | None = None
    participant_id: UUID


def _validate_other_fields(
    wire: RecordWire, values: Mapping[str, Any], malformed: Container[str], today: date
) -> list[tuple[str, str]]:
    """Validate the fact's well-formed fields, with harmless values in place of the malformed ones."""
    well_formed = {
        name: adapter.validate_python(values[name])
        for name, adapter in wire.fields.items()
        if name in values and name not in malformed
    }
    fact = wire.fact(**{**wire.harmless, **well_formed})
    return [(f"/{name}", code) for name, code in validate_fact(fact, today) if name not in malformed]


def _read_retraction(external_id: str | None, values: Mapping[str, Any]) -> RecordInput | MalformedRecord:
    envelope = {name: values[name] for name in ("external_id", "revision", "retraction_reason") if name in values}
    try:
        retraction = _RETRACTION.validate_python({**envelope, "retracted": True})
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)
        return _malformed(external_id, field_errors(errors, envelope, frozenset(ENVELOPE)))
    return RecordInput(retraction.external_id, retraction.revision, None, None, None, retraction.retraction_reason)


def _validate_person(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "participant_id" not in values and "cpr" not in values:
        return [("/participant_id", "missing_field")]
    return [("/cpr", "invalid_value")] if "participant_id" in values and "cpr" in values else []


def _legible_id(value: object) -> str | None:
    """Return the external id for the report, or None if it is not a valid one."""
    try:
        return _EXTERNAL_ID.validate_python(value)
    except ValidationError:
        return None


def _malformed(external_id: str | None, faults: list[tuple[str, str]]) -> MalformedRecord:
    return MalformedRecord(external_id, RecordReport("rejected", tuple(dict.fromkeys(faults))))
