"""What the sync and the async client have in common on the side of httpx."""

from pathlib import Path
from typing import Final

import httpx

from rettevej_client.core import ConnectionFailure, Reply, Request

TIMEOUT: Final = httpx.Timeout(120.0, connect=10.0)
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def base_of(url: str) -> httpx.URL:
    """The register's address. ValueError for one that is not http(s)."""
    base = httpx.URL(url.rstrip("/"))
    if base.scheme not in ("http", "https") or not base.host:
        raise ValueError("the register's address begins with https:// or http://")
    return base


def headers_of(request: Request, token: str) -> dict[str, str]:
    """All headers of a request."""
    return {"Accept": "application/json", **request.headers, "Authorization": f"Bearer {token.strip()}"}


def reply_of(response: httpx.Response, content: bytes) -> Reply:
    """An answer that was read."""
    return Reply(response.status_code, {name.lower(): value for name, value in response.headers.items()}, content)


def lost_of(error: httpx.RequestError) -> ConnectionFailure:
    """What is known of a request without an answer. The error's own text is left behind: it is not ours."""
    return ConnectionFailure(type(error).__name__, sent=not isinstance(error, _NEVER_SENT))


def part_of(path: Path) -> Path:
    """Where a file grows until it is whole."""
    return path.with_name(f"{path.name}.part")
