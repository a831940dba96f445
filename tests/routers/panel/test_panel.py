"""The panel (issue 4, 7): releases, pseudonyms, four formats with one content, and the same bytes for ever."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.session import SYSTEM_SCOPE
from app.db.panel import reader as panel_reads
from app.db.panel.releases import pseudonyms
from app.db.personal_data.vault import Vault, change_master_key, load_or_create_master_key
from app.domain.figures.panel import TABLES
from tests.database import check_audit_trail, query, seen
from tests.register import Client, Register, new_cpr, record_id

PATHS = {"person-weeks": "person-weeks", "participants": "panel/participants", "draws": "panel/draws"}
PARQUET, JSON_LINES, CSV = "application/vnd.apache.parquet", "application/x-ndjson", "text/csv"
POLARS = {
    "string": pl.String,
    "bool": pl.Boolean,
    "int32": pl.Int32,
    "double": pl.Float64,
    "date": pl.Date,
    "list<string>": pl.List(pl.String),
}
ARROW = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "list<string>": pa.list_(pa.string()),
}
PANDAS = {"string": "str", "bool": "bool", "int32": "int32", "double": "float64", "date": "object"}


@dataclass
class Place:
    """A trial with people in two jobcentres of whom something is recorded, one of them a duplicate."""

    register: Register
    trial: str
    people: list[str]
    evaluator: Client

    def release(self, **body: Any) -> dict[str, Any]:
        response = self.evaluator.post(f"/v1/trials/{self.trial}/releases", {"purpose": "Evaluation", **body})
        assert response.status_code == 201, response.text
        found: dict[str, Any] = response.json()
        return found

    def read(self, table: str, release: str | None = None, accept: str | None = None, **more: Any) -> Any:
        headers = {} if accept is None else {"Accept": accept}
        parameters = {"release": release, **more}
        response = self.evaluator.request(
            "GET",
            f"/v1/trials/{self.trial}/{PATHS[table]}",
            params={name: value for name, value in parameters.items() if value is not None},
            headers=headers,
        )
        assert response.status_code == 200, response.text
        return response

    def items(self, table: str, release: str | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.read(table, release).json()["items"]
        return found


def place_in(register: Register) -> Place:
    trial = register.new_trial()
    system = register.case_system()
    people = [register.drawn(trial, jobcentre=code) for code in ("849", "849", "849", "860", "860")]
    for participant in people:
        talk = {"external_id": record_id(), "participant_id": participant, "date": "2010-11-16"}
        system.push(trial, "conversations", [talk])
    spell = {
        "external_id": record_id(),
        "participant_id": people[0],
        "type": "work_placement_private",
        "starts_on": "2011-01-03",
        "ends_on": "2011-03-31",
        "hours_per_week": 22.5,
    }
    system.push(trial, "activations", [spell])
    left = {"external_id": record_id(), "participant_id": people[1], "kind": "exit", "date": "2011-02-09"}
    system.push(trial, "presence-events", [{**left, "reason": "education"}])
    duplicate(register, trial)
    return Place(register, trial, people, register.client("evaluator", client_id="evaluator"))


def duplicate(register: Register, trial: str) -> str:
    """Someone drawn twice in 860 under two numbers: the participant who turned out to be a duplicate."""
    system = register.case_system()
    cpr = new_cpr()
    assert system.post(f"/v1/trials/{trial}/participants", register.screening(cpr=cpr, jobcentre="860")).is_success
    again = register.drawn(trial, jobcentre="860")
    corrected = {"cpr": cpr, "reason": "typing_error"}
    assert system.post(f"/v1/trials/{trial}/participants/{again}/cpr", corrected).status_code == 200
    return again


@pytest.fixture(scope="module")
def place(register: Register) -> Place:
    return place_in(register)


# --- releases ---------------------------------------------------------------------------------------------------------


def test_a_release_is_recorded_with_who_when_and_why(place: Place) -> None:
    release = place.release(purpose="Effect on employment")
    place.release()
    assert (release["client_id"], release["purpose"]) == ("evaluator", "Effect on employment")
    assert (release["trial"], release["pilot"], release["protocol"]) == (place.trial, False, "prvij-2010-11")
    assert release["watermark"] == release["recorded_at"]
    assert release["as_of"] == "2012-06-01"
    path = f"/v1/trials/{place.trial}/releases"
    assert place.evaluator.get(f"{path}/{release['release_id']}").json() == release
    assert release in place.evaluator.get(path, limit=1000).json()["items"]
    first = place.evaluator.get(path, limit=1)
    following = place.evaluator.get(path, limit=1, cursor=first.json()["next"]).json()
    assert following["items"][0]["recorded_at"] > first.json()["items"][0]["recorded_at"]


def test_a_moment_to_come_is_now(place: Place) -> None:
    release = place.release(known_at="2099-01-01T00:00:00Z")
    assert release["watermark"] == release["recorded_at"]


def test_it_is_never_changed_even_by_the_owner(place: Place) -> None:
    place.release()
    for statement in ("update release set purpose = 'x'", "delete from release", "truncate release"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            query(place.register.database_url, statement)


def test_without_a_release_one_is_recorded(place: Place) -> None:
    response = place.read("person-weeks", purpose="Just looking")
    release = response.headers["panel-release"]
    kept = place.evaluator.get(f"/v1/trials/{place.trial}/releases/{release}").json()
    assert kept["purpose"] == "Just looking"
    assert response.json()["release"] == kept
    assert place.read("person-weeks", release).content == response.content
    assert place.read("draws").json()["release"]["purpose"] == "unspecified"


def test_unknown_releases_and_those_of_another_trial(place: Place) -> None:
    elsewhere = place.register.new_trial()
    release = place.release()["release_id"]
    assert place.evaluator.get(f"/v1/trials/{elsewhere}/releases/{release}").status_code == 404
    assert place.evaluator.get(f"/v1/trials/{elsewhere}/person-weeks", release=release).status_code == 404
    assert place.evaluator.get("/v1/trials/none/person-weeks").status_code == 404


# --- pseudonyms and content -------------------------------------------------------------------------------------------


def test_the_same_person_in_a_release_and_another_in_the_next(place: Place) -> None:
    releases = [place.release()["release_id"] for _ in range(2)]
    named = [
        [{row["person"] for row in place.items(table, release) if row["person"]} for table in PATHS]
        for release in releases
    ]
    for weeks, participants, draws in named:
        assert weeks == participants == draws
        assert len(weeks) == 6
    assert not named[0][0] & named[1][0]


def test_nothing_leads_back_to_a_participant(place: Place) -> None:
    """Neither the participant's id, nor the pseudonym of the published draws, nor a day of the draw."""
    release = place.release()["release_id"]
    published = query(
        place.register.database_url,
        "select pseudonym::text as p from assignment where trial_id = $1",
        arguments=[place.trial],
    )
    secret = {*place.people, *(row["p"] for row in published)}
    for table in PATHS:
        for accept in ("application/json", JSON_LINES, CSV, PARQUET):
            content = place.read(table, release, accept).content
            assert not [
                each for each in secret if each.encode() in content or each.replace("-", "").encode() in content
            ]
    assert all(row["position"] is None for row in place.items("draws", release))


