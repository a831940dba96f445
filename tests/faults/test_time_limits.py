"""A request that never ends is cut off: its head, its body, and what still comes after the answer."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest

from app.startup import embedded_in
from app.web.tokens import LocalIssuer
from tests.faults.figures import strata_held
from tests.faults.harness import FACTS, Server
from tests.faults.load import Trial, bearer
from tests.faults.test_slow_clients import LIMIT, _answer, _dial, _head

pytestmark = pytest.mark.slow  # it starts servers

Place = tuple[Path, Trial, LocalIssuer]


@pytest.fixture(scope="module")
def impatient(prepared: tuple[Path, Trial]) -> Iterator[tuple[Server, Trial, str]]:
    """A server that waits one second for a head and for a body, a trial in it, and a token."""
    directory, trial = prepared
    with Server(directory, max_body_bytes=str(LIMIT), head_seconds="1", body_seconds="1") as server:
        yield server, trial, LocalIssuer.load_or_create(directory).token("case-system", "slow")
        server.stop()


def _is_cut_off(connection: socket.socket, drop: bytes = b"") -> bool:
    """Goes on sending drops until the other side has closed; what it answers meanwhile is read and forgotten."""
    connection.settimeout(0.05)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if drop:
                connection.sendall(drop)
            if not connection.recv(65_536):
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


@pytest.mark.parametrize("drop", [b"", b"x"])
def test_a_head_that_never_ends(impatient: tuple[Server, Trial, str], drop: bytes) -> None:
    server, trial, token = impatient
    for begun in (b"", b"GET /heal", _head(trial, token)[:-4]):
        with contextlib.closing(_dial(server)) as connection:
            connection.sendall(begun)
            assert _is_cut_off(connection, drop)


def test_a_head_without_end(impatient: tuple[Server, Trial, str]) -> None:
    server, trial, token = impatient
    with contextlib.closing(_dial(server)) as connection:
        connection.sendall(_head(trial, token)[:-4])
        assert _is_cut_off(connection, b"\r\nX-More: " + b"x" * 10_000)
    assert server.status("/readyz") == 200


def test_the_second_request_of_a_connection_is_held_to_it_too(impatient: tuple[Server, Trial, str]) -> None:
    server, *_ = impatient
    with contextlib.closing(_dial(server)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert _status(connection) == 200
        connection.sendall(b"GET /healthz HT")
        assert _is_cut_off(connection, b"x")


def _status(connection: socket.socket) -> int:
    response = HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


@pytest.mark.parametrize("lines", [("Content-Length: 5000",), ("Transfer-Encoding: chunked",)])
def test_a_body_that_dribbles(impatient: tuple[Server, Trial, str], lines: tuple[str, ...]) -> None:
    server, trial, token = impatient
    drop = b" " if "chunked" not in lines[0] else b"1\r\n \r\n"
    with contextlib.closing(_dial(server)) as connection:
        connection.sendall(_head(trial, token, *lines))
        ended = threading.Event()
        dribbling = threading.Thread(target=_dribble, args=(connection, drop, ended), daemon=True)
        dribbling.start()
        status, problem = _answer(connection)
        assert (status, problem["code"]) == (408, "request_timeout")
        ended.set()
        dribbling.join(20)
        assert _is_cut_off(connection, drop)


def _dribble(connection: socket.socket, drop: bytes, ended: threading.Event) -> None:
    while not ended.wait(0.05):
        connection.sendall(drop)


@pytest.mark.parametrize(("token", "status"), [("valid", 413), ("none", 401)])
def test_a_body_that_goes_on_after_the_answer(impatient: tuple[Server, Trial, str], token: str, status: int) -> None:
    server, trial, valid = impatient
    length = LIMIT + 1 if status == 413 else LIMIT - 1
    with contextlib.closing(_dial(server)) as connection:
        head = _head(trial, valid if token == "valid" else "none", f"Content-Length: {length}")
        connection.sendall(head)
        assert _answer(connection)[0] == status
        assert _is_cut_off(connection, b" ")


def test_an_answer_that_takes_long_is_not_cut_off(impatient: tuple[Server, Trial, str]) -> None:
    server, trial, token = impatient
    record = {"external_id": "patient", "participant_id": trial.participants[0], **FACTS["conversations"]}
    connection = server.connection()
    with strata_held(embedded_in(server.data_dir).url, 3):
        connection.request(
            "POST",
            f"/v1/trials/{trial.id}/conversations/batch",
            json.dumps({"records": [record]}),
            {**bearer(token), "Content-Type": "application/json"},
        )
        assert connection.getresponse().read().startswith(b'{"batch_id"')
    connection.request("GET", "/healthz", headers={})  # and the connection is still good
    assert connection.getresponse().status == 200
    connection.close()
