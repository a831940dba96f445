"""The views on a simulated trial: they show what the API says, and their address says what they show."""

import csv
import io
import struct
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Page, expect

from tests.page.site import Site, Visitor, settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
WEEK = "2011-W20"


def tenths(share: float) -> str:
    """A share in percent with one decimal, halves rounded up as the page's number format does: 13 of 16 is 81.3."""
    return str((Decimal(str(share)) * 100).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP))


def percent(rate: float | None) -> str:
    """A share as Danish writes it."""
    return "–" if rate is None else f"{tenths(rate)} %".replace(".", ",")


def rows_of(page: Page, table: str) -> list[str]:
    """The names of a table's rows, from the top."""
    cells = page.get_by_role("region", name=table).get_by_role("rowheader").locator(".cell")
    return [text.split("\n")[0].strip() for text in cells.all_inner_texts()]


# --- region ---


def test_the_region_shows_the_rates_of_the_week(visitor: Visitor, site: Site) -> None:
    page = visitor.open(f"/region?lang=da&week={WEEK}", site.tokens.token("agency"))
    items = site.get("/weekly-summary", week=WEEK)["items"]
    for row in (each for each in items if each["arm"] == "treatment"):
        line = page.get_by_role("row").filter(
            has=page.get_by_role("link", name=site.name_of(row["group"]["jobcentre"]))
        )
        for rate in ("conversation_rate", "activation_rate", "workplace_rate"):
            expect(line).to_contain_text(percent(row["cumulative"][rate]).replace(" ", "\u00a0"))
        expect(line.locator("td.plan .cell")).to_have_text("Ja" if row["action_plan"] else "Nej")


@pytest.mark.parametrize("view", ["constructor", "__proto__", "nothing"])
def test_a_view_that_is_none_is_the_first(visitor: Visitor, site: Site, view: str) -> None:
    page = visitor.open(f"/{view}?lang=en&week={WEEK}", site.tokens.token("agency"))
    expect(page.locator("table").first).to_be_visible()


def test_sorting_filtering_and_the_week_are_in_the_address(visitor: Visitor, site: Site) -> None:
    page = visitor.open("/region?lang=da", site.tokens.token("agency"))
    names = rows_of(page, "Jobcentrene og de tre betingelser")
    assert len(names) > 5

    page.get_by_role("button", name="Samtaler", exact=True).click()
    expect(page.get_by_role("columnheader", name="Samtaler")).to_have_attribute("aria-sort", "ascending")
    by_rate = rows_of(page, "Jobcentrene og de tre betingelser")
    assert sorted(by_rate) == sorted(names)
    expect(page.get_by_role("button", name="Samtaler", exact=True)).to_be_focused()
    page.get_by_label("Region", exact=True).select_option("nord")
    expect(page.get_by_role("region", name="Jobcentrene og de tre").get_by_role("rowheader")).to_have_count(2)
    slider = page.get_by_role("slider", name="Uge")
    slider.focus()
    slider.press("ArrowLeft")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobcentrene, uge 12, 2012")
    expect(slider).to_have_attribute("aria-valuetext", "uge 12, 2012")

    address = page.url
    assert {"sort=conversation", "region=nord", "week=2012-W12"} <= set(address.split("?")[1].split("&"))
    colleague = visitor.open(address.split(site.trial, 1)[1], site.tokens.token("agency"))
    assert colleague.locator("main").inner_text() == page.locator("main").inner_text()


