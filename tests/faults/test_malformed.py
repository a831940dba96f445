"""Malformed requests over all operations: refused, never echoed, and they leave no memory behind."""

import re
from collections import Counter
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import httpx
import jwt
import pytest

from app.web.auth import ROLES
from app.web.tokens import LocalIssuer
from tests.faults.harness import Server
from tests.faults.load import Trial
from tests.faults.malformed import MARK, Maker, Malformed, operations_of

STORED = frozenset({200, 201})
"""With these a record is shown that stands, and so by its client's own id for it."""
Place = tuple[Path, Trial, LocalIssuer]
_GROWTH = 60_000_000


def _send(connection: HTTPConnection, each: Malformed) -> tuple[int, bytes]:
    """The status, and all that was answered. By http.client, which lets more through than httpx.

    A long body may be answered and its connection closed while it is still being sent; then the answer lies there to be
    read, or, where the network was quicker than we, is lost: status 0.
    """
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.request(each.method, each.path, body=each.body, headers=dict(each.headers))
    try:
        response = connection.getresponse()
        return response.status, response.read() + str(response.headers).encode()
    except (BrokenPipeError, ConnectionResetError):
        connection.close()
        return 0, b""


def _without_ids(shown: bytes) -> bytes:
    """A batch's report names each record by the id that its client gave it."""
    return re.sub(rb'"external_id":"(?:[^"\\]|\\.)*"', b"", shown)


def _token_of_everything(issuer: LocalIssuer) -> str:
    """A token with the scopes of all roles, so that what is behind them is reached."""
    claims = jwt.decode(issuer.token("case-system"), options={"verify_signature": False})
    scopes = {scope for role in ROLES.values() for scope in role.scopes}
    headers = {"typ": "at+jwt", "kid": issuer.kid}
    return jwt.encode({**claims, "scope": " ".join(sorted(scopes))}, issuer._key, algorithm="ES256", headers=headers)


def _load_libraries(server: Server, trial: str, token: str, report: str) -> None:
    path, _, suffix = report.partition(".")
    accept = "application/vnd.apache.parquet" if suffix else "application/json"
    headers = {"Authorization": f"Bearer {token}", "Accept": accept}
    httpx.get(f"{server.url}/v1/trials/{trial}/{path}", headers=headers, timeout=60)


def _send_all(place: Place, number: int) -> None:
    directory, trial, issuer = place
    tokens = [_token_of_everything(issuer)] * 18 + [issuer.token(role) for role in ROLES]
    known = {"trial": trial.id, "participant_id": trial.participants[0], "week": "2011-W01"}
    answers: Counter[int] = Counter()
    resident: list[int] = []
    with Server(directory, rate_limit="0") as server, closing(server.connection()) as connection:
        operations = operations_of(httpx.get(f"{server.url}/openapi.json").json())
        assert len(operations) > 40
        for report in ("effects", "person-weeks.parquet"):  # their libraries are no growth
            _load_libraries(server, trial.id, tokens[0], report)
        maker = Maker(operations, known | {"id": trial.participants[0]}, tokens, 1)
        for place_in_run, each in enumerate(maker.requests(number)):
            status, shown = _send(connection, each)
            answers[status] += 1
            assert status < 500, (status, each)
            assert status in STORED or MARK.encode() not in _without_ids(shown), (shown, each)
            if place_in_run % (number // 10) == 0:
                resident.append(server.resident())
        resident.append(server.resident())
        assert server.status("/readyz") == 200
        assert server.in_use() == 0
        server.stop()
        assert "Traceback" not in server.log()
        assert MARK not in server.log()
    figures = ", ".join(f"{status}: {times}" for status, times in sorted(answers.items()))
    print(f"\n{number} malformed requests over {len(operations)} operations; {figures}")  # noqa: T201 - what it is for
    print("resident MB:", ", ".join(str(size // 1_000_000) for size in resident))  # noqa: T201 - as above
    assert answers[0] <= number // 100
    assert resident[-1] - resident[len(resident) // 2] < _GROWTH


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_ten_thousand_malformed_requests(place: Place) -> None:
    _send_all(place, 10_000)
