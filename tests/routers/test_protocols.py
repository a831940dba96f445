"""Trials of every protocol through the API (domain 6): what differs between them is data, and nothing but data."""

import asyncio
import csv
import io
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from app.cli.main import app as command_line
from app.cli.operations import examine
from app.db.core.session import make_engine
from app.db.personal_data.vault import load_or_create_master_key
from app.domain.protocol import ProtocolError
from app.protocols import add_folder, digest_of, protocols
from app.settings import Settings
from tests.register import Client, Register, new_cpr, record_id

MADE_UP = Path(__file__).parents[1] / "examples" / "protocols"
DATES = {"intake_from": "2009-01-05", "intake_to": "2009-04-30", "ends_on": "2009-08-31"}
JOBCENTRES = [
    {"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 1},
    {"code": "860", "name": "Hjørring", "region": "nord", "agreed_participants": 1},
]


def errors_of(response: Any) -> set[tuple[str, str]]:
    assert response.status_code == 422, response.text
    return {(error["pointer"], error["code"]) for error in response.json()["errors"]}


@pytest.fixture
def agency(register: Register) -> Client:
    return register.client("agency")


def trial_of(register: Register, protocol: str, **changes: Any) -> str:
    return register.new_trial(**{"protocol": protocol, "jobcentres": JOBCENTRES, **DATES, **changes})


def screen(register: Register, trial: str, **facts: Any) -> Any:
    body = {"cpr": new_cpr(), "jobcentre": "849", "interview_on": "2009-01-05", **facts}
    return register.case_system().post(f"/v1/trials/{trial}/participants", body)


def talks(register: Register, trial: str, participant: str, *records: dict[str, Any]) -> None:
    sent = [{"external_id": record_id(), "participant_id": participant, **record} for record in records]
    assert register.case_system().push(trial, "conversations", sent)["counts"]["created"] == len(sent)


def rows_of(client: Client, trial: str, **parameters: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(f"/v1/trials/{trial}/weekly-summary", **parameters).json()["items"]
    return rows


# --- what a protocol asks for -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "needed"),
    [
        ("aht-2008-sickness", {"benefit": "sickness_benefit"}),
        ("aht-2008-flexjob", {"unemployed_since": "2008-10-05", "circumstances": ["referred_to_flexjob"]}),
        ("flex-2016", {"target_group": 2}),
    ],
)
def test_a_screening_states_what_the_protocol_looks_at(
    register: Register, protocol: str, needed: dict[str, Any]
) -> None:
    """Api.md: match group, channel and the like are asked for by ``prvij-*`` only; what else is sent is not kept."""
    trial = trial_of(register, protocol)
    (name, *_) = needed
    assert errors_of(screen(register, trial)) == {(f"/{name}", "missing_field")}
    plain = {"cpr": new_cpr(), "jobcentre": "849", "interview_on": "2009-01-05", **needed}
    answered = register.case_system().post(f"/v1/trials/{trial}/participants", plain)
    assert answered.status_code == 201, answered.text
    assert answered.json()["assignment"]["assigned_on"] == "2009-01-05"
    more = {**plain, "channel": "supplement", "match_group": 1, "at_job_interview": False, "exempt_from": "both"}
    again = register.case_system().post(f"/v1/trials/{trial}/participants", more)
    assert (again.status_code, again.json()) == (200, answered.json())
    shown = register.case_system().get(f"/v1/trials/{trial}/participants/{answered.json()['participant_id']}").json()
    assert shown["channel"] is None


def test_failures_of_the_other_protocols_have_their_sentences(register: Register) -> None:
    """Domain 6 [S]: every failing rule, each in a sentence; the same screening again the same."""
    trial = trial_of(register, "aht-2008-flexjob")
    body = {
        "cpr": new_cpr(),
        "jobcentre": "849",
        "interview_on": "2009-01-11",
        "unemployed_since": "2008-09-10",
        "circumstances": ["terminal_illness", "pension_case_started"],
    }
    first = register.case_system().post(f"/v1/trials/{trial}/participants", body)
    failures = first.json()["failures"]
    assert {failure["code"] for failure in failures} == {
        "not_referred_to_flexjob",
        "unemployed_too_long",
        "pension_case_started",
        "terminal_illness",
    }
    assert len({failure["detail"] for failure in failures}) == 4
    assert register.case_system().post(f"/v1/trials/{trial}/participants", body).json() == first.json()


# --- a grant without conditions (domain 6 [S]) ------------------------------------------------------------------------


def test_the_grant_of_the_sickness_benefit_trial_has_no_conditions(register: Register, agency: Client) -> None:
    """Domain 6 [S]: 7,500 DKK on average, no thresholds; ``payable`` is null."""
    trial = trial_of(register, "aht-2008-sickness")
    for _ in range(8):
        answered = screen(register, trial, benefit="sickness_benefit").json()
        talks(register, trial, answered["participant_id"], {"date": "2009-01-12", "form": "group"})
    (row, _) = agency.get(f"/v1/trials/{trial}/conditions", week="2009-W04").json()["items"]
    assert (row["thresholds"], row["conditions"]) == (None, None)
    paid = row["grant"]
    assert (paid["dkk_per_participant"], paid["amount_dkk"], paid["payable"]) == (7500, 7500, None)
    assert 2 <= paid["first_conversations"] <= 6  # the treatment arm of eight
    for row in rows_of(agency, trial, week="2009-W03"):
        assert row["conditions"] is None
        assert row.get("action_plan", False) is False
        assert row["conversation_rate"] == 1.0  # a group conversation is as good as another
        assert row["conforming_rate"] == 1.0


# --- average contacts, one arm (domain 6 [C]) -------------------------------------------------------------------------

FLEX = {
    "intake_from": "2011-01-03",
    "intake_to": "2011-06-30",
    "ends_on": "2011-12-30",
    "target_groups": [11, 2],
    "required_contacts": 1.5,
}


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"target_groups": [2, 6]}, {("/target_groups/1", "invalid_value")}),
        ({"target_groups": [2, 2]}, {("/target_groups/1", "invalid_value")}),
        ({"target_groups": []}, {("/target_groups", "invalid_value")}),
        ({"target_groups": ["2"]}, {("/target_groups/0", "invalid_value")}),
        ({"required_contacts": 0}, {("/required_contacts", "invalid_value")}),
    ],
)
def test_a_trial_picks_among_the_target_groups_of_its_protocol(
    agency: Client, changes: dict[str, Any], errors: set[tuple[str, str]]
) -> None:
    """Domain 6 [C]: 1, 2, 3, 4, 5, 7, 11 to 14."""
    body = {"id": "flex-malformed", "protocol": "flex-2016", "title": "x", "jobcentres": JOBCENTRES, **FLEX, **changes}
    assert errors_of(agency.post("/v1/trials", body)) == errors


