"""Cells of a table: what a text, or a cell of a workbook, means in the column of a field.

The rules are the same for CSV and Excel, for the client, the API's ``text/csv`` and a register's extract. What cannot
be read with certainty is refused: ``CellError``, whose sentence never repeats the cell. Standard library only.
"""

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, Literal

ColumnType = Literal["id", "cpr", "whole", "decimal", "flag", "day", "list", "text"]
COLUMN_TYPES: Final[Mapping[str, ColumnType]] = {
    "external_id": "id",
    "participant_id": "id",
    "cpr": "cpr",
    **dict.fromkeys(("revision", "match_group"), "whole"),
    "hours_per_week": "decimal",
    **dict.fromkeys(("retracted", "mentor_present", "job_interview", "company_centre"), "flag"),
    **dict.fromkeys(("date", "starts_on", "ends_on", "planned_ends_on"), "day"),
    "focus": "list",
}
"""The type of each field of a record; all others are texts."""

NOTHING_WORDS: Final = frozenset(
    {
        *("null", "(null)", "<null>", "nil", "none", "undefined", "[object object]", "\\n", "#null!"),
        *("na", "n/a", "#n/a", "#na", "<na>", "nan", "nat", "-nan", "1.#qnan", "#value!", "#ref!", "#name?", "#num!"),
        *("#div/0!", "#i/t", "#værdi!", "#reference!", "#navn?", "#num", "#division/0!"),
    }
)
"""The words by which programs write that a cell has no value (databases, R, Python, JavaScript, spreadsheets)."""

_BLANKS: Final = " \t\r\n\v\f\u00a0\u2007\u202f\u200b\u200c\u200d\u2060\ufeff"
_CPR: Final = re.compile(r"[0-9]{5,6}-?[0-9]{4}")
_WHOLE: Final = re.compile(r"([0-9]{1,19})(?:([.,])0{1,2})?")
_DECIMAL: Final = re.compile(r"(-?[0-9]{1,24})(?:([.,])([0-9]{1,6}))?")
_ROUNDED_ID: Final = re.compile(r"[0-9]+[.,]0+|[0-9]+([.,][0-9]+)?[eE][+-][0-9]+|[0-9]+[.,][0-9]+[eE][0-9]+")
_ISO_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DANISH_DAY: Final = re.compile(r"([0-9]{2})([-.])([0-9]{2})\2([0-9]{4})")
_MOMENT: Final = re.compile(r"(.*[0-9])[T ]([0-9:.]*[0-9])(Z|[+-][0-9:]+)?")
_MIDNIGHT: Final = re.compile(r"00:00(:00([.][0-9]+)?)?")
_FLAGS: Final = {"true": True, "false": False, "sand": True, "falsk": False, "1": True, "0": False}
_DIRECTIVES: Final = {"%d": 2, "%m": 2, "%y": 2, "%Y": 4, "%H": 2, "%M": 2, "%S": 2, "%j": 3}
_FIFTEEN_DIGITS: Final = Context(prec=15)
_REPEATING: Final = frozenset({"whole", "decimal", "flag", "day", "text"})
_SHORT: Final = 32
_MAX_DIGITS: Final = 15
_SECONDS: Final = 86_400


LEAVE_EMPTY: Final = "leave_empty"
"""Reason of a cell that has a word for no value."""


class CellError(ValueError):
    """A cell that cannot be read with certainty. The message says what would be valid, never what is there."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity, which is quick in the cache of cells
class Style:
    """How a table writes decimals and days. Without ``day_format``: ISO days and, if ``danish``, ``31-12-2010`` too."""

    decimal_signs: str = "."
    danish: bool = False
    day_format: str | None = None


PLAIN: Final = Style()
DANISH: Final = Style(",.", danish=True)
"""Danish spreadsheets: ``7,5`` and ``31-12-2010``, and of the other ways of writing those that are certain."""


@dataclass(frozen=True, slots=True)
class Number:
    """Number of a workbook, as its file has it."""

    text: str


@dataclass(frozen=True, slots=True)
class Serial:
    """Number of a workbook that is shown as a date: days since ``epoch``."""

    text: str
    epoch: date


@dataclass(frozen=True, slots=True)
class Unusable:
    """Cell of a workbook that has no value: an error, or a formula that was never calculated."""

    reason: str


def trim(text: str) -> str:
    """Return a text without blanks and invisible characters around it."""
    return text.strip(_BLANKS)


def read_cell(name: str, cell: object, style: Style) -> Any:
    """Return the value of a cell in the column of a field, as JSON has it; None if it is empty. Raises CellError."""
    kind = COLUMN_TYPES.get(name, "text")
    if isinstance(cell, str):
        if kind in _REPEATING and len(cell) <= _SHORT:
            return _repeated_text(kind, cell, style)
        return _text(kind, trim(cell), style)
    if cell is None:
        return None
    if isinstance(cell, Unusable):
        raise CellError(cell.reason)
    if isinstance(cell, bool):
        if kind != "flag":
            raise CellError("true or false is no value of this column")
        return cell
    if isinstance(cell, Serial):
        return _serial_day(kind, cell)
    assert isinstance(cell, Number), "a workbook has no other cells"
    return _number(kind, cell)


# --- Texts ------------------------------------------------------------------------------------------------------------


def _text(kind: ColumnType, text: str, style: Style) -> Any:
    if not text:
        return None
    if text.casefold() in NOTHING_WORDS:
        message = "a word by which programs write that there is no value: leave the cell empty"
        raise CellError(message, LEAVE_EMPTY)
    return _READERS[kind](text, style)


@lru_cache(maxsize=4096)
def _repeated_text(kind: ColumnType, cell: str, style: Style) -> Any:
    """Read a cell of a kind that has few values: reading each anew took twice as long as all else (2026-11)."""
    return _text(kind, trim(cell), style)


def read_id(text: str) -> str:
    """Return an id of the sender."""
    if _ROUNDED_ID.fullmatch(text):
        raise CellError("an id that a program has written as a decimal or rounded number: write ids as text")
    return text


def read_flag(text: str) -> bool:
    """Return true or false, in English, Danish or as 1 and 0."""
    if (flag := _FLAGS.get(text.lower())) is None:
        raise CellError("true or false")
    return flag


def read_cpr(text: str) -> str:
    """Return a CPR number without its dash; a leading zero that a spreadsheet dropped is put back."""
    if _CPR.fullmatch(text) is None:
        raise CellError(
            "not a CPR number: ten digits, DDMMYYSSSS (nine where a spreadsheet has dropped the leading zero)"
        )
    return text.replace("-", "").zfill(10)


def read_whole(text: str, decimal_signs: str) -> int:
    """Return a whole number; ``1.0`` is one."""
    match = _WHOLE.fullmatch(text)
    if match is None or (match[2] and match[2] not in decimal_signs):
        raise CellError("a whole number, 0 or more")
    return int(match[1])


def read_decimal(text: str, signs: str) -> Decimal:
    """Return a number with one of the decimal signs; if both are taken, three decimals may be thousands: refused."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise CellError("a number")
    whole, sign, decimals = match.groups()
    if sign is None:
        return Decimal(whole)
    if sign not in signs:
        names = {".": "point", ",": "comma"}
        raise CellError(f"a number with a decimal {names[signs]}, not a {names[sign]}")
    if len(signs) > 1 and len(decimals) == 3:
        raise CellError("a number; with three digits after the point or comma it may be thousands")
    return Decimal(f"{whole}.{decimals}")


