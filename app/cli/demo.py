"""`rettevej demo`: a local register with a simulated trial, and links and requests to try."""

import asyncio
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, Any

import httpx
import typer
import uvicorn

from app.cli.common import console, database_of, fail
from app.db.core.migrate import migrate
from app.db.core.session import engine_on
from app.settings import Settings
from app.simulate import SimulationError
from app.simulate import run as run_simulation
from app.web.access_log import configure_logging
from app.web.http.timeouts import protocol_of
from app.web.tokens import LocalIssuer

TRIAL, SEED = "demo", 1
WEEK = "2011-W20"
"""A week in the middle of the course: every kind of activity is due for some participants."""

app = typer.Typer()


@app.command()
def demo(
    people: Annotated[int, typer.Option(help="How many people are screened, 40 or more.")] = 250,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 0,
    data_dir: Annotated[Path, typer.Option(help="Where it is kept; remove it to begin anew.")] = Path(".rettevej/demo"),
) -> None:
    """Start a separate register with a simulated trial. Ctrl-C stops it; the next start continues with its data."""
    settings = _settings(port, data_dir)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    configure_logging(settings.log_level)
    try:
        with database_of(settings) as database:
            asyncio.run(_migrate(database))
            with _serving(settings, database) as url:
                issuer = LocalIssuer.load_or_create(settings.data_dir, settings.audience)
                _ensure_trial(url, people, issuer)
                _print_examples(url, issuer.token("case-system"))
                Event().wait()
    except KeyboardInterrupt:
        console.print("The demo has stopped; the next start finds its data.")
    except SimulationError as error:
        fail(str(error))


def _settings(port: int, data_dir: Path) -> Settings:
    """Return settings of a local start; the environment's settings of another register do not apply."""
    return Settings(
        host="127.0.0.1",
        port=port,
        data_dir=data_dir,
        log_level="error",
        rate_limit=0,
        database_url=None,
        issuer=None,
        jwks_url=None,
        page_client_id=None,
        master_key=None,
        otlp_endpoint=None,
        protocols=None,
    )


async def _migrate(database: str) -> None:
    async with engine_on(database, 1) as engine:
        await migrate(engine)


@contextmanager
def _serving(settings: Settings, database: str) -> Iterator[str]:
    """Run the server in a thread inside the block and yield its address."""
    from app.main import create_app  # noqa: PLC0415 - half a second or more that no other command needs

    config = uvicorn.Config(
        create_app(settings, database),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        server_header=False,
        http=protocol_of(settings),
        timeout_graceful_shutdown=5,
    )
    socket = config.bind_socket()
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [socket]}, name="server")
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                fail("the server could not start; see the reason above")
            time.sleep(0.02)
        yield f"http://{settings.host}:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        socket.close()


def _ensure_trial(url: str, people: int, issuer: LocalIssuer) -> None:
    """Simulate the trial and close it, unless an earlier start did; an interrupted simulation is repeated safely."""
    agency = {"Authorization": f"Bearer {issuer.token('agency')}"}
    response = httpx.get(f"{url}/v1/trials/{TRIAL}", headers=agency)
    if response.is_success and response.json()["closed"]:
        console.print("The trial of an earlier start is there.")
        return
    run_simulation(url, people, SEED, TRIAL, issuer.token, console=console)
    httpx.post(f"{url}/v1/trials/{TRIAL}/close", headers=agency, timeout=30).raise_for_status()


def _print_examples(url: str, token: str) -> None:
    """Print a link that signs in to the page, and three requests that work unchanged."""
    trial = f"{url}/v1/trials/{TRIAL}"
    person = _completed_participant(trial, token)
    early = date.fromisoformat(person["assigned_on"]) + timedelta(weeks=2)
    body = f'{{"revision": 1, "participant_id": "{person["participant_id"]}", "date": "{early}", "form": "telephone"}}'
    bearer = '-H "Authorization: Bearer $TOKEN"'
    lines = (
        "",
        "The page, with all jobcentres in a week; the link signs in:",
        "",
        f"    {url}/#/{TRIAL}/region?week={WEEK}&token={token}",
        "",
        "What to try next, in a second terminal:",
        "",
        f"TOKEN={token}",
        "",
        "# the conditions of the grant by jobcentre, for a spreadsheet",
        f'curl -s "{trial}/conditions?week={WEEK}" {bearer} -H "Accept: text/csv"',
        "",
        "# one participant's weeks, as the rules judge them",
        f'curl -s "{trial}/participants/{person["participant_id"]}/weeks?until={WEEK}" {bearer}',
        "",
        "# your first record: a conversation by telephone where one in person is due; it is stored with a warning",
        f"curl -s -X PUT {trial}/conversations/my-first-record {bearer} \\",
        f"  -H 'Content-Type: application/json' -d '{body}'",
        "",
        f"The contract, to be tried out: {url}/docs   The rules with their sources: {url}/docs/rules",
        "Ctrl-C stops the demo; the next start finds its data.",
    )
    typer.echo("\n".join(lines))


def _completed_participant(trial: str, token: str) -> dict[str, Any]:
    """Return a participant of the treatment arm who has completed the course."""
    query = {"arm": "treatment", "state": "complete", "limit": "1"}
    response = httpx.get(
        f"{trial}/participants", params=query, headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    person: dict[str, Any] = response.raise_for_status().json()["items"][0]
    return person
