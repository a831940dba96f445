"""Parsers of CPR and CVR numbers. No error repeats a number."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from pydantic_core import PydanticCustomError
from stdnum.dk import cpr as stdnum_cpr
from stdnum.dk import cvr as stdnum_cvr
from stdnum.exceptions import ValidationError

_CPR = re.compile(r"[0-9]{6}-?[0-9]{4}")
_SEPARATOR = r"[\s._/\u00b7\u2022\u2212\u2010-\u2015\u2043\ufe58\ufe63\uff0d\u30fc~-]{0,3}"
_CPR_LIKE = re.compile(
    rf"(?<![^\W_])([0-9]{{2}}){_SEPARATOR}([0-9]{{2}}){_SEPARATOR}([0-9]{{2}}){_SEPARATOR}[0-9]{{4}}(?![^\W_])"
)
_INVISIBLE = frozenset({"Cf", "Mn", "Me"})
_CONTROL = frozenset({"Cc", "Zl", "Zp", "Cs"})
_DROPPED = frozenset({".", "..", ""})
NOTHING_WORDS = frozenset(
    {
        *("null", "(null)", "<null>", "nil", "none", "undefined", "[object object]", "\\n", "#null!"),
        *("na", "n/a", "#n/a", "#na", "<na>", "nan", "nat", "-nan", "1.#qnan", "#value!", "#ref!", "#name?", "#num!"),
        *("#div/0!", "#i/t", "#værdi!", "#reference!", "#navn?", "#num", "#division/0!", "."),
    }
)
"""The words by which programs write that there is nothing (databases, R, Python, JavaScript, spreadsheets), folded."""
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
    """Whether a CPR number is part of a text, which nothing but a field for it may hold (api.md).

    That is ten digits that begin with a date that exists, run together or as six and four, however they are dashed,
    spaced or written; not those that a letter or another digit touches: ``K1301234567`` is a case number.
    """
    if text.isascii():
        if _CPR_LIKE.search(text) is None:  # nearly always
            return False
    else:
        text = _plain(text)
    return any(_is_date(*match.groups()) for match in _CPR_LIKE.finditer(text))


def _plain(text: str) -> str:
    """Every script's digits as ASCII, without invisible characters and marks."""
    characters = (each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) not in _INVISIBLE)
    return "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in characters)


def _is_date(day: str, month: str, year: str) -> bool:
    """Whether a day (of synthetic people + 60) exists in this century or the last; in 2000 as in 1900 + 100."""
    number = int(day)
    number -= 60 if number in _SYNTHETIC_DAYS else 0
    try:
        date(2000 + int(year), int(month), number)
    except ValueError:
        return False
    return True


def without_cpr(text: str) -> str:
    """For texts that a sender chooses: PydanticCustomError ``looks_like_cpr`` when a CPR number is part of it."""
    if holds_cpr(text):
        raise PydanticCustomError("looks_like_cpr", "a CPR number is not accepted here")
    return text


def trimmed(value: object) -> object:
    """A text without blanks around it; PydanticCustomError ``invalid_value`` when nothing visible is left."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text or all(unicodedata.category(each) in _INVISIBLE for each in text):
        raise PydanticCustomError("invalid_value", "an empty text")
    return text


def sender_id(text: str) -> str:
    """The id that a sender gave something; PydanticCustomError ``invalid_value`` for what is none.

    No words by which programs write nothing, and nothing that an address could not name again: control characters,
    segments that clients drop (``..``), the end of another address.
    """
    segments = text.split("/")
    if (
        text.casefold() in NOTHING_WORDS
        or not _CONTROL.isdisjoint(map(unicodedata.category, text))
        or segments[-1] == "history"
        or not _DROPPED.isdisjoint(segments)
    ):
        raise PydanticCustomError("invalid_value", "not an id")
    return without_cpr(text)


def parse_cvr(text: str) -> str:
    """Return eight digits that pass modulus 11 (domain 7). Raises PydanticCustomError ``invalid_cvr``."""
    if not re.fullmatch(r"[0-9]{8}", text) or not stdnum_cvr.is_valid(text):
        raise PydanticCustomError("invalid_cvr", "not a CVR number")
    return text
