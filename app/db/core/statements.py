"""SQL text: put together from constants of this code, and parsed once."""

from functools import lru_cache

from sqlalchemy import TextClause, text


def compose(template: str, **parts: str | tuple[str, ...]) -> str:
    """Replace each ``{part}`` of SQL text by a name, a list of names or a fragment that this code contains.

    A value never is a part: it is a parameter, ``:name`` or the driver's ``$1``.
    """
    return template.format(**{name: part if isinstance(part, str) else ", ".join(part) for name, part in parts.items()})


@lru_cache(maxsize=1024)
def sql(template: str, **parts: str | tuple[str, ...]) -> TextClause:
    """Parse a statement, put together by ``compose``, once: parsing costs as much as sending a small statement."""
    return text(compose(template, **parts) if parts else template)
