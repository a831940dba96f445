"""Protocols: data with a source, read strictly (domain 6)."""

import copy
import tomllib
from datetime import date, datetime
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from app.domain.protocol import PrimaryOutcome, Protocol, ProtocolError, Thresholds, parse_protocol
from app.domain.protocol_validation import SCREENING_FIELDS, read_protocol, validate_protocol
from app.domain.rules.eligibility import CHECKS
from app.protocols import protocols

FINAL = tomllib.loads((resources.files("app.protocols") / "prvij-2010-11.toml").read_text("utf-8"))
EVERYONE = pytest.mark.parametrize("protocol", protocols().values(), ids=lambda protocol: protocol.id)
ELIGIBILITY = {
    "not_match_group_2",
    "not_at_job_interview",
    "wrong_benefit",
    "under_20",
    "in_stu",
    "pregnancy_related_illness",
    "residential_programme",
    "exempt_from_everything",
}
PRVIJ = {
    "design": "randomised",
    "imbalance_limit": 3,
    "intake_to": date(2011, 3, 31),
    "ends_on": date(2012, 3, 31),
    "countable_days": 3,
    "accepted_forms": {"in_person", "telephone", "digital", "other"},
    "in_person_forms": {"in_person"},
    "accepted_conductors": {"caseworker", "company_consultant", "external_provider"},
    "cadence": "weekly",
    "remote_grounds": {"illness", "other_obstacle", "hospitalised"},
    "min_weekly_hours": 10,
    "reduced_hours_reasons": {"health", "gradual_start", "care", "other"},
    "sufficient_not_workplace_reasons": {"substance_abuse", "untreated_mental_illness", "other"},
    "max_programme_weeks": None,
    "judges_workplace": True,
    "requires_justification": False,
    "grant_dkk": 13_000,
    "screening_fields": {"channel", "at_job_interview", "match_group", "benefit", "exempt_from"},
}
TABLE: dict[str, dict[str, Any]] = {
    "prvij-2010-11": {
        **PRVIJ,
        "intake_from": date(2010, 11, 8),
        "first_talk_within_days": 7,
        "talk_on_assignment_counts": False,
        "rematch_to_group_3_exits": True,
        "primary_outcome": PrimaryOutcome("employment", 64),
        "success_criteria": ("job_or_education", "part_time_job", "workplace_activation"),
        "in_person_weeks": 8,
        "remote_share_max": Fraction(1, 2),
        "activation_due_week": 9,
        "max_activation_weeks": 39,
        "thresholds": Thresholds(80, 80, 40),
        "channels": ("new_match", "rematch", "supplement"),
        "eligibility": ELIGIBILITY | {"unemployed_too_long"},
    },
    "prvij-2010-07": {
        **PRVIJ,
        "intake_from": date(2010, 11, 1),
        "in_person_weeks": "before_first_workplace_activation",
        "remote_share_max": Fraction(0),
        "activation_due_week": 5,
        "max_activation_weeks": None,
        "thresholds": Thresholds(80, 80, 50),
        "channels": ("new_match", "rematch"),
        "eligibility": ELIGIBILITY,
    },
}


