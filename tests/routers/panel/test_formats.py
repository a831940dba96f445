"""Formats of the panel: CSV, Parquet, JSON and Arrow have one content."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from openpyxl import load_workbook
from pyarrow import parquet

from app.domain.figures.panel import TABLES
from app.routers.common import xlsx
from app.routers.common.xlsx import MEDIA_TYPE
from tests.routers.panel.common import CSV, JSON_LINES, PARQUET, PATHS, Place

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
    """Api.md: JSON by default and at equal quality; 406 where nothing fits."""
    release = place.release()["release_id"]
    wanted = {
        "*/*": "application/json",
        f"{PARQUET}, application/json": "application/json",
        f"{PARQUET}, application/json;q=0.5": PARQUET,
        f"{PARQUET};q=0.2, application/json": "application/json",
        f"text/csv;q=0.5, {PARQUET}": PARQUET,
        "text/csv": "text/csv; charset=utf-8",
    }
    for accept, media_type in wanted.items():
        assert place.read("draws", release, accept).headers["content-type"] == media_type
    refused = place.evaluator.request(
        "GET",
        f"/v1/trials/{place.trial}/{PATHS['draws']}",
        headers={"Accept": "text/html"},
        params={"release": release},
    )
    assert refused.status_code == 406


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


@pytest.mark.parametrize("table", PATHS)
def test_a_workbook_and_danish_csv_hold_the_cells_of_csv(place: Place, table: str) -> None:
    release = place.release()["release_id"]
    header, *plain = csv.reader(io.StringIO(place.read(table, release, CSV).text, newline=""))
    danish = place.read(table, release, CSV, dialect="da")
    assert danish.headers["etag"] != place.read(table, release, CSV).headers["etag"]
    columns, *rows = csv.reader(io.StringIO(danish.content.decode("utf-8-sig"), newline=""), delimiter=";")
    assert columns == header
    assert len(rows) == len(plain)
    workbook = load_workbook(io.BytesIO(place.read(table, release, MEDIA_TYPE).content))
    names, *sheet = workbook["figures"].iter_rows(values_only=True)
    assert [name for name in names if name in header] == header
    assert {"jobcentre_name", "region_name"} <= set(names)
    assert len(sheet) == len(plain)
    about = dict(workbook["about"].iter_rows(values_only=True))
    assert (about["release_id"], about["watermark"][-1]) == (release, "Z")


def test_a_table_longer_than_a_sheet_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """api.md, Conventions."""
    monkeypatch.setattr(xlsx, "MAX_ROWS", 3)
    path = f"/v1/trials/{place.trial}/person-weeks"
    response = place.evaluator.request("GET", path, headers={"Accept": MEDIA_TYPE})
    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")