def test_charts_are_tables_too_and_go_along(visitor: Visitor, site: Site) -> None:
    page = visitor.open(f"/region?lang=en&week={WEEK}&measure=activation", site.tokens.token("agency"))
    chart = page.get_by_role("figure", name="Treatment and control: activation")
    expect(chart.get_by_role("img")).to_be_visible()
    chart.get_by_role("button", name="Show as a table").click()
    items = site.get("/weekly-summary", week=WEEK)["items"]
    expect(chart.get_by_role("rowheader")).to_have_count(len({each["group"]["jobcentre"] for each in items}))
    assert "table=difference" in page.url

    name = "Treatment and control: activation"
    rows = list(csv.DictReader(io.StringIO(visitor.download(page, f"Download CSV: {name}").decode("utf-8-sig"))))
    rates = {
        (site.name_of(each["group"]["jobcentre"]), each["arm"]): each["cumulative"]["activation_rate"] for each in items
    }
    for row in rows:
        for arm in ("treatment", "control"):
            rate = rates.get((row["Jobcentre"], arm))
            assert row[arm] == ("" if rate is None else repr(rate) if rate % 1 else str(int(rate)))
    picture = ET.fromstring(visitor.download(page, f"Download SVG: {name}"))
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert name in "".join(picture.itertext())
    pixels = visitor.download(page, f"Download PNG: {name}")
    assert pixels.startswith(b"\x89PNG")
    assert struct.unpack(">I", pixels[16:20])[0] > 1000


def test_nothing_in_a_download_is_a_formula(visitor: Visitor, site: Site) -> None:
    page = visitor.open("/", site.tokens.token("agency"))
    texts = ["=1+1", "Anna Holm;=1+1", "Bo, +45", "\n=1", "Anne-Marie + Bo", -1]
    table = page.evaluate(
        """async (texts) => {
            const { csv } = await import(new URL("page/js/export.js", location));
            return csv([{ label: "name", value: (text) => text }], texts);
        }""",
        texts,
    )
    rows = [row for (row,) in csv.reader(io.StringIO(table.removeprefix("\ufeff"), newline=""))]
    assert rows == ["name", "'=1+1", "Anna Holm;'=1+1", "Bo, '+45", "'\n'=1", "Anne-Marie + Bo", "-1"]


# --- jobcentre ---


