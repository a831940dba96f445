"""Creation of trials (domain 6): dates, jobcentres, repetition, and malformed bodies."""

import json
from typing import Any

import pytest

from tests.register import JOBCENTRES, Client, Register
from tests.routers.trials.common import errors_of, trial_body

DEFAULTS = {"external_provider_talks": True, "target_groups": None, "themes": None, "required_contacts": None}
"""Settings of a jobcentre that names none (domain 4.5, 6 [C])."""


def test_a_trial_takes_its_dates_from_the_protocol(agency: Client) -> None:
    """Domain 6; api.md: 201 with the commitment, and never with the seed."""
    body = trial_body()
    response = agency.post("/v1/trials", body)
    assert response.status_code == 201
    created = response.json()
    seed_commitment = created.pop("seed_commitment")
    assert len(bytes.fromhex(seed_commitment)) == 32
    assert created == {
        "id": body["id"],
        "protocol": "prvij-2010-11",
        "title": "På rette vej – i job",
        "intake_from": "2010-11-08",
        "intake_to": "2011-03-31",
        "ends_on": "2012-03-31",
        "retention_until": "2017-03-31",
        "pilot": False,
        "jobcentres": [
            {**each, "weekly_target": None, **DEFAULTS, "successor": None}
            for each in sorted(JOBCENTRES, key=lambda each: str(each["code"]))
        ],
        "enforcement": "flag",
        "required_contacts": None,
        "target_groups": None,
        "themes": None,
        "seed": None,
        "closed": False,
    }
    assert agency.get(f"/v1/trials/{body['id']}").json() == {**created, "seed_commitment": seed_commitment}


def test_a_trial_may_have_dates_and_terms_of_its_own(agency: Client) -> None:
    """Api.md: a trial's ``ends_on`` overrides the protocol's."""
    own = {
        "intake_from": "2011-01-03",
        "intake_to": "2011-01-03",
        "ends_on": "2011-01-03",
        "pilot": True,
        "enforcement": "refuse",
    }
    jobcentre = {**JOBCENTRES[0], "weekly_target": 0, **DEFAULTS, "external_provider_talks": False}
    created = agency.post("/v1/trials", trial_body(**own, jobcentres=[jobcentre])).json()
    assert {name: created[name] for name in own} == own
    assert created["jobcentres"] == [{**jobcentre, "successor": None}]


def test_no_two_trials_share_a_seed(agency: Client) -> None:
    """Domain 3.3: 256 random bits per trial."""
    commitments = {agency.post("/v1/trials", trial_body()).json()["seed_commitment"] for _ in range(5)}
    assert len(commitments) == 5


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"intake_from": "2010-11-08", "intake_to": "2011-03-31", "ends_on": "2012-03-31"},
        {"enforcement": "flag", "pilot": False},
        {"jobcentres": [{**each, "weekly_target": None} for each in JOBCENTRES]},
    ],
    ids=["as sent", "dates written out", "defaults written out", "null written out"],
)
def test_the_same_again_is_the_same_trial(agency: Client, same: dict[str, Any]) -> None:
    """Api.md: 200; the seed is not drawn anew."""
    body = trial_body()
    first = agency.post("/v1/trials", body)
    again = agency.post("/v1/trials", {**body, **same})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Noget andet"},
        {"protocol": "prvij-2010-07"},
        {"intake_from": "2010-11-09"},
        {"intake_to": "2011-03-30"},
        {"ends_on": "2012-04-01"},
        {"pilot": True},
        {"enforcement": "refuse"},
        {"jobcentres": JOBCENTRES[:2]},
        {"jobcentres": [{**JOBCENTRES[0], "weekly_target": 3}, *JOBCENTRES[1:]]},
        {"jobcentres": [{**JOBCENTRES[0], "agreed_participants": 84}, *JOBCENTRES[1:]]},
        {"jobcentres": [{**JOBCENTRES[0], "region": "syddanmark"}, *JOBCENTRES[1:]]},
    ],
    ids=str,
)
def test_other_content_under_the_same_id_is_a_conflict(agency: Client, changes: dict[str, Any]) -> None:
    """Api.md: 409, and the trial stays as it was."""
    body = trial_body()
    before = agency.post("/v1/trials", body).json()
    response = agency.post("/v1/trials", {**body, **changes})
    assert (response.status_code, response.json()["code"]) == (409, "trial_exists")
    assert agency.get(f"/v1/trials/{body['id']}").json() == before


