"""Client types against the contract: equal in every field, both ways, in type, nullability and requiredness."""

from typing import Any, get_args, get_type_hints, is_typeddict

import pytest
from rettevej_client import codes, people, reports
from rettevej_client.descriptions import FIELDS, KINDS
from rettevej_client.records import StoredRecord
from rettevej_client.results import OUTCOMES

from tests.client.contract import SCHEMAS, python_type, schema_type

NAMES = {
    "Assigned": "AssignedView",
    "Assignment": "AssignmentView",
    "Draw": "DrawView",
    "Failure": "FailureView",
    "Jobcentre": "JobcentreView",
    "ListedParticipant": "ListedParticipant",
    "NewJobcentre": "JobcentreIn",
    "NewTrial": "TrialIn",
    "Participant": "ParticipantModel",
    "Screened": "ScreeningView",
    "Screening": "ScreeningIn",
    "Trial": "TrialView",
    "TrialProtocol": "ProtocolView",
    "CorrectionRequest": "CorrectionRequestView",
    "Week": "WeekView",
    "ActivityCurve": "ActivityCurve",
    "ArmFlow": "ArmFlowView",
    "Assessment": "AssessmentView",
    "AssessmentInput": "AssessmentInput",
    "Conditions": "ConditionsView",
    "ConditionsReport": "ConditionsReport",
    "ConditionsRow": "ConditionsRow",
    "Contacts": "ContactsView",
    "ActivationByPerson": "ActivationByPerson",
    "ByPerson": "ByPerson",
    "ConversationByPerson": "ConversationByPerson",
    "CorrectedPeople": "CorrectedPeopleView",
    "Coordination": "CoordinationView",
    "RequiredContacts": "RequiredContactsView",
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
"""The contract's name of each TypedDict of the client."""
BASES = {"Sums"}
"""Fields that several types share; no schema of the contract."""
TYPES: dict[str, Any] = {
    name: value
    for module in (people, reports)
    for name, value in vars(module).items()
    if is_typeddict(value) and value.__module__ == module.__name__
}
RECORDS = {
    "conversations": "Conversation",
    "activations": "Activation",
    "exemptions": "Exemption",
    "presence-events": "PresenceEvent",
    "support-efforts": "SupportEffort",
    "mentors": "Mentor",
    "declined-offers": "DeclinedOffer",
    "outcomes": "Outcome",
}
"""The stem of each kind's schemas."""
ENVELOPE = ("external_id", "client_id", "participant_id", "revision", "registered_at", "retracted", "retraction_reason")


def test_every_type_of_the_client_has_its_schema() -> None:
    assert TYPES.keys() - BASES == NAMES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_the_fields_of_a_type_are_those_of_its_schema(name: str) -> None:
    schema = SCHEMAS[NAMES[name]]
    hints = get_type_hints(TYPES[name], include_extras=True)
    client = {field: python_type(hint, NAMES) for field, hint in hints.items()}
    contract = {field: schema_type(value) for field, value in schema["properties"].items()}
    assert client == contract
    assert TYPES[name].__required_keys__ == set(schema.get("required", ()))


def test_enumerations_are_those_of_the_contract() -> None:
    client = {name: set(get_args(getattr(codes, name))) for name in codes.__all__}
    assert client == {name: set(SCHEMAS[name]["enum"]) for name in codes.__all__}


def test_outcomes_are_those_of_a_batch_report() -> None:
    assert set(OUTCOMES) == SCHEMAS["CountsView"]["properties"].keys() == set(SCHEMAS["Outcome"]["enum"])


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_fields_of_a_record_are_those_of_its_schema(kind: str) -> None:
    assert set(FIELDS[kind]) == SCHEMAS[f"{RECORDS[kind]}Item"]["properties"].keys()


def test_every_kind_of_the_contract_is_known() -> None:
    assert RECORDS.keys() == set(KINDS)
    assert {name.removesuffix("Item") for name in SCHEMAS if name.endswith("Item")} == set(RECORDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_record_has_the_fields_of_every_answer(kind: str) -> None:
    hints = get_type_hints(StoredRecord)
    stem = RECORDS[kind]
    stored, written, version = (SCHEMAS[f"{stem}{name}"]["properties"] for name in ("Stored", "Written", "Version"))
    facts = stored.keys() - set(ENVELOPE)
    assert facts == set(FIELDS[kind]) - {*ENVELOPE, "cpr"}
    assert written.keys() - stored.keys() == {"outcome", "warnings"}
    assert version.keys() - stored.keys() == {"batch_id", "superseded_at"}
    assert hints.keys() == {*ENVELOPE, "facts", "outcome", "warnings", "batch_id", "superseded_at"}
    for name in ENVELOPE:
        assert python_type(hints[name], NAMES) == schema_type(stored[name]), name
    optional = {"outcome": written, "batch_id": version, "superseded_at": version}
    for name, schema in optional.items():
        assert set(python_type(hints[name], NAMES).split(" | ")) == {*schema_type(schema[name]).split(" | "), "None"}
