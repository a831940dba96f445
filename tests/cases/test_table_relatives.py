"""Cells, rows, headers and workbooks of the kinds of wild.md A, read alike by the command, the API and an extract."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn

import openpyxl
import pytest
from rettevej_client import workbooks
from rettevej_client.descriptions import FIELDS
from rettevej_client.files import Line, read_lines
from rettevej_client.tables import UNREADABLE, FileError

from app.db.records.batch_request import MalformedRecord
from app.importing.extract import ExtractLine, read_extract
from app.importing.mapping import ImportFaultError
from app.routers.records.batch_io import read_batch
from app.web.problems import Problem

REFUSED: Final = UNREADABLE
YEAR: Final = (date(2011, 1, 1), date(2011, 12, 31))


def by_command(tmp_path: Path, content: bytes, kind: str = "activations", name: str = "x.csv") -> list[Line]:
    (path := tmp_path / name).write_bytes(content)
    return list(read_lines(path, kind, "xlsx" if name.endswith("xlsx") else "csv"))


def by_api(content: bytes, kind: str = "activations") -> list[Any]:
    return read_batch("text/csv", content, FIELDS[kind])


# --- Cells ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "text", "delimiter", "value"),
    [
        ("hours_per_week", "7.5", ",", Decimal("7.5")),
        ("hours_per_week", '"7,5"', ",", REFUSED),
        ("hours_per_week", "7,5", ";", Decimal("7.5")),
        ("hours_per_week", "7.5", ";", Decimal("7.5")),
        ("hours_per_week", "7,5", "\t", Decimal("7.5")),
        ("hours_per_week", "1.200", ";", REFUSED),
        ("hours_per_week", "1,200", ";", REFUSED),
        ("hours_per_week", "37.000", "\t", REFUSED),
        ("hours_per_week", "1.200,50", ";", REFUSED),
        ("hours_per_week", "1 200", ";", REFUSED),
        ("hours_per_week", "15 t", ";", REFUSED),
        ("hours_per_week", "1e1", ",", REFUSED),
        ("hours_per_week", "inf", ",", REFUSED),
        ("hours_per_week", ".5", ",", REFUSED),
        ("hours_per_week", "\u00a015\u00a0", ",", Decimal(15)),
        ("hours_per_week", "\u0661\u0665", ",", REFUSED),
        ("starts_on", "2011-01-03", ";", "2011-01-03"),
        ("starts_on", "03-01-2011", ";", "2011-01-03"),
        ("starts_on", "03.01.2011", "\t", "2011-01-03"),
        ("starts_on", "03-01-2011", ",", REFUSED),
        ("starts_on", "3-1-2011", ";", REFUSED),
        ("starts_on", "03.01-2011", ";", REFUSED),
        ("starts_on", "03/01/2011", ";", REFUSED),
        ("starts_on", "03-01-11", ";", REFUSED),
        ("starts_on", "31-02-2011", ";", REFUSED),
        ("starts_on", "40546", ";", REFUSED),
        ("starts_on", "20110103", ",", REFUSED),
        ("starts_on", "2011-01-03T00:00:00", ",", "2011-01-03"),
        ("starts_on", "2011-01-03 00:00:00.000", ",", "2011-01-03"),
        ("starts_on", "2011-01-02T23:00:00", ",", REFUSED),
        ("starts_on", "2011-01-02T23:00:00Z", ",", REFUSED),
        ("starts_on", "2011-01-03T00:00:00Z", ",", REFUSED),
        ("starts_on", "2011-01-03T00:00:00+01:00", ",", REFUSED),
        ("starts_on", "03-01-2011 00:00", ";", "2011-01-03"),
        ("starts_on", "02-01-2011 23:00", ";", REFUSED),
        ("ends_on", "NaT", ",", REFUSED),
        ("ends_on", "NULL", ";", REFUSED),
        ("ends_on", "\u200b", ";", None),
        ("company_centre", "SAND", ";", True),
        ("company_centre", "falsk", ",", False),
        ("company_centre", "TRUE", ",", True),
        ("company_centre", "1", ",", True),
        ("company_centre", "0", ";", False),
        ("company_centre", "2", ";", REFUSED),
        ("company_centre", "-1", ",", REFUSED),
        ("company_centre", "ja", ";", REFUSED),
        ("company_centre", "x", ";", REFUSED),
        ("revision", "1.0", ",", 1),
        ("revision", "1,0", ";", 1),
        ("revision", '"1,0"', ",", REFUSED),
        ("revision", "1.000", ";", REFUSED),
        ("revision", "+1", ",", REFUSED),
        ("revision", "\u00b9", ",", REFUSED),
        ("cpr", "101585000", ",", "0101585000"),
        ("cpr", "10158-5000", ";", "0101585000"),
        ("cpr", "010158-5000", ",", "0101585000"),
        ("cpr", "10691063", ";", REFUSED),
        ("cpr", "7101701234.0", ",", REFUSED),
        ("cpr", "7,1017E+09", ";", REFUSED),
        ("cpr", "#I/T", ";", REFUSED),
        ("external_id", "1e+05", ",", REFUSED),
        ("external_id", "1,23457E+18", ";", REFUSED),
        ("external_id", "4711.0", ",", REFUSED),
        ("external_id", "#VÆRDI!", ";", REFUSED),
        ("external_id", "<NA>", ",", REFUSED),
        ("external_id", "\\N", "\t", REFUSED),
        ("external_id", "[object Object]", ",", REFUSED),
        ("external_id", "1234567890123456789", ",", "1234567890123456789"),
        ("external_id", "12e05", ",", "12e05"),
        ("external_id", "NA-12", ",", "NA-12"),
        ("external_id", "0042", ",", "0042"),
        ("external_id", "2011.17", ";", "2011.17"),
        ("type", "None", ",", REFUSED),
        ("type", "other_offer\u00a0", ",", "other_offer"),
        ("cvr_number", "#N/A", ",", REFUSED),
    ],
)
def test_a_cell_means_the_same_to_command_and_api(
    tmp_path: Path, field: str, text: str, delimiter: str, value: object
) -> None:
    names = ["external_id", field] if field != "external_id" else ["external_id", "type"]
    cells = ["a", text] if field != "external_id" else [text, "other_offer"]
    content = f"{delimiter.join(names)}\n{delimiter.join(cells)}\n".encode()
    (line,) = by_command(tmp_path, content)
    (record,) = by_api(content)
    assert isinstance(line.record, dict)
    assert line.record == record
    assert (record[field], type(record[field])) == (value, type(value))
    assert [fault.field for fault in line.faults] == ([field] if value is REFUSED else [])
    assert not any(text.strip('"') in fault.meaning for fault in line.faults if len(text) > 4), "no value is repeated"


@pytest.mark.parametrize(
    ("field", "cell", "number_format", "value"),
    [
        ("external_id", 4711, "General", "4711"),
        ("external_id", 4711.5, "General", REFUSED),
        ("external_id", 1234567890123456789, "General", REFUSED),
        ("external_id", date(2011, 1, 3), "yyyy-mm-dd", REFUSED),
        ("external_id", True, "General", REFUSED),
        ("external_id", "#N/A", "General", REFUSED),
        ("external_id", "=A1+1", "General", REFUSED),
        ("cpr", 101585000, "General", "0101585000"),
        ("cpr", 7101701234, "0000000000", "7101701234"),
        ("cpr", 7101701234.5, "General", REFUSED),
        ("hours_per_week", 7.5, "General", Decimal("7.5")),
        ("hours_per_week", 7.4 + 1e-15, "General", Decimal("7.4")),
        ("hours_per_week", "7,5", "@", Decimal("7.5")),
        ("hours_per_week", datetime(2011, 5, 7), "d-mmm", REFUSED),  # noqa: DTZ001 - Excel's 7.5
        ("hours_per_week", time(7, 30), "h:mm", REFUSED),
        ("hours_per_week", 15, '0 "timer pr. dag"', Decimal(15)),
        ("starts_on", datetime(2011, 1, 3), "dd-mm-yyyy", "2011-01-03"),  # noqa: DTZ001 - a cell
        ("starts_on", datetime(2011, 1, 2, 23), "dd-mm-yyyy", REFUSED),  # noqa: DTZ001 - a cell
        ("starts_on", datetime(2011, 1, 2, 23, 59, 59), "dd-mm-yyyy", REFUSED),  # noqa: DTZ001 - a cell
        ("starts_on", 40546, "General", REFUSED),
        ("starts_on", 40546, "[$-406]d. mmmm yyyy", "2011-01-03"),
        ("starts_on", 40546, "14", REFUSED),
        ("starts_on", "03-01-2011", "@", "2011-01-03"),
        ("starts_on", time(8, 30), "h:mm", REFUSED),
        ("starts_on", timedelta(hours=30), "[h]:mm", REFUSED),
        ("ends_on", "=E2+13", "yyyy-mm-dd", REFUSED),
        ("ends_on", "  ", "General", None),
        ("company_centre", True, "General", True),
        ("company_centre", 1, "General", True),
        ("company_centre", 2, "General", REFUSED),
        ("revision", 1.0, "General", 1),
        ("revision", 1.5, "General", REFUSED),
        ("revision", True, "General", REFUSED),
        ("type", 20, "General", "20"),
    ],
)
def test_a_cell_of_a_workbook(tmp_path: Path, field: str, cell: object, number_format: str, value: object) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["external_id", field] if field != "external_id" else ["type", "external_id"])
    sheet.append(["a", cell])
    sheet["B2"].number_format = number_format
    book.save(content := io.BytesIO())
    (line,) = by_command(tmp_path, content.getvalue(), name="x.xlsx")
    assert isinstance(line.record, dict)
    assert (line.record[field], type(line.record[field])) == (value, type(value))
    assert all(fault.meaning.startswith("cell B2: ") for fault in line.faults)
    assert bool(line.faults) == (value is REFUSED)


# --- Rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("external_id,cpr,type,\na,7101701234,b,\nc,7101701235,d,\n", "++"),
        ("external_id,cpr,type\na,7101701234,b,\nc,7101701235,d,\n", "++"),
        ("external_id,cpr,type,,\na,7101701234,b\nc,7101701235,d\n", "++"),
        ("external_id,cpr,type\na,7101701234,b,\nc,7101701235,d\n", "-+"),
        ("external_id,cpr,type\na,7101701234\nc,7101701235,d\n", "-+"),
        ("external_id,cpr,type\na,7101701234\nc,7101701235\n", "--"),
        ("external_id,hours_per_week,company_centre\na,7,1,\nb,8,1\n", "-+"),
        ("external_id,cpr,type\n\na,7101701234,b\n , ,\n,,\n", "+"),
        ('external_id, cpr, type\na, 7101701234, "b, c"\n', "+"),
        ("sep=;\nexternal_id;type\na;b\n", "+"),
        ("\ufeff\ufeffexternal_id;type\ra;b\rc;d\r", "++"),
        ("External_ID\tTYPE\na\tb\n", "+"),
        ('"external_id";"type"\n"a\nb";"c"\n', "+"),
    ],
)
def test_rows_have_as_many_fields_as_the_header(tmp_path: Path, content: str, rows: str) -> None:
    lines, records = by_command(tmp_path, content.encode()), by_api(content.encode())
    assert "".join("-" if line.record == b"null" else "+" for line in lines) == rows
    assert "".join("-" if isinstance(record, MalformedRecord) else "+" for record in records) == rows
    for line, record in zip(lines, records, strict=True):
        if isinstance(record, MalformedRecord):
            assert [("", line.faults[0].code)] == list(record.report.errors)
        else:
            assert line.record == record


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("external_id,type\na,b\n".encode("utf-16"), "UTF-16"),
        ("external_id,type\na,b\n".encode("utf-16-be"), "UTF-16"),
        ("external_id,type\na,b\n".encode("utf-32"), "UTF-32"),
        (b"external_id,type\n\xc3\xa5,b\nc,\xe5\n", "line 3 is not UTF-8"),
        (b"\xef\xbb\xbfexternal_id,type\n\xe5,b\n", "line 2 is not UTF-8"),
        (b"external_id,type\n\xc3\xa5,b\n\xf8\xa1,d\n", "line 3 is not UTF-8"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"PK\x03\x04xxxx", "Excel workbook or a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel workbook"),
        (b"external_id,typ\na,b\n", "the column 'typ' is no field of this kind; is it type?"),
        (b"external_id;type,cpr\na;b,c\n", "a comma and a semicolon separate names"),
        (b"external_id|type\na|b\n", "not separated by a comma, a semicolon or a tab"),
        (b"external_id,,type\na,,b\n", "column 2 has no name"),
        (b"external_id,type,Type\na,b,c\n", "the column type is there twice"),
        (b'external_id,type\n"a,b\n', "is no CSV"),
    ],
)
def test_a_file_that_is_none_is_refused_by_command_and_api(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(FileError) as by_file:
        by_command(tmp_path, content)
    with pytest.raises(Problem) as by_body:
        by_api(content)
    assert sentence in str(by_file.value)
    assert sentence.lower() in by_body.value.detail.lower()


def test_only_a_file_without_any_sequence_of_utf_8_is_windows_1252(tmp_path: Path) -> None:
    (line,) = by_command(tmp_path, "external_id,type\nsag-å€1,b\n".encode("cp1252"))
    assert isinstance(line.record, dict)
    assert line.record["external_id"] == "sag-å€1"


# --- Workbooks --------------------------------------------------------------------------------------------------------


def workbook(change: Callable[[openpyxl.Workbook], None] = lambda _: None) -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["external_id", "type"])
    book.active.append(["a", "other_offer"])
    change(book)
    book.save(content := io.BytesIO())
    return content.getvalue()


def with_part(content: bytes, path: str, change: Callable[[bytes], bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out := io.BytesIO(), "w") as target:
        for part in source.namelist():
            target.writestr(part, change(source.read(part)) if part == path else source.read(part))
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>'


def hidden(book: openpyxl.Workbook) -> None:
    book.active.sheet_state = "hidden"
    book.create_sheet("Forside")


def hidden_beside(book: openpyxl.Workbook) -> None:
    book.create_sheet("Gammel").append(["x"])
    book["Gammel"].sheet_state = "veryHidden"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no workbook", "no Excel workbook"),
        (workbook()[:-200], "no Excel workbook"),
        (with_part(workbook(), SHEET, lambda part: part[:-60]), "no Excel workbook"),
        (with_part(workbook(), SHEET, lambda part: DOCTYPE + part), "no Excel workbook"),
        (with_part(workbook(), "xl/workbook.xml", lambda _: b"<workbook/>"), "no Excel workbook"),
        (workbook(hidden), "the sheet with values is hidden: 'Sheet' (hidden); name it with --sheet"),
        (workbook(hidden_beside), "several sheets have values: 'Sheet', 'Gammel' (hidden); name one with --sheet"),
        (workbook(lambda book: book.active.delete_rows(1, 2)), "there is no column external_id"),
        (workbook(lambda book: book.active.delete_rows(2)), "the file has no records"),
    ],
)
def test_a_workbook_that_cannot_be_read(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(FileError) as error:
        by_command(tmp_path, content, name="x.xlsx")
    assert sentence in str(error.value)


@pytest.mark.parametrize("sheet", [None, "Sheet"])
def test_a_workbook_that_expands_is_refused_before_a_part_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sheet: str | None
) -> None:
    def opened(*_: object) -> NoReturn:
        raise AssertionError

    bomb = with_part(workbook(), SHEET, lambda part: part.replace(b"<sheetData>", b"<sheetData>" + b" " * (1 << 21)))
    (path := tmp_path / "x.xlsx").write_bytes(bomb)
    monkeypatch.setattr(workbooks, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(zipfile.ZipFile, "open", opened)
    with pytest.raises(FileError, match="expands to more than 1 MiB"):
        list(read_lines(path, "activations", "xlsx", sheet))


def test_a_value_beyond_the_last_column_rejects_the_row(tmp_path: Path) -> None:
    lines = by_command(tmp_path, workbook(lambda book: book.active.append(["b", "c", None, "d"])), name="x.xlsx")
    assert [[fault.code for fault in line.faults] for line in lines] == [[], ["unknown_field"]]


def test_days_counted_from_1904(tmp_path: Path) -> None:
    def change(book: openpyxl.Workbook) -> None:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
        book.active["B1"] = "starts_on"
        book.active["B2"] = datetime(2011, 1, 3)  # noqa: DTZ001 - a cell

    (line,) = by_command(tmp_path, workbook(change), name="x.xlsx")
    assert isinstance(line.record, dict)
    assert line.record["starts_on"] == "2011-01-03"


# --- Extracts ---------------------------------------------------------------------------------------------------------

MAPPING = """
{more}
open_end = ["31-12-9999", "99999999"]
[columns]
cpr = "PNR"
jobcentre = "KOMNR"
starts_on = "FRADATO"
ends_on = "TILDATO"
hours_per_week = "TIMER"
[type]
columns = ["FORANSTALTNING", "STED"]
[type.codes]
"*" = "other_offer"
"""
HEADER = "PNR;KOMNR;FRADATO;TILDATO;TIMER;FORANSTALTNING;STED"


def extract(row: str, more: str = "", header: str = HEADER) -> ExtractLine:
    content = f"{header}\n{row}\n".encode()
    (line,) = read_extract(content, MAPPING.format(more=more), ["849", "860"], *YEAR).lines
    return line


@pytest.mark.parametrize(
    ("row", "more", "field", "value"),
    [
        ("101585000;0849;03-01-2011;31-12-9999;15,0;20;2", "", "cpr", "0101585000"),
        ("7101701234;849;03012011;99999999;15;20;2", 'date = "%d%m%Y"', "starts_on", "2011-01-03"),
        ("7101701234;849;3012011;;15;20;2", 'date = "%d%m%Y"', "starts_on", REFUSED),
        ("7101701234;849;3-1-2011;;15;20;2", 'date = "%d-%m-%Y"', "starts_on", REFUSED),
        ("7101701234;849;03-01-11;;15;20;2", 'date = "%d-%m-%y"', "starts_on", "2011-01-03"),
        ("7101701234;849;2011003;;15;20;2", 'date = "%Y%j"', "starts_on", "2011-01-03"),
        ("7101701234;849;201113;;15;20;2", 'date = "%Y%m%d"', "starts_on", REFUSED),
        ("7101701234;849;03-01-2011 00:00:00;;15;20;2", 'date = "%d-%m-%Y"', "starts_on", "2011-01-03"),
        ("7101701234;849;02-01-2011 23:00:00;;15;20;2", 'date = "%d-%m-%Y"', "starts_on", REFUSED),
        ("7101701234;849;02-01-2011 23:00;;15;20;2", 'date = "%d-%m-%Y %H:%M"', "starts_on", REFUSED),
        ("7101701234;849;03-01-2011;;1.200;20;2", 'decimal = ","', "hours_per_week", REFUSED),
        ("7101701234;849;03-01-2011;;37.0;20;2", 'decimal = ","', "hours_per_week", REFUSED),
        ("7101701234;849;03-01-2011;;7,5;20;2", 'decimal = "."', "hours_per_week", REFUSED),
        ("7101701234;849;03-01-2011;;37.0;20;2", "", "hours_per_week", 37.0),
        ("7101701234;849;03-01-2011;NULL;15;20;2", "", "ends_on", REFUSED),
        ("7101701234;849;03-01-2011;;;20;2", "", "hours_per_week", REFUSED),
        (";849;03-01-2011;;15;20;2", "", "cpr", REFUSED),
        ("7101701234;849;03-01-2011;;15;20;2", "", "ends_on", None),
    ],
)
def test_a_cell_of_an_extract(row: str, more: str, field: str, value: object) -> None:
    line = extract(row, more)
    assert line.record is not None
    assert (line.record[field], line.jobcentre) == (value, "849")
    assert bool(line.faults) == (value is REFUSED)


@pytest.mark.parametrize(
    "row", ["7101701234;abc;03-01-2011;;15;20;2", "7101701234;849;03-01-2011;;15;20", "7101701234;849;03-01-2011"]
)
def test_a_line_of_an_extract_that_may_be_anybodys(row: str) -> None:
    line = extract(row)
    assert (line.jobcentre, line.record, len(line.faults)) == (None, None, 1)


def test_a_delimiter_that_the_mapping_states_wrongly() -> None:
    with pytest.raises(ImportFaultError, match="separated by a semicolon, not by a comma"):
        extract("7101701234;849;03-01-2011;;15;20;2", 'delimiter = ","')


# --- The files of wild.md ---------------------------------------------------------------------------------------------

FILES = Path(__file__).parent / "files"
_NAMES = {"PNR": "cpr", "FRADATO": "starts_on", "TILDATO": "ends_on", "TIMER": "hours_per_week"}


@pytest.mark.parametrize("path", sorted(FILES.glob("*.csv")), ids=lambda path: path.name)
def test_the_same_cells_mean_the_same_everywhere(tmp_path: Path, path: Path) -> None:
    """By the command, the API and an extract: the register files as records, with an id and the API's names."""
    content = path.read_bytes()
    if path.name == "bad2.csv":
        with pytest.raises(FileError, match="line 3 is not UTF-8"):
            by_command(tmp_path, content, "conversations")
        with pytest.raises(Problem, match="invalid_json"):
            by_api(content, "conversations")
        with pytest.raises(ImportFaultError, match="line 3 is not UTF-8"):
            read_extract(content, None, ["849"], *YEAR)
        return
    header, *rows = content.decode("utf-8-sig").splitlines()
    columns = header.split(";")
    kept = [place for place, name in enumerate(columns) if name in _NAMES]
    lines = [";".join(["external_id", *(_NAMES[columns[place]] for place in kept)])]
    lines += [
        ";".join([f"a{number}", *(row.split(";")[place].replace("31-12-9999", "") for place in kept)])
        for number, row in enumerate(rows)
    ]
    table = "\n".join(lines).encode("utf-8-sig")
    commanded, sent = by_command(tmp_path, table), by_api(table)
    extracted = read_extract(content, MAPPING.format(more=""), ["849", "860"], *YEAR).lines
    assert len(commanded) == len(sent) == len(extracted) == len(rows)
    for line, record, spell in zip(commanded, sent, extracted, strict=True):
        assert line.record == record
        assert spell.record is not None
        for name in _NAMES.values():
            assert record[name] == spell.record[name], (path.name, line.number, name)
        assert [fault.field for fault in line.faults] == [fault.partition(":")[0] for fault in spell.faults]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("dim.xlsx", [("date", f"2010-11-{day}") for day in range(15, 20)]),
        ("formula.xlsx", [("ends_on", REFUSED)]),
        ("ids.xlsx", [("external_id", REFUSED)] * 2),
        ("utc.xlsx", [("date", REFUSED)]),
    ],
)
def test_the_workbooks(tmp_path: Path, name: str, values: list[tuple[str, object]]) -> None:
    content = (FILES / name).read_bytes()
    kind = "activations" if name == "formula.xlsx" else "conversations"
    lines = by_command(tmp_path, content, kind, name)
    assert [(field, dict(line.record)[field]) for (field, _), line in zip(values, lines, strict=True)] == values  # type: ignore[arg-type]
    with pytest.raises(Problem, match="invalid_json"):
        by_api(content, kind)


def test_the_server_imports_the_reader_of_the_client_alone() -> None:
    root = Path(__file__).parents[2] / "app"
    imports = [
        line
        for path in (root / "routers").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if "rettevej_client" in line and "import" in line
    ]
    assert imports == ["from rettevej_client.tables import EncodingError, FileError, Layout, TextTable, record_of"]