def read_day(text: str, style: Style) -> str:
    """Return a day as ``YYYY-MM-DD``. Digits have fixed widths; a time of day other than midnight is refused."""
    if style.day_format is not None and "%H" in style.day_format:
        return _day_in(text, style.day_format)
    if (moment := _MOMENT.fullmatch(text)) and ":" in moment[2]:
        if moment[3] or not _MIDNIGHT.fullmatch(moment[2]):
            raise CellError("a day without a time of day: another zone's midnight may be another day")
        text = moment[1]
    if style.day_format is not None:
        return _day_in(text, style.day_format)
    if match := _ISO_DAY.fullmatch(text):
        return _iso(match[1], match[2], match[3])
    if style.danish and (match := _DANISH_DAY.fullmatch(text)):
        return _iso(match[4], match[3], match[1])
    raise CellError("a day, YYYY-MM-DD or DD-MM-YYYY" if style.danish else "a day, YYYY-MM-DD")


def _iso(year: str, month: str, day: str) -> str:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise CellError("a day, YYYY-MM-DD, that exists") from None


def _day_in(text: str, day_format: str) -> str:
    widths = re.sub(
        r"%[A-Za-z%]|[^%]",
        lambda part: f"[0-9]{{{_DIRECTIVES[part[0]]}}}" if part[0] in _DIRECTIVES else _other_part(part[0]),
        day_format,
    )
    moment = None
    if re.fullmatch(widths, text):
        with contextlib.suppress(ValueError):
            moment = datetime.strptime(text, day_format)  # noqa: DTZ007 - a civil day has no zone
    if moment is None:
        raise CellError(f"a day in the mapping's format, {day_format}, with every zero")
    if moment.time() != datetime.min.time():
        raise CellError("a day without a time of day: another zone's midnight may be another day")
    return moment.date().isoformat()


def _other_part(part: str) -> str:
    return ".+" if part.startswith("%") else re.escape(part)


_READERS: Final[Mapping[ColumnType, Callable[[str, Style], Any]]] = {
    "id": lambda text, _: read_id(text),
    "cpr": lambda text, _: read_cpr(text),
    "whole": lambda text, style: read_whole(text, style.decimal_signs),
    "decimal": lambda text, style: read_decimal(text, style.decimal_signs),
    "flag": lambda text, _: read_flag(text),
    "day": read_day,
    "list": lambda text, _: [trim(item) for item in text.split("|")],
    "text": lambda text, _: text,
}


# --- Cells of a workbook ----------------------------------------------------------------------------------------------


def _number(kind: ColumnType, cell: Number) -> Any:
    try:
        number = _FIFTEEN_DIGITS.create_decimal(cell.text)
        exact = Decimal(cell.text)
    except InvalidOperation:
        raise CellError("a number that can be read") from None
    if not exact.is_finite():
        raise CellError("a number that can be read")
    if kind == "day":
        raise CellError("a day: this cell is a number, so format the column as dates")
    if kind == "decimal":
        return Decimal(f"{number:f}")
    if exact != exact.to_integral_value():
        raise CellError("not a number with decimals: write it as text" if kind in ("id", "text") else "a whole number")
    digits = str(int(exact))
    if len(digits.lstrip("-")) > _MAX_DIGITS:
        raise CellError("not a number of more than 15 digits, which a spreadsheet rounds: write it as text")
    return int(digits) if kind == "whole" and not digits.startswith("-") else _text(kind, digits, DANISH)


def _serial_day(kind: ColumnType, cell: Serial) -> str:
    if kind != "day":
        raise CellError("not a date: the spreadsheet shows this cell as one, so write it as text")
    try:
        days = Decimal(cell.text)
        whole = int(days)
        seconds = round((days - whole) * _SECONDS, 3)
        day = cell.epoch + timedelta(days=whole)
    except (InvalidOperation, OverflowError, ValueError):
        raise CellError("a day that exists") from None
    if seconds:
        raise CellError("a day without a time of day: another zone's midnight may be another day")
    return day.isoformat()
