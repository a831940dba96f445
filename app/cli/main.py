"""The command ``rettevej``: serve, demo, token, migrate, verify, import, simulate."""

import asyncio
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from socket import socket as Socket  # noqa: N812 - beside variables of that name
from typing import Annotated

import httpx
import typer
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.cli.clock import app as clock
from app.cli.common import DatabaseUrl, DataDir, console, database_of, fail, settings_of
from app.cli.demo import app as demonstration
from app.cli.import_extracts import app as importer
from app.cli.operate import app as operator
from app.cli.operations import check_audit_trail, check_stored_protocols
from app.cli.verify_draws import check_published_draws
from app.db.core.migrate import NewerSchemaError
from app.db.core.migrate import migrate as apply_migrations
from app.db.core.session import engine_on
from app.domain.rules.execution import execution
from app.settings import Settings
from app.simulate import SimulationError
from app.simulate import run as run_simulation
from app.startup import master_key_of, new_key_file, verifier_of
from app.web.access_log import configure_logging
from app.web.auth import ROLES
from app.web.http.timeouts import protocol_of
from app.web.metrics import shared_between_workers
from app.web.tokens import LocalIssuer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The register of controlled employment trials.")
app.add_typer(operator)
app.add_typer(demonstration)
app.add_typer(importer, name="import")
app.add_typer(clock, name="clock")
UrlOption = Annotated[str, typer.Option(envvar="RETTEVEJ_URL", help="Where the register answers.")]


def main() -> None:
    """The entry point."""
    app()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [RETTEVEJ_HOST, 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.  [RETTEVEJ_PORT, 8000]")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.  [RETTEVEJ_WORKERS, 1]")] = None,
) -> None:
    """Start the register: database, migrations, server."""
    settings = settings_of(host=host, port=port, data_dir=data_dir, database_url=database_url, workers=workers)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    configure_logging(settings.log_level)  # of this process too, which restarts the database
    if settings.database_url is None and settings.master_key is None and new_key_file(settings).exists():
        fail("a change of the master key broke off: finish it with rettevej rotate-key")
    try:  # once here, before the workers: each would fail and be restarted
        master_key_of(settings)
        verifier_of(settings)
    except (RuntimeError, ValueError) as error:
        fail(str(error))
    with (
        database_of(settings, restart=True) as url,
        shared_between_workers() if settings.workers > 1 else nullcontext(),
    ):
        asyncio.run(_migrate(url))
        _print_faults(asyncio.run(check_stored_protocols(url)))
        config = uvicorn.Config(
            "app.main:app_of_environment",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            access_log=False,
            log_level="warning",
            server_header=False,
            http=protocol_of(settings),
            timeout_graceful_shutdown=5,  # container engines kill after ten seconds; PostgreSQL stops after this
            timeout_worker_healthcheck=15,  # a busy machine takes longer than the usual 5 seconds to start one
        )
        _run(config, settings)


def _run(config: uvicorn.Config, settings: Settings) -> None:
    """Run until a signal. The socket is bound before the address is printed."""
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # a shell's 1,024 are fewer than connections
    socket = config.bind_socket()
    port = socket.getsockname()[1]
    _print_start(settings, f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{port}")
    try:
        started = _serve(config, socket)
    except KeyboardInterrupt:
        started = True
    except SystemExit as stop:  # 0: from the handler of SIGTERM, which uvicorn calls after the last response
        started = not stop.code
    finally:
        socket.close()
    if not started:
        fail("the server could not start; see the reason above")
    console.print("rettevej has stopped.")


def _serve(config: uvicorn.Config, socket: Socket) -> bool:
    """Serve until a signal; return whether the server started."""
    if config.workers == 1:
        server = uvicorn.Server(config)
        server.run(sockets=[socket])
        return server.started
    supervisor = Multiprocess(config, sockets=[socket])
    supervisor.run()
    return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)


