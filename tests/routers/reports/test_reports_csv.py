"""Reports as CSV: the same columns whatever occurred, nothing that a spreadsheet would run, an ETag of their own."""

import csv
import io
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from app.domain.codes import CODES
from app.domain.facts import ConversationForm, ExitReason
from app.domain.figures.report_types import Group
from app.protocols import protocols
from app.routers.common.tables import csv_table
from app.routers.reports.conditions import condition_rows
from app.routers.reports.weekly_summary import summary_table
from tests.register import Client, Register, record_id

CSV = {"Accept": "text/csv"}
FULL, EMPTY, BEFORE = "2010-W46", "2012-W10", "2010-W40"
"""A week in which something of each kind occurred, one in which nothing did, one before anybody was in the trial."""


@pytest.fixture(scope="module")
def trial(register: Register) -> str:
    """A trial with a conversation, a no-show and an exit in the full week, and nothing afterwards."""
    trial = register.new_trial()
    case_system = register.case_system()
    people = [register.drawn(trial) for _ in range(6)]
    talks: list[dict[str, Any]] = [
        {"date": "2010-11-16", "form": form, "participant_id": person}
        for form, person in zip(get_args(ConversationForm)[:3], people, strict=False)
    ]
    talks.append({"date": "2010-11-17", "status": "no_show", "participant_id": people[3]})
    case_system.push(trial, "conversations", [{"external_id": record_id(), **talk} for talk in talks])
    exits = [
        {"external_id": record_id(), "kind": "exit", "date": "2010-11-18", "reason": "job", "participant_id": person}
        for person in people
    ]
    report = case_system.push(trial, "presence-events", exits)
    assert report["counts"]["created"] == len(people)
    return trial


@pytest.fixture(scope="module")
def agency(register: Register) -> Client:
    return register.client("agency")


def table(client: Client, path: str, **parameters: str) -> tuple[list[str], list[dict[str, str]]]:
    """The columns and the rows of a report."""
    response = client.request("GET", path, params=parameters, headers=CSV)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    reader = csv.DictReader(io.StringIO(response.content.decode("utf-8"), newline=""), strict=True)
    rows = list(reader)
    assert all(None not in row and None not in row.values() for row in rows)
    return list(reader.fieldnames or ()), rows


# --- columns ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["jobcentre", "region", "trial"])
def test_the_summary_has_the_same_columns_in_every_week(agency: Client, trial: str, by: str) -> None:
    path = f"/v1/trials/{trial}/weekly-summary"
    full, rows = table(agency, path, week=FULL, by=by)
    empty, later = table(agency, path, week=EMPTY, by=by)
    before, nobody = table(agency, path, week=BEFORE, by=by)
    span, _ = table(agency, path, **{"from": BEFORE, "week": EMPTY, "by": by})
    assert full == empty == before == span
    assert len(set(full)) == len(full)
    assert sum(int(row["exits.job"]) for row in rows) == 6
    assert sum(int(value) for row in rows for name, value in row.items() if name.startswith("forms.")) == 3
    assert later
    assert {row[name] for row in later for name in empty if name.partition(".")[0] in ("exits", "forms")} == {"0"}
    assert nobody == []


def test_every_code_is_a_column(agency: Client, trial: str) -> None:
    columns, _ = table(agency, f"/v1/trials/{trial}/weekly-summary", week=FULL)
    for family, codes in (
        ("exits", get_args(ExitReason)),
        ("forms", get_args(ConversationForm)),
        ("deviations", CODES["DeviationCode"].meaning),
        ("conditions", ("conversation", "activation", "workplace")),
    ):
        assert [each for each in columns if each.startswith(f"{family}.")] == [f"{family}.{code}" for code in codes]
    assert columns[:3] == ["week", "group.jobcentre", "arm"]
    assert columns[-1] == "action_plan"
    assert not {"exits", "forms", "deviations", "conditions"} & set(columns)


def test_csv_and_json_hold_the_same(agency: Client, trial: str) -> None:
    """What CSV has beside JSON are zeros and empty cells; JSON keeps leaving them out."""
    path = f"/v1/trials/{trial}/weekly-summary"
    _, rows = table(agency, path, week=FULL)
    items = agency.get(path, week=FULL).json()["items"]
    assert len(rows) == len(items)
    for row, item in zip(rows, items, strict=True):
        told = _flat(item)
        assert {name: row[name] for name in told if name in row} == {k: v for k, v in told.items() if k in row}
        assert told.keys() - row.keys() <= {"conditions", "by_person"}  # null of the control arm: empty cells
        assert {row[name] for name in row.keys() - told.keys()} <= {"0", ""}
        assert 0 not in {n for name in ("exits", "forms", "deviations") for n in item[name].values()}


