"""Pages to be read that come with the contract: what a problem means, and the rules with their sources.

They load nothing, run nothing, and say the same as the JSON beside them.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.contract.danish import PARAMETERS, danish
from app.domain.codes import CODES, ENUMERATIONS
from app.domain.protocol import Protocol
from app.routers.common.services import digest, etag_response

HTML: Final = "text/html"
_HERE: Final = Path(__file__).parent / "pages"
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_STYLE: Final = (_HERE / "style.css").read_text("utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_WORDS_OF: Final[Mapping[str, str]] = {
    "accepted_forms": "ConversationForm",
    "in_person_forms": "ConversationForm",
    "accepted_conductors": "ConductedBy",
    "remote_grounds": "RemoteGround",
    "reduced_hours_reasons": "ReducedHoursReason",
    "sufficient_not_workplace_reasons": "NotWorkplaceReason",
    "channels": "Channel",
}
"""The list of codes that a parameter's values are from."""


def html_page(request: Request, template: str, **values: Any) -> Response:
    """A page of a template, with an ETag."""
    # Markup: the style is a file of ours, and its characters must be those that the policy has the hash of.
    text = _TEMPLATES.get_template(template).render(style=Markup(_STYLE), **values)  # noqa: S704
    content = text.encode()
    response = etag_response(request, content, f"{HTML}; charset=utf-8", digest(content))
    response.headers.update(_HEADERS)
    return response


def rules_page(request: Request, protocols: Mapping[str, Protocol]) -> Response:
    """Every protocol: its parameters and rules of eligibility, each beside its source (domain 6)."""
    shown = [_protocol(each.document) for each in protocols.values()]
    return html_page(request, "rules.html", title="The rules", protocols=shown)


def _protocol(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": document["id"],
        "title": document["title"],
        "description": document.get("description", ""),
        "parameters": [_parameter(name, entry) for name, entry in document["parameters"].items()],
        "eligibility": [_rule(code, entry) for code, entry in document.get("eligibility", {}).items()],
    }


def _parameter(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    english, word = PARAMETERS[name]
    values = list(_values(name, entry["value"]))
    return {"name": name, "english": english, "danish": word, "values": values, "source": entry["source"]}


def _values(name: str, value: Any) -> Iterator[dict[str, str | None]]:
    """The value, or each of several: a code with what it means, in Danish where there is a word."""
    if isinstance(value, list) and value:
        component = _WORDS_OF.get(name, "")
        meaning = ENUMERATIONS[component].meaning if component else {}
        for code in value:
            yield {"text": meaning.get(code, str(code)), "danish": danish(component, code)}
    elif isinstance(value, Mapping):
        for part, number in value.items():
            yield {"text": f"{part}: {number}", "danish": None}
    elif isinstance(value, bool):
        yield {"text": "yes" if value else "no", "danish": "ja" if value else "nej"}
    else:
        yield {"text": str(value).replace("_", " ") if value != [] else "none", "danish": None}


def _rule(code: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of eligibility. An operator's protocol may have codes of its own, with a sentence of their own."""
    meaning = CODES["FailureCode"].meaning.get(code) or entry.get("detail", code)
    terms = {name: value for name, value in entry.items() if name not in ("check", "source", "detail")}
    shown = ", ".join(
        f"{name.replace('_', ' ')}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in terms.items()
    )
    return {
        "code": code,
        "meaning": meaning,
        "danish": danish("FailureCode", code) or "–",
        "terms": shown or "–",
        "source": entry["source"],
    }
