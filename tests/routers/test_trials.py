"""Trials: creating, reading, closing, and the published draws (api.md "Trials and people", domain 3.3, 6)."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn

from app.cli.verify_draws import check_published_draws
from app.domain.rules.draw import PublishedDraw, check_draws, commitment
from app.main import create_app
from app.protocols import protocols
from tests.register import JOBCENTRES, Client, Register

LIMIT = 3
_numbers = iter(range(1, 10_000))


def trial_body(**changes: Any) -> dict[str, Any]:
    """The least that creates a trial of PRVIJ; None leaves a field out."""
    body = {
        "id": f"made-{next(_numbers)}",
        "protocol": "prvij-2010-11",
        "title": "På rette vej – i job",
        "jobcentres": [dict(each) for each in JOBCENTRES],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def errors_of(response: Any) -> set[tuple[str, str]]:
    """The faults of a 422, which is a problem document."""
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "malformed"
    return {(each["pointer"], each["code"]) for each in response.json()["errors"]}


@pytest.fixture
def agency(register: Register) -> Client:
    return register.client("agency")


@pytest.fixture
def auditor(register: Register) -> Client:
    return register.client("auditor")


# --- protocols --------------------------------------------------------------------------------------------------------


def test_protocols_are_shown_with_every_value_beside_its_source(agency: Client) -> None:
    """Domain 6."""
    listed = agency.get("/v1/protocols").json()
    assert listed["next"] is None
    assert {each["id"] for each in listed["items"]} == set(protocols())
    for item in listed["items"]:
        assert agency.get(f"/v1/protocols/{item['id']}").json() == item
        assert all(entry["source"] for entry in item["parameters"].values())
        assert all(rule["source"] for rule in item["eligibility"].values())
    final = agency.get("/v1/protocols/prvij-2010-11").json()
    assert final["parameters"]["activation_due_week"]["value"] == 9
    assert final["parameters"]["intake_from"]["value"] == "2010-11-08"
    assert final["eligibility"]["under_20"]["years"] == 20


def test_an_unknown_protocol_is_not_found(agency: Client) -> None:
    response = agency.get("/v1/protocols/prvij-1999")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


# --- creating ---------------------------------------------------------------------------------------------------------


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
        "pilot": False,
        "jobcentres": [
            {**each, "weekly_target": None} for each in sorted(JOBCENTRES, key=lambda each: str(each["code"]))
        ],
        "enforcement": "flag",
        "required_contacts": None,
        "target_groups": None,
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
    jobcentre = {**JOBCENTRES[0], "weekly_target": 0}
    created = agency.post("/v1/trials", trial_body(**own, jobcentres=[jobcentre])).json()
    assert {name: created[name] for name in own} == own
    assert created["jobcentres"] == [jobcentre]


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
        (trial_body(title="0101701234"), {("/title", "invalid_value")}),
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
        (with_jobcentre(agreed_participants=1.0), {("/jobcentres/1/agreed_participants", "invalid_value")}),
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


# --- reading ----------------------------------------------------------------------------------------------------------


def test_an_unknown_trial_is_not_found(agency: Client, auditor: Client) -> None:
    for response in (
        agency.get("/v1/trials/nothing-here"),
        agency.post("/v1/trials/nothing-here/close"),
        auditor.get("/v1/trials/nothing-here/draws"),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_an_impossible_trial_id_is_malformed(agency: Client) -> None:
    for trial in ("EMPTY_SCOPE", "a" * 41, quote("a\x00b")):
        assert errors_of(agency.get(f"/v1/trials/{trial}")) == {("/path/trial", "invalid_value")}


def test_a_trial_that_has_not_changed_is_not_sent_again(agency: Client) -> None:
    """Api.md: ``ETag`` on single resources; ``If-None-Match`` gives 304."""
    body = trial_body()
    agency.post("/v1/trials", body)
    path = f"/v1/trials/{body['id']}"
    first = agency.get(path)
    etag = first.headers["etag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = agency.request("GET", path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert agency.request("GET", path, headers={"If-None-Match": '"other"'}).status_code == 200
    agency.post(f"{path}/close")
    changed = agency.request("GET", path, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


def test_the_list_goes_on_from_its_cursor(agency: Client) -> None:
    """Api.md: keyset cursors, and a link (RFC 8288) to the next page."""
    made = [agency.post("/v1/trials", trial_body()).json() for _ in range(5)]
    seen: list[dict[str, Any]] = []
    url = "/v1/trials?limit=2"
    while True:
        response = agency.request("GET", url)
        page = response.json()
        seen += page["items"]
        assert len(page["items"]) <= 2
        if page["next"] is None:
            assert "link" not in response.headers
            break
        assert agency.get("/v1/trials", limit=2, cursor=page["next"]).json()["items"][0] not in seen
        link = response.headers["link"]
        assert link.startswith("</v1/trials?")
        assert link.endswith('>; rel="next"')
        url = link[1 : link.index(">")]
    ids = [each["id"] for each in seen]
    assert len(set(ids)) == len(ids)
    assert [each for each in seen if each in made] == sorted(made, key=lambda each: ids.index(each["id"]))
    assert {each["id"] for each in made} <= set(ids)
    assert agency.get("/v1/trials", limit=1000).json() == {"items": seen, "next": None}


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"limit": 0}, "/query/limit"),
        ({"limit": 1001}, "/query/limit"),
        ({"limit": "many"}, "/query/limit"),
        ({"cursor": "nonsense"}, "/query/cursor"),
        ({"cursor": ""}, "/query/cursor"),
        ({"cursor": "WyJhIiwxXQ"}, "/query/cursor"),  # of another list
        ({"cursor": "x" * 500}, "/query/cursor"),
    ],
)
def test_a_list_refuses_what_it_did_not_give(agency: Client, parameters: dict[str, Any], pointer: str) -> None:
    assert errors_of(agency.get("/v1/trials", **parameters)) == {(pointer, "invalid_value")}


# --- closing and the published draws (domain 3.3) ---------------------------------------------------------------------


def everything(client: Client, path: str, **parameters: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = client.get(path, cursor=cursor, **parameters).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


def test_nothing_shows_the_seed_before_the_trial_is_closed(register: Register, agency: Client, auditor: Client) -> None:
    """Domain 3.3: the seed itself only when the trial is closed."""
    trial = register.new_trial()
    register.drawn(trial)
    before = agency.get(f"/v1/trials/{trial}").json()
    assert before["seed"] is None
    assert before["closed"] is False
    (listed,) = (each for each in agency.get("/v1/trials", limit=1000).json()["items"] if each["id"] == trial)
    assert listed["seed"] is None
    closed = agency.post(f"/v1/trials/{trial}/close")
    assert closed.status_code == 200
    assert closed.json() == {**before, "seed": closed.json()["seed"], "closed": True}
    assert len(bytes.fromhex(closed.json()["seed"])) == 32
    assert commitment(bytes.fromhex(closed.json()["seed"])) == before["seed_commitment"]
    assert agency.get(f"/v1/trials/{trial}").json() == closed.json()
    assert auditor.get(f"/v1/trials/{trial}").json() == closed.json()


def test_closing_twice_is_closing_once(register: Register, agency: Client) -> None:
    trial = register.new_trial()
    first = agency.post(f"/v1/trials/{trial}/close")
    second = agency.post(f"/v1/trials/{trial}/close")
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json() == first.json()


def test_closing_needs_all_jobcentres_of_the_trial(register: Register) -> None:
    """Api.md: anything outside is 404."""
    trial = register.new_trial()
    assert register.client("agency", jobcentres=["849"]).post(f"/v1/trials/{trial}/close").status_code == 404
    assert register.case_system().post(f"/v1/trials/{trial}/close").status_code == 403
    assert register.client("agency").get(f"/v1/trials/{trial}").json()["closed"] is False


def test_nobody_is_drawn_after_closing_and_answers_given_stand(register: Register, agency: Client) -> None:
    """Api.md: no more draws."""
    trial = register.new_trial()
    people = f"/v1/trials/{trial}/participants"
    case_system = register.case_system()
    drawn = register.screening()
    drawn_answer = case_system.post(people, drawn).json()
    waiting = register.screening(channel="supplement", unemployed_since="2010-10-01")
    candidate = case_system.post(people, waiting).json()["participant_id"]
    ineligible = register.screening(match_group=1)
    ineligible_answer = case_system.post(people, ineligible).json()
    agency.post(f"/v1/trials/{trial}/close")
    for refused in (
        case_system.post(people, register.screening()),
        case_system.post(people, register.screening(), dry_run="true"),
        case_system.post(f"{people}/{candidate}/assignment"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "trial_closed")
    again = case_system.post(people, drawn)
    assert (again.status_code, again.json()) == (200, drawn_answer)
    again = case_system.post(people, ineligible)
    assert (again.status_code, again.json()) == (200, ineligible_answer)
    assert case_system.post(people, waiting).status_code == 200
    again = case_system.post(f"{people}/{drawn_answer['participant_id']}/assignment")
    assert (again.status_code, again.json()) == (200, drawn_answer["assignment"])
    # A candidate who will never be drawn can still be taken out of the list.
    assert case_system.post(f"{people}/{candidate}/withdrawal", {"reason": "moved"}).status_code == 200
    assert len(everything(register.client("auditor"), f"/v1/trials/{trial}/draws")) == 1


def test_draws_are_the_auditors_until_the_trial_is_closed_and_then_everyones(
    register: Register, agency: Client, auditor: Client
) -> None:
    """Api.md: then also for ``reports:read``, so that anyone can verify them."""
    trial = register.new_trial()
    participant = register.drawn(trial)
    draws = f"/v1/trials/{trial}/draws"
    readers = [agency, register.client("region", regions=["nord"]), register.case_system("849")]
    for reader in readers:
        response = reader.get(draws)
        assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")
    published = auditor.get(draws)
    assert published.status_code == 200
    (draw,) = published.json()["items"]
    assert draw.keys() == {"jobcentre", "position", "arm", "drawn_at", "pseudonym"}
    assert draw["pseudonym"] != participant
    assert participant not in published.text
    agency.post(f"/v1/trials/{trial}/close")
    for reader in (*readers, auditor):
        assert reader.get(draws).json() == published.json()
    for role in ("register", "evaluator"):
        assert register.client(role).get(draws).status_code == 403


def test_anyone_can_recompute_the_published_draws(register: Register, agency: Client, auditor: Client) -> None:
    """Domain 3.3: in order, page by page, without gap or repeat, and every arm as the seed gives it."""
    trial = register.new_trial()
    answers = [register.screen(trial, jobcentre=code) for code in ("849", "860", "849", "450", "849", "860", "849") * 2]
    draws = f"/v1/trials/{trial}/draws"
    early = everything(auditor, draws, limit=3)
    assert early == everything(auditor, draws)
    assert [(each["jobcentre"], each["position"]) for each in early] == [
        *(("450", position) for position in range(2)),
        *(("849", position) for position in range(8)),
        *(("860", position) for position in range(4)),
    ]
    assert sorted((each["arm"], each["drawn_at"]) for each in early) == sorted(
        (each["assignment"]["arm"], each["assignment"]["drawn_at"]) for each in answers
    )
    assert len({each["pseudonym"] for each in early}) == len(early)
    for code in ("849", "860"):
        moments = [each["drawn_at"] for each in early if each["jobcentre"] == code]
        assert moments == sorted(set(moments))
    closed = agency.post(f"/v1/trials/{trial}/close").json()
    published = everything(agency, draws, limit=5)
    assert published == early
    faults = check_draws(
        bytes.fromhex(closed["seed"]),
        closed["seed_commitment"],
        trial,
        LIMIT,
        [PublishedDraw(each["jobcentre"], each["position"], each["arm"]) for each in published],
    )
    assert faults == []


def test_a_trial_without_draws_publishes_none(register: Register, auditor: Client) -> None:
    response = auditor.get(f"/v1/trials/{register.new_trial()}/draws")
    assert (response.status_code, response.json()) == (200, {"items": [], "next": None})


@pytest.mark.parametrize("cursor", ["nonsense", "WyI4NDkiXQ", "WyI4NDkiLCJhIl0", "WyI4NDkiLDk5OTk5OTk5OTk5XQ"])
def test_draws_go_on_from_a_cursor_of_theirs_only(register: Register, auditor: Client, cursor: str) -> None:
    trial = register.new_trial()
    assert errors_of(auditor.get(f"/v1/trials/{trial}/draws", cursor=cursor)) == {("/query/cursor", "invalid_value")}


# --- the command that verifies ----------------------------------------------------------------------------------------


@contextmanager
def listening(register: Register) -> Iterator[str]:
    """The register's database behind a real server of its own; gives the URL."""
    served = create_app(register.settings, register.database_url, register.clock)
    server = uvicorn.Server(uvicorn.Config(served, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_the_verifier_needs_nothing_but_the_api(register: Register, agency: Client, tmp_path: Path) -> None:
    """Domain 3.3: as an outsider, over the network."""
    trial = register.new_trial()
    for _ in range(4):
        register.drawn(trial)
    token = register.issuer.token("auditor")
    with listening(register) as url:
        with pytest.raises(LookupError, match="not closed"):
            check_published_draws(url, trial, token)
        agency.post(f"/v1/trials/{trial}/close")
        assert check_published_draws(url, trial, token) == (4, [])
        with pytest.raises(LookupError, match="404"):
            check_published_draws(url, "nothing-here", token)
        with pytest.raises(LookupError, match="401"):
            check_published_draws(url, trial, "nonsense")
