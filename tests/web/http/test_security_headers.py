"""Headers that protect who reads an answer."""

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.register import Register

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def trial(register: Register) -> str:
    return register.new_trial()


@pytest.mark.parametrize("rest", ["participants", "weekly-summary", "draws", "no-such-thing", "participants/lookup"])
def test_nothing_under_v1_is_stored_by_a_cache(register: Register, trial: str, rest: str) -> None:
    headers = register.case_system().get(f"/v1/trials/{trial}/{rest}").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_what_has_not_changed_is_stored_neither(register: Register, trial: str) -> None:
    person = f"/v1/trials/{trial}/participants/{register.drawn(trial)}"
    etag = register.case_system().get(person).headers["etag"]
    again = register.case_system().request("GET", person, headers={"If-None-Match": etag})
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-store")


@pytest.mark.parametrize("address", ["/", "/docs", "/docs/rules", "/problems/not_found", "/healthz", "/openapi.json"])
def test_every_page_has_them(address: str) -> None:
    headers = TestClient(create_app(Settings())).get(address).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert (
        "'unsafe-inline'" not in re.findall(r"script-src[^;]*", headers["content-security-policy"] + ";script-src")[0]
    )
    assert "strict-transport-security" not in headers


def test_browsers_stay_with_tls() -> None:
    http = TestClient(create_app(Settings()), base_url="https://register.example")
    assert http.get("/healthz").headers["strict-transport-security"] == "max-age=31536000"


def test_the_contracts_page_runs_scripts_from_files_alone() -> None:
    page = TestClient(create_app(Settings())).get("/docs")
    assert re.findall(r"<script(.*?)>(.*?)</script>", page.text, re.DOTALL) == [
        (' src="docs/files/swagger-ui-bundle.js"', ""),
        (' src="docs/files/start.js"', ""),
    ]
    assert "script-src 'self'" in page.headers["content-security-policy"]
