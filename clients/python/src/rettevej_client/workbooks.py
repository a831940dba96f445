"""Worksheets of Excel workbooks (.xlsx): the rows as the file has them, streamed, with the standard library alone.

Libraries hide what matters here: they believe a wrong ``<dimension>``, show a formula that was never calculated as an
empty cell, and round long numbers. The size that a workbook may expand to is bounded; document types are refused.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import IO, BinaryIO, Final
from xml.parsers import expat  # nosec B407

from rettevej_client.cells import DANISH, Number, Serial, Style, Unusable, trim
from rettevej_client.tables import CellFault, FileError, Layout, Row, checked_header

MAX_BYTES: Final = 512 * 1024 * 1024
MAX_STRING_BYTES: Final = 128 * 1024 * 1024
_CHUNK: Final = 1 << 16
_MAX_TEXT: Final = 1 << 20
"""Characters of one text; Excel itself has at most 32,767 in a cell."""
_NO_WORKBOOK: Final = "the file is no Excel workbook (.xlsx), or it is damaged"
_DAMAGES: Final = (zipfile.BadZipFile, zlib.error, expat.ExpatError, KeyError, ValueError, IndexError, EOFError)
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_DATE_FORMATS: Final = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_QUOTED: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_Cell = str | bool | Number | Serial | Unusable | None


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    path: str
    hidden: bool


class Workbook(AbstractContextManager["Workbook"]):
    """Workbook with one chosen worksheet: ``sheet`` by name, or the only one that is not empty, if it is visible."""

    def __init__(self, file: BinaryIO, layout: Layout, sheet: str | None = None) -> None:
        try:
            self._archive = zipfile.ZipFile(file)
            if sum(part.file_size for part in self._archive.infolist()) > MAX_BYTES:
                raise FileError(f"the workbook expands to more than {MAX_BYTES >> 20} MiB")
            self._sheets, self._epoch = self._read_sheets()
            self._strings = list(self._read_strings())
            self._dates = self._date_styles()
            self._sheet = self._choose(sheet)
            self._verify(self._sheet.path)
            self._cells = self._rows()
            self._header_number, cells = next(self._cells, (1, {}))
        except (*_DAMAGES, NotImplementedError, RuntimeError):
            self._sheet, cells = _Sheet("", "", hidden=False), None
        if cells is None:
            raise FileError(_NO_WORKBOOK)
        names = [_header_text(cells.get(column)) for column in range(1, max(cells, default=0) + 1)]
        self.header = checked_header(names, layout, self._header_number)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()

    @property
    def style(self) -> Style:
        """How the texts of a worksheet write decimals and days."""
        return DANISH

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header that have a value; once."""
        places = {name: _letters(column) for column, name in enumerate(self.header, 1)}
        try:
            for number, cells in self._cells:
                values = {column: cell for column, cell in cells.items() if not _is_blank(cell)}
                if not values:
                    continue
                named = {name: values.get(column) for column, name in enumerate(self.header, 1)}
                surplus = max(values) > len(self.header)
                fault = CellFault("", "unknown_field", "a value too many: beyond the last column") if surplus else None
                yield Row(number, {} if fault else named, fault, places)
        except _DAMAGES:
            damaged = True
        else:
            damaged = False
        if damaged:
            raise FileError(_NO_WORKBOOK)

    # --- Parts of the archive ---

    def _verify(self, path: str) -> None:
        """Read a part to its end, which verifies its checksum, before anything of it is used."""
        with self._archive.open(path) as part:
            while part.read(_CHUNK):
                pass

    def _parse(self, path: str) -> Iterator["_Event"]:
        with self._archive.open(path) as part:
            yield from _events(part)

    def _read_sheets(self) -> tuple[list[_Sheet], date]:
        targets: dict[str, str] = {}
        for event in self._parse("xl/_rels/workbook.xml.rels"):
            if event.begins("Relationship") and event.attributes["Type"].endswith("/worksheet"):
                target = event.attributes["Target"]
                targets[event.attributes["Id"]] = target[1:] if target.startswith("/") else f"xl/{target}"
        sheets: list[_Sheet] = []
        epoch = date(1899, 12, 30)
        for event in self._parse("xl/workbook.xml"):
            if event.begins("workbookPr") and event.attributes.get("date1904") in ("1", "true"):
                epoch = date(1904, 1, 1)
            if event.begins("sheet"):
                attributes = event.attributes
                identifier = next(value for name, value in attributes.items() if name.endswith(" id"))
                if identifier in targets:  # charts are in a workbook too
                    hidden = attributes.get("state", "visible") != "visible"
                    sheets.append(_Sheet(attributes["name"], targets[identifier], hidden))
        return sheets, epoch

    def _read_strings(self) -> Iterator[str]:
        if "xl/sharedStrings.xml" not in self._archive.namelist():
            return
        if self._archive.getinfo("xl/sharedStrings.xml").file_size > MAX_STRING_BYTES:
            raise FileError(f"the texts of the workbook expand to more than {MAX_STRING_BYTES >> 20} MiB")
        text, phonetic = "", False
        for event in self._parse("xl/sharedStrings.xml"):
            if event.begins("rPh"):
                phonetic = True
            elif event.ends("rPh"):
                phonetic = False
            elif event.ends("t") and not phonetic:
                text += event.text
            elif event.ends("si"):
                yield text
                text = ""

    def _date_styles(self) -> frozenset[int]:
        """Return the styles of cells that show a number as a date or a time."""
        if "xl/styles.xml" not in self._archive.namelist():
            return frozenset()
        formats: set[int] = set(_DATE_FORMATS)
        dates: set[int] = set()
        within, style = False, 0
        for event in self._parse("xl/styles.xml"):
            if event.begins("numFmt") and not within:
                code = _QUOTED.sub("", event.attributes.get("formatCode", "")).lower().split(";")[0]
                if code != "general" and any(letter in code for letter in "ymdhs"):
                    formats.add(int(event.attributes["numFmtId"]))
            within = (within or event.begins("cellXfs")) and not event.ends("cellXfs")
            if within and event.begins("xf"):
                if int(event.attributes.get("numFmtId", "0")) in formats:
                    dates.add(style)
                style += 1
        return frozenset(dates)

    def _choose(self, name: str | None) -> _Sheet:
        if name is not None:
            if (named := next((sheet for sheet in self._sheets if sheet.name == name), None)) is None:
                raise FileError(f"there is no sheet {name!r}; there are {_names(self._sheets)}")
            return named
        filled = [sheet for sheet in self._sheets if self._has_value(sheet)] or self._sheets[:1]
        if len(filled) > 1:
            raise FileError(f"several sheets have values: {_names(filled)}; name one with --sheet")
        if filled[0].hidden:
            raise FileError(f"the sheet with values is hidden: {_names(filled)}; name it with --sheet")
        return filled[0]

    def _has_value(self, sheet: _Sheet) -> bool:
        return any(event.ends("v") or event.ends("t") or event.begins("f") for event in self._parse(sheet.path))

    # --- Rows ---

    def _rows(self) -> Iterator[tuple[int, dict[int, _Cell]]]:
        """Yield the number and the cells by column (both from 1) of each row of the sheet."""
        number, column = 0, 0
        cells: dict[int, _Cell] = {}
        cell = _CellReader(self._strings, self._dates, self._epoch)
        for event in self._parse(self._sheet.path):
            if event.begins("row"):
                following = int(event.attributes.get("r", number + 1))
                if following <= number:
                    raise ValueError
                number, column, cells = following, 0, {}
            elif event.begins("c"):
                reference = _REFERENCE.fullmatch(event.attributes.get("r", ""))
                column = _column(reference[1]) if reference else column + 1
                cell.begin(event.attributes)
            elif event.ends("c"):
                cells[column] = cell.value()
            elif event.ends("row"):
                yield number, cells
            else:
                cell.add(event)


