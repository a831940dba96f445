"""No violation that axe finds, nothing wider than the window; pictures for whoever wants to look.

``RETTEVEJ_SHOTS=DIR make test-page`` keeps a picture of every view, in both languages and themes.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.page.site import DESK, PHONE, Site, Theme, Visitor, settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHOTS = os.environ.get("RETTEVEJ_SHOTS")
LANGUAGES = {"light": ("da", "en"), "dark": ("en", "da")} if SHOTS else {"light": ("da",), "dark": ("en",)}
VIEWS = ("sign-in", "trials", "region", "jobcentre", "person", "trial", "tables")


def address_of(view: str, site: Site) -> str:
    """What follows the trial in the address; ``tables`` is the region with its charts as tables."""
    someone = next(each for each in site.played.participants if each.arm == "treatment")
    return {
        "region": "/region?week=2011-W20",
        "jobcentre": f"/jobcentre/{someone.jobcentre}?week=2011-W20",
        "person": f"/person/{someone.participant_id}?week=2011-W20",
        "trial": "/trial?",
        "tables": "/region?week=2011-W20&table=trend.difference",
    }[view]


def opened(visitor: Visitor, site: Site, view: str, language: str, width: int, theme: Theme) -> Page:
    if view not in {"sign-in", "trials"}:
        address = f"{address_of(view, site)}&lang={language}"
        return visitor.open(address, site.tokens.token("case-system"), width, theme)
    page = visitor.window(width, theme)
    if view == "trials":
        page = visitor.open("/region", site.tokens.token("case-system"), width, theme)
    page.goto(f"{site.url}/#/?lang={language}")
    return settled(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("view", VIEWS)
def test_no_violation(visitor: Visitor, site: Site, view: str, width: int, theme: Theme) -> None:
    for language in LANGUAGES[theme]:
        page = opened(visitor, site, view, language, width, theme)
        if view == "person":
            for summary in page.locator("details.why > summary").all()[:3]:
                summary.click()
        found = page.evaluate(f"async (rules) => {{ {AXE}; return axe.run({{runOnly: rules}}); }}", RULES)
        violations = [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found["violations"]]
        assert violations == [], f"{language}: {violations}"
        assert found["passes"]
        room = page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert room[0] <= room[1], f"{language}: wider than the window"
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{view}-{language}-{theme}-{width}.png", full_page=True)


def test_the_keyboard_reaches_everything(visitor: Visitor, site: Site) -> None:
    """The first stop leads to the content; every stop after it can be seen."""
    page = visitor.open("/region?week=2011-W20&lang=en", site.tokens.token("case-system"))
    page.locator("body").press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"
    for _ in range(12):
        page.keyboard.press("Tab")
        ring = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
        assert ring not in {"none", ""}


def test_paper_shows_figures_and_no_controls(visitor: Visitor, site: Site) -> None:
    page = visitor.open("/region?week=2011-W20&lang=en", site.tokens.token("case-system"), theme="dark")
    page.emulate_media(media="print")
    assert not page.get_by_role("slider").is_visible()
    assert not page.get_by_role("navigation").is_visible()
    assert page.get_by_role("heading", level=1).is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
