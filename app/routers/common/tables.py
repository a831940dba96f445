"""Reports as tables: CSV (RFC 4180, or in Danish dialect) and XLSX, without cells that a spreadsheet would run."""

import asyncio
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Request, Response
from pydantic import WithJsonSchema

from app.db.trials.trials import Trial
from app.domain.codes import ENUMERATIONS
from app.domain.rules.calendar import monday_of_code
from app.routers.common import xlsx
from app.routers.common.services import JSON, digest, etag_response, json_response
from app.web.http.accept import accepted_qualities
from app.web.problems import Problem

CSV_TYPE: Final = "text/csv; charset=utf-8"
XLSX: Final = xlsx.MEDIA_TYPE
BOM: Final = "\ufeff".encode()
XLSX_CONTENT: Final = {"schema": {"type": "string", "format": "binary"}, "example": "PK …"}
TABLE_RESPONSE: Final[dict[str, Any]] = {
    "content": {
        "text/csv": {"schema": {"type": "string"}},
        XLSX: XLSX_CONTENT,
    }
}
DialectQuery = Annotated[
    Annotated[Literal["da"], WithJsonSchema({"type": "string", "enum": ["da"]})] | None,
    Query(description="How CSV is written. Default: as RFC 4180 says.", examples=["da"]),
]
_CONTROL_STARTS: Final = ("\t", "\r", "\n")
_FORMULA_START: Final = re.compile(r"(^|[;,|\t\r\n])(\s*)(?=[=+\-@])")
"""A spreadsheet that splits at another sign than ours would run what follows that sign."""


def negotiate(request: Request, offered: Sequence[str], default: str = JSON) -> str:
    """Return the media type that ``Accept`` prefers; at equal quality the default, then the order offered.

    Problem ``not_acceptable``: none of them is accepted.
    """
    qualities = accepted_qualities(request, (default, *offered))
    best = max(qualities, key=lambda media_type: qualities[media_type])
    if not qualities[best]:
        raise Problem("not_acceptable", f"The types are {', '.join(qualities)}.")
    return best


@dataclass(frozen=True, slots=True)
class TableFormat:
    """Media type of a report, and whether its CSV is in Danish dialect."""

    media_type: str
    danish: bool = False

    @property
    def content_type(self) -> str:
        """Value of ``Content-Type``."""
        return CSV_TYPE if self.media_type == "text/csv" else self.media_type

    async def encode(
        self, trial: Trial, value: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], blank: Mapping[str, Any]
    ) -> bytes:
        """Return rows as CSV or XLSX, with the columns of ``blank`` and in XLSX what ``value`` says about them.

        A whole trial's summary takes half a second, in which the event loop must not wait.
        """
        if self.media_type == XLSX:
            return await asyncio.to_thread(_workbook, trial, value, rows, blank)
        return await asyncio.to_thread(csv_table, rows, blank, danish=self.danish)


async def _table_format(request: Request, dialect: DialectQuery = None) -> TableFormat:
    return TableFormat(negotiate(request, ["text/csv", XLSX]), dialect == "da")


TableFormatDep = Annotated[TableFormat, Depends(_table_format)]
"""What ``Accept`` and ``dialect`` of a report ask for."""


async def table_response(
    request: Request,
    table_format: TableFormat,
    trial: Trial,
    value: Mapping[str, Any],
    rows: Iterable[Mapping[str, Any]],
    blank: Mapping[str, Any],
) -> Response:
    """Respond with the report as JSON, or with its rows as the table that was asked for."""
    if table_format.media_type == JSON:
        return json_response(request, value)
    content = await table_format.encode(trial, value, rows, blank)
    return etag_response(request, content, table_format.content_type, digest(content))


# --- CSV --------------------------------------------------------------------------------------------------------------


