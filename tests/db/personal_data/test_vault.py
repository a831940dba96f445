"""Personal data under lock (issue 3, 4): sealing, the wrong key, another key, a person erased."""

import asyncio
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidTag
from starlette.testclient import TestClient

from app.cli.operations import erase_person, rotate_master_key
from app.db.core.session import make_engine
from app.db.participants.erasure import ErasureError
from app.db.personal_data.vault import (
    KEY_BYTES,
    SealedIdentity,
    Vault,
    WrongMasterKeyError,
    load_or_create_master_key,
    write_key,
)
from app.main import create_app
from app.settings import Settings
from tests.database import check_audit_trail, query, register_faults
from tests.register import Register, new_cpr, record_id

MASTER, OTHER, INDEX = bytes(range(32)), bytes(range(1, 33)), bytes(32)
CPR = "7101701234"


def opened(url: str, key: bytes) -> Vault:
    async def run() -> Vault:
        engine = make_engine(url, 1)
        try:
            async with engine.begin() as connection:
                return await Vault.open(connection, key)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def identity(url: str, participant: str) -> SealedIdentity:
    (row,) = query(
        url,
        "select wrapped_key, sealed_cpr from vault.identity where participant_id = $1",
        arguments=[UUID(participant)],
    )
    return SealedIdentity(row["wrapped_key"], row["sealed_cpr"])


# --- sealing ----------------------------------------------------------------------------------------------------------


def test_what_is_sealed_opens_again_and_never_looks_the_same() -> None:
    vault, person = Vault(MASTER, INDEX), uuid4()
    one, other = vault.seal_cpr(person, CPR), vault.seal_cpr(person, CPR)
    assert vault.open_cpr(person, one) == vault.open_cpr(person, other) == CPR
    assert len({one.wrapped_key, other.wrapped_key, one.sealed_cpr, other.sealed_cpr}) == 4
    for sealed in (one.wrapped_key, one.sealed_cpr):
        assert CPR.encode() not in sealed


def test_nothing_else_opens_it() -> None:
    """Another master key, another person, another person's key, one bit turned, the end cut off."""
    vault, person = Vault(MASTER, INDEX), uuid4()
    sealed = vault.seal_cpr(person, CPR)
    stranger = vault.seal_cpr(person, CPR)
    turned = bytearray(sealed.sealed_cpr)
    turned[-1] ^= 1
    for with_vault, of, what in (
        (Vault(OTHER, INDEX), person, sealed),
        (vault, uuid4(), sealed),
        (vault, person, SealedIdentity(stranger.wrapped_key, sealed.sealed_cpr)),
        (vault, person, SealedIdentity(sealed.wrapped_key, bytes(turned))),
        (vault, person, SealedIdentity(sealed.wrapped_key, sealed.sealed_cpr[:-1])),
    ):
        with pytest.raises(InvalidTag):
            with_vault.open_cpr(of, what)


def test_seeds_belong_to_their_trial() -> None:
    vault = Vault(MASTER, INDEX)
    sealed = vault.seal_seed("one", b"seed" * 8)
    assert vault.open_seed("one", sealed) == b"seed" * 8
    for with_vault, trial in ((vault, "two"), (Vault(OTHER, INDEX), "one")):
        with pytest.raises(InvalidTag):
            with_vault.open_seed(trial, sealed)


def test_the_blind_index_is_equal_for_equal_numbers_under_one_key() -> None:
    vault = Vault(MASTER, INDEX)
    assert vault.blind_index(CPR) == Vault(OTHER, INDEX).blind_index(CPR)
    assert vault.blind_index(CPR) != vault.blind_index("7101701235")
    assert vault.blind_index(CPR) != Vault(MASTER, MASTER).blind_index(CPR)
    assert len(vault.blind_index(CPR)) == 32


# --- the key of a database --------------------------------------------------------------------------------------------


def test_a_database_keeps_its_index_key(new_database: Callable[[], str]) -> None:
    url = new_database()
    first = opened(url, MASTER).blind_index(CPR)
    assert opened(url, MASTER).blind_index(CPR) == first
    assert opened(new_database(), MASTER).blind_index(CPR) != first
    with pytest.raises(WrongMasterKeyError, match="The master key does not fit this database"):
        opened(url, OTHER)


def test_with_the_wrong_key_nothing_starts(fresh_register: Register, tmp_path: Path) -> None:
    application = create_app(
        Settings(data_dir=fresh_register.settings.data_dir, master_key=OTHER.hex()), fresh_register.database_url
    )
    with pytest.raises(WrongMasterKeyError), TestClient(application):
        pass
    before = query(fresh_register.database_url, "select name, wrapped from vault.secret order by name")
    assert [row["name"] for row in before] == ["blind index key", "signing key"]


# --- another key ------------------------------------------------------------------------------------------------------


