"""``python -m benchmarks.faults_under_load``: faults while every role is at work, and what became of each record.

A real ``rettevej serve`` with two workers, on a file system of its own (a small tmpfs, which only root can mount).
Meanwhile the postmaster is killed three times, a worker once, and the disk is full for some seconds; with libfaketime
(Debian: ``apt-get install libfaketime``) the clock goes back an hour and forward a day. Writers send each record again
until it is acknowledged. Afterwards the database is asked for every one: lost and doubled must be 0.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from app.cli.operations import examine
from app.db.core.kinds import TABLES
from app.startup import embedded_in
from app.web.tokens import LocalIssuer
from tests.faults.figures import query
from tests.faults.harness import FACTS, RETTEVEJ, Server, wait_for
from tests.faults.load import Trial, bearer, new_trial
from tests.register import new_cpr

SIZE = "700m"
"""Of the file system: the database's 64 MB at the start, its log (1 GB by default) is kept smaller by checkpoints."""
QUIET = 4.0
"""Seconds of undisturbed work between two faults."""
FULL = 3.0
"""Seconds without space."""
DAY = 86_400


@dataclass
class Request:
    """One write, sent until it is acknowledged."""

    method: str
    path: str
    body: Mapping[str, Any]
    kind: str
    ids: list[str]
    acknowledged: bool = False


@dataclass
class Role:
    """A thread that sends requests one after the other; a writer's are counted, a reader's only answered."""

    name: str
    role: str
    make: Callable[[int], Request]
    sent: list[Request] = field(default_factory=list)
    answers: Counter[int | str] = field(default_factory=Counter)
    successes: list[tuple[float, float]] = field(default_factory=list)
    """When each successful request was sent, and when it was answered."""
    unexpected: list[str] = field(default_factory=list)

    @property
    def writes(self) -> bool:
        """Whether its requests store something."""
        return bool(self.sent) and bool(self.sent[0].ids or self.sent[0].kind == "screening")

    def run(self, server: Server, issuer: LocalIssuer, stop: threading.Event) -> None:
        """Send until ``stop``."""
        headers = bearer(_token(issuer, self.role, self.name.replace(" ", "-")))
        for number in count():
            if stop.is_set():
                return
            self.sent.append(request := self.make(number))
            while not request.acknowledged and not stop.is_set():
                self._send(server.url, headers, request)

    def _send(self, url: str, headers: Mapping[str, str], request: Request) -> None:
        began = time.monotonic()
        try:
            body = request.body or None
            answer = httpx.request(request.method, url + request.path, json=body, headers=headers, timeout=60)
        except (httpx.HTTPError, OSError) as error:
            self.answers[type(error).__name__] += 1
            time.sleep(0.1)
            return
        self.answers[answer.status_code] += 1
        request.acknowledged = answer.status_code in (200, 201) or _all_stored(answer, request)
        if request.acknowledged:
            self.successes.append((began, time.monotonic()))
            if request.kind == "screening":
                request.ids.append(answer.json()["participant_id"])
        elif answer.status_code not in (429, 503):
            self.unexpected.append(f"{answer.status_code} {answer.text[:300]}")
            time.sleep(0.5)
        else:
            time.sleep(0.1)


def _token(issuer: LocalIssuer, role: str, name: str) -> str:
    """Return a token that is valid for days, also by a clock that is two hours late."""
    with mock.patch("time.time", return_value=time.time() - 7200):
        return issuer.token(role, f"{role}-{name}", hours=72)


def _all_stored(answer: httpx.Response, request: Request) -> bool:
    if answer.status_code != 207:
        return False
    counts = answer.json()["counts"]
    return bool(counts["created"] + counts["unchanged"] == len(request.ids))


def _roles(trial: Trial) -> list[Role]:
    """Every role of api.md that pushes or polls."""
    path, people = f"/v1/trials/{trial.id}", trial.participants

    def batch(name: str, kind: str, size: int) -> Callable[[int], Request]:
        def make(number: int) -> Request:
            ids = [f"{name}-{number}-{place}" for place in range(size)]
            records = [
                {"external_id": each, "participant_id": people[(number + place) % len(people)], **FACTS[kind]}
                for place, each in enumerate(ids)
            ]
            return Request("POST", f"{path}/{kind}/batch", {"records": records}, kind, ids)

        return make

    def single(number: int) -> Request:
        name, record = f"single-{number}", {"participant_id": people[number % len(people)], **FACTS["conversations"]}
        return Request("PUT", f"{path}/conversations/{name}", record, "conversations", [name])

    def screening(_: int) -> Request:
        facts = {"channel": "new_match", "at_job_interview": True, "match_group": 2, "benefit": "cash_benefit"}
        person = {"cpr": new_cpr("0980"), "jobcentre": "860", "interview_on": "2010-11-08", "exempt_from": "none"}
        return Request("POST", f"{path}/participants", {**person, **facts}, "screening", [])

    def reads(*paths: str) -> Callable[[int], Request]:
        return lambda number: Request("GET", path + paths[number % len(paths)], {}, "", [])

    summary = "/weekly-summary?week=2011-W01&by=region"
    return [
        Role("batches", "case-system", batch("batch", "conversations", 40)),
        Role("large batches", "case-system", batch("large", "conversations", 1000)),
        Role("singles", "case-system", single),
        Role("screenings", "case-system", screening),
        Role("activations", "register", batch("register", "activations", 40)),
        Role("reports", "region", reads(summary, "/conditions?week=2011-W01")),
        Role("people", "case-system", reads("/worklist?week=2011-W01", f"/participants/{people[0]}/weeks")),
        Role("panel", "evaluator", reads("/person-weeks", "/releases", "/data-quality")),
    ]


