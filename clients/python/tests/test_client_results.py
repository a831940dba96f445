"""Results as tables, and what the distribution needs."""

import csv
import io
import subprocess
import sys
from pathlib import Path

from rettevej_client.batches import Batch
from rettevej_client.results import OUTCOMES, PushResult, ResultBuilder, csv_of, parse_report

REPORT = {
    "batch_id": "b",
    "committed": True,
    "received": 4,
    "counts": {"created": 1, "updated": 0, "unchanged": 0, "stale": 1, "retracted": 0, "rejected": 2},
    "results": [
        {"index": 0, "external_id": "ok", "outcome": "created", "warnings": ["remote_too_early", "a_new_warning"]},
        {"index": 1, "external_id": "old", "outcome": "stale"},
        {
            "index": 2,
            "external_id": "=cmd()",
            "outcome": "rejected",
            "errors": [
                {
                    "pointer": "/records/2/focus/1",
                    "code": "invalid_value",
                    "meaning": "one of clarification, motivation",
                },
                {"pointer": "/records/2", "code": "unknown_field", "meaning": "there is no such name here"},
            ],
        },
        {
            "index": 3,
            "external_id": None,
            "outcome": "rejected",
            "errors": [{"pointer": "/records/3", "code": "new", "meaning": "news"}],
        },
    ],
}


def result() -> PushResult:
    tally = ResultBuilder(dry_run=False)
    tally.add(parse_report(Batch(100, 4, b"", "key"), REPORT))
    return tally.result()


def test_rows_count_in_the_whole_input_and_say_what_each_code_means() -> None:
    rows = result().rows
    assert [(row.index, row.outcome, row.pointer, row.code) for row in rows] == [
        (100, "created", "", "remote_too_early"),
        (100, "created", "", "a_new_warning"),
        (101, "stale", "/revision", "stale"),
        (102, "rejected", "/focus/1", "invalid_value"),
        (102, "rejected", "", "unknown_field"),
        (103, "rejected", "", "new"),
    ]
    assert rows[3].meaning == "one of clarification, motivation", "the register's own words"
    assert (rows[5].meaning, rows[1].meaning) == ("news", "a_new_warning"), "codes of a later register"
    assert (len(result().warnings), len(result().stale), len(result().rejected)) == (2, 1, 3)
    assert tuple(result().counts) == OUTCOMES


def test_the_table_holds_nothing_that_a_spreadsheet_would_run(tmp_path: Path) -> None:
    text = result().to_csv(tmp_path / "rejected.csv")
    assert (tmp_path / "rejected.csv").read_bytes().decode() == text
    lines = text.split("\r\n")
    assert lines[0] == "index,external_id,outcome,pointer,code,meaning"
    assert lines[4].startswith("102,'=cmd(),rejected,/focus/1,invalid_value,")
    assert lines[6] == "103,,rejected,,new,news"


def test_nothing_runs_after_another_separator_either() -> None:
    text = csv_of(None, iter([["Anna Holm;=1+1", "Bo, +45", "\n=1", " =1+1", -1]]))
    assert next(csv.reader(io.StringIO(text, newline=""))) == ["Anna Holm;'=1+1", "Bo, '+45", "'\n'=1", " '=1+1", "-1"]


def test_the_client_needs_httpx_and_nothing_of_the_server() -> None:
    program = """
import sys
for name in ("app", "fastapi", "pydantic", "sqlalchemy", "openpyxl", "rich", "typer"):
    sys.modules[name] = None
import rettevej_client, rettevej_client.importing
"""
    subprocess.run([sys.executable, "-c", program], check=True)
