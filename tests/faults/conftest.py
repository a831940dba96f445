"""Servers of the fault tests. Each test gets a data directory of its own, copied from one that holds a trial."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.postgres.supervisor import EmbeddedPostgres
from app.web.tokens import LocalIssuer
from tests.faults.elsewhere import Elsewhere, Issuer
from tests.faults.figures import Figures
from tests.faults.harness import Server
from tests.faults.load import Trial, new_trial

_FIGURES: dict[str, Figures] = {}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trial]:
    """A data directory at rest that holds a trial with people, and the trial."""
    directory = tmp_path_factory.mktemp("prepared") / "data"
    with Server(directory) as server:
        trial = new_trial(server.url, LocalIssuer.load_or_create(directory))
        server.stop()
    return directory, trial


@pytest.fixture
def place(prepared: tuple[Path, Trial], tmp_path: Path) -> tuple[Path, Trial, LocalIssuer]:
    """A data directory of the test's own, the trial in it, and who signs its tokens."""
    source, trial = prepared
    directory = tmp_path / "data"
    shutil.copytree(source, directory, copy_function=_copy)
    return directory, trial, LocalIssuer.load_or_create(directory)


def _copy(source: str, target: str) -> None:
    shutil.copy2(source, target)
    owner = Path(source).stat()
    os.chown(target, owner.st_uid, owner.st_gid)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    """A database server and an issuer that the servers under test are only told of."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    with EmbeddedPostgres(directory / "postgres") as postgres, Issuer(directory) as issuer:
        yield Elsewhere(postgres, issuer, tmp_path)


@pytest.fixture
def keep(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Callable[[Figures], None]:
    """Keeps the figures of a test: for the report of the run, and printed with ``-s``."""

    def note(figures: Figures) -> None:
        text = ", ".join(
            f"{name} {getattr(figures, name)}"
            for name in ("sent", "acknowledged", "found", "lost", "doubled", "partial", "unanswered")
        )
        record_property("figures", json.loads(json.dumps(text)))
        print(f"\n{request.node.name}: {text}")  # noqa: T201 - what the test is for

    return note
