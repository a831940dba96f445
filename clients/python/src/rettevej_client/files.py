"""Files of records: CSV, lines of JSON, and Excel workbooks.

CSV and Excel have the names of the fields in the first line; ``|`` joins lists, an empty cell is null. ``tables`` and
``cells`` have the rules.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from rettevej_client.descriptions import FIELDS
from rettevej_client.tables import CellFault, FileError, Layout, TextTable, record_of, refuse_binary
from rettevej_client.workbooks import Workbook

Format = Literal["csv", "ndjson", "xlsx"]
_FORMATS: Final[Mapping[str, Format]] = {
    ".csv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".xlsx": "xlsx",
}
_BOM: Final = b"\xef\xbb\xbf"
_NO_RECORD: Final = b"null"


@dataclass(frozen=True, slots=True)
class Line:
    """Record, and the line of the file on which it begins, from 1. Bytes are a line of JSON, sent unchanged.

    ``faults`` are what the file itself shows to be wrong. The record is then one that the register rejects.
    """

    number: int
    record: Mapping[str, Any] | bytes
    faults: Sequence[CellFault] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """SHA-256 of a file, and the number of its lines."""

    digest: str
    lines: int


def format_of(path: Path) -> Format:
    """Return the format by the ending of the name. Raises ``FileError``."""
    file_format = _FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise FileError(f"the name does not tell the format; it may end in {', '.join(_FORMATS)}")
    return file_format


def survey(path: Path) -> Survey:
    """Read a file once."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return Survey(digest.hexdigest(), lines + (last != b"\n"))


def read_lines(path: Path, kind: str, file_format: Format, sheet: str | None = None) -> Iterator[Line]:
    """Yield the records of a file. Raises ``FileError``, also for a file without records."""
    records = 0
    with path.open("rb") as file:
        for line in _ndjson(file) if file_format == "ndjson" else _table(file, kind, file_format, sheet):
            records += 1
            yield line
    if not records:
        raise FileError("the file has no records")


def _ndjson(file: BinaryIO) -> Iterator[Line]:
    refuse_binary(file)
    for number, raw in enumerate(file, 1):
        line = (raw.removeprefix(_BOM) if number == 1 else raw).strip()
        if line:
            yield Line(number, line)


def _table(file: BinaryIO, kind: str, file_format: Format, sheet: str | None) -> Iterator[Line]:
    layout = Layout(FIELDS[kind])
    table = Workbook(file, layout, sheet) if file_format == "xlsx" else TextTable(file, layout)
    for row in table.rows():
        if row.fault is not None:
            yield Line(row.number, _NO_RECORD, [row.fault])
        else:
            yield Line(row.number, *record_of(row, table.style))
