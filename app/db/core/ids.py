"""Ids: UUIDv7 (RFC 9562), made by the application, so that rows lie in the order of their registration."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CHANCE: Final = 38
"""Bits of an id that are left to chance."""


def uuid7_at(moment: datetime, place: int = 0) -> UUID:
    """An id that sorts by ``moment`` (microseconds), then by ``place`` (0 to 16,777,215), then by chance."""
    return uuids7_at(moment, (place,))[0]


def uuids7_at(moment: datetime, places: Sequence[int]) -> list[UUID]:
    """Such ids for several places."""
    begin, chance = _first_at((moment - _EPOCH) // _MICROSECOND), os.urandom(5 * len(places))
    return [
        UUID(int=begin | place << _CHANCE | int.from_bytes(chance[5 * n : 5 * n + 5]) & (1 << _CHANCE) - 1)
        for n, place in enumerate(places)
    ]


def first_id_after(moment: datetime) -> UUID:
    """Less than every id of a later moment, and more than every one of this moment: for ranges."""
    return UUID(int=_first_at((moment - _EPOCH) // _MICROSECOND + 1))


def _first_at(moment: int) -> int:
    """The lowest id of a moment, in microseconds."""
    milliseconds, microseconds = divmod(moment, 1000)
    return milliseconds << 80 | 0x7 << 76 | microseconds << 64 | 0b10 << 62
