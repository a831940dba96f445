"""Cause and place of a fault in JSON, without any of its text."""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from typing import Final

from pydantic_core import from_json

_PLACE: Final = re.compile(r"(.*) at line ([0-9]+) column ([0-9]+)")
_GZIP: Final = b"\x1f\x8b"
_CAUSES: Final[Mapping[str, str]] = {
    "EOF": "ends_early",
    "trailing comma": "trailing_comma",
    "key must be a string": "quotes",
    "trailing characters": "trailing",
    "control character": "control_character",
    "invalid unicode": "not_utf_8",
}
"""The cause by the beginning of the parser's message."""


def json_fault(body: bytes | str) -> str:
    """Return the cause (a sentence of the contract) and, after colons, line and column: ``ends_early:2:14``.

    Empty for valid JSON.
    """
    content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if encoding := _encoding(content):
        return encoding
    if not content.strip():
        return "empty_body"
    try:
        from_json(content, allow_inf_nan=False)
    except ValueError as error:
        if (match := _PLACE.match(str(error))) is None:
            return "syntax"
        message, line, column = match.groups()
        causes = (cause for beginning, cause in _CAUSES.items() if message.startswith(beginning))
        return f"{next(causes, None) or _value_fault(content, int(line), int(column))}:{line}:{column}"
    return ""


def _encoding(content: bytes) -> str:
    if content.startswith(_GZIP):
        return "gzip"
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in content[:4]:
        return "utf_16"
    return "byte_order_mark" if content.startswith(BOM_UTF8) else ""


def _value_fault(content: bytes, line: int, column: int) -> str:
    """Return the cause of an unexpected value by the characters there."""
    rest = content.split(b"\n")[line - 1][max(column - 1, 0) :].lstrip(b"-")
    if rest.startswith((b"NaN", b"Inf")):
        return "not_a_number"
    return "quotes" if rest.startswith(b"'") else "syntax"
