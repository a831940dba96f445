"""Command of the operator after a clock has stepped: clock accept (domain 2)."""

import asyncio
from typing import Annotated

import typer

from app.cli.common import DatabaseUrl, DataDir, console, database_of, settings_of
from app.cli.operations import accept_clock, load_clock_notices
from app.db.core.host_clock import MAX_STEP

app = typer.Typer(no_args_is_help=True, help="The clock of this host.")


@app.callback()
def clock() -> None:
    """The clock of this host."""


@app.command()
def accept(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Accept the time of this host after its clock has stepped: registrations go on. Says first what is ahead; asks."""
    with database_of(settings_of(data_dir=data_dir, database_url=database_url), join=True) as url:
        step, notices = asyncio.run(load_clock_notices(url))
        for notice in notices:
            console.print(f"- {notice}", style="yellow", markup=False)
        if abs(step) <= MAX_STEP:
            console.print("The clock of this host has not stepped since boot: there is nothing to accept.")
            return
        yes or typer.confirm("Is the time of this host right now? Register with it from now on?", abort=True)
        asyncio.run(accept_clock(url, "operator"))
    console.print("Accepted.")
