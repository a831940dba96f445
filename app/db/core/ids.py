"""Ids: UUIDv7 (RFC 9562), made by the application, so that they sort by registration."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RANDOM_BITS: Final = 38
"""Random bits of an id."""


def uuid7_at(moment: datetime, place: int = 0) -> UUID:
    """Return an id that sorts by ``moment`` (microseconds), then ``place`` (0 to 16,777,215), then randomly."""
    return uuids7_at(moment, (place,))[0]


def uuids7_at(moment: datetime, places: Sequence[int]) -> list[UUID]:
    """Return ids of one moment for several places: see ``uuid7_at``."""
    base, random = _first_at((moment - _EPOCH) // _MICROSECOND), os.urandom(5 * len(places))
    return [
        UUID(int=base | place << _RANDOM_BITS | int.from_bytes(random[5 * n : 5 * n + 5]) & (1 << _RANDOM_BITS) - 1)
        for n, place in enumerate(places)
    ]


def first_id_after(moment: datetime) -> UUID:
    """Return the bound between the ids of this moment and of later ones."""
    return UUID(int=_first_at((moment - _EPOCH) // _MICROSECOND + 1))


def _first_at(moment: int) -> int:
    """Return the lowest id of a moment in microseconds."""
    milliseconds, microseconds = divmod(moment, 1000)
    return milliseconds << 80 | 0x7 << 76 | microseconds << 64 | 0b10 << 62
