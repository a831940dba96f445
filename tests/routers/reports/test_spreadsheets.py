"""Reports for spreadsheets (api.md, Conventions): Danish CSV and XLSX hold the cells of the plain CSV."""

import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from openpyxl import load_workbook

from app.routers.common import xlsx
from app.routers.common.tables import csv_table
from tests.register import Client, Register, faults, record_id

REPORTS = ("weekly-summary", "conditions", "worklist", "activity-curve", "flow", "data-quality", "effects")
PARAMETERS = {
    "weekly-summary": {"week": "2010-W46"},
    "conditions": {"week": "2010-W46"},
    "worklist": {"week": "2010-W47"},
}
ADDED = {"jobcentre_name", "region_name", "monday"}


@pytest.fixture(scope="module")
def trial(register: Register) -> str:
    trial = register.new_trial()
    case_system = register.case_system()
    people = [register.drawn(trial) for _ in range(6)]
    talks = [{"external_id": record_id(), "date": "2010-11-16", "participant_id": person} for person in people[:3]]
    case_system.push(trial, "conversations", talks)
    path = f"/v1/trials/{trial}/participants/{people[0]}"
    assert case_system.request("PATCH", path, json={"contact_person": "=1+1; Ærø"}).status_code == 200
    return trial


@pytest.fixture(scope="module")
def client(register: Register) -> Client:
    return register.client("case-system")


def report(client: Client, trial: str, name: str, accept: str, **parameters: str) -> bytes:
    query = {**PARAMETERS.get(name, {}), **parameters}
    response = client.request("GET", f"/v1/trials/{trial}/{name}", params=query, headers={"Accept": accept})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith(accept)
    return response.content


def rows_of(content: bytes, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def sheet(content: bytes, name: str = "figures") -> list[list[Any]]:
    return [list(row) for row in load_workbook(io.BytesIO(content))[name].iter_rows(values_only=True)]


@pytest.mark.parametrize("name", REPORTS)
def test_danish_csv_holds_the_cells_of_plain_csv(client: Client, trial: str, name: str) -> None:
    plain = rows_of(report(client, trial, name, "text/csv"), ",")
    danish = report(client, trial, name, "text/csv", dialect="da")
    assert danish.startswith(b"\xef\xbb\xbf")
    rows = rows_of(danish, ";")
    assert rows[0] == plain[0]
    assert [[_english(cell) for cell in row] for row in rows] == [[_english(cell) for cell in row] for row in plain]
    assert not any(_is_number(cell) and "." in cell for row in rows for cell in row)


def _english(cell: str) -> str:
    plain = cell.replace(",", ".")
    return plain if _is_number(plain) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", REPORTS)
def test_a_workbook_holds_the_cells_of_plain_csv_and_names(client: Client, trial: str, name: str) -> None:
    header, *plain = rows_of(report(client, trial, name, "text/csv"), ",")
    columns, *rows = sheet(report(client, trial, name, xlsx.MEDIA_TYPE))
    assert [column for column in columns if column not in ADDED] == header
    assert len(rows) == len(plain) > 0
    for row, expected in zip(rows, plain, strict=True):
        cells = dict(zip(columns, row, strict=True))
        assert [_as_csv(cells[column]) for column in header] == expected
        if (jobcentre := cells.get("group.jobcentre") or cells.get("jobcentre")) is not None:
            assert cells["jobcentre_name"] != jobcentre
            assert cells["region_name"]
    if "week" in header:
        assert {row[columns.index("monday")] for row in rows} == {datetime(2010, 11, 15)}  # noqa: DTZ001 - a day
    about = dict(sheet(report(client, trial, name, xlsx.MEDIA_TYPE), "about"))
    assert {"trial", "title", "as_of", "watermark"} <= about.keys()
    assert (about["trial"], about["watermark"][-1]) == (trial, "Z")
    assert isinstance(about["as_of"], datetime)


def _as_csv(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_the_same_report_is_the_same_file(client: Client, trial: str) -> None:
    first, second = (report(client, trial, "conditions", xlsx.MEDIA_TYPE) for _ in range(2))
    assert first == second


def test_nothing_is_run(client: Client, trial: str) -> None:
    for cells in (
        [cell for row in rows_of(report(client, trial, "worklist", "text/csv", dialect="da"), ";") for cell in row],
        [cell for row in sheet(report(client, trial, "worklist", xlsx.MEDIA_TYPE)) for cell in row],
    ):
        assert "=1+1; Ærø" not in cells


def test_danish_csv_has_a_decimal_comma_and_iso_days() -> None:
    row = {"a": 0.5, "b": -1, "c": date(2011, 1, 31), "d": "1.5", "e": 'x;"y"', "f": True}
    content = csv_table([row], {}, danish=True)
    assert content.decode("utf-8-sig") == 'a;b;c;d;e;f\r\n0,5;-1;2011-01-31;1.5;"x;""y""";true\r\n'


def test_a_sheet_ends_at_its_last_row(monkeypatch: pytest.MonkeyPatch, client: Client, trial: str) -> None:
    """api.md: a table longer than a sheet is 406, saying which types hold it."""
    monkeypatch.setattr(xlsx, "MAX_ROWS", 2)
    path = f"/v1/trials/{trial}/activity-curve"
    response = client.request("GET", path, headers={"Accept": xlsx.MEDIA_TYPE})
    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")
    assert "text/csv" in response.json()["detail"]


def test_every_text_is_one_in_a_workbook() -> None:
    file = io.BytesIO()
    texts = ["007", "a\x00b", "<&>\"'", " \r\n\t", "1e5", "Ærø 🚲", "\ud800"]
    book = xlsx.Workbook(file, [("watermark", None)])
    book.rows([["text"], *([text] for text in texts)])
    book.close()
    shown = [cell for (cell,) in sheet(file.getvalue())[1:]]
    assert shown == ["007", "a\ufffdb", "<&>\"'", " \r\n\t", "1e5", "Ærø 🚲", "\ufffd"]


def test_known_at_takes_a_day(client: Client, trial: str) -> None:
    """api.md, Reports: the end of that day in Copenhagen."""
    path = f"/v1/trials/{trial}/weekly-summary"
    today = datetime.now(UTC).date()
    before = client.get(path, known_at="2010-01-01", week="2009-W40").json()
    assert before["as_of"] == "2010-01-01"
    assert before["watermark"] == "2010-01-01T22:59:59.999999Z"
    assert client.get(path, known_at="2010-07-01", week="2009-W40").json()["watermark"] == "2010-07-01T21:59:59.999999Z"
    assert client.get(path, known_at=f"{today}").status_code == 200
    for wrong in ("2010-02-30", "1970-01-01", "20100101", "2010-01-01T", "1e9"):
        response = client.request("GET", path, params={"known_at": wrong})
        assert faults(response.json()) == [("/query/known_at", "invalid_value")], wrong
        assert "YYYY-MM-DD" in response.json()["errors"][0]["meaning"]


def test_an_unknown_dialect_is_refused(client: Client, trial: str) -> None:
    response = client.request("GET", f"/v1/trials/{trial}/flow", params={"dialect": "de"})
    assert faults(response.json()) == [("/query/dialect", "invalid_value")]
