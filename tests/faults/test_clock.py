"""The clock of the whole machine jumps under load (domain 2): libfaketime before the server and its PostgreSQL.

Debian: `apt-get install libfaketime`; where there is none these tests are skipped, and say so.
"""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import jwt
import pytest

from app.postgres import process, supervisor
from app.postgres.supervisor import EmbeddedPostgres
from app.web.tokens import LocalIssuer
from tests.clocks import HOUR
from tests.faults.elsewhere import Elsewhere, Issuer
from tests.faults.harness import RETTEVEJ, Server, wait_for
from tests.faults.load import Load, Trial, bearer, new_trial
from tests.register import record_id

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(LIBRARY is None, reason="libfaketime is missing: apt-get install libfaketime"),
]
DAY = 24 * HOUR


@dataclass(frozen=True)
class Machine:
    """A server and a PostgreSQL whose wall clock the test sets; the time since boot goes on."""

    file: Path
    elsewhere: Elsewhere

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }

    def set(self, ahead: timedelta) -> None:
        draft = self.file.with_suffix(".new")
        draft.write_text(f"{ahead.total_seconds():+.0f}\n", encoding="utf-8")
        draft.replace(self.file)

    def server(self) -> Server:
        server = self.elsewhere.server(workers=2)
        server.environment.update(self.environment)
        return server

    def command(self, server: Server, *arguments: str) -> str:
        """Runs a command of the operator on this machine and gives what it prints."""
        done = subprocess.run(
            [str(RETTEVEJ), *arguments],
            env={"PATH": "/usr/bin:/bin", "COLUMNS": "1000", **server.environment},
            cwd=server.data_dir,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout + done.stderr


def _token_for_years(
    self: LocalIssuer, role: str, client_id: str | None = None, jobcentres: Any = (), regions: Any = (), **_: Any
) -> str:
    token = jwt.decode(_TOKEN(self, role, client_id, jobcentres, regions), options={"verify_signature": False})
    earlier, later = token["iat"] - 10 * 86_400, token["exp"] + 10 * 86_400
    claims = {**token, "iat": earlier, "nbf": earlier, "exp": later}
    return jwt.encode(claims, self._key, "ES256", headers={"typ": "at+jwt", "kid": self.kid})


_TOKEN = LocalIssuer.token


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setattr(LocalIssuer, "token", _token_for_years)
    environment = process.environment
    with TemporaryDirectory(prefix="clock-", dir="/tmp") as folder:  # the server's user reads it too
        Path(folder).chmod(0o755)
        directory = tmp_path / "elsewhere"
        directory.mkdir()
        with Issuer(directory) as issuer:
            postgres = EmbeddedPostgres(directory / "postgres")
            machine = Machine(Path(folder, "clock"), Elsewhere(postgres, issuer, tmp_path))
            machine.set(timedelta())
            for module in (process, supervisor):
                monkeypatch.setattr(module, "environment", lambda: environment() | machine.environment)
            with postgres:
                yield machine


@dataclass(frozen=True)
class Reader:
    """What an agency reads, and a case system writes, of a trial."""

    server: Server
    issuer: LocalIssuer
    trial: Trial

    def summary(self, **parameters: str) -> dict[str, Any]:
        answer = httpx.get(
            f"{self.server.url}/v1/trials/{self.trial.id}/weekly-summary",
            params={"week": "2011-W01", "from": "2010-W45", **parameters},
            headers=bearer(self.issuer.token("agency")),
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        report: dict[str, Any] = answer.json()
        return report

    def put(self) -> int:
        return httpx.put(
            f"{self.server.url}/v1/trials/{self.trial.id}/conversations/{record_id()}",
            json={"participant_id": self.trial.participants[0], "date": "2010-11-17"},
            headers=bearer(self.issuer.token("case-system", "single")),
            timeout=30,
        ).status_code

    def moments_ahead(self) -> bool:
        ahead: bool = httpx.get(f"{self.server.url}/readyz", timeout=30).json()["moments_ahead"]
        return ahead


def _stops(load: Load) -> None:
    """What was under way is acknowledged, and then nothing more."""
    wait_for(lambda: _still(load), "writes are refused")
    assert _still(load), load.answers


def _still(load: Load) -> bool:
    before = load.acknowledged
    time.sleep(1)
    return load.acknowledged == before


def test_back_an_hour_forward_a_day_accepted_and_back_again(machine: Machine, keep: Any) -> None:
    issuer = machine.elsewhere.issuer.issuer
    with machine.server() as server:
        trial = new_trial(server.url, issuer)
        reader = Reader(server, issuer, trial)
        told: list[dict[str, Any]] = []
        with Load([server.url], trial, issuer, again=True, most=100_000) as load:

            def goes_on() -> float:
                began, goal = time.monotonic(), load.acknowledged + 8
                wait_for(lambda: load.acknowledged >= goal, f"registering goes on: {load.answers}", 120)
                told.append(reader.summary())
                return time.monotonic() - began

            goes_on()
            seconds = {}
            machine.set(-HOUR)
            _stops(load)
            assert "clock_unreliable" in machine.command(server, "doctor")
            told.append(reader.summary())
            assert server.status("/healthz") == 200
            machine.set(timedelta())
            seconds["back an hour, and right again"] = goes_on()
            for name, ahead in (("forward a day, accepted", DAY), ("back the day, accepted", timedelta())):
                machine.set(ahead)
                _stops(load)
                said = machine.command(server, "clock", "accept", "--yes")
                assert "Accepted." in said, said
                seconds[name] = goes_on()
            load.stop()
        assert reader.moments_ahead()
        assert told[-1]["moments_ahead"]
        assert "moments_ahead" in machine.command(server, "clock", "accept", "--yes")
        assert datetime.fromisoformat(told[-1]["watermark"]) > datetime.now(UTC) + 20 * HOUR
        # Each worker waits until the clocks have agreed for a minute.
        wait_for(lambda: reader.put() in (200, 201), "the register registers again", seconds=90)
        for report in told:
            again = reader.summary(known_at=report["watermark"])
            assert again["items"] == report["items"]
        assert sorted(report["watermark"] for report in told) == [report["watermark"] for report in told]
        server.stop()
        figures = machine.elsewhere.figures(load)
    keep(figures)
    print({name: round(number, 1) for name, number in seconds.items()})  # noqa: T201 - for the report of the run
    assert (figures.lost, figures.doubled, figures.partial, list(figures.faults)) == (0, 0, 0, []), figures
