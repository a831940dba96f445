"""Tables: the one reader of CSV for the client, the API's ``text/csv`` and a register's extract.

By looking at the file it finds the encoding (UTF-8, or Windows-1252 if no byte sequence is UTF-8) and the delimiter
(comma, semicolon or tab). What cannot be read with certainty is refused: a faulty file or header as a whole
(``FileError``), a faulty row alone (``Row.fault``), a faulty cell with its field (``record_of``).
"""

import codecs
import csv
import difflib
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from rettevej_client.cells import DANISH, PLAIN, CellError, Style, read_cell, trim
from rettevej_client.errors import RettevejError

DELIMITERS: Final = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
UNREADABLE: Final[Mapping[str, Any]] = {}
"""Stands in a record for a cell that cannot be read: no field takes an object, so the register rejects it there."""
_UTF8_BOM: Final = codecs.BOM_UTF8
_MULTIBYTE: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_MAGIC: Final = {
    b"\xff\xfe\x00\x00": "the file is UTF-32; save it as UTF-8",
    b"\xff\xfe": "the file is UTF-16; save it as UTF-8",
    b"\xfe\xff": "the file is UTF-16; save it as UTF-8",
    b"\x1f\x8b": "the file is compressed (gzip); unpack it first",
    b"PK\x03\x04": "the file is an Excel workbook or a ZIP archive, not text",
    b"\xd0\xcf\x11\xe0": "the file is an old Excel workbook, or one with a password; save it as .xlsx without one",
}
_NAME: Final = re.compile(r"[a-zæøå_ -]{1,40}")
_SEP_LINE: Final = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


class FileError(RettevejError):
    """A file cannot be read as a table. ``faults`` says each reason in a sentence, without a value of the file."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class EncodingError(FileError):
    """A file is not text in an encoding that is read."""


@dataclass(frozen=True, slots=True)
class CellFault:
    """Fault of a cell, or of a row (without ``field``): a code of the register, and what would be valid.

    ``reason`` is set where the code alone does not tell: ``leave_empty``, ``row_width``.
    """

    field: str
    code: str
    meaning: str
    reason: str = ""


@dataclass(slots=True)  # not frozen, which doubles the time to make one
class Row:
    """Row of a table by column, the line on which it begins (from 1), and the fault of the row as a whole, if any.

    ``places`` has the column letters of a worksheet.
    """

    number: int
    cells: Mapping[str, Any]
    fault: CellFault | None = None
    places: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns that a table may have: ``known`` names, ``required`` ones, and whether others are ignored.

    ``encoding`` and ``delimiter`` are set if somebody has stated them; otherwise the file tells.
    """

    known: Collection[str]
    required: Collection[str] = ("external_id",)
    others_ignored: bool = False
    encoding: str | None = None
    delimiter: str | None = None

    def name_of(self, cell: object) -> str:
        """Return the name in a cell of the header."""
        name = trim(str(cell or ""))
        return name if self.others_ignored else name.lower()


def record_of(row: Row, style: Style) -> tuple[dict[str, Any], list[CellFault]]:
    """Return the typed values of a row, ``UNREADABLE`` for faulty cells, and the faults of these."""
    record: dict[str, Any] = {}
    faults: list[CellFault] = []
    for name, cell in row.cells.items():
        if not cell and isinstance(cell, str):
            record[name] = None
            continue
        try:
            record[name] = read_cell(name, cell, style)
        except CellError as error:
            record[name] = UNREADABLE
            place = "" if row.places is None else f"cell {row.places[name]}{row.number}: "
            code = "invalid_cpr" if name == "cpr" else "invalid_value"
            faults.append(CellFault(name, code, f"{place}{error}", error.reason))
    return record, faults


# --- Encoding ---------------------------------------------------------------------------------------------------------


def refuse_binary(file: BinaryIO) -> None:
    """Raise EncodingError if the first bytes are those of UTF-16, a compressed file or a workbook."""
    start = file.read(16)
    file.seek(0)
    for magic, fault in _MAGIC.items():
        if start.startswith(magic):
            raise EncodingError(fault)
    if start[:8].count(0) > 1:
        raise EncodingError("the file is UTF-16 or no text; save it as UTF-8")


def encoding_of(file: BinaryIO, stated: str | None = None) -> str:
    """Return the encoding of a text file. A byte order mark outweighs what is stated; UTF-8 is checked line by line."""
    if stated is not None and codecs.lookup(stated).name.startswith(("utf-16", "utf-32")):
        return stated
    refuse_binary(file)
    first_fault, multibyte = 0, False
    for number, line in enumerate(file, 1):
        if not line.isascii():
            multibyte = multibyte or _MULTIBYTE.search(line) is not None
            first_fault = first_fault or (number if _is_faulty(line) else 0)
    file.seek(0)
    marked = file.read(3) == _UTF8_BOM
    file.seek(0)
    utf_8 = stated is None or codecs.lookup(stated).name in ("utf-8", "utf-8-sig")
    if first_fault and (marked or (utf_8 and (multibyte or stated is not None))):
        raise EncodingError(f"line {first_fault} is not UTF-8")
    if marked or (utf_8 and not first_fault):
        return "utf-8-sig"
    if stated is not None and multibyte and not first_fault:
        raise EncodingError(f"the file is UTF-8, not {stated}")
    return "cp1252" if stated is None else stated


