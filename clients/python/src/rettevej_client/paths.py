"""URL paths, with every part quoted."""

from urllib.parse import quote


def path_of(*parts: str) -> str:
    """Join parts to a path such as ``/v1/trials/prvij``. Slashes and dot segments in a part are escaped."""
    return "".join(f"/{_quoted(part)}" for part in parts)


def _quoted(part: str) -> str:
    return part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="")
