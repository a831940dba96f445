"""A register's file into the register (issue 4, 8): read by its mapping, sent in parts, gone on with after a break."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.importing import extract
from app.importing.extract import parts_of, read_extract
from app.importing.mapping import ImportFaultError, read_mapping
from app.importing.send import ImportOutcome, Job, Server, run
from tests.register import Client, Register, new_cpr

MAPPING = Path(__file__).parents[2] / "docs" / "amfora-mapping.toml"
HEADER = "PNR;KOMNR;FORANSTALTNING;STED;FRADATO;TILDATO;TIMER;YDELSE"
YEAR = (date(2011, 1, 1), date(2011, 12, 31))


@dataclass
class Place:
    """A trial with people, a file about them, and the API as the import meets it."""

    register: Register
    trial: str
    cprs: list[str]
    file: Path
    refuse: Callable[[dict[str, Any]], int | None] = lambda body: None
    """A status instead of the API's answer to a snapshot."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def write(self, *lines: str) -> None:
        self.file.write_text("\n".join([HEADER, *lines]), "latin-1")

    def line(self, who: int, *cells: str, jobcentre: str = "849") -> str:
        return ";".join((self.cprs[who], jobcentre, *cells, "kontanthjælp"))

    def server(self, client: Client | None = None) -> Server:
        amfora = client or self.register.client("register", client_id="amfora")

        def handle(request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                body = json.loads(request.content)
                status = self.refuse(body)
                if status == 0:
                    raise httpx.ReadError("gone")
                if status is not None:
                    return httpx.Response(status, json={"code": "database_unavailable"})
                self.sent.append(body)
            answer = amfora.request(
                request.method,
                str(request.url.copy_with(scheme="http", host="testserver")),
                content=request.content,
                headers={"Content-Type": "application/json"},
            )
            return httpx.Response(answer.status_code, content=answer.content)

        http = httpx.Client(base_url="http://register", transport=httpx.MockTransport(handle))
        return Server(http, "-", self.pauses.append)

    def run(self, mapping: Path | None = MAPPING, span: tuple[date, date] = YEAR, **changes: Any) -> ImportOutcome:
        values: dict[str, Any] = {"jobcentres": (), "dry_run": False, **changes}
        return run(Job(self.file, mapping, self.trial, first=span[0], last=span[1], **values), self.server())

    def stored(self) -> list[dict[str, Any]]:
        listed = self.register.case_system().get(f"/v1/trials/{self.trial}/activations", client_id="amfora")
        return sorted(listed.json()["items"], key=lambda each: (each["starts_on"], each["type"]))

    @property
    def checkpoint(self) -> Path:
        return self.file.with_name(f"{self.file.name}.import.json")


@pytest.fixture
def place(register: Register, tmp_path: Path) -> Place:
    trial = register.new_trial()
    cprs = [new_cpr() for _ in range(3)]
    for cpr, jobcentre in zip(cprs, ("849", "849", "860"), strict=True):
        register.drawn(trial, cpr=cpr, jobcentre=jobcentre)
    return Place(register, trial, cprs, tmp_path / "amfora.csv")


def test_a_file_with_its_mapping(place: Place) -> None:
    """Domain 7: spells by measure, place, start, end and hours; of strangers nothing is stored."""
    place.cprs.append(new_cpr())
    place.write(
        place.line(0, "20", "2", "03-01-2011", "31-03-2011", "22,5"),
        place.line(0, "30", "9", "01-04-2011", "31-12-9999", "37"),
        place.line(1, "90", "1", "01-04-2011", "", "37"),
        place.line(2, "10", "1", "15-02-2011", "", "25", jobcentre="860"),
        place.line(3, "10", "1", "15-02-2011", "", "25"),
        place.line(1, "10", "1", "31-12-2010", "", "25"),
        place.line(1, "10", "1", "31-01-2011", "", "25", jobcentre="101"),
    )
    result = place.run()
    assert (result.counts["created"], result.counts["rejected"], result.unknown) == (3, 1, 1)
    assert (result.left_out, result.faults) == (3, {})
    assert [(each["type"], each["starts_on"], each["ends_on"], each["hours_per_week"]) for each in place.stored()] == [
        ("work_placement_public", "2011-01-03", "2011-03-31", 22.5),
        ("wage_subsidy_private", "2011-02-15", None, 25.0),
        ("guidance_and_upskilling", "2011-04-01", None, 37.0),
    ]
    assert {(body["jobcentre"], body["from"], body["to"]) for body in place.sent} == {
        (code, first, last)
        for code in ("849", "860")
        for first, last in (
            ("2011-01-01", "2011-03-31"),
            ("2011-04-01", "2011-06-30"),
            ("2011-07-01", "2011-09-30"),
            ("2011-10-01", "2011-12-31"),
        )
    }


def test_the_next_file_replaces_it(place: Place) -> None:
    place.write(place.line(0, "20", "2", "03-01-2011", "", "20"), place.line(1, "20", "1", "03-01-2011", "", "20"))
    place.run()
    place.write(place.line(0, "20", "2", "03-01-2011", "31-03-2011", "20"))
    assert place.run().held[0].reasons == ["person_without_spells"]
    counts = place.run(accept_removals=1).counts
    assert (counts["updated"], counts["retracted"], counts["created"]) == (1, 1, 0)
    assert [each["ends_on"] for each in place.stored()] == ["2011-03-31"]
    assert place.run().counts["unchanged"] == 1


def test_a_mapping_names_the_planned_last_day(place: Place, tmp_path: Path) -> None:
    """Domain 4.6: a register may know until when a spell was planned, and why it ended."""
    mapping = tmp_path / "planned.toml"
    columns = '[columns]\nplanned_ends_on = "PLANLAGT"\nended_because = "AARSAG"'
    mapping.write_text(MAPPING.read_text("utf-8").replace("[columns]", columns), "utf-8")
    spell = place.line(0, "20", "2", "03-01-2011", "31-03-2011", "22,5")
    place.file.write_text(f"{HEADER};PLANLAGT;AARSAG\n{spell};30-06-2011;company_stopped\n", "latin-1")
    assert place.run(mapping).counts["created"] == 1
    (stored,) = place.stored()
    assert (stored["planned_ends_on"], stored["ended_because"]) == ("2011-06-30", "company_stopped")


def test_a_dry_run_stores_nothing(place: Place) -> None:
    place.write(place.line(0, "20", "2", "03-01-2011", "", "20"))
    assert place.run(dry_run=True).counts["created"] == 1
    assert place.stored() == []
    assert not place.checkpoint.exists()


def test_what_is_at_fault_is_told_by_line_and_holds_its_part_back(place: Place) -> None:
    whole = [place.line(0, "20", "2", f"{day:02d}-01-2011", "", "20") for day in (3, 10, 17, 24)]
    place.write(*whole, place.line(1, "20", "1", "03-01-2011", "", "20"))
    place.run()
    before = place.stored()
    place.write(
        place.line(0, "20", "2", "2011-01-03", "", "20"),
        place.line(0, "77", "3", "10-01-2011", "", "20"),
        place.line(0, "20", "2", "17-01-2011", "soon", "20"),
        place.line(0, "20", "2", "24-01-2011", "", "90"),
        place.line(0, "20", "2", "04-04-2011", "", "2.000"),
        place.line(0, "20", "2", "05-07-2011", "", ""),
        place.line(1, "20", "2", "05-10-2011", "", "20"),
    )
    result = place.run()
    assert {number: {fault.partition(":")[0] for fault in faults} for number, faults in result.faults.items()} == {
        2: {"the first day is no date"},
        3: {"the mapping has no such code of FORANSTALTNING/STED"},
        4: {"the last day is no date"},
        5: {"hours_per_week"},
        6: {"hours_per_week"},
        7: {"hours_per_week"},
    }
    assert [part.name[4:14] for part in result.held] == ["2011-01-01", "2011-04-01", "2011-07-01", "2011-10-01"]
    assert (result.held[0].unreadable, result.held[0].removed, result.held[0].people_without_spells) == (3, 1, 1)
    assert place.stored() == before
    assert place.cprs[0] not in str(result)


def test_broken_off_and_started_again(place: Place) -> None:
    """What was acknowledged is remembered, and not sent again."""
    place.write(*(place.line(0, "20", "2", f"03-{month:02d}-2011", "", "20") for month in (1, 4, 7, 10)))
    place.refuse = lambda body: 0 if body["from"] == "2011-07-01" else None
    with pytest.raises(ImportFaultError, match="What was acknowledged is remembered"):
        place.run()
    assert [body["from"] for body in place.sent] == ["2011-01-01", "2011-04-01"]
    assert place.checkpoint.exists()
    assert place.cprs[0] not in place.checkpoint.read_text()
    place.refuse = lambda body: None
    result = place.run()
    assert result.continued == 2
    assert [body["from"] for body in place.sent] == ["2011-01-01", "2011-04-01", "2011-07-01", "2011-10-01"]
    assert len(place.stored()) == 4
    assert not place.checkpoint.exists()


def test_another_file_begins_anew(place: Place) -> None:
    place.write(place.line(0, "20", "2", "03-01-2011", "", "20"))
    place.refuse = lambda body: 0 if body["from"] == "2011-07-01" else None
    with pytest.raises(ImportFaultError):
        place.run()
    place.refuse = lambda body: None
    place.write(place.line(0, "20", "2", "04-01-2011", "", "20"))
    assert place.run(accept_removals=1).continued == 0
    assert [each["starts_on"] for each in place.stored()] == ["2011-01-04"]


@pytest.mark.parametrize("kept", ["", "[]", "{}", '{"import": 1, "done": 2}', "\x00"])
def test_a_memory_that_cannot_be_read_is_none(place: Place, kept: str) -> None:
    place.write(place.line(0, "20", "2", "03-01-2011", "", "20"))
    place.checkpoint.write_text(kept)
    assert place.run().continued == 0
    assert not place.checkpoint.exists()


def test_patience(place: Place) -> None:
    place.write(place.line(0, "20", "2", "03-01-2011", "", "20"))
    troubles = [503, 0, 429]
    place.refuse = lambda body: troubles.pop() if troubles else None
    assert place.run().counts["created"] == 1
    assert all(whole / 2 <= pause <= whole for pause, whole in zip(place.pauses, (0.25, 0.5, 1.0), strict=True))


def test_a_refusal_is_told(place: Place) -> None:
    place.write(place.line(0, "20", "2", "03-01-2011", "", "20"))
    place.refuse = lambda body: 403
    with pytest.raises(ImportFaultError, match=r"answered 403 \(database_unavailable\)"):
        place.run()
    with pytest.raises(ImportFaultError, match="999 takes no part"):
        place.run(jobcentres=("999",))
    with pytest.raises(ImportFaultError, match="404"):
        run(Job(place.file, None, "none", (), *YEAR, dry_run=False), place.server())


def test_without_a_mapping_the_names_are_those_of_the_api(place: Place) -> None:
    place.file.write_text(
        f"cpr,type,starts_on,ends_on,hours_per_week\n{place.cprs[0]},other_offer,2011-01-03,,7.5\n", "utf-8-sig"
    )
    assert place.run(None, jobcentres=("849",)).counts["created"] == 1
    with pytest.raises(ImportFaultError, match="name one with --jobcentre"):
        place.run(None)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (HEADER.encode(), "no line"),
        (b"", "no column PNR"),
        (b"PNR;KOMNR\n1;849\n", "no column FRADATO, TILDATO, TIMER, FORANSTALTNING, STED"),
        (HEADER.encode() + b'\n"1', "line 2 is no CSV"),
        (HEADER.encode() + b"\n1;;20;2;03-01-2011;;20;x\n", "line 2 does not say of which jobcentre"),
    ],
)
def test_a_file_that_is_none_sends_nothing(place: Place, content: bytes, fault: str) -> None:
    place.file.write_bytes(content)
    with pytest.raises(ImportFaultError, match=fault):
        place.run()
    assert place.sent == []


