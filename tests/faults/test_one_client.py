"""One client that sends without a right to, or never finishes: it is answered, and holds a bounded share of memory."""

import socket
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx

from app.web.tokens import LocalIssuer
from tests.faults.harness import Server, wait_for
from tests.faults.load import Trial

SIZE = 16 * 1024 * 1024 - 1


def _dial(server: Server) -> socket.socket:
    url = httpx.URL(server.url)
    assert url.port is not None
    return socket.create_connection((url.host, url.port), timeout=60)


def _head(trial: Trial, token: str | None) -> bytes:
    credentials = "" if token is None else f"Authorization: Bearer {token}\r\n"
    path = f"/v1/trials/{trial.id}/conversations/batch"
    fields = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {SIZE}\r\n{credentials}\r\n"
    return f"POST {path} HTTP/1.1\r\n{fields}".encode()


def _status(connection: socket.socket) -> bytes:
    """The status that has come, or nothing."""
    connection.setblocking(False)
    try:
        return connection.recv(12)[9:]
    except BlockingIOError:
        return b""


def test_a_client_is_refused_and_held_to_its_share(place: tuple[Path, Trial, LocalIssuer]) -> None:
    directory, trial, issuer = place
    token = issuer.token("case-system", "one")
    with Server(directory) as server, ExitStack() as connections:
        for _ in range(3):
            with _dial(server) as sends_first:
                sends_first.sendall(_head(trial, None) + b"[" * SIZE)
                assert sends_first.recv(12) == b"HTTP/1.1 401"
        before = server.resident()
        unfinished = [connections.enter_context(_dial(server)) for _ in range(40)]
        for connection in unfinished:
            connection.sendall(_head(trial, token) + b" " * (SIZE - 1))
        statuses: Counter[bytes] = Counter()

        def answered() -> bool:
            statuses.update(status for connection in unfinished if (status := _status(connection)))
            return statuses[b"429"] >= 38

        wait_for(answered, "all bodies beyond the client's share are refused")
        assert server.resident() - before < 100_000_000
        assert set(statuses) == {b"429"}
        assert server.status("/healthz") == 200
