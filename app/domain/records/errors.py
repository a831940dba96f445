"""Errors of the rules, by stable code. The web layer maps codes to HTTP statuses."""

from typing import Any


class DomainError(Exception):
    """``code`` as in api.md; ``detail`` a sentence without values of the request; ``members`` of the problem."""

    def __init__(self, code: str, detail: str | None = None, **members: Any) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.members = members