# --- Faults -----------------------------------------------------------------------------------------------------------


@dataclass
class Fault:
    """What was done, when it was over, and how long until a record sent after that was acknowledged."""

    name: str
    at: float
    seconds: float = 0.0
    note: str = ""


class Register:
    """The server under load, and what an operator's service manager does: start it again when it has ended."""

    def __init__(self, server: Server, roles: list[Role]) -> None:
        self.server = server
        self.roles = roles
        self.faults: list[Fault] = []
        self.starts = 0

    def wrote_since(self, moment: float) -> float | None:
        """Return the seconds until every writer had stored something sent after the moment; None if one has not."""
        firsts = [
            next((answered for sent, answered in role.successes if sent >= moment), None)
            for role in self.roles
            if role.writes
        ]
        return max(firsts) - moment if firsts and None not in firsts else None  # type: ignore[type-var,operator]

    def await_writes(self, name: str, note: str = "") -> None:
        """Wait until all writers write again, and note how long it took."""
        fault = Fault(name, time.monotonic(), note=note)
        deadline = fault.at + 180
        while (seconds := self.wrote_since(fault.at)) is None:
            if self.server.has_ended():
                self.starts += 1
                self.server.start(wait=False)
                self.server.wait_until_ready()
            if time.monotonic() > deadline:
                fault.note += f" no writes for 180 s: {[(role.name, dict(role.answers)) for role in self.roles]}"
                break
            time.sleep(0.02)
        fault.seconds = seconds if seconds is not None else float("nan")
        self.faults.append(fault)
        print(f"  {name}: writes again after {fault.seconds:.1f} s {fault.note}", flush=True)
        time.sleep(QUIET)

    def kill_postmaster(self) -> None:
        """SIGKILL for PostgreSQL's first process."""
        file = self.server.data_dir / "postgres" / "cluster" / "postmaster.pid"
        os.kill(int(file.read_text(encoding="utf-8").splitlines()[0]), signal.SIGKILL)
        self.await_writes("postmaster killed")

    def kill_worker(self) -> None:
        """SIGKILL for one of the two workers."""
        os.kill(self.server.workers()[0], signal.SIGKILL)
        self.await_writes("worker killed")

    def fill_disk(self) -> None:
        """Leave no byte free until a write has failed for it, and some seconds more."""
        filler = self.server.data_dir / "filler"
        refused = sum(role.answers[503] for role in self.roles)
        with filler.open("wb", buffering=0) as file:
            end = time.monotonic() + 60
            full_since = float("inf")
            while time.monotonic() < min(end, full_since + FULL):
                try:
                    file.write(bytes(1 << 20))
                except OSError:
                    with contextlib.suppress(OSError):
                        file.write(bytes(4096))
                    time.sleep(0.01)
                if full_since == float("inf") and sum(role.answers[503] for role in self.roles) > refused:
                    full_since = time.monotonic()
        filler.unlink()
        self.await_writes("disk full, space again", f"(refused after {full_since + 60 - end:.1f} s without space)")

    def jump(self, clock: "Clock") -> None:
        """Set the clock back and right again, then forward, which the operator accepts."""
        clock.set(-3600)
        time.sleep(QUIET)
        clock.set(0)
        self.await_writes("clock back an hour, right again")
        clock.set(DAY)
        time.sleep(QUIET)
        command = [str(RETTEVEJ), "clock", "accept", "--yes", "--data-dir", str(self.server.data_dir)]
        accepted = subprocess.run(command, env={**os.environ, **clock.environment}, check=False)
        self.await_writes("clock forward a day, accepted", f"(clock accept: {accepted.returncode})")


