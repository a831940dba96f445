"""Queries of the audit trail: filters, pages, and cursors."""

from datetime import UTC, datetime

import pytest

from tests.register import faults
from tests.routers.service.audit.common import Place, trail


def test_by_participant_with_the_batches_that_brought_their_records(place: Place) -> None:
    someone = place.register.drawn(place.trial)
    of_someone = place.ours.push(place.trial, "conversations", [place.talk(participant_id=someone)])
    place.ours.push(place.trial, "conversations", [place.talk()])
    place.ours.get(place.path(f"participants/{someone}"))
    found = [(each["action"], each["details"].get("batch")) for each in trail(place, participant_id=someone)]
    assert found[:4] == [
        ("participant.screened", None),
        ("participant.drawn", None),
        ("records.received", of_someone["batch_id"]),
        ("participant.read", None),
    ]


def test_by_client_and_moment(place: Place) -> None:
    place.ours.get(place.path(f"participants/{place.anna}"))
    mine = trail(place, client_id="jammerbugt")
    assert mine
    assert {each["client_id"] for each in mine} == {"jammerbugt"}
    later = trail(place, client_id="jammerbugt", **{"from": mine[-1]["at"]})
    assert later == mine[-len(later) :]
    assert 1 <= len(later) < len(mine)
    assert trail(place, client_id="nobody") == []
    after = datetime.now(UTC).replace(year=2100).isoformat()
    assert trail(place, **{"from": after}) == []


def test_page_by_page(place: Place) -> None:
    place.ours.get(place.path(f"participants/{place.anna}"))
    whole = trail(place, client_id="jammerbugt")
    assert trail(place, client_id="jammerbugt", limit=2) == whole
    moments = [(each["at"], each["jobcentre"], each["chain"], each["position"]) for each in whole]
    assert moments == sorted(moments)


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJ4IiwiIiwiIiwxXQ", "WzEsMiwzLDRd", "ééé"])
def test_a_cursor_that_is_none(place: Place, cursor: str) -> None:
    answer = place.register.client("auditor").get("/v1/audit", cursor=cursor)
    assert (answer.status_code, faults(answer.json())) == (422, [("/query/cursor", "invalid_value")])
