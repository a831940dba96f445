"""One list of codes with the meaning of each code."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodeList:
    """A list of codes: the sentence about the whole list, and the meaning of each code."""

    about: str
    meaning: Mapping[str | int, str]