def _print_start(settings: Settings, url: str) -> None:
    """Print the address and, with the local issuer, a link that signs in to the page.

    The token is in the fragment, which browsers send to no server; the page takes it out of the address.
    """
    console.print(
        f"rettevej listens on [bold]{url}[/bold]   docs: {url}/docs   ready: {url}/readyz   rules: {execution()}"
    )
    if not settings.local_issuer_allowed:
        console.print(f"Tokens come from {settings.issuer}.", markup=False)
        return
    issuer = LocalIssuer.load_or_create(settings.data_dir, settings.audience)
    console.print("The page, signed in as a case system for 12 hours (other tokens: rettevej token ROLE):")
    console.print(f"  {url}/#/?token={issuer.token('case-system')}", soft_wrap=True, markup=False)


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
    settings = settings_of(data_dir=data_dir)
    if not settings.local_issuer_allowed:
        fail("the local issuer is for a local start with its own database; ask your issuer for a token")
    issuer = LocalIssuer.load_or_create(settings.data_dir, settings.audience)
    try:
        typer.echo(issuer.token(role, client_id, tuple(jobcentre or ()), tuple(region or ()), hours))
    except ValueError as error:
        fail(str(error))


async def _migrate(url: str) -> None:
    async with engine_on(url, 1) as engine:
        try:
            await apply_migrations(engine)
        except NewerSchemaError as error:
            fail(str(error))


@app.command()
def migrate(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database's schema up to date."""
    with database_of(settings_of(data_dir=data_dir, database_url=database_url)) as url:
        asyncio.run(_migrate(url))
    console.print("The schema is up to date.")


@app.command()
def verify(
    trial: Annotated[str | None, typer.Option(help="A closed trial, whose draws are recomputed.")] = None,
    audit: Annotated[bool, typer.Option("--audit", help="Recompute every hash chain of the audit trail.")] = False,
    url: UrlOption = "http://127.0.0.1:8000",
    bearer: Annotated[str | None, typer.Option("--token", help="A token; of the local issuer where left out.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Recompute every draw of a closed trial from what the API publishes; or the audit trail from the database."""
    if audit:
        with database_of(settings_of(data_dir=data_dir, database_url=database_url), join=True) as database:
            entries, faults = asyncio.run(check_audit_trail(database))
        _print_faults(faults)
        console.print(f"{entries} audit entries recomputed: every chain is whole.")
    if trial is not None:
        _verify_draws(trial, url, bearer, data_dir)
    elif not audit:
        fail("say what to verify: --trial ID, --audit, or both")


def _verify_draws(trial: str, url: str, bearer: str | None, data_dir: Path | None) -> None:
    if bearer is None:
        settings = settings_of(data_dir=data_dir)
        bearer = LocalIssuer.load_or_create(settings.data_dir, settings.audience).token("auditor")
    try:
        draws, faults = check_published_draws(url, trial, bearer)
    except (httpx.HTTPError, LookupError) as error:
        fail(f"{trial} could not be verified: {error}")
    _print_faults(faults)
    console.print(f"{draws} draws of {trial} recomputed from the seed: every arm is as published.")


def _print_faults(faults: Sequence[str]) -> None:
    """Print every fault; any fault ends the command with exit code 1."""
    for fault in faults:
        console.print(fault, style="red", markup=False)
    if faults:
        fail(f"{len(faults)} faults found")


@app.command()
def simulate(
    url: UrlOption = "http://127.0.0.1:8000",
    people: Annotated[int, typer.Option(help="How many people are screened.")] = 3000,
    seed: Annotated[int, typer.Option(help="Everything but the draw follows from it.")] = 1,
    trial: Annotated[str | None, typer.Option(help="Id of the trial to simulate.")] = None,
    protocol: Annotated[str, typer.Option(help="Id of the protocol of the trial.")] = "prvij-2010-11",
    data_dir: DataDir = None,
) -> None:
    """Simulate a whole trial through the API: eighteen case systems and a register integration."""
    settings = settings_of(data_dir=data_dir)
    issuer = LocalIssuer.load_or_create(settings.data_dir, settings.audience)
    try:
        run_simulation(url, people, seed, trial, issuer.token, protocol=protocol)
    except SimulationError as error:
        fail(str(error))
