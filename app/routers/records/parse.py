"""Records as clients write them, kind by kind, made from the facts of the domain and the envelope that all share."""

from collections.abc import Container, Mapping
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

from app.db.records.batch_request import RecordInput
from app.domain.facts import KINDS, Fact, RetractionReason, validate_fact
from app.domain.records.ingest import RecordReport
from app.routers.common.types import Code, CprNumber, CvrNumber, ExternalId, Hours, IsoDate, PNumber, Revision, WeekCode
from app.web.validation import field_errors

ENVELOPE = ("external_id", "revision", "participant_id", "cpr", "retracted", "retraction_reason")
_BY_NAME: Mapping[str, Any] = {"cvr_number": CvrNumber | None, "p_number": PNumber | None, "week": WeekCode}
_BY_TYPE: Mapping[Any, Any] = {date: IsoDate, Decimal: Hours, bool: StrictBool, str: Code}
_MOST_CODES = 50
_HARMLESS: Mapping[Any, Any] = {date: date.min, Decimal: Decimal(1)}


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
    """How one kind is read: its model, the names it knows, and the fact it becomes."""

    kind: str
    fact: type[Fact]
    model: type[_RecordBase]
    names: frozenset[str]
    fields: Mapping[str, TypeAdapter[Any]]
    """Each of the fact's fields alone."""
    harmless: Mapping[str, Any]
    """Values with which no field of the fact is at fault."""

    @cached_property
    def plain_names(self) -> frozenset[str]:
        """The names in a record that is no retraction and names no CPR number."""
        return frozenset((*self.fields, "external_id", "revision", "participant_id", "cpr"))

    def fact_of(self, record: BaseModel) -> Fact:
        """The fact that a record on the wire tells."""
        values = {each.name: getattr(record, each.name) for each in fields(self.fact)}
        if "focus" in values:
            values["focus"] = tuple(sorted(set(values["focus"])))
        return self.fact(**values)