def _is_faulty(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


# --- Tables -----------------------------------------------------------------------------------------------------------


class TextTable:
    """CSV in a seekable binary file. Raises FileError for whatever makes the whole file unreadable."""

    def __init__(self, file: BinaryIO, layout: Layout) -> None:
        self._file = file
        self._encoding = encoding_of(file, layout.encoding)
        first = next(self._lines(), "").rstrip("\r\n")
        separator = _SEP_LINE.fullmatch(first)
        self._skipped = 1 if separator else 0
        stated = layout.delimiter or (separator[1] if separator else None)
        self.delimiter = self._choose_delimiter(layout) if stated is None else stated
        cells = self._header_cells(self.delimiter)
        self._refuse_other_delimiter(cells, layout)
        self.header = checked_header(cells, layout, self._skipped + 1)
        self._width = self._width_of_rows(len(cells))

    @property
    def style(self) -> Style:
        """How such a table writes decimals and days, unless something states it: semicolons and tabs are Danish."""
        return PLAIN if self.delimiter == "," else DANISH

    def rows(self) -> Iterator[Row]:
        """Yield the rows that have a value."""
        for number, cells in self._records():
            fault = self._width_fault(cells)
            named = {} if fault else dict(zip(self.header, cells, strict=False))
            yield Row(number, named, fault)

    def _width_fault(self, cells: Sequence[str]) -> CellFault | None:
        names = len(self.header)
        if len(cells) == names == self._width:  # nearly always
            return None
        if len(cells) > self._width or any(map(trim, cells[names:])):
            meaning = f"a value too many: {len(cells)} fields under {names} columns"
            return CellFault("", "unknown_field", meaning, "row_width")
        if len(cells) < self._width:
            meaning = f"the row is cut short: {len(cells)} fields under {names} columns"
            return CellFault("", "missing_field", meaning, "row_width")
        return None

    def _width_of_rows(self, header_width: int) -> int:
        """Return the number of fields of a row: the header's, unless all rows alike lack or add empty last fields."""
        widths: set[int] = set()
        surplus = False
        for _, cells in self._records():
            widths.add(len(cells))
            if len(cells) > len(self.header):
                surplus = surplus or any(map(trim, cells[len(self.header) :]))
        alike = len(widths) == 1 and not surplus and min(widths) >= len(self.header)
        return widths.pop() if alike else header_width

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(self._lines(), delimiter=self.delimiter, strict=True, skipinitialspace=True)
        try:
            for _ in range(self._skipped + 1):
                next(reader, None)
            before = reader.line_num
            for cells in reader:
                number, before = before + 1, reader.line_num
                if any(map(trim, cells)):
                    yield number, cells
        except csv.Error:
            fault = f"line {reader.line_num} is no CSV: is a quotation mark left open there or before?"
        else:
            return
        raise FileError(fault)

    def _lines(self) -> Iterator[str]:
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, self._encoding, newline="")
        try:
            while line := text.readline():  # `yield from` would close the file with the generator
                yield line
        except UnicodeError:
            fault = f"the file is not {self._encoding}"
        else:
            return
        finally:
            text.detach()
        raise EncodingError(fault)

    def _header_cells(self, delimiter: str) -> list[str]:
        reader = csv.reader(self._lines(), delimiter=delimiter, skipinitialspace=True)
        try:
            for _ in range(self._skipped):
                next(reader, None)
            return next(reader, [])
        except csv.Error:
            pass
        raise FileError("line 1 is no CSV: is a quotation mark left open there?")

    def _choose_delimiter(self, layout: Layout) -> str:
        """Return what separates the names of the header: whatever finds most of those that are known."""
        headers = {delimiter: self._header_cells(delimiter) for delimiter in DELIMITERS}
        found = {key: sum(layout.name_of(cell) in layout.known for cell in cells) for key, cells in headers.items()}
        most = max(found.values())
        best = [delimiter for delimiter, count in found.items() if count == most and len(headers[delimiter]) > 1]
        if most and len(best) > 1:
            raise FileError(
                f"line 1: {' and '.join(DELIMITERS[each] for each in best)} separate names: use one of them"
            )
        return max(headers, key=lambda delimiter: (found[delimiter], len(headers[delimiter])))

    def _refuse_other_delimiter(self, cells: Sequence[str], layout: Layout) -> None:
        """Raise FileError if the stated delimiter finds no column and another one does."""
        if any(layout.name_of(cell) in layout.known for cell in cells):
            return
        for delimiter, words in DELIMITERS.items():
            if sum(layout.name_of(cell) in layout.known for cell in self._header_cells(delimiter)) > 1:
                stated = DELIMITERS.get(self.delimiter, "something else")
                raise FileError(f"line 1: the columns are separated by {words}, not by {stated}")


def checked_header(cells: Sequence[object], layout: Layout, number: int = 1) -> list[str]:
    """Return the names of the columns. Raises FileError with every column that is unknown, repeated or missing."""
    header = [layout.name_of(cell) for cell in cells]
    while header and not header[-1]:
        header.pop()
    faults = []
    if not layout.others_ignored:
        if len(header) == 1 and header[0] not in layout.known:
            faults.append("the columns are not separated by a comma, a semicolon or a tab")
        faults += [_unknown(name, column, layout) for column, name in enumerate(header, 1) if name not in layout.known]
    faults += [f"the column {name} is there twice" for name in layout.known if header.count(name) > 1]
    if missing := [name for name in layout.required if name not in header]:
        faults.append(f"there is no column {', '.join(missing)}")
    if faults:
        raise FileError(*(f"line {number}: {fault}" for fault in faults))
    return header


def _unknown(name: str, column: int, layout: Layout) -> str:
    """Describe an unknown column, by its position if its name may be a value of a file without a header."""
    if not name:
        return f"column {column} has no name"
    shown = f"the column {name!r}" if _NAME.fullmatch(name) else f"column {column}"
    close = difflib.get_close_matches(name, list(layout.known), 1)
    return f"{shown} is no field of this kind" + (f"; is it {close[0]}?" if close else "")
