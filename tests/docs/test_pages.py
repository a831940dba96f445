"""What a problem's type leads to, the rules as a page, the glossary."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.contract.danish import CODE_EXAMPLES, PARAMETERS, TECHNICAL, danish
from app.contract.glossary import glossary
from app.contract.vocabulary import CODE_LISTS
from app.domain.codes.failures import FAILURE_DETAILS
from app.domain.codes.parameters import PARAMETER_MEANINGS
from app.domain.codes.rule_sources import RULE_SOURCES
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


def test_the_rules_have_their_sentences_and_sources(http: TestClient) -> None:
    """Domain 3 to 6: every parameter and rule of every protocol."""
    page = http.get("/docs/rules").text
    texts = set(Texts(page).texts)
    for protocol in protocols().values():
        section = page.split(f'<section id="{protocol.id}">')[1].split("</section>")[0]
        document = protocol.document
        assert document["parameters"].keys() <= PARAMETER_MEANINGS.keys()
        for name, sentence in PARAMETER_MEANINGS.items():
            assert f"<code>{name}</code>" in section
            assert sentence in texts
        for code in (*document["eligibility"], "outside_intake_period", "unknown_jobcentre", "not_available"):
            assert f"<code>{code}</code>" in section
        for entry in (*document["parameters"].values(), *document["eligibility"].values()):
            assert entry["source"] in texts
        assert {FAILURE_DETAILS[code] for code in document["eligibility"]} <= texts
    final = page.split('<section id="prvij-2010-11">')[1].split("</section>")[0]
    assert re.search(r"in_person_weeks</code></th><td>[^<]*</td>\n<td>8</td>", final)
    assert "by telephone" in final
    shared = page.split('<section id="all">')[1]
    for component in ("WeekState", "DeviationCode", "WarningCode"):
        for code, sentence in CODE_LISTS[component].meaning.items():
            assert f"<code>{code}</code>" in shared
            assert {sentence, RULE_SOURCES[component][str(code)]} <= texts


def test_the_guide_has_the_sentences_of_the_parameters() -> None:
    """docs/protocols.md repeats them, word by word."""
    guide = (ROOT / "docs" / "protocols.md").read_text("utf-8").replace("`", "")
    for name, sentence in PARAMETER_MEANINGS.items():
        row = next(line for line in guide.splitlines() if line.startswith(f"| {name} "))
        assert row.split(" | ")[2] == sentence


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
    assert named - {"URL"} == {name.upper() for name in Settings.model_fields}  # the address is an option of clients
