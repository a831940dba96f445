"""Batch report (api.md "Records"): counts, results, warnings, and the report read later."""

from typing import Any

import pytest

from tests.register import Register, record_id
from tests.routers.records.batches.common import FACTS, Place, problem


def test_counts_and_results(place: Place) -> None:
    """What was not plainly stored is listed, the rest is counted."""
    known = place.record(revision=5)
    assert place.outcomes([known]) == ["created"]
    ids = [record_id() for _ in range(3)]
    batch = [
        place.record(external_id=ids[0]),
        known,
        {**known, "revision": 4, "date": "2010-11-17"},
        {**known, "revision": 6, "date": "2010-11-17"},
        {"external_id": known["external_id"], "revision": 7, "retracted": True, "retraction_reason": "duplicate"},
        place.record(external_id=ids[1], date="2012-06-02"),
        place.record(external_id=ids[2], form="telephone"),
    ]
    report = place.push(batch)
    assert set(report) == {"batch_id", "committed", "received", "counts", "results"}
    assert (report["committed"], report["received"]) == (True, 7)
    assert report["counts"] == {
        "created": 2,
        "updated": 1,
        "unchanged": 1,
        "stale": 1,
        "retracted": 1,
        "rejected": 1,
    }
    assert report["results"] == [
        {"index": 2, "external_id": known["external_id"], "outcome": "stale"},
        {
            "index": 5,
            "external_id": ids[1],
            "outcome": "rejected",
            "errors": [
                {
                    "pointer": "/records/5/date",
                    "code": "date_in_future",
                    "meaning": "the date is after the day of receipt in Copenhagen",
                }
            ],
        },
        {"index": 6, "external_id": ids[2], "outcome": "created", "warnings": ["remote_too_early"]},
    ]


def test_report_levels(place: Place) -> None:
    """``errors`` leaves the warnings out, ``full`` lists every record."""

    def batch() -> list[dict[str, Any]]:
        return [place.record(), place.record(form="group"), place.record(date="never")]

    indexes = {
        level: [result["index"] for result in place.push(batch(), report=level)["results"]]
        for level in ("default", "errors", "full")
    }
    assert indexes == {"default": [1, 2], "errors": [2], "full": [0, 1, 2]}
    full = place.push(batch(), report="full")["results"]
    assert [result.get("warnings") for result in full] == [None, ["form_not_accepted", "remote_too_early"], None]
    problem(place.send("{}", report="all"), 422, "malformed", ("/query/report", "invalid_value"))


def test_warnings_are_in_the_answer(place: Place) -> None:
    """Domain 4.8: stored, and the sender hears of it at once."""
    late = place.record("activations", type="part_time_job", starts_on="2011-03-01", ends_on=None, hours_per_week=9.99)
    report = place.push([late], "activations")
    assert report["counts"]["created"] == 1
    assert report["results"][0]["warnings"] == ["hours_too_few", "mentor_missing", "starts_late"]
    # told again, it is nothing new
    assert place.push([late], "activations")["results"] == []


def test_a_refusing_trial(register: Register) -> None:
    """Domain 4.8, ``enforcement``: with that code, pointing at the field; the others are warnings."""
    trial = register.new_trial(enforcement="refuse")
    client, someone = register.sender("849"), register.drawn(trial)
    base = {"participant_id": someone, "date": "2010-11-16"}
    batch = [
        {"external_id": "a", **base, "form": "group"},
        {"external_id": "b", **base, "form": "telephone"},
        {"external_id": "c", **base, "conducted_by": "mentor"},
        {"external_id": "d", **base, "date": "2010-11-08"},
        {"external_id": "e", **base, "form": "telephone", "remote_ground": "illness"},
    ]
    report = client.push(trial, "conversations", batch)
    assert [(r["external_id"], r["outcome"], r.get("warnings")) for r in report["results"]] == [
        ("a", "rejected", None),
        ("b", "rejected", None),
        ("c", "rejected", None),
        ("d", "created", ["before_assignment"]),
    ]
    faults = [{(e["pointer"], e["code"]) for e in r["errors"]} for r in report["results"][:3]]
    assert faults == [
        {("/records/0/form", "form_not_accepted"), ("/records/0/form", "remote_too_early")},
        {("/records/1/form", "remote_too_early")},
        {("/records/2/conducted_by", "conducted_by_mentor")},
    ]
    offer = {
        "external_id": "f",
        "participant_id": someone,
        "type": "other_offer",
        "starts_on": "2011-01-03",
        "hours_per_week": 9,
    }
    (result,) = client.push(trial, "activations", [offer])["results"]
    assert {(error["pointer"], error["code"]) for error in result["errors"]} == {
        ("/records/0/hours_per_week", "hours_too_few"),
        ("/records/0/type", "not_at_workplace"),
    }
    shown = client.get(f"/v1/trials/{trial}/conversations").json()["items"]
    assert [record["external_id"] for record in shown] == ["d", "e"]


