"""XLSX writer: a workbook with a sheet of rows and a sheet about them, as a stream that always has the same bytes.

Numbers, days and truth values are typed; everything else is text, so that codes keep their zeros and nothing is run.
"""

import math
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from html import escape
from typing import IO, Any, Final

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS: Final = 1_048_576
"""Rows of a sheet, its header included."""

_EPOCH: Final = date(1899, 12, 30).toordinal()
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PARTS: Final = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet2.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_RELATIONS}">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_RELATIONS}">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/worksheet" Target="worksheets/sheet2.xml"/>'
        f'<Relationship Id="rId3" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="figures" sheetId="1" r:id="rId1"/>'
        '<sheet name="about" sheetId="2" r:id="rId2"/></sheets></workbook>'
    ),
    "xl/styles.xml": (  # cell style 1: a day, as ISO writes it
        f'<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
        '<fonts count="1"><font/></fonts><fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf xfId="0"/>'
        '<xf xfId="0" numFmtId="164" applyNumberFormat="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ),
}
_SHEET: Final = (
    f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)
_END: Final = "</sheetData></worksheet>"


class TooManyRowsError(ValueError):
    """A table is longer than a sheet."""


class Workbook:
    """Workbook with the sheets ``figures``, whose rows follow, and ``about``, with a name and a value in each row."""

    def __init__(self, file: IO[bytes], about: Iterable[tuple[str, Any]]) -> None:
        self._zip = zipfile.ZipFile(file, "w")
        for name, text in _PARTS.items():
            self._zip.writestr(_entry(name), _HEAD + text)
        lines = "".join(_row(number, pair) for number, pair in enumerate([("name", "value"), *about], 1))
        self._zip.writestr(_entry("xl/worksheets/sheet2.xml"), _SHEET + lines + _END)
        self._sheet = self._zip.open(_entry("xl/worksheets/sheet1.xml"), "w")
        self._sheet.write(_SHEET.encode())
        self._count = 0

    def rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Append rows, the header first. Raises TooManyRowsError."""
        lines = []
        for row in rows:
            self._count += 1
            lines.append(_row(self._count, row))
        if self._count > MAX_ROWS:
            raise TooManyRowsError
        self._sheet.write("".join(lines).encode())

    def close(self) -> None:
        """Write what ends the file."""
        self._sheet.write(_END.encode())
        self._sheet.close()
        self._zip.close()


def _entry(name: str) -> zipfile.ZipInfo:
    """Return an entry that has the same bytes whenever it is written."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _row(number: int, row: Sequence[Any]) -> str:
    cells = "".join(_cell(f"{_letters(index)}{number}", value) for index, value in enumerate(row) if value is not None)
    return f'<row r="{number}">{cells}</row>'


def _cell(place: str, value: Any) -> str:
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{value:d}</v></c>'
    if isinstance(value, int | float | Decimal):
        return f'<c r="{place}"><v>{value}</v></c>' if math.isfinite(value) else ""
    if type(value) is date:
        return f'<c r="{place}" s="1"><v>{value.toordinal() - _EPOCH}</v></c>'
    text = escape(_NO_XML.sub("\ufffd", str(value)), quote=False).replace("\r", "&#13;")
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


@lru_cache(maxsize=1024)
def _letters(index: int) -> str:
    """Return the name of a column: 0 is A, 26 is AA."""
    head, last = divmod(index, 26)
    return (_letters(head - 1) if head else "") + chr(ord("A") + last)
