"""What the client says by itself, fields, codes and shapes of answers, is what the register says."""

from typing import Any, get_type_hints

import pytest
from rettevej_client import people, reports
from rettevej_client.batches import MOST_BYTES, MOST_RECORDS
from rettevej_client.meanings import FAULTS, FIELDS, WARNINGS
from rettevej_client.results import OUTCOMES

from app.domain.codes import CODES
from app.domain.facts import KINDS
from app.domain.records import ingest
from app.main import create_app
from app.routers.records.batch_io import MAX_RECORDS
from app.routers.records.parse import wire_of
from app.settings import Settings
from tests.register import Register

SHAPES = {
    "Assigned": "AssignedView",
    "Assignment": "AssignmentView",
    "Draw": "DrawView",
    "Failure": "FailureView",
    "Jobcentre": "JobcentreView",
    "NewJobcentre": "JobcentreIn",
    "NewTrial": "TrialIn",
    "Participant": "ParticipantModel",
    "Screened": "ScreeningView",
    "Screening": "ScreeningIn",
    "Trial": "TrialView",
    "TrialProtocol": "ProtocolView",
    "Week": "WeekView",
    "ActivityCurve": "ActivityCurve",
    "ArmFlow": "ArmFlowView",
    "Assessment": "AssessmentView",
    "AssessmentInput": "AssessmentInput",
    "Conditions": "ConditionsView",
    "ConditionsReport": "ConditionsReport",
    "ConditionsRow": "ConditionsRow",
    "Contacts": "ContactsView",
    "Coordination": "CoordinationView",
    "CurvePoint": "CurvePoint",
    "Eligible": "EligibleView",
    "EndingExemption": "EndingExemption",
    "Exited": "ExitedView",
    "Figures": "FiguresView",
    "Flow": "FlowView",
    "Grant": "GrantView",
    "Group": "GroupView",
    "Ineligible": "IneligibleView",
    "Release": "ReleaseView",
    "Share": "ShareView",
    "Source": "SourceView",
    "States": "StatesView",
    "SummaryFigures": "SummaryFiguresView",
    "SummaryRow": "SummaryRowView",
    "Thresholds": "ThresholdsView",
    "WeeklySummary": "WeeklySummary",
    "Worklist": "Worklist",
    "WorklistEntry": "WorklistEntry",
}


def test_every_code_of_a_rejected_record_and_of_a_warning_has_its_words() -> None:
    assert set(FAULTS) == {*CODES["FaultCode"].meaning, "stale", "too_large"}
    assert set(WARNINGS) == set(CODES["WarningCode"].meaning)
    assert OUTCOMES == ingest.OUTCOMES


def test_batches_are_as_large_as_the_register_accepts() -> None:
    assert MOST_RECORDS == MAX_RECORDS
    assert Settings.model_fields["max_body_bytes"].default == MOST_BYTES


@pytest.mark.parametrize("kind", KINDS)
def test_fields_and_their_codes_are_those_of_the_register(kind: str) -> None:
    wire = wire_of(kind)
    assert set(FIELDS[kind]) == wire.names
    for name, expected in FIELDS[kind].items():
        if name in wire.fields:
            assert set(_codes(wire.fields[name].json_schema())) == (
                {*expected} if isinstance(expected, tuple) else set()
            )


def _codes(schema: dict[str, Any]) -> list[str]:
    """The values of an enumeration, wherever in the schema it stands."""
    parts = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]
    return [str(each) for each in schema.get("enum", ())] + [code for part in parts for code in _codes(part)]


@pytest.fixture(scope="module")
def components(register: Register) -> dict[str, Any]:
    app = create_app(register.settings, register.database_url)
    found: dict[str, Any] = app.openapi()["components"]["schemas"]
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_what_the_types_of_the_client_promise_the_contract_has(name: str, components: dict[str, Any]) -> None:
    """The contract may have more: fields are added, and never taken away."""
    shape = getattr(people, name, None) or getattr(reports, name)
    schema = components[SHAPES[name]]
    fields = get_type_hints(shape)
    assert fields.keys() <= schema["properties"].keys()
    assert shape.__required_keys__ <= set(schema.get("required", ()))
