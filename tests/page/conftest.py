"""A simulated trial, two servers and one Chromium for all browser tests of a run."""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console

from app.main import create_app
from app.settings import Settings
from app.simulate import run
from app.web.tokens import LocalIssuer
from tests.acceptance.test_simulated_trial import serving
from tests.page.issuer import CLIENT, Issuer
from tests.page.site import Site, Visitor
from tests.register import Clock

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def site(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Sixty people, played before any browser runs (the driver's event loop would be in the way)."""
    directory, clock, issuer = tmp_path_factory.mktemp("page"), Clock(), Issuer()
    database = new_database()
    tokens = LocalIssuer.load_or_create(directory)
    with serving(create_app(Settings(data_dir=directory), database, clock)) as url, serving(issuer.app) as issuer.url:
        settings = Settings(data_dir=directory, issuer=issuer.url, jwks_url=f"{issuer.url}/jwks", page_client_id=CLIENT)
        played = run(url, 60, 1, None, tokens.token, console=Console(file=io.StringIO()))
        with serving(create_app(settings, database, clock)) as url_with_issuer:
            yield Site(url, tokens, clock, played, issuer, url_with_issuer)


@pytest.fixture(scope="session")
def browser(site: Site) -> Iterator[Browser]:
    """Chromium; a failure, never a skip, where there is none."""
    names = (os.environ.get("RETTEVEJ_TEST_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if name and (found := shutil.which(name))), None)
    assert path is not None, "there is no Chromium: make test-page installs it"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*_FLAGS])
        yield browser
        browser.close()


@pytest.fixture
def visitor(browser: Browser, site: Site, tmp_path: Path) -> Iterator[Visitor]:
    """A visitor whose console must have stayed silent in the end."""
    visitor = Visitor(browser, site, tmp_path)
    yield visitor
    visitor.close()
    assert not visitor.complaints
