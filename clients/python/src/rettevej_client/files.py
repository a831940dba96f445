"""Files of records: CSV as programs and as Danish spreadsheets write it, lines of JSON, Excel.

A CSV or Excel file has the names of the fields in its first line; lists are joined by ``|``, an empty cell is null. Of
CSV are told by looking: UTF-8 (with or without a byte order mark) or else Windows-1252; comma, semicolon or tab. What a
Danish spreadsheet writes (semicolons, ``7,5``, ``15-11-2010``, ``SAND``) is read as what it means.
"""

import csv
import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal

from rettevej_client.descriptions import DAY, FIELDS, FLAG, HOURS, WHOLE, Expected
from rettevej_client.errors import RettevejError

Format = Literal["csv", "ndjson", "xlsx"]
_FORMATS: Final[Mapping[str, Format]] = {
    ".csv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".xlsx": "xlsx",
}
_FLAGS: Final = {"true": True, "false": False}
_DANISH_FLAGS: Final = {"sand": True, "falsk": False}
_DANISH_DAY: Final = re.compile(r"([0-9]{2})[-.]([0-9]{2})[-.]([0-9]{4})")
_DANISH_DECIMAL: Final = re.compile(r"-?[0-9]+,[0-9]+")
_NAME: Final = re.compile(r"[a-zæøå_ -]{1,40}")
_BOM: Final = b"\xef\xbb\xbf"
_LISTS: Final = frozenset({"focus"})
_NUMBERS: Final = frozenset({"revision", "match_group"})
_DIGITS: Final = {"cpr": 10, "cvr_number": 8, "p_number": 10}


class FileError(RettevejError):
    """A file cannot be read as records. ``faults`` says each reason in a sentence, without a value of the file."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Line:
    """A record, and the line of the file on which it begins, from 1. Bytes are a line of JSON, sent as it is."""

    number: int
    record: Mapping[str, Any] | bytes


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of a file before it is read: its SHA-256, how many lines it has, and its encoding."""

    digest: str
    lines: int
    encoding: str


def format_of(path: Path) -> Format:
    """The format that the ending of the name tells. Raises ``FileError``."""
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise FileError(f"the name does not tell the format; it may end in {', '.join(_FORMATS)}")
    return found


