"""Streaming encoders of panel rows: JSON, JSON Lines, CSV, Parquet, XLSX. Memory is bounded by one portion of rows."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any, Final, Protocol

from pydantic_core import to_json

from app.db.trials.trials import Trial
from app.domain.codes import CODES, ENUMERATIONS
from app.domain.figures.panel import PanelRow, PanelTable
from app.routers.common.tables import BOM, XLSX, NamedColumns, TableFormat, about, csv_lines, too_long
from app.routers.common.xlsx import TooManyRowsError, Workbook

CSV: Final = "text/csv"
JSON_LINES: Final = "application/x-ndjson"
PARQUET: Final = "application/vnd.apache.parquet"
_SPOOLED_BYTES: Final = 16 * 1024 * 1024


def dictionary_of(table: PanelTable) -> dict[str, Any]:
    """Return the data dictionary of a table: type, unit, meaning, source and codes of each column."""
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
    """Encoder of a document: ``start``, then ``rows`` for each portion, then ``end``."""

    def start(self) -> bytes:
        """Return the bytes before the first row."""
        ...

    def rows(self, rows: Sequence[PanelRow]) -> bytes:
        """Return the bytes of a portion of rows, which may be empty."""
        ...

    def end(self) -> bytes:
        """Return the bytes after the last row."""
        ...


def encoder_of(table_format: TableFormat, table: PanelTable, release: Mapping[str, Any], trial: Trial) -> Encoder:
    """Return the encoder of a format. JSON, Parquet and XLSX documents include ``release``."""
    match table_format.media_type:
        case "application/x-ndjson":
            return _JsonLines(table)
        case "text/csv":
            return _Csv(table, danish=table_format.danish)
        case "application/vnd.apache.parquet":
            return _Parquet(table, release)
        case xlsx if xlsx == XLSX:
            return _Xlsx(table, release, trial)
        case _:
            return _Json(table, release)


async def encode(portions: AsyncIterator[list[PanelRow]], encoder: Encoder) -> AsyncIterator[bytes]:
    """Yield the document of all portions."""
    start = encoder.start()
    async for rows in portions:
        yield start + await asyncio.to_thread(encoder.rows, rows)  # others run while a thread encodes
        start = b""
    yield start + await asyncio.to_thread(encoder.end)


async def spooled(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield content after all of it was made: an error anywhere in it comes before the first byte."""
    with SpooledTemporaryFile(_SPOOLED_BYTES) as file:
        async for part in content:
            file.write(part)
        file.seek(0)
        while part := file.read(64 * 1024):
            yield part


class _JsonLines:
    """One object per line."""

    def __init__(self, table: PanelTable) -> None:
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
        head = to_json({"release": self._release, "dictionary": dictionary_of(self._table)})
        return head.removesuffix(b"}") + b',"items":['

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
    """A header and one line per row; lists are joined by ``|``."""

    def __init__(self, table: PanelTable, *, danish: bool) -> None:
        self._names = table.names
        self._danish = danish

    def start(self) -> bytes:
        return (BOM if self._danish else b"") + csv_lines([self._names], danish=self._danish)

    def rows(self, rows: Sequence[PanelRow]) -> bytes:
        return csv_lines(map(_joined, rows), danish=self._danish)

    def end(self) -> bytes:
        return b""


def _joined(row: PanelRow) -> list[Any]:
    return ["|".join(cell) if isinstance(cell, tuple) else cell for cell in row]


class _WriteBuffer(io.RawIOBase):
    """Write-only file whose content is taken as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, content: Any) -> int:
        self._written += content
        self._position += len(content)
        return len(content)

    def take(self) -> bytes:
        """Return the bytes written since the last call."""
        taken = bytes(self._written)
        self._written.clear()
        return taken


class _Parquet:
    """One row group per portion; the dictionary is metadata of the file and of each column."""

    def __init__(self, table: PanelTable, release: Mapping[str, Any]) -> None:
        import pyarrow as pa  # noqa: PLC0415 - heavy: only workers that export Parquet load it
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
        self._buffer = _WriteBuffer()
        self._writer = parquet.ParquetWriter(self._buffer, self._schema, compression="zstd")

    def start(self) -> bytes:
        return self._buffer.take()

    def rows(self, rows: Sequence[PanelRow]) -> bytes:
        if rows:
            columns = zip(zip(*rows, strict=True), self._schema, strict=True)
            arrays = [self._array(values, field.type) for values, field in columns]
            self._writer.write_batch(self._record_batch(arrays, schema=self._schema))
        return self._buffer.take()

    def end(self) -> bytes:
        self._writer.close()
        return self._buffer.take()


class _Xlsx:
    """A sheet of rows with the names of jobcentres and regions, and a sheet about the release."""

    def __init__(self, table: PanelTable, release: Mapping[str, Any], trial: Trial) -> None:
        self._columns = NamedColumns(trial, table.names)
        self._buffer = _WriteBuffer()
        self._workbook = Workbook(self._buffer, about(trial, release))  # type: ignore[arg-type]  # zipfile writes only

    def start(self) -> bytes:
        self._workbook.rows([self._columns.header])
        return self._buffer.take()

    def rows(self, rows: Sequence[PanelRow]) -> bytes:
        try:
            self._workbook.rows(self._columns.row(_joined(row)) for row in rows)
        except TooManyRowsError:
            raise too_long(JSON_LINES, CSV, PARQUET) from None
        return self._buffer.take()

    def end(self) -> bytes:
        self._workbook.close()
        return self._buffer.take()
