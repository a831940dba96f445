"""The clocks of a host and of its database, which a test sets, both or one alone."""

import asyncio
import time
from datetime import timedelta

import pytest

from app.cli.operations import accept_clock
from app.db.core.host_clock import HOST_CLOCK
from tests.database import query

HOUR, YEAR = timedelta(hours=1), timedelta(days=365)


class Clocks:
    """Both show the true time plus what they were set ahead by; the time since boot is the true one."""

    def __init__(self, url: str, patch: pytest.MonkeyPatch) -> None:
        self._url, self._patch = url, patch
        patch.setattr(HOST_CLOCK, "_agreed_since", float("-inf"))

    def set(self, ahead: timedelta) -> None:
        self.set_database(ahead)
        self.set_host(ahead)

    def set_database(self, ahead: timedelta) -> None:
        query(
            self._url,
            "create or replace function register_clock() returns timestamptz language sql volatile"
            f" as 'select clock_timestamp() + interval ''{ahead.total_seconds()} seconds'''",
        )

    def set_host(self, ahead: timedelta) -> None:
        self._patch.setattr(HOST_CLOCK, "wall", lambda: time.time() + ahead.total_seconds())

    def pass_time(self, seconds: float) -> None:
        """Lets time pass for the host's agreement with the database."""
        since_boot = HOST_CLOCK.since_boot
        self._patch.setattr(HOST_CLOCK, "since_boot", lambda: since_boot() + seconds)
        wall = HOST_CLOCK.wall
        self._patch.setattr(HOST_CLOCK, "wall", lambda: wall() + seconds)

    def accept(self) -> None:
        asyncio.run(accept_clock(self._url, "operator"))
