"""Ids: UUIDv7 (RFC 9562), made by the application, so that rows lie in the order of their registration."""

import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def uuid7_at(moment: datetime, place: int = 0) -> UUID:
    """An id that sorts by ``moment`` (microseconds), then by ``place`` (0 to 16,777,215), then by chance."""
    milliseconds, microseconds = divmod((moment - _EPOCH) // _MICROSECOND, 1000)
    chance = int.from_bytes(os.urandom(5)) & 0x3F_FFFF_FFFF
    return UUID(int=milliseconds << 80 | 0x7 << 76 | microseconds << 64 | 0b10 << 62 | place << 38 | chance)


def first_id_after(moment: datetime) -> UUID:
    """Less than every id of a later moment, and more than every one of this moment: for ranges."""
    milliseconds, microseconds = divmod((moment - _EPOCH) // _MICROSECOND + 1, 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | microseconds << 64 | 0b10 << 62)
