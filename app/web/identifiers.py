"""Parsers of CPR and CVR numbers. No error repeats a number."""

import re
from dataclasses import dataclass
from datetime import date

from pydantic_core import PydanticCustomError
from stdnum.dk import cpr as stdnum_cpr
from stdnum.dk import cvr as stdnum_cvr
from stdnum.exceptions import ValidationError

_CPR = re.compile(r"[0-9]{6}-?[0-9]{4}")
_CPR_WITHIN = re.compile(r"(?<![0-9])([0-9]{6})[- ]?([0-9]{4})(?![0-9])")
_MACHINE_ID = re.compile(
    r"(?<![0-9A-Za-z])([0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}|[0-9A-Fa-f]{16,})(?![0-9A-Za-z])"
)
_SYNTHETIC_DAYS = range(61, 92)


@dataclass(frozen=True, slots=True)
class Cpr:
    """CPR number of ten digits, and its birth date."""

    number: str
    born_on: date

    def __repr__(self) -> str:
        return "Cpr(…)"


def parse_cpr(text: object) -> Cpr:
    """Parse ``DDMMYYSSSS`` or ``DDMMYY-SSSS``; synthetic people have day + 60. Modulus 11 is not checked (domain 7).

    Raises PydanticCustomError ``invalid_cpr``.
    """
    if isinstance(text, str) and _CPR.fullmatch(text):
        number = text.replace("-", "")
        day = int(number[:2])
        plain = f"{day - 60:02d}{number[2:]}" if day in _SYNTHETIC_DAYS else number
        try:
            return Cpr(number, stdnum_cpr.get_birth_date(plain))
        except ValidationError:
            pass
    raise PydanticCustomError("invalid_cpr", "not a CPR number")


def holds_cpr(text: str) -> bool:
    """Return whether a text contains a CPR number, which is allowed in its own field only.

    That is ten digits, or six and four, with no digit before or after, whose first six are a date. UUIDs and digests
    are ignored, because their digits match at times by chance.
    """
    if _CPR_WITHIN.search(text) is None:  # nearly always
        return False
    for match in _CPR_WITHIN.finditer(_MACHINE_ID.sub("x", text)):
        try:
            parse_cpr(match[1] + match[2])
        except PydanticCustomError:
            continue
        return True
    return False


def without_cpr(text: str) -> str:
    """Return a text that a sender chooses. Raises PydanticCustomError ``invalid_value`` if it has a CPR number."""
    if holds_cpr(text):
        raise PydanticCustomError("invalid_value", "a CPR number is not accepted here")
    return text


def parse_cvr(text: str) -> str:
    """Return eight digits that pass modulus 11 (domain 7). Raises PydanticCustomError ``invalid_cvr``."""
    if not re.fullmatch(r"[0-9]{8}", text) or not stdnum_cvr.is_valid(text):
        raise PydanticCustomError("invalid_cvr", "not a CVR number")
    return text