def test_the_weeks_are_those_of_the_register(place: Place) -> None:
    """Domain 4: what the panel says of each person is what the case system reads of them."""
    release = place.release()["release_id"]
    shown: dict[str, list[dict[str, Any]]] = {}
    for row in place.items("person-weeks", release):
        shown.setdefault(row["person"], []).append(row)
    system = place.register.case_system()
    for participant in place.people:
        weeks = system.get(f"/v1/trials/{place.trial}/participants/{participant}/weeks").json()["items"]
        alike = [
            [{name: row[name] for name in week} for row, week in zip(rows, weeks, strict=True)]
            for rows in shown.values()
        ]
        assert weeks in alike
    by_state = [row["state"] for rows in shown.values() for row in rows]
    assert "absent" in by_state


def test_the_panel_adds_up_to_the_summary(place: Place) -> None:
    """Domain 5: same watermark, same figures."""
    release = place.release()
    agency = place.register.client("agency")
    summary = agency.get(f"/v1/trials/{place.trial}/weekly-summary", by="trial", known_at=release["watermark"]).json()
    rows = place.items("person-weeks", release["release_id"])
    for item in summary["items"]:
        for name in ("conversation_due", "conversation_held", "conversation_conforming", "activation_due", "activated"):
            assert sum(row[name] for row in rows if row["arm"] == item["arm"]) == item["cumulative"][name]
    assert summary["items"]


def test_duplicates_are_left_out_but_for_their_draw(place: Place) -> None:
    """Domain 3.3: no figure, but position and balance; nobody's before it was found out."""
    trial = place.register.new_trial()
    other = Place(place.register, trial, [], place.evaluator)
    before = other.release()
    duplicate(place.register, trial)
    after = other.release()["release_id"]
    assert len(other.items("participants", after)) == 1
    assert sorted(row["duplicate"] for row in other.items("draws", after)) == [False, True]
    assert other.items("draws", before["release_id"]) == []


def test_positions_once_the_draws_are_published(place: Place) -> None:
    other = place_in(place.register)
    before = other.release()["release_id"]
    assert other.register.client("agency").post(f"/v1/trials/{other.trial}/close").status_code == 200
    rows = other.items("draws", other.release()["release_id"])
    published = other.register.client("auditor").get(f"/v1/trials/{other.trial}/draws").json()["items"]
    ours = sorted((row["jobcentre"], row["position"], row["arm"]) for row in rows)
    assert ours == sorted((row["jobcentre"], row["position"], row["arm"]) for row in published)
    assert all(row["position"] is None for row in other.items("draws", before)), "as known then"


