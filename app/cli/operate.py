"""Commands of the operator: backup, restore, doctor, rotate-key, erase, expire."""

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from app.cli.common import DatabaseUrl, DataDir, console, database_of, fail, settings_of
from app.cli.operations import (
    OperationError,
    back_up,
    count_expirable,
    erase_person,
    examine,
    expire,
    load_notices,
    restore,
    rotate_master_key,
)
from app.db.participants.erasure import ErasureError
from app.db.personal_data.vault import KEY_BYTES, WrongMasterKeyError, write_key
from app.domain.rules.execution import execution
from app.settings import Settings, decode_master_key
from app.startup import embedded_in, master_key_of, new_key_file

app = typer.Typer()
_SHOWN = 200
"""Faults that `doctor` prints."""
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
        _examine(settings, url)


@app.command()
def doctor(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Examine schema, master key, numbers, chains, draws, keys, kept counts and weeks; nothing is changed.

    Names requests for corrected numbers that wait for more than 14 days, and numbers corrected before anyone decided.
    """
    settings = settings_of(data_dir=data_dir, database_url=database_url)
    if settings.database_url is None and not embedded_in(settings.data_dir).exists:
        fail(f"there is no database in {settings.data_dir}")
    with database_of(settings, join=True) as url:
        _examine(settings, url)


def _examine(settings: Settings, url: str) -> None:
    try:
        with console.status("doctor") as status:
            key = master_key_of(settings, make=False)
            faults = asyncio.run(examine(url, key, lambda step: status.update(f"doctor: {step}")))
    except (RuntimeError, ValueError) as error:
        fail(str(error))
    console.print(f"The rules run {execution()}.")
    for notice in asyncio.run(load_notices(url)):
        console.print(f"- {notice}", style="yellow", markup=False)
    for fault in faults[:_SHOWN]:
        console.print(f"- {fault}", style="red", markup=False)
    if len(faults) > _SHOWN:
        console.print(f"- and {len(faults) - _SHOWN} more", style="red")
    if faults:
        fail(f"{len(faults)} faults found")
    console.print("Schema, master key, numbers, audit chains, draws, keys of records, counts, weeks: all is well.")


@app.command("rotate-key")
def rotate_key(
    new_key: Annotated[
        str | None, typer.Option(help="32 bytes, hex or base64; a fresh one in the data directory where left out.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Seal everything with a new master key. Stop the servers first. One that broke off is finished."""
    settings = settings_of(data_dir=data_dir, database_url=database_url)
    in_file = settings.database_url is None and settings.master_key is None
    if new_key is None and not in_file:
        fail("the master key is set from outside: give the new one with --new-key, and set it afterwards")
    try:
        given = None if new_key is None else decode_master_key(new_key)
        old = master_key_of(settings)
    except (RuntimeError, ValueError) as error:
        fail(str(error))
    with database_of(settings) as url:
        draft = new_key_file(settings)
        new = _pending(draft, given) if in_file else given
        assert new is not None, "given, where it is not kept in a file"
        try:
            people = asyncio.run(rotate_master_key(url, old, new))
        except WrongMasterKeyError as error:
            fail(f"{error} Nothing was changed.")
        if in_file:
            draft.replace(settings.data_dir / "master.key")
    console.print(f"The keys of {people} people, the seeds and the index are sealed with the new key.")
    if not in_file:
        console.print("Set RETTEVEJ_MASTER_KEY to the new key before the next start.")


def _pending(draft: Path, given: bytes | None) -> bytes:
    """Return the new key, stored beside the old one during the rotation; reuse that of an interrupted rotation."""
    try:
        return write_key(draft, given)
    except FileExistsError:
        key = draft.read_bytes()
    if len(key) != KEY_BYTES or given not in (None, key):
        fail(f"a change to another key broke off: leave --new-key out to finish it with the key in {draft}")
    console.print(f"A change of the key broke off before; it is finished with the key in {draft}.", markup=False)
    return key


@app.command()
def erase(
    trial: Annotated[str, typer.Option(help="The trial.")],
    participant: Annotated[UUID, typer.Option(help="The participant's id.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Erase a person: nobody can read or find the number again. Figures, records, draws and chains stay."""
    with database_of(settings_of(data_dir=data_dir, database_url=database_url), join=True) as url:
        try:
            asyncio.run(erase_person(url, trial, participant, "operator"))
        except ErasureError as error:
            fail(str(error))
    console.print("Erased.")


@app.command("expire")
def expire_command(
    trial: Annotated[str, typer.Option(help="The trial: closed, its retention ended.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Erase everyone of a trial whose retention has ended, and destroy its key. Asks first."""
    with database_of(settings_of(data_dir=data_dir, database_url=database_url), join=True) as url:
        try:
            people = asyncio.run(count_expirable(url, trial))
            typer.confirm(f"Erase {people} people of {trial} for ever, and destroy the key of its digests?", abort=True)
            people = asyncio.run(expire(url, trial, "operator"))
        except ErasureError as error:
            fail(str(error))
    console.print(f"{people} people of {trial} are erased, and its key is destroyed. Delete backups from before.")
