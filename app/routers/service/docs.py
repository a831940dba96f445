"""``/docs``: the contract in Swagger UI 5.35.0 (Apache 2.0), served without external resources.

``/docs/rules``: the protocols as a page, each value with its source.
"""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from app.protocols import protocols
from app.routers.service.rules_page import rules_page

_FILES: Final = Path(__file__).parents[2] / "static" / "swagger-ui"
_PAGE: Final = (Path(__file__).parent / "pages" / "contract.html").read_text("utf-8")
_POLICY: Final = (
    # Swagger UI writes style attributes and has icons as data; scripts come from files alone.
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def install(app: FastAPI) -> None:
    """Add the routes below ``/docs``. Paths are relative, so that the pages work behind a proxy with a prefix.

    The page calls no external validator and does not store the token.
    """

    async def page(_: Request) -> Response:
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})

    async def rules(request: Request) -> Response:
        return rules_page(request, protocols())

    app.add_route("/docs", page, include_in_schema=False)
    app.add_route("/docs/rules", rules, include_in_schema=False)
    app.mount("/docs/files", StaticFiles(directory=_FILES))