def _wire_type(name: str, annotation: Any) -> Any:
    """The strict type for a field of the domain."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    if get_origin(annotation) in (Union, UnionType):
        inner = [each for each in get_args(annotation) if each is not NoneType]
        return Union[tuple(_wire_type("", each) for each in inner)] | None  # noqa: UP007 - built at run time
    if get_origin(annotation) is tuple:
        return Annotated[list[get_args(annotation)[0]], Field(max_length=_MOST_CODES)]  # type: ignore[misc]
    if get_origin(annotation) is Literal and all(isinstance(each, int) for each in get_args(annotation)):
        return Annotated[annotation, BeforeValidator(_no_bool)]
    return _BY_TYPE.get(annotation, annotation)


def _no_bool(value: object) -> object:
    """True is no 1, and 1.0 is none either."""
    return value if type(value) is int else ""


@cache
def wire_of(kind: str) -> RecordWire:
    fact = KINDS[kind]
    members: dict[str, Any] = {}
    harmless: dict[str, Any] = {}
    hints = get_type_hints(fact, include_extras=True)
    for each in fields(fact):
        annotation, description = get_args(hints[each.name])
        default = ... if each.default is MISSING else (list(each.default) if each.default == () else each.default)
        harmless[each.name] = _HARMLESS.get(annotation) if each.default is MISSING else each.default
        members[each.name] = (
            Annotated[_wire_type(each.name, annotation), Field(description=description)],
            default,
        )
    model = create_model(f"{fact.__name__}Record", __base__=_RecordBase, __doc__=fact.__doc__, **members)
    names = frozenset((*model.model_fields, "retracted", "retraction_reason"))
    alone = {name: TypeAdapter(annotated) for name, (annotated, _) in members.items()}
    return RecordWire(kind, fact, model, names, alone, harmless)


_RETRACTION = TypeAdapter(Retraction)


def read_record(
    wire: RecordWire, raw: object, today: date, index_of: Any
) -> tuple[str | None, RecordInput | RecordReport]:
    """One record as sent: its external id where that can be told, and what it says, or a report of every fault in it.

    Null means absent. ``index_of`` gives the blind index of a CPR number. Codes: ``missing_field``, ``unknown_field``,
    ``invalid_value``, ``invalid_cpr``, ``invalid_cvr``, ``invalid_json`` and those of ``facts.validate_fact``.
    """
    if not isinstance(raw, dict):
        return None, _rejected([("", "invalid_json")])
    if (plain := _plain_record(wire, raw, today)) is not None:
        return plain.external_id, plain
    external_id = _legible_id(raw.get("external_id"))
    values = {name: value for name, value in raw.items() if value is not None}
    faults: list[tuple[str, str]] = []
    if not raw.keys() <= wire.names:
        faults.append(("", "unknown_field"))
        values = {name: value for name, value in values.items() if name in wire.names}
    retracted = values.pop("retracted", False)
    if not isinstance(retracted, bool):
        return external_id, _rejected([*faults, ("/retracted", "invalid_value")])
    if retracted:
        return external_id, _read_retraction(values, faults)
    if "retraction_reason" in values:
        faults.append(("/retraction_reason", "invalid_value"))
        del values["retraction_reason"]
    faults += _validate_person(values)
    try:
        record = wire.model.model_validate(values)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)
        found = field_errors(errors, values, wire.names)
        beside = _validate_beside(wire, values, {str(each["loc"][0]) for each in errors}, today)
        return external_id, _rejected([*faults, *found, *beside])
    fact = wire.fact_of(record)
    faults += [(f"/{name}", code) for name, code in validate_fact(fact, today)]
    if faults:
        return external_id, _rejected(faults)
    blind_index = None if record.cpr is None else index_of(record.cpr.number)
    return external_id, RecordInput(record.external_id, record.revision, record.participant_id, blind_index, fact, None)


def _plain_record(wire: RecordWire, raw: dict[str, Any], today: date) -> RecordInput | None:
    """Most records by a shorter way: sound, of a participant named by id, with facts that others told alike before.

    None of every other one, to be read with care.
    """
    named = raw.get("participant_id") is not None and raw.get("cpr") is None
    if not named or not wire.plain_names.issuperset(raw):
        return None
    told = tuple([raw.get(name) for name in wire.fields])
    try:
        fact = _sound_fact(wire.kind, told, tuple(map(type, told)), today)
        if fact is None:
            return None
        said = _Plain.model_validate(raw)
    except (TypeError, ValidationError):  # a list cannot be looked up
        return None
    return RecordInput(said.external_id, said.revision, said.participant_id, None, fact, None)


@lru_cache(maxsize=16_384)
def _sound_fact(kind: str, told: tuple[Any, ...], types: tuple[type, ...], today: date) -> Fact | None:  # noqa: ARG001 - 1 is no True
    """The fact that these values tell, by the names of ``RecordWire.fields``; None where one is at fault."""
    wire = wire_of(kind)
    values = {name: value for name, value in zip(wire.fields, told, strict=True) if value is not None}
    fact = wire.fact_of(wire.model.model_validate({**values, "external_id": "plain"}))
    return None if validate_fact(fact, today) else fact


class _Plain(BaseModel):
    """What is left to read of such a record."""

    external_id: ExternalId
    revision: Revision | None = None
    participant_id: UUID


def _validate_beside(
    wire: RecordWire, values: Mapping[str, Any], malformed: Container[str], today: date
) -> list[tuple[str, str]]:
    """What is wrong with the well-formed fields in themselves, something harmless standing for the malformed ones."""
    sound = {
        name: alone.validate_python(values[name])
        for name, alone in wire.fields.items()
        if name in values and name not in malformed
    }
    fact = wire.fact(**{**wire.harmless, **sound})
    return [(f"/{name}", code) for name, code in validate_fact(fact, today) if name not in malformed]


def _read_retraction(values: Mapping[str, Any], faults: list[tuple[str, str]]) -> RecordInput | RecordReport:
    asked = {name: values[name] for name in ("external_id", "revision", "retraction_reason") if name in values}
    try:
        retraction = _RETRACTION.validate_python({**asked, "retracted": True})
    except ValidationError as error:
        found = field_errors(error.errors(include_url=False, include_context=False), asked, frozenset(ENVELOPE))
        return _rejected([*faults, *found])
    if faults:
        return _rejected(faults)
    return RecordInput(retraction.external_id, retraction.revision, None, None, None, retraction.retraction_reason)


def _validate_person(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "participant_id" not in values and "cpr" not in values:
        return [("/participant_id", "missing_field")]
    return [("/cpr", "invalid_value")] if "participant_id" in values and "cpr" in values else []


def _legible_id(value: object) -> str | None:
    """The external id for the report, unless it is not one that may be repeated."""
    try:
        return _EXTERNAL_ID.validate_python(value)
    except ValidationError:
        return None


_EXTERNAL_ID: TypeAdapter[str] = TypeAdapter(ExternalId)


def _rejected(faults: list[tuple[str, str]]) -> RecordReport:
    return RecordReport("rejected", tuple(dict.fromkeys(faults)))
