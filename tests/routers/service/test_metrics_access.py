"""Who may read `/metrics`: this machine, and who has the operator's token."""

from types import SimpleNamespace

import pytest
from fastapi import Request
from pydantic import SecretStr

from app.routers.service.health import _may_read_metrics


def may_read(address: str, authorization: str = "", token: str | None = None) -> bool:
    state = SimpleNamespace(metrics_token=None if token is None else SecretStr(token))
    return _may_read_metrics(
        Request(
            {
                "type": "http",
                "client": (address, 50_000),
                "headers": [(b"authorization", authorization.encode())],
                "app": SimpleNamespace(state=state),
            }
        )
    )


@pytest.mark.parametrize(
    ("address", "authorization", "token", "allowed"),
    [
        ("127.0.0.1", "", None, True),
        ("::1", "", "secret", True),
        ("192.0.2.1", "", None, False),
        ("192.0.2.1", "Bearer ", None, False),
        ("192.0.2.1", "Bearer None", None, False),
        ("192.0.2.1", "", "secret", False),
        ("192.0.2.1", "Bearer wrong", "secret", False),
        ("192.0.2.1", "Bearer secret", "secret", True),
    ],
)
def test_who_reads_the_metrics(address: str, authorization: str, token: str | None, allowed: bool) -> None:
    assert may_read(address, authorization, token) is allowed