@pytest.mark.parametrize(
    ("encoding", "stated", "sentence"),
    [
        ("utf-16", None, "the file is UTF-16"),
        ("utf-8", "latin-1", "the file is UTF-8, not latin-1"),
        ("latin-1", "utf-8", "line 2 is not UTF-8"),
    ],
)
def test_a_file_in_another_encoding(encoding: str, stated: str | None, sentence: str) -> None:
    mapping = "" if stated is None else f'encoding = "{stated}"\n'
    mapping += '[columns]\ncpr = "cpr"\nstarts_on = "starts_on"\nhours_per_week = "hours_per_week"\n'
    content = "cpr,type,starts_on,hours_per_week\n7101701234,ø,2011-01-03,20\n".encode(encoding)
    with pytest.raises(ImportFaultError, match=sentence):
        read_extract(content, mapping, ["849"], *YEAR)


def case(name: str) -> bytes:
    return (Path(__file__).parents[1] / "cases" / "files" / name).read_bytes()


@dataclass
class Quarter(Place):
    """The place of the files of wild.md: everybody in them is drawn."""

    def send(self, content: bytes, **changes: Any) -> ImportOutcome:
        return self.run_span(content, date(2011, 1, 1), date(2011, 3, 31), **changes)

    def run_span(self, content: bytes, first: date, last: date, **changes: Any) -> ImportOutcome:
        self.file.write_bytes(content)
        return self.run(span=(first, last), **changes)


