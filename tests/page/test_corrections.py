"""The registrar's list of requests for corrected numbers: no person, no arm, no figure (domain 3.4)."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.page.site import DESK, PHONE, Site, Theme, Visitor, settled
from tests.page.test_accessibility import AXE, LANGUAGES, RULES, SHOTS
from tests.register import new_cpr

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def ask(site: Site, participant: str, **body: Any) -> str:
    """A request of the jobcentre; the id of the correction."""
    headers = {"Authorization": f"Bearer {site.tokens.token('case-system')}"}
    address = f"{site.url}/v1/trials/{site.trial}/participants/{participant}/cpr"
    answer = httpx.post(address, json=body, headers=headers, timeout=60)
    assert answer.status_code == 202, answer.text
    correction: str = answer.json()["correction_id"]
    return correction


def drawn(site: Site) -> list[Any]:
    """Participants of one jobcentre, who are several."""
    by_code: dict[str, list[Any]] = {}
    for each in site.played.participants:
        by_code.setdefault(each.jobcentre, []).append(each)
    return max(by_code.values(), key=len)


def registrar(visitor: Visitor, site: Site, address: str, width: int = DESK, theme: Theme = "light") -> Page:
    return visitor.open(address, site.tokens.token("registrar"), width, theme)


def test_a_registrar_decides(visitor: Visitor, site: Site) -> None:
    first, second, third = drawn(site)[:3]
    typed = ask(site, first.participant_id, cpr=new_cpr(), reason="typing_error")
    swap = ask(site, second.participant_id, swap_with=third.participant_id)
    name = site.name_of(first.jobcentre)

    page = registrar(visitor, site, "?lang=en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Requests for corrected numbers")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(["Corrected numbers"])
    page.get_by_role("link", name=f"{name}, typing error").first.click()
    settled(page)
    text = page.locator("main").inner_text()
    arms = re.compile("treatment|control|participant_id", re.IGNORECASE)
    assert not arms.search(text)
    assert not re.search(r"\d{6}-?\d{4}", text)
    assert first.participant_id not in page.content()

    page.get_by_role("button", name="Decide").click()
    assert page.get_by_role("radio", name="Accept").evaluate("node => node.validity.valueMissing")
    page.get_by_role("radio", name="Refuse").check()
    page.get_by_label("Reason").select_option("suspected_choice")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("Refused. The number stays as it is.")).to_be_visible()
    request = site.get(f"/cpr-corrections/{typed}", "registrar")
    assert request["status"] == "refused"

    page = registrar(visitor, site, f"/corrections/{swap}?lang=da")
    expect(page.get_by_role("columnheader")).to_have_text(["Hvad anmodningen siger", "Person 1", "Person 2"])
    page.get_by_role("radio", name="Godkend").check()
    page.get_by_label("Begrundelse").select_option("document_seen")
    page.get_by_role("button", name="Afgør").click()
    expect(page.get_by_text("Godkendt. Nummeret er rettet.")).to_be_visible()
    page.get_by_role("link", name="Alle ventende anmodninger").click()
    settled(page)
    assert swap not in page.content()


def test_what_was_read_must_not_have_changed(visitor: Visitor, site: Site) -> None:
    first, second = drawn(site)[3:5]
    correction = ask(site, first.participant_id, cpr=new_cpr(), reason="typing_error")
    page = registrar(visitor, site, f"/corrections/{correction}?lang=en")
    other = ask(site, second.participant_id, cpr=new_cpr(), reason="typing_error")
    page.get_by_role("radio", name="Accept").check()
    page.get_by_label("Reason").select_option("register_confirms")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("What you read has changed, and nothing was decided.")).to_be_visible()
    assert site.get(f"/cpr-corrections/{correction}", "registrar")["status"] == "waiting"
    page.get_by_role("button", name="Fetch again").click()
    settled(page)
    page.get_by_role("radio", name="Accept").check()
    page.get_by_label("Reason").select_option("register_confirms")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("Accepted. The number is corrected.")).to_be_visible()
    visitor.complaints[:] = [text for text in visitor.complaints if "Failed to load resource" not in text]
    assert other


def test_nobody_else_sees_it(visitor: Visitor, site: Site) -> None:
    page = visitor.open("/corrections?lang=en", site.tokens.token("agency"))
    expect(page.locator("main")).to_contain_text("You do not have access")
    expect(page.get_by_role("link", name="Corrected numbers")).to_have_count(0)
    visitor.complaints[:] = [text for text in visitor.complaints if "Failed to load resource" not in text]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_no_violation(visitor: Visitor, site: Site, width: int, theme: Theme) -> None:
    first, second, third = drawn(site)[:3]
    single = ask(site, first.participant_id, cpr=new_cpr(), reason="typing_error")
    swap = ask(site, second.participant_id, swap_with=third.participant_id)
    for view in ("", f"/{single}", f"/{swap}"):
        for language in LANGUAGES[theme]:
            page = registrar(visitor, site, f"/corrections{view}?lang={language}", width, theme)
            found = page.evaluate(f"async (rules) => {{ {AXE}; return axe.run({{runOnly: rules}}); }}", RULES)
            violations = [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found["violations"]]
            assert violations == [], f"{view} {language}: {violations}"
            room = page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert room[0] <= room[1], f"{view} {language}: wider than the window"
            if SHOTS:
                kind = {"": "list", f"/{single}": "single", f"/{swap}": "swap"}[view]
                name = f"corrections-{kind}-{language}-{theme}-{width}.png"
                page.screenshot(path=Path(SHOTS) / name, full_page=True)
