"""Settings of the operator; the only module that reads the environment.

Every field is the environment variable ``RETTEVEJ_<NAME>``; options of the command line override it. An empty variable
counts as absent. Invalid values raise pydantic's ``ValidationError``, whose text never repeats the value (a database
URL has a password, the master key is a secret).
"""

import base64
import binascii
import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MASTER_KEY_BYTES = 32
DATABASE_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
POOLERS = frozenset({"transaction", "session"})

LogLevel = Literal["debug", "info", "warning", "error"]


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach ``host``: 127.0.0.0/8, ::1, or the name localhost."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def decode_master_key(text: str) -> bytes:
    """Decode 32 bytes from 64 hexadecimal digits or base64 (plain or URL-safe, padded or not).

    Raises ValueError, without the text.
    """
    text = text.strip()
    try:
        if len(text) == 2 * MASTER_KEY_BYTES:
            key = bytes.fromhex(text)
        else:
            plain = text.rstrip("=").replace("-", "+").replace("_", "/")
            key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise ValueError("The master key must be 32 bytes, written as 64 hexadecimal digits or as base64.")
    return key


class Settings(BaseSettings):
    """Settings of one start; immutable."""

    model_config = SettingsConfigDict(
        env_prefix="RETTEVEJ_", env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    host: str = Field(default="127.0.0.1", min_length=1, description="The address to listen on.")
    port: int = Field(default=8000, ge=0, le=65_535, description="The port to listen on; 0 takes a free one.")
    workers: int = Field(default=1, ge=1, le=64, description="Processes that answer.")
    data_dir: Path = Field(default=Path(".rettevej"), description="The embedded database and the keys made here.")
    database_url: str | None = Field(
        default=None, repr=False, description="A PostgreSQL server; without it the embedded one."
    )
    report_database_url: str | None = Field(
        default=None, repr=False, description="A standby of that server, from which reports are read."
    )
    pool_size: int = Field(default=10, ge=1, le=200, description="Database connections of one worker.")
    protocols: Path | None = Field(
        default=None, description="A folder of protocols (TOML files) beside those that come with the register."
    )
    issuer: str | None = Field(default=None, description="The `iss` of the tokens that are accepted.")
    jwks_url: str | None = Field(default=None, description="Where the issuer publishes its keys.")
    audience: str = Field(default="rettevej", min_length=1, description="The `aud` that a token must carry.")
    page_client_id: str | None = Field(
        default=None,
        description="The client by which people sign in to the page with the issuer: public, code with PKCE.",
    )
    page_scope: str = Field(
        default="openid participants:read conversations:write activations:write reports:read audit:read",
        description="The scopes that the page asks the issuer for.",
    )
    master_key: SecretStr | None = Field(
        default=None, description="Wraps the keys of persons: 32 bytes, hexadecimal or base64."
    )
    metrics_token: SecretStr | None = Field(
        default=None, description="Bearer token for `/metrics` from other machines, which get none without it."
    )
    log_level: Annotated[LogLevel, BeforeValidator(lambda v: v.lower() if isinstance(v, str) else v)] = "info"
    otlp_endpoint: str | None = Field(
        default=None, description="Where traces are sent: http://collector:4318/v1/traces."
    )
    rate_limit: float = Field(
        default=500.0, ge=0, description="Requests a second of one client and worker; 0 is no limit."
    )
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, description="The largest body of a request.")
    max_held_bytes: int = Field(
        default=80 * 1024 * 1024,
        ge=1024,
        description="Bytes of unfinished bodies, and of unread responses, in one worker; half of them of one address.",
    )
    max_connections: int = Field(default=256, ge=1, description="Connections of one address to one worker.")
    head_seconds: float = Field(default=15.0, gt=0, description="How long the headers of a request may take.")
    body_seconds: float = Field(
        default=120.0, gt=0, description="How long the body of a request may take, or a client read none of a response."
    )

    @field_validator("database_url", "report_database_url")
    @classmethod
    def _postgres(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in DATABASE_SCHEMES:
            raise ValueError("The database must be PostgreSQL: postgresql://user@host/name.")
        if not set(parse_qs(parts.query).get("pooler", [])) <= POOLERS:
            raise ValueError("A pooler in front of the database is pooler=transaction or pooler=session.")
        return url

    @field_validator("jwks_url")
    @classmethod
    def _safe_jwks_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        plain_but_local = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if not parts.hostname or not (parts.scheme == "https" or plain_but_local):
            raise ValueError("The keys of the issuer must come over https (or http from this machine).")
        return url

    @field_validator("master_key")
    @classmethod
    def _whole_master_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            decode_master_key(key.get_secret_value())
        return key

    @model_validator(mode="after")
    def _issuer_is_whole(self) -> Self:
        if (self.issuer is None) != (self.jwks_url is None):
            raise ValueError("RETTEVEJ_ISSUER and RETTEVEJ_JWKS_URL go together: set both, or neither.")
        if self.page_client_id is not None and self.issuer is None:
            raise ValueError("RETTEVEJ_PAGE_CLIENT_ID is a client of the issuer: set RETTEVEJ_ISSUER too.")
        return self

    @property
    def local_issuer_allowed(self) -> bool:
        """Whether this start may sign its own tokens: no issuer is set, only this machine can connect, and the
        database is the embedded one (api.md, "Who may do what")."""
        return self.issuer is None and self.database_url is None and is_loopback(self.host)

    def master_key_bytes(self) -> bytes | None:
        """Return the 32 bytes of the master key, or None if it is not set."""
        return None if self.master_key is None else decode_master_key(self.master_key.get_secret_value())