def test_a_trial_that_picks_none_takes_all_target_groups(register: Register, agency: Client) -> None:
    trial = trial_of(register, "flex-2016")
    shown = agency.get(f"/v1/trials/{trial}").json()
    assert shown["target_groups"] == [1, 2, 3, 4, 5, 7, 11, 12, 13, 14]
    assert shown["required_contacts"] is None
    assert agency.get(f"/v1/trials/{trial_of(register, 'flex-2016', **FLEX)}").json()["target_groups"] == [2, 11]


def test_other_target_groups_are_another_trial(register: Register, agency: Client) -> None:
    """Api.md: the same again 200, other content 409."""
    body = {"id": "flex-again", "protocol": "flex-2016", "title": "x", "jobcentres": JOBCENTRES, **FLEX}
    assert agency.post("/v1/trials", body).status_code == 201
    assert agency.post("/v1/trials", {**body, "target_groups": [2, 11]}).status_code == 200
    assert agency.post("/v1/trials", {**body, "target_groups": [2]}).status_code == 409
    assert agency.post("/v1/trials", {**body, "required_contacts": 2}).status_code == 409


@pytest.fixture
def flexible(register: Register) -> str:
    """Two of group 2 and one of group 11 from Monday 2011-W01 on; half a year later everything is known.

    First of group 2: in person in W02 and W03, by telephone without a justification in W03, and one in the assignment
    week, which enters no average. Second: exempt from conversations in W03, in which they talk all the same. Group 11:
    on a screen, with a justification, in W04.
    """
    trial = trial_of(register, "flex-2016", **FLEX)
    someone, other, third = (
        screen(register, trial, interview_on="2011-01-03", target_group=group).json()["participant_id"]
        for group in (2, 2, 11)
    )
    talks(
        register,
        trial,
        someone,
        {"date": "2011-01-05"},
        {"date": "2011-01-11"},
        {"date": "2011-01-18"},
        {"date": "2011-01-19", "form": "telephone"},
    )
    talks(register, trial, other, {"date": "2011-01-18"})
    talks(register, trial, third, {"date": "2011-01-25", "form": "digital", "justification": "small_job"})
    away = {"scope": "conversations", "ground": "illness", "starts_on": "2011-01-17", "ends_on": "2011-01-21"}
    sent = [{"external_id": record_id(), "participant_id": other, **away}]
    assert register.case_system().push(trial, "exemptions", sent)["counts"]["created"] == 1
    return trial