@pytest.fixture
def quarter(register: Register, tmp_path: Path) -> Quarter:
    trial = register.new_trial()
    for name in ("q1.csv", "dup1.csv"):
        for line in case(name).decode().splitlines()[1:]:
            cpr, jobcentre = line.split(";")[:2]
            if register.case_system().post(f"/v1/trials/{trial}/participants/lookup", {"cpr": cpr}).status_code == 404:
                register.drawn(trial, cpr=cpr, jobcentre=jobcentre)
    return Quarter(register, trial, [], tmp_path / "amfora.csv")


def test_a_jobcentre_with_a_zero_before_it_is_the_same(quarter: Quarter) -> None:
    """Wild.md A3: five stored spells were taken back, status 0."""
    assert quarter.send(case("q1.csv")).counts["created"] == 20
    result = quarter.send(case("q1-komnr.csv"))
    assert (result.counts["unchanged"], result.counts["retracted"], result.faults, result.held) == (20, 0, {}, [])


@pytest.mark.parametrize("code", [b"84", b"8490", b"999", b"849.0", b"Jammerbugt", b"NULL", b"8 49"])
def test_a_jobcentre_that_is_none_holds_everything_back(quarter: Quarter, code: bytes) -> None:
    quarter.send(case("q1.csv"))
    result = quarter.send(case("q1.csv").replace(b";849;", b";" + code + b";", 5), accept_removals=20)
    assert list(result.faults) == [2, 3, 4, 5, 6]
    assert (result.held[0].reasons, result.counts.total()) == (["unreadable_line"], 0)
    assert len(quarter.stored()) == 20


