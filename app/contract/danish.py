"""Danish words for the terms, parameters and codes of the register, and sentences of errors in both languages."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

_WORDS: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "danish.json").read_text("utf-8"))
_MEANINGS: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "meanings.json").read_text("utf-8"))
_EXAMPLES: Final = Path(__file__).parent / "problem_examples.json"
_PAGE: Final = Path(__file__).parents[1] / "page" / "texts" / "da.json"

TECHNICAL: Final = frozenset(
    {"Execution", "ReportSource", "AuditChain", "ReportLevel", "EffectWarning", "TableDialect"}
)
"""Lists of codes about the service itself, which have no Danish words."""
TERMS: Final[Mapping[str, tuple[str, str]]] = {name: tuple(words) for name, words in _WORDS["terms"].items()}
"""The Danish word and the meaning of each English term."""
PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {name: tuple(words) for name, words in _WORDS["parameters"].items()}
"""The English and the Danish name of each parameter of a protocol."""

Language = Literal["en", "da"]
SENTENCES: Final[Mapping[str, Mapping[Language, str]]] = {
    name: {"en": english, "da": danish} for name, (english, danish) in _MEANINGS["sentences"].items()
}
"""Sentences about what is valid, with places for names and bounds of the contract."""
PATTERNS: Final[Mapping[str, Mapping[Language, str]]] = {
    name: {"en": english, "da": danish} for name, (english, danish) in _MEANINGS["patterns"].items()
}
"""What each regular expression of the contract's requests accepts."""
MEANINGS: Final[Mapping[str, str]] = _MEANINGS["meanings"]
"""The Danish meaning of each code of a fault or a problem."""
CODE_EXAMPLES: Final[Mapping[str, Mapping[str, str]]] = json.loads(_EXAMPLES.read_text("utf-8"))
"""For each code of a problem, excerpts of requests: what is wrong, and what is right."""


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
