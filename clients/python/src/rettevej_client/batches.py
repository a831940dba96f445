"""From records of any number to batches: lines of JSON, cut by number and size, each with a key of its own."""

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

MOST_RECORDS = 10_000
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that are sent together: those with the places ``first`` … ``first + records - 1`` of the input.

    ``key`` is the Idempotency-Key. It follows from the run, the place and the content: the same batch of the same run
    has the same key however often it is sent, and no other batch has it.
    """

    first: int
    records: int
    body: bytes = field(repr=False)
    key: str


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A single record, at that place of the input, that no batch can hold."""

    index: int


class Batcher:
    """Takes records one by one and gives batches as they fill up; never holds more than one.

    ``run`` names this pass over the input. ``first`` is the place of the first record, where a run goes on.
    """

    def __init__(self, run: str, most_records: int, most_bytes: int, first: int = 0) -> None:
        if not (1 <= most_records <= MOST_RECORDS and 1 <= most_bytes <= MOST_BYTES):
            raise ValueError(f"a batch holds 1 to {MOST_RECORDS} records and at most {MOST_BYTES} bytes")
        self._run = run
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._first = first
        self._lines: list[bytes] = []
        self._size = 0

    def add(self, record: object) -> Iterator[Batch | TooLarge]:
        """The batches that are complete now. A record is a mapping, or a line of JSON as bytes, sent as it is."""
        index = self._first + len(self._lines)
        line = record if isinstance(record, bytes) else line_of(record, index)
        if len(line) + 1 > self._most_bytes:
            yield from self.rest()
            yield TooLarge(index)
            self._first = index + 1
            return
        if len(self._lines) == self._most_records or self._size + len(line) + 1 > self._most_bytes:
            yield from self.rest()
        self._lines.append(line)
        self._size += len(line) + 1

    def rest(self) -> Iterator[Batch]:
        """What has been taken and not given yet, if anything."""
        if self._lines:
            body = b"\n".join(self._lines) + b"\n"
            batch = Batch(self._first, len(self._lines), body, self._key(body))
            self._first += len(self._lines)
            self._lines, self._size = [], 0
            yield batch

    def _key(self, body: bytes) -> str:
        return hashlib.sha256(f"{self._run}\n{self._first}\n".encode() + body).hexdigest()


def line_of(record: object, index: int) -> bytes:
    """A record as a line of JSON. Raises ``RecordError`` for what has no JSON form."""
    if isinstance(record, Mapping):
        try:
            return json.dumps(
                {str(name): _plain(value) for name, value in record.items()}, ensure_ascii=False, allow_nan=False
            ).encode()
        except (TypeError, ValueError):
            pass  # outside the block: an error chained to this one would tell the value
    raise RecordError(index)


def body_of(record: Mapping[str, Any]) -> bytes:
    """A single record as JSON, written as in a batch."""
    return line_of(record, 0)


def _plain(value: Any) -> Any:
    """Days, decimals and the scalars of data frames as JSON has them. What is missing in a data frame is null."""
    if value is None or (isinstance(value, str | bool | int) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if value != value:  # noqa: PLR0124 - true of NaN and NaT alone, which stand for nothing
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
