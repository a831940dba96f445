"""The register behind a real server, for the client that integrators use."""

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from rettevej_client import Client

from app.main import create_app
from tests.register import Register

_names = itertools.count(1)


@dataclass(frozen=True)
class Live:
    """A register that listens."""

    register: Register
    url: str

    def token(self, role: str = "case-system", *jobcentres: str, client_id: str | None = None) -> str:
        return self.register.issuer.token(role, client_id, jobcentres)

    def client(self, role: str = "case-system", *jobcentres: str) -> Client:
        return Client(self.url, self.token(role, *jobcentres))

    def new_client_id(self) -> str:
        """A client that no other test is."""
        return f"integrator-{next(_names)}"


@pytest.fixture(scope="module")
def live(register: Register) -> Iterator[Live]:
    """The register's database behind a server of its own."""
    served = create_app(register.settings, register.database_url, register.clock)
    server = uvicorn.Server(uvicorn.Config(served, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Live(register, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join()
