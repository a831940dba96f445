"""The page of the rules with their sources: the content of the JSON resource of protocols."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import Request, Response

from app.contract.danish import PARAMETERS, danish
from app.domain.codes import CODES, ENUMERATIONS
from app.domain.codes.failures import FAILURE_DETAILS
from app.domain.codes.parameters import PARAMETER_MEANINGS
from app.domain.codes.rule_sources import RULE_SOURCES
from app.domain.protocol import Protocol
from app.routers.common.html_pages import html_page

_CODE_LISTS: Final[Mapping[str, str]] = {
    "accepted_forms": "ConversationForm",
    "in_person_forms": "ConversationForm",
    "accepted_conductors": "ConductedBy",
    "remote_grounds": "RemoteGround",
    "reduced_hours_reasons": "ReducedHoursReason",
    "sufficient_not_workplace_reasons": "NotWorkplaceReason",
    "channels": "Channel",
}
"""Code list of each parameter whose values are codes."""


def rules_page(request: Request, protocols: Mapping[str, Protocol]) -> Response:
    """Respond with a page of every protocol's parameters and rules with sentences and sources (domain 3 to 6)."""
    documents = [_protocol(protocol.document) for protocol in protocols.values()]
    rules = [_code_rules(component) for component in ("WeekState", "DeviationCode", "WarningCode")]
    return html_page(request, "rules.html", title="The rules", protocols=documents, rules=rules)


def _protocol(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows of a protocol: every parameter, set or not, and every rule of eligibility."""
    return {
        "id": document["id"],
        "title": document["title"],
        "description": document.get("description", ""),
        "parameters": [_parameter(name, document["parameters"].get(name)) for name in PARAMETER_MEANINGS],
        "eligibility": [
            *(_rule(code, entry) for code, entry in document.get("eligibility", {}).items()),
            *(_rule(code, {"source": source}) for code, source in RULE_SOURCES["FailureCode"].items()),
        ],
    }


def _parameter(name: str, entry: Mapping[str, Any] | None) -> dict[str, Any]:
    english, word = PARAMETERS[name]
    values = [{"text": "not set", "danish": "ikke sat"}] if entry is None else list(_values(name, entry["value"]))
    source = "–" if entry is None else entry["source"]
    sentence = PARAMETER_MEANINGS[name]
    return {"name": name, "english": english, "sentence": sentence, "danish": word, "values": values, "source": source}


def _code_rules(component: str) -> dict[str, Any]:
    """Return the rules of a list of codes, which all protocols share."""
    codes = CODES.get(component) or ENUMERATIONS[component]
    return {
        "about": codes.about,
        "rows": [
            {"code": code, "sentence": codes.meaning[code], "danish": danish(component, code), "source": source}
            for code, source in RULE_SOURCES[component].items()
        ],
    }


def _values(name: str, value: Any) -> Iterator[dict[str, str | None]]:
    """Yield the values of a parameter; a code as its meaning, with the Danish word if there is one."""
    if isinstance(value, list) and value:
        component = _CODE_LISTS.get(name, "")
        meaning = ENUMERATIONS[component].meaning if component else {}
        for code in value:
            yield {"text": meaning.get(code, str(code)).replace("*", ""), "danish": danish(component, code)}
    elif isinstance(value, Mapping):
        for part, number in value.items():
            yield {"text": f"{part}: {number}", "danish": None}
    elif isinstance(value, bool):
        yield {"text": "yes" if value else "no", "danish": "ja" if value else "nej"}
    else:
        yield {"text": str(value).replace("_", " ") if value != [] else "none", "danish": None}


def _rule(code: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule of eligibility. An operator's protocol may have its own codes, described by its own sentences."""
    terms = {name: value for name, value in entry.items() if name not in ("check", "source", "detail")}
    terms_text = ", ".join(
        f"{name.replace('_', ' ')}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in terms.items()
    )
    return {
        "code": code,
        "sentence": FAILURE_DETAILS.get(code) or entry.get("detail") or CODES["FailureCode"].meaning.get(code, code),
        "danish": danish("FailureCode", code) or "–",
        "terms": terms_text or "–",
        "source": entry["source"],
    }