def test_numbers_without_their_zero_hold_everything_back(quarter: Quarter) -> None:
    """Wild.md A4: nine digits are padded; eight are no number; who is then missing is not taken back."""
    quarter.send(case("q1.csv"))
    result = quarter.send(case("q1-excel.csv"))
    assert list(result.faults) == [5]
    assert "unreadable_line" in result.held[0].reasons
    lines = case("q1-excel.csv").splitlines(keepends=True)
    result = quarter.send(b"".join(lines[:4] + lines[5:]))
    assert result.held[0].reasons == ["too_many_removals", "person_without_spells"]
    assert (result.held[0].stored, result.held[0].counts["unchanged"], len(quarter.stored())) == (20, 14, 20)


def test_the_same_line_three_times_is_one_spell(quarter: Quarter) -> None:
    """Wild.md A5."""
    result = quarter.send(case("dup1.csv"))
    assert (result.counts["created"], result.counts["unchanged"], sorted(result.identical)) == (1, 2, [3, 4])
    assert len(quarter.stored()) == 1


def test_a_mapping_with_a_decimal_comma_takes_no_point(quarter: Quarter) -> None:
    """Wild.md A10: 1.200 became 1.2 hours."""
    result = quarter.send(case("d-hours2.csv"))
    assert list(result.faults) == [2, 3, 4, 5]
    assert all("a decimal comma, not a point" in fault for faults in result.faults.values() for fault in faults)
    assert quarter.stored() == []


