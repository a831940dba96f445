"""Print the glossary in Markdown: ``python -m app.contract.glossary > docs/glossary.md``."""

import sys
from collections.abc import Iterator

from app.contract.danish import PARAMETERS, TECHNICAL, TERMS, danish
from app.contract.vocabulary import CODE_LISTS
from app.domain.codes import CodeList

_HEAD = """\
# Glossary, Danish – English

Made by `make glossary` from the words of the contract and of the page; a test holds it against them. The terms come
first, then the parameters of a protocol, then every list of codes by its name in the contract (`/docs`)."""


def glossary() -> str:
    """Return the glossary in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from (_HEAD, "", "## Terms", "", "| Danish | English | what it is |", "|---|---|---|")
    for term, (word, meaning) in sorted(TERMS.items(), key=lambda item: item[1][0].casefold()):
        yield f"| {word} | {term} | {meaning} |"
    yield from ("", "## Parameters of a protocol", "", "| Danish | English | name |", "|---|---|---|")
    for name, (english, word) in PARAMETERS.items():
        yield f"| {word} | {english} | `{name}` |"
    for component, words in sorted(CODE_LISTS.items()):
        if component not in TECHNICAL:
            yield from _codes(component, words)


def _codes(component: str, words: CodeList) -> Iterator[str]:
    yield from ("", f"## {component}", "", words.about, "", "| Danish | code | meaning |", "|---|---|---|")
    for code, meaning in words.meaning.items():
        yield f"| {danish(component, code) or '–'} | `{code}` | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(glossary())
