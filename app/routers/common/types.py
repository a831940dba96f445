"""Types of request fields: stricter than pydantic's conversions, and limited to what the database can store."""

import contextlib
import re
from collections.abc import Container
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.domain.rules.calendar import COPENHAGEN, monday_of_code
from app.web.identifiers import parse_cpr, parse_cvr, sender_id, trimmed, without_cpr

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SYNTHETIC_CPR = "7101701234"
MAX_REVISION = 2**63 - 1
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
FIRST_DAY = date(1971, 1, 1)
"""No day before it is taken anywhere: it is a program's way to write none (domain 2 [choice])."""


def _invalid() -> PydanticCustomError:
    return PydanticCustomError("invalid_value", "not a value of this field")


def _date(value: object) -> date:
    day = value if isinstance(value, date) else None
    if isinstance(value, str) and _DATE.fullmatch(value):
        with contextlib.suppress(ValueError):
            day = date.fromisoformat(value)
    if day is None or day < FIRST_DAY:
        raise _invalid()
    return day


def _hours(value: object) -> Decimal:
    """A number of at most two decimals; how large is the rules' business. A text is none: tables are read before."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _invalid()
    if not re.fullmatch(r"-?[0-9]{1,24}(\.[0-9]{1,6})?", str(value)):
        raise _invalid()
    hours = Decimal(str(value))
    if hours != round(hours, 2):
        raise _invalid()
    return hours


def _week(value: object) -> date:
    if isinstance(value, str):
        try:
            monday = monday_of_code(value)
        except ValueError:
            pass
        else:
            if monday >= FIRST_DAY:
                return monday
    raise _invalid()


def _whole(value: object) -> object:
    """An integer may be written 1.0 (JSON knows one kind of number); a text or a truth value is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _invalid()
    return value


def _not_a_number(value: object) -> object:
    """Refuse numbers, which pydantic would read as seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and _MOMENT.match(value)):
        return value
    raise _invalid()


def _moment_or_day(value: object) -> object:
    """A day is its last moment in Copenhagen."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        return datetime.combine(_date(value), time.max, COPENHAGEN)
    return _not_a_number(value)


def _in_utc(moment: datetime) -> datetime:
    """Convert to UTC. Refuse years that other zones or the database cannot represent."""
    try:
        if moment.year >= FIRST_DAY.year:
            return moment.astimezone(UTC)
    except OverflowError:
        pass
    raise _invalid()


Moment = Annotated[AwareDatetime, BeforeValidator(_not_a_number), AfterValidator(_in_utc)]
"""RFC 3339 timestamp with a zone, from the year 1971 on."""
MomentOrDay = Annotated[
    AwareDatetime,
    BeforeValidator(_moment_or_day),
    AfterValidator(_in_utc),
    WithJsonSchema(
        {"type": "string", "maxLength": 60, "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9:.+Zz-]{1,40})?$"}
    ),
]
"""RFC 3339 timestamp, or a date, which is the end of that day in Copenhagen (api.md)."""
IsoDate = Annotated[
    date, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date", "examples": ["2010-11-08"]})
]
Hours = Annotated[
    Decimal,
    BeforeValidator(_hours),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 60, "x-decimals": 2, "examples": [15, 7.5]}),
]
WeekCode = Annotated[
    date,
    BeforeValidator(_week),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-W[0-9]{2}$", "examples": ["2011-W05"]}),
]
"""ISO week, parsed to its Monday."""
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,60}$"), AfterValidator(without_cpr)]
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$"),
    BeforeValidator(trimmed),
    AfterValidator(without_cpr),
]
"""A text of one line, without blanks around it."""
Whole = BeforeValidator(_whole)
"""For integers: 1.0 is one, "1" and true are none."""
ClientName = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$"), AfterValidator(without_cpr)]
"""Client id as a filter."""
ExternalId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$"),
    BeforeValidator(trimmed),
    AfterValidator(sender_id),
    Field(
        description="Id of the record in the sending system, unique within client, trial and kind. Never a CPR number.",
        examples=["samtale-4711"],
    ),
]
Revision = Annotated[
    int,
    Field(
        ge=0,
        le=MAX_REVISION,
        description="Revision of the record. A higher one replaces a lower one, in whatever order they arrive.",
        examples=[1],
    ),
    Whole,
]
CprNumber = Annotated[
    Any,
    BeforeValidator(parse_cpr),
    WithJsonSchema(
        {"type": "string", "pattern": "^[0-9]{6}-?[0-9]{4}$", "writeOnly": True, "examples": [_SYNTHETIC_CPR]}
    ),
]
"""CPR number, parsed to ``app.web.identifiers.Cpr``."""
CvrNumber = Annotated[
    str,
    AfterValidator(parse_cvr),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{8}$", "examples": ["10150817"]}),
]
PNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$"), Field(examples=["1019601345"])]
JobcentreCode = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{3}$"),
    Field(description="Municipality code of the jobcentre.", examples=["849"]),
]
TargetGroup = Annotated[int, Field(ge=1, le=99, examples=[2]), Whole]
"""Number of a target group in § 2 of the law (LAB-loven; domain 6 [C])."""
DeviationCode = Annotated[str, WithJsonSchema({"type": "string", "x-component": "DeviationCode"})]
FailureCode = Annotated[str, WithJsonSchema({"type": "string", "x-component": "FailureCode"})]
FaultCode = Annotated[str, WithJsonSchema({"type": "string", "x-component": "FaultCode"})]
EffectWarning = Annotated[str, WithJsonSchema({"type": "string", "x-component": "EffectWarning"})]
WarningCode = Annotated[str, WithJsonSchema({"type": "string", "x-component": "WarningCode"})]
"""Codes in responses. The lists are open, in ``app.domain.codes``."""
TrialId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$"), AfterValidator(without_cpr)]


def without_nulls(body: object, names: Container[str]) -> object:
    """Drop the fields of a body that are null: null is an absent field."""
    if not isinstance(body, dict):
        return body
    return {name: value for name, value in body.items() if value is not None or name not in names}


class RequestModel(BaseModel):
    """Request schema: unknown fields are refused, null is an absent field."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, body: object) -> object:
        return without_nulls(body, {field.alias or name for name, field in cls.model_fields.items()})


class ResponseModel(BaseModel):
    """Response schema. Attribute docstrings are descriptions, also those of a dataclass that is the type of a field."""

    model_config = ConfigDict(use_attribute_docstrings=True)
