"""Signing in: with a token, and with an issuer."""

import pytest
from playwright.sync_api import Page, expect

from tests.page.site import Site, Visitor, settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def sign_in_with(page: Page, token: str) -> None:
    page.get_by_label("Adgangstoken", exact=True).fill(token)
    page.get_by_role("button", name="Log ind med token").click()


def test_a_token_lets_in_and_stays_in_the_tab(visitor: Visitor, site: Site) -> None:
    page = visitor.window()
    page.goto(f"{site.url}/#/{site.trial}/region?week=2011-W20")
    expect(settled(page).get_by_role("heading", level=1)).to_have_text("Log ind")
    token = site.tokens.token("agency")
    sign_in_with(page, token)
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobcentrene, uge 20, 2011")
    assert token not in page.url
    kept = page.evaluate("() => ({...localStorage})")
    assert token not in str(kept)
    assert not page.context.cookies()
    page.reload()
    expect(settled(page).get_by_role("heading", level=1)).to_have_text("Jobcentrene, uge 20, 2011")

    other = page.context.new_page()  # another tab knows nothing of it
    other.goto(page.url)
    expect(settled(other).get_by_role("heading", level=1)).to_have_text("Log ind")

    page.get_by_role("button", name="Log ud").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log ind")
    assert page.evaluate("() => sessionStorage.length") == 0


def test_the_link_of_a_local_start_signs_in_and_loses_its_token(visitor: Visitor, site: Site) -> None:
    """api.md, "Who may do what"."""
    page = visitor.window()
    token = site.tokens.token("agency")
    page.goto(f"{site.url}/#/{site.trial}/region?week=2011-W20&token={token}")
    expect(settled(page).get_by_role("heading", level=1)).to_have_text("Jobcentrene, uge 20, 2011")
    assert page.url == f"{site.url}/#/{site.trial}/region?week=2011-W20"
    page.get_by_role("button", name="Log ud").click()
    page.goto(f"{site.url}/#/{site.trial}/trial?token={token}")  # in a tab that shows the page already
    expect(page.get_by_role("heading", level=1)).to_contain_text("På rette vej")
    assert token not in page.url


def test_a_link_signs_nobody_in_where_an_issuer_does(visitor: Visitor, site: Site) -> None:
    page = visitor.window()
    page.goto(f"{site.url_with_issuer}/#/{site.trial}/trial?token={site.issuer.access_token()}")
    expect(settled(page).get_by_role("heading", level=1)).to_have_text("Log ind")
    assert page.url == f"{site.url_with_issuer}/#/{site.trial}/trial"
    assert page.evaluate("() => sessionStorage.length") == 0


@pytest.mark.parametrize(("locale", "heading"), [("en-US", "Sign in"), ("da", "Log ind"), ("de-DE", "Log ind")])
def test_the_page_follows_the_language_of_the_browser(visitor: Visitor, site: Site, locale: str, heading: str) -> None:
    page = visitor.window(locale=locale)
    page.goto(site.url)
    expect(settled(page).get_by_role("heading", level=1)).to_have_text(heading)
    page.goto(f"{site.url}/#/?lang=en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto(f"{site.url}/#/")
    page.reload()
    expect(settled(page).get_by_role("heading", level=1)).to_have_text("Sign in")


def test_what_is_no_token_is_told_at_once(visitor: Visitor, site: Site) -> None:
    page = visitor.window()
    page.goto(site.url)
    settled(page)
    sign_in_with(page, "hemmelig")
    expect(page.get_by_role("alert")).to_contain_text("er ikke et token")
    expect(page.get_by_label("Adgangstoken", exact=True)).to_be_focused()


def test_a_token_that_does_not_hold_leads_back_with_a_sentence(visitor: Visitor, site: Site) -> None:
    page = visitor.window()
    page.goto(site.url)
    settled(page)
    sign_in_with(page, site.issuer.access_token())
    expect(page.get_by_role("alert")).to_contain_text("Log ind igen")
    assert page.evaluate("() => sessionStorage.length") == 0
    visitor.complaints.clear()  # the browser itself notes the 401


def test_the_issuer_signs_in_by_code_and_pkce(visitor: Visitor, site: Site) -> None:
    page = visitor.window()
    page.goto(f"{site.url_with_issuer}/#/{site.trial}/trial?lang=da")
    settled(page).get_by_role("button", name="Log ind", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("På rette vej")
    assert page.url == f"{site.url_with_issuer}/#/{site.trial}/trial?lang=da"
    asked = site.issuer.asked[-1]
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert "participants:read" in asked["scope"].split()
    assert len(asked["state"]) >= 43
    assert asked["state"] != asked["nonce"]


@pytest.mark.parametrize("lie", ["state", "nonce"])
def test_an_answer_to_another_question_is_refused(visitor: Visitor, site: Site, lie: str) -> None:
    """RFC 6749 10.12: someone else's code must not sign anyone in."""
    page = visitor.window()
    page.goto(f"{site.url_with_issuer}/")
    site.issuer.lies[lie] = "another"
    try:
        settled(page).get_by_role("button", name="Log ind", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("mislykkedes")
    finally:
        site.issuer.lies.clear()
    assert "code=" not in page.url
    assert page.evaluate("() => sessionStorage.length") == 0
    assert [text for text in visitor.complaints if "Signing in failed" not in text] == []
    visitor.complaints.clear()
