"""Batches: records as lines of JSON, limited in number and size, each batch with an idempotency key."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from rettevej_client.errors import RecordError

MAX_RECORDS = 10_000
MAX_BYTES = 16 * 1024 * 1024
_MISSING = frozenset({"NAType", "MaskedConstant"})
"""Types of the missing values of pandas and numpy, which refuse to be compared or have no JSON form."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Batch of the records at positions ``first`` … ``first + records - 1`` of the input.

    ``key`` is the Idempotency-Key, a digest of run, position and content. The same batch of the same run has the same
    key in every attempt, and no other batch has it.
    """

    first: int
    records: int
    body: bytes = field(repr=False)
    key: str


@dataclass(frozen=True, slots=True)
class TooLarge:
    """Record that exceeds the size of a batch, by its position in the input."""

    index: int


class Batcher:
    """Batcher: add records one by one, and yield each batch that is full. At most one batch is in memory.

    ``run`` names this pass over the input. ``first`` is the position of the first record when a run is resumed.
    """

    def __init__(self, run: str, max_records: int, max_bytes: int, first: int = 0) -> None:
        if not (1 <= max_records <= MAX_RECORDS and 1 <= max_bytes <= MAX_BYTES):
            raise ValueError(f"a batch holds 1 to {MAX_RECORDS} records and at most {MAX_BYTES} bytes")
        self._run = run
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._first = first
        self._lines: list[bytes] = []
        self._size = 0

    def add(self, record: object) -> Iterator[Batch | TooLarge]:
        """Add a record, and yield the batches that are full. Bytes are a line of JSON, sent unchanged."""
        index = self._first + len(self._lines)
        line = record if isinstance(record, bytes) else encode_line(record, index)
        if len(line) + 1 > self._max_bytes:
            yield from self.flush()
            yield TooLarge(index)
            self._first = index + 1
            return
        if len(self._lines) == self._max_records or self._size + len(line) + 1 > self._max_bytes:
            yield from self.flush()
        self._lines.append(line)
        self._size += len(line) + 1

    def flush(self) -> Iterator[Batch]:
        """Yield the records that are not in a batch yet, if any."""
        if self._lines:
            body = b"\n".join(self._lines) + b"\n"
            batch = Batch(self._first, len(self._lines), body, self._key(body))
            self._first += len(self._lines)
            self._lines, self._size = [], 0
            yield batch

    def _key(self, body: bytes) -> str:
        return hashlib.sha256(f"{self._run}\n{self._first}\n".encode() + body).hexdigest()


def encode_line(record: object, index: int) -> bytes:
    """Encode a record as a line of JSON. Raises ``RecordError`` for a value without a JSON form."""
    if isinstance(record, Mapping):
        try:
            return json.dumps(
                {str(name): _json_value(value) for name, value in record.items()}, ensure_ascii=False, allow_nan=False
            ).encode()
        except (TypeError, ValueError):
            pass  # outside the block: an error chained to this one would repeat the value
    raise RecordError(index)


def encode_record(record: Mapping[str, Any]) -> bytes:
    """Encode a single record as in a batch."""
    return encode_line(record, 0)


def _json_value(value: Any) -> Any:
    """Convert days, decimals and scalars of data frames to JSON values. NaN, NaT and pandas' NA become null."""
    if value is None or (isinstance(value, str | bool | int) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return _json_value(value.value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_json_value(item) for item in value]
    if type(value).__name__ in _MISSING or value != value:  # noqa: PLR0124 - true of NaN and NaT alone
        return None
    if isinstance(value, datetime):
        midnight = value.time() == time() and value.tzinfo is None
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, UUID):
        return str(value)
    return value.item() if hasattr(value, "item") else value
