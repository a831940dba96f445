"""End state of a record: the order of arrival changes nothing."""

import itertools
from typing import Any

import pytest

from tests.register import record_id
from tests.routers.records.single.common import CHANGED, KINDS, Place


@pytest.mark.parametrize("last", ["a record", "a retraction"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_end_state_that_is_shown_never_depends_on_the_order(place: Place, kind: str, last: str) -> None:
    """The order of arrival "never changes the end state of revisioned records": what a client reads of a record in the
    end, its moment of registration apart, is the same for every order of three revisions."""
    shown = set()
    for order in itertools.permutations(range(3)):
        external_id = record_id()
        retraction: dict[str, Any] = {"retracted": True, "retraction_reason": "duplicate"}
        versions = [place.body(kind), {**place.body(kind), **CHANGED[kind]}]
        versions.insert(1 if last == "a record" else 2, retraction)
        for revision in order:
            record = {**versions[revision], "external_id": external_id, "revision": revision}
            place.ours.push(place.trial, kind, [record])
        answer = place.get(external_id, kind).json()
        assert (answer["retracted"], answer["revision"]) == (last == "a retraction", 2)
        del answer["registered_at"], answer["external_id"]
        shown.add(repr(sorted(answer.items())))
    assert len(shown) == 1, shown
