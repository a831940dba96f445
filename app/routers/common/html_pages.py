"""HTML pages beside JSON resources. They load no other resource and run no script."""

import base64
import hashlib
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.routers.common.services import digest, etag_response

HTML: Final = "text/html"
_HERE: Final = Path(__file__).parent / "pages"
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_STYLE: Final = (_HERE / "style.css").read_text("utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
}


def html_page(request: Request, template: str, **values: Any) -> Response:
    """Render a template and respond with the page and its ETag."""
    # Markup: the style is a constant file, and the policy has the hash of its exact characters.
    text = _TEMPLATES.get_template(template).render(style=Markup(_STYLE), **values)  # noqa: S704
    content = text.encode()
    response = etag_response(request, content, f"{HTML}; charset=utf-8", digest(content))
    response.headers.update(_HEADERS)
    return response
