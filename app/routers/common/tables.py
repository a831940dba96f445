"""Reports as CSV (RFC 4180) for those who ask for it; nothing in it that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from app.routers.common.services import JSON

_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


def wants_csv(accept: str | None) -> bool:
    """Whether CSV is named in Accept and liked at least as well as JSON. JSON is the default."""
    return negotiate(accept, ["text/csv"]) == "text/csv"


def negotiate(accept: str | None, offered: Sequence[str]) -> str:
    """Which of the offered media types is named in Accept and liked at least as well as JSON, which is the default."""
    liked = dict(_accepted(accept or ""))
    best = max(offered, key=lambda media_type: liked.get(media_type, 0.0))
    asked = liked.get(best, 0.0)
    return best if asked > 0 and asked >= liked.get(JSON, 0.0) else JSON


def _accepted(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        media_type, *parameters = (each.strip().lower() for each in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        yield media_type, quality


def to_csv(items: Iterable[Mapping[str, Any]]) -> bytes:
    """One line an item; nested members become columns ``cumulative.activated``, in the order of their first."""
    flat = [dict(_flatten("", item)) for item in items]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    return csv_lines([columns, *([row.get(column) for column in columns] for row in flat)])


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """One line a row."""
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
    if isinstance(value, str) and value.startswith(_RISKY):
        return "'" + value
    return value
