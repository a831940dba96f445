"""A client that offers another protocol is answered in HTTP/1.1, with its body read (wild B14)."""

import json
import socket
from pathlib import Path

import pytest

from app.web.tokens import LocalIssuer
from tests.faults.harness import Server
from tests.faults.load import Trial
from tests.faults.test_slow_clients import _answer, _batch, _dial

pytestmark = pytest.mark.slow  # it starts servers

UPGRADES = ("Upgrade: h2c", "upgrade: websocket", "UPGRADE:  h2c, foo")


def _request(trial: Trial, token: str, upgrade: str, body: bytes) -> bytes:
    head = [
        f"POST /v1/trials/{trial.id}/conversations/batch HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade, HTTP2-Settings",
        upgrade,
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_the_body_of_a_request_that_offers_an_upgrade_is_read(prepared: tuple[Path, Trial], piece: int) -> None:
    directory, trial = prepared
    with Server(directory) as server:
        token = LocalIssuer.load_or_create(directory).token("case-system", "upgrade")
        with _dial(server) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for number, upgrade in enumerate(UPGRADES):  # one connection: the second head is found too
                sent, body = _batch(trial, f"upgrade-{piece}-{number}")
                request = _request(trial, token, upgrade, body)
                edge = len(request) - len(body) + 20
                for start in range(0, edge, piece):
                    connection.sendall(request[start : min(start + piece, edge)])
                connection.sendall(request[edge:])
                status, report = _answer(connection)
                assert status == 207, json.dumps(report)
                assert report["received"] == len(sent.external_ids)
        server.stop()
