"""Clocks of the application's host and of the database: while one is unreliable nothing is registered (domain 2)."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from app.domain.records.errors import DomainError

MAX_STEP: Final = timedelta(minutes=1)
"""Step of the wall clock against the time since boot that is still reliable."""
_MAX_APART: Final = 5.0
"""Seconds between the clocks of application and database that are still reliable."""
_AGREEMENT: Final = 60.0
"""Seconds that the clocks must have agreed after they were apart."""


def _since_boot() -> float:
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _boot_id() -> str:
    """Return the kernel's id of this boot; without one, an id of this process."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(uuid4())


@dataclass(slots=True)
class HostClock:
    """Wall clock of this host, in seconds since 1970, beside the seconds since boot."""

    wall: Callable[[], float] = time.time
    since_boot: Callable[[], float] = _since_boot
    host: str = field(default_factory=socket.gethostname)
    boot: str = field(default_factory=_boot_id)
    _agreed_since: float | None = float("-inf")
    """Seconds since boot from which the clocks have agreed; None while they are apart."""

    def boot_parameters(self) -> dict[str, Any]:
        """Return host, boot, and the moment of boot by the wall clock, as parameters of a statement."""
        booted_at = datetime.fromtimestamp(self.wall() - self.since_boot(), UTC)
        return {"host": self.host, "boot": self.boot, "booted_at": booted_at}

    def require_reliable(self, sent: float, database: datetime, step: timedelta) -> None:
        """DomainError ``clock_unreliable`` if this clock has stepped, or is or was just apart from the database's.

        The database read its clock between ``sent`` and now.
        """
        if not sent - _MAX_APART <= database.timestamp() <= self.wall() + _MAX_APART:
            self._agreed_since = None
            raise DomainError("clock_unreliable")
        now = self.since_boot()
        if self._agreed_since is None:
            self._agreed_since = now
        if now - self._agreed_since < _AGREEMENT or abs(step) > MAX_STEP:
            raise DomainError("clock_unreliable")


HOST_CLOCK: Final = HostClock()
