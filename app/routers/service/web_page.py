"""``/``: the web page, a client of the API.

Its files are in ``app/page`` and load no external resource. Users sign in in the browser (authorisation code with PKCE)
at the issuer that ``page/sign-in.json`` names.
"""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

_FILES: Final = Path(__file__).parents[2] / "page"
_HEADERS: Final = {
    "Cache-Control": "no-cache",  # revalidated each time, so that a new version appears at once
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class _Files(StaticFiles):
    """Static files with the headers of the page."""

    def file_response(self, *args: object, **options: object) -> Response:
        """Return Starlette's response with the headers of the page."""
        response = super().file_response(*args, **options)  # type: ignore[arg-type]
        response.headers.update(_HEADERS)
        return response


def install(app: FastAPI, issuer: str | None, client_id: str | None, scope: str) -> None:
    """Add ``/`` and its files below ``/page``. Paths are relative, so that the page works behind a proxy with a prefix.

    With an issuer and a client id, users sign in at the issuer, and the page requests ``scope``. The policy allows
    only the page's own files, and requests to this service and the issuer. Trusted Types prevent markup from data.
    """
    link = issuer is None  # of a local start: its links sign in (app/cli/main.py)
    if client_id is None:
        issuer = None
    headers = {**_HEADERS, "Content-Security-Policy": policy(issuer)}
    sign_in = {"issuer": issuer, "client_id": client_id, "scope": scope if issuer else None, "link": link}

    async def page(_: Request) -> Response:
        return FileResponse(_FILES / "index.html", headers=headers)

    async def sign_in_settings(_: Request) -> Response:
        return JSONResponse(sign_in, headers=_HEADERS)

    app.add_route("/", page, include_in_schema=False)
    app.add_route("/page/sign-in.json", sign_in_settings, include_in_schema=False)
    app.mount("/page", _Files(directory=_FILES))


def policy(issuer: str | None) -> str:
    """Return the Content-Security-Policy, which allows requests to ``issuer``."""
    parts = urlsplit(issuer or "")
    origin = f" {parts.scheme}://{parts.netloc}" if issuer else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "font-src 'self'",
            "img-src 'self' blob:",
            f"connect-src 'self'{origin}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
