"""Accept: the quality of each media type that an operation offers (RFC 9110, 12.5.1)."""

from collections.abc import Iterable, Iterator

from starlette.requests import Request


def accepted_qualities(request: Request, offered: Iterable[str]) -> dict[str, float]:
    """Return the quality, 0 to 1, of each media type by the most specific range that matches; 1 without a header."""
    header = request.headers.get("accept", "").strip()
    ranges = dict(_ranges(header or "*/*"))
    qualities = {}
    for media_type in offered:
        kind = media_type.partition("/")[0]
        found = (ranges[each] for each in (media_type, f"{kind}/*", "*/*") if each in ranges)
        qualities[media_type] = next(found, 0.0)
    return qualities


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        media_range, *parameters = (token.strip().lower() for token in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = min(max(float(value), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        yield media_range, quality