def test_in_one_arm_the_eligible_screening_is_the_assignment(register: Register, flexible: str) -> None:
    """Domain 3.3, 6 [C]."""
    refused = screen(register, flexible, interview_on="2011-01-03", target_group=3).json()
    assert [failure["code"] for failure in refused["failures"]] == ["wrong_target_group"]
    assert (refused["participant_id"], refused["assignment"]) == (None, None)
    answered = screen(register, flexible, interview_on="2011-06-27", target_group=11).json()
    assert answered["assignment"]["arm"] == "treatment"
    assert register.client("auditor").get(f"/v1/trials/{flexible}/draws").json()["items"] == []
    path = f"/v1/trials/{flexible}/participants/{answered['participant_id']}/assignment"
    assert register.case_system().get(path).json() == answered["assignment"]


def test_contacts_stand_in_place_of_the_conversation_rates(agency: Client, flexible: str) -> None:
    """Domain 6 [C], by hand: 4 × counting conversations / counted weeks open to conversations."""
    (row,) = rows_of(agency, flexible, week="2011-W03")
    assert row["required_contacts"] == 1.5
    # W03: two weeks in the denominator (the second of group 2 is exempt), two conversations in them
    assert row["contacts_per_four_weeks"] == {
        "total": 4.0,
        "by_form": {"in_person": 2.0, "telephone": 2.0},
        "by_target_group": {"2": 8.0, "11": 0.0},
    }
    # W02 and W03: five weeks, three conversations; group 2 three weeks and all of them
    assert row["cumulative"]["contacts_per_four_weeks"] == {
        "total": 12 / 5,
        "by_form": {"in_person": 8 / 5, "telephone": 4 / 5},
        "by_target_group": {"2": 4.0, "11": 0.0},
    }
    for figures in (row, row["cumulative"]):
        assert "conversation_rate" not in figures
        assert "conforming_rate" not in figures
    assert (row["conversation_due"], row["activation_rate"], row["conditions"]) == (0, None, None)
    assert row["forms"] == {"in_person": 2, "telephone": 1}  # conversations that count, in the denominator or not
    assert row["deviations"] == {"no_justification": 1}


def test_contacts_of_no_week_are_null(agency: Client, flexible: str) -> None:
    """Domain 5: of nothing there is no rate."""
    (row,) = rows_of(agency, flexible, week="2011-W01")
    nothing = {"total": None, "by_form": {}, "by_target_group": {"2": None, "11": None}}
    assert row["contacts_per_four_weeks"] == row["cumulative"]["contacts_per_four_weeks"] == nothing
    assert row["states"]["assignment_week"] == 3


