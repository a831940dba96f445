"""What a problem's type leads to, the rules as a page, the glossary."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.contract.danish import CODE_EXAMPLES, PARAMETERS, TECHNICAL, danish
from app.contract.glossary import glossary
from app.contract.vocabulary import CODE_LISTS
from app.main import create_app
from app.protocols import protocols
from app.settings import Settings
from app.web.problems import PROBLEMS, Problem

ROOT = Path(__file__).parents[2]
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture(scope="module")
def http() -> TestClient:
    return TestClient(create_app(Settings()))


class Texts(HTMLParser):
    """The texts of a page, and that it is well formed enough to be closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_type_leads_to_its_explanation(http: TestClient, code: str) -> None:
    """RFC 9457: for programs and for browsers, without a token."""
    kind, address = PROBLEMS[code], Problem(code).body()["type"]
    told = http.get(address).json()
    assert (told["type"], told["code"], told["status"]) == (address, code, kind.status)
    page = http.get(address, headers={"Accept": BROWSER})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Accept-Language" in page.headers["vary"]
    assert "Accept" in page.headers["vary"].split(", ")
    example = {told["wrong"], told["right"]}
    assert {code, kind.title, kind.detail, told["what_to_do"], told["danish"]} | example <= set(Texts(page.text).texts)
    danish_page = http.get(address, headers={"Accept": BROWSER, "Accept-Language": "da-DK, en;q=0.5"})
    in_danish = http.get(address, headers={"Accept-Language": "da"}).json()
    assert page.headers["content-language"] == "en"
    assert danish_page.headers["content-language"] == "da"
    assert {code, told["danish"], in_danish["meaning"], in_danish["what_to_do"]} | example <= set(
        Texts(danish_page.text).texts
    )


def test_every_problem_has_a_danish_title_and_an_example() -> None:
    assert [code for code in PROBLEMS if danish("ProblemCode", code) is None] == []
    assert set(PROBLEMS) <= set(CODE_EXAMPLES)


def test_a_type_that_is_none_is_not_found_and_says_nothing_of_it(http: TestClient) -> None:
    answer = http.get("/problems/no_such_code", headers={"Accept": BROWSER})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "no_such_code" not in answer.text


def test_a_page_is_asked_for_anew_only_when_it_changed(http: TestClient) -> None:
    for address in ("/problems/stale", "/docs/rules"):
        page = http.get(address, headers={"Accept": BROWSER})
        again = http.get(address, headers={"Accept": BROWSER, "If-None-Match": page.headers["etag"]})
        assert again.status_code == 304
        assert "<script" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_rules_stand_beside_their_sources(http: TestClient) -> None:
    """Domain 6: every value of every protocol."""
    page = http.get("/docs/rules").text
    texts = Texts(page).texts
    for protocol in protocols().values():
        section = page.split(f'<section id="{protocol.id}">')[1].split("</section>")[0]
        for name, entry in protocol.document["parameters"].items():
            assert f"<code>{name}</code>" in section
            assert entry["source"] in texts
        for code, rule in protocol.document["eligibility"].items():
            assert f"<code>{code}</code>" in section
            assert rule["source"] in texts
    final = page.split('<section id="prvij-2010-11">')[1].split("</section>")[0]
    assert "Uger med fremmøde</td>\n<td>8</td>" in final
    assert "by telephone" in final


def test_the_committed_glossary_is_that_of_the_code() -> None:
    assert (ROOT / "docs" / "glossary.md").read_text("utf-8") == glossary(), "run `make glossary`"


def test_the_glossary_has_every_term_of_the_api() -> None:
    for component, words in CODE_LISTS.items():
        if component in TECHNICAL | {"ProblemCode"}:
            continue
        without = [code for code in words.meaning if danish(component, code) is None]
        assert without == [], f"{component}: give them a Danish word in danish.py, or the list a place in TECHNICAL"


def test_every_parameter_of_a_protocol_has_a_name() -> None:
    used = {name for protocol in protocols().values() for name in protocol.document["parameters"]}
    assert used <= PARAMETERS.keys()
    documented = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "protocols.md").read_text("utf-8"), re.MULTILINE))
    assert used & documented


# --- docs/operate.md --------------------------------------------------------------------------------------------------


def test_the_operators_guide_names_every_setting() -> None:
    text = (ROOT / "docs" / "operate.md").read_text("utf-8")
    named = set(re.findall(r"RETTEVEJ_([A-Z_]+)", text))
    assert named == {name.upper() for name in Settings.model_fields}
