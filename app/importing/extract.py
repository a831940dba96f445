"""Parser of a register's file into activations, and of these into snapshots: one for each jobcentre and quarter.

A field that cannot be read is sent as ``?``, which the register rejects: a line left out would retract what an earlier
extract had of that person.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from app.importing.mapping import FileMapping, ImportFaultError, plain_mapping, read_mapping

MAX_RECORDS = 10_000
"""Of one snapshot (api.md)."""
_UNREADABLE = "?"
_DECIMAL = re.compile(r"-?[0-9]{1,24}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class ExtractLine:
    """Line of the file as an activation (api.md), and its faults. ``number`` counts from 1."""

    number: int
    jobcentre: str
    starts_on: date | None
    record: Mapping[str, Any]
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
    content: bytes, mapping_text: str | None, jobcentres: Sequence[str], first: date, last: date
) -> Extract:
    """Read the lines of these jobcentres that start in the span, or have no first day that can be read.

    Raises ImportFaultError: the mapping is faulty, the file has another encoding, lacks a column, has no line, or has a
    line without a jobcentre.
    """
    mapping = None if mapping_text is None else read_mapping(mapping_text)
    encoding, delimiter = ("utf-8-sig", ",") if mapping is None else (mapping.encoding, mapping.delimiter)
    try:
        reader = csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=delimiter, strict=True)
        header = next(reader, [])
        mapping = plain_mapping(header) if mapping is None else mapping
        _check_columns(header, mapping, jobcentres)
        rows = [(reader.line_num, dict(zip(header, row, strict=False))) for row in reader if row]
    except UnicodeDecodeError:
        raise ImportFaultError(f"the file is not {encoding}") from None
    except csv.Error as error:
        raise ImportFaultError(f"the file is not CSV: {error}") from None
    if not rows:
        raise ImportFaultError("the file has no line: it would take back all that was sent before")
    lines: list[ExtractLine] = []
    for number, row in rows:
        kind = "/".join(row.get(column, "").strip() for column in mapping.type.columns)
        if mapping.type.leaves_out(kind):
            continue
        line = _line(number, row, kind, mapping, jobcentres)
        if line.jobcentre in jobcentres and (line.starts_on is None or first <= line.starts_on <= last):
            lines.append(line)
    return Extract(lines, len(rows) - len(lines))


def _check_columns(header: Sequence[str], mapping: FileMapping, jobcentres: Sequence[str]) -> None:
    wanted = [*mapping.columns.values(), *mapping.type.columns]
    if missing := [name for name in wanted if name not in header]:
        raise ImportFaultError(f"the file has no column {', '.join(missing)}")
    if "jobcentre" not in mapping.columns and len(jobcentres) != 1:
        raise ImportFaultError("the file does not say of which jobcentre it is: name one with --jobcentre")


def _line(
    number: int, row: Mapping[str, str], kind: str, mapping: FileMapping, jobcentres: Sequence[str]
) -> ExtractLine:
    def cell(name: str) -> str:
        return row.get(mapping.columns.get(name, ""), "").strip()

    faults: list[str] = []
    jobcentre = cell("jobcentre") if "jobcentre" in mapping.columns else jobcentres[0]
    if not jobcentre:
        raise ImportFaultError(f"line {number} does not say of which jobcentre it is; nothing was sent")
    starts_on = _day(cell("starts_on"), mapping)
    if starts_on is None:
        faults.append("the first day is no date")
    record: dict[str, Any] = {"cpr": cell("cpr"), "starts_on": _UNREADABLE if starts_on is None else str(starts_on)}
    if cell("ends_on") not in mapping.open_end:
        ends_on = _day(cell("ends_on"), mapping)
        record["ends_on"] = _UNREADABLE if ends_on is None else str(ends_on)
        if ends_on is None:
            faults.append("the last day is no date")
    hours = cell("hours_per_week").replace(mapping.decimal, ".")
    record["hours_per_week"] = float(hours) if _DECIMAL.fullmatch(hours) else hours
    type_code = mapping.type.type_of(kind)
    record["type"] = type_code or _UNREADABLE
    if type_code is None:
        faults.append(f"the mapping has no such code of {'/'.join(mapping.type.columns)}")
    record |= {name: cell(name) for name in ("cvr_number", "p_number") if cell(name)}
    return ExtractLine(number, jobcentre.zfill(3), starts_on, record, faults)


def _day(text: str, mapping: FileMapping) -> date | None:
    try:
        return datetime.strptime(text, mapping.date).date()  # noqa: DTZ007 - a civil day has no zone
    except ValueError:
        return None


def parts_of(lines: Sequence[ExtractLine], jobcentres: Sequence[str], first: date, last: date) -> Iterator[Part]:
    """Yield the snapshots to send, empty ones too; a quarter with too many lines is halved, repeatedly.

    A line without a first day is in each part of its jobcentre.
    """
    for jobcentre in jobcentres:
        own_lines = [line for line in lines if line.jobcentre == jobcentre]
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
