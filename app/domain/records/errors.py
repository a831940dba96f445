"""A request that the rules refuse, by its stable code. The web layer knows which status belongs to a code."""

from typing import Any


class DomainError(Exception):
    """``code`` as in api.md; ``detail`` a sentence without any value that was sent; ``members`` go into the problem."""

    def __init__(self, code: str, detail: str | None = None, **members: Any) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.members = members
