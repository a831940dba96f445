"""A server of our own on an empty database, with a trial and people: what every benchmark starts from."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
from sqlalchemy.ext.asyncio import create_async_engine

from app.db.core.ids import uuid7_at
from app.db.derived.week_counts import rebuild
from app.db.trials.trials import load_trial
from app.startup import embedded_in

ROOT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).with_name("rettevej")
INTAKE = date(2010, 11, 8)
_SCREENINGS = """
    insert into screening (jobcentre_code, trial_id, screening_id, blind_index, interview_on, failures, facts,
                           participant_id, client_id, registered_at)
    select jobcentre_code, trial_id, screening_id, sha256(participant_id::text::bytea), interview_on, '{}',
           jsonb_build_object('interview_on', interview_on, 'channel', 'new_match', 'at_job_interview', true,
                              'match_group', 2, 'benefit', 'cash_benefit', 'exempt_from', 'none', 'circumstances',
                              jsonb_build_array()),
           participant_id, 'benchmark', waiting_since
    from participant where trial_id = $1
"""
JOBCENTRES = tuple(
    str(code) for code in (210, 217, 163, 350, 320, 370, 450, 479, 580, 621, 657, 671, 756, 760, 766, 779, 849, 860)
)
REGIONS = ("hovedstaden_sjaelland",) * 6 + ("syddanmark",) * 4 + ("midtjylland",) * 6 + ("nord",) * 2


@dataclass
class Place:
    """A running server, its database, and a token of each role."""

    url: str
    database_url: str
    directory: Path
    process: subprocess.Popen[bytes]

    def token(self, role: str, client_id: str | None = None) -> str:
        """A token of the local issuer, bound to everything."""
        named = [] if client_id is None else ["--client-id", client_id]
        command = [str(COMMAND), "token", role, "--data-dir", str(self.directory), *named]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return said.split()[-1]

    def client(self, role: str, client_id: str | None = None) -> httpx.Client:
        """An HTTP client with such a token."""
        headers = {"Authorization": f"Bearer {self.token(role, client_id)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=600)

    async def connect(self) -> asyncpg.Connection:
        """A connection of the owner, past the application."""
        return await asyncpg.connect(self.database_url)

    def new_trial(self, name: str, jobcentres: int = 18) -> None:
        """A trial of PRVIJ in some of the jobcentres."""
        places = [
            {"code": code, "name": f"Jobcenter {code}", "region": region, "agreed_participants": 100_000}
            for code, region in list(zip(JOBCENTRES, REGIONS, strict=True))[:jobcentres]
        ]
        body = {"id": name, "protocol": "prvij-2010-11", "title": "Benchmark", "jobcentres": places}
        with self.client("agency") as client:
            client.post("/v1/trials", json=body).raise_for_status()

    def people(self, trial: str, how_many: int) -> list[UUID]:
        """Draws people straight into the tables, as screenings would have, and counts their weeks."""
        return asyncio.run(self._people(trial, how_many))

    async def _people(self, trial: str, how_many: int) -> list[UUID]:
        connection = await self.connect()
        moment = await connection.fetchval("select clock_timestamp()")
        codes = [
            row["jobcentre_code"]
            for row in await connection.fetch(
                "select jobcentre_code from stratum where trial_id = $1 order by 1", trial
            )
        ]
        ids = [uuid7_at(moment, n) for n in range(how_many)]
        places = [codes[n % len(codes)] for n in range(how_many)]
        days = [INTAKE + timedelta(days=n // len(codes) % 140 // 7 * 7 + n % 5) for n in range(how_many)]
        async with connection.transaction():
            await connection.copy_records_to_table(
                "participant",
                records=[
                    (code, trial, each, each, "drawn", day, moment)
                    for code, each, day in zip(places, ids, days, strict=True)
                ],
                columns=[
                    "jobcentre_code",
                    "trial_id",
                    "participant_id",
                    "screening_id",
                    "status",
                    "interview_on",
                    "waiting_since",
                ],
            )
            await connection.copy_records_to_table(
                "assignment",
                records=[
                    (
                        code,
                        trial,
                        each,
                        n // len(codes),
                        ("treatment", "control")[n // len(codes) % 2],
                        day,
                        moment,
                        each,
                        "benchmark",
                    )
                    for n, (code, each, day) in enumerate(zip(places, ids, days, strict=True))
                ],
                columns=[
                    "jobcentre_code",
                    "trial_id",
                    "participant_id",
                    "position",
                    "arm",
                    "assigned_on",
                    "drawn_at",
                    "pseudonym",
                    "client_id",
                ],
            )
        await connection.execute(_SCREENINGS, trial)
        await connection.execute("update stratum set last_registered_at = $1 where trial_id = $2", moment, trial)
        await connection.execute("analyze participant; analyze assignment")
        await connection.close()
        await self._count(trial)
        return ids

    async def _count(self, trial: str) -> None:
        engine = create_async_engine(self.database_url.replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.begin() as connection:
            loaded = await load_trial(connection, trial)
            assert loaded is not None
            await rebuild(connection, loaded)
        await engine.dispose()

    def memory(self) -> int:
        """Resident memory of the server's processes, PostgreSQL's left out, in bytes."""
        own = [self.process.pid, *_children(self.process.pid)]
        return sum(_resident(pid) for pid in own if b"rettevej" in Path(f"/proc/{pid}/cmdline").read_bytes())


def _children(pid: int) -> list[int]:
    found = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [grandchild for child in found for grandchild in _children(child)]


def _resident(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024  # type: ignore[union-attr]


@contextmanager
def started(directory: Path, *options: str) -> Iterator[Place]:
    """A server on a port of its own, with its embedded database in the directory."""
    port = 18000 + os.getpid() % 10_000
    command = [str(COMMAND), "serve", "--port", str(port), "--data-dir", str(directory), *options]
    environment = {**os.environ, "RETTEVEJ_RATE_LIMIT": "1000000"}
    log = (directory / "server.log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process)
        yield Place(url, embedded_in(directory).url.replace("+asyncpg", ""), directory, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until ``/readyz`` says so."""
    for _ in range(3000):
        if process.poll() is not None:
            raise RuntimeError("the server stopped; see server.log")
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.01)
    raise TimeoutError


@contextmanager
def empty_place(*options: str) -> Iterator[Place]:
    """A server on an empty database, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="rettevej-bench-") as name, started(Path(name), *options) as place:
        yield place