def test_a_day_without_its_zero_is_no_date() -> None:
    """Wild.md A6: 3012011 became 30 January."""
    mapping = 'date = "%d%m%Y"\n[columns]\ncpr = "cpr"\nstarts_on = "starts_on"\nhours_per_week = "hours_per_week"\n'
    content = b"cpr,type,starts_on,hours_per_week\n7101701234,a,3012011,20\n7101701234,a,03012011,20\n"
    first, second = read_extract(content, mapping, ["849"], *YEAR).lines
    assert (first.starts_on, second.starts_on) == (None, date(2011, 1, 3))
    assert "the first day is no date" in first.faults[0]


def test_a_byte_order_mark_and_a_number_with_a_dash(quarter: Quarter) -> None:
    """Wild.md A17: "no column PNR"."""
    result = quarter.send(case("a1-bom.csv"), dry_run=True)
    assert [line["cpr"] for body in quarter.sent for line in body["records"]][:2] == ["6101601000", "6404631021"]
    assert result.faults == {}


def test_a_line_cut_short_holds_everything_back(quarter: Quarter) -> None:
    """Wild.md A9: an activation cut before its last day was open-ended."""
    quarter.send(case("q1.csv"))
    result = quarter.send(case("q1.csv")[:-25])
    assert ([*result.faults], result.held[0].reasons) == ([21], ["unreadable_line", "person_without_spells"])
    assert "cut short" in str(result.faults[21])
    assert len(quarter.stored()) == 20


def test_an_extract_in_a_workbook_is_read_alike(quarter: Quarter) -> None:
    """With the numbers and days that Excel makes of the same cells."""
    quarter.send(case("q1.csv"))
    book = openpyxl.Workbook()
    sheet = book.active
    header, *lines = [line.split(";") for line in case("q1.csv").decode().splitlines()]
    sheet.append(header)
    for cpr, jobcentre, first, last, hours, *codes in lines:
        days = [datetime.strptime(day, "%d-%m-%Y") for day in (first, last)]  # noqa: DTZ007 - a cell
        sheet.append([int(cpr), int(jobcentre), *days, float(hours.replace(",", ".")), *map(int, codes)])
    book.save(quarter.file)
    assert quarter.run(span=(date(2011, 1, 1), date(2011, 3, 31))).counts["unchanged"] == 20


def test_a_file_without_a_line_of_the_trial_is_no_success(quarter: Quarter) -> None:
    with pytest.raises(ImportFaultError, match="no line of the file"):
        quarter.run_span(case("q1.csv"), date(2012, 1, 1), date(2012, 3, 31))


def test_a_span_that_ends_before_it_begins(quarter: Quarter) -> None:
    """Wild.md B20: "nothing changed"."""
    with pytest.raises(ImportFaultError, match="--from is after --to"):
        quarter.run_span(case("q1.csv"), date(2011, 3, 31), date(2011, 1, 1))


def test_a_folder_without_write_permission_is_found_before_anything_is_sent(quarter: Quarter, tmp_path: Path) -> None:
    """Wild.md B23."""
    with pytest.raises(ImportFaultError, match="--state-dir"):
        quarter.send(case("q1.csv"), state_dir=tmp_path / "missing")
    assert quarter.sent == []
    (state := tmp_path / "state").mkdir()
    quarter.refuse = lambda body: 0
    with pytest.raises(ImportFaultError):
        quarter.run(state_dir=state)
    assert not quarter.checkpoint.exists()


def test_a_mapping_with_a_byte_order_mark(quarter: Quarter, tmp_path: Path) -> None:
    (mapping := tmp_path / "m.toml").write_text("\ufeff" + MAPPING.read_text("utf-8"), "utf-8")
    assert quarter.send(case("q1.csv"), mapping=mapping).counts["created"] == 20


