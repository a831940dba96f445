"""``/docs``: the contract in Swagger UI 5.35.0 (Apache 2.0), served without external resources.

``/docs/rules``: the protocols as a page, each value with its source.
"""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from app.protocols import protocols
from app.routers.service.html_pages import rules_page

_FILES: Final = Path(__file__).parents[2] / "static" / "swagger-ui"
_ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M2 13 L7 3 L9 8 L14 4' fill='none' stroke='%231b6e53' stroke-width='2'/%3E%3C/svg%3E"
)


def install(app: FastAPI) -> None:
    """Add the routes below ``/docs``. Paths are relative, so that the pages work behind a proxy with a prefix.

    The page calls no external validator and does not store the token.
    """

    async def page(_: Request) -> Response:
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title="rettevej – the contract",
            swagger_js_url="docs/files/swagger-ui-bundle.js",
            swagger_css_url="docs/files/swagger-ui.css",
            swagger_favicon_url=_ICON,
            swagger_ui_parameters={
                "validatorUrl": None,
                "persistAuthorization": False,
                "docExpansion": "list",
                "defaultModelsExpandDepth": 0,
                "displayRequestDuration": True,
                "filter": True,
            },
        )

    async def rules(request: Request) -> Response:
        return rules_page(request, protocols())

    app.add_route("/docs", page, include_in_schema=False)
    app.add_route("/docs/rules", rules, include_in_schema=False)
    app.mount("/docs/files", StaticFiles(directory=_FILES))
