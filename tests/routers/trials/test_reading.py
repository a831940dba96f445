"""Reading protocols and trials: one, the list, and ETags."""

from typing import Any

import pytest

from app.protocols import protocols
from tests.register import Client
from tests.routers.trials.common import errors_of, trial_body


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


def test_an_unknown_trial_is_not_found(agency: Client, auditor: Client) -> None:
    for response in (
        agency.get("/v1/trials/nothing-here"),
        agency.post("/v1/trials/nothing-here/close"),
        auditor.get("/v1/trials/nothing-here/draws"),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_an_impossible_trial_id_is_malformed(agency: Client) -> None:
    for trial in ("EMPTY_SCOPE", "a" * 41):
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
