"""The page's words: the same in both languages, and for every code of the contract."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.contract.vocabulary import CODE_LISTS
from app.domain.facts import KINDS

PAGE = Path(__file__).parents[2] / "app" / "page"
TEXTS: dict[str, Any] = {code: json.loads((PAGE / "texts" / f"{code}.json").read_text()) for code in ("da", "en")}
MEANINGS = {name: {str(code): text for code, text in words.meaning.items()} for name, words in CODE_LISTS.items()}


def keys(node: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, value in node.items():
        yield from keys(value, f"{before}{name}.") if isinstance(value, dict) else [before + name]


def test_both_languages_say_the_same_things() -> None:
    assert list(keys(TEXTS["da"])) == list(keys(TEXTS["en"]))


@pytest.mark.parametrize("language", TEXTS)
def test_every_code_that_the_page_shows_has_a_word(language: str) -> None:
    for name, words in TEXTS[language]["codes"].items():
        assert words.keys() == MEANINGS[name].keys(), name
    for name, sentences in TEXTS[language]["explain"].items():
        assert sentences.keys() == MEANINGS[name].keys(), name
    assert TEXTS[language]["kind"].keys() == KINDS.keys()


def test_english_explanations_are_the_contracts() -> None:
    for name, sentences in TEXTS["en"]["explain"].items():
        expected = {code: f"{text[0].upper()}{text[1:]}." for code, text in MEANINGS[name].items()}
        assert sentences == expected, name


def test_data_never_becomes_markup_and_nothing_comes_from_elsewhere() -> None:
    for file in PAGE.rglob("*.js"):
        text = file.read_text()
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert way not in text, f"{file.name}: {way}"
        assert "https://" not in text, file.name
        assert text.count("http://") == text.count("http://www.w3.org/2000/svg"), file.name
    assert "://" not in (PAGE / "index.html").read_text()
    for file in PAGE.rglob("*.css"):
        assert "://" not in file.read_text(), file.name