AHT = {
    "design": "randomised",
    "imbalance_limit": 3,
    "intake_from": None,
    "intake_to": None,
    "ends_on": None,
    "countable_days": 3,
    "accepted_forms": {"in_person", "group", "telephone"},
    "in_person_forms": {"in_person", "group"},
    "accepted_conductors": {"caseworker", "company_consultant", "external_provider"},
    "cadence": "weekly",
    "first_talk_within_days": None,
    "talk_on_assignment_counts": True,
    "rematch_to_group_3_exits": False,
    "primary_outcome": PrimaryOutcome("employment", 52),
    "in_person_weeks": "all",
    "remote_grounds": {"hospitalised"},
    "remote_share_max": None,
    "activation_due_week": 5,
    "min_weekly_hours": 10,
    "reduced_hours_reasons": {"health"},
    "max_activation_weeks": None,
    "max_programme_weeks": 17,
    "judges_workplace": False,
    "requires_justification": False,
    "thresholds": None,
    "grant_dkk": 7_500,
    "channels": (),
    "target_groups": (),
}
EXCLUDED = {"pension_case_started", "terminal_illness", "treatment_prevents_offers", "pregnancy_related_illness"}
TABLE |= {
    "aht-2008-sickness": {
        **AHT,
        "screening_fields": {"benefit"},
        "optional_screening_fields": {"sick_since", "has_job"},
        "success_criteria": ("job", "partial_return", "active_offer"),
        "eligibility": EXCLUDED | {"wrong_benefit", "after_first_follow_up"},
    },
    "aht-2008-flexjob": {
        **AHT,
        "screening_fields": {"unemployed_since"},
        "optional_screening_fields": {"sick_since", "has_job"},
        "success_criteria": ("flex_job", "active_offer"),
        "eligibility": EXCLUDED | {"not_referred_to_flexjob", "unemployed_too_short", "unemployed_too_long"},
    },
    "flex-2016": {
        "design": "one_arm",
        "intake_from": None,
        "intake_to": None,
        "ends_on": None,
        "countable_days": 3,
        "accepted_forms": {"in_person", "telephone", "digital", "group", "industry_meeting", "other"},
        "in_person_forms": {"in_person"},
        "accepted_conductors": {"caseworker", "company_consultant", "external_provider", "mentor"},
        "cadence": "average",
        "first_talk_within_days": None,
        "talk_on_assignment_counts": False,
        "rematch_to_group_3_exits": False,
        "primary_outcome": None,
        "success_criteria": ("job",),
        "in_person_weeks": 0,
        "remote_grounds": frozenset(),
        "remote_share_max": Fraction(1),
        "activation_due_week": None,
        "min_weekly_hours": None,
        "max_activation_weeks": None,
        "max_programme_weeks": None,
        "judges_workplace": False,
        "requires_justification": True,
        "thresholds": None,
        "grant_dkk": None,
        "channels": (),
        "screening_fields": {"target_group"},
        "target_groups": (1, 2, 3, 4, 5, 7, 11, 12, 13, 14),
        "eligibility": {"wrong_target_group"},
    },
}


# --- what comes with the register -------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol_id", TABLE)
def test_the_table_of_protocols(protocol_id: str) -> None:
    """Domain 6, column by column."""
    protocol = protocols()[protocol_id]
    for name, value in TABLE[protocol_id].items():
        found = getattr(protocol, name)
        assert ({rule.code for rule in found} if name == "eligibility" else found) == value, name


@EVERYONE
def test_every_value_stands_beside_its_source(protocol: Protocol) -> None:
    """Domain 6: a protocol is data with a source."""
    for name, entry in protocol.document["parameters"].items():
        assert entry.keys() == {"value", "source"}, name
        assert entry["source"].strip(), name
    for rule in protocol.eligibility:
        assert rule.source.strip(), rule.code


@EVERYONE
def test_what_comes_with_the_register_has_no_fault(protocol: Protocol) -> None:
    """Domain 6."""
    assert validate_protocol(protocol) == []


def test_the_table_knows_every_protocol() -> None:
    """Domain 6."""
    assert TABLE.keys() == protocols().keys()


def test_protocols_are_known_by_their_id() -> None:
    """Domain 6."""
    assert {key: protocol.id for key, protocol in protocols().items()} == {key: key for key in protocols()}


# --- a faulty file ----------------------------------------------------------------------------------------------------


def final(**parameters: Any) -> dict[str, Any]:
    """The final protocol's document with other parameters; None leaves one out."""
    document = copy.deepcopy(FINAL)
    for name, value in parameters.items():
        if value is None:
            del document["parameters"][name]
        else:
            document["parameters"][name] = {"value": value, "source": "test"}
    return document


def fault(document: Any) -> str:
    with pytest.raises(ProtocolError) as caught:
        read_protocol(document)
    return str(caught.value)


def test_the_document_is_kept_as_it_was_read() -> None:
    """Api.md: the protocols, parameters with sources."""
    assert parse_protocol(FINAL).document == FINAL


OPTIONAL = {
    "intake_from",
    "intake_to",
    "ends_on",
    "remote_share_max",
    "activation_due_week",
    "min_weekly_hours",
    "max_activation_weeks",
    "max_programme_weeks",
    "thresholds",
    "grant_dkk",
    "first_talk_within_days",
    "talk_on_assignment_counts",
    "rematch_to_group_3_exits",
    "primary_outcome",
    "success_criteria",
}


@pytest.mark.parametrize("name", FINAL["parameters"])
def test_a_parameter_left_out(name: str) -> None:
    """Domain 6: a dash in the table is a parameter that the protocol does not have; the others must be there."""
    document = final(**{name: None})
    if name in OPTIONAL:
        assert getattr(parse_protocol(document), name) in {None, False, ()}
    else:
        assert fault(document) == f"parameters.{name} is missing"


