"""Common to all commands: settings from options, the database, failing with one sentence."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from app.domain.protocol import ProtocolError
from app.postgres.process import EmbeddedPostgresError
from app.postgres.restarts import Restarts
from app.postgres.supervisor import EmbeddedPostgres
from app.protocols import add_folder
from app.settings import Settings
from app.startup import embedded_in

console = Console(stderr=True, highlight=False)

DataDir = Annotated[Path | None, typer.Option(help="Embedded database and keys made here.  [RETTEVEJ_DATA_DIR]")]
DatabaseUrl = Annotated[str | None, typer.Option(help="A PostgreSQL server instead.  [RETTEVEJ_DATABASE_URL]")]


def fail(sentence: str) -> NoReturn:
    """Print a sentence and end the command with exit code 1."""
    console.print(f"rettevej: {sentence}", style="red", markup=False)
    raise typer.Exit(1)


def settings_of(**options: object) -> Settings:
    """Return the settings of environment and options; read and check the operator's protocols.

    Options are written to the environment for worker processes. A fault ends the command.
    """
    for name, value in options.items():
        if value is not None:
            os.environ[f"RETTEVEJ_{name.upper()}"] = str(value)  # noqa: TID251 - written, not read
    try:
        settings = Settings()
        if settings.protocols is not None:
            add_folder(settings.protocols)
    except ProtocolError as error:
        fail(str(error))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {fault['msg']}" for fault in error.errors()
        )
        fail(faults)
    return settings


def _is_running(server: EmbeddedPostgres) -> bool:
    """Return whether a process accepts connections on the embedded server's socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(server.socket_dir / ".s.PGSQL.5432"))
        except OSError:
            return False
    return True


@contextmanager
def database_of(settings: Settings, *, join: bool = False, restart: bool = False) -> Iterator[str]:
    """Run the database inside the block and yield its URL: the configured server's, or the embedded one's.

    ``join``: use the embedded one as it is when a server runs it already. ``restart``: start it again when it ends by
    itself; when it ends too often, the process gets SIGTERM, and the command fails with the server's last lines.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    server = embedded_in(settings.data_dir)
    if join and _is_running(server):
        yield server.url
        return
    try:
        with server:
            restarts = Restarts(server) if restart else None
            try:
                yield server.url
            finally:
                if restarts is not None:
                    restarts.stop()
                    if restarts.failure is not None:
                        fail(restarts.failure)
    except EmbeddedPostgresError as error:
        fail(str(error))
