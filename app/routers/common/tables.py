"""Reports as CSV (RFC 4180), without cells that a spreadsheet would run as a formula."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi import Request, Response

from app.routers.common.services import JSON, digest, etag_response, json_response
from app.web.http.accept import accepted_qualities
from app.web.problems import Problem

CSV_TYPE: Final = "text/csv; charset=utf-8"
CSV_RESPONSE: Final[dict[str, Any]] = {"content": {"text/csv": {"schema": {"type": "string"}}}}
_CONTROL_STARTS: Final = ("\t", "\r", "\n")
_FORMULA_START: Final = re.compile(r"(^|[;,|\t\r\n])(\s*)(?=[=+\-@])")
"""A spreadsheet that splits at another sign than ours would run what follows that sign."""


def wants_csv(request: Request) -> bool:
    """Whether ``Accept`` prefers CSV to JSON, which comes first at equal quality."""
    return negotiate(request, ["text/csv"]) == "text/csv"


def negotiate(request: Request, offered: Sequence[str], default: str = JSON) -> str:
    """Return the media type that ``Accept`` prefers; at equal quality the default, then the order offered.

    Problem ``not_acceptable``: none of them is accepted.
    """
    qualities = accepted_qualities(request, (default, *offered))
    best = max(qualities, key=lambda media_type: qualities[media_type])
    if not qualities[best]:
        raise Problem("not_acceptable", f"The types are {', '.join(qualities)}.")
    return best


def table_response(
    request: Request, value: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], blank: Mapping[str, Any]
) -> Response:
    """Respond with the report as JSON or, if ``Accept`` prefers CSV, with its rows under the columns of ``blank``."""
    return csv_response(request, csv_table(rows, blank)) if wants_csv(request) else json_response(request, value)


def csv_response(request: Request, content: bytes) -> Response:
    """Respond with CSV and the ETag of its content."""
    return etag_response(request, content, CSV_TYPE, digest(content))


def csv_table(rows: Iterable[Mapping[str, Any]], blank: Mapping[str, Any]) -> bytes:
    """Rows as CSV under a header that always includes the columns of ``blank``."""
    header, _, lines = to_csv([blank, *rows]).split(b"\r\n", 2)
    return header + b"\r\n" + lines


def to_csv(items: Iterable[Mapping[str, Any]]) -> bytes:
    """One line per item. Nested members become columns such as ``cumulative.activated``, in order of first use."""
    flat = [dict(_flatten("", item)) for item in items]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    return csv_lines([columns, *([row.get(column) for column in columns] for row in flat)])


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """One line per row."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _flatten(prefix: str, item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in item.items():
        if isinstance(value, Mapping):
            yield from _flatten(f"{prefix}{name}.", value)
        else:
            yield prefix + name, value


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        value = _FORMULA_START.sub(r"\1\2'", value)
        return "'" + value if value.startswith(_CONTROL_STARTS) else value
    return value
