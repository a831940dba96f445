"""Change feeds: a cursor is a position in each jobcentre, within which ids rise in the order of commits."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from app.routers.common.services import CURSOR_PATTERN, decode_cursor, encode_cursor
from app.web.problems import Problem

_FIRST = UUID(int=0)
ChangedSince = Annotated[
    str | None,
    Query(
        max_length=20_000,
        pattern=CURSOR_PATTERN,
        description="`0`, or `next` of the feed's last answer: what changed since.",
    ),
]


def decode_positions(request: Request, changed_since: str, jobcentres: Sequence[str]) -> dict[str, UUID]:
    """Decode the position of a feed cursor in each jobcentre; ``0`` is the beginning. Problem ``malformed``."""
    positions: dict[str, UUID] = {}
    if changed_since != "0":
        (given,) = decode_cursor(request, changed_since, dict, parameter="changed_since") or ({},)
        try:
            positions = {code: UUID(hex=position) for code, position in given.items()}
        except (ValueError, AttributeError, TypeError):
            raise Problem("malformed", errors=[("/query/changed_since", "invalid_value")]) from None
    return {code: positions.get(code, _FIRST) for code in jobcentres}


def encode_positions(request: Request, positions: Mapping[str, UUID]) -> str:
    """Return the cursor of positions: see ``decode_positions``."""
    reached = {code: position.hex for code, position in positions.items() if position != _FIRST}
    return encode_cursor(request, reached, parameter="changed_since")
