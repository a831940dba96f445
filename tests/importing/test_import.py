"""A register's file into the register (issue 4, 8): read by its mapping, sent in parts, gone on with after a break."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
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
                    return httpx.Response(status, json={"code": "unavailable"})
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
    counts = place.run().counts
    assert (counts["updated"], counts["retracted"], counts["created"]) == (1, 1, 0)
    assert [each["ends_on"] for each in place.stored()] == ["2011-03-31"]
    assert place.run().counts["unchanged"] == 1


def test_a_dry_run_stores_nothing(place: Place) -> None:
    place.write(place.line(0, "20", "2", "03-01-2011", "", "20"))
    assert place.run(dry_run=True).counts["created"] == 1
    assert place.stored() == []
    assert not place.checkpoint.exists()


def test_what_is_at_fault_is_told_by_line_and_takes_nothing_back(place: Place) -> None:
    whole = [place.line(0, "20", "2", f"{day:02d}-01-2011", "", "20") for day in (3, 10, 17, 24)]
    place.write(*whole, place.line(1, "20", "1", "03-01-2011", "", "20"))
    place.run()
    place.write(
        place.line(0, "20", "2", "2011-01-03", "", "20"),
        place.line(0, "77", "3", "10-01-2011", "", "20"),
        place.line(0, "20", "2", "17-01-2011", "soon", "20"),
        place.line(0, "20", "2", "24-01-2011", "", "90"),
    )
    result = place.run()
    assert result.faults == {
        2: {"the first day is no date"},
        3: {"the mapping has no such code of FORANSTALTNING/STED"},
        4: {"the last day is no date"},
        5: {"hours_per_week: hours_out_of_range"},
    }
    assert len(place.stored()) == 4, "all of the one, none of the other"
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
    assert place.run().continued == 0
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
    with pytest.raises(ImportFaultError, match=r"answered 403 \(unavailable\)"):
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
        (HEADER.encode() + b'\n"1', "not CSV"),
        (HEADER.encode() + b"\n1;;20;2;03-01-2011;;20;x\n", "line 2 does not say of which jobcentre"),
    ],
)
def test_a_file_that_is_none_sends_nothing(place: Place, content: bytes, fault: str) -> None:
    place.file.write_bytes(content)
    with pytest.raises(ImportFaultError, match=fault):
        place.run()
    assert place.sent == []


def test_a_file_in_another_encoding(place: Place) -> None:
    with pytest.raises(ImportFaultError, match="not utf-8"):
        read_extract("cpr,é".encode("latin-1"), None, ["849"], *YEAR)


def test_faults_of_a_mapping() -> None:
    """Each with its place."""
    for text, faults in (
        ("a = ", "no TOML"),
        ("", "columns.cpr: missing; columns.hours_per_week: missing; columns.starts_on: missing"),
        (
            'more = 1\ndelimiter = ";;"\nencoding = "x-y"\ndate = 1',
            "date: not a text; delimiter: not one character; enc",
        ),
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
    assert "1 created" in told.output
    place.write(place.line(0, "20", "2", "03-01-2011", "", "20"))
    told = CliRunner().invoke(app, ["import", "activations", str(place.file), "--mapping", str(MAPPING), *options])
    assert (told.exit_code, "1 unchanged" in told.output) == (0, True)
    told = CliRunner().invoke(app, ["import", "activations", str(place.file), *options])
    assert told.exit_code == 1
    assert "the file is not utf-8-sig" in " ".join(told.output.split())
