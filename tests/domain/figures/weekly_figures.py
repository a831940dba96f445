"""Weekly figures of one person, for the tests of the summary."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from app.domain.figures.counts import count
from app.protocols import protocols
from tests.domain.build import history_of

PRVIJ, DRAFT = protocols()["prvij-2010-11"], protocols()["prvij-2010-07"]
ENDS_ON = date(2012, 3, 31)


def counted(person: Mapping[str, Any]) -> dict[date, Counter[str]]:
    """The person's tally; assigned on Monday 2010-11-08 unless they say otherwise."""
    return count(PRVIJ, ENDS_ON, history_of({"interview_on": "2010-11-08", **person}))
