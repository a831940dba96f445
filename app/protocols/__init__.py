"""The protocols that come with the register: one TOML each, every value beside its source."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from app.domain.eligibility import require_known_checks
from app.domain.protocol import Protocol, ProtocolError, parse_protocol


@cache
def protocols() -> Mapping[str, Protocol]:
    """All protocols by id, read once; ProtocolError names the file that is faulty."""
    loaded: dict[str, Protocol] = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            try:
                protocol = parse_protocol(tomllib.loads(file.read_text("utf-8")))
                require_known_checks(protocol.eligibility)
            except (ProtocolError, tomllib.TOMLDecodeError) as error:
                raise ProtocolError(f"{file.name}: {error}") from error
            loaded[protocol.id] = protocol
    return loaded
