"""Reports from a replica (issue 5): PostgreSQL's own streaming replication, and the watermark that it has reached."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from app.db.core import replica
from app.db.panel import reader as panel_reads
from app.postgres.supervisor import EmbeddedPostgres
from app.routers.panel import endpoints as exports
from tests.database import query
from tests.db.core.standby import standby_of, url_on, wait_until_replayed
from tests.register import Client, Register, record_id

pytestmark = pytest.mark.slow  # it starts two servers

REPORTS = ("weekly-summary", "conditions", "activity-curve", "flow", "effects", "data-quality", "worklist")
CODES = ("849", "860", "450")


@pytest.fixture(scope="module")
def standby(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with standby_of(postgres, tmp_path_factory.mktemp("replica") / "standby") as server:
        yield server


@dataclass
class Place:
    """The application with its reports on a standby, and on the same database another one without."""

    register: Register
    alone: Register
    primary: EmbeddedPostgres
    standby: EmbeddedPostgres
    trial: str
    people: dict[str, str]

    def push(self, code: str = "849", day: str = "2010-11-15") -> None:
        record = {"external_id": record_id(), "participant_id": self.people[code], "date": day}
        report = self.register.case_system(client_id=f"of-{code}").push(self.trial, "conversations", [record])
        assert report["counts"]["created"] == 1, report

    def caught_up(self) -> None:
        wait_until_replayed(self.primary, self.standby)

    def reader(self, *, alone: bool = False) -> Client:
        return (self.alone if alone else self.register).case_system()

    def report(self, name: str, *, alone: bool = False, **parameters: Any) -> dict[str, Any]:
        response = self.reader(alone=alone).get(f"/v1/trials/{self.trial}/{name}", **parameters)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found


@contextmanager
def _place(
    primary: EmbeddedPostgres, server: EmbeddedPostgres, url: str, directory: Path, patch: pytest.MonkeyPatch
) -> Iterator[Place]:
    with patch.context() as environment:
        environment.setenv("RETTEVEJ_REPORT_DATABASE_URL", url_on(server, url))
        register = Register(url, directory)
    with register, Register(url, directory) as alone:
        trial = register.new_trial()
        people = {code: register.drawn(trial, jobcentre=code) for code in CODES}
        yield Place(register, alone, primary, server, trial, people)


@pytest.fixture
def place(
    postgres: EmbeddedPostgres,
    standby: EmbeddedPostgres,
    new_database: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    with _place(postgres, standby, new_database(), tmp_path, monkeypatch) as found:
        yield found


def moment_of(report: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(report["watermark"])


def test_every_report_from_the_replica_is_that_of_the_primary(place: Place) -> None:
    for code in CODES:
        place.push(code)
    place.caught_up()
    for name in REPORTS:
        assert place.report(name) == place.report(name, alone=True), name
        cut = place.report("weekly-summary")["watermark"]
        assert place.report(name, known_at=cut) == place.report(name, alone=True, known_at=cut), name


def test_the_watermark_is_the_one_that_the_replica_has_reached(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """With replay paused every report stays as it was and says so; records are read where they were written."""
    place.push()
    place.caught_up()
    before = {name: place.report(name) for name in REPORTS}
    monkeypatch.setattr(replica, "_TRIES", 5)
    query(place.standby.url, "select pg_wal_replay_pause()")
    try:
        place.push(day="2010-11-22")
        for name in REPORTS:
            later = place.report(name, alone=True)
            assert place.report(name) == before[name], name
            assert moment_of(before[name]) < moment_of(later), name
        listed = place.register.case_system().get(f"/v1/trials/{place.trial}/conversations").json()["items"]
        assert len(listed) == 2
    finally:
        query(place.standby.url, "select pg_wal_replay_resume()")
    place.caught_up()
    for name in REPORTS:
        assert place.report(name) == place.report(name, alone=True), name


def test_reads_from_the_replica_are_noted_on_the_primary(place: Place) -> None:
    place.caught_up()
    place.report("flow")
    noted = "select 1 from audit_entry where action = 'flow.read' and trial_id = $1"
    assert len(query(place.register.database_url, noted, arguments=[place.trial])) == 1


def test_a_registration_that_is_not_committed_yet_is_waited_for(place: Place) -> None:
    """The replica holds a later registration of one jobcentre, and not yet an earlier one of another."""
    place.push()
    with _open_registration(place, "860") as finish:
        place.push("450")
        place.caught_up()
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(place.report, "weekly-summary")
            with pytest.raises(TimeoutError):
                asked.result(0.3)
            finish()
            assert asked.result(20)["watermark"] == place.report("weekly-summary", alone=True)["watermark"]


def test_what_never_ends_is_not_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is of the last moment up to which nothing ran, and says so (domain 2)."""
    monkeypatch.setattr(replica, "_PRIMARY_SECONDS", 0.2)
    place.push()
    before = place.report("weekly-summary")
    with _open_registration(place, "860"):
        place.push("450")
        place.caught_up()
        during = place.report("weekly-summary")
        assert moment_of(during) == moment_of(before)
        assert during["items"] == before["items"]
    assert moment_of(place.report("weekly-summary")) > moment_of(before)


