"""Exceptions of the client. None of them repeats a value that was sent in a body."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """Fault of a request: JSON pointer, stable code, and what would be valid, in the register's words."""

    pointer: str
    code: str
    meaning: str


class RettevejError(Exception):
    """Base class of the exceptions of this client.

    ``so_far`` is the ``PushResult`` of the batches that were acknowledged before a push failed; None otherwise.
    """

    so_far: Any = None


class UnreachableError(RettevejError):
    """No response after the last attempt. The register may have stored what was sent; sending it again is safe."""


class AnswerError(RettevejError):
    """Response that cannot be parsed: the address is not that of a register."""


class RecordError(RettevejError, ValueError):
    """Record with a value that has no JSON form. The message names the position of the record, never the value."""

    def __init__(self, index: int) -> None:
        super().__init__(f"record {index} is no mapping, or holds a value that cannot be written as JSON")
        self.index = index


class ApiError(RettevejError):
    """Problem document of the register (RFC 9457).

    ``code`` is stable: branch on it. ``status`` is the HTTP status. ``errors`` has every fault of a malformed request,
    ``members`` the extension members of some codes. A response without a problem document, for example of a proxy,
    has the code ``http_<status>``.
    """

    def __init__(
        self, status: int, code: str, title: str, detail: str, errors: Sequence[Fault], members: dict[str, Any]
    ) -> None:
        faults = ", ".join(f"{fault.pointer or '/'}: {fault.code}, {fault.meaning}" for fault in errors[:5])
        super().__init__(f"{status} {code}: {detail}" + (f" ({faults})" if faults else ""))
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.members = members


class AccessError(ApiError):
    """401 or 403: the token is missing, not accepted, or lacks the scope."""


class NotFoundError(ApiError):
    """404: it does not exist, or is not yours."""


class ConflictError(ApiError):
    """409 or 412: conflict with what is stored; ``code`` has the reason."""


class MalformedError(ApiError):
    """400 or 422: malformed request; ``errors`` has the faults."""


class BusyError(ApiError):
    """429, 502, 503 or 504 after the last attempt."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: MalformedError,
    401: AccessError,
    403: AccessError,
    404: NotFoundError,
    409: ConflictError,
    412: ConflictError,
    422: MalformedError,
    429: BusyError,
    502: BusyError,
    503: BusyError,
    504: BusyError,
}


def api_error(status: int, problem: Any) -> ApiError:
    """Return the exception for a status and its problem document. Any other document is ignored."""
    if not isinstance(problem, dict) or not isinstance(problem.get("code"), str):
        return _BY_STATUS.get(status, ApiError)(status, f"http_{status}", "", "answered without an explanation", (), {})
    faults = [
        Fault(str(error["pointer"]), str(error["code"]), str(error.get("meaning", error["code"])))
        for error in problem.get("errors", ())
    ]
    known = ("type", "title", "status", "detail", "code", "meaning", "errors")
    members = {name: value for name, value in problem.items() if name not in known}
    title, detail = str(problem.get("title", "")), str(problem.get("detail", ""))
    return _BY_STATUS.get(status, ApiError)(status, problem["code"], title, detail, faults, members)