def test_contacts_are_the_same_in_a_span_and_as_known_then(register: Register, agency: Client, flexible: str) -> None:
    """Domain 5: cumulative sums begin with the trial, whatever the span."""
    weeks = ("2011-W02", "2011-W03", "2011-W04", "2011-W05")
    one_by_one = [row for week in weeks for row in rows_of(agency, flexible, week=week)]
    assert rows_of(agency, flexible, **{"from": weeks[0], "week": weeks[-1]}) == one_by_one
    assert one_by_one[2]["contacts_per_four_weeks"]["by_form"] == {"digital": 4 / 3}
    then = datetime.now(UTC).isoformat()
    late = screen(register, flexible, interview_on="2011-01-03", target_group=2).json()["participant_id"]
    talks(register, flexible, late, {"date": "2011-01-27"})
    register.clock.now, before = datetime.now(UTC), register.clock.now
    try:
        for week, row in zip(weeks, one_by_one, strict=True):
            assert rows_of(agency, flexible, week=week, known_at=then) == [row]
            assert rows_of(agency, flexible, week=week) != [row]
    finally:
        register.clock.now = before


def test_contacts_as_csv_have_the_same_columns_in_every_week(agency: Client, flexible: str) -> None:
    def table(week: str) -> list[dict[str, str]]:
        parameters = {"week": week, "by": "trial"}
        path = f"/v1/trials/{flexible}/weekly-summary"
        answered = agency.request("GET", path, params=parameters, headers={"Accept": "text/csv"})
        return list(csv.DictReader(io.StringIO(answered.text, newline="")))

    (empty,), (full,) = table("2011-W01"), table("2011-W03")
    assert list(empty) == list(full)
    assert full["contacts_per_four_weeks.total"] == "4.0"
    assert full["contacts_per_four_weeks.by_form.group"] == "0.0"
    assert empty["contacts_per_four_weeks.by_form.group"] == ""
    assert full["cumulative.contacts_per_four_weeks.by_target_group.2"] == "4.0"
    assert full["required_contacts"] == "1.5"
    assert "conversation_rate" not in full


def test_nothing_is_paid_for_flexible_conversations(agency: Client, flexible: str) -> None:
    """Domain 6 [C]: no grant, no thresholds."""
    rows = agency.get(f"/v1/trials/{flexible}/conditions", week="2011-W04").json()["items"]
    assert {(row["grant"], row["conditions"], row["thresholds"]) for row in rows} == {(None, None, None)}


# --- everything else, under every protocol ----------------------------------------------------------------------------

REPORTS = [
    *((role, f"/{name}") for role in ("agency",) for name in ("weekly-summary?week=2009-W20", "conditions", "flow")),
    *(("agency", f"/activity-curve?measure={measure}") for measure in ("conversation", "activation", "workplace")),
    *(("agency", f"/{name}") for name in ("data-quality", "grant-assessments", "panel/dictionary")),
    ("case-system", "/worklist?jobcentre=849&week=2009-W04"),
    ("case-system", "/participants?jobcentre=849"),
    ("case-system", "/declined-offers"),
]
PRVIJ = {
    "match_group": 2,
    "at_job_interview": True,
    "channel": "new_match",
    "exempt_from": "none",
    "benefit": "cash_benefit",
}
STATED: dict[str, dict[str, Any]] = {
    "prvij-2010-11": PRVIJ,
    "prvij-2010-07": PRVIJ,
    "aht-2008-sickness": {"benefit": "sickness_benefit"},
    "aht-2008-flexjob": {"unemployed_since": "2008-10-05", "circumstances": ["referred_to_flexjob"]},
    "flex-2016": {"target_group": 2},
}


@pytest.mark.parametrize("protocol", protocols())
def test_every_report_answers_under_every_protocol(register: Register, protocol: str) -> None:
    """Domain 6: the same functions and pipeline, whatever a protocol has not."""
    trial = trial_of(register, protocol)
    answered = screen(register, trial, **STATED[protocol]).json()
    talks(register, trial, answered["participant_id"], {"date": "2009-01-12", "form": "telephone"})
    declined = {"date": "2009-01-13", "type": "preventive_offer", "reason": "health"}
    sent = [{"external_id": record_id(), "participant_id": answered["participant_id"], **declined}]
    assert register.case_system().push(trial, "declined-offers", sent)["counts"]["created"] == 1
    for role, path in REPORTS:
        response = register.client(role).request("GET", f"/v1/trials/{trial}{path}")
        assert response.status_code == 200, (path, response.text)
    frozen = register.client("agency").post(
        f"/v1/trials/{trial}/grant-assessments", {"jobcentre": "849", "week": "2009-W04"}
    )
    assert frozen.status_code == 201, frozen.text