def test_the_same_again_after_closing_is_still_the_same(agency: Client) -> None:
    body = trial_body()
    agency.post("/v1/trials", body)
    closed = agency.post(f"/v1/trials/{body['id']}/close").json()
    again = agency.post("/v1/trials", body)
    assert (again.status_code, again.json()) == (200, closed)


def with_jobcentre(**changes: Any) -> dict[str, Any]:
    jobcentre = {name: value for name, value in {**JOBCENTRES[1], **changes}.items() if value is not None}
    return trial_body(jobcentres=[JOBCENTRES[0], jobcentre])


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (
            {},
            {
                ("/id", "missing_field"),
                ("/protocol", "missing_field"),
                ("/title", "missing_field"),
                ("/jobcentres", "missing_field"),
            },
        ),
        (trial_body(id="Has-Capitals"), {("/id", "invalid_value")}),
        (trial_body(id="a" * 41), {("/id", "invalid_value")}),
        (trial_body(id=""), {("/id", "invalid_value")}),
        (trial_body(id="prvij\n"), {("/id", "invalid_value")}),
        (trial_body(id=7), {("/id", "invalid_value")}),
        (trial_body(protocol="prvij-1999"), {("/protocol", "invalid_value")}),
        (trial_body(title=""), {("/title", "invalid_value")}),
        (trial_body(title="a\x00b"), {("/title", "invalid_value")}),
        (trial_body(title="a\ud800b"), {("/title", "invalid_value")}),
        (trial_body(title="0101701234"), {("/title", "looks_like_cpr")}),
        (trial_body(intake_from="2010-13-01"), {("/intake_from", "invalid_value")}),
        (trial_body(intake_from="2010-11-08T00:00:00"), {("/intake_from", "invalid_value")}),
        (trial_body(intake_from=20101108), {("/intake_from", "invalid_value")}),
        (trial_body(intake_from="2011-02-01", intake_to="2011-01-31"), {("/intake_to", "ends_before_start")}),
        (trial_body(ends_on="2011-03-30"), {("/ends_on", "ends_before_start")}),
        (
            trial_body(intake_from="2011-02-01", intake_to="2011-01-31", ends_on="2011-01-30"),
            {("/intake_to", "ends_before_start"), ("/ends_on", "ends_before_start")},
        ),
        (trial_body(pilot="yes"), {("/pilot", "invalid_value")}),
        (trial_body(pilot=1), {("/pilot", "invalid_value")}),
        (trial_body(enforcement="warn"), {("/enforcement", "invalid_value")}),
        (trial_body(required_contacts=0), {("/required_contacts", "invalid_value")}),
        (trial_body(required_contacts="1"), {("/required_contacts", "invalid_value")}),
        (trial_body(required_contacts=2), {("/required_contacts", "invalid_value")}),
        (trial_body(target_groups=[2]), {("/target_groups", "invalid_value")}),
        (trial_body(target_groups=[2, "3"]), {("/target_groups/1", "invalid_value")}),
        (trial_body(themes=["form"]), {("/themes", "invalid_value")}),
        (with_jobcentre(external_provider_talks="no"), {("/jobcentres/1/external_provider_talks", "invalid_value")}),
        (with_jobcentre(required_contacts={"2": 1}), {("/jobcentres/1/required_contacts", "invalid_value")}),
        (with_jobcentre(target_groups=[2]), {("/jobcentres/1/target_groups", "invalid_value")}),
        (with_jobcentre(themes=["form"]), {("/jobcentres/1/themes", "invalid_value")}),
        (trial_body(jobcentres=[]), {("/jobcentres", "invalid_value")}),
        (trial_body(jobcentres={}), {("/jobcentres", "invalid_value")}),
        (trial_body(jobcentres=[7]), {("/jobcentres/0", "invalid_value")}),
        (trial_body(seed="00"), {("", "unknown_field")}),
        (with_jobcentre(colour="red"), {("/jobcentres/1", "unknown_field")}),
        (with_jobcentre(code="84"), {("/jobcentres/1/code", "invalid_value")}),
        (with_jobcentre(code=860), {("/jobcentres/1/code", "invalid_value")}),
        (with_jobcentre(code=None), {("/jobcentres/1/code", "missing_field")}),
        (with_jobcentre(code="849"), {("/jobcentres/1/code", "invalid_value")}),
        (with_jobcentre(region="Nord"), {("/jobcentres/1/region", "invalid_value")}),
        (with_jobcentre(agreed_participants=-1), {("/jobcentres/1/agreed_participants", "invalid_value")}),
        (with_jobcentre(agreed_participants=1.5), {("/jobcentres/1/agreed_participants", "invalid_value")}),
        (with_jobcentre(agreed_participants=2**70), {("/jobcentres/1/agreed_participants", "invalid_value")}),
        (with_jobcentre(weekly_target=-1), {("/jobcentres/1/weekly_target", "invalid_value")}),
        (with_jobcentre(weekly_target="9"), {("/jobcentres/1/weekly_target", "invalid_value")}),
        # Every fault with its pointer, not only the first.
        (
            trial_body(
                id="Has-Capitals",
                title=None,
                pilot="yes",
                intake_to="tomorrow",
                jobcentres=[{"code": "1", "name": "", "region": "nord", "agreed_participants": True}],
            ),
            {
                ("/id", "invalid_value"),
                ("/title", "missing_field"),
                ("/pilot", "invalid_value"),
                ("/intake_to", "invalid_value"),
                ("/jobcentres/0/code", "invalid_value"),
                ("/jobcentres/0/name", "invalid_value"),
                ("/jobcentres/0/agreed_participants", "invalid_value"),
            },
        ),
        (
            trial_body(ends_on="2010-01-01", jobcentres=[JOBCENTRES[0], JOBCENTRES[1], JOBCENTRES[0]]),
            {("/ends_on", "ends_before_start"), ("/jobcentres/2/code", "invalid_value")},
        ),
    ],
)
def test_a_malformed_trial(agency: Client, body: dict[str, Any], errors: set[tuple[str, str]]) -> None:
    """Api.md: 422, every fault with its pointer."""
    content = json.dumps(body)  # what JSON can say and UTF-8 cannot included
    response = agency.request("POST", "/v1/trials", content=content, headers={"Content-Type": "application/json"})
    assert errors_of(response) == errors


def test_dates_that_the_protocol_does_not_have_must_be_given(agency: Client) -> None:
    """Domain 6: set per trial."""
    body = trial_body(protocol="aht-2008-sickness", intake_to="2011-03-31")
    assert errors_of(agency.post("/v1/trials", body)) == {
        ("/intake_from", "missing_field"),
        ("/ends_on", "missing_field"),
    }


def test_only_the_agency_creates_trials_and_only_for_its_jobcentres(register: Register) -> None:
    """Api.md "Who may do what"."""
    assert register.case_system().post("/v1/trials", trial_body()).status_code == 403
    narrow = register.client("agency", jobcentres=["849", "860"])
    assert narrow.post("/v1/trials", trial_body()).status_code == 404
    assert narrow.post("/v1/trials", trial_body(jobcentres=JOBCENTRES[:2])).status_code == 201
