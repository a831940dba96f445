"""Real servers, a load of batches on them, and the count of what became of it.

A load is some threads that push batches with external ids known beforehand, each sent once, and remember what each was
answered. ``figures_of`` then looks at the database itself: what was acknowledged must be there, whole and once.
"""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg
import httpx
from sqlalchemy.engine import make_url

from app.cli.operations import examine
from app.db.core.kinds import TABLES
from app.main import embedded_in
from app.postgres.supervisor import EmbeddedPostgres
from app.web.tokens import LocalIssuer
from tests.postgres.servers import processes_in
from tests.register import JOBCENTRES, new_cpr

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


# --- servers ----------------------------------------------------------------------------------------------------------


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


# --- a trial and its load ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial with people drawn in each of its jobcentres."""

    id: str
    participants: Sequence[str]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def new_trial(url: str, issuer: LocalIssuer, id_: str = "trial", people: int = 4) -> Trial:
    """Creates a trial in three jobcentres and screens people in each until they are drawn."""
    with httpx.Client(base_url=url, timeout=30) as http:
        body = {"id": id_, "protocol": "prvij-2010-11", "title": "På rette vej", "jobcentres": JOBCENTRES}
        created = http.post("/v1/trials", json=body, headers=bearer(issuer.token("agency")))
        assert created.status_code == 201, created.text
        headers = bearer(issuer.token("case-system", "loader"))
        drawn = []
        for jobcentre in [each["code"] for each in JOBCENTRES] * people:
            screening = {
                "cpr": new_cpr(),
                "jobcentre": jobcentre,
                "interview_on": "2010-11-08",
                "channel": "new_match",
                "at_job_interview": True,
                "match_group": 2,
                "benefit": "cash_benefit",
                "exempt_from": "none",
            }
            screened = http.post(f"/v1/trials/{id_}/participants", json=screening, headers=headers)
            assert screened.status_code == 201, screened.text
            drawn.append(screened.json()["participant_id"])
    return Trial(id_, drawn)


@dataclass(slots=True)
class Sent:
    """A batch that was sent, and what came back: a status, or the name of the error that came instead."""

    kind: str
    external_ids: Sequence[str]
    records: Sequence[Mapping[str, Any]]
    answer: int | str = ""
    acknowledged: bool = False