def test_a_participant_has_the_target_group(register: Register) -> None:
    """Domain 6 [C]."""
    trial = trial_of(register, "flex-2016")
    participant = screen(register, trial, target_group=7).json()["participant_id"]
    assert register.case_system().get(f"/v1/trials/{trial}/participants/{participant}").json()["target_group"] == 7


# --- a protocol that is a file only -----------------------------------------------------------------------------------


@pytest.fixture
def none_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test adds to the known protocols is gone after it."""
    monkeypatch.setattr("app.protocols._added", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of protocols with the made-up one, and a file that is none."""
    folder = tmp_path / "protocols"
    shutil.copytree(MADE_UP, folder)
    (folder / "notes.txt").write_text("not a protocol")
    return folder


@pytest.fixture
def made_up(none_added: None, folder: Path, new_database: Callable[[], str], tmp_path: Path) -> Iterator[Register]:
    with Register(new_database(), tmp_path / "data", folder) as register:
        yield register


def test_a_sixth_protocol_is_a_file_and_nothing_else(made_up: Register) -> None:
    """Domain 6: from the screening to the summary, conditions and grant, by rules that only the file has."""
    agency, case_system = made_up.client("agency"), made_up.case_system()
    assert agency.get("/v1/protocols/made-up-2012").json()["parameters"]["grant_dkk"]["value"] == 999
    trial = made_up.new_trial(protocol="made-up-2012", jobcentres=JOBCENTRES)
    body = {"jobcentre": "849", "channel": "rematch", "match_group": 1, "unemployed_since": "2009-12-01"}
    refused = case_system.post(
        f"/v1/trials/{trial}/participants",
        {**body, "cpr": new_cpr("0190"), "interview_on": "2010-01-04", "match_group": 2},
    ).json()
    assert {(each["code"], each["detail"]) for each in refused["failures"]} == {
        ("not_match_group_1", "The person must be assessed into match group 1."),
        ("under_30", "A rule of the protocol is not met."),
    }
    treated = []
    for _ in range(6):
        answered = case_system.post(
            f"/v1/trials/{trial}/participants", {**body, "cpr": new_cpr(), "interview_on": "2010-01-04"}
        ).json()
        if answered["assignment"]["arm"] == "treatment":
            treated.append(answered["participant_id"])
    assert 2 <= len(treated) <= 4  # never more than two ahead
    for participant in treated:
        talks(
            made_up,
            trial,
            participant,
            {"date": "2010-01-11", "form": "digital"},  # week 2, as good as in person
            {"date": "2010-01-18", "form": "telephone", "justification": "far_away"},  # week 3: 1 of 1 is within ⌈1/3⌉
            {"date": "2010-01-25", "form": "telephone"},  # week 4: 2 of 2 is too often
            {"date": "2010-02-01", "conducted_by": "mentor"},  # week 5: a mentor's counts here
        )
        offer = {"type": "other_offer", "starts_on": "2010-01-18", "hours_per_week": 15}
        sent = [{"external_id": record_id(), "participant_id": participant, **offer}]
        answered = case_system.push(trial, "activations", sent)
        assert answered["results"][0]["warnings"] == ["not_at_workplace"]
    (week,) = [row for row in rows_of(agency, trial, week="2010-W04") if row["arm"] == "treatment"]
    n = len(treated)
    assert week["deviations"] == {"remote_too_often": n, "no_justification": n, "not_at_workplace": n}
    (row,) = [row for row in rows_of(agency, trial, week="2010-W08") if row["arm"] == "treatment"]
    assert row["states"]["complete"] == n  # weeks 3 to 6 were active, and that is all
    total = row["cumulative"]
    assert (total["conversation_due"], total["conversation_held"]) == (5 * n, 4 * n)
    assert (total["conversation_conforming"], total["activation_due"], total["activated"]) == (3 * n, 4 * n, 4 * n)
    assert row["conditions"] == {"conversation": "met", "activation": "met", "workplace": "met"}
    (paid, _) = agency.get(f"/v1/trials/{trial}/conditions", week="2010-W08").json()["items"]
    assert (paid["grant"]["amount_dkk"], paid["grant"]["payable"]) == (999, True)


