"""The page as the browser tests open it: a simulated trial behind it, and a visitor with a token and a window."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
from playwright.sync_api import Browser, BrowserContext, Page

from app.simulate import SimulationResult
from app.web.tokens import LocalIssuer
from tests.page.issuer import Issuer
from tests.register import Clock

Theme = Literal["light", "dark"]
DESK, PHONE = 1440, 390
"""Widths in pixels."""


@dataclass(frozen=True, slots=True)
class Site:
    """A register that serves the page, twice: with tokens of its own, and with an issuer."""

    url: str
    tokens: LocalIssuer
    clock: Clock
    played: SimulationResult
    issuer: Issuer
    url_with_issuer: str

    @property
    def trial(self) -> str:
        return self.played.trial

    def get(self, path: str, role: str = "agency", **parameters: str) -> Any:
        """What the API says below the trial; anything but 200 is a failure."""
        headers = {"Authorization": f"Bearer {self.tokens.token(role)}"}
        address = f"{self.url}/v1/trials/{self.trial}{path}"
        answer = httpx.get(address, params=parameters, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def name_of(self, jobcentre: str) -> str:
        return next(str(each["name"]) for each in self.get("")["jobcentres"] if each["code"] == jobcentre)


class Visitor:
    """Someone in front of a browser. What the console complains of is kept; ``closed`` looks at it."""

    def __init__(self, browser: Browser, site: Site, downloads: Path) -> None:
        self._browser = browser
        self._downloads = downloads
        self.site = site
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def window(self, width: int = DESK, theme: Theme = "light", locale: str = "da-DK") -> Page:
        """A window of its own, nobody signed in."""
        size = {"width": width, "height": 900}
        context = self._browser.new_context(
            viewport=size,  # type: ignore[arg-type]
            color_scheme=theme,
            reduced_motion="reduce",
            locale=locale,
        )
        context.set_default_timeout(20_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        return page

    def open(self, address: str, token: str, width: int = DESK, theme: Theme = "light") -> Page:
        """A view of the trial, signed in: ``address`` is what follows the trial, with its query."""
        page = self.window(width, theme)
        page.add_init_script(f"sessionStorage.setItem('rettevej.token', '{token}')")
        page.goto(f"{self.site.url}/#/{self.site.trial}{address}")
        return settled(page)

    def download(self, page: Page, button: str) -> bytes:
        """What a button hands over."""
        with page.expect_download() as started:
            page.get_by_role("button", name=button).first.click()
        path = self._downloads / started.value.suggested_filename
        started.value.save_as(path)
        return path.read_bytes()

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def settled(page: Page) -> Page:
    """The page once it shows what was asked for."""
    page.locator("main:not([aria-busy]) h1").wait_for()
    page.locator("[aria-busy]").first.wait_for(state="detached")
    return page
