"""Accept: JSON first at equal quality, 406 where nothing fits (wild B15)."""

import pytest

from tests.register import Register

CSV = "text/csv; charset=utf-8"
JSON = "application/json"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/json, text/csv, application/problem+json", JSON),
        ("text/csv, application/json", JSON),
        ("text/csv", CSV),
        ("text/*", CSV),
        ("text/csv, application/json;q=0.9", CSV),
        ("text/csv;q=0.5, */*;q=0.1", CSV),
        ("text/csv;q=0.1, */*", JSON),
        ("TEXT/CSV", CSV),
        ("text/csv;header=present", CSV),
        ("application/*, text/csv;q=0.9", JSON),
        ("application/json;q=0, */*", CSV),
        ("text/csv ; q=0.8 , application/json ; q=0.7", CSV),
    ],
)
@pytest.mark.parametrize("report", ["weekly-summary", "conditions"])
def test_the_type_that_is_preferred(register: Register, report: str, accept: str | None, media_type: str) -> None:
    trial = register.new_trial()
    headers = {} if accept is None else {"Accept": accept}
    response = register.client("agency").request("GET", f"/v1/trials/{trial}/{report}", headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (200, media_type)
    assert "Accept" in response.headers["vary"]


@pytest.mark.parametrize("accept", ["image/png", "application/xml", "text/html;q=0.9", "*/*;q=0", "text/csv;q=0"])
def test_nothing_fits(register: Register, accept: str) -> None:
    trial = register.new_trial()
    response = register.client("agency").request(
        "GET", f"/v1/trials/{trial}/weekly-summary", headers={"Accept": accept}
    )
    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")
    assert "text/csv" in response.json()["detail"]