@pytest.mark.parametrize("name", FINAL["parameters"])
def test_a_parameter_of_the_wrong_type(name: str) -> None:
    """Domain 6: the sentence says which parameter."""
    wrong = 3.5 if name != "judges_workplace" else 1
    assert f"parameters.{name}" in fault(final(**{name: wrong}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("design", "haphazard"),
        ("cadence", "monthly"),
        ("in_person_weeks", "some"),
        ("in_person_weeks", True),
        ("countable_days", True),
        ("remote_share_max", "half"),
        ("remote_share_max", "1/0"),
        ("thresholds", {"conversation": 80}),
        ("thresholds", {"conversation": 80, "activation": 80, "workplace": 40, "luck": 1}),
        ("thresholds", {"conversation": "80", "activation": 80, "workplace": 40}),
        ("intake_from", datetime(2010, 11, 8)),  # noqa: DTZ001 - what TOML calls a local date-time
        ("channels", [1]),
        ("accepted_forms", [["in_person"]]),
    ],
)
def test_a_parameter_that_cannot_be(name: str, value: Any) -> None:
    """Domain 6: the sentence says which parameter, whatever is wrong with it."""
    assert f"parameters.{name}" in fault(final(**{name: value}))


@pytest.mark.parametrize(
    "entry", [3, {"value": 3}, {"source": "nowhere"}, {"value": 3, "source": 7}, {"value": 3, "source": " "}]
)
def test_no_value_without_its_source(entry: Any) -> None:
    """Domain 6."""
    document = final()
    document["parameters"]["countable_days"] = entry
    assert fault(document) == "parameters.countable_days needs a value and its source"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({**FINAL, "description": 7}, "description must be a text"),
        ({**FINAL, "parameters": [1]}, "parameters must be a table"),
        ({**FINAL, "eligibility": 1}, "eligibility must be a table"),
        ({**FINAL, "eligibility": {"x": {"check": 1, "source": "s"}}}, "eligibility.x.check must be a text"),
        (
            {**FINAL, "eligibility": {"x": {"check": "job_interview", "source": "s", "detail": 1}}},
            "eligibility.x.detail must be a text",
        ),
    ],
)
def test_entries_of_the_wrong_kind(document: dict[str, Any], told: str) -> None:
    """Domain 6."""
    assert fault(document) == told


def test_nothing_unknown_is_passed_over() -> None:
    """Domain 6: a misspelt parameter would otherwise be one that the protocol does not have."""
    assert fault(final(max_activation_week=39)) == "unknown parameters: max_activation_week"
    assert fault({**FINAL, "paramaters": {}}) == "unknown entries: paramaters"
    document = final()
    document["parameters"]["countable_days"] = {"value": 3, "source": "test", "unit": "days"}
    assert fault(document) == "parameters.countable_days has more than a value and its source: unit"


@pytest.mark.parametrize("name", ["id", "title"])
@pytest.mark.parametrize("value", ["", None, 7])
def test_a_protocol_has_id_and_title(name: str, value: Any) -> None:
    """Domain 6."""
    assert fault({**FINAL, name: value}) == f"{name} is missing"


@pytest.mark.parametrize("entry", [{"check": "job_interview"}, {"source": "nowhere"}, "job_interview"])
def test_a_rule_has_a_check_and_its_source(entry: Any) -> None:
    """Domain 3.1, 6."""
    assert fault({**FINAL, "eligibility": {"rule": entry}}) == "eligibility.rule needs a check and its source"


# --- what tells how to write one --------------------------------------------------------------------------------------

GUIDE = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text("utf-8")


def test_the_example_of_the_guide_is_a_protocol() -> None:
    example = GUIDE.split("```toml\n")[1].split("```")[0]
    assert read_protocol(tomllib.loads(example)).id == "young-2012"


def test_the_guide_knows_every_parameter_check_and_screening_field() -> None:
    parameters = {name for protocol in protocols().values() for name in protocol.document["parameters"]}
    of_checks = {name for check in CHECKS.values() for name in (*check.required, *check.optional, *check.reads)}
    rows = [line.split("|")[1] for line in GUIDE.splitlines() if line.startswith("| `")]
    told = {name.strip(" `○") for row in rows for name in row.split(",")}
    assert told == parameters | CHECKS.keys()
    assert all(f"`{name}`" in GUIDE for name in of_checks | SCREENING_FIELDS)
