"""The operator's commands: backup, restore, doctor, rotate-key, erase."""

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from app.cli_support import DatabaseUrl, DataDir, console, database_of, fail, settings_of
from app.db.vault import write_key
from app.main import master_key_of
from app.operations import OperationError, back_up, erase_person, examine, restore, rotate_master_key
from app.settings import decode_master_key

app = typer.Typer()
File = Annotated[Path, typer.Argument(help="The backup's file.")]


@app.command()
def backup(file: File, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Write the whole database to a file (PostgreSQL's own format). The master key is not in it."""
    with database_of(settings_of(data_dir=data_dir, database_url=database_url), join=True) as url:
        try:
            back_up(url, file)
        except OperationError as error:
            fail(str(error))
    console.print(f"Written to {file}. Keep the master key apart from it: without it no person can be found again.")


@app.command("restore")
def restore_command(file: File, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Fill an empty database from a backup and examine what came of it."""
    settings = settings_of(data_dir=data_dir, database_url=database_url)
    with database_of(settings) as url:
        try:
            restore(url, file)
        except OperationError as error:
            fail(str(error))
        _report(asyncio.run(examine(url, master_key_of(settings))))


@app.command()
def doctor(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Examine configuration, schema, chains, draws, keys and kept counts; nothing is changed."""
    settings = settings_of(data_dir=data_dir, database_url=database_url)
    with database_of(settings, join=True) as url:
        _report(asyncio.run(examine(url, master_key_of(settings))))


def _report(faults: list[str]) -> None:
    for fault in faults:
        console.print(f"- {fault}", style="red", markup=False)
    if faults:
        fail(f"{len(faults)} faults found")
    console.print("Schema, master key, audit chains, draws, keys of records, kept counts: all is well.")


@app.command("rotate-key")
def rotate_key(
    new_key: Annotated[
        str | None, typer.Option(help="32 bytes, hex or base64; a fresh one in the data directory where left out.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Seal everything with a new master key. Stop the servers first."""
    settings = settings_of(data_dir=data_dir, database_url=database_url)
    if new_key is None and settings.database_url is not None:
        fail("give the new key with --new-key: it is never kept in a database server")
    old = master_key_of(settings)
    new = decode_master_key(new_key) if new_key is not None else None
    with database_of(settings) as url:
        if new is None:
            new = write_key(settings.data_dir / "master.key.new")  # beside the old one until all is sealed anew
        people = asyncio.run(rotate_master_key(url, old, new))
        if settings.database_url is None:
            (settings.data_dir / "master.key.new").replace(settings.data_dir / "master.key")
    console.print(f"The keys of {people} people, the seeds and the index are sealed with the new key.")


@app.command()
def erase(
    trial: Annotated[str, typer.Option(help="The trial.")],
    participant: Annotated[UUID, typer.Option(help="The participant's id.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Destroy a person's data key: the number is unreadable for ever; figures and chains stay whole."""
    with database_of(settings_of(data_dir=data_dir, database_url=database_url), join=True) as url:
        try:
            asyncio.run(erase_person(url, trial, participant, "operator"))
        except OperationError as error:
            fail(str(error))
    console.print("Erased.")
