"""Restarts of the embedded server when it ends by itself: its postmaster was killed, or the disk is full."""

import os
import signal
import threading
import time
from collections import deque
from typing import Final

import structlog

from app.postgres.process import EmbeddedPostgresError
from app.postgres.supervisor import EmbeddedPostgres

_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each restart within ``_SPAN``; there is none after the last."""
_SPAN: Final = 600.0
_log = structlog.get_logger(__name__)


class Restarts:
    """Watches the server of this process from a thread, and starts it again with growing pauses.

    When it has ended once more than there are pauses within ten minutes, ``failure`` says so with the last lines of its
    log, and the process gets SIGTERM. Call ``stop`` before the server is stopped on purpose.
    """

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.failure: str | None = None
        self._server = server
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="postgres-restarts")
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; a restart that has begun is waited for."""
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        ends: deque[float] = deque(maxlen=len(_PAUSES))
        while not self._stopping.wait(0.1):
            if self._server.pid is not None:
                continue
            now = time.monotonic()
            while ends and now - ends[0] > _SPAN:
                ends.popleft()
            if len(ends) == len(_PAUSES):
                self._give_up()
                return
            pause = _PAUSES[len(ends)]
            ends.append(now)
            _log.error("postgres_ended", restart_in_seconds=pause)
            if not self._stopping.wait(pause):
                self._restart()

    def _restart(self) -> None:
        try:
            self._server.start()
        except EmbeddedPostgresError as error:
            _log.error("postgres_did_not_start", reason=str(error).splitlines()[0])
        else:
            _log.info("postgres_restarted")

    def _give_up(self) -> None:
        lines = "\n".join(self._server.last_log_lines())
        self.failure = f"PostgreSQL has ended {len(_PAUSES) + 1} times in ten minutes; its last lines:\n{lines}"
        os.kill(os.getpid(), signal.SIGTERM)
