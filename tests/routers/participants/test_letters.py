"""The letter of the draw (domain 3.3): to both arms, in both forms the same, true under every protocol."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.protocol import Protocol
from app.domain.rules.draw import Arm
from app.letters import Letter, as_html, as_pdf
from app.protocols import protocols
from tests.pdf import text_of_pdf
from tests.register import JOBCENTRES, Client, Register, new_cpr
from tests.routers.participants.correction_place import Place as Corrections

ARMS: tuple[Arm, ...] = ("treatment", "control")
GRANT_WORDS = ("80 ", "40 procent", "13.000", "13000", "tilskud svarende", "betingelse")


def letter(protocol: str | Protocol = "prvij-2010-11", arm: Arm = "treatment", **changes: Any) -> Letter:
    rules = protocols()[protocol] if isinstance(protocol, str) else protocol
    written = Letter(
        protocol=rules,
        title="På rette vej – i job",
        jobcentre="Hjørring",
        arm=arm,
        assigned_on=date(2010, 11, 9),
        drawn_on=date(2010, 11, 15),
        ends_on=date(2012, 3, 31),
        contact_person="Åse Ærø, hold 3",
    )
    return replace(written, **changes)


# --- the text of both forms -------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The text of a page's main part, its tags, and what is in each heading."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, Mapping[str, str | None]]] = []
        self.text = self.title = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        self.text += " " if tag in ("p", "li", "h1", "h2") else ""

    def handle_data(self, data: str) -> None:
        if "main" in self._open:
            self.text += data
        elif "title" in self._open:
            self.title += data


def letters_of(text: str) -> str:
    """Without spaces and bullets, which the two forms place as they like."""
    return re.sub(r"[\s•]", "", text)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("protocol", list(protocols()))
def test_both_forms_say_the_same(protocol: str, arm: Arm) -> None:
    written = letter(protocol, arm)
    assert letters_of(text_of_pdf(as_pdf(written))) == letters_of(Page(as_html(written)).text)


def test_danish_comes_out_right() -> None:
    text = text_of_pdf(as_pdf(letter(contact_person="Æøå ÆØÅ – Łukasz Şahin")))
    for words in ("På rette vej – i job", "Jobcenter Hjørring", "Æøå ÆØÅ – Łukasz Şahin"):
        assert words in text


def test_the_same_letter_is_the_same_file() -> None:
    assert as_pdf(letter()) == as_pdf(letter())
    assert as_pdf(letter()).startswith(b"%PDF-")


def test_the_page_stands_alone_and_can_be_read_aloud() -> None:
    """A title, one first heading, Danish; nothing fetched, nothing run; a place for name and address."""
    html = as_html(letter())
    page = Page(html)
    tags = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "da"}) in page.tags
    assert (tags.count("title"), tags.count("h1"), tags.count("main")) == (1, 1, 1)
    assert page.title in page.text
    assert not {"script", "link", "img", "iframe"} & set(tags)
    assert "http" not in html
    assert '<div class="address"></div>' in html
    assert "@page" in html


@pytest.mark.parametrize("text", ["<b>&amp;</b>", '"><script>alert(1)</script>', "<img src=http://example.org/x>"])
def test_names_are_text_and_nothing_else(text: str) -> None:
    written = letter(contact_person=text, title=text, jobcentre=text)
    html = as_html(written)
    assert text not in html
    assert text in Page(html).text
    assert letters_of(text) in letters_of(text_of_pdf(as_pdf(written)))


@pytest.mark.parametrize("text", ["W" * 200, "漢字 🙂", "شاهين", "a\tb\r\nc", "x\u0007y", "\u202eabc"])
def test_no_name_breaks_it(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Letters that the fonts lack are empty boxes, and no line of the log repeats one."""
    written = letter(contact_person=text, title=text)
    assert as_pdf(written).startswith(b"%PDF-")
    assert as_html(written)
    assert not caplog.records


@settings(max_examples=15, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200))
def test_no_text_at_all_breaks_it(text: str) -> None:
    """Whatever a field takes: contact person, title of the trial, name of the jobcentre."""
    written = letter(contact_person=text, title=text, jobcentre=text)
    assert as_pdf(written) == as_pdf(written)
    assert as_html(written)


# --- what it says -----------------------------------------------------------------------------------------------------


def said(protocol: str | Protocol = "prvij-2010-11", arm: Arm = "treatment", **changes: Any) -> str:
    return re.sub(r"\s+", " ", Page(as_html(letter(protocol, arm, **changes))).text)


def test_treatment_in_prvij() -> None:
    """Domain 6 [F]: a conversation every week, 8 in person, then half remote; week 9, 10 hours; nine months."""
    text = said()
    for words in (
        "deltagergruppen",
        "samtale med jobcentret hver uge",
        "Til og med uge 8 ",
        "op til halvdelen af samtalerne",
        "sygdom, indlæggelse eller en anden hindring",
        "Senest i uge 9 ",
        "arbejdsplads",
        "mindst 10 timer om ugen",
        "mentor",
        "9 måneder",
        "31. marts 2012",
        "Dato for lodtrækningen: 15. november 2010",
        "samtale i jobcentret den 9. november 2010",
        "Din kontaktperson i jobcentret er Åse Ærø, hold 3.",
        "klage",
    ):
        assert words in text, words


