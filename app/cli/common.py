"""What every command uses: settings out of options, the database, and a way to fail in one sentence."""

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
from app.main import embedded_in
from app.postgres.process import EmbeddedPostgresError
from app.postgres.supervisor import EmbeddedPostgres
from app.protocols import add_folder
from app.settings import Settings

console = Console(stderr=True, highlight=False)

DataDir = Annotated[Path | None, typer.Option(help="Embedded database and keys made here.  [RETTEVEJ_DATA_DIR]")]
DatabaseUrl = Annotated[str | None, typer.Option(help="A PostgreSQL server instead.  [RETTEVEJ_DATABASE_URL]")]


def fail(sentence: str) -> NoReturn:
    """Ends the command with a sentence for whoever typed it."""
    console.print(f"rettevej: {sentence}", style="red", markup=False)
    raise typer.Exit(1)


def settings_of(**options: object) -> Settings:
    """The settings of environment and options, the operator's protocols read and checked.

    Options are put into the environment too, for worker processes.
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
        faults = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']}" for each in error.errors())
        fail(faults)
    return settings


def _answers(server: EmbeddedPostgres) -> bool:
    """Whether somebody runs the embedded server already."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(server.socket_dir / ".s.PGSQL.5432"))
        except OSError:
            return False
    return True


@contextmanager
def database_of(settings: Settings, *, join: bool = False) -> Iterator[str]:
    """The URL of the database, which runs meanwhile: a server's, or the embedded one, started here.

    ``join``: the embedded one may be running already, under a server; then it is used as it is.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    server = embedded_in(settings.data_dir)
    if join and _answers(server):
        yield server.url
        return
    try:
        with server:
            yield server.url
    except EmbeddedPostgresError as error:
        fail(str(error))
