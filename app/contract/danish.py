"""Danish words for the terms, parameters and codes of the register."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

_WORDS: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "danish.json").read_text("utf-8"))
_PAGE: Final = Path(__file__).parents[1] / "page" / "texts" / "da.json"

TECHNICAL: Final = frozenset({"ReportSource", "AuditChain", "ReportLevel", "EffectWarning"})
"""Lists of codes about the service itself, which have no Danish words."""
TERMS: Final[Mapping[str, tuple[str, str]]] = {name: tuple(words) for name, words in _WORDS["terms"].items()}
"""The Danish word and the meaning of each English term."""
PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {name: tuple(words) for name, words in _WORDS["parameters"].items()}
"""The English and the Danish name of each parameter of a protocol."""


def danish(component: str, code: object) -> str | None:
    """Return the Danish word for a code of one of the contract's lists, or None if it has none."""
    page_words: Mapping[str, str] = _page_codes().get(component, {})
    other_words: Mapping[str, str] = _WORDS["codes"].get(component, {})
    return page_words.get(str(code)) or other_words.get(str(code))


@cache
def _page_codes() -> Mapping[str, Mapping[str, str]]:
    texts: dict[str, Any] = json.loads(_PAGE.read_text("utf-8"))
    codes: Mapping[str, Mapping[str, str]] = texts["codes"]
    return codes