def test_rotation(fresh_register: Register) -> None:
    """The old key fits no longer; with the new one all is as it was: lookups, numbers, seeds, the heads' signature."""
    url, register = fresh_register.database_url, fresh_register
    directory = register.settings.data_dir
    trial = register.new_trial()
    closed = register.new_trial()
    body = register.screening()
    anna = register.case_system().post(f"/v1/trials/{trial}/participants", body).json()["participant_id"]
    register.drawn(closed)
    register.client("agency").post(f"/v1/trials/{closed}/close")
    seed = register.client("agency").get(f"/v1/trials/{closed}").json()["seed"]
    jwk = register.client("auditor").get("/v1/audit/heads").json()["jwk"]
    erased = register.drawn(trial)
    asyncio.run(erase_person(url, trial, UUID(erased), "operator"))
    old, new = load_or_create_master_key(directory), bytes(range(7, 39))
    sealed = identity(url, anna)

    assert asyncio.run(rotate_master_key(url, old, new)) == 2
    with pytest.raises(WrongMasterKeyError):
        opened(url, old)
    assert asyncio.run(rotate_master_key(url, old, new)) == 0, "done before: one that broke off can be finished"
    with pytest.raises(WrongMasterKeyError):
        asyncio.run(rotate_master_key(url, old, bytes(32)))
    resealed = identity(url, anna)
    assert resealed.sealed_cpr == sealed.sealed_cpr, "the data key stays: only what wraps it is new"
    assert resealed.wrapped_key != sealed.wrapped_key
    assert opened(url, new).open_cpr(UUID(anna), resealed) == body["cpr"]

    (directory / "master.key").write_bytes(new)
    with Register(url, directory) as again:
        system = again.case_system()
        found = system.post(f"/v1/trials/{trial}/participants/lookup", {"cpr": body["cpr"]})
        assert found.json()["participant_id"] == anna
        assert system.post(f"/v1/trials/{trial}/participants", body).json()["participant_id"] == anna
        assert again.client("agency").get(f"/v1/trials/{closed}").json()["seed"] == seed
        assert again.client("auditor").get("/v1/audit/heads").json()["jwk"] == jwk
        again.drawn(trial)
        assert register_faults(again) == []


def _figures(response: Any) -> Any:
    """A report without its watermark, which an erasure raises."""
    return {**response.json(), "watermark": None}


# --- a person erased --------------------------------------------------------------------------------------------------


def test_erasure(fresh_register: Register) -> None:
    """The number is gone for ever; figures, records and chains stay, and the person is not drawn a second time."""
    register, url = fresh_register, fresh_register.database_url
    trial = register.new_trial()
    path = f"/v1/trials/{trial}"
    system = register.case_system()
    body = register.screening()
    anna = system.post(f"{path}/participants", body).json()["participant_id"]
    talk = {"external_id": record_id(), "participant_id": anna, "date": "2010-11-16"}
    system.push(trial, "conversations", [talk])
    reports = [f"{path}/weekly-summary", f"{path}/conditions", f"{path}/participants/{anna}/weeks"]
    before = [_figures(system.get(each)) for each in reports]

    asyncio.run(erase_person(url, trial, UUID(anna), "operator"))

    assert identity(url, anna) == SealedIdentity(None, None)  # type: ignore[arg-type]
    assert [_figures(system.get(each)) for each in reports] == before
    assert register_faults(register) == []
    (entry,) = query(url, "select * from audit_entry where action = 'participant.erased'")
    assert (str(entry["participant_id"]), entry["client_id"], entry["jobcentre_code"]) == (anna, "operator", "849")

    again = system.post(f"{path}/participants", {**body, "interview_on": "2010-11-15"})
    assert (again.status_code, again.json()["code"]) == (409, "already_drawn")
    elsewhere = system.post(f"{path}/participants", {**body, "jobcentre": "860"}).json()
    assert [each["code"] for each in elsewhere["failures"]] == ["not_available"]
    assert len(query(url, "select from assignment")) == 1
    assert identity(url, anna) == SealedIdentity(None, None), "sending again seals nothing"  # type: ignore[arg-type]

    later = {**talk, "external_id": record_id(), "date": "2010-11-23"}
    assert system.push(trial, "conversations", [later])["counts"]["created"] == 1
    for participant in (anna, str(uuid4())):
        with pytest.raises(ErasureError):
            asyncio.run(erase_person(url, trial, UUID(participant), "operator"))
    with pytest.raises(ErasureError):
        asyncio.run(erase_person(url, "other", UUID(register.drawn(trial)), "operator"))
    assert check_audit_trail(url) == []


def test_a_number_is_only_in_the_vault_and_there_sealed(fresh_register: Register) -> None:
    trial = fresh_register.new_trial()
    cpr = new_cpr()
    anna = fresh_register.drawn(trial, cpr=cpr)
    key = load_or_create_master_key(fresh_register.settings.data_dir)
    sealed = identity(fresh_register.database_url, anna)
    assert opened(fresh_register.database_url, key).open_cpr(UUID(anna), sealed) == cpr
    assert cpr.encode() not in sealed.wrapped_key + sealed.sealed_cpr


# --- the key's file ---------------------------------------------------------------------------------------------------


def test_the_key_file(tmp_path: Path) -> None:
    """Made at the first start, for its owner only; then it stays."""
    directory = tmp_path / "not" / "there"
    key = load_or_create_master_key(directory)
    path = directory / "master.key"
    assert (len(key), path.read_bytes()) == (KEY_BYTES, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_master_key(directory) == key
    assert load_or_create_master_key(tmp_path) != key
    assert [each.name for each in directory.iterdir()] == ["master.key"]
    with pytest.raises(FileExistsError):
        write_key(path)
    assert path.read_bytes() == key
    assert [each.name for each in directory.iterdir()] == ["master.key"]


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_damaged_key_file_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "master.key").write_bytes(content)
    with pytest.raises(ValueError, match="restore it from the backup"):
        load_or_create_master_key(tmp_path)
    assert (tmp_path / "master.key").read_bytes() == content


def test_workers_that_start_at_once_find_one_key(tmp_path: Path) -> None:
    for attempt in range(20):
        directory = tmp_path / str(attempt)
        found: list[bytes | Exception] = []

        def load(directory: Path = directory, found: list[bytes | Exception] = found) -> None:
            try:
                found.append(load_or_create_master_key(directory))
            except ValueError as error:
                found.append(error)

        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len(set(found)) == 1
        assert isinstance(found[0], bytes)
