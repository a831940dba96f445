"""Reproducible releases: the same bytes whenever they are read."""

import io
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pyarrow import parquet
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.session import SYSTEM_SCOPE
from app.db.panel import reader as panel_reads
from app.db.panel.releases import pseudonyms
from app.db.personal_data.vault import Vault, change_master_key, load_or_create_master_key
from tests.database import seen
from tests.register import Register, record_id
from tests.routers.panel.common import CSV, JSON_LINES, PARQUET, PATHS, Place, duplicate, place_in


def test_a_release_stays_byte_for_byte_as_it_was(place: Place) -> None:
    """Whatever is recorded, corrected, retracted, drawn or found to be a duplicate afterwards."""
    other = place_in(place.register)
    release = other.release()["release_id"]
    formats = ("application/json", JSON_LINES, CSV, PARQUET)
    before = {(table, accept): other.read(table, release, accept).content for table in PATHS for accept in formats}
    system = other.register.case_system()
    talk = {"external_id": record_id(), "participant_id": other.people[0], "date": "2010-11-24"}
    system.push(other.trial, "conversations", [talk])
    left = {"external_id": record_id(), "participant_id": other.people[2], "kind": "exit", "date": "2010-12-01"}
    system.push(other.trial, "presence-events", [{**left, "reason": "job"}])
    handed = {"jobcentre": "860", "from_client": "case-system", "to_client": "successor"}
    assert other.register.client("agency").post(f"/v1/trials/{other.trial}/handovers", handed).is_success
    duplicate(other.register, other.trial)
    other.register.clock.now = datetime(2013, 1, 1, tzinfo=UTC)
    try:
        after = {(table, accept): other.read(table, release, accept).content for table in PATHS for accept in formats}
    finally:
        other.register.clock.now = datetime(2012, 6, 1, 12, tzinfo=UTC)
    assert after == before
    assert other.items("person-weeks") != other.items("person-weeks", release)


def test_another_master_key_leaves_the_pseudonyms(fresh_register: Register) -> None:
    """The release's key is sealed anew like every other secret of the vault."""
    place = place_in(fresh_register)
    release = place.release()["release_id"]
    before = {row["person"] for row in place.items("participants", release)}
    old, new = load_or_create_master_key(fresh_register.settings.data_dir), bytes(range(32))

    async def pseudonyms_after(connection: AsyncConnection) -> set[str]:
        await connection.execute(text("reset role"))
        await change_master_key(connection, old, new)
        vault = await Vault.open(connection, new)
        pseudonym = await pseudonyms(connection, vault, place.trial, UUID(release))
        rows = await connection.execute(text("select participant_id from participant where status = 'drawn'"))
        return {pseudonym(each) for each in rows.scalars()}

    assert seen(fresh_register.database_url, SYSTEM_SCOPE, pseudonyms_after, keep=False) == before


def test_another_release_of_the_same_watermark_differs_in_its_pseudonyms_alone(place: Place) -> None:
    other = place_in(place.register)
    first = other.release()
    system = other.register.case_system()
    talk = {"external_id": record_id(), "participant_id": other.people[0], "date": "2010-11-24"}
    system.push(other.trial, "conversations", [talk])
    second = other.release(known_at=first["watermark"])
    assert (second["watermark"], second["as_of"]) == (first["watermark"], first["as_of"])
    for table in PATHS:
        one, two = (other.items(table, each["release_id"]) for each in (first, second))
        bare = [sorted(json.dumps({**row, "person": ""}) for row in rows) for rows in (one, two)]
        assert bare[0] == bare[1]


def test_the_running_week_comes_when_it_is_over(register: Register) -> None:
    """Domain 2: weeks are over as of the day of the release."""
    place = place_in(register)
    register.clock.now = datetime(2010, 11, 21, 12, tzinfo=UTC)
    try:
        assert {row["week"] for row in place.items("person-weeks")} == {"2010-W45"}
        register.clock.now = datetime(2010, 11, 21, 23, 30, tzinfo=UTC)  # Monday in Copenhagen
        assert {row["week"] for row in place.items("person-weeks")} == {"2010-W45", "2010-W46"}
    finally:
        register.clock.now = datetime(2012, 6, 1, 12, tzinfo=UTC)


def test_portions_make_no_difference(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    release = place.release()["release_id"]
    whole = [place.read("person-weeks", release, accept).content for accept in ("application/json", CSV, JSON_LINES)]
    monkeypatch.setattr(panel_reads, "PORTION", 1)
    parts = [place.read("person-weeks", release, accept).content for accept in ("application/json", CSV, JSON_LINES)]
    assert parts == whole
    file = parquet.ParquetFile(io.BytesIO(place.read("person-weeks", release, PARQUET).content))
    assert file.num_row_groups == 6, "a row group for each portion"
