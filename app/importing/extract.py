"""Parser of a register's file into activations, and of these into snapshots: one for each jobcentre and quarter.

A line that cannot be read is sent as such, because it may be any spell: the register then holds its part back. A line
whose jobcentre cannot be read is in the parts of all jobcentres.
"""

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from rettevej_client.cells import CellError, Style, read_cell, trim
from rettevej_client.tables import UNREADABLE, FileError, Row, TextTable
from rettevej_client.workbooks import Workbook

from app.importing.mapping import (
    OPTIONAL,
    PLAIN_LAYOUT,
    REQUIRED,
    FileMapping,
    ImportFaultError,
    plain_mapping,
    read_mapping,
)
from app.importing.municipalities import MUNICIPALITIES

MAX_RECORDS = 10_000
"""Of one snapshot (api.md)."""
_ZIP: Final = b"PK\x03\x04"
_LABELS: Final = {"starts_on": "the first day is no date", "ends_on": "the last day is no date"}


@dataclass(frozen=True, slots=True)
class ExtractLine:
    """Line of the file as an activation (api.md), and its faults. ``number`` counts from 1.

    ``jobcentre`` and ``starts_on`` are None if they cannot be read, and so is ``record`` if the line has no jobcentre.
    """

    number: int
    jobcentre: str | None
    starts_on: date | None
    record: Mapping[str, Any] | None
    faults: Sequence[str]


@dataclass(frozen=True, slots=True)
class Extract:
    """Lines of a file for some jobcentres and a span of days."""

    lines: Sequence[ExtractLine]
    left_out: int
    """Number of lines of another jobcentre, another span, or a type that the mapping leaves out."""


@dataclass(frozen=True, slots=True)
class Part:
    """One snapshot: the lines of a jobcentre that start from ``first`` to ``last``, both included."""

    jobcentre: str
    first: date
    last: date
    lines: Sequence[ExtractLine]

    @property
    def name(self) -> str:
        """Name of the part in the checkpoint."""
        return f"{self.jobcentre}/{self.first}/{self.last}"


def read_extract(
    content: bytes,
    mapping_text: str | None,
    jobcentres: Sequence[str],
    first: date,
    last: date,
    *,
    trial_codes: Collection[str] = (),
    sheet: str | None = None,
) -> Extract:
    """Read the lines of these jobcentres that start in the span, or of which one of the two cannot be read.

    ``trial_codes`` are all jobcentres of the trial. Raises ImportFaultError: the mapping is faulty, the file cannot be
    read as a table, lacks a column, has no line, or has a line without a jobcentre.
    """
    mapping = None if mapping_text is None else read_mapping(mapping_text)
    file = io.BytesIO(content)
    layout = PLAIN_LAYOUT if mapping is None else mapping.layout()
    try:
        table = Workbook(file, layout, sheet) if content.startswith(_ZIP) else TextTable(file, layout)
        mapping = plain_mapping(table.header) if mapping is None else mapping
        rows = list(table.rows())
    except FileError as error:
        raise ImportFaultError(str(error)) from None
    if "jobcentre" not in mapping.columns and len(jobcentres) != 1:
        raise ImportFaultError("the file does not say of which jobcentre it is: name one with --jobcentre")
    if not rows:
        raise ImportFaultError("the file has no line: it would take back all that was sent before")
    reader = _LineReader(mapping, mapping.style(table.style), jobcentres, frozenset(trial_codes) or set(jobcentres))
    lines = [line for row in rows if (line := reader.read(row)) is not None]
    own_lines = [
        line
        for line in lines
        if (line.jobcentre is None or line.jobcentre in jobcentres)
        and (line.starts_on is None or first <= line.starts_on <= last)
    ]
    return Extract(own_lines, len(rows) - len(own_lines))