def test_control_keeps_what_it_had() -> None:
    """[F]: the ordinary effort; rights and duties unchanged. Nothing of the course is promised."""
    text = said(arm="control")
    assert "Dine rettigheder og pligter er de samme som før." in text
    for words in ("hver uge", "Senest i uge", "timer om ugen", "mentor", "måneder"):
        assert words not in text


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("protocol", list(protocols()))
def test_no_letter_tells_what_the_grant_depends_on(protocol: str, arm: Arm) -> None:
    text = said(protocol, arm)
    assert not [words for words in GRANT_WORDS if words in text]
    assert not re.search(r"\d{6}-?\d{4}", text)


@pytest.mark.parametrize("protocol", ["aht-2008-sickness", "aht-2008-flexjob"])
def test_four_months_in_the_trials_of_2008(protocol: str) -> None:
    """Domain 6 [S]: in person or in a group all along, any offer from week 5, 17 weeks."""
    text = said(protocol)
    for words in ("personligt hver gang, alene eller i en gruppe", "indlæggelse", "Senest i uge 5 ", "4 måneder"):
        assert words in text, words
    for words in ("arbejdsplads", "mentor", "sygdom", "halvdelen"):
        assert words not in text, words


def test_in_person_until_a_workplace_is_found() -> None:
    """Domain 6 [D]."""
    text = said("prvij-2010-07")
    assert "personligt, indtil du begynder på en arbejdsplads. Derefter mødes I på arbejdspladsen." in text
    assert "Forløbet varer, så længe forsøget gør: til og med den 31. marts 2012." in text
    assert "måneder" not in text


def test_nothing_is_drawn_in_a_trial_of_one_arm() -> None:
    """Domain 6 [C]: no draw, no weekly duty, every form."""
    text = said("flex-2016")
    assert not [words for words in ("lodtræk", "gruppen i forsøget", "hver uge", "Senest") if words in text]
    assert "ved et møde, i telefonen, digitalt, i en gruppe, ved et branchemøde eller på en anden måde" in text


def test_other_numbers_are_other_words() -> None:
    """It is the protocol that speaks."""
    rules = replace(
        protocols()["prvij-2010-11"],
        in_person_weeks=3,
        remote_share_max=Fraction(1, 3),
        remote_grounds=frozenset(),
        activation_due_week=6,
        min_weekly_hours=None,
        max_activation_weeks=20,
    )
    text = said(rules)
    for words in ("Til og med uge 3 ", "op til 33,3 procent af", "Senest i uge 6 ", "op til 20 uger i alt"):
        assert words in text, words
    for words in ("Kan du ikke møde op", "timer om ugen", "timetallet"):
        assert words not in text, words


def test_nobody_is_named_where_nobody_is() -> None:
    """[F]: a contact person is a part of the course; controls are promised none, and told of the one they have."""
    assert "kontaktperson" not in said(arm="control", contact_person=None)
    assert "Din kontaktperson i jobcentret er Åse" in said(arm="control")
    text = said(contact_person=None)
    assert "Jobcentret giver dig besked om, hvem der er din kontaktperson." in text
    assert "henvende dig til Jobcenter Hjørring." in text
    assert "Jobcenter Jobcenter" not in said(jobcentre="Jobcenter Hjørring")


# --- the endpoint -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trial(register: Register) -> str:
    return register.new_trial()


@pytest.fixture(scope="module")
def system(register: Register) -> Client:
    return register.case_system("849", client_id="momentum-849")


def path_of(trial: str, participant: str, what: str = "letter") -> str:
    return f"/v1/trials/{trial}/participants/{participant}/{what}"


def pdf_of(client: Client, path: str, **headers: str) -> Any:
    return client.request("GET", path, headers={"Accept": "application/pdf", **headers})