def test_the_baseline_is_what_the_screening_stated(place: Place) -> None:
    for row in place.items("participants"):
        assert (row["channel"], row["match_group"], row["benefit"]) == ("new_match", 2, "cash_benefit")
        assert (row["assigned_week"], row["region"], row["exempt_from"]) == ("2010-W45", "nord", "none")


def test_a_pilot_says_so(place: Place) -> None:
    pilot = place.register.new_trial(pilot=True)
    assert Place(place.register, pilot, [], place.evaluator).release()["pilot"] is True


def test_a_trial_of_one_arm(place: Place) -> None:
    """Domain 6 [C]: no draw, a target group, an average instead of duties."""
    register = place.register
    dates = {"intake_from": "2010-11-01", "intake_to": "2011-03-31", "ends_on": "2012-03-31"}
    trial = register.new_trial(protocol="flex-2016", required_contacts=2, target_groups=[2, 3], **dates)
    body = {"cpr": new_cpr(), "jobcentre": "849", "interview_on": "2010-11-08", "target_group": 3}
    assert register.case_system().post(f"/v1/trials/{trial}/participants", body).status_code == 201
    other = Place(register, trial, [], place.evaluator)
    release = other.release()["release_id"]
    (baseline,) = pl.read_parquet(io.BytesIO(other.read("participants", release, PARQUET).content)).to_dicts()
    assert (baseline["arm"], baseline["target_group"], baseline["channel"]) == ("treatment", 3, None)
    assert other.items("draws", release) == []
    assert any(row["contact_week"] for row in other.items("person-weeks", release))


def test_a_trial_without_people_has_a_panel_of_no_rows(place: Place) -> None:
    empty = Place(place.register, place.register.new_trial(), [], place.evaluator)
    release = empty.release()["release_id"]
    for table in PATHS:
        assert empty.items(table, release) == []
        assert empty.read(table, release, JSON_LINES).content == b""
        assert parquet.read_table(io.BytesIO(empty.read(table, release, PARQUET).content)).num_rows == 0


# --- reproducible -----------------------------------------------------------------------------------------------------


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


# --- formats ----------------------------------------------------------------------------------------------------------


def from_csv(table: str, text: str) -> list[dict[str, Any]]:
    """CSV read by the dictionary's types."""
    read: Mapping[str, Callable[[str], Any]] = {
        "string": str,
        "bool": lambda cell: {"true": True, "false": False}[cell],
        "int32": int,
        "double": float,
        "date": str,
        "list<string>": lambda cell: cell.split("|"),
    }
    columns = {column.name: column for column in TABLES[table].columns}
    rows = []
    for line in csv.DictReader(io.StringIO(text, newline="")):
        row: dict[str, Any] = {}
        for name, cell in line.items():
            kind = columns[name].type
            row[name] = read[kind](cell) if cell else [] if kind == "list<string>" else None
        rows.append(row)
    return rows


@pytest.mark.parametrize("table", PATHS)
def test_all_formats_hold_the_same(place: Place, table: str) -> None:
    release = place.release()["release_id"]
    items = place.items(table, release)
    assert items
    lines = place.read(table, release, JSON_LINES)
    assert lines.headers["content-type"] == JSON_LINES
    assert [json.loads(line) for line in lines.text.splitlines()] == items
    assert from_csv(table, place.read(table, release, CSV).text) == items
    file = parquet.read_table(io.BytesIO(place.read(table, release, PARQUET).content))
    shown = [
        {name: str(value) if isinstance(value, date) else value for name, value in row.items()}
        for row in file.to_pylist()
    ]
    assert shown == items


@pytest.mark.parametrize("table", PATHS)
def test_pandas_and_polars_read_the_types_of_the_dictionary(place: Place, table: str) -> None:
    content = place.read(table, place.release()["release_id"], PARQUET).content
    columns = {column.name: column for column in TABLES[table].columns}
    frame = pl.read_parquet(io.BytesIO(content))
    assert dict(frame.schema) == {name: POLARS[column.type] for name, column in columns.items()}
    assert frame.height > 0
    arrow = pd.read_parquet(io.BytesIO(content), dtype_backend="pyarrow")
    assert {name: arrow[name].dtype.pyarrow_dtype for name in arrow} == {
        name: ARROW[column.type] for name, column in columns.items()
    }
    pandas = pd.read_parquet(io.BytesIO(content))
    for name, column in columns.items():
        if column.type in PANDAS and not pandas[name].isna().any():
            assert str(pandas[name].dtype) == PANDAS[column.type], name


