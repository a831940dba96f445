"""Retries without input or output (sans-IO): what to send, how long to wait, when to give up.

A generator of ``Effect`` describes every operation of more than one effect. The sync and the async client perform the
effects (``client.py``, ``async_client.py``): they send, sleep, renew the token, read the next record. So the rules
about retries and batches exist once.

A retry never stores anything twice. After a lost connection, 502, 503 or 504 only a ``repeatable`` request is sent
again: reads, and writes that the register recognises (records by ``external_id``, batches by ``Idempotency-Key``,
screenings and draws by the person). After 429, or when no connection was made, every request is, because the register
did not process it. Any other response is final.
"""

import json
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar

from rettevej_client.errors import AnswerError, ApiError, UnreachableError, api_error

T = TypeVar("T")
_UNPROCESSED_STATUSES = frozenset({429})
_RETRYABLE_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Request:
    """HTTP request without its token."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    repeatable: bool = True
    """Whether it may be sent again although the register may have processed it."""


@dataclass(frozen=True, slots=True)
class Response:
    """HTTP response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ConnectionFailure:
    """Failed request: the kind of error, and whether the register may have received it."""

    reason: str
    sent: bool


@dataclass(frozen=True, slots=True)
class Send:
    """Effect: send the request with the token. Its result is a ``Response`` or a ``ConnectionFailure``.

    ``save`` is the file for the body of a 200.
    """

    request: Request
    save: Path | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Effect: sleep. Its result is None."""

    seconds: float


class RenewToken:
    """Effect: fetch another token. Its result is whether there is one."""


class NextRecord:
    """Effect: read the input. Its result is the next record, or ``END``."""


END = object()
Effect = Send | Wait | RenewToken | NextRecord
Operation = Generator[Effect, Any, T]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retry policy: number of attempts, and exponential backoff with jitter.

    Pauses double from ``first_pause`` to ``longest_pause`` seconds. Each is shortened at random by up to half, so that
    clients that failed at the same moment do not retry at the same moment. ``Retry-After`` is added to the pause; a
    value above ``longest_retry_after`` seconds ends the attempts.
    """

    attempts: int = 8
    first_pause: float = 0.5
    longest_pause: float = 30.0
    longest_retry_after: float = 300.0
    jitter: Callable[[], float] = random.random

    def pause(self, failures: int) -> float:
        """Return the pause in seconds after a number of failures (1, 2 …), without ``Retry-After``."""
        longest: float = min(self.longest_pause, self.first_pause * 2 ** min(failures - 1, 60))
        return longest * (0.5 + 0.5 * self.jitter())


def send_with_retries(request: Request, retry_policy: RetryPolicy, save: Path | None = None) -> Operation[Response]:
    """Send a request until its response is final. Raises ``ApiError`` (300 and above), ``UnreachableError``."""
    failures, renewed = 0, False
    while True:
        response: Response | ConnectionFailure = yield Send(request, save)
        if isinstance(response, Response) and response.status == 401 and not renewed:
            renewed = True
            if (yield RenewToken()):
                continue
        if isinstance(response, Response) and not _is_retryable(request, response):
            if response.status < 300:
                return response
            raise error_from(response)
        failures += 1
        retry_after = _retry_after(response) if isinstance(response, Response) else 0.0
        final = isinstance(response, ConnectionFailure) and response.sent and not request.repeatable
        if final or failures >= retry_policy.attempts or retry_after > retry_policy.longest_retry_after:
            raise _final_error(response, failures)
        yield Wait(retry_after + retry_policy.pause(failures))


def _is_retryable(request: Request, response: Response) -> bool:
    """Return whether another attempt may succeed, and is safe."""
    return response.status in (_RETRYABLE_STATUSES if request.repeatable else _UNPROCESSED_STATUSES)


def _final_error(response: Response | ConnectionFailure, attempts: int) -> ApiError | UnreachableError:
    if isinstance(response, Response):
        return error_from(response)
    return UnreachableError(f"no answer after {attempts} attempts, the last ended with {response.reason}")


def _retry_after(response: Response) -> float:
    """Return ``Retry-After`` in seconds: a number, or a date after that of the response. 0 without either."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until, sent_at = (parsedate_to_datetime(value) for value in (text, response.headers.get("date", "")))
        return max(0.0, (until - sent_at).total_seconds())
    except (TypeError, ValueError):  # no date, or one with and one without a zone
        return 0.0


def error_from(response: Response) -> ApiError:
    """Return the exception of a response that is an error."""
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return api_error(response.status, None)
    try:
        return api_error(response.status, json.loads(response.content))
    except (ValueError, TypeError, KeyError):
        return api_error(response.status, None)


def read_json(response: Response) -> Any:
    """Parse a response as JSON. Raises ``AnswerError``."""
    try:
        return json.loads(response.content)
    except ValueError:
        pass  # outside the block: an error chained to this one would carry the text with it
    raise AnswerError("the answer is not JSON: is that the address of the register?")