def _flat(item: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in item.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return flat


def test_the_conditions_have_the_same_columns_in_every_week_and_trial(
    register: Register, agency: Client, trial: str
) -> None:
    full, rows = table(agency, f"/v1/trials/{trial}/conditions", week=FULL)
    before, _ = table(agency, f"/v1/trials/{trial}/conditions", week=BEFORE)
    assert full == before
    assert [row["group.jobcentre"] for row in rows] == ["450", "849", "860"]
    for protocol in protocols():
        other = register.new_trial(
            protocol=protocol, intake_from="2010-08-01", intake_to="2010-12-31", ends_on="2011-12-31"
        )
        assert table(agency, f"/v1/trials/{other}/conditions", week=FULL)[0] == full


def test_a_protocol_without_thresholds_and_grant_changes_no_column() -> None:
    row = {"week": "2011-W05", "group": {"jobcentre": "849"}, "figures": {"activated": 1}}
    limits = {"conversation": 80, "activation": 80, "workplace": 40}
    money = {
        "first_conversations": 1,
        "agreed_participants": 2,
        "dkk_per_participant": 3,
        "amount_dkk": 3,
        "payable": True,
        "payable_dkk": 3,
    }
    met = {"thresholds": limits, "conditions": dict.fromkeys(limits, "met"), "grant": money}
    some = csv_table(condition_rows([{**row, **met}]), {})
    none = csv_table(condition_rows([{**row, **dict.fromkeys(met)}]), {})
    assert some.split(b"\r\n")[0] == none.split(b"\r\n")[0]
    assert none.split(b"\r\n")[1].startswith(b"2011-W05,849,1,,,")


# --- what a spreadsheet makes of it -----------------------------------------------------------------------------------


def test_nothing_is_a_formula() -> None:
    for text, cell in {
        **{text: f"'{text}" for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx")},
        **{f"{control}=1": f"'{control}'=1" for control in "\t\r\n"},
        "Anna Holm;=1+1": "Anna Holm;'=1+1",
        " =1+1": " '=1+1",
        "Bo, +45": "Bo, '+45",
        "x|@SUM(A1);-1": "x|'@SUM(A1);'-1",
        "Anne-Marie + Bo": "Anne-Marie + Bo",
    }.items():
        (_, line) = csv.reader(io.StringIO(csv_table([{"name": text}], {}).decode(), newline=""))
        assert line == [cell], "one that splits at another separator"
    assert csv_table([{"n": -1, "x": -0.5}], {}) == b"n,x\r\n-1,-0.5\r\n", "numbers stay numbers"


def test_it_is_rfc_4180() -> None:
    content = csv_table([{"a": 'one, "two"', "b": "line\nbreak", "c": None, "d": True, "e": "Hjørring"}], {})
    assert content == 'a,b,c,d,e\r\n"one, ""two""","line\nbreak",,true,Hjørring\r\n'.encode()
    assert csv_table(*summary_table(Group(), [])).count(b"\r\n") == 1


# --- what is still current --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("report", ["weekly-summary", "conditions"])
def test_each_form_has_an_etag_of_its_own(agency: Client, trial: str, report: str) -> None:
    path, week = f"/v1/trials/{trial}/{report}", {"week": EMPTY}
    forms = {"csv": CSV, "json": {"Accept": "application/json"}}
    tags: dict[str, str] = {}
    for form, accept in forms.items():
        first = agency.request("GET", path, params=week, headers=accept)
        tags[form] = first.headers["etag"]
        again = agency.request("GET", path, params=week, headers=accept | {"If-None-Match": tags[form]})
        assert (again.status_code, again.content) == (304, b"")
        assert {answer.headers["vary"].split(", ")[0] for answer in (first, again)} == {"Accept"}
        assert again.headers["etag"] == tags[form]
    assert tags["csv"] != tags["json"]
    for form, other in (("csv", "json"), ("json", "csv")):
        headers = forms[form] | {"If-None-Match": tags[other]}
        assert agency.request("GET", path, params=week, headers=headers).status_code == 200