def test_faults_of_a_mapping() -> None:
    """Each with its place."""
    for text, faults in (
        ("a = ", "no TOML"),
        ("", "columns.cpr: missing; columns.hours_per_week: missing; columns.starts_on: missing"),
        (
            'more = 1\ndelimiter = ";;"\nencoding = "x-y"\ndate = 1',
            "date: not a text; delimiter: not one character; enc",
        ),
        ('decimal = "x"\ndate = "%d-%m"', "date: not a format of year, month and day, such as %d-%m-%Y; decimal: nei"),
        ('[columns]\ncolour = "x"', "columns.colour: not a field"),
        ('open_end = "x"\n[columns]\ncpr = 1', "columns: not a table of texts"),
        ("type = 1", "type: not a table"),
        ('[type]\ncolumns = "x"\nleft_out = 1\nother = 1\ncodes = 1', "type.codes: not a table of texts; type.columns"),
    ):
        with pytest.raises(ImportFaultError) as error:
            read_mapping(text)
        assert faults in str(error.value)


def test_codes_of_a_mapping() -> None:
    codes = read_mapping(MAPPING.read_text("utf-8")).type
    assert codes.type_of("20/1") == "work_placement_private"
    assert codes.type_of("30/whatever") == "guidance_and_upskilling"
    assert codes.type_of("77/1") is None
    assert codes.leaves_out("90/5")


def test_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calendar quarters cut to the span; one that holds too much is cut again, to single days at last."""
    monkeypatch.setattr(extract, "MAX_RECORDS", 2)
    rows = "".join(
        f"7101701234,other_offer,2011-{month:02d}-{day:02d},,10\n" for month, day in ((2, 1), (3, 1), (3, 31))
    )
    content = f"cpr,type,starts_on,ends_on,hours_per_week\n{rows}7101701234,other_offer,x,,10\n".encode()
    lines = read_extract(content, None, ["849"], date(2011, 1, 15), date(2011, 4, 1)).lines
    parts = list(parts_of(lines, ["849"], date(2011, 1, 15), date(2011, 4, 1)))
    assert all(len(part.lines) <= 2 for part in parts)
    days = sorted((part.first, part.last) for part in parts)
    assert days[0][0] == date(2011, 1, 15)
    assert days[-1] == (date(2011, 4, 1), date(2011, 4, 1))
    assert all((after[0] - before[1]).days == 1 for before, after in itertools.pairwise(days))
    assert sum(line.starts_on is not None for part in parts for line in part.lines) == 3
    with pytest.raises(ImportFaultError, match="start on 2011-02-01"):
        list(parts_of([*lines] + [lines[0]] * 3, ["849"], date(2011, 1, 15), date(2011, 4, 1)))


def test_the_command(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(place.line(0, "20", "2", "03-01-2011", "", "20"), place.line(0, "77", "2", "04-01-2011", "", "20"))
    server = place.server()
    monkeypatch.setattr("app.importing.send.Server", lambda http, token: server)
    options = ["--trial", place.trial, "--from", "2011-01-01", "--to", "2011-12-31", "--token", "t"]
    told = CliRunner().invoke(app, ["import", "activations", str(place.file), "--mapping", str(MAPPING), *options])
    assert told.exit_code == 1, "a line is at fault"
    assert "line 3: the mapping has no such code of FORANSTALTNING/STED" in told.output
    assert "849/2011-01-01/2011-03-31 is held back: 1 lines cannot be read. Without that: 1 created" in told.output
    assert place.stored() == []
    place.write(place.line(0, "20", "2", "03-01-2011", "", "20"))
    told = CliRunner().invoke(app, ["import", "activations", str(place.file), "--mapping", str(MAPPING), *options])
    assert (told.exit_code, "1 created" in told.output) == (0, True)
    told = CliRunner().invoke(app, ["import", "activations", str(place.file), *options])
    assert told.exit_code == 1
    assert "is no field of this kind" in " ".join(told.output.split())
    place.write(place.line(1, "20", "2", "03-01-2011", "", "20"))
    again = ["import", "activations", str(place.file), "--mapping", str(MAPPING), *options]
    told = CliRunner().invoke(app, again)
    assert told.exit_code == 1
    assert "1 of 1 stored spells would be taken back, all spells of 1 people" in told.output
    assert "if that is right: --accept-removals 1" in told.output
    told = CliRunner().invoke(app, [*again, "--accept-removals", "1"])
    assert (told.exit_code, "1 created, 1 retracted" in told.output) == (0, True)
