"""Clients that are slow, stop half-way, never end or go away: the others are served, nothing is stored in part."""

import contextlib
import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.web.tokens import LocalIssuer
from tests.faults.figures import Figures, figures_at_rest
from tests.faults.harness import BATCH, FACTS, Server, wait_for
from tests.faults.load import Load, Sent, Trial

Place = tuple[Path, Trial, LocalIssuer]
LIMIT = 1_000_000


def _dial(server: Server) -> socket.socket:
    url = httpx.URL(server.url)
    assert url.port is not None
    return socket.create_connection((url.host, url.port), timeout=20)


def _head(trial: Trial, token: str, *lines: str) -> bytes:
    first = f"POST /v1/trials/{trial.id}/conversations/batch HTTP/1.1"
    fields = ["Host: localhost", f"Authorization: Bearer {token}", "Content-Type: application/json", *lines]
    return "\r\n".join([first, *fields, "", ""]).encode()


def _batch(trial: Trial, name: str) -> tuple[Sent, bytes]:
    """A batch that is known to the test, and its body."""
    ids = [f"{name}-{place}" for place in range(BATCH)]
    records = [{"external_id": each, "participant_id": trial.participants[0], **FACTS["conversations"]} for each in ids]
    return Sent("conversations", ids, records), json.dumps({"records": records}).encode()


def _endless(body: bytes) -> Iterator[bytes]:
    """A batch whose last chunk never comes."""
    yield body[:-2]
    while True:
        yield b" " * 50_000


def _wait_for_answer(connection: socket.socket, sent: Iterator[bytes]) -> tuple[int, Any, int]:
    """Sends chunks until there is an answer: its status and body, and how many bytes were sent before."""
    bytes_sent = 0
    while not select.select([connection], [], [], 0)[0]:
        chunk = next(sent)
        connection.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        bytes_sent += len(chunk)
        assert bytes_sent < 50 * LIMIT
    return *_answer(connection), bytes_sent


def _answer(connection: socket.socket) -> tuple[int, Any]:
    response = HTTPResponse(connection)
    response.begin()
    return response.status, json.loads(response.read())


def _misbehave(place: Place, keep: Callable[[Figures], None], each: int, seconds: float, batches: int) -> None:
    directory, trial, issuer = place
    token = issuer.token("case-system", "slow")
    with Server(directory, max_body_bytes=str(LIMIT)) as server, ExitStack() as connections:
        memory = server.resident()
        aside = Load([server.url], trial, issuer)
        trickling: list[tuple[socket.socket, bytes]] = []
        for number in range(each):
            half, slow, gone = (connections.enter_context(_dial(server)) for _ in range(3))
            half.sendall(_head(trial, token)[:-4])  # headers that never end
            batch, body = _batch(trial, f"slow-{number}")
            aside.sent.append(batch)
            slow.sendall(_head(trial, token, f"Content-Length: {len(body)}"))
            trickling.append((slow, body[: len(body) // 2]))
            batch, body = _batch(trial, f"gone-{number}")
            aside.sent.append(batch)
            gone.sendall(_head(trial, token, f"Content-Length: {len(body)}") + body[: len(body) // 2])
            gone.close()
            batch, body = _batch(trial, f"whole-{number}")  # sent in full; nobody waits for the answer
            aside.sent.append(batch)
            with contextlib.closing(_dial(server)) as hasty:
                hasty.sendall(_head(trial, token, f"Content-Length: {len(body)}") + body)
        with Load([server.url], trial, issuer, threads=2, most=20_000) as load:
            until = time.monotonic() + seconds
            place_in_body = 0
            while time.monotonic() < until or load.acknowledged < batches:
                for connection, body in trickling:
                    connection.sendall(body[place_in_body : place_in_body + 1])
                place_in_body += 1
                time.sleep(0.05)
            for number in range(each):
                endless, named = (connections.enter_context(_dial(server)) for _ in range(2))
                batch, body = _batch(trial, f"endless-{number}")
                aside.sent.append(batch)
                endless.sendall(_head(trial, token, "Transfer-Encoding: chunked"))
                status, problem, size = _wait_for_answer(endless, _endless(body))
                # One address holds 40 MiB of bodies at most; what more comes then is refused.
                refused = [(413, "too_large")] if number < 10 else [(413, "too_large"), (429, "rate_limited")]
                assert (status, problem["code"]) in refused
                assert size > 64 * 1024
                named.sendall(_head(trial, token, f"Content-Length: {LIMIT + 1}"))
                assert _answer(named)[0] == 413
        wait_for(lambda: server.in_use() == 0, "no connection to the database is kept")
        # What is read of each endless body, up to the limit, is held until its connection is closed.
        assert server.resident() - memory < 50_000_000 + each * LIMIT
        connections.close()
        assert server.status("/readyz") == 200
        server.stop()
        assert "Traceback" not in server.log()
        figures = figures_at_rest(directory, load, aside)
    keep(figures)
    figures.all_is_well(at_least=batches)
    assert figures.unanswered <= each  # those that did not wait for their answer


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_the_others_are_served_for_longer(place: Place, keep: Callable[[Figures], None]) -> None:
    _misbehave(place, keep, each=100, seconds=15, batches=40)