def test_the_report_later(place: Place) -> None:
    """The same report to the same client, and to nobody else."""
    report = place.push([place.record(), place.record(date="x"), place.record(form="group")], report="full")
    path = f"/v1/batches/{report['batch_id']}"
    again = place.ours.get(path)
    assert (again.status_code, again.json()) == (200, report)
    neighbour = place.register.sender("849", client_id="someone-else")
    for other in (neighbour, place.all, place.register.client("agency"), place.register.client("auditor")):
        problem(other.get(path), 404, "not_found")
    problem(place.ours.get("/v1/batches/0192f0c1-0000-7000-8000-000000000000"), 404, "not_found")
    problem(place.ours.get("/v1/batches/x"), 422, "malformed")
    # the client is who counts, whatever it may do today
    same = place.register.client("evaluator", client_id="jammerbugt")
    assert same.get(path).json() == report


def test_what_was_acknowledged_is_in_the_next_summary(register: Register) -> None:
    """A 207 means "on disk, and in every report asked for afterwards": after every batch, and by who sent what."""
    trial = register.new_trial()
    client, someone = register.sender("849", client_id="jammerbugt"), register.drawn(trial)

    def row() -> Any:
        answer = client.get(f"/v1/trials/{trial}/weekly-summary", week="2010-W46").json()
        (found,) = answer["items"]
        return answer, found

    assert row()[1]["forms"] == {}
    for number in range(1, 4):
        talk = {"external_id": f"t{number}", "participant_id": someone, "date": "2010-11-16", "form": "telephone"}
        assert client.push(trial, "conversations", [talk])["counts"]["created"] == 1
        answer, found = row()
        assert (found["forms"], found["conversation_held"]) == ({"telephone": number}, 1)
        assert found["deviations"] == {"remote_too_early": 1}
        listed = client.get(f"/v1/trials/{trial}/conversations").json()["items"]
        assert answer["watermark"] == max(record["registered_at"] for record in listed)
        assert answer["sources"] == [
            {"client_id": "jammerbugt", "kind": "conversations", "last_received_at": answer["watermark"]}
        ]
    exemption = {"external_id": "x", "participant_id": someone, **FACTS["exemptions"], "starts_on": "2010-11-15"}
    assert client.push(trial, "exemptions", [exemption])["counts"]["created"] == 1
    answer, found = row()
    assert (found["conversation_due"], found["states"]["exempt"], found["deviations"]) == (0, 1, {})
    assert [source["kind"] for source in answer["sources"]] == ["conversations", "exemptions"]


@pytest.mark.parametrize("apart", [False, True], ids=["one batch", "batches"])
def test_of_two_exits_on_one_date_the_first_registered_counts(register: Register, apart: bool) -> None:
    """Domain 4.1, and a record is registered when its id is first heard of: neither a correction nor a way back from an
    early retraction makes the first the second. The kept counts hold it, whatever is sent of the person afterwards."""
    left: dict[str, Any] = {"kind": "exit", "reason": "education"}
    retraction: dict[str, Any] = {"retracted": True, "retraction_reason": "duplicate"}
    for first in ([left], [retraction], [left, retraction]):
        trial = register.new_trial()
        client, someone = register.sender("849"), register.drawn(trial)
        exit_on = {"participant_id": someone, "date": "2010-12-01"}
        batch: list[dict[str, Any]] = [
            {"external_id": "a", "revision": n, **each, **({} if "retracted" in each else exit_on)}
            for n, each in enumerate(first)
        ]
        batch.append({"external_id": "b", "revision": 0, "kind": "exit", "reason": "moved", **exit_on})
        batch.append({"external_id": "a", "revision": 9, "kind": "exit", "reason": "job", **exit_on})
        for part in [[record] for record in batch] if apart else [batch]:
            assert client.push(trial, "presence-events", part)["counts"]["rejected"] == 0
        later = {"external_id": "c", "participant_id": someone, "kind": "re_entry", "date": "2011-01-10"}
        gone = {**retraction, "external_id": "b", "revision": 1}
        for records, without_effect in (([], 1), ([later], 1), ([gone], 0)):
            if records:
                client.push(trial, "presence-events", records)
            (row,) = client.get(f"/v1/trials/{trial}/weekly-summary", week="2010-W48").json()["items"]
            assert (row["exits"], row["deviations"].get("event_without_effect", 0)) == ({"job": 1}, without_effect)
