"""What each role sees: its own, and a friendly sentence for the rest (api.md, "Who may do what")."""

import pytest
from playwright.sync_api import expect

from tests.page.site import Site, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def drop_refusals(visitor: Visitor) -> None:
    """The browser notes every answer that is no success; the page has told what it means."""
    visitor.complaints[:] = [text for text in visitor.complaints if "Failed to load resource" not in text]


@pytest.fixture
def jobcentre(site: Site) -> str:
    """The code of a jobcentre in whose treatment arm someone is."""
    return next(each.jobcentre for each in site.played.participants if each.arm == "treatment")


def test_a_jobcentre_sees_no_other(visitor: Visitor, site: Site, jobcentre: str) -> None:
    token = site.tokens.token("case-system", jobcentres=[jobcentre])
    page = visitor.open("/region?lang=da", token)
    own, names = site.name_of(jobcentre), [str(each["name"]) for each in site.get("")["jobcentres"]]
    table = page.get_by_role("region", name="Jobcentrene og de tre betingelser")
    expect(table.get_by_role("rowheader")).to_have_count(1)
    expect(table).to_contain_text(own)
    text = page.locator("main").inner_text()
    assert not [name for name in names if name != own and name in text]

    page = visitor.open("/jobcentre?lang=da", token)  # with one jobcentre there is nothing to choose
    expect(page.get_by_role("heading", level=1)).to_contain_text(own)
    other = next(each for each in site.played.participants if each.jobcentre != jobcentre)
    page = visitor.open(f"/jobcentre/{other.jobcentre}?lang=da", token)
    expect(page.locator("main")).to_contain_text("eller du har ikke adgang til det")
    page = visitor.open(f"/person/{other.participant_id}?lang=da", token)
    expect(page.locator("main")).to_contain_text("du har ikke adgang til dem")
    drop_refusals(visitor)


def test_a_region_sees_figures_and_no_person(visitor: Visitor, site: Site) -> None:
    token = site.tokens.token("region", regions=["nord"])
    page = visitor.open("/region?lang=en", token)
    rows = page.get_by_role("region", name="The jobcentres and the three conditions").get_by_role("rowheader")
    expect(rows).to_have_text(["Hjørring Nord", "Jammerbugt Nord"], use_inner_text=True)
    page = visitor.open("/jobcentre/849?lang=en", token)
    expect(page.locator("main")).to_contain_text("You have access to figures, not to people.")
    expect(page.get_by_role("button", name="Show the people")).to_have_count(0)
    someone = next(each for each in site.played.participants if each.jobcentre in {"849", "860"})
    page = visitor.open(f"/person/{someone.participant_id}?lang=en", token)
    expect(page.locator("main")).to_contain_text("you do not have access to it")
    drop_refusals(visitor)


def test_whoever_reads_no_figures_reads_a_sentence(visitor: Visitor, site: Site) -> None:
    token = site.tokens.token("auditor")
    for view in ("region", "trial"):
        page = visitor.open(f"/{view}?lang=da", token)
        expect(page.locator("main")).to_contain_text("Du har ikke adgang til tallene her.")
    page = visitor.open("/jobcentre?lang=da", token)
    expect(page.locator("main")).to_contain_text("Du har ikke adgang til disse oplysninger.")
    drop_refusals(visitor)


def test_a_trial_that_is_not_there(visitor: Visitor, site: Site) -> None:
    page = visitor.open("/region?lang=da", site.tokens.token("agency"))
    page.goto(f"{site.url}/#/no-such-trial/region")
    expect(page.locator("main")).to_contain_text("Oplysningerne findes ikke")
    drop_refusals(visitor)