# --- faulty files -----------------------------------------------------------------------------------------------------

FAULTS = [
    ("in_person_weeks = { value = 2, ", "in_person_weeks = { value = -1, ", "in_person_weeks must lie between 0 and"),
    ('"industry_meeting"]', '"fax"]', "parameters.accepted_forms has unknown codes: fax"),
    ('["in_person", "digital"], ', '["in_person", "group"], ', "what accepted_forms has not: group"),
    ('["other_obstacle"]', '["weather"]', "parameters.remote_grounds has unknown codes: weather"),
    ('["gradual_start"]', '["tired"]', "parameters.reduced_hours_reasons has unknown codes: tired"),
    ('["no_transport"]', '["rain"]', "parameters.sufficient_not_workplace_reasons has unknown codes: rain"),
    ('["caseworker", "mentor"]', '["robot"]', "parameters.accepted_conductors has unknown codes: robot"),
    ("conversation = 60", "conversation = 101", "parameters.thresholds.conversation must lie between 0 and 100"),
    ('value = "1/3"', 'value = "4/3"', "parameters.remote_share_max must lie between 0 and 1"),
    ("value = 2010-06-30", "value = 2010-02-01", "parameters.ends_on is before the intake ends"),
    ("value = 2010-02-28", "value = 2010-01-01", "parameters.intake_to is before intake_from"),
    ('check = "min_age"', 'check = "height"', "eligibility.under_30: there is no check height"),
    ("years = 30\n", "", "eligibility.under_30: the check min_age needs years"),
    ("years = 30", "years = 30\nmonths = 2", "eligibility.under_30: the check min_age knows no months"),
    ("years = 30", "years = 30.5", "eligibility.under_30.years must be a whole number"),
    ("eligibility.under_30", "eligibility.not_available", "eligibility.not_available: this code is the register's own"),
    ('"match_group", "unemployed_since"]', '"match_group"]', "unemployed_since, which screening_fields does not"),
    ('["channel", "match_group"', '["match_group"', "channels and screening_fields must both know of channels"),
    ('["rematch"]', '["lottery"]', "parameters.channels has unknown codes: lottery"),
    ("countable_days = { value = 2", "countable_days = { value = 6", "countable_days must lie between 1 and 5"),
    ("imbalance_limit = { value = 2", "imbalance_limit = { value = 0", "imbalance_limit must be 1 or more"),
    ('value = 999, source = "made up" }', "value = 999 }", "grant_dkk needs a value and its source"),
    ("activation_due_week =", "activation_due_weeks =", "unknown parameters: activation_due_weeks"),
    ("[parameters]", "[parameters", "Expected"),
    ('id = "made-up-2012"', 'id = "Made up"', "id must be 1 to 60 of a-z, 0-9 and -"),
    ('id = "made-up-2012"', 'id = "prvij-2010-11"', "there is another protocol of the id prvij-2010-11 already"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "told"), FAULTS, ids=[told for _, _, told in FAULTS])
def test_a_faulty_file_is_named_with_what_is_wrong(
    none_added: None, folder: Path, right: str, wrong: str, told: str
) -> None:
    """Domain 6: which file, which parameter, and why; and nothing of the folder is taken."""
    file = folder / "made-up-2012.toml"
    text = file.read_text("utf-8")
    assert right in text
    file.write_text(text.replace(right, wrong), "utf-8")
    with pytest.raises(ProtocolError) as caught:
        add_folder(folder)
    assert told in str(caught.value)
    assert str(caught.value).startswith(("made-up-2012.toml: ", f"{folder}: "))
    assert "made-up-2012" not in protocols()


def test_every_fault_of_a_file_is_told(none_added: None, folder: Path) -> None:
    file = folder / "made-up-2012.toml"
    text = file.read_text("utf-8").replace("conversation = 60", "conversation = 600").replace('"1/3"', '"3"')
    file.write_text(text.replace("years = 30", "years = 0"), "utf-8")
    with pytest.raises(ProtocolError) as caught:
        add_folder(folder)
    assert str(caught.value).count(";") == 2


