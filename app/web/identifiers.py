"""Numbers of people and companies as they come in. Nothing here ever repeats a number in an error."""

import re
from dataclasses import dataclass
from datetime import date

from pydantic_core import PydanticCustomError
from stdnum.dk import cpr as stdnum_cpr
from stdnum.dk import cvr as stdnum_cvr
from stdnum.exceptions import ValidationError

_CPR = re.compile(r"[0-9]{6}-?[0-9]{4}")
_CPR_WITHIN = re.compile(r"(?<![0-9])([0-9]{6})[- ]?([0-9]{4})(?![0-9])")
_ID_OF_COMPUTERS = re.compile(
    r"(?<![0-9A-Za-z])([0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}|[0-9A-Fa-f]{16,})(?![0-9A-Za-z])"
)
_SYNTHETIC_DAYS = range(61, 92)


@dataclass(frozen=True, slots=True)
class Cpr:
    """A CPR number of ten digits and the birth date in it."""

    number: str
    born_on: date

    def __repr__(self) -> str:
        return "Cpr(…)"


def parse_cpr(text: object) -> Cpr:
    """``DDMMYYSSSS`` or ``DDMMYY-SSSS``; synthetic people have day + 60, and modulus 11 is not asked (domain 7).

    PydanticCustomError ``invalid_cpr`` for anything else.
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
    """Whether a CPR number stands in a text, which nothing but a field for it may hold.

    That is ten digits, or six and four, with no digit before or after, whose first six read as a date. Ids of
    computers (UUIDs, digests) are left out: among their digits there is now and then such a row by chance.
    """
    if _CPR_WITHIN.search(text) is None:  # nearly always
        return False
    for found in _CPR_WITHIN.finditer(_ID_OF_COMPUTERS.sub("x", text)):
        try:
            parse_cpr(found[1] + found[2])
        except PydanticCustomError:
            continue
        return True
    return False


def without_cpr(text: str) -> str:
    """For texts that a sender chooses: PydanticCustomError ``invalid_value`` when a CPR number stands in it."""
    if holds_cpr(text):
        raise PydanticCustomError("invalid_value", "a CPR number is not accepted here")
    return text


def parse_cvr(text: str) -> str:
    """Eight digits that pass modulus 11 (domain 7); PydanticCustomError ``invalid_cvr`` for anything else."""
    if not re.fullmatch(r"[0-9]{8}", text) or not stdnum_cvr.is_valid(text):
        raise PydanticCustomError("invalid_cvr", "not a CVR number")
    return text