@dataclass(frozen=True, slots=True)
class _LineReader:
    """Reader of one row after the other by a mapping."""

    mapping: FileMapping
    style: Style
    jobcentres: Sequence[str]
    trial_codes: Collection[str]

    def read(self, row: Row) -> ExtractLine | None:
        """Return the row as a line, or None if the mapping leaves its type out."""
        if row.fault is not None:
            return ExtractLine(row.number, None, None, None, [row.fault.meaning])
        faults: list[str] = []
        kind = self._kind(row, faults)
        if self.mapping.type.leaves_out(kind):
            return None
        jobcentre = self._jobcentre(row, faults)
        record = {name: self._value(row, name, faults) for name in ("cpr", "starts_on", "ends_on", "hours_per_week")}
        record["type"] = self.mapping.type.type_of(kind) or UNREADABLE
        if record["type"] is UNREADABLE:
            faults.append(f"the mapping has no such code of {'/'.join(self.mapping.type.columns)}")
        record |= {name: self._value(row, name, faults) for name in OPTIONAL}
        starts_on = record["starts_on"]
        day = date.fromisoformat(starts_on) if isinstance(starts_on, str) else None
        return ExtractLine(row.number, jobcentre, day, None if jobcentre is None else record, faults)

    def _kind(self, row: Row, faults: list[str]) -> str:
        parts: list[str] = []
        for column in self.mapping.type.columns:
            try:
                parts.append(read_cell("type", row.cells.get(column), self.style) or "")
            except CellError as error:
                faults.append(f"{column}: {error}")
                parts.append("?")
        return "/".join(parts)

    def _value(self, row: Row, name: str, faults: list[str]) -> Any:
        cell = row.cells.get(self.mapping.columns.get(name, ""))
        if name == "ends_on" and isinstance(cell, str) and trim(cell) in self.mapping.open_end:
            return None
        try:
            value = read_cell(name, cell, self.style)
        except CellError as error:
            faults.append(f"{_LABELS.get(name, name)}: {error}")
            return UNREADABLE
        if value is None and name in REQUIRED:
            faults.append(f"{_LABELS.get(name, name)}: the cell is empty")
            return UNREADABLE
        return float(value) if isinstance(value, Decimal) else value

    def _jobcentre(self, row: Row, faults: list[str]) -> str | None:
        """Return the code of the jobcentre, with as many zeros as it has in the trial; None if it is no code."""
        if "jobcentre" not in self.mapping.columns:
            return self.jobcentres[0]
        try:
            text = read_cell("jobcentre", row.cells.get(self.mapping.columns["jobcentre"]), self.style)
        except CellError as error:
            faults.append(f"jobcentre: {error}")
            return None
        if text is None:
            raise ImportFaultError(f"line {row.number} does not say of which jobcentre it is; nothing was sent")
        code = text.lstrip("0").zfill(3) if text.isascii() and text.isdigit() else text
        if code not in self.trial_codes and code not in MUNICIPALITIES:
            faults.append("the jobcentre is none of the trial's, and no other municipality's")
            return None
        return str(code)


def parts_of(lines: Sequence[ExtractLine], jobcentres: Sequence[str], first: date, last: date) -> Iterator[Part]:
    """Yield the snapshots to send, empty ones too; a quarter with too many lines is halved, repeatedly.

    A line without a first day is in each part of its jobcentre, one without a jobcentre in the parts of all.
    """
    for jobcentre in jobcentres:
        own_lines = [line for line in lines if line.jobcentre in (jobcentre, None)]
        for start, end in _quarters(first, last):
            yield from _halve(Part(jobcentre, start, end, _within(own_lines, start, end)))


def _within(lines: Sequence[ExtractLine], first: date, last: date) -> list[ExtractLine]:
    return [line for line in lines if line.starts_on is None or first <= line.starts_on <= last]


def _halve(part: Part) -> Iterator[Part]:
    if len(part.lines) <= MAX_RECORDS:
        yield part
        return
    if part.first == part.last:
        raise ImportFaultError(f"more than {MAX_RECORDS} lines of {part.jobcentre} start on {part.first}")
    middle = part.first + (part.last - part.first) // 2
    for first, last in ((part.first, middle), (middle + timedelta(days=1), part.last)):
        yield from _halve(Part(part.jobcentre, first, last, _within(part.lines, first, last)))


def _quarters(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Yield the calendar quarters of a span, clipped to it."""
    while first <= last:
        month = first.month - (first.month - 1) % 3 + 3
        following = date(first.year + month // 13, (month - 1) % 12 + 1, 1)
        yield first, min(last, following - timedelta(days=1))
        first = following
