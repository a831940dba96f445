"""The command that verifies draws: it needs nothing but the API."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from app.cli.verify_draws import check_published_draws
from app.main import create_app
from tests.register import Client, Register


@contextmanager
def listening(register: Register) -> Iterator[str]:
    """The register's database behind a real server of its own; gives the URL."""
    served = create_app(register.settings, register.database_url, register.clock)
    server = uvicorn.Server(uvicorn.Config(served, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_the_verifier_needs_nothing_but_the_api(register: Register, agency: Client, tmp_path: Path) -> None:
    """Domain 3.3: as an outsider, over the network."""
    trial = register.new_trial()
    for _ in range(4):
        register.drawn(trial)
    token = register.issuer.token("auditor")
    with listening(register) as url:
        with pytest.raises(LookupError, match="not closed"):
            check_published_draws(url, trial, token)
        agency.post(f"/v1/trials/{trial}/close")
        assert check_published_draws(url, trial, token) == (4, [])
        with pytest.raises(LookupError, match="404"):
            check_published_draws(url, "nothing-here", token)
        with pytest.raises(LookupError, match="401"):
            check_published_draws(url, trial, "nonsense")