def test_the_jobcentre_shows_its_worklist_and_explains_it(visitor: Visitor, site: Site) -> None:
    lists = site.get("/worklist", role="case-system", week=WEEK)["items"]
    jobcentre = Counter(each["jobcentre"] for each in lists).most_common(1)[0][0]
    tasks = [each for each in lists if each["jobcentre"] == jobcentre]
    token = site.tokens.token("case-system", jobcentres=[jobcentre])
    page = visitor.open(f"/jobcentre/{jobcentre}?lang=en&week={WEEK}", token)
    names = rows_of(page, "This week's worklist")
    assert names == [each["participant_id"][-6:] for each in tasks]
    reasons = page.get_by_role("region", name="This week's worklist").locator("details.why")
    expect(reasons).to_have_count(sum(len(each["reasons"]) for each in tasks))
    reasons.first.locator("summary").click()
    expect(reasons.first).to_contain_text("Rules of the register, section 4.")

    page.get_by_role("link", name=names[0]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Person {names[0]}")
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_deviations_are_counted_by_kind(visitor: Visitor, site: Site) -> None:
    items = site.get("/weekly-summary", **{"from": "2010-W45", "week": WEEK})["items"]
    jobcentre = items[0]["group"]["jobcentre"]
    found: dict[str, int] = {}
    for row in items:
        if row["group"]["jobcentre"] == jobcentre and row["arm"] == "treatment":
            for code, n in row["deviations"].items():
                found[code] = found.get(code, 0) + n
    page = visitor.open(f"/jobcentre/{jobcentre}?lang=en&week={WEEK}&table=deviations", site.tokens.token("agency"))
    table = page.get_by_role("region", name="Deviations by kind").last
    totals = [int(text.replace(",", "")) for text in table.locator("td.total .cell").all_inner_texts()]
    assert totals == sorted(found.values(), reverse=True)


# --- person ---


def test_the_person_shows_every_week_and_why_it_deviates(visitor: Visitor, site: Site) -> None:
    truth = next(each for each in site.played.participants if each.arm == "treatment")
    weeks = site.get(f"/participants/{truth.participant_id}/weeks", role="case-system")["items"]
    page = visitor.open(f"/person/{truth.participant_id}?lang=en", site.tokens.token("case-system"))
    fields = page.get_by_role("group", name="The course, week by week").get_by_role("button")
    expect(fields).to_have_count(len(weeks))

    place, week = next((n, each) for n, each in enumerate(weeks) if "conversation_missing" in each["deviations"])
    fields.nth(place).click()
    assert f"week={week['week']}" in page.url
    why = page.locator("details.why.DeviationCode").filter(has_text="Conversation missing").first
    why.locator("summary").click()
    expect(why).to_contain_text("A conversation was due, and none counts.")
    expect(why).to_contain_text("Rules of the register, section 4.5")
    expect(why).to_contain_text("[F] the course is individual; domain 4.5")  # the protocol's own source

    fields.nth(place).focus()
    page.keyboard.press("ArrowRight")
    expect(fields.nth(place + 1)).to_be_focused()
    expect(fields.nth(place + 1)).to_have_attribute("aria-pressed", "true")
    assert f"week={weeks[place + 1]['week']}" in page.url

    used, last = weeks[place + 1]["meter"], weeks[-1]["meter"]
    expect(page.get_by_role("main")).to_contain_text(f"{used} of 39 weeks are used")
    page.keyboard.press("End")
    told = "All 39 weeks are used" if last == 39 else f"{last} of 39 weeks are used"
    expect(page.get_by_role("main")).to_contain_text(told)


def test_a_control_persons_weeks_are_a_yardstick(visitor: Visitor, site: Site) -> None:
    truth = next(each for each in site.played.participants if each.arm == "control")
    page = visitor.open(f"/person/{truth.participant_id}?lang=da", site.tokens.token("case-system"))
    expect(page.get_by_role("main")).to_contain_text("Lodtrukket til kontrolgruppen")
    expect(page.get_by_role("main")).to_contain_text("Der er ingen opgaver for kontrolgruppen")


def test_the_letter_is_handed_over(visitor: Visitor, site: Site) -> None:
    truth = next(each for each in site.played.participants if each.arm == "treatment")
    page = visitor.open(f"/person/{truth.participant_id}?lang=da", site.tokens.token("case-system"))
    assert visitor.download(page, "Hent brevet (PDF)").startswith(b"%PDF")


# --- trial ---


def test_the_flow_is_the_apis(visitor: Visitor, site: Site) -> None:
    flow = site.get("/flow")
    page = visitor.open("/trial?lang=en&table=flow", site.tokens.token("agency"))
    table = page.get_by_role("region", name="The way through the trial").last
    shown = [row.split("\n") for row in table.get_by_role("row").all_inner_texts()[1:]]
    numbers = [int(row[-1].split("\t")[-1].strip()) for row in shown]
    assert numbers[0] == flow["screened"] == 60
    assert numbers[1] == flow["ineligible"]["people"]
    assert sum(arm["drawn"] for arm in flow["arms"]) == flow["eligible"]["drawn"]
    assert {arm["drawn"] for arm in flow["arms"]} <= set(numbers)


def test_the_curve_follows_what_is_chosen(visitor: Visitor, site: Site) -> None:
    page = visitor.open("/trial?lang=en&table=curve", site.tokens.token("agency"))
    page.get_by_label("Measure").first.select_option("workplace")
    page.get_by_label("Who is included").select_option("intention_to_treat")
    settled(page)
    points = [
        each
        for each in site.get("/activity-curve", measure="workplace")["items"]
        if each["analysis"] == "intention_to_treat"
    ]
    table = page.get_by_role("region", name="activation at a workplace").last
    expect(table.get_by_role("rowheader")).to_have_count(len(points))
    expect(table.get_by_role("row").nth(21)).to_contain_text(f"{tenths(points[20]['treatment']['share'])}%")
    assert {"measure=workplace", "analysis=intention_to_treat"} <= set(page.url.split("?")[1].split("&"))


def test_every_draw_is_computed_anew_in_the_browser(visitor: Visitor, site: Site) -> None:
    """Domain 3.3: after closing anyone can recompute every draw; before, the seed is nowhere."""
    token = site.tokens.token("agency")
    page = visitor.open("/trial?lang=en", token)
    expect(page.get_by_role("main")).to_contain_text("secret until the draw is closed")
    expect(page.get_by_role("button", name="Recompute every draw")).to_have_count(0)

    answer = page.request.post(f"{site.url}/v1/trials/{site.trial}/close", headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 200
    page = visitor.open("/trial?lang=en", token)
    page.get_by_role("button", name="Recompute every draw").click()
    draws = sum(each["drawn"] for each in site.get("/flow")["arms"])
    expect(page.get_by_role("main")).to_contain_text(f"{draws} draws were recomputed. All of them are as published.")

    def forged(route: object) -> None:
        fetched = route.fetch()  # type: ignore[attr-defined]
        value = fetched.json()
        first = value["items"][0]
        first["arm"] = "control" if first["arm"] == "treatment" else "treatment"
        route.fulfill(response=fetched, json=value)  # type: ignore[attr-defined]

    page = visitor.open("/trial?lang=en", token)
    page.route("**/draws?*", forged)
    page.get_by_role("button", name="Recompute every draw").click()
    expect(page.get_by_role("main")).to_contain_text("One fault was found:")


# --- a trial that goes on ---


@pytest.fixture
def mid_course(site: Site) -> Iterator[None]:
    """A Wednesday, 2011-W20."""
    afterwards, site.clock.now = site.clock.now, datetime(2011, 5, 18, 9, tzinfo=UTC)
    yield
    site.clock.now = afterwards


def test_the_running_week_is_shown_when_asked_for(visitor: Visitor, site: Site, mid_course: None) -> None:
    """Domain 5: without a week it is the last one over; the worklist is the running week's."""
    page = visitor.open("/region?lang=da", site.tokens.token("agency"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobcentrene, uge 19, 2011")
    page.get_by_role("button", name="Ugen efter").click()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", "uge 20, 2011 (er ikke slut)")
    expect(page.get_by_role("button", name="Ugen efter")).to_be_disabled()

    someone = next(each for each in site.played.participants if each.arm == "treatment")
    page = visitor.open(f"/jobcentre/{someone.jobcentre}?lang=da", site.tokens.token("case-system"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("uge 20, 2011")
    page = visitor.open(f"/person/{someone.participant_id}?lang=da", site.tokens.token("case-system"))
    expect(page.get_by_role("main")).to_contain_text("Ugen er ikke slut")


# --- around the views ---


def test_both_languages_and_the_choice_stays(visitor: Visitor, site: Site) -> None:
    page = visitor.open(f"/region?week={WEEK}", site.tokens.token("agency"))
    expect(page.locator("html")).to_have_attribute("lang", "da")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The jobcentres, week 20, 2011")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert "lang=en" in page.url
    assert f"week={WEEK}" in page.url
    page.goto(f"{site.url}/#/{site.trial}/trial")
    expect(page.get_by_role("link", name="Overview")).to_be_visible()


def test_the_theme_is_chosen_and_stays(visitor: Visitor, site: Site) -> None:
    page = visitor.open("/region", site.tokens.token("agency"), theme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_label("Udseende", exact=True).select_option("dark")
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    settled(page)
    assert page.evaluate(paper) == dark


def test_what_does_not_answer_is_told(visitor: Visitor, site: Site) -> None:
    page = visitor.open("/region?lang=da", site.tokens.token("agency"))
    page.route("**/v1/**", lambda route: route.abort())
    page.get_by_role("button", name="Hent igen").click()
    expect(page.get_by_role("main")).to_contain_text("Tjenesten svarer ikke.")
    page.unroute("**/v1/**")
    page.get_by_role("button", name="Prøv igen").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Jobcentrene")
    visitor.complaints.clear()  # the browser notes the broken requests


def test_names_from_data_stay_text(visitor: Visitor, site: Site) -> None:
    """A contact person's name is free text; markup in it is shown as it was written."""
    truth = next(each for each in site.played.participants if each.arm == "treatment")
    token = site.tokens.token("case-system")
    page = visitor.open("/trial", token)
    name = "<img src=x onerror=alert(1)>"
    path = f"{site.url}/v1/trials/{site.trial}/participants/{truth.participant_id}"
    headers = {"Authorization": f"Bearer {token}"}
    assert page.request.patch(path, headers=headers, data={"contact_person": name}).status == 200
    page = visitor.open(f"/person/{truth.participant_id}", token)
    expect(page.get_by_role("main")).to_contain_text(name)
    expect(page.locator("main img")).to_have_count(0)
