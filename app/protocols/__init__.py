"""Protocols: those that come with the register, and those of the operator's folder.

Each is one TOML file with the source of every value (docs/protocols.md), read and checked at the start.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from app.domain.protocol import Protocol, ProtocolError
from app.domain.protocol_validation import read_protocol

_added: dict[str, Protocol] = {}
"""Protocols of the operator's folders, for the life of the process."""


def protocols() -> Mapping[str, Protocol]:
    """Return all protocols by id. Raises ProtocolError with the name of a faulty file."""
    return {**_packaged(), **_added}


def add_folder(folder: Path) -> None:
    """Add the protocols of a folder, all or none. Raises ProtocolError with the faulty file and its faults.

    Adding the same folder again changes nothing; a changed file raises.
    """
    if not folder.is_dir():
        raise ProtocolError(f"there is no folder of protocols {folder}")
    new = _read_all(folder.iterdir())
    for protocol in new.values():
        current = protocols().get(protocol.id)
        if current is not None and current.document != protocol.document:
            raise ProtocolError(f"{folder}: there is another protocol of the id {protocol.id} already")
    _added.update(new)


def digest_of(protocol: Protocol) -> str:
    """Return the SHA-256 (hex) of the protocol's content, sources included, whitespace and comments not."""
    canonical = json.dumps(protocol.document, sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@cache
def _packaged() -> Mapping[str, Protocol]:
    return _read_all(resources.files(__name__).iterdir())


def _read_all(files: Iterable[Traversable]) -> dict[str, Protocol]:
    """Read the protocols of the TOML files among ``files``, by id."""
    loaded: dict[str, Protocol] = {}
    places: dict[str, str] = {}
    for file in sorted(files, key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        try:
            protocol = read_protocol(tomllib.loads(file.read_text("utf-8")))
        except (ProtocolError, tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise ProtocolError(f"{file.name}: {error}") from error
        if protocol.id in loaded:
            raise ProtocolError(f"{file.name}: {places[protocol.id]} has the id {protocol.id} already")
        loaded[protocol.id], places[protocol.id] = protocol, file.name
    return loaded
