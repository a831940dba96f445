"""Upgrade headers: ignored, as RFC 9110 (7.8) allows a server to.

Java's HttpClient and ``curl --http2`` offer ``Upgrade: h2c`` with a request's body. The parser of the server library
takes what follows such a head for another protocol and drops the body. So the header gets another name before the
parser sees it.
"""

import re
from typing import Final

_HEADER: Final = b"\r\nupgrade:"
_FIND: Final = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_RENAMED: Final = b"\r\nignored-upgrade:"
_END: Final = b"\r\n\r\n"


class UpgradeFilter:
    """Renames ``Upgrade`` headers in the bytes of request heads, whatever pieces they come in."""

    def __init__(self) -> None:
        self._in_head = True
        self._held = b""

    def begin_head(self) -> None:
        """The next bytes are a head."""
        self._in_head = True

    def end_head(self) -> None:
        """The next bytes are a body."""
        self._in_head = False

    def feed(self, data: bytes) -> bytes:
        """The bytes for the parser. What could be the beginning of the header is held back until more comes."""
        data, self._held = self._held + data, b""
        if not self._in_head:
            return data
        end = data.find(_END)
        if end < 0:
            end = len(data)
            cut = next((n for n in range(len(_HEADER) - 1, 0, -1) if _begins(data[-n:].lower(), n)), 0)
            data, self._held = data[: len(data) - cut], data[len(data) - cut :]
        return _FIND.sub(_RENAMED, data[:end]) + data[end:]


def _begins(tail: bytes, length: int) -> bool:
    """Whether the last bytes may be the beginning of the header, or of the end of the head."""
    return tail in (_HEADER[:length], _END[:length])