def csv_table(rows: Iterable[Mapping[str, Any]], blank: Mapping[str, Any], *, danish: bool = False) -> bytes:
    """Rows as CSV under a header that always includes the columns of ``blank``."""
    return (BOM if danish else b"") + csv_lines(_lines(rows, blank), danish=danish)


def csv_lines(rows: Iterable[Sequence[Any]], *, danish: bool = False) -> bytes:
    """One line per row."""
    out = io.StringIO(newline="")
    cell = _danish_cell if danish else _csv_cell
    writer = csv.writer(out, delimiter=";" if danish else ",", lineterminator="\r\n")
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _safe(value)


def _danish_cell(value: Any) -> Any:
    return str(value).replace(".", ",") if isinstance(value, float | Decimal) else _csv_cell(value)


def _safe(value: Any) -> Any:
    """Return a text so that no spreadsheet runs it; anything else as it is."""
    if isinstance(value, str):
        value = _FORMULA_START.sub(r"\1\2'", value)
        return "'" + value if value.startswith(_CONTROL_STARTS) else value
    return value


def _lines(rows: Iterable[Mapping[str, Any]], blank: Mapping[str, Any]) -> list[list[Any]]:
    """The header, and one line per row. Nested members become columns such as ``cumulative.activated``."""
    flat = [dict(_flatten("", row)) for row in (blank, *rows)]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    return [columns, *([row.get(column) for column in columns] for row in flat[1:])]


def _flatten(prefix: str, item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in item.items():
        if isinstance(value, Mapping):
            yield from _flatten(f"{prefix}{name}.", value)
        else:
            yield prefix + name, value


# --- XLSX -------------------------------------------------------------------------------------------------------------


class NamedColumns:
    """Columns of a workbook: those of a table, and beside codes the names of jobcentres and regions, and Mondays."""

    def __init__(self, trial: Trial, columns: Sequence[str]) -> None:
        regions = ENUMERATIONS["Region"].meaning
        lookups: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
            "jobcentre": {
                "jobcentre_name": {code: place.name for code, place in trial.jobcentres.items()}.get,
                "region_name": {code: regions[place.region] for code, place in trial.jobcentres.items()}.get,
            },
            "region": {"region_name": regions.get},
            "week": {"monday": lambda week: None if week is None else monday_of_code(week)},
        }
        self.header: list[str] = []
        self._parts: list[tuple[int, Callable[[Any], Any]]] = []
        for index, column in enumerate(columns):
            named = {column: _safe, **lookups.get(column.rpartition(".")[2], {})}
            new = {name: make for name, make in named.items() if name not in self.header}
            self.header += new
            self._parts += [(index, make) for make in new.values()]

    def row(self, row: Sequence[Any]) -> list[Any]:
        """Return the cells of a row."""
        return [make(row[index]) for index, make in self._parts]


def about(trial: Trial, value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the rows of the sheet ``about``: the trial, and what the report says of itself, its watermark included."""
    said = ((name, each) for name, each in value.items() if not isinstance(each, Mapping | list | tuple))
    moments = ((name, f"{each:%Y-%m-%dT%H:%M:%S.%fZ}" if isinstance(each, datetime) else each) for name, each in said)
    return [("trial", trial.id), ("title", _safe(trial.title)), *moments]


def _workbook(
    trial: Trial, value: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], blank: Mapping[str, Any]
) -> bytes:
    header, *lines = _lines(rows, blank)
    columns, file = NamedColumns(trial, header), io.BytesIO()
    workbook = xlsx.Workbook(file, about(trial, value))
    try:
        workbook.rows([columns.header, *map(columns.row, lines)])
    except xlsx.TooManyRowsError:
        raise too_long("text/csv") from None
    workbook.close()
    return file.getvalue()


def too_long(*media_types: str) -> Problem:
    """Return the problem of a table that is longer than a sheet, with the types that hold it."""
    held = ", ".join((JSON, *media_types))
    return Problem("not_acceptable", f"The table is longer than a sheet; the types that hold it are {held}.")