@dataclass
class Load:
    """Threads that push batches until they are told to stop, each batch once and with its own ids.

    ``again``: a batch that was not acknowledged is sent again, the same, until it is.
    """

    urls: Sequence[str]
    trial: Trial
    issuer: LocalIssuer
    threads: int = 4
    again: bool = False
    most: int = 400
    """Batches of all threads together, at most."""
    sent: list[Sent] = field(default_factory=list)
    retry_after: list[str | None] = field(default_factory=list)
    """What each 503 said of when to come again."""

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._running: list[threading.Thread] = []
        self._faults: list[str] = []
        self._name = f"{time.monotonic_ns():x}"

    def __enter__(self) -> Self:
        self._running = [threading.Thread(target=self._push, args=(n,), daemon=True) for n in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._running:
            thread.join(60)
            assert not thread.is_alive()
        assert not self._faults, self._faults[:3]

    @property
    def acknowledged(self) -> int:
        return sum(each.acknowledged for each in self.sent)

    @property
    def answers(self) -> Counter[int | str]:
        return Counter(each.answer for each in self.sent)

    def wait_for(self, more: int) -> None:
        """Waits until so many more batches are acknowledged."""
        goal = self.acknowledged + more
        wait_for(lambda: self.acknowledged >= goal, f"{more} more batches acknowledged: {self.answers}", 60)

    def _push(self, number: int) -> None:
        chance = random.Random(number)
        url = self.urls[number % len(self.urls)]
        headers = bearer(self.issuer.token("case-system", f"loader-{number}"))
        http = httpx.Client(base_url=url, headers=headers, timeout=30)
        for n in range(self.most // self.threads):
            batch = self._batch(chance, f"{self._name}-{number}-{n}", KINDS[n % len(KINDS)])
            with self._lock:
                self.sent.append(batch)
            while not self._stop.is_set():
                if self._send(http, batch):
                    break
                http.close()  # a connection to a server that has died
                http = httpx.Client(base_url=url, headers=headers, timeout=30)
                time.sleep(0.05)
                if not self.again:
                    break
            if self._stop.is_set():
                break
        http.close()

    def _batch(self, chance: random.Random, name: str, kind: str) -> Sent:
        ids = [f"{name}-{place}" for place in range(BATCH)]
        people = chance.choices(self.trial.participants, k=BATCH)
        records = [
            {"external_id": each, "participant_id": who, **FACTS[kind]} for each, who in zip(ids, people, strict=True)
        ]
        return Sent(kind, ids, records)

    def _send(self, http: httpx.Client, batch: Sent) -> bool:
        try:
            response = http.post(f"/v1/trials/{self.trial.id}/{batch.kind}/batch", json={"records": batch.records})
        except httpx.HTTPError as error:
            batch.answer = type(error).__name__
            return False
        batch.answer = response.status_code
        if response.status_code == 207:
            report = response.json()
            counts = report["counts"]
            batch.acknowledged = report["committed"] and counts["created"] + counts["unchanged"] == BATCH
            if not batch.acknowledged:
                self._faults.append(response.text)
        elif response.status_code == 503:
            self.retry_after.append(response.headers.get("retry-after"))
        else:
            self._faults.append(f"{response.status_code}: {response.text}")
        return batch.acknowledged


# --- what came of it --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """Batches: sent; acknowledged; of those found, whole, and lost, not whole; doubled, with a record there twice or
    from two batches; partial, not acknowledged and there in part; unanswered, not acknowledged and there whole.
    ``faults``: what the register finds wrong with itself."""

    sent: int
    acknowledged: int
    found: int
    lost: int
    doubled: int
    partial: int
    unanswered: int
    faults: Sequence[str]

    def all_is_well(self, at_least: int = 1) -> None:
        """Nothing lost, doubled or in part; so much was acknowledged that this says something."""
        assert (self.lost, self.doubled, self.partial, list(self.faults)) == (0, 0, 0, []), self
        assert self.found == self.acknowledged >= at_least, self


def query(url: str, *statements: str) -> list[asyncpg.Record]:
    """What the last statement gives, as the database's owner sees it."""

    async def run() -> list[asyncpg.Record]:
        parts = make_url(url)
        connection = await asyncpg.connect(
            host=str(parts.query["host"]), port=5432, user=parts.username, database=parts.database
        )
        try:
            await connection.execute("set app.jobcentres = '*'")
            rows: list[asyncpg.Record] = []
            for statement in statements:
                rows = await connection.fetch(statement)
            return rows
        finally:
            await connection.close()

    return asyncio.run(run())


@contextmanager
def strata_held(url: str, seconds: float) -> Iterator[None]:
    """Holds every stratum for some seconds, from before the block begins to after its end: writes wait."""
    held = threading.Event()

    async def hold() -> None:
        parts = make_url(url)
        connection = await asyncpg.connect(
            host=str(parts.query["host"]), port=5432, user=parts.username, database=parts.database
        )
        try:
            async with connection.transaction():
                await connection.execute("set local app.jobcentres = '*'")
                await connection.fetch("select from stratum for update")
                held.set()
                await asyncio.sleep(seconds)
        finally:
            await connection.close()

    thread = threading.Thread(target=lambda: asyncio.run(hold()), daemon=True)
    thread.start()
    assert held.wait(20)
    yield
    thread.join(20 + seconds)


def figures_of(url: str, master_key: bytes, *loads: Load) -> Figures:
    """Looks into the database for every batch of the loads."""
    versions: Counter[str] = Counter()
    batches: dict[str, set[str]] = {}
    for kind in KINDS:
        for row in query(url, f"select external_id, batch_id::text from {TABLES[kind].name}"):
            versions[row["external_id"]] += 1
            batches.setdefault(row["external_id"], set()).add(row["batch_id"])
    receipts = {row["id"] for row in query(url, "select batch_id::text as id from batch")}
    sent = [batch for load in loads for batch in load.sent]
    found = lost = doubled = partial = unanswered = 0
    for batch in sent:
        there = [each for each in batch.external_ids if versions[each]]
        came_in = set[str]().union(*(batches[each] for each in there))
        whole = len(there) == len(batch.external_ids) and came_in <= receipts
        doubled += len(came_in) > 1 or any(versions[each] > 1 for each in there)
        found += batch.acknowledged and whole
        lost += batch.acknowledged and not whole
        unanswered += not batch.acknowledged and whole
        partial += not batch.acknowledged and bool(there) and not whole
    acknowledged = sum(batch.acknowledged for batch in sent)
    faults = asyncio.run(examine(url, master_key))
    return Figures(len(sent), acknowledged, found, lost, doubled, partial, unanswered, faults)


@contextmanager
def database_at_rest(data_dir: Path) -> Iterator[str]:
    """The embedded database of a server that has gone."""
    with embedded_in(data_dir) as postgres:
        yield postgres.url


def figures_at_rest(data_dir: Path, *loads: Load) -> Figures:
    with database_at_rest(data_dir) as url:
        return figures_of(url, (data_dir / "master.key").read_bytes(), *loads)


# --- a server's database and issuer from elsewhere --------------------------------------------------------------------


class Issuer:
    """Somebody else's issuer: its keys are served on this machine, the tokens are signed as the local issuer does."""

    def __init__(self, directory: Path) -> None:
        self.issuer = LocalIssuer.load_or_create(directory)
        keys = json.dumps(self.issuer.jwks()).encode()

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(keys)))
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        self.jwks_url = f"http://127.0.0.1:{self._http.server_address[1]}/jwks"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()


MASTER_KEY = bytes(range(32))


@dataclass(frozen=True)
class Elsewhere:
    """A database server and an issuer that rettevej is only told of."""

    postgres: EmbeddedPostgres
    issuer: Issuer
    directory: Path

    def server(self, name: str = "api", *, workers: int = 1, wait: bool = True, database: str | None = None) -> Server:
        """A server on this database, not yet started."""
        return Server(
            self.directory / name,
            workers=workers,
            wait=wait,
            database_url=self.url(database),
            master_key=MASTER_KEY.hex(),
            issuer="rettevej-local",
            jwks_url=self.issuer.jwks_url,
        )

    def url(self, database: str | None = None) -> str:
        url = make_url(self.postgres.url)
        return url.set(database=database or url.database).render_as_string(hide_password=False)

    def new_database(self, name: str) -> str:
        """Makes a database with nothing in it and gives its URL."""
        query(self.postgres.url, f"create database {name}")
        return self.url(name)

    def figures(self, *loads: Load, database: str | None = None) -> Figures:
        return figures_of(self.url(database), MASTER_KEY, *loads)
