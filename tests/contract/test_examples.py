"""Examples of the contract agree with the code that encodes responses; test_contract validates them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.contract.__main__ import contract
from app.contract.document import examples
from app.domain.figures.panel import DRAWS, PARTICIPANTS, PERSON_WEEKS, PanelTable
from app.domain.figures.report_types import Group
from app.routers.common.tables import csv_table
from app.routers.panel.encoders import dictionary_of
from app.routers.reports import activity_curve, consort_flow, data_quality, effects
from app.routers.reports.conditions import condition_rows
from app.routers.reports.weekly_summary import summary_table

_EXAMPLES = examples()


def test_every_example_belongs_to_something() -> None:
    document = json.loads(contract())
    paths = {path: item for path, item in document["paths"].items() if "." not in path}  # a suffix has its operation's
    operations = [operation for item in paths.values() for operation in item.values()]
    names = {parameter.get("name") for operation in operations for parameter in operation.get("parameters", [])}
    assert _EXAMPLES["operations"].keys() == {operation["operationId"] for operation in operations}
    assert _EXAMPLES["parameters"].keys() <= names


@pytest.mark.parametrize(
    ("operation_id", "encode"),
    [
        ("getWeeklySummary", lambda report: csv_table(*summary_table(Group(jobcentre="849"), report["items"]))),
        ("getConditions", lambda report: csv_table(condition_rows(report["items"]), {})),
        ("getActivityCurve", lambda report: csv_table(report["items"], activity_curve._BLANK)),
        ("getFlow", lambda report: csv_table(consort_flow.flow_rows(report), consort_flow._BLANK)),
        ("getEffects", lambda report: csv_table(report["items"], effects._BLANK)),
        (
            "getDataQuality",
            lambda report: csv_table(
                map(data_quality._cells, [*report["items"], *report["signs"]]), data_quality._BLANK
            ),
        ),
    ],
)
def test_the_csv_of_an_example_is_its_json_encoded(operation_id: str, encode: Callable[[Any], bytes]) -> None:
    by_type = _EXAMPLES["operations"][operation_id]["responses"]["200"]
    assert encode(by_type["application/json"]).decode() == by_type["text/csv"]


@pytest.mark.parametrize(
    ("operation_id", "table"),
    [("getPersonWeeks", PERSON_WEEKS), ("getPanelParticipants", PARTICIPANTS), ("getPanelDraws", DRAWS)],
)
def test_the_examples_of_a_panel_table_have_its_columns(operation_id: str, table: PanelTable) -> None:
    """The dictionary of an example is shortened to a few columns."""
    by_type = _EXAMPLES["operations"][operation_id]["responses"]["200"]
    names = [column.name for column in table.columns]
    whole, (row,), dictionary = (
        dictionary_of(table),
        by_type["application/json"]["items"],
        by_type["application/json"]["dictionary"],
    )
    assert list(row) == by_type["text/csv"].splitlines()[0].split(",") == names
    assert json.loads(by_type["application/x-ndjson"]) == row
    assert {**whole, "key": list(table.key), "columns": None} == {**dictionary, "columns": None}
    assert all(column in whole["columns"] for column in dictionary["columns"])
