"""Letter to a drawn person (domain 3.3, [F] "Brev til deltagerne"): Danish, HTML or PDF, of one template.

Its numbers come from the trial's protocol, so it is correct for every protocol. It has neither name nor CPR number,
because the register has no names and returns no numbers: the sender's system fills the block ``address``. The criteria
of the grant (thresholds, conformity) do not concern the person and are left out.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.domain.protocol import Protocol
from app.domain.rules.draw import Arm

_HERE: Final = Path(__file__).parent
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_MONTHS: Final = (
    *("januar", "februar", "marts", "april", "maj", "juni"),
    *("juli", "august", "september", "oktober", "november", "december"),
)
_WEEKS_OF_A_YEAR, _MONTHS_OF_A_YEAR = 52, 12
_FORMS: Final[Mapping[str, str]] = {
    "in_person": "ved et møde",
    "telephone": "i telefonen",
    "digital": "digitalt",
    "group": "i en gruppe",
    "industry_meeting": "ved et branchemøde",
    "other": "på en anden måde",
}
_GROUNDS: Final[Mapping[str, str]] = {
    "illness": "sygdom",
    "hospitalised": "indlæggelse",
    "other_obstacle": "en anden hindring",
}
_SPACE_BETWEEN_TAGS: Final = re.compile(r">\s+<")
"""fpdf2 would set it as empty lines."""
_ADDRESS_MM = 35
"""Height of the space for name and address in the PDF, as in ``page.html``."""

logging.getLogger("fpdf").setLevel(logging.CRITICAL)  # it would log which letters of a name a font lacks


@dataclass(frozen=True, slots=True)
class Letter:
    """Contents of a letter. ``ends_on`` is the trial's last day, ``drawn_on`` the day of the draw."""

    protocol: Protocol
    title: str
    jobcentre: str
    arm: Arm
    assigned_on: date
    drawn_on: date
    ends_on: date
    contact_person: str | None

    @property
    def heading(self) -> str:
        """Title of the document."""
        if self.protocol.design == "one_arm":
            return f"Du er med i forsøget »{self.title}«"
        group = "deltagergruppen" if self.arm == "treatment" else "kontrolgruppen"
        return f"Du er i {group} i forsøget »{self.title}«"


def as_html(letter: Letter) -> str:
    """Return the letter as an HTML page without scripts or external resources."""
    return _TEMPLATES.get_template("page.html").render(heading=letter.heading, body=_body(letter))


def as_pdf(letter: Letter) -> bytes:
    """Return the letter as PDF on A4; equal letters give equal bytes.

    Takes about 60 ms of CPU: run it in a thread. Characters that the fonts lack (DejaVu has Latin, Greek, Cyrillic,
    Arabic and more) become empty boxes.
    """
    from fpdf import FPDF  # noqa: PLC0415 - heavy, and many workers never write a letter

    pdf = FPDF(format="A4")
    pdf.set_margin(25)
    pdf.set_auto_page_break(auto=True, margin=20)
    pdf.set_creation_date(datetime.combine(letter.drawn_on, time(), UTC))
    pdf.set_lang("da")
    pdf.set_title(letter.heading)
    pdf.set_author(_office(letter.jobcentre))
    pdf.add_font("DejaVu", "", _HERE / "fonts" / "DejaVuSans.ttf")
    pdf.add_font("DejaVu", "B", _HERE / "fonts" / "DejaVuSans-Bold.ttf")
    pdf.add_page()
    pdf.set_font("DejaVu", size=10)
    pdf.set_y(pdf.t_margin + _ADDRESS_MM)
    pdf.write_html(
        _SPACE_BETWEEN_TAGS.sub("><", _body(letter)),
        font_family="DejaVu",
        tag_styles=_styles(),
        li_prefix_color=(0, 0, 0),
    )
    return bytes(pdf.output())


def _styles() -> dict[str, Any]:
    from fpdf import TextStyle  # noqa: PLC0415 - as above

    def heading(size: int) -> TextStyle:
        return TextStyle("DejaVu", "B", size, color=0, t_margin=4, b_margin=1.5)

    return {"h1": heading(14), "h2": heading(11)}


def _body(letter: Letter) -> Markup:
    """Return the body of both formats: everything except the address."""
    body = _TEMPLATES.get_template("body.html").render(
        heading=letter.heading,
        jobcentre=_office(letter.jobcentre),
        drawn=letter.protocol.design == "randomised",
        treatment=letter.arm == "treatment",
        assigned_on=_day(letter.assigned_on),
        drawn_on=_day(letter.drawn_on),
        ends_on=_day(letter.ends_on),
        contact_person=letter.contact_person,
        plan=_plan(letter.protocol),
    )
    return Markup(body)  # noqa: S704 - escaped by the template


def _plan(protocol: Protocol) -> dict[str, Any]:
    """Return the obligations of a treatment participant as variables of the template."""
    weeks, share = protocol.in_person_weeks, protocol.remote_share_max
    course = protocol.max_programme_weeks or protocol.max_activation_weeks  # the first bounds all of the course
    always = weeks == "all"
    return {
        "weekly": protocol.cadence == "weekly",
        "in_person": {"all": "always", "before_first_workplace_activation": "until_workplace"}.get(str(weeks), weeks),
        "in_groups": "group" in protocol.in_person_forms,
        "remote": "" if always or share == 0 else "free" if share in (None, 1) else _share(share),
        "grounds": _listed(_GROUNDS[ground] for ground in _GROUNDS if ground in protocol.remote_grounds),
        "forms": _listed(_FORMS[form] for form in _FORMS if form in protocol.accepted_forms),
        "activation_week": protocol.activation_due_week,
        "at_workplace": protocol.judges_workplace,
        "hours": protocol.min_weekly_hours,
        "fewer_hours": bool(protocol.reduced_hours_reasons),
        "length": None if course is None else _length(course),
        "meters_activation": protocol.max_programme_weeks is None,
    }


def _length(weeks: int) -> str:
    """Return a length in months if it is within a week of whole months (39 weeks: nine, 17: four), else in weeks."""
    months = round(weeks * _MONTHS_OF_A_YEAR / _WEEKS_OF_A_YEAR)
    whole = months > 1 and abs(weeks - months * _WEEKS_OF_A_YEAR / _MONTHS_OF_A_YEAR) < 1
    return f"{months} måneder" if whole else f"{weeks} uger"


def _share(share: Fraction | None) -> str:
    return "halvdelen" if share == Fraction(1, 2) else f"{float(100 * (share or 0)):.3g} procent".replace(".", ",")


def _listed(words: Iterable[str]) -> str:
    """``a, b eller c``."""
    *first, last = [*words] or [""]
    return f"{', '.join(first)} eller {last}" if first else last


def _day(day: date) -> str:
    """``8. november 2010``."""
    return f"{day.day}. {_MONTHS[day.month - 1]} {day.year}"


def _office(name: str) -> str:
    """Return the jobcentre's full name; the trial has either its municipality or its full name."""
    return name if name.lower().startswith("jobcenter") else f"Jobcenter {name}"
