"""httpx helpers of the sync and the async client."""

from pathlib import Path
from typing import Final

import httpx

from rettevej_client.core import ConnectionFailure, Request, Response

TIMEOUT: Final = httpx.Timeout(120.0, connect=10.0)
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def base_url_of(url: str) -> httpx.URL:
    """Parse the register's address. Raises ``ValueError`` unless it is http(s)."""
    base = httpx.URL(url.rstrip("/"))
    if base.scheme not in ("http", "https") or not base.host:
        raise ValueError("the register's address begins with https:// or http://")
    return base


def request_headers(request: Request, token: str) -> dict[str, str]:
    """Return all headers of a request."""
    return {"Accept": "application/json", **request.headers, "Authorization": f"Bearer {token.strip()}"}


def to_response(response: httpx.Response, content: bytes) -> Response:
    """Convert a response of httpx whose content was read."""
    return Response(response.status_code, {name.lower(): value for name, value in response.headers.items()}, content)


def connection_failure(error: httpx.RequestError) -> ConnectionFailure:
    """Convert an error of httpx. Its text is dropped, because it may repeat what was sent."""
    return ConnectionFailure(type(error).__name__, sent=not isinstance(error, _NEVER_SENT))


def partial_path(path: Path) -> Path:
    """Return the path of a download that is not complete."""
    return path.with_name(f"{path.name}.part")