def test_the_dictionary_stands_in_the_file(place: Place) -> None:
    release = place.release()
    dictionary = place.evaluator.get(f"/v1/trials/{place.trial}/panel/dictionary").json()
    assert {each["table"] for each in dictionary["tables"]} == set(PATHS)
    for each in dictionary["tables"]:
        content = place.read(each["table"], release["release_id"], PARQUET).content
        schema = parquet.read_schema(io.BytesIO(content))
        assert json.loads(schema.metadata[b"rettevej.dictionary"]) == each
        assert json.loads(schema.metadata[b"rettevej.release"]) == release
        for column, field in zip(each["columns"], schema, strict=True):
            assert field.metadata[b"meaning"].decode() == column["meaning"]
            assert field.nullable == column["nullable"]
            assert field.type == ARROW[column["type"]]
        assert place.read(each["table"], release["release_id"]).json()["dictionary"] == each
    (state,) = [each for each in dictionary["tables"][0]["columns"] if each["name"] == "state"]
    assert set(state["codes"]) == {"assignment_week", "counted", "absent", "exempt", "complete"}


def test_the_text_about_it_has_every_column() -> None:
    written = (Path(__file__).parents[3] / "docs" / "export.md").read_text("utf-8")
    for table in TABLES.values():
        part = written.partition(f"### {table.name}\n")[2].partition("###")[0]
        for column in table.columns:
            assert f"| `{column.name}` | {column.type}" in part
            assert column.meaning in part


def test_what_is_accepted(place: Place) -> None:
    """Api.md: JSON by default; whatever is liked at least as well as JSON."""
    release = place.release()["release_id"]
    wanted = {
        "*/*": "application/json",
        "text/html": "application/json",
        f"{PARQUET}, application/json;q=0.5": PARQUET,
        f"{PARQUET};q=0.2, application/json": "application/json",
        f"text/csv;q=0.5, {PARQUET}": PARQUET,
        "text/csv": "text/csv; charset=utf-8",
    }
    for accept, media_type in wanted.items():
        assert place.read("draws", release, accept).headers["content-type"] == media_type


def test_what_one_has_already_is_not_sent_again(place: Place) -> None:
    release = place.release()["release_id"]
    tags = set()
    for table, path in PATHS.items():
        for accept in ("application/json", CSV, JSON_LINES, PARQUET):
            tag = place.read(table, release, accept).headers["etag"]
            again = place.evaluator.request(
                "GET",
                f"/v1/trials/{place.trial}/{path}",
                params={"release": release},
                headers={"Accept": accept, "If-None-Match": tag},
            )
            assert (again.status_code, again.content) == (304, b"")
            tags.add(tag)
    assert len(tags) == 12


# --- who may, and who did ---------------------------------------------------------------------------------------------


def test_who_may_read_it(place: Place) -> None:
    """Api.md: an evaluator is bound to nothing and sees the panel whole; a scope widens no binding."""
    path = f"/v1/trials/{place.trial}/person-weeks"
    assert place.register.client("agency").get(path).status_code == 200
    assert place.register.client("agency", jobcentres=["849"]).get(path).status_code == 404
    assert place.register.client("agency", jobcentres=["849", "860", "450"]).get(path).status_code == 200
    for role in ("case-system", "register", "region", "auditor"):
        assert place.register.client(role).get(path).status_code == 403
    bound = place.register.client("agency", jobcentres=["849"])
    assert bound.post(f"/v1/trials/{place.trial}/releases", {"purpose": "x"}).status_code == 404
    assert bound.get(f"/v1/trials/{place.trial}/releases").status_code == 404


def test_every_export_is_in_the_trail(place: Place) -> None:
    release = place.release()["release_id"]
    place.read("draws", release, CSV)
    entries = place.register.client("auditor").get("/v1/audit", client_id="evaluator", limit=1000).json()["items"]
    (recorded,) = [
        each for each in entries if each["action"] == "panel.released" and each["details"]["release"] == release
    ]
    (exported,) = [
        each for each in entries if each["action"] == "panel.exported" and each["details"]["release"] == release
    ]
    assert (recorded["chain"], exported["chain"]) == ("writes", "reads")
    assert exported["details"] == {"release": release, "table": "draws", "format": "text/csv"}
    assert check_audit_trail(place.register.database_url) == []


def test_a_purpose_is_no_number_of_a_person(place: Place) -> None:
    path = f"/v1/trials/{place.trial}"
    assert place.evaluator.post(f"{path}/releases", {"purpose": new_cpr()}).status_code == 422
    assert place.evaluator.get(f"{path}/person-weeks", purpose=new_cpr()).status_code == 422
    assert place.evaluator.post(f"{path}/releases", {"purpose": ""}).status_code == 422
    assert place.evaluator.post(f"{path}/releases", {}).status_code == 422
