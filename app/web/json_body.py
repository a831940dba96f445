"""JSON bodies: a byte order mark is overlooked, and a name that occurs twice in one object is found.

Decoders keep the last value of a repeated name: of two match groups that a sender wrote, one would decide.
"""

import asyncio
import codecs
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn, TypeVar

from pydantic_core import from_json

from app.web.json_faults import json_fault
from app.web.problems import Fault, Problem

_Decoded = TypeVar("_Decoded")
SMALL_BODY: Final = 64 * 1024
"""Bytes that a body may have where it is no batch and no snapshot."""
_MAX_COLLECTIONS: Final = 100_000
_MAX_PARTS: Final = 1_000_000
"""Lists and objects, and commas or lines. 10,000 records have far fewer; 16 MiB of ``[],`` would take a decoder
seconds, and half a gigabyte."""
_SPACES: Final = (b" :", b"\t:", b"\n:", b"\r:")


async def decoded(decode: Callable[..., _Decoded], *arguments: Any) -> _Decoded:
    """Decode a body among the arguments, a large one in a thread: others run between any two steps of the decoder."""
    if all(len(argument) <= SMALL_BODY for argument in arguments if isinstance(argument, bytes)):
        return decode(*arguments)
    return await asyncio.to_thread(decode, *arguments)


class RepeatedObject(dict[str, Any]):
    """JSON object in which a name occurs twice; ``names`` are these. Its values are the last ones."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counts = Counter(name for name, _ in pairs)
        self.names = frozenset(name for name, n in counts.items() if n > 1)


def read_json(body: bytes, *, surrogates: bool = False) -> Any:
    """Decode a body; an object with a repeated name is a ``RepeatedObject``. Problem ``invalid_json``.

    With ``surrogates``, half of a surrogate pair is left to the validation of its field. Problem ``too_large`` for
    far more values than records can have.
    """
    refuse_excess(body)
    try:
        return decode_json(body, surrogates=surrogates)
    except (ValueError, RecursionError):
        fault = Fault("", "invalid_json", json_fault(body.removeprefix(codecs.BOM_UTF8)))
        raise Problem("invalid_json", errors=[fault]) from None


def refuse_excess(body: bytes) -> None:
    """Refuse a body that would decode to far more values than records can have, before it is. Problem ``too_large``."""
    if body.count(b"[") + body.count(b"{") > _MAX_COLLECTIONS or max(body.count(b","), body.count(b"\n")) > _MAX_PARTS:
        raise Problem("too_large", "The body has far more values than 10,000 records can have.")


def decode_json(body: bytes, *, surrogates: bool = False) -> Any:
    """As ``read_json``, for a part of a body. Raises ValueError, RecursionError.

    The decoder that looks for repeated names takes three times as long, so bodies that provably have none take the
    fast one, which refuses halves of surrogate pairs.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError:
        if surrogates:
            return _decode_with_care(body)
        raise
    return value if _names_are_distinct(body, value) else _decode_with_care(body)


def _decode_with_care(body: bytes) -> Any:
    return json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else RepeatedObject(pairs)


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _names_are_distinct(body: bytes, value: Any) -> bool:
    """Prove that no name occurs twice; False if this cheap proof fails.

    Each name in the body is followed by a colon, directly or after white space. So with as many colons as there are
    decoded names, no name was dropped; colons within strings only make more of them. The names of the object, of its
    lists of objects, and of objects in a list are counted.
    """
    names = _count_names(value)
    if body.count(b":") == names:
        return True
    return body.count(b'":') == names and not any(body.count(space) for space in _SPACES)


def _count_names(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count_names(member) for member in value.values() if isinstance(member, list))
    if isinstance(value, list):
        return sum([len(member) for member in value if isinstance(member, dict)])
    return 0


def repeated_objects(value: Any) -> Iterator[tuple[int | str, ...]]:
    """Yield the path of every ``RepeatedObject`` in a decoded body, but for elements of a top-level list ``records``.

    Each of these is judged for itself by its endpoint.
    """
    pending: list[tuple[tuple[int | str, ...], Any]] = [((), value)]
    while pending:
        path, node = pending.pop()
        if isinstance(node, RepeatedObject):
            yield path
        if path == ("records",) and isinstance(node, list):
            continue
        if isinstance(node, dict):
            pending += [((*path, name), member) for name, member in node.items()]
        elif isinstance(node, list):
            pending += [((*path, index), member) for index, member in enumerate(node)]
