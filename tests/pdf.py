"""The text of a PDF as a reader finds it; enough of the format for what we write."""

import re
import zlib
from collections.abc import Mapping

_TEXT = re.compile(rb"/F(\d+) [\d.]+ Tf|\((?P<shown>(?:[^\\()]|\\.)*)\)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def text_of_pdf(pdf: bytes) -> str:
    """What a reader finds in the PDF: glyphs of its fonts, told by the maps to Unicode that it carries."""
    objects = {int(number): body for number, body in re.findall(rb"(\d+) 0 obj\n(.*?)\nendobj", pdf, re.DOTALL)}

    def stream(body: bytes) -> bytes:
        content = body.split(b"stream\n", 1)[1].rsplit(b"\nendstream", 1)[0]
        return zlib.decompress(content) if b"/FlateDecode" in body else content

    maps: dict[int, dict[int, str]] = {}
    fonts = re.search(rb"/Font <<(.*?)>>", pdf, re.DOTALL)
    assert fonts is not None
    for name, number in re.findall(rb"/F(\d+) (\d+) 0 R", fonts[1]):
        reference = re.search(rb"/ToUnicode (\d+) 0 R", objects[int(number)])
        assert reference is not None
        pairs = re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]+)>", stream(objects[int(reference[1])]))
        maps[int(name)] = {int(glyph, 16): bytes.fromhex(to.decode()).decode("utf-16-be") for glyph, to in pairs}
    pages = [body for body in objects.values() if b"/Type /Page\n" in body]
    assert pages
    text = ""
    for body in pages:
        contents = re.search(rb"/Contents (\d+) 0 R", body)
        assert contents is not None
        text += " " + _shown(stream(objects[int(contents[1])]), maps)
    return text


def _shown(content: bytes, maps: Mapping[int, Mapping[int, str]]) -> str:
    font, text = 0, ""
    for line in content.split(b"BT"):
        for found in _TEXT.finditer(line):
            if found["shown"] is None:
                font = int(found[1])
                continue
            shown = re.sub(rb"\\(.)", lambda each: _ESCAPES.get(each[1], each[1]), found["shown"], flags=re.DOTALL)
            glyphs = [shown[place] << 8 | shown[place + 1] for place in range(0, len(shown), 2)]
            text += "".join(maps[font][glyph] for glyph in glyphs)
        text += " "
    return text
