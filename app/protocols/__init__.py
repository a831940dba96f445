"""The protocols: those that come with the register, and those of a folder that the operator names.

One TOML each, every value beside its source (docs/protocols.md). All are read and checked when the process starts.
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
from app.domain.rules.protocol_validation import read_protocol

_added: dict[str, Protocol] = {}
"""Those of the operator's folders: known for as long as the process lives, like the ones that came with it."""


def protocols() -> Mapping[str, Protocol]:
    """All protocols by id; ProtocolError names the file that is faulty."""
    return {**_packaged(), **_added}


def add_folder(folder: Path) -> None:
    """Makes the protocols of a folder known, all of them or none. ProtocolError names the faulty file and its faults.

    A folder that was added before changes nothing, unless a file of it says something else now.
    """
    if not folder.is_dir():
        raise ProtocolError(f"there is no folder of protocols {folder}")
    found = _read_all(folder.iterdir())
    for protocol in found.values():
        known = protocols().get(protocol.id)
        if known is not None and known.document != protocol.document:
            raise ProtocolError(f"{folder}: there is another protocol of the id {protocol.id} already")
    _added.update(found)


def digest_of(protocol: Protocol) -> str:
    """SHA-256 (hex) of all that the protocol's file says, sources included; spaces and comments do not matter."""
    written = json.dumps(protocol.document, sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()


@cache
def _packaged() -> Mapping[str, Protocol]:
    return _read_all(resources.files(__name__).iterdir())


def _read_all(files: Iterable[Traversable]) -> dict[str, Protocol]:
    """The protocols of the TOML files among some, by id."""
    loaded: dict[str, Protocol] = {}
    places: dict[str, str] = {}
    for file in sorted(files, key=lambda each: each.name):
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
