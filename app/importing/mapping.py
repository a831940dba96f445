"""Mapping of a register's file in TOML: the column of each field, the codes of each type."""

import codecs
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from rettevej_client.cells import Style
from rettevej_client.tables import Layout

REQUIRED = ("cpr", "starts_on", "hours_per_week")
OPTIONAL = ("cvr_number", "p_number", "planned_ends_on", "ended_because", "preventive_kind")
FIELDS = (*REQUIRED, "jobcentre", "ends_on", *OPTIONAL)
"""Fields that a column may have, besides those of the type."""


class ImportFaultError(Exception):
    """Fault of mapping, file or server; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class TypeCodes:
    """Columns that together have the type of an activation, and the meanings of their codes.

    Their values are joined by ``/``; ``*`` in a code matches anything. Without codes the value is the type itself.
    """

    columns: tuple[str, ...] = ("type",)
    codes: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    """Codes of spells that are not activations and are not sent."""

    def type_of(self, value: str) -> str | None:
        """Return the type of a value, exact codes before those with ``*``; None if no code matches."""
        if not self.codes:
            return value or None
        matching = (kind for code, kind in self.codes.items() if fnmatchcase(value, code))
        return self.codes.get(value) or next(matching, None)

    def leaves_out(self, value: str) -> bool:
        """Return whether spells of this value are left out."""
        return any(fnmatchcase(value, code) for code in self.left_out)


@dataclass(frozen=True, slots=True)
class FileMapping:
    """Format of a file. What is None is found by looking at the file (``rettevej_client.tables``)."""

    columns: Mapping[str, str]
    """The column of each field."""
    type: TypeCodes = field(default_factory=TypeCodes)
    delimiter: str | None = None
    encoding: str | None = None
    date: str | None = None
    """Format of ``datetime.strptime``."""
    decimal: str | None = None
    open_end: tuple[str, ...] = ("",)
    """Values of the last day of a spell that has none yet."""

    def layout(self) -> Layout:
        """Return the columns that the file must have; it may have others."""
        names = (*self.columns.values(), *self.type.columns)
        return Layout(names, names, others_ignored=True, encoding=self.encoding, delimiter=self.delimiter)

    def style(self, default: Style) -> Style:
        """Return how the file writes decimals and days: as the mapping says or else as its kind of table does."""
        return Style(self.decimal or default.decimal_signs, default.danish, self.date)


PLAIN_LAYOUT: Final = Layout((*FIELDS, "type"), (*REQUIRED, "type"))
"""Columns of a file with the names of the API."""


def plain_mapping(header: Sequence[str]) -> FileMapping:
    """Return the mapping of a file whose columns have the names of the API."""
    return FileMapping({name: name for name in FIELDS if name in header or name in REQUIRED})


def read_mapping(text: str) -> FileMapping:
    """Parse a mapping from TOML. Raises ImportFaultError with every fault and its place."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ImportFaultError(f"the mapping is no TOML: {error}") from None
    faults: list[str] = []
    plain = {name: _text(document, name, faults) for name in ("delimiter", "encoding", "date", "decimal")}
    faults += [f"{name}: not known" for name in document.keys() - plain.keys() - {"open_end", "columns", "type"}]
    columns = _texts(document, "columns", faults)
    faults += [f"columns.{name}: not a field" for name in columns if name not in FIELDS]
    faults += [f"columns.{name}: missing" for name in REQUIRED if name not in columns]
    given = document.get("type", {})
    if not isinstance(given, dict):
        faults.append("type: not a table")
        given = {}
    faults += [f"type.{name}: not known" for name in given.keys() - {"columns", "codes", "left_out"}]
    codes = TypeCodes(
        _list(given, "columns", "type.", faults) or ("type",),
        _texts(given, "codes", faults, "type."),
        _list(given, "left_out", "type.", faults),
    )
    if plain["delimiter"] is not None and len(plain["delimiter"]) != 1:
        faults.append("delimiter: not one character")
    if plain["decimal"] not in (None, ".", ","):
        faults.append("decimal: neither . nor ,")
    if plain["date"] is not None and not _is_day_format(plain["date"]):
        faults.append("date: not a format of year, month and day, such as %d-%m-%Y")
    if plain["encoding"] is not None and not _is_encoding(plain["encoding"]):
        faults.append("encoding: not known")
    open_end = ("", *_list(document, "open_end", "", faults))
    if faults:
        raise ImportFaultError("the mapping has faults: " + "; ".join(sorted(faults)))
    given_texts = {name: value for name, value in plain.items() if value is not None}
    return FileMapping(columns, codes, open_end=open_end, **given_texts)


def _is_day_format(text: str) -> bool:
    parts = set(re.findall(r"%[A-Za-z]", text))
    return bool(parts & {"%Y", "%y"}) and ("%j" in parts or ("%d" in parts and bool(parts & {"%m", "%b", "%B"})))


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def _text(table: Mapping[str, Any], name: str, faults: list[str]) -> str | None:
    value = table.get(name)
    if value is not None and not isinstance(value, str):
        faults.append(f"{name}: not a text")
        return None
    return value


def _texts(table: Mapping[str, Any], name: str, faults: list[str], within: str = "") -> dict[str, str]:
    value = table.get(name, {})
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return value
    faults.append(f"{within}{name}: not a table of texts")
    return {}


def _list(table: Mapping[str, Any], name: str, within: str, faults: list[str]) -> tuple[str, ...]:
    value = table.get(name, [])
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return tuple(value)
    faults.append(f"{within}{name}: not a list of texts")
    return ()
