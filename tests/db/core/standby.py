"""A standby of the run's PostgreSQL, made and fed by PostgreSQL's own means: base backup, streaming replication."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from app.postgres.password import password_file
from app.postgres.supervisor import EmbeddedPostgres
from tests.database import query
from tests.postgres.servers import wait_for


@contextmanager
def standby_of(primary: EmbeddedPostgres, directory: Path) -> Iterator[EmbeddedPostgres]:
    """A hot standby that streams over the primary's socket."""
    directory.mkdir()
    (directory / "supervisor.lock").touch()  # the directory is for a supervised server
    subprocess.run(
        [
            str(primary.bindir / "pg_basebackup"),
            *("--host", str(primary.socket_dir), "--port", "5432", "--username", "rettevej"),
            *("--pgdata", str(directory / "cluster"), "--write-recovery-conf", "--checkpoint", "fast", "--no-sync"),
        ],
        env={"PATH": os.defpath, "PGPASSFILE": str(password_file(primary.data_dir))},
        check=True,
        capture_output=True,
    )
    shutil.copy2(password_file(primary.data_dir), directory)
    with EmbeddedPostgres(directory, durable=False) as standby:
        yield standby


def url_on(server: EmbeddedPostgres, database_url: str) -> str:
    """The URL of a database on another server."""
    return make_url(server.url).set(database=make_url(database_url).database).render_as_string(hide_password=False)


def wait_until_replayed(primary: EmbeddedPostgres, standby: EmbeddedPostgres) -> None:
    """Until the standby has everything that the primary has written so far."""
    (row,) = query(primary.url, "select pg_current_wal_insert_lsn()::text as place")
    behind = "select pg_last_wal_replay_lsn() >= cast($1::text as pg_lsn) as there"
    wait_for(lambda: query(standby.url, behind, arguments=[row["place"]])[0]["there"], "the standby does not follow")
