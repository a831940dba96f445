"""Rows of the panel as bytes, portion by portion: JSON, JSON Lines, CSV, Parquet. What was given is not kept."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from pydantic_core import to_json

from app.domain.codes import CODES, ENUMERATIONS
from app.domain.figures.panel import PanelRow, PanelTable
from app.routers.common.services import JSON
from app.routers.common.tables import csv_lines

CSV: Final = "text/csv"
JSON_LINES: Final = "application/x-ndjson"
PARQUET: Final = "application/vnd.apache.parquet"


def dictionary_of(table: PanelTable) -> dict[str, Any]:
    """The data dictionary of a table: its columns with type, unit, meaning, source and the meaning of every code."""
    return {
        "table": table.name,
        "row": table.row,
        "key": table.key,
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "nullable": column.nullable,
                "unit": column.unit,
                "meaning": column.meaning,
                "source": column.source,
                "codes": _codes(column.codes),
            }
            for column in table.columns
        ],
    }


def _codes(name: str | None) -> dict[str, str] | None:
    if name is None:
        return None
    words = ENUMERATIONS.get(name) or CODES[name]
    return {str(code): meaning for code, meaning in words.meaning.items()}


class Encoder(Protocol):
    """Turns portions of rows into the bytes of a document: first ``start``, then each portion, then ``end``."""

    def start(self) -> bytes:
        """What comes before the first row."""
        ...

    def rows(self, rows: Sequence[PanelRow]) -> bytes:
        """A portion of rows, perhaps an empty one."""
        ...

    def end(self) -> bytes:
        """What comes after the last row."""
        ...


def encoder_of(media_type: str, table: PanelTable, release: Mapping[str, Any]) -> Encoder:
    """The encoder of a media type; ``release`` is told in the document where the format has a place for it."""
    kinds: Mapping[str, Callable[[PanelTable, Mapping[str, Any]], Encoder]] = {
        JSON: _Json,
        JSON_LINES: _JsonLines,
        CSV: _Csv,
        PARQUET: _Parquet,
    }
    return kinds[media_type](table, release)


class _JsonLines:
    """One object a line."""

    def __init__(self, table: PanelTable, _release: Mapping[str, Any]) -> None:
        self._names = table.names

    def start(self) -> bytes:
        return b""

    def rows(self, rows: Sequence[PanelRow]) -> bytes:
        return b"".join(to_json(dict(zip(self._names, row, strict=True))) + b"\n" for row in rows)

    def end(self) -> bytes:
        return b""


class _Json:
    """``{"release", "dictionary", "items": [...]}``."""

    def __init__(self, table: PanelTable, release: Mapping[str, Any]) -> None:
        self._table = table
        self._release = release
        self._first = True

    def start(self) -> bytes:
        told = to_json({"release": self._release, "dictionary": dictionary_of(self._table)})
        return told.removesuffix(b"}") + b',"items":['

    def rows(self, rows: Sequence[PanelRow]) -> bytes:
        if not rows:
            return b""
        names = self._table.names
        comma = b"" if self._first else b","
        self._first = False
        return comma + b",".join(to_json(dict(zip(names, row, strict=True))) for row in rows)

    def end(self) -> bytes:
        return b"]}"


class _Csv:
    """A header and a line a row; lists joined by ``|``."""

    def __init__(self, table: PanelTable, _release: Mapping[str, Any]) -> None:
        self._names = table.names

    def start(self) -> bytes:
        return csv_lines([self._names])

    def rows(self, rows: Sequence[PanelRow]) -> bytes:
        return csv_lines([["|".join(cell) if isinstance(cell, tuple) else cell for cell in row] for row in rows])

    def end(self) -> bytes:
        return b""


class _Tap(io.RawIOBase):
    """A file that is only ever written to, and gives away at once what was written."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, content: Any) -> int:
        self._written += content
        self._place += len(content)
        return len(content)

    def take(self) -> bytes:
        """What was written since."""
        taken = bytes(self._written)
        self._written.clear()
        return taken


class _Parquet:
    """A row group a portion; the dictionary in the metadata of the file and of each column."""

    def __init__(self, table: PanelTable, release: Mapping[str, Any]) -> None:
        import pyarrow as pa  # noqa: PLC0415 - heavy: only a worker that was asked for Parquet has it in memory
        from pyarrow import parquet  # noqa: PLC0415 - the same

        types = {
            "string": pa.string(),
            "bool": pa.bool_(),
            "int32": pa.int32(),
            "double": pa.float64(),
            "date": pa.date32(),
            "list<string>": pa.list_(pa.string()),
        }
        self._record_batch = pa.RecordBatch.from_arrays
        self._array = pa.array
        self._schema = pa.schema(
            [
                pa.field(
                    column.name,
                    types[column.type],
                    column.nullable,
                    {"meaning": column.meaning, "source": column.source, "unit": column.unit or ""},
                )
                for column in table.columns
            ],
            {"rettevej.release": to_json(release), "rettevej.dictionary": to_json(dictionary_of(table))},
        )
        self._tap = _Tap()
        self._writer = parquet.ParquetWriter(self._tap, self._schema, compression="zstd")

    def start(self) -> bytes:
        return self._tap.take()

    def rows(self, rows: Sequence[PanelRow]) -> bytes:
        if rows:
            columns = zip(zip(*rows, strict=True), self._schema, strict=True)
            arrays = [self._array(values, field.type) for values, field in columns]
            self._writer.write_batch(self._record_batch(arrays, schema=self._schema))
        return self._tap.take()

    def end(self) -> bytes:
        self._writer.close()
        return self._tap.take()
