"""Addresses as bytes: what is no UTF-8 or holds control characters reaches no endpoint; HEAD answers as GET."""

import pytest

from tests.register import Register, record_id


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("path", ["/v1/trials/prvij/conversations/sag-%E5", "/v1/trials?cursor=%ff", "/docs/%C3"])
def test_an_address_that_is_no_utf8(register: Register, method: str, path: str) -> None:
    """Wild A29: `sag-%E5` and `sag-%E6` were one record."""
    response = register.case_system().request(method, path)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_encoding")


@pytest.mark.parametrize("character", ["%0A", "%00", "%0D%0A", "%7F", "%1B"])
def test_a_control_character_in_an_address(register: Register, character: str) -> None:
    """Wild A2: DELETE of `samtale-1%0A` retracted `samtale-1`."""
    trial = register.new_trial()
    participant, case, name = register.drawn(trial), register.case_system(), record_id()
    path = f"/v1/trials/{trial}/conversations/{name}"
    record = {"participant_id": participant, "date": "2010-11-16"}
    assert case.put(path, record).status_code == 201
    for place in (f"{path}{character}", f"/v1/trials/{trial}/conversations/{character}{name}"):
        assert case.delete(place).status_code == 404
        assert case.put(place, {**record, "date": "2010-11-17"}).status_code == 404
        assert case.get(place).status_code == 404
    assert case.get(path).json()["date"] == "2010-11-16"
    assert case.get(path).json()["retracted"] is False


def test_letters_of_other_languages_stay_ids(register: Register) -> None:
    trial = register.new_trial()
    participant, case = register.drawn(trial), register.case_system()
    record = {"participant_id": participant, "date": "2010-11-16"}
    assert case.put(f"/v1/trials/{trial}/conversations/s%C3%A5g-1", record).json()["external_id"] == "såg-1"


def test_head_answers_as_get_without_the_body(register: Register) -> None:
    trial = register.new_trial()
    agency = register.client("agency")
    for path in (f"/v1/trials/{trial}/weekly-summary", "/v1/trials", f"/v1/trials/{trial}", "/healthz", "/docs"):
        full, head = agency.get(path), agency.request("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert {name: head.headers.get(name) for name in ("etag", "content-type", "content-length")} == {
            name: full.headers.get(name) for name in ("etag", "content-type", "content-length")
        }
    etag = agency.get(f"/v1/trials/{trial}").headers["etag"]
    assert agency.request("HEAD", f"/v1/trials/{trial}", headers={"If-None-Match": etag}).status_code == 304
    assert register.http.head(f"/v1/trials/{trial}").status_code == 401
    assert agency.request("HEAD", "/v1/trials/no-such-trial").status_code == 404
    assert agency.request("HEAD", f"/v1/trials/{trial}/close").status_code == 405


@pytest.mark.parametrize("path", ["/v1/trials/", "/docs/", "/healthz/", "/v1/protocols/"])
def test_a_trailing_slash_is_another_address(register: Register, path: str) -> None:
    """Wild B19: 307 with an absolute address, in clear behind a proxy."""
    response = register.client("agency").request("GET", path, follow_redirects=False)
    assert response.status_code == 404
    assert "location" not in response.headers