def test_two_files_of_one_id(none_added: None, folder: Path) -> None:
    shutil.copy(folder / "made-up-2012.toml", folder / "other.toml")
    with pytest.raises(ProtocolError, match=r"^other.toml: made-up-2012.toml has the id made-up-2012 already$"):
        add_folder(folder)


def test_a_folder_that_is_not_there(none_added: None, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="there is no folder"):
        add_folder(tmp_path / "nowhere")


def test_a_folder_may_be_added_again(none_added: None, folder: Path) -> None:
    add_folder(folder)
    add_folder(folder)
    assert "made-up-2012" in protocols()


def test_a_faulty_file_stops_the_start(none_added: None, folder: Path, tmp_path: Path) -> None:
    """In one sentence for whoever started it."""
    (folder / "broken.toml").write_text('id = "broken"\ntitle = "Broken"\n[parameters]\n')
    started = CliRunner().invoke(
        command_line, ["serve", "--data-dir", str(tmp_path)], env={"RETTEVEJ_PROTOCOLS": str(folder)}
    )
    assert started.exit_code == 1
    assert "broken.toml: parameters.design is missing" in started.output


# --- a protocol in use is never edited --------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["edited", "gone"])
def test_a_changed_protocol_in_use_stops_the_start(
    change: str,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    new_database: Callable[[], str],
    tmp_path: Path,
) -> None:
    """Domain 6: never edited once a trial uses it; ``doctor`` tells the same."""
    url, data = new_database(), tmp_path / "data"
    monkeypatch.setattr("app.protocols._added", {})
    with Register(url, data, folder) as register:
        register.new_trial(id="in-use", protocol="made-up-2012")
    with Register(url, data, folder) as register:  # nothing was changed: it starts
        assert register.client("agency").get("/v1/trials/in-use").status_code == 200
    file = folder / "made-up-2012.toml"
    if change == "edited":
        file.write_text(file.read_text("utf-8").replace("value = 15", "value = 16"), "utf-8")
    else:
        file.unlink()
    monkeypatch.setattr("app.protocols._added", {})
    told = "whose file was changed since" if change == "edited" else "which is not known"
    fault = f"trial in-use uses the protocol made-up-2012, {told}"
    with pytest.raises(RuntimeError, match=fault), Register(url, data, folder):
        pass
    master_key = load_or_create_master_key(data)
    (found,) = asyncio.run(examine(url, master_key))
    assert found.startswith(fault)


def test_a_trial_from_before_keeps_what_its_protocol_says_at_the_next_start(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    """Of trials that were created before digests were kept, the next start notes them."""
    url = new_database()
    with Register(url, tmp_path) as register:
        register.new_trial(id="old")

    async def digest(forget: bool) -> str | None:
        engine = make_engine(url, 1)
        async with engine.begin() as connection:
            if forget:
                await connection.execute(text("update trial set protocol_digest = null"))
            found: str | None = (await connection.execute(text("select protocol_digest from trial"))).scalar_one()
        await engine.dispose()
        return found

    assert asyncio.run(digest(forget=True)) is None
    with Register(url, tmp_path):
        pass
    assert asyncio.run(digest(forget=False)) == digest_of(protocols()["prvij-2010-11"])


def test_a_remark_in_the_file_is_no_change(none_added: None, folder: Path) -> None:
    add_folder(folder)
    before = digest_of(protocols()["made-up-2012"])
    file = folder / "made-up-2012.toml"
    file.write_text("# a remark\n\n" + file.read_text("utf-8"), "utf-8")
    add_folder(folder)
    assert digest_of(protocols()["made-up-2012"]) == before


def test_digests_tell_protocols_apart() -> None:
    digests = {digest_of(protocol) for protocol in protocols().values()}
    assert len(digests) == len(protocols())
    assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)


def test_the_folder_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RETTEVEJ_PROTOCOLS", str(tmp_path))
    assert Settings().protocols == tmp_path
