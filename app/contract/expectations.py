"""Expectations: what a place of a request accepts, as a phrase made from the JSON schema of the contract.

>>> Expectations({}).phrase([{"type": "integer", "minimum": 0}], "en")
'an integer, from 0'
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from app.contract.danish import PATTERNS, SENTENCES, Language

Node = Mapping[str, Any]
_UNBOUNDED: Final = 2**31 - 1
"""An upper bound from here on is that of an integer type, which says nothing to people."""


class Expectations:
    """Reader of the schemas of a contract. ``schemas`` are its components, by name."""

    def __init__(self, schemas: Node) -> None:
        self._schemas = schemas

    def at(self, nodes: Sequence[Node], pointer: str) -> list[Node]:
        """Return the schemas at a JSON pointer below any of ``nodes``; none if the contract has no such place."""
        found = list(self._alternatives(nodes))
        for token in pointer.split("/")[1:]:
            found = list(self._alternatives(self._children(found, token)))
        return found

    def names(self, nodes: Sequence[Node]) -> list[str]:
        """Return the names of all fields of objects."""
        return list(dict.fromkeys(name for node in self._alternatives(nodes) for name in node.get("properties", {})))

    def phrase(self, nodes: Sequence[Node], language: Language) -> str:
        """Return what the schemas accept, such as "one of held, no_show"; empty if they accept anything."""
        phrases = dict.fromkeys(self._phrase(node, language) for node in self._alternatives(nodes))
        return SENTENCES["or"][language].join(filter(None, phrases))

    def _children(self, nodes: Iterable[Node], token: str) -> Iterator[Node]:
        for node in nodes:
            if token in node.get("properties", {}):
                yield node["properties"][token]
            elif token.isdigit() and isinstance(node.get("items"), Mapping):
                yield node["items"]

    def _alternatives(self, nodes: Iterable[Node]) -> Iterator[Node]:
        """Yield the schemas without references, unions and null."""
        for node in nodes:
            if "$ref" in node:
                name = node["$ref"].rpartition("/")[2]
                yield from self._alternatives([self._schemas.get(name, {})])
            elif members := node.get("anyOf") or node.get("oneOf") or node.get("allOf"):
                yield from self._alternatives(members)
            elif node.get("type") != "null":
                yield node

    def _phrase(self, node: Node, language: Language) -> str:
        if "enum" in node or "const" in node:
            values = [json.dumps(value).strip('"') for value in node.get("enum", [node.get("const")])]
            return values[0] if len(values) == 1 else _sentence("one_of", language, values=", ".join(values))
        types = node.get("type", "")
        kind: str = next((name for name in types if name != "null"), "") if isinstance(types, list) else types
        if node.get("pattern") in PATTERNS:
            return PATTERNS[node["pattern"]][language]
        if node.get("format") in SENTENCES:
            return _sentence(node["format"], language)
        if kind == "string":
            return _sized("text", node.get("minLength"), node.get("maxLength"), language)
        if kind == "array":
            return self._list(node, language)
        if kind in ("integer", "number"):
            return _number(kind, node, language)
        return _sentence(kind, language) if kind in SENTENCES else ""

    def _list(self, node: Node, language: Language) -> str:
        sized = _sized("list", node.get("minItems"), node.get("maxItems"), language)
        expected = self.phrase([node.get("items", {})], language)
        return _sentence("list_of", language, list=sized, expected=expected) if expected else sized


def _sentence(name: str, language: Language, **values: object) -> str:
    return SENTENCES[name][language].format(**values)


def _sized(name: str, low: int | None, high: int | None, language: Language) -> str:
    if high is None:
        return _sentence(name, language)
    sentence = f"{name}_between" if low else f"{name}_at_most"
    return _sentence(sentence, language, low=low, high=_figure(high, language))


def _number(kind: str, node: Node, language: Language) -> str:
    parts = [_sentence(kind, language)]
    if "minimum" in node:
        parts.append(_sentence("from", language, bound=_figure(node["minimum"], language)))
    if "exclusiveMinimum" in node:
        parts.append(_sentence("above", language, bound=_figure(node["exclusiveMinimum"], language)))
    if node.get("maximum", _UNBOUNDED) < _UNBOUNDED:
        parts.append(_sentence("at_most", language, bound=_figure(node["maximum"], language)))
    if "x-decimals" in node:
        parts.append(_sentence("decimals", language, bound=node["x-decimals"]))
    return ", ".join(parts)


def _figure(number: float, language: Language) -> str:
    if number != int(number):
        return str(number).replace(".", "," if language == "da" else ".")
    return f"{int(number):,}".replace(",", "." if language == "da" else ",")
