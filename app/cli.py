"""The command ``rettevej``: serve, token, migrate, verify, simulate."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import httpx
import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console
from uvicorn.supervisors import Multiprocess

from app.auth import ROLES
from app.db.embedded_process import EmbeddedPostgresError
from app.db.migrate import migrate as apply_migrations
from app.db.session import make_engine
from app.main import embedded_in
from app.settings import Settings
from app.simulate import SimulationError
from app.simulate import run as run_simulation
from app.tokens import LocalIssuer
from app.verify import draws_faults

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The register of controlled employment trials.")
console = Console(stderr=True, highlight=False)

DataDir = Annotated[Path | None, typer.Option(help="Embedded database and keys made here.  [RETTEVEJ_DATA_DIR]")]
DatabaseUrl = Annotated[str | None, typer.Option(help="A PostgreSQL server instead.  [RETTEVEJ_DATABASE_URL]")]
Url = Annotated[str, typer.Option(help="Where the register answers.")]


def main() -> None:
    """The entry point."""
    app()


def _fail(sentence: str) -> NoReturn:
    console.print(f"rettevej: {sentence}", style="red", markup=False)
    raise typer.Exit(1)


def _settings(**options: object) -> Settings:
    """The settings of environment and options. Options are put into the environment too, for worker processes."""
    for name, value in options.items():
        if value is not None:
            os.environ[f"RETTEVEJ_{name.upper()}"] = str(value)  # noqa: TID251 - written, not read
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']}" for each in error.errors())
        _fail(faults)


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The URL of the database, which runs meanwhile: a server's, or the embedded one, started here."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    try:
        with embedded_in(settings.data_dir) as server:
            yield server.url
    except EmbeddedPostgresError as error:
        _fail(str(error))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [RETTEVEJ_HOST, 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.  [RETTEVEJ_PORT, 8000]")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.  [RETTEVEJ_WORKERS, 1]")] = None,
) -> None:
    """Start the register: database, migrations, server."""
    settings = _settings(host=host, port=port, data_dir=data_dir, database_url=database_url, workers=workers)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _database(settings) as url:
        asyncio.run(_migrate(url))
        config = uvicorn.Config(
            "app.main:app_of_environment",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=30,
        )
        _run(config, settings)


def _run(config: uvicorn.Config, settings: Settings) -> None:
    """Runs until a signal. The socket is bound first, so that what is announced is true."""
    socket = config.bind_socket()
    port = socket.getsockname()[1]
    _announce(settings, f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{port}")
    try:
        if settings.workers == 1:
            uvicorn.Server(config).run(sockets=[socket])
        else:
            Multiprocess(config, sockets=[socket]).run()
    except KeyboardInterrupt:
        pass
    finally:
        socket.close()
    console.print("rettevej has stopped.")


def _announce(settings: Settings, url: str) -> None:
    console.print(f"rettevej listens on [bold]{url}[/bold]   docs: {url}/docs   ready: {url}/readyz")
    if not settings.local_issuer_allowed:
        console.print(f"Tokens come from {settings.issuer}.", markup=False)
        return
    issuer = LocalIssuer.load_or_create(settings.data_dir, settings.audience)
    console.print("Tokens of the local issuer, good for 12 hours (others: rettevej token ROLE):")
    for role in ROLES:
        console.print(f"  {role:12} {issuer.token(role)}", soft_wrap=True, markup=False)


@app.command()
def token(
    role: Annotated[str, typer.Argument(help=f"One of {', '.join(ROLES)}.")],
    client_id: Annotated[str | None, typer.Option(help="The client that the token names.")] = None,
    jobcentre: Annotated[list[str] | None, typer.Option(help="Bind to a jobcentre; may be repeated.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="Bind to a region; may be repeated.")] = None,
    hours: Annotated[float, typer.Option(help="How long it is good for.")] = 12,
    data_dir: DataDir = None,
) -> None:
    """Print a token of the local issuer."""
    settings = _settings(data_dir=data_dir)
    if not settings.local_issuer_allowed:
        _fail("the local issuer is for a local start with its own database; ask your issuer for a token")
    issuer = LocalIssuer.load_or_create(settings.data_dir, settings.audience)
    try:
        typer.echo(issuer.token(role, client_id, tuple(jobcentre or ()), tuple(region or ()), hours))
    except ValueError as error:
        _fail(str(error))


async def _migrate(url: str) -> None:
    engine = make_engine(url, 1)
    try:
        await apply_migrations(engine)
    finally:
        await engine.dispose()


@app.command()
def migrate(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database's schema up to date."""
    with _database(_settings(data_dir=data_dir, database_url=database_url)) as url:
        asyncio.run(_migrate(url))
    console.print("The schema is up to date.")


@app.command()
def verify(
    trial: Annotated[str, typer.Option(help="A closed trial.")],
    url: Url = "http://127.0.0.1:8000",
    bearer: Annotated[str | None, typer.Option("--token", help="A token; of the local issuer where left out.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Recompute every draw of a closed trial from what the API publishes."""
    if bearer is None:
        settings = _settings(data_dir=data_dir)
        bearer = LocalIssuer.load_or_create(settings.data_dir, settings.audience).token("auditor")
    try:
        draws, faults = draws_faults(url, trial, bearer)
    except (httpx.HTTPError, LookupError) as error:
        _fail(f"{trial} could not be verified: {error}")
    for fault in faults:
        console.print(fault, style="red", markup=False)
    if faults:
        _fail(f"{len(faults)} faults in {draws} draws")
    console.print(f"{draws} draws of {trial} recomputed from the seed: every arm is as published.")


@app.command()
def simulate(
    url: Url = "http://127.0.0.1:8000",
    people: Annotated[int, typer.Option(help="How many people are screened.")] = 3000,
    seed: Annotated[int, typer.Option(help="Everything but the draw follows from it.")] = 1,
    trial: Annotated[str | None, typer.Option(help="Id of the trial to play.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Play the whole trial through the API: eighteen case systems and a register integration."""
    settings = _settings(data_dir=data_dir)
    issuer = LocalIssuer.load_or_create(settings.data_dir, settings.audience)
    try:
        run_simulation(url, people, seed, trial, issuer.token)
    except SimulationError as error:
        _fail(str(error))