def test_someone_drawn_gets_the_letter_in_both_forms(register: Register, trial: str, system: Client) -> None:
    answer = register.screen(trial, contact_person="Team 3, desk 12")
    path = path_of(trial, answer["participant_id"])
    html, pdf = system.get(path), pdf_of(system, path)
    assert (html.status_code, html.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (pdf.status_code, pdf.headers["content-type"]) == (200, "application/pdf")
    assert html.headers["vary"] == pdf.headers["vary"] == "Accept, Accept-Encoding"
    page = Page(html.text)
    group = "deltagergruppen" if answer["assignment"]["arm"] == "treatment" else "kontrolgruppen"
    for words in ("Jobcenter Jammerbugt", "Team 3, desk 12", "8. november 2010", "På rette vej – i job", group):
        assert words in page.text, words
    assert letters_of(text_of_pdf(pdf.content)) == letters_of(page.text)
    assert answer["participant_id"] not in html.text


def test_each_form_has_an_etag_of_its_own(register: Register, trial: str, system: Client) -> None:
    participant = register.drawn(trial)
    path = path_of(trial, participant)
    html, pdf = system.get(path), pdf_of(system, path)
    tags = html.headers["etag"], pdf.headers["etag"]
    assert len(set(tags)) == 2
    for again in (
        system.request("GET", path, headers={"If-None-Match": tags[0]}),
        pdf_of(system, path, **{"If-None-Match": tags[1]}),
    ):
        assert (again.status_code, again.content, again.headers["vary"]) == (304, b"", "Accept")
    assert pdf_of(system, path, **{"If-None-Match": tags[0]}).status_code == 200
    system.patch(path_of(trial, participant, "").rstrip("/"), {"contact_person": "Team 9"})
    assert system.request("GET", path, headers={"If-None-Match": tags[0]}).status_code == 200


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", "text/html"),
        ("text/*", "text/html"),
        ("text/html, application/pdf", "text/html"),
        ("text/html;q=0.5, application/pdf", "application/pdf"),
        ("application/pdf;q=0, */*", "text/html"),
    ],
)
def test_which_form(register: Register, trial: str, system: Client, accept: str, form: str) -> None:
    answer = system.request("GET", path_of(trial, register.drawn(trial)), headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == form


def test_who_has_no_letter(register: Register, trial: str, system: Client) -> None:
    waiting = register.screen(trial, channel="supplement", unemployed_since="2010-11-01", interview_on="2011-01-10")[
        "participant_id"
    ]
    answer = system.get(path_of(trial, waiting))
    assert (answer.status_code, answer.json()["code"]) == (409, "not_drawn")
    neighbour = register.drawn(trial, jobcentre="860")
    for participant in (neighbour, str(uuid4())):
        for what in ("letter", "contact-persons"):
            answer = system.get(path_of(trial, participant, what))
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert system.get(path_of("nothing", neighbour)).status_code == 404


def test_a_duplicate_has_none(register: Register) -> None:
    """Domain 3.3: the earlier draw governs; a letter of the later one might name the other arm."""
    place = Corrections(register, register.new_trial(), register.case_system())
    first, number = place.screened()
    second, _ = place.screened()
    assert place.correct(second, number).status_code == 200
    answer = place.system.get(path_of(place.trial, second))
    assert (answer.status_code, answer.json()["code"]) == (409, "not_drawn")
    assert place.system.get(path_of(place.trial, first)).status_code == 200


def test_a_trial_of_one_arm(register: Register) -> None:
    trial = register.new_trial(
        protocol="flex-2016",
        intake_from="2010-11-01",
        intake_to="2011-03-31",
        ends_on="2011-12-31",
        target_groups=[2],
        required_contacts=1.5,
        jobcentres=JOBCENTRES,
    )
    body = {"cpr": new_cpr(), "jobcentre": "849", "interview_on": "2010-11-08", "target_group": 2}
    answer = register.case_system().post(f"/v1/trials/{trial}/participants", body)
    assert answer.status_code == 201, answer.text
    page = Page(register.case_system().get(path_of(trial, answer.json()["participant_id"])).text)
    assert "Med i forsøget fra: 8. november 2010" in page.text
    assert "lodtræk" not in page.text.lower()


def test_reading_is_audited(register: Register, trial: str, system: Client) -> None:
    participant = register.drawn(trial)
    system.get(path_of(trial, participant))
    system.get(path_of(trial, participant, "contact-persons"))
    entries = register.client("auditor").get("/v1/audit", participant_id=participant).json()["items"]
    noted = {each["action"]: each for each in entries if each["client_id"] == "momentum-849"}
    assert noted["letter.read"]["details"] == {"form": "text/html"}
    assert noted["letter.read"]["jobcentre"] == noted["contact_persons.read"]["jobcentre"] == "849"


# --- contact persons --------------------------------------------------------------------------------------------------


def test_who_has_been_the_contact_person(register: Register, trial: str, system: Client) -> None:
    """Domain 4.7: one at a time, with history."""
    participant = register.drawn(trial, contact_person="Team 1")
    other = register.case_system("849", client_id="successor")
    for client, name in ((system, "Team 2"), (system, "Team 2"), (other, None), (other, "Team 3")):
        answer = client.patch(path_of(trial, participant, "").rstrip("/"), {"contact_person": name})
        assert answer.status_code == 200
    items = system.get(path_of(trial, participant, "contact-persons")).json()["items"]
    assert [(each["contact_person"], each["client_id"]) for each in items[1:]] == [
        ("Team 2", "momentum-849"),
        (None, "successor"),
        ("Team 3", "successor"),
    ]
    assert items[0]["contact_person"] == "Team 1"
    moments = [each["named_at"] for each in items]
    assert moments == sorted(set(moments))
    nobody = register.drawn(trial)
    assert system.get(path_of(trial, nobody, "contact-persons")).json() == {"items": []}
