"""The paths, names and links in the documents exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "clients" / "python" / "README.md"]
_FOLDERS = sorted(
    each.name for each in ROOT.iterdir() if each.is_dir() and each.name not in (".git", ".venv", ".rettevej")
)
_PATH = re.compile(rf"(?<![\w/.-])(?:{'|'.join(map(re.escape, _FOLDERS))})/[\w./*-]*(?:::\w+(?:\.\w+)?)?")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#([^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def paths_in(document: Path) -> Iterator[tuple[str, str]]:
    """Every path below the root, with the name behind ``::`` or an empty string."""
    for code in re.findall(r"`([^`\n]+)`", document.read_text("utf-8")):
        for found in _PATH.findall(code):
            path, _, name = found.partition("::")
            yield path.rstrip("."), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_path_exists(document: Path) -> None:
    assert [path for path, _ in paths_in(document) if not any(ROOT.glob(path))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_name_is_defined_in_its_module(document: Path) -> None:
    assert [f"{path}::{name}" for path, name in paths_in(document) if name and not defines(ROOT / path, name)] == []


def defines(module: Path, name: str) -> bool:
    """Whether the module has a class, function or constant for each part of a dotted name."""
    text = module.read_text("utf-8")
    return all(
        re.search(rf"^ *(?:async def|def|class) {part}\b|^{part}\b.* = ", text, re.MULTILINE)
        for part in name.split(".")
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = set()
    for target, anchor in _LINK.findall(document.read_text("utf-8")):
        if ":" in target:
            continue
        file = document.parent / target
        headings = {anchor_of(each) for each in _HEADING.findall(file.read_text("utf-8"))} if anchor else {""}
        if not file.exists() or anchor not in headings:
            broken.add((target, anchor))
    assert broken == set()


def anchor_of(heading: str) -> str:
    """The anchor that forges make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
