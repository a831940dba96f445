"""``rettevej import KIND FILE``: files as people have them, every fault explained with its line, and going on after a
break as if there had been none (issue 6, 3)."""

import csv
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from rettevej_client import KINDS, Client, RetryPolicy, UnreachableError
from rettevej_client.importing import ImportJob, ImportResult, import_file
from typer.testing import CliRunner, Result

from app.cli.main import app
from tests.client.conftest import Live
from tests.client.test_client import QUICK, AsOf
from tests.register import LONG_AFTER, new_cpr


@dataclass
class Place:
    """A trial with a person, a folder with a file, and the command."""

    live: Live
    trial: str
    cpr: str
    person: str
    folder: Path
    client_id: str

    def file(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def token(self, *jobcentres: str, kind: str = "") -> str:
        role = "register" if kind == "outcomes" else "case-system"
        return self.live.token(role, *jobcentres, client_id=self.client_id)

    def run(self, kind: str, file: Path, *options: str, token: str | None = None) -> Result:
        arguments = ["import", kind, str(file), "--trial", self.trial, "--url", self.live.url]
        environment = {"COLUMNS": "200", "RETTEVEJ_TOKEN": token or self.token(kind=kind)}
        return CliRunner().invoke(app, [*arguments, *options], env=environment)

    def stored(self, kind: str = "conversations") -> dict[str, dict[str, Any]]:
        with Client(self.live.url, self.token(kind=kind)) as client:
            return {each.external_id: dict(each.facts) for each in client.records(self.trial, kind)}


@pytest.fixture
def place(live: Live, tmp_path: Path) -> Place:
    trial = live.register.new_trial()
    cpr = new_cpr()
    return Place(live, trial, cpr, live.register.drawn(trial, cpr=cpr), tmp_path, live.new_client_id())


def faults_of(file: Path) -> list[dict[str, str]]:
    with file.with_name(f"{file.name}.faults.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


# --- ten faults -------------------------------------------------------------------------------------------------------


def test_a_file_with_ten_different_faults_explains_all_ten_with_their_lines(place: Place) -> None:
    """And the two records without a fault are in."""
    undrawn = new_cpr()
    place.live.register.screen(place.trial, cpr=undrawn, channel="supplement", unemployed_since="2010-10-01")
    start = "external_id,revision,cpr,kind,date,reason,match_group"
    rows = [
        "good-1,1,{cpr},exit,2010-12-01,job,",
        ",1,{cpr},exit,2010-12-01,job,",  # 3: no id
        "b,1,7131701234,exit,2010-12-01,job,",  # 4: there is no 31st month
        "c,1,{cpr},exit,2010-11-31,job,",  # 5: no such day
        "d,1,{cpr},exit,2012-12-24,job,",  # 6: not yet
        "e,1,{cpr},exit,2010-12-05,,",  # 7: no reason
        "f,1,{stranger},exit,2010-12-01,job,",  # 8: nobody of the trial
        "g,1,{undrawn},exit,2010-12-01,job,",  # 9: never drawn
        "h,1,{cpr},exit,2010-10-01,job,",  # 10: before the assignment
        "good-1,1,{cpr},exit,2010-12-02,job,",  # 11: the revision of line 2, other content
        "i,1,{cpr},re_entry,2010-12-08,,,surplus",  # 12: more values than columns
        "good-2,1,{cpr},re_entry,2010-12-20,,",
    ]
    people = {"cpr": place.cpr, "stranger": new_cpr(), "undrawn": undrawn}
    file = place.file("events.csv", "\n".join([start, *(row.format(**people) for row in rows)]) + "\n")
    result = place.run("presence-events", file)

    expected = {
        3: ("external_id", "missing_field", "required: your own id"),
        4: ("cpr", "invalid_cpr", "not a CPR number"),
        5: ("date", "invalid_value", "a day, YYYY-MM-DD"),
        6: ("date", "date_in_future", "after the day of receipt"),
        7: ("reason", "missing_field", "one of match_group_3, job, education"),
        8: ("cpr", "unknown_participant", "the person is not in the trial, or not yours"),
        9: ("cpr", "not_drawn", "the person is not drawn"),
        10: ("date", "event_order", "before the person's assignment"),
        11: ("revision", "revision_conflict", "send a higher one"),
        12: ("", "unknown_field", "a value too many"),
    }
    told = {int(each["line"]): each for each in faults_of(file)}
    assert {line: (each["field"], each["code"]) for line, each in told.items()} == {
        line: (field, code) for line, (field, code, _) in expected.items()
    }
    for line, (_, code, meaning) in expected.items():
        assert meaning in told[line]["meaning"]
        assert any(shown.split()[:1] == [str(line)] and code in shown for shown in result.output.splitlines())
    assert len({code for _, code, _ in expected.values()}) == 9, "missing_field stands twice, of different fields"
    assert result.exit_code == 1
    assert "12 records: 2 created, 10 rejected" in result.output
    assert place.stored("presence-events").keys() == {"good-1", "good-2"}
    for cpr in people.values():
        assert cpr not in result.output
        assert cpr not in file.with_name("events.csv.faults.csv").read_text()


def test_what_was_mended_is_sent_with_all_the_rest_again(place: Place) -> None:
    bad = f"external_id,revision,cpr,date\na,1,{place.cpr},2010-11-15\nb,1,{place.cpr},2010-11-31\n"
    file = place.file("talks.csv", bad)
    assert place.run("conversations", file).exit_code == 1
    file.write_text(bad.replace("2010-11-31", "2010-11-30"))
    result = place.run("conversations", file)
    assert (result.exit_code, set(place.stored())) == (0, {"a", "b"})
    assert "1 created, 1 unchanged" in result.output
    assert [each.name for each in place.folder.iterdir()] == ["talks.csv"], "no fault, no file of faults"


def test_warnings_stand_in_the_file_of_faults_and_are_no_failure(place: Place) -> None:
    file = place.file("talks.csv", f"external_id,cpr,date,form\na,{place.cpr},2010-11-16,telephone\n")
    result = place.run("conversations", file)
    assert result.exit_code == 0
    assert "1 × remote_too_early" in result.output
    assert [(each["line"], each["outcome"], each["code"]) for each in faults_of(file)] == [
        ("2", "created", "remote_too_early")
    ]


# --- what people have for files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_csv_of_a_danish_spreadsheet_is_read_as_what_it_means(place: Place, encoding: str) -> None:
    text = (
        '"External_id";cpr;type;starts_on;ends_on;hours_per_week;company_centre;;\r\n'
        f"forløb-æ1;{place.cpr};work_placement_private;03-01-2011;28.02.2011;7,5;SAND;;\r\n"
        ";;;;;;;;\r\n"
        f'"forløb 2";{place.cpr};other_offer;07-03-2011;;12;FALSK;;\r\n'
        f"c;{place.cpr};other_offer;07-03-2011;;1200;;;\r\n"
    )
    result = place.run("activations", file := place.file("offers.csv", text.encode(encoding)))
    stored = place.stored("activations")
    assert stored.keys() == {"forløb-æ1", "forløb 2"}
    first = stored["forløb-æ1"]
    assert (first["starts_on"], first["ends_on"]) == ("2011-01-03", "2011-02-28")
    assert (first["hours_per_week"], first["company_centre"]) == (7.5, True)
    assert result.exit_code == 1
    rejected = [each for each in faults_of(file) if each["outcome"] == "rejected"]
    assert [(each["line"], each["code"]) for each in rejected] == [("5", "hours_out_of_range")]


def test_lines_of_json_are_sent_as_they_are_with_the_line_of_each_fault(place: Place) -> None:
    good = json.dumps({"external_id": "a", "cpr": place.cpr, "date": "2010-11-15", "focus": ["motivation"]})
    file = place.file("talks.ndjson", f"\ufeff{good}\n\nno json\n{good[:-1]}\n".encode() + b"\xff\n")
    result = place.run("conversations", file)
    assert place.stored()["a"]["focus"] == ["motivation"]
    assert [(each["line"], each["code"]) for each in faults_of(file)] == [(n, "invalid_json") for n in "345"]
    assert result.exit_code == 1


def test_a_workbook_is_read_with_its_days_numbers_and_lost_zeros(place: Place) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["external_id", "revision", "cpr", "date", "mentor_present", "focus", "form"])
    sheet.append([4711, 1, int(place.cpr), datetime(2010, 11, 15), True, "motivation|retention", None])  # noqa: DTZ001 - a cell
    sheet.append(["b", 1.0, place.cpr, "15-11-2010", "falsk", "", "in_person"])
    sheet.append([None] * 7)
    sheet.append(["c", 1, place.cpr, date(2010, 11, 16), None, None, "sms"])
    sheet.append(["d", 1, place.cpr, time(8, 30), None, None, None])
    book.save(path := place.folder / "talks.xlsx")
    result = place.run("conversations", path)
    stored = place.stored()
    assert stored.keys() == {"4711", "b"}
    assert stored["4711"]["focus"] == ["motivation", "retention"]
    assert (stored["4711"]["mentor_present"], stored["b"]["mentor_present"]) == (True, False)
    assert [(each["line"], each["field"]) for each in faults_of(path)] == [("5", "form"), ("6", "date")]
    assert result.exit_code == 1


def test_a_workbook_of_activations_has_how_they_were_planned_and_ended(place: Place) -> None:
    """Domain 4.6: the planned last day and why it ended; domain 6 [S]: the kind of a preventive offer."""
    names = ["external_id", "cpr", "type", "starts_on", "ends_on", "hours_per_week", "not_workplace_reason"]
    details = {"planned_ends_on": "2011-02-25", "ended_because": "illness", "preventive_kind": "diet"}
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([*names, *details])
    spell = [place.cpr, "preventive_offer", date(2011, 1, 3), date(2011, 2, 4), 12, "other"]
    sheet.append(["a", *spell, date(2011, 2, 25), "illness", "diet"])
    sheet.append(["b", *spell, "25-02-2011", "sick", None])
    book.save(path := place.folder / "offers.xlsx")
    place.run("activations", path)
    stored = place.stored("activations")
    assert stored.keys() == {"a"}
    assert {name: stored["a"][name] for name in details} == details
    assert [(each["line"], each["field"]) for each in faults_of(path)] == [("3", "ended_because")]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("x.csv", "external_id,cpr,dato\n", "line 1: the column 'dato' is no field of this kind; is it date?"),
        ("x.csv", "external_id,cpr,date,date\n", "the column date is there twice"),
        ("x.csv", "cpr,date\n", "line 1: there is no column external_id"),
        ("x.csv", "", "there is no column external_id"),
        ("x.csv", "samtale-1,7101701234,2010-11-15\n", "column 2 is no field of this kind"),
        ("x.csv", 'external_id,cpr,date\na,"7101701234,2010-11-15\n', "is a quotation mark left open"),
        ("x.xlsx", "no workbook", "the file is no Excel workbook"),
        ("x.doc", "", "the name does not tell the format"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_sends_nothing(place: Place, name: str, text: str, told: str) -> None:
    result = place.run("conversations", place.file(name, text))
    assert result.exit_code == 1
    assert told in " ".join(result.output.split())
    assert "7101701234" not in result.output
    assert place.stored() == {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_command(place: Place, kind: str) -> None:
    records: dict[str, dict[str, Any]] = {
        "conversations": {"date": "2010-11-15"},
        "activations": {"type": "other_offer", "starts_on": "2011-01-03", "hours_per_week": 12},
        "exemptions": {"scope": "both", "ground": "illness", "starts_on": "2011-01-03"},
        "presence-events": {"kind": "exit", "date": "2011-01-03", "reason": "job"},
        "support-efforts": {"area": "health", "kind": "contact", "starts_on": "2011-01-03"},
        "mentors": {"starts_on": "2011-01-03"},
        "declined-offers": {"type": "other_offer", "date": "2011-01-03"},
        "outcomes": {"week": "2011-W05", "status": "employed"},
    }
    record = json.dumps({"external_id": "a", "cpr": place.cpr, **records[kind]})
    result = place.run(kind, place.file("x.jsonl", record))
    assert result.exit_code == 0, result.output
    assert place.stored(kind).keys() == {"a"}


def test_an_extract_needs_its_span_and_records_with_ids_need_none(place: Place) -> None:
    result = place.run("activations", place.file("x.csv", ""), "--jobcentre", "849")
    assert result.exit_code == 1
    assert "an extract needs --from and --to" in " ".join(result.output.split())


def test_a_dry_run_judges_and_keeps_nothing(place: Place) -> None:
    text = f"external_id,cpr,date\na,{place.cpr},2010-11-15\nb,{place.cpr},2010-11-31\n"
    result = place.run("conversations", file := place.file("talks.csv", text), "--dry-run")
    assert result.exit_code == 1
    assert "Would be: 2 records: 1 created, 1 rejected" in result.output
    assert [each["line"] for each in faults_of(file)] == ["3"]
    assert place.stored() == {}
    assert not file.with_name("talks.csv.import.json").exists()


# --- a break ----------------------------------------------------------------------------------------------------------


def ten_talks(place: Place, faulty: tuple[int, ...] = (1, 6)) -> Path:
    days = ["2010-11-31" if each in faulty else f"2010-11-{15 + each}" for each in range(10)]
    rows = [f"t-{each},1,{place.cpr},{day}" for each, day in enumerate(days)]
    return place.file("talks.csv", "\n".join(["external_id,revision,cpr,date", *rows]) + "\n")


def imported(place: Place, file: Path, lose: Callable[[int], bool], *, resume: bool) -> ImportResult:
    job = ImportJob(file=file, kind="conversations", trial=place.trial, resume=resume, batch_records=3)
    retry_policy = RetryPolicy(attempts=1) if not resume else QUICK
    with Client(place.live.url, place.token(), retry_policy=retry_policy, transport=AsOf(lose)) as client:
        return import_file(client, job)


@pytest.mark.parametrize("broken_at", [1, 2, 3, 4])
def test_after_a_break_it_goes_on_and_tells_the_same_as_without_one(place: Place, broken_at: int) -> None:
    """The break is the worst one: the batch was stored, and nobody here heard of it."""
    file = ten_talks(place)
    with pytest.raises(UnreachableError):
        imported(place, file, lambda number: number == broken_at, resume=False)
    result = imported(place, file, lambda _: False, resume=True)
    assert result.continued == 3 * (broken_at - 1)
    assert (result.received, result.counts["created"], result.counts["rejected"]) == (10, 8, 2)
    assert [each["line"] for each in faults_of(file) if each["outcome"] == "rejected"] == ["3", "8"]
    assert len(place.stored()) == 8
    assert not file.with_name("talks.csv.import.json").exists()


def test_a_fault_that_was_noted_before_the_break_was_is_not_noted_twice(place: Place) -> None:
    file = ten_talks(place)
    with pytest.raises(UnreachableError):
        imported(place, file, lambda number: number == 3, resume=False)
    with file.with_name("talks.csv.faults.csv").open("a") as faults:
        faults.write("8,date,half a li")
    imported(place, file, lambda _: False, resume=True)
    assert [each["line"] for each in faults_of(file) if each["outcome"] == "rejected"] == ["3", "8"]


@pytest.mark.parametrize("change", ["other content", "no faults file", "broken state"])
def test_what_does_not_belong_together_begins_anew(place: Place, change: str) -> None:
    file = ten_talks(place)
    with pytest.raises(UnreachableError):
        imported(place, file, lambda number: number == 3, resume=False)
    if change == "other content":
        ten_talks(place, faulty=(1,))
    elif change == "no faults file":
        file.with_name("talks.csv.faults.csv").unlink()
    else:
        file.with_name("talks.csv.import.json").write_text('{"digest": 7}')
    result = imported(place, file, lambda _: False, resume=True)
    assert (result.continued, result.received) == (0, 10)


def test_the_command_says_how_to_go_on_and_what_is_beside_the_file_holds_no_number(place: Place) -> None:
    file = ten_talks(place)
    with pytest.raises(UnreachableError):
        imported(place, file, lambda number: number == 3, resume=False)
    for companion in (file.with_name("talks.csv.import.json"), file.with_name("talks.csv.faults.csv")):
        assert place.cpr not in companion.read_text()
    result = place.run("conversations", file)
    assert "An earlier import of this file" not in result.output, "that one sent batches of another size"
    assert result.exit_code == 1


def test_without_the_flag_it_begins_anew_and_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    file = place.file("talks.csv", f"external_id,revision,cpr,date\na,1,{place.cpr},2010-11-15\n")
    job = ImportJob(file=file, kind="conversations", trial=place.trial)
    with Client(place.live.url, place.token()) as client:
        monkeypatch.setattr("rettevej_client.importing._Importer.finish", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            import_file(client, job)
        stopped = place.run("conversations", file)
        assert stopped.exit_code == 130
        assert "records imported: 1; the same command with --resume continues there" in " ".join(stopped.output.split())
        monkeypatch.undo()
    assert "An earlier import of this file stopped after 1 records" in place.run("conversations", file).output


def _interrupted(_: object) -> None:
    raise KeyboardInterrupt


def test_a_register_that_is_not_there_is_a_sentence(place: Place) -> None:
    file = place.file("talks.csv", f"external_id,cpr,date\na,{place.cpr},2010-11-15\n")
    result = place.run("conversations", file, "--url", "register.example")
    assert result.exit_code == 1
    assert "begins with https://" in result.output
    assert place.run("conversations", file, token="no token").exit_code == 1


def test_the_clock_of_these_tests_is_long_after(live: Live) -> None:
    """``date_in_future`` above rests on it."""
    assert live.register.clock.now == LONG_AFTER < datetime(2012, 12, 24, tzinfo=UTC)
    assert httpx.get(f"{live.url}/healthz").status_code == 200


# --- tables as they really come (wild.md A) ---------------------------------------------------------------------------

CASES = Path(__file__).parents[1] / "cases" / "files"


def imported_case(place: Place, name: str, kind: str = "conversations", *options: str) -> tuple[Result, Path]:
    """Send one of the files of wild.md; its person is the fixture's."""
    content = (CASES / name).read_bytes()
    if name.endswith(".csv"):
        return place.run(kind, file := place.file(name, content.replace(b"7101701234", place.cpr.encode()))), file
    with zipfile.ZipFile(CASES / name) as source, zipfile.ZipFile(place.folder / name, "w") as target:
        for part in source.infolist():
            target.writestr(part.filename, source.read(part).replace(b"7101701234", place.cpr.encode()))
    return place.run(kind, place.folder / name, *options), place.folder / name


def test_a_workbook_with_a_wrong_dimension_has_all_its_records(place: Place) -> None:
    result, _ = imported_case(place, "dim.xlsx")
    assert (result.exit_code, len(place.stored())) == (0, 5)


@pytest.mark.parametrize(
    ("name", "kind", "field", "sentence"),
    [
        ("formula.xlsx", "activations", "ends_on", "cell F2: a formula that was calculated"),
        ("utc.xlsx", "conversations", "date", "cell D2: a day without a time of day"),
        ("ids.xlsx", "conversations", "external_id", "cell A2: not a number of more than 15 digits"),
    ],
)
def test_a_cell_that_is_known_to_be_wrong_is_refused(
    place: Place, name: str, kind: str, field: str, sentence: str
) -> None:
    result, file = imported_case(place, name, kind)
    first = faults_of(file)[0]
    assert (result.exit_code, first["line"], first["field"], first["code"]) == (1, "2", field, "invalid_value")
    assert sentence in first["meaning"]
    assert place.stored(kind) == {}


def test_one_bad_byte_in_a_file_of_utf_8_is_refused_with_its_line(place: Place) -> None:
    result, _ = imported_case(place, "bad2.csv")
    assert (result.exit_code, place.stored()) == (1, {})
    assert "line 3 is not UTF-8" in result.output


def test_a_row_cut_short_is_rejected_and_not_filled_with_defaults(place: Place) -> None:
    cut = f"external_id,cpr,date,form\na,{place.cpr},2010-11-23\nb,{place.cpr},2010-11-24,in_person\n"
    result = place.run("conversations", file := place.file("talks.csv", cut))
    assert (result.exit_code, set(place.stored())) == (1, {"b"})
    assert [(each["line"], each["field"], each["code"]) for each in faults_of(file)] == [("2", "", "missing_field")]
    assert "3 fields under 4 columns" in faults_of(file)[0]["meaning"]


def test_words_of_nothing_are_refused(place: Place) -> None:
    rows = f"NULL,{place.cpr},2010-11-15,\nb,{place.cpr},2010-11-16,N/A\nc,{place.cpr},2010-11-17,in_person\n"
    result = place.run("conversations", file := place.file("talks.csv", f"external_id,cpr,date,form\n{rows}"))
    assert (result.exit_code, set(place.stored())) == (1, {"c"})
    assert [each["field"] for each in faults_of(file)] == ["external_id", "form"]
    assert all("leave the cell empty" in each["meaning"] for each in faults_of(file))


@pytest.mark.parametrize(("name", "text"), [("x.csv", "external_id,cpr,date\n"), ("x.ndjson", "\n"), ("x.csv", "")])
def test_a_file_without_records_is_no_success(place: Place, name: str, text: str) -> None:
    result = place.run("conversations", place.file(name, text))
    assert result.exit_code == 1
    assert "Done" not in result.output


def test_a_number_that_lost_its_zero_is_padded_in_csv_as_in_excel(place: Place) -> None:
    cpr = "0101585000"
    place.live.register.drawn(place.trial, cpr=cpr)
    result = place.run("conversations", place.file("x.csv", f"external_id,cpr,date\na,{cpr[1:]},2010-11-16\n"))
    assert (result.exit_code, set(place.stored())) == (0, {"a"})


def test_several_sheets_are_refused_by_name_unless_one_is_chosen(place: Place) -> None:
    book = openpyxl.Workbook()
    for number, sheet in enumerate((book.active, book.create_sheet("Januar"), book.create_sheet("Tom"))):
        if number < 2:
            sheet.append(["external_id", "cpr", "date"])
            sheet.append([f"s{number}", place.cpr, date(2010, 11, 15 + number)])
    book.save(path := place.folder / "talks.xlsx")
    result = place.run("conversations", path)
    assert result.exit_code == 1
    assert "several sheets have values: 'Sheet', 'Januar'; name one with --sheet" in " ".join(result.output.split())
    assert place.run("conversations", path, "--sheet", "Januar").exit_code == 0
    assert place.stored().keys() == {"s1"}


def test_a_folder_where_no_state_can_be_written_is_found_before_anything_is_sent(place: Place) -> None:
    file = place.file("talks.csv", f"external_id,cpr,date\na,{place.cpr},2010-11-15\nb,{place.cpr},2010-11-31\n")
    result = place.run("conversations", file, "--state-dir", str(place.folder / "missing"))
    assert (result.exit_code, place.stored()) == (1, {})
    assert "name a folder for the state of the import with --state-dir" in " ".join(result.output.split())
    (elsewhere := place.folder / "state").mkdir()
    assert place.run("conversations", file, "--state-dir", str(elsewhere)).exit_code == 1
    assert [each.name for each in elsewhere.iterdir()] == ["talks.csv.faults.csv"]
    assert place.stored().keys() == {"a"}
