"""Protocol files: a further protocol is a file, and a faulty one stops the start."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import app as command_line
from app.domain.protocol import ProtocolError
from app.protocols import add_folder, protocols
from tests.register import Register, new_cpr, record_id
from tests.routers.protocols.common import JOBCENTRES, rows_of, talks


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
