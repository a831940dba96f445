"""Real servers: started, signalled and stopped as processes of their own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.postgres.servers import processes_in

RETTEVEJ = Path(sys.executable).with_name("rettevej")
BATCH = 20
"""Records in a batch."""
KINDS = ("conversations", "activations")
FACTS: Mapping[str, Mapping[str, Any]] = {
    "conversations": {"date": "2010-11-16"},
    "activations": {"type": "other_offer", "starts_on": "2011-01-03", "ends_on": "2011-01-09", "hours_per_week": 15},
}
_ANNOUNCED = re.compile(r"rettevej listens on (http://\S+)")


def wait_for(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


def _in_session(session: int) -> dict[int, str]:
    """The processes of a session, those that only wait to be buried left out, with their command lines."""
    found: dict[int, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _, _, theirs = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:4]
            if int(theirs) == session and state not in ("Z", "X"):
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


class Server:
    """``rettevej serve`` as a process of its own, in a session of its own, on a free port."""

    def __init__(self, data_dir: Path, *, workers: int = 1, wait: bool = True, **environment: str) -> None:
        self.data_dir = data_dir
        self.url = ""
        self._wait = wait
        self._workers = workers
        self.environment = {f"RETTEVEJ_{name.upper()}": value for name, value in environment.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = data_dir.parent / f"{data_dir.name}.log"

    def __enter__(self) -> Self:
        self.start(wait=self._wait)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """Whatever a test leaves running."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, wait: bool = True) -> None:
        """Starts, and waits until it is ready."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.url = ""
        command = [str(RETTEVEJ), "serve", "--port", "0", "--workers", str(self._workers)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--data-dir", str(self.data_dir)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.data_dir,
                env={"PATH": os.defpath, "COLUMNS": "1000", **self.environment},
            )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.log()
            found = _ANNOUNCED.search(self.log())
            self.url = found[1] if found else ""
            return bool(self.url) and self.status("/readyz") == 200

        wait_for(ready, "the server is ready", 60)

    def log(self) -> str:
        """All that it has printed since the start."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def connection(self) -> HTTPConnection:
        """A plain connection to it."""
        parts = httpx.URL(self.url)
        return HTTPConnection(parts.host, parts.port, timeout=30)

    def status(self, path: str, seconds: float = 10) -> int:
        """The status that a path answers; 0 for none."""
        try:
            return httpx.get(self.url + path, timeout=seconds).status_code
        except httpx.HTTPError:
            return 0

    def in_use(self) -> float:
        """How many database connections of the pool are in use, as the server itself says."""
        text = httpx.get(f"{self.url}/metrics", timeout=10).text
        found = re.search(r'^rettevej_pool_connections\{.*state="in_use".*\} (\S+)$', text, re.MULTILINE)
        assert found, text
        return float(found[1])

    def processes(self) -> list[int]:
        """Everything that runs because of this server: itself, its workers, the embedded PostgreSQL."""
        ours = set(_in_session(self._process.pid)) if self._process is not None else set()
        return sorted(pid for pid in ours | set(processes_in(self.data_dir)) if _lives(pid))

    def workers(self) -> list[int]:
        """The worker processes of several, the oldest first."""
        return sorted(pid for pid, command in _in_session(self.pid).items() if "spawn_main" in command)

    def resident(self) -> int:
        """Bytes of memory that the server's own process keeps."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def interrupt(self) -> None:
        """Ctrl-C: every process of the terminal's group gets it."""
        os.killpg(self.pid, signal.SIGINT)

    def has_ended(self) -> bool:
        """Whether its process is gone."""
        return self._process is not None and self._process.poll() is not None

    def ended(self, seconds: float = 45) -> int:
        """Its exit code, when it has ended."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self) -> None:
        self.signal(signal.SIGTERM)
        code = self.ended()
        assert code == 0, self.log()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False
