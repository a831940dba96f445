"""Statements, each made once for all the times that it is executed."""

from functools import lru_cache

from sqlalchemy import TextClause, text


@lru_cache(maxsize=1024)
def sql(statement: str) -> TextClause:
    """The statement with its ``:parameters``. To look for them costs as much as to send a small statement."""
    return text(statement)