class _CellReader:
    """State of the cell that is being read."""

    def __init__(self, strings: list[str], dates: frozenset[int], epoch: date) -> None:
        self._strings, self._dates, self._epoch = strings, dates, epoch
        self.begin({})

    def begin(self, attributes: dict[str, str]) -> None:
        self._type = attributes.get("t", "n")
        self._is_date = int(attributes.get("s", "0")) in self._dates
        self._text: str | None = None
        self._formula = False
        self._phonetic = False

    def add(self, event: "_Event") -> None:
        if event.begins("f"):
            self._formula = True
        elif event.begins("rPh"):
            self._phonetic = True
        elif event.ends("rPh"):
            self._phonetic = False
        elif event.ends("v") or (event.ends("t") and not self._phonetic):
            self._text = (self._text or "") + event.text

    def value(self) -> _Cell:
        text = self._text
        if self._formula and (text is None or (not text and self._type != "str")):
            return Unusable("a formula that was calculated: open the workbook in Excel and save it")
        if not text:
            return None
        if self._type == "e":
            return Unusable("a value, not an error: correct the cell or leave it empty")
        if self._type == "s":
            return self._strings[int(text)]
        if self._type == "b":
            return text in ("1", "true")
        if self._type != "n":  # "str", "inlineStr", and "d", an ISO day
            return text
        return Serial(text, self._epoch) if self._is_date else Number(text)


def _header_text(cell: _Cell) -> str:
    return cell if isinstance(cell, str) else "" if cell is None else "?"


def _is_blank(cell: _Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not trim(cell))


def _names(sheets: list[_Sheet]) -> str:
    return ", ".join(f"{sheet.name!r}{' (hidden)' if sheet.hidden else ''}" for sheet in sheets)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


# --- XML --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Event:
    """Begin of an element with its attributes, or its end with its text."""

    name: str
    attributes: dict[str, str]
    text: str
    is_end: bool

    def begins(self, name: str) -> bool:
        return not self.is_end and self.name == name

    def ends(self, name: str) -> bool:
        return self.is_end and self.name == name


class _Collector:
    """Handlers of expat: collects events until they are taken. Namespaces are dropped from names."""

    def __init__(self) -> None:
        self.events: list[_Event] = []
        self._text: list[str] = []
        self._length = 0

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._clear()
        self.events.append(_Event(name.rpartition(" ")[2], attributes, "", is_end=False))

    def end(self, name: str) -> None:
        self.events.append(_Event(name.rpartition(" ")[2], {}, "".join(self._text), is_end=True))
        self._clear()

    def add_text(self, text: str) -> None:
        self._text.append(text)
        self._length += len(text)
        if self._length > _MAX_TEXT:
            raise ValueError

    def _clear(self) -> None:
        self._text.clear()
        self._length = 0

    def take(self) -> list[_Event]:
        taken, self.events = self.events, []
        return taken


def _refuse(*_: object) -> None:
    raise ValueError


def _events(part: IO[bytes]) -> Iterator[_Event]:
    collector = _Collector()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = collector.begin
    parser.EndElementHandler = collector.end
    parser.CharacterDataHandler = collector.add_text
    parser.StartDoctypeDeclHandler = _refuse
    while chunk := part.read(_CHUNK):
        parser.Parse(chunk)
        yield from collector.take()
    parser.Parse(b"", True)
    yield from collector.take()