def test_while_the_primary_is_away_a_report_is_of_its_last_floor(
    place: Place, standby: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.push()
    before = {name: place.report(name) for name in REPORTS}
    place.push("860", day="2010-11-22")
    place.caught_up()

    def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(place.register.app.state.services.reports._primary, "write", away)
        for name in REPORTS:
            report = place.report(name)
            assert moment_of(report) == moment_of(before[name]), name
            assert report["items" if name != "flow" else "arms"] == before[name]["items" if name != "flow" else "arms"]
    assert moment_of(place.report("flow")) > moment_of(before["flow"])


@pytest.mark.parametrize("in_turn", [True, False])
def test_under_steady_writing_the_watermark_promises_no_more_than_there_is(
    place: Place, monkeypatch: pytest.MonkeyPatch, in_turn: bool
) -> None:
    """Known at the watermark of the replica, the primary gives the same figures."""
    if in_turn:
        monkeypatch.setattr(replica, "_QUIET_TRIES", 0)
    place.caught_up()
    ended = threading.Event()

    def write(code: str) -> None:
        while not ended.is_set():
            place.push(code)

    with ThreadPoolExecutor(len(CODES)) as pool:
        writers = [pool.submit(write, code) for code in CODES]
        try:
            answers = [
                (place.report("activity-curve"), place.report("weekly-summary", week="2010-W46")) for _ in range(8)
            ]
        finally:
            ended.set()
        for writer in writers:
            writer.result()
    assert len({curve["watermark"] for curve, _ in answers}) > 1
    for curve, summary in answers:
        assert place.report("activity-curve", alone=True, known_at=curve["watermark"]) == curve
        then = place.report("weekly-summary", alone=True, week="2010-W46", known_at=summary["watermark"])
        assert then["items"] == summary["items"]


def test_an_export_waits_until_the_replica_has_the_release(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator, path = place.register.client("evaluator"), f"/v1/trials/{place.trial}/person-weeks"
    place.push()
    whole = evaluator.get(path)
    assert whole.status_code == 200
    release = whole.headers[exports.RELEASE_HEADER]
    assert place.alone.client("evaluator").get(path, release=release).content == whole.content
    monkeypatch.setattr(panel_reads, "_REPLICA_TRIES", 2)
    query(place.standby.url, "select pg_wal_replay_pause()")
    try:
        response = evaluator.get(path)
    finally:
        query(place.standby.url, "select pg_wal_replay_resume()")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    place.caught_up()
    assert evaluator.get(path, release=response.headers[exports.RELEASE_HEADER]).status_code == 200


def test_while_the_replica_is_away_all_but_reports_goes_on(
    postgres: EmbeddedPostgres, new_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    with (
        standby_of(postgres, tmp_path / "other") as server,
        _place(postgres, server, url, tmp_path / "data", monkeypatch) as place,
    ):
        place.caught_up()
        ready = place.register.http.get("/readyz")
        assert (ready.status_code, ready.json()["reports"]) == (200, "replica")
        assert place.alone.http.get("/readyz").json()["reports"] == "primary"

        server.stop()
        ready = place.register.http.get("/readyz")
        assert (ready.status_code, ready.json()["reports"]) == (200, "away")
        for name in REPORTS:
            response = place.reader().get(f"/v1/trials/{place.trial}/{name}")
            assert (response.status_code, response.json()["code"]) == (503, "database_unavailable"), name
            assert response.headers["Retry-After"]
        place.push()

        server.start()
        place.caught_up()
        assert place.report("flow") == place.report("flow", alone=True)

        # It became a database of its own: what it holds from now on is nobody's.
        query(server.url, "select pg_promote()")
        assert place.register.http.get("/readyz").json()["reports"] == "away"
        assert place.reader().get(f"/v1/trials/{place.trial}/flow").status_code == 503


@contextmanager
def _open_registration(place: Place, code: str) -> Iterator[Callable[[], None]]:
    """A transaction that holds a stratum, as one that registers something; it ends when told to, or at the end."""
    go, held = threading.Event(), threading.Event()

    def run() -> None:
        asyncio.run(hold())

    async def hold() -> None:
        parts = make_url(place.register.database_url)
        connection = await asyncpg.connect(
            host=str(parts.query["host"]),
            port=5432,
            user=parts.username,
            password=parts.password,
            database=parts.database,
        )
        async with connection.transaction():
            await connection.execute(
                "select from stratum where trial_id = $1 and jobcentre_code = $2 for no key update", place.trial, code
            )
            held.set()
            while not go.is_set():
                await connection.execute("select pg_sleep(0.01)")
        await connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        assert held.wait(10)

        def finish() -> None:
            go.set()
            running.result(10)

        try:
            yield finish
        finally:
            go.set()