def survey(path: Path) -> Survey:
    """Looks through a file once, keeping none of it."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return Survey(digest.hexdigest(), lines + (last != b"\n"), _encoding_of(path))


def _encoding_of(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def read_lines(path: Path, kind: str, file_format: Format, encoding: str = "utf-8-sig") -> Iterator[Line]:
    """The records of a file, one after the other. Raises ``FileError``."""
    if file_format == "ndjson":
        return _ndjson(path)
    if file_format == "xlsx":
        return _xlsx(path, FIELDS[kind])
    return _csv(path, FIELDS[kind], encoding)


def _ndjson(path: Path) -> Iterator[Line]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            line = (raw.removeprefix(_BOM) if number == 1 else raw).strip()
            if line:
                yield Line(number, line)


# --- CSV --------------------------------------------------------------------------------------------------------------


def _csv(path: Path, known: Mapping[str, Expected], encoding: str) -> Iterator[Line]:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        delimiter = _delimiter_of(file.readline(), known)
        file.seek(0)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = checked_header(next(reader, []), known)
            before = reader.line_num
            for row in reader:
                number, before = before + 1, reader.line_num
                if any(cell.strip() for cell in row):
                    yield Line(number, _record(header, row, known, danish=delimiter == ";"))
        except csv.Error:
            trouble = f"line {reader.line_num} is no CSV: is a quotation mark left open there or before?"
        else:
            return
    raise FileError(trouble)


def _delimiter_of(line: str, known: Mapping[str, Expected]) -> str:
    """What separates the names of the first line: whatever finds most names that are known."""

    def names(delimiter: str) -> int:
        return sum(name.strip().strip('"').lower() in known for name in line.split(delimiter))

    return max(",;\t", key=names)


def checked_header(cells: Iterable[object], known: Mapping[str, Expected]) -> list[str]:
    """The names of the columns. Raises ``FileError`` with every column that is not known, there twice, or missing."""
    header = [str(cell or "").strip().lower() for cell in cells]
    while header and not header[-1]:
        header.pop()
    faults = [_unknown(name, position, known) for position, name in enumerate(header, 1) if name not in known]
    faults += [f"the column {name} is there twice" for name in known if header.count(name) > 1]
    if "external_id" not in header:
        faults.append("there is no column external_id")
    if faults:
        raise FileError(*(f"line 1: {fault}" for fault in faults))
    return header


def _unknown(name: str, position: int, known: Mapping[str, Expected]) -> str:
    """A column that is not known; told by its place where its name may be a value of a file without a header."""
    told = f"the column {name!r}" if _NAME.fullmatch(name) else f"column {position}"
    close = difflib.get_close_matches(name, known, 1)
    return f"{told} is no field of this kind" + (f"; is it {close[0]}?" if close else "")


def _record(
    header: Sequence[str], row: Sequence[str], known: Mapping[str, Expected], *, danish: bool
) -> dict[str, Any]:
    record = {name: value_of(name, text.strip(), known[name], danish=danish) for name, text in zip(header, row)}  # noqa: B905 - a short row lacks fields
    if any(cell.strip() for cell in row[len(header) :]):
        record[""] = "more values than columns"  # which the register rejects as an unknown field
    return record


def value_of(name: str, text: str, expected: Expected, *, danish: bool = False) -> Any:
    """What a cell holds: null, truth, whole number, list or text. What is none of what it should be stays text, and is
    the register's to reject."""
    if text == "":
        return None
    if expected == FLAG:
        flags = _FLAGS | _DANISH_FLAGS if danish else _FLAGS
        return flags.get(text.lower(), text)
    if name in _NUMBERS:
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text
    if name in _LISTS:
        return [each.strip() for each in text.split("|")]
    if danish and expected == DAY and (found := _DANISH_DAY.fullmatch(text)):
        return f"{found[3]}-{found[2]}-{found[1]}"
    if danish and expected == HOURS and _DANISH_DECIMAL.fullmatch(text):
        return text.replace(",", ".")
    return text


# --- Excel ------------------------------------------------------------------------------------------------------------


def _xlsx(path: Path, known: Mapping[str, Expected]) -> Iterator[Line]:
    """The rows of the first sheet."""
    try:
        import openpyxl  # noqa: PLC0415 - an extra of this distribution, and large
    except ImportError:
        raise FileError("Excel files need openpyxl: pip install 'rettevej-client[excel]'") from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception:  # noqa: BLE001 - whatever zip and XML can be wrong with
        book = None
    if book is None:
        raise FileError("the file is no Excel workbook (.xlsx)")
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        header = checked_header(next(rows, ()), known)
        for number, row in enumerate(rows, 2):
            cells = dict(zip(header, row))  # noqa: B905 - a sheet may be wider than its header
            if any(cell not in (None, "") for cell in row):
                yield Line(number, {name: _cell(name, cell, known[name]) for name, cell in cells.items()})
    finally:
        book.close()


def _cell(name: str, cell: Any, expected: Expected) -> Any:
    """A cell as its field is written: Excel has days as moments and numbers of digits without leading zeros."""
    if isinstance(cell, str):
        return value_of(name, cell.strip(), expected, danish=True)
    if isinstance(cell, datetime | date):
        return f"{cell:%Y-%m-%d}"
    if cell is None or isinstance(cell, bool):
        return cell
    if not isinstance(cell, int | float):  # a time of day, or what else a sheet can hold: the register's to reject
        return str(cell)
    number = int(cell) if float(cell).is_integer() else cell
    if expected in (HOURS, WHOLE) or name in _NUMBERS:
        return number
    return str(number).zfill(_DIGITS.get(name, 0))