class Clock:
    """The clock of the server and of its PostgreSQL, by libfaketime; the time since boot goes on."""

    LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        self.set(0)
        self.environment = {
            "LD_PRELOAD": str(self.LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }
        # For workers and PostgreSQL, not for the process that starts them: under libfaketime its time.sleep() fails.
        self.for_children = {"PYTHONPATH": str(directory)}
        (directory / "sitecustomize.py").write_text(
            "import os\n"
            "from app.postgres import process, supervisor\n"
            f"fake = {self.environment!r}\n"
            "os.environ.update(fake)\n"
            "own = process.environment\n"
            "process.environment = supervisor.environment = lambda: own() | fake\n",
            encoding="utf-8",
        )

    def set(self, ahead: int) -> None:
        """Set it so many seconds ahead of this machine's."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{ahead:+d}\n", encoding="ascii")
        draft.replace(self._file)


@contextlib.contextmanager
def _small_disk() -> Iterator[Path]:
    """A directory on a file system of its own, of ``SIZE``."""
    with tempfile.TemporaryDirectory(prefix="rettevej-faults-") as name:
        directory = Path(name)
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "rettevej-faults", name]
        if subprocess.run(command, check=False).returncode:
            sys.exit("A small file system could not be mounted: run this as root.")
        try:
            yield directory
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


# --- What became of the records ---------------------------------------------------------------------------------------


def _counts(url: str, trial: Trial, role: Role) -> dict[str, int]:
    """Records acknowledged, found, lost, doubled, and stored without an acknowledgement."""
    if role.sent[0].kind == "screening":
        rows = query(url, f"select participant_id::text as id from screening where trial_id = '{trial.id}'")
        stored = Counter(row["id"] for row in rows)
        people = query(
            url,
            f"""select count(*) - count(distinct blind_index) as n from vault.identity where trial_id = '{trial.id}'
            union all select count(*) - count(distinct position) from assignment where jobcentre_code = '860'
                  and trial_id = '{trial.id}'""",
        )
        doubled = sum(row["n"] for row in people)
    else:
        rows = query(url, f"select external_id as id from {TABLES[role.sent[0].kind].name}")
        stored = Counter(row["id"] for row in rows)
        doubled = 0
    acknowledged = [each for request in role.sent if request.acknowledged for each in request.ids]
    pending = [each for request in role.sent if not request.acknowledged for each in request.ids]
    return {
        "sent": len(acknowledged) + len(pending),
        "acknowledged": len(acknowledged),
        "found": sum(stored[each] > 0 for each in acknowledged),
        "lost": sum(stored[each] == 0 for each in acknowledged),
        "doubled": doubled + sum(stored[each] > 1 for each in acknowledged + pending),
        "unanswered": sum(stored[each] > 0 for each in pending),
    }


def _show(register: Register, counts: Mapping[str, Mapping[str, int]], faults: list[str]) -> int:
    print("\n| fault | seconds until every writer wrote again |\n|---|---|")
    for fault in register.faults:
        print(f"| {fault.name} | {fault.seconds:.1f} {fault.note} |")
    print("\n| writer | sent | acknowledged | found | lost | doubled | stored, not acknowledged |\n" + "|---" * 7 + "|")
    for name, row in counts.items():
        print(f"| {name} | " + " | ".join(str(number) for number in row.values()) + " |")
    print("\n| role | answers |\n|---|---|")
    for role in register.roles:
        print(f"| {role.name} | {', '.join(f'{name}: {n}' for name, n in sorted(role.answers.items(), key=str))} |")
        for unexpected in role.unexpected[:3]:
            print(f"unexpected: {role.name}: {unexpected}")
    if any(role.unexpected for role in register.roles):
        print(register.server.log()[-6000:])
    print(f"\nserve started again by the service manager: {register.starts}; faults of doctor: {faults or 'none'}")
    bad = sum(row["lost"] + row["doubled"] for row in counts.values())
    return int(bool(bad or faults or any(role.unexpected for role in register.roles)))


def main() -> int:
    """Run all faults, show the tables; 1 if anything is lost, doubled, faulty or refused for another reason."""
    with contextlib.ExitStack() as stack:
        server = Server(stack.enter_context(_small_disk()) / "data", workers=2)
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rettevej-clock-")))
        place.chmod(0o755)  # PostgreSQL, as another user, reads the clock too
        clock = Clock(place) if Clock.LIBRARY else None
        if clock is not None:
            server.environment |= clock.for_children
        stack.enter_context(server)
        issuer = LocalIssuer.load_or_create(server.data_dir)
        trial = new_trial(server.url, issuer)
        register, stop = Register(server, _roles(trial)), threading.Event()
        threads = [threading.Thread(target=role.run, args=(server, issuer, stop)) for role in register.roles]
        for thread in threads:
            thread.start()
        try:
            register.await_writes("none")
            for _ in range(3):
                register.kill_postmaster()
            register.kill_worker()
            register.fill_disk()
            if clock is None:
                print("  the clock stays: libfaketime is missing (apt-get install libfaketime)")
            else:
                register.jump(clock)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        wait_for(lambda: server.status("/readyz") == 200, "ready at the end")
        server.stop()
        with embedded_in(server.data_dir) as postgres:
            counts = {role.name: _counts(postgres.url, trial, role) for role in register.roles if role.writes}
            faults = asyncio.run(examine(postgres.url, (server.data_dir / "master.key").read_bytes()))
        return _show(register, counts, faults)


if __name__ == "__main__":
    sys.exit(main())
