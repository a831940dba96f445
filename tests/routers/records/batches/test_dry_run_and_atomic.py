"""Dry runs and atomic batches (api.md "Records"): all records are stored, or none."""

from typing import Any

import pytest

from tests.routers.records.batches.common import Place


def report_of(place: Place) -> Any:
    """What the figures say, and as of when."""
    return place.ours.get(f"/v1/trials/{place.trial}/weekly-summary", week="2010-W46").json()


def test_a_dry_run_judges_and_stores_nothing(place: Place) -> None:
    known, new = place.record(revision=1), place.record(form="telephone")
    place.push([known])
    before = report_of(place)
    batch = [known, {**known, "revision": 2, "date": "2010-11-17"}, new, new, place.record(date="never")]
    dry = place.push(batch, dry_run="true", report="full")
    assert (dry["committed"], dry["batch_id"]) == (False, None)
    assert place.shown(new["external_id"]) is None
    assert place.shown(known["external_id"])["date"] == "2010-11-16"
    assert report_of(place) == before
    real = place.push(batch, report="full")
    assert real["committed"]
    assert (real["counts"], real["results"]) == (dry["counts"], dry["results"])


def test_atomic_stores_all_or_nothing(place: Place) -> None:
    known, new = place.record(revision=1), place.record()
    place.push([known])
    before = report_of(place)
    batch = [{**known, "revision": 2, "date": "2010-11-17"}, new, place.record(date="never")]
    refused = place.push(batch, atomic="true")
    assert (refused["committed"], refused["counts"]["rejected"]) == (False, 1)
    assert place.ours.get(f"/v1/batches/{refused['batch_id']}").json() == refused
    assert place.shown(new["external_id"]) is None
    assert place.shown(known["external_id"])["date"] == "2010-11-16"
    after = report_of(place)
    assert after["items"] == before["items"]
    stored = place.push(batch[:2], atomic="true")
    assert (stored["committed"], stored["counts"]["created"], stored["counts"]["updated"]) == (True, 1, 1)
    assert place.shown(new["external_id"])["date"] == "2010-11-16"


def test_atomic_is_stopped_by_rejections_alone(place: Place) -> None:
    """What is stale or unchanged is no fault."""
    known = place.record(revision=5)
    place.push([known])
    new = place.record()
    report = place.push([known, {**known, "revision": 1, "date": "2010-11-17"}, new], atomic="true")
    assert report["committed"]
    assert place.shown(new["external_id"]) is not None


def test_atomic_is_stopped_by_what_the_database_knows(place: Place) -> None:
    """Rejected by what is stored, not only by what is sent; of people of two jobcentres."""
    known, new = place.record(revision=1), place.record(participant_id=place.bo)
    place.all.push(place.trial, "conversations", [known])
    batch = [new, {**known, "date": "2010-11-18"}]
    report = place.all.push(place.trial, "conversations", batch, atomic="true")
    assert (report["committed"], report["results"][0]["errors"][0]["code"]) == (False, "revision_conflict")
    assert place.all.get(f"/v1/trials/{place.trial}/conversations/{new['external_id']}").status_code == 404


def test_a_dry_run_may_be_atomic(place: Place) -> None:
    new = place.record()
    report = place.push([new], atomic="true", dry_run="true")
    assert (report["committed"], report["batch_id"], report["counts"]["created"]) == (False, None, 1)
    assert place.shown(new["external_id"]) is None


@pytest.mark.parametrize("how", ["dry_run", "atomic", "unchanged"])
def test_the_watermark_is_that_of_what_is_stored(place: Place, how: str) -> None:
    """The watermark says when the latest of what the figures hold was registered: where nothing was, it stays."""
    known = place.record()
    place.push([known])
    before = report_of(place)["watermark"]
    batches = {
        "dry_run": [place.record()],
        "atomic": [place.record(), place.record(date="never")],
        "unchanged": [known],
    }
    place.push(batches[how], **({} if how == "unchanged" else {how: "true"}))
    assert report_of(place)["watermark"] == before
