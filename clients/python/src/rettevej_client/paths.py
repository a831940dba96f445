"""Addresses, with every part quoted."""

from urllib.parse import quote


def path_of(*parts: str) -> str:
    """``/v1/trials/prvij``. A part may hold anything: a slash, or dots that would otherwise lead upwards."""
    return "".join(f"/{_quoted(part)}" for part in parts)


def _quoted(part: str) -> str:
    return part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="")
