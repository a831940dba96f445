"""``/``: the page for people, a client of the API like any other.

Its files lie in ``app/page`` and load nothing from anywhere else. Whoever signs in with an issuer does so in the
browser (authorisation code with PKCE); ``page/sign-in.json`` says with which.
"""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

_FILES: Final = Path(__file__).parents[2] / "page"
_ALWAYS: Final = {
    "Cache-Control": "no-cache",  # asked for anew, and mostly answered 304: a new version is seen at once
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class _Files(StaticFiles):
    """The page's files, each with the headers that the page has."""

    def file_response(self, *args: object, **options: object) -> Response:
        """As Starlette has it."""
        response = super().file_response(*args, **options)  # type: ignore[arg-type]
        response.headers.update(_ALWAYS)
        return response


def install(app: FastAPI, issuer: str | None, client_id: str | None, scope: str) -> None:
    """Serves the page at ``/`` and its files below ``/page``. Its paths are relative: a proxy's prefix does not matter.

    With an issuer and the page's client there, people sign in with it, and the page asks for ``scope``. The policy lets
    the page load nothing but its own files and talk to nobody but this service and that issuer; text that came from
    data can never become markup (Trusted Types).
    """
    if client_id is None:
        issuer = None
    headers = {**_ALWAYS, "Content-Security-Policy": policy(issuer)}
    sign_in = {"issuer": issuer, "client_id": client_id, "scope": scope if issuer else None}

    async def page(_: Request) -> Response:
        return FileResponse(_FILES / "index.html", headers=headers)

    async def how_to_sign_in(_: Request) -> Response:
        return JSONResponse(sign_in, headers=_ALWAYS)

    app.add_route("/", page, include_in_schema=False)
    app.add_route("/page/sign-in.json", how_to_sign_in, include_in_schema=False)
    app.mount("/page", _Files(directory=_FILES))


def policy(issuer: str | None) -> str:
    """The Content-Security-Policy; ``issuer`` may be asked for its endpoints and for tokens."""
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
