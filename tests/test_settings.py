"""What the operator sets is read whole or refused, and never repeated."""

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from app.settings import Settings


def test_settings_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETTEVEJ_PORT", "9001")
    monkeypatch.setenv("RETTEVEJ_DATABASE_URL", "")
    monkeypatch.setenv("RETTEVEJ_LOG_LEVEL", "WARNING")
    monkeypatch.setenv("RETTEVEJ_WHATEVER", "x")
    settings = Settings()
    assert (settings.port, settings.database_url, settings.log_level) == (9001, None, "warning")
    assert Settings(port=9002).port == 9002
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"host": "127.9.9.9"}, True),
        ({"host": "::1"}, True),
        ({"host": "LocalHost"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "::"}, False),
        ({"host": "localhost.example"}, False),
        ({"host": "10.0.0.1"}, False),
        ({"database_url": "postgresql://db/x"}, False),
        ({"issuer": "https://issuer.example", "jwks_url": "https://issuer.example/keys"}, False),
    ],
    ids=str,
)
def test_when_tokens_may_be_made_here(changes: dict[str, Any], allowed: bool) -> None:
    assert Settings(**changes).local_issuer_allowed is allowed


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "hemmelig"},
        {"jwks_url": "https://hemmelig.example"},
        {"issuer": "x", "jwks_url": "http://hemmelig.example/keys"},
        {"database_url": "mysql://u:hemmelig@h/d"},
        {"report_database_url": "mysql://u:hemmelig@h/d"},
        {"database_url": "postgresql://u:hemmelig@h/d?pooler=statement"},
        {"master_key": "hemmelig"},
        {"port": 70_000},
        {"workers": 0},
    ],
    ids=str,
)
def test_faulty_settings_are_refused_and_not_repeated(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(**changes)
    assert "hemmelig" not in str(caught.value)


def test_the_master_key_in_its_spellings() -> None:
    key = bytes(range(224, 256))
    for text in [
        key.hex(),
        key.hex().upper(),
        base64.b64encode(key).decode(),
        base64.urlsafe_b64encode(key).decode().rstrip("="),
    ]:
        settings = Settings(master_key=text)  # as the environment gives it
        assert settings.master_key_bytes() == key
        assert text not in repr(settings)
    assert Settings().master_key_bytes() is None
