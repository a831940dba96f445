"""What can go wrong, as exceptions. None of them repeats anything that was sent in a body."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rettevej_client.meanings import meaning_of


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a request: where (a JSON pointer), what (a stable code), and what that means."""

    pointer: str
    code: str

    @property
    def meaning(self) -> str:
        """The code in words."""
        return meaning_of(self.code)


class RettevejError(Exception):
    """Anything that this client raises.

    ``so_far``: of a push that broke off, the ``PushResult`` of what was acknowledged before; None of anything else.
    """

    so_far: Any = None


class UnreachableError(RettevejError):
    """No answer came, however often it was tried. What was sent may have been stored; sending it again is safe."""


class AnswerError(RettevejError):
    """An answer came that cannot be read: something other than the register answers at that address."""


class RecordError(RettevejError, ValueError):
    """A record holds a value that cannot be written as JSON. The message says which record, never which value."""

    def __init__(self, index: int) -> None:
        super().__init__(f"record {index} is no mapping, or holds a value that cannot be written as JSON")
        self.index = index


class ApiError(RettevejError):
    """The register refused: its problem document (RFC 9457).

    ``code`` is stable and to be branched on; ``status`` is the HTTP status; ``errors`` has every fault of a malformed
    request; ``members`` has what some codes tell besides. Whatever stood between that answers without a problem
    document gets the code ``http_<status>``.
    """

    def __init__(
        self, status: int, code: str, title: str, detail: str, errors: Sequence[Fault], members: dict[str, Any]
    ) -> None:
        places = ", ".join(f"{each.pointer or '/'}: {each.code}" for each in errors[:5])
        super().__init__(f"{status} {code}: {detail}" + (f" ({places})" if places else ""))
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.members = members


class AccessError(ApiError):
    """401 or 403: no token, one that is not accepted, or one without the scope."""


class NotFoundError(ApiError):
    """404: it is not there, or not yours."""


class ConflictError(ApiError):
    """409 or 412: contradicts what is stored; ``code`` says how."""


class MalformedError(ApiError):
    """400 or 422: the request is not as it should be; ``errors`` says where."""


class BusyError(ApiError):
    """429, 502, 503 or 504, still, after every retry."""


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


def error_of(status: int, problem: Any) -> ApiError:
    """The exception for a status and its problem document; anything else in place of one is not looked at."""
    if not isinstance(problem, dict) or not isinstance(problem.get("code"), str):
        return _BY_STATUS.get(status, ApiError)(status, f"http_{status}", "", "answered without an explanation", (), {})
    faults = [Fault(str(each["pointer"]), str(each["code"])) for each in problem.get("errors", ())]
    known = ("type", "title", "status", "detail", "code", "errors")
    members = {name: value for name, value in problem.items() if name not in known}
    title, detail = str(problem.get("title", "")), str(problem.get("detail", ""))
    return _BY_STATUS.get(status, ApiError)(status, problem["code"], title, detail, faults, members)
