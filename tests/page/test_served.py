"""What the server says with the page: where it may load from, how people sign in."""

from pathlib import Path

from fastapi import FastAPI
from starlette.testclient import TestClient

from app.routers.service import web_page as page
from app.web.http.security_headers import SecurityHeadersMiddleware


def client(issuer: str | None = None, client_id: str | None = None) -> TestClient:
    app = FastAPI()
    page.install(app, issuer, client_id, "openid")
    app.add_middleware(SecurityHeadersMiddleware)
    return TestClient(app)


def test_the_page_may_load_its_own_files_only() -> None:
    answer = client().get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(each.split(" ", 1) for each in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_with_an_issuer_the_page_may_talk_to_it() -> None:
    http = client("https://issuer.example:8443/realms/work", "rettevej-page")
    assert "connect-src 'self' https://issuer.example:8443;" in http.get("/").headers["content-security-policy"]
    asked = {"issuer": "https://issuer.example:8443/realms/work", "client_id": "rettevej-page", "scope": "openid"}
    assert http.get("/page/sign-in.json").json() == {**asked, "link": False}


def test_without_a_client_there_is_no_sign_in_with_the_issuer() -> None:
    http = client("https://issuer.example")
    assert "issuer.example" not in http.get("/").headers["content-security-policy"]
    nobody = {"issuer": None, "client_id": None, "scope": None}
    assert http.get("/page/sign-in.json").json() == {**nobody, "link": False}
    assert client().get("/page/sign-in.json").json() == {**nobody, "link": True}


def test_every_file_is_served_with_its_type_and_asked_for_anew() -> None:
    http, files = client(), Path(page.__file__).parents[2] / "page"
    kinds = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml"}
    for file in files.rglob("*"):
        if file.suffix in kinds:
            answer = http.get(f"/page/{file.relative_to(files)}")
            assert answer.headers["content-type"].startswith(kinds[file.suffix]), file.name
            assert answer.headers["x-content-type-options"] == "nosniff"
            again = http.get(f"/page/{file.relative_to(files)}", headers={"If-None-Match": answer.headers["etag"]})
            assert again.status_code == 304
    assert http.get("/page/../settings.py").status_code == 404
