"""Protocols in use: a trial's protocol is never edited."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from app.cli.operations import examine
from app.db.core.session import make_engine
from app.db.personal_data.vault import load_or_create_master_key
from app.protocols import add_folder, digest_of, protocols
from app.settings import Settings
from tests.register import Register


@pytest.mark.parametrize("change", ["edited", "gone"])
def test_a_changed_protocol_in_use_stops_the_start(
    change: str,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    new_database: Callable[[], str],
    tmp_path: Path,
) -> None:
    """Domain 6: never edited once a trial uses it; ``doctor`` tells the same."""
    url, data = new_database(), tmp_path / "data"
    monkeypatch.setattr("app.protocols._added", {})
    with Register(url, data, folder) as register:
        register.new_trial(id="in-use", protocol="made-up-2012")
    with Register(url, data, folder) as register:  # nothing was changed: it starts
        assert register.client("agency").get("/v1/trials/in-use").status_code == 200
    file = folder / "made-up-2012.toml"
    if change == "edited":
        file.write_text(file.read_text("utf-8").replace("value = 15", "value = 16"), "utf-8")
    else:
        file.unlink()
    monkeypatch.setattr("app.protocols._added", {})
    told = "whose file was changed since" if change == "edited" else "which is not known"
    fault = f"trial in-use uses the protocol made-up-2012, {told}"
    with pytest.raises(RuntimeError, match=fault), Register(url, data, folder):
        pass
    master_key = load_or_create_master_key(data)
    (found,) = asyncio.run(examine(url, master_key))
    assert found.startswith(fault)


def test_a_trial_from_before_keeps_what_its_protocol_says_at_the_next_start(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    """Of trials that were created before digests were kept, the next start notes them."""
    url = new_database()
    with Register(url, tmp_path) as register:
        register.new_trial(id="old")

    async def digest(forget: bool) -> str | None:
        engine = make_engine(url, 1)
        async with engine.begin() as connection:
            if forget:
                await connection.execute(text("update trial set protocol_digest = null"))
            found: str | None = (await connection.execute(text("select protocol_digest from trial"))).scalar_one()
        await engine.dispose()
        return found

    assert asyncio.run(digest(forget=True)) is None
    with Register(url, tmp_path):
        pass
    assert asyncio.run(digest(forget=False)) == digest_of(protocols()["prvij-2010-11"])


def test_a_remark_in_the_file_is_no_change(none_added: None, folder: Path) -> None:
    add_folder(folder)
    before = digest_of(protocols()["made-up-2012"])
    file = folder / "made-up-2012.toml"
    file.write_text("# a remark\n\n" + file.read_text("utf-8"), "utf-8")
    add_folder(folder)
    assert digest_of(protocols()["made-up-2012"]) == before


def test_digests_tell_protocols_apart() -> None:
    digests = {digest_of(protocol) for protocol in protocols().values()}
    assert len(digests) == len(protocols())
    assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)


def test_the_folder_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RETTEVEJ_PROTOCOLS", str(tmp_path))
    assert Settings().protocols == tmp_path
