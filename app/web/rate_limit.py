"""Rate limit of requests: a token bucket for each client, in one process."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from app.web.problems import Problem

_MAX_CLIENTS = 10_000
_BURST_SECONDS = 2.0


class RateLimit:
    """Token buckets of ``rate`` requests a second, with bursts of twice as many; 0 is no limit."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Take a token of the client. Raises Problem ``rate_limited`` with the seconds to wait when there is none."""
        if not self._rate:
            return
        now = self._clock()
        full = max(1.0, self._rate * _BURST_SECONDS)
        tokens, since = self._buckets.pop(client, (full, now))
        tokens = min(full, tokens + (now - since) * self._rate)
        if tokens >= 1:
            self._buckets[client] = (tokens - 1, now)
        else:
            self._buckets[client] = (tokens, now)
            wait = math.ceil((1 - tokens) / self._rate)
            raise Problem("rate_limited", headers={"Retry-After": str(wait)})
        if len(self._buckets) > _MAX_CLIENTS:
            self._buckets.popitem(last=False)
