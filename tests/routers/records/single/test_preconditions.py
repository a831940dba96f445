"""Preconditions of a write: If-Match and If-None-Match."""

from typing import Any

import pytest

from tests.register import record_id
from tests.routers.records.single.common import Place, outcome_of, problem


def conditional(place: Place, method: str, external_id: str, tag: str, **changes: Any) -> Any:
    """A write with If-Match."""
    body = None if method == "DELETE" else place.body(**changes)
    return place.ours.request(method, place.path("conversations", external_id), json=body, headers={"If-Match": tag})


def test_if_match(place: Place) -> None:
    """A write goes through while the record is what the client read, and only then."""
    external_id = record_id()
    first = place.put(external_id).headers["etag"]
    second = conditional(place, "PUT", external_id, first, date="2010-11-17")
    assert outcome_of(second) == ("updated", [])
    problem(conditional(place, "PUT", external_id, first, date="2010-11-18"), 412, "precondition_failed")
    problem(conditional(place, "DELETE", external_id, first), 412, "precondition_failed")
    assert place.get(external_id).json()["date"] == "2010-11-17"
    repeated = conditional(place, "PUT", external_id, second.headers["etag"], date="2010-11-17")
    assert outcome_of(repeated) == ("unchanged", [])
    assert outcome_of(conditional(place, "DELETE", external_id, second.headers["etag"])) == ("retracted", [])


def test_if_match_any(place: Place) -> None:
    """``*`` asks that there is one: a first record has none to match."""
    external_id = record_id()
    for method in ("PUT", "DELETE"):
        problem(conditional(place, method, external_id, "*"), 412, "precondition_failed")
        problem(conditional(place, method, external_id, '"x"'), 412, "precondition_failed")
    assert place.get(external_id).status_code == 404
    place.put(external_id)
    assert outcome_of(conditional(place, "PUT", external_id, "*", date="2010-11-17")) == ("updated", [])


def test_if_match_of_several(place: Place) -> None:
    """RFC 9110, 13.1.1: one of a list is enough; a weak tag never matches."""
    external_id = record_id()
    tag = place.put(external_id).headers["etag"]
    problem(conditional(place, "PUT", external_id, f'W/{tag}, "x"', date="2010-11-17"), 412, "precondition_failed")
    changed = conditional(place, "PUT", external_id, f'"x", {tag} ,W/"y"', date="2010-11-17")
    assert outcome_of(changed) == ("updated", [])
    retracted = conditional(place, "DELETE", external_id, f"{tag},{changed.headers['etag']}")
    assert outcome_of(retracted) == ("retracted", [])


@pytest.mark.parametrize("tag", ["x", '"x"', "", 'W/"x"', '"0192f0c1-0000-7000-8000-000000000000"', "\xff"])
def test_if_match_of_something_else(place: Place, tag: str) -> None:
    external_id = record_id()
    place.put(external_id)
    answer = place.ours.request(
        "PUT",
        place.path("conversations", external_id),
        json=place.body(date="2010-11-17"),
        headers={"If-Match": tag.encode("latin-1")},
    )
    problem(answer, 412, "precondition_failed")
    assert place.get(external_id).json()["date"] == "2010-11-16"


def test_if_match_comes_before_the_outcome(place: Place) -> None:
    """The revision would be stale or in conflict: the record has changed, and that is said."""
    external_id = record_id()
    tag = place.put(external_id, revision=5).headers["etag"]
    place.put(external_id, revision=6, date="2010-11-17")
    problem(conditional(place, "PUT", external_id, tag, revision=1), 412, "precondition_failed")
    problem(conditional(place, "PUT", external_id, tag, revision=6), 412, "precondition_failed")


def test_if_none_match(place: Place) -> None:
    """304, without a body, while nothing changed; the lists too."""
    external_id = record_id()
    tag = place.put(external_id).headers["etag"]
    for path in (place.path("conversations", external_id), place.path("conversations")):
        known = place.ours.get(path).headers["etag"]
        for value in (known, f"W/{known}", f'"x", {known}', "*"):
            answer = place.ours.request("GET", path, headers={"If-None-Match": value})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", known)
        assert place.ours.request("GET", path, headers={"If-None-Match": '"x"'}).status_code == 200
    place.put(external_id, date="2010-11-17")
    for path in (place.path("conversations", external_id), place.path("conversations")):
        assert place.ours.request("GET", path, headers={"If-None-Match": tag}).status_code == 200
