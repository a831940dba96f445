"""Average contacts of a trial of one arm (domain 6 [C])."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.register import Client, Register, record_id
from tests.routers.protocols.common import JOBCENTRES, errors_of, rows_of, screen, talks, trial_of

FLEX = {
    "intake_from": "2011-01-03",
    "intake_to": "2011-06-30",
    "ends_on": "2011-12-30",
    "target_groups": [11, 2],
    "required_contacts": 1.5,
}


def of_hjoerring(**settings: Any) -> dict[str, Any]:
    """A trial in which the second jobcentre has settings of its own."""
    return {"jobcentres": [JOBCENTRES[0], {**JOBCENTRES[1], **settings}]}


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"target_groups": [2, 6]}, {("/target_groups/1", "invalid_value")}),
        ({"target_groups": [2, 2]}, {("/target_groups/1", "invalid_value")}),
        ({"target_groups": []}, {("/target_groups", "invalid_value")}),
        ({"target_groups": ["2"]}, {("/target_groups/0", "invalid_value")}),
        ({"required_contacts": 0}, {("/required_contacts", "invalid_value")}),
        ({"required_contacts": {"2": 1, "11": 0}}, {("/required_contacts", "invalid_value")}),
        ({"required_contacts": {"2": 1, "6": 2}}, {("/required_contacts", "invalid_value")}),
        ({"required_contacts": {"7101701234": 2}}, {("/required_contacts", "invalid_value")}),
        ({"required_contacts": {}}, {("/required_contacts", "invalid_value")}),
        ({"themes": ["form", "place"]}, {("/themes/1", "invalid_value")}),
        ({"themes": ["form", "form"]}, {("/themes/1", "invalid_value")}),
        (of_hjoerring(target_groups=[11, 6]), {("/jobcentres/1/target_groups/1", "invalid_value")}),
        (of_hjoerring(required_contacts={"6": 2}), {("/jobcentres/1/required_contacts", "invalid_value")}),
        (of_hjoerring(themes=[]), {("/jobcentres/1/themes", "invalid_value")}),
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


def test_a_jobcentre_picks_groups_themes_and_contacts_of_its_own(register: Register, agency: Client) -> None:
    """Domain 6 [C]: both belong to the jobcentre of the trial, and where it names none, the trial's hold."""
    settings = {"target_groups": [3, 11], "themes": ["form", "cadence"], "required_contacts": {"3": 1, "11": 4}}
    trial = trial_of(register, "flex-2016", **{**FLEX, "themes": ["content"], **of_hjoerring(**settings)})
    shown = agency.get(f"/v1/trials/{trial}").json()
    first, second = shown["jobcentres"]
    assert second == {**JOBCENTRES[1], "weekly_target": None, "external_provider_talks": True} | settings | {
        "themes": ["cadence", "form"],
        "successor": None,
    }
    assert (shown["themes"], first["themes"], first["target_groups"]) == (["content"], None, None)

    def failures(jobcentre: str, group: int) -> list[str]:
        facts = {"jobcentre": jobcentre, "interview_on": "2011-01-03", "target_group": group}
        return [failure["code"] for failure in screen(register, trial, **facts).json()["failures"]]

    assert [failures("849", group) for group in (2, 3, 11)] == [[], ["wrong_target_group"], []]
    assert [failures("860", group) for group in (2, 3, 11)] == [["wrong_target_group"], [], []]
    # one week of each: 1.5 of 2 and 11 in Jammerbugt; 1 of 3 and 4 of 11 in Hjørring
    rows = rows_of(agency, trial, week="2011-W02")
    required = [{"2": 1.5, "11": 1.5}, {"3": 1.0, "11": 4.0}]
    assert [row["required_contacts"]["by_target_group"] for row in rows] == required
    assert [row["required_contacts"]["total"] for row in rows] == [1.5, 2.5]
    (row,) = rows_of(agency, trial, week="2011-W02", by="trial")
    assert row["required_contacts"] == {"total": 2.0, "by_target_group": {"2": 1.5, "3": 1.0, "11": 2.75}}
    assert row["cumulative"]["required_contacts"] == row["required_contacts"]


def test_the_same_jobcentres_again_are_the_same_trial(agency: Client) -> None:
    """Api.md: the same again 200, other content 409; in what order they are picked means nothing."""
    picked = of_hjoerring(target_groups=[3, 11], themes=["form", "content"])
    body = {"id": "flex-picked", "protocol": "flex-2016", "title": "x", **FLEX, **picked}
    assert agency.post("/v1/trials", body).status_code == 201
    again = of_hjoerring(target_groups=[11, 3], themes=["content", "form"], external_provider_talks=True)
    assert agency.post("/v1/trials", {**body, **again}).status_code == 200
    assert agency.post("/v1/trials", {**body, **of_hjoerring(target_groups=[3])}).status_code == 409
    assert agency.post("/v1/trials", {**body, "jobcentres": JOBCENTRES}).status_code == 409


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
    required = {"total": 1.5, "by_target_group": {"2": 1.5, "11": 1.5}}
    assert row["required_contacts"] == row["cumulative"]["required_contacts"] == required
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
    assert (full["required_contacts.total"], empty["required_contacts.total"]) == ("1.5", "")
    assert full["cumulative.required_contacts.by_target_group.11"] == "1.5"
    assert "conversation_rate" not in full


def test_nothing_is_paid_for_flexible_conversations(agency: Client, flexible: str) -> None:
    """Domain 6 [C]: no grant, no thresholds."""
    rows = agency.get(f"/v1/trials/{flexible}/conditions", week="2011-W04").json()["items"]
    assert {(row["grant"], row["conditions"], row["thresholds"]) for row in rows} == {(None, None, None)}
