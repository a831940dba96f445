"""How a request is carried through, without any input or output: what to send, when to wait, when to give up.

Everything that takes more than one step is a generator of ``Step``. The sync and the async client only carry the steps
out (``client.py``, ``async_client.py``): they send, sleep, fetch a token, take the next record. So there is one copy of
every rule about retries and batches.

What is sent again, and why nothing is doubled by it: after a lost connection, 502, 503 or 504 only a request that says
``again``, which are reads, and writes that the register knows again (records by their ``external_id``, batches by their
``Idempotency-Key``, screenings and draws by the person). After 429, or when no connection was made, any request: it was
not looked at. Any other answer is final.
"""

import json
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar

from rettevej_client.errors import AnswerError, ApiError, UnreachableError, error_of

T = TypeVar("T")
_NOT_LOOKED_AT = frozenset({429})
RETRYABLE_SQLSTATES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request without its token."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    again: bool = True
    """Whether it may be sent again when it is not known what became of it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ConnectionFailure:
    """No answer: the kind of error, and whether the request may have reached the register."""

    reason: str
    sent: bool


@dataclass(frozen=True, slots=True)
class Send:
    """Send it with the token; yields ``Reply`` or ``ConnectionFailure``. ``save``: the file for the body of a 200."""

    request: Request
    save: Path | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds, and come back with nothing."""

    seconds: float


class RenewToken:
    """Get another token; come back with whether there is one."""


class TakeRecord:
    """Come back with the next record of the input, or with ``END``."""


END = object()
Step = Send | Wait | RenewToken | TakeRecord
Steps = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long it is tried.

    Pauses double from ``first_pause`` to ``longest_pause`` seconds, each between half and all of that at random, so
    that clients that failed together do not come back together. ``Retry-After`` is waited for besides; a register that
    asks for more than ``longest_asked`` seconds is not waited for.
    """

    attempts: int = 8
    first_pause: float = 0.5
    longest_pause: float = 30.0
    longest_asked: float = 300.0
    jitter: Callable[[], float] = random.random

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures (1, 2 …), without what the register asks for."""
        whole: float = min(self.longest_pause, self.first_pause * 2 ** min(failures - 1, 60))
        return whole * (0.5 + 0.5 * self.jitter())


def exchange(request: Request, retry_policy: RetryPolicy, save: Path | None = None) -> Steps[Reply]:
    """Sends until there is a final answer, which is one below 300. Raises ``ApiError``, ``UnreachableError``."""
    failures, renewed = 0, False
    while True:
        answer: Reply | ConnectionFailure = yield Send(request, save)
        if isinstance(answer, Reply) and answer.status == 401 and not renewed:
            renewed = True
            if (yield RenewToken()):
                continue
        if isinstance(answer, Reply) and not _passes(request, answer):
            if answer.status < 300:
                return answer
            raise problem_of(answer)
        failures += 1
        asked = _asked(answer) if isinstance(answer, Reply) else 0.0
        final = isinstance(answer, ConnectionFailure) and answer.sent and not request.again
        if final or failures >= retry_policy.attempts or asked > retry_policy.longest_asked:
            raise _given_up(answer, failures)
        yield Wait(asked + retry_policy.pause(failures))


def _passes(request: Request, answer: Reply) -> bool:
    """Whether another try may end otherwise, and is safe."""
    return answer.status in (RETRYABLE_SQLSTATES if request.again else _NOT_LOOKED_AT)


def _given_up(answer: Reply | ConnectionFailure, attempts: int) -> ApiError | UnreachableError:
    if isinstance(answer, Reply):
        return problem_of(answer)
    return UnreachableError(f"no answer after {attempts} attempts, the last ended with {answer.reason}")


def _asked(answer: Reply) -> float:
    """Seconds that ``Retry-After`` asks for, as a number or as a date beside that of the answer; 0 without one."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        there, here = (parsedate_to_datetime(each) for each in (text, answer.headers.get("date", "")))
        return max(0.0, (there - here).total_seconds())
    except (TypeError, ValueError):  # no date, or one with and one without a zone
        return 0.0


def problem_of(answer: Reply) -> ApiError:
    """The exception that an answer stands for."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return error_of(answer.status, None)
    try:
        return error_of(answer.status, json.loads(answer.content))
    except (ValueError, TypeError, KeyError):
        return error_of(answer.status, None)


def read_json(answer: Reply) -> Any:
    """The answer's document. Raises ``AnswerError``."""
    try:
        return json.loads(answer.content)
    except ValueError:
        pass  # outside the block: an error chained to this one would carry the text with it
    raise AnswerError("the answer is not JSON: is that the address of the register?")
