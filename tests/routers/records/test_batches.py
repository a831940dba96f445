"""Batches of records (api.md "Records"): what comes in, what is refused and how, and what the sender is told."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain import facts
from tests.register import Client, Register, new_cpr, record_id

MAX_REVISION = 2**63 - 1
KINDS = tuple(facts.KINDS)
FACTS: Mapping[str, Mapping[str, Any]] = {
    "conversations": {"date": "2010-11-16"},
    "activations": {"type": "other_offer", "starts_on": "2011-01-03", "ends_on": "2011-01-09", "hours_per_week": 15},
    "exemptions": {"scope": "both", "ground": "illness", "starts_on": "2010-12-06", "ends_on": "2010-12-12"},
    "presence-events": {"kind": "exit", "date": "2010-12-01", "reason": "job"},
    "support-efforts": {"area": "health", "kind": "psychologist", "starts_on": "2010-12-06"},
    "mentors": {"starts_on": "2010-12-06"},
    "declined-offers": {"date": "2010-12-06", "type": "other_offer"},
    "outcomes": {"week": "2010-W50", "status": "benefit"},
}
"""The least that a record of each kind says."""


@dataclass
class Place:
    """A trial with people, and case systems."""

    register: Register
    trial: str
    anna: str
    """Drawn in Jammerbugt, 849."""
    anna_cpr: str
    carl: str
    """Drawn there too: of whom exemptions and events are, so that Anna stays in the trial."""
    carl_cpr: str
    bo: str
    """Drawn in Hjørring, 860."""
    bo_cpr: str
    waiting: str
    """A supplement candidate in Jammerbugt who was never drawn."""
    waiting_cpr: str
    ours: Client
    """The case system of Jammerbugt."""
    all: Client
    """A case system of all jobcentres."""

    def person(self, kind: str) -> tuple[str, str]:
        """Whose records of a kind are sent: id and CPR number."""
        return (self.anna, self.anna_cpr) if kind in KINDS[:2] else (self.carl, self.carl_cpr)

    def record(self, of_kind: str = "conversations", /, **changes: Any) -> dict[str, Any]:
        """A good record of someone in Jammerbugt."""
        return {"external_id": record_id(), "participant_id": self.person(of_kind)[0], **FACTS[of_kind], **changes}

    def push(self, records: Sequence[Any], kind: str = "conversations", **parameters: Any) -> dict[str, Any]:
        return self.ours.push(self.trial, kind, records, **parameters)

    def outcomes(self, records: Sequence[Any], kind: str = "conversations", **parameters: Any) -> list[str]:
        report = self.push(records, kind, report="full", **parameters)
        assert [result["index"] for result in report["results"]] == list(range(len(records)))
        return [result["outcome"] for result in report["results"]]

    def errors(self, record: Any, kind: str = "conversations") -> set[tuple[str, str]]:
        """The faults of one record, with pointers from the record on; it was stored nowhere."""
        report = self.push([record], kind)
        assert report["counts"]["rejected"] == 1
        (result,) = report["results"]
        assert (result["index"], result["outcome"]) == (0, "rejected")
        found = [(error["pointer"], error["code"]) for error in result["errors"]]
        assert len(found) == len(set(found)) > 0
        assert all(pointer.startswith("/records/0") for pointer, _ in found)
        return {(pointer.removeprefix("/records/0"), code) for pointer, code in found}

    def send(
        self, body: bytes | str, media_type: str | None = "application/json", kind: str = "conversations", **more: Any
    ) -> Any:
        """A body as it is."""
        headers = {} if media_type is None else {"Content-Type": media_type}
        path = f"/v1/trials/{self.trial}/{kind}/batch"
        headers |= more.pop("headers", {})
        return self.ours.request("POST", path, content=body, headers=headers, params=more)

    def ndjson(self, *lines: Any, **more: Any) -> Any:
        body = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        return self.send(body, "application/x-ndjson", **more)

    def shown(self, external_id: str, kind: str = "conversations") -> Any:
        """The record as it stands, or None."""
        response = self.ours.get(f"/v1/trials/{self.trial}/{kind}/{external_id}")
        return response.json() if response.status_code == 200 else None


@pytest.fixture(scope="module")
def place(register: Register) -> Place:
    trial = register.new_trial()
    numbers = [new_cpr() for _ in range(4)]
    supplement = {"channel": "supplement", "unemployed_since": "2010-09-01"}
    return Place(
        register,
        trial,
        register.drawn(trial, cpr=numbers[0]),
        numbers[0],
        register.drawn(trial, cpr=numbers[3]),
        numbers[3],
        register.drawn(trial, cpr=numbers[1], jobcentre="860"),
        numbers[1],
        register.screen(trial, cpr=numbers[2], **supplement)["participant_id"],
        numbers[2],
        register.case_system("849", client_id="jammerbugt"),
        register.case_system(client_id="everywhere"),
    )


@pytest.fixture
def clock(register: Register) -> Iterator[Any]:
    """The clock, set back afterwards."""
    now = register.clock.now
    yield register.clock
    register.clock.now = now


def problem(response: Any, status: int, code: str, *errors: tuple[str, str]) -> None:
    """The answer is that problem document, with those errors where any are named."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    if errors:
        assert {(error["pointer"], error["code"]) for error in body["errors"]} == set(errors)


# --- the report -------------------------------------------------------------------------------------------------------


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
            "errors": [{"pointer": "/records/5/date", "code": "date_in_future"}],
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
    late = place.record(
        "activations", type="part_time_job", starts_on="2011-03-01", ends_on=None, hours_per_week="9.99"
    )
    report = place.push([late], "activations")
    assert report["counts"]["created"] == 1
    assert report["results"][0]["warnings"] == ["hours_too_few", "mentor_missing", "starts_late"]
    # told again, it is nothing new
    assert place.push([late], "activations")["results"] == []


def test_a_refusing_trial(register: Register) -> None:
    """Domain 4.8, ``enforcement``: with that code, pointing at the field; the others are warnings."""
    trial = register.new_trial(enforcement="refuse")
    client, someone = register.case_system("849"), register.drawn(trial)
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
    neighbour = place.register.case_system("849", client_id="someone-else")
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
    client, someone = register.case_system("849", client_id="jammerbugt"), register.drawn(trial)

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
        client, someone = register.case_system("849"), register.drawn(trial)
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


# --- storing all, nothing, or not at all ------------------------------------------------------------------------------


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


# --- sending again ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_sending_again_is_safe(place: Place, kind: str) -> None:
    """The same content, in other words: defaults said or not said, null or left out, by number or by id."""
    record = place.record(kind, revision=1)
    assert place.outcomes([record, record], kind) == ["created", "unchanged"]
    assert place.outcomes([record], kind) == ["unchanged"]
    _, cpr = place.person(kind)
    by_cpr = {name: value for name, value in record.items() if name != "participant_id"} | {"cpr": cpr}
    dashed = {**by_cpr, "cpr": f"{cpr[:6]}-{cpr[6:]}"}
    assert place.outcomes([by_cpr, dashed, {**record, "cpr": None, "retracted": False}], kind) == ["unchanged"] * 3


def test_defaults_and_nulls_are_the_same_content(place: Place) -> None:
    talk = place.record()
    said = {
        "status": "held",
        "form": "in_person",
        "place": "jobcentre",
        "conducted_by": "caseworker",
        "mentor_present": False,
        "remote_ground": None,
        "job_interview": False,
        "focus": [],
        "justification": None,
    }
    assert place.outcomes([talk, {**talk, **said}, {**talk, **dict.fromkeys(said)}]) == [
        "created",
        "unchanged",
        "unchanged",
    ]
    offer = place.record("activations", hours_per_week=10)
    said = {
        "reduced_hours_reason": None,
        "not_workplace_reason": None,
        "cvr_number": None,
        "p_number": None,
        "company_centre": False,
        "mentor": "unknown",
        "mentor_waiver_reason": None,
    }
    spelled = [{**offer, "hours_per_week": hours} for hours in (10.0, "10", "10.00")]
    batch = [offer, {**offer, **said}, {**offer, **dict.fromkeys(said)}, *spelled]
    assert place.outcomes(batch, "activations") == ["created", *["unchanged"] * 5]


def test_the_order_of_focus_means_nothing(place: Place) -> None:
    talk = place.record(focus=["retention", "motivation"])
    turned = [{**talk, "focus": focus} for focus in (["motivation", "retention"], ["retention", "motivation"] * 2)]
    assert place.outcomes([talk, *turned, {**talk, "focus": ["retention"]}]) == [
        "created",
        "unchanged",
        "unchanged",
        "updated",
    ]
    assert place.shown(talk["external_id"])["focus"] == ["retention"]


def test_one_id_twice_in_a_batch_is_judged_in_order(place: Place) -> None:
    """Like two batches, with and without revisions."""
    first = place.record(revision=2)
    assert place.outcomes(
        [
            first,
            {**first, "revision": 1, "date": "2010-11-17"},
            {**first, "date": "2010-11-18"},
            {**first, "revision": 3, "date": "2010-11-19"},
            {
                "external_id": first["external_id"],
                "revision": 9,
                "retracted": True,
                "retraction_reason": "wrong_person",
            },
            {**first, "revision": 10},
        ]
    ) == ["created", "stale", "rejected", "updated", "retracted", "updated"]
    assert place.shown(first["external_id"])["revision"] == 10
    plain = place.record()
    later = {**plain, "date": "2010-11-19"}
    assert place.outcomes([plain, later, plain, later]) == ["created", "updated", "updated", "updated"]
    assert place.shown(plain["external_id"])["date"] == "2010-11-19"


def test_a_retraction_may_come_first(place: Place) -> None:
    record = place.record(revision=1)
    retraction = {
        "external_id": record["external_id"],
        "revision": 2,
        "retracted": True,
        "retraction_reason": "entered_in_error",
    }
    assert place.outcomes([retraction]) == ["retracted"]
    assert place.outcomes([record, retraction]) == ["stale", "unchanged"]
    assert place.outcomes([{**record, "revision": 2}]) == ["rejected"]
    assert place.shown(record["external_id"])["retracted"] is True
    assert place.outcomes([{**record, "revision": 3}]) == ["updated"]
    assert place.shown(record["external_id"])["retracted"] is False


def test_whom_a_record_is_of_changes_by_a_higher_revision_alone(place: Place) -> None:
    """And no other client's record is ever touched."""
    record = place.record()
    id_and_bo = {"external_id": record["external_id"], "participant_id": place.bo}
    moved = {**record, **id_and_bo}
    outcomes = []
    for sent in (record, moved, {**moved, "revision": 0}):
        report = place.all.push(place.trial, "conversations", [sent], report="full")
        outcomes.append(report["results"][0]["outcome"])
    assert outcomes == ["created", "rejected", "updated"]
    assert place.shown(record["external_id"]) is None  # Hjørring's now
    # the record that lies at a jobcentre of others cannot be taken back from here, even by its client's own name
    here = place.register.case_system("849", client_id="everywhere")
    (result,) = here.push(place.trial, "conversations", [{**record, "revision": 7}])["results"]
    assert result["errors"] == [{"pointer": "/records/0", "code": "unknown_participant"}]


@pytest.mark.parametrize("revision", [0, 1, 2**31, 2**53 + 1, MAX_REVISION])
def test_revisions(place: Place, revision: int) -> None:
    record = place.record(revision=revision)
    assert place.outcomes([record]) == ["created"]
    assert place.shown(record["external_id"])["revision"] == revision
    if revision < MAX_REVISION:
        assert place.outcomes([{**record, "revision": revision + 1, "date": "2010-11-17"}, record]) == [
            "updated",
            "stale",
        ]


def test_clients_do_not_share_ids(place: Place) -> None:
    record = place.record()
    assert place.outcomes([record]) == ["created"]
    other = place.register.case_system("849", client_id="another")
    report = other.push(place.trial, "conversations", [{**record, "date": "2010-11-17"}], report="full")
    assert report["results"][0]["outcome"] == "created"
    assert place.shown(record["external_id"])["date"] == "2010-11-16"


def test_kinds_and_trials_do_not_share_ids(place: Place) -> None:
    external_id = record_id()
    for kind in KINDS:
        assert place.outcomes([place.record(kind, external_id=external_id)], kind) == ["created"]
    elsewhere = place.register.new_trial()
    someone = place.register.drawn(elsewhere)
    record = {"external_id": external_id, "participant_id": someone, "date": "2010-11-16"}
    assert place.ours.push(elsewhere, "conversations", [record])["counts"]["created"] == 1


# --- people -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_people_who_are_not_yours_are_unknown(place: Place, kind: str) -> None:
    """By id and by number; of another jobcentre, of another trial, of none: the same answer."""
    stranger = new_cpr()
    elsewhere = place.register.new_trial()
    number = new_cpr()
    other = place.register.drawn(elsewhere, cpr=number)
    for name, value in (
        ("participant_id", place.bo),
        ("cpr", place.bo_cpr),
        ("participant_id", other),
        ("cpr", number),
        ("participant_id", "0192f0c1-0000-7000-8000-000000000000"),
        ("cpr", stranger),
    ):
        record = {**place.record(kind), "participant_id": None, name: value}
        assert place.errors(record, kind) == {(f"/{name}", "unknown_participant")}


@pytest.mark.parametrize("kind", KINDS)
def test_people_who_were_never_drawn(place: Place, kind: str) -> None:
    """Exemptions and events too."""
    for name, value in (("participant_id", place.waiting), ("cpr", place.waiting_cpr)):
        record = {**place.record(kind), "participant_id": None, name: value}
        assert place.errors(record, kind) == {(f"/{name}", "not_drawn")}


def test_not_drawn_is_told_only_of_your_own(place: Place) -> None:
    """A candidate of another jobcentre is nobody."""
    other = place.register.case_system("860")
    report = other.push(place.trial, "conversations", [place.record(participant_id=place.waiting)])
    assert report["results"][0]["errors"] == [{"pointer": "/records/0/participant_id", "code": "unknown_participant"}]


def test_a_withdrawn_candidate_was_never_drawn(place: Place) -> None:
    someone = place.register.screen(place.trial, channel="supplement", unemployed_since="2010-09-01")["participant_id"]
    path = f"/v1/trials/{place.trial}/participants/{someone}/withdrawal"
    assert place.ours.post(path, {"reason": "moved"}).status_code == 200
    assert place.errors(place.record(participant_id=someone)) == {("/participant_id", "not_drawn")}


def test_a_register_sends_over_all_its_jobcentres(place: Place) -> None:
    """One batch, people of several jobcentres, by number; strangers are a normal outcome."""
    integration = place.register.client("register", client_id="activity-register")
    facts = {**FACTS["activations"], "not_workplace_reason": "other"}
    batch = [
        {"external_id": record_id(), "cpr": place.anna_cpr, **facts},
        {"external_id": record_id(), "cpr": new_cpr(), **facts},
        {"external_id": record_id(), "cpr": place.bo_cpr, **facts},
        {"external_id": record_id(), "cpr": place.waiting_cpr, **facts},
    ]
    report = integration.push(place.trial, "activations", batch)
    assert (report["counts"]["created"], report["counts"]["rejected"]) == (2, 2)
    assert [result["errors"][0]["code"] for result in report["results"]] == ["unknown_participant", "not_drawn"]
    assert [result["errors"][0]["pointer"] for result in report["results"]] == ["/records/1/cpr", "/records/3/cpr"]
    for record, jobcentre in ((batch[0], "849"), (batch[2], "860")):
        shown = place.register.case_system(jobcentre).get(
            f"/v1/trials/{place.trial}/activations/{record['external_id']}"
        )
        assert (shown.status_code, shown.json()["client_id"]) == (200, "activity-register")
    # and nothing but activations
    for kind in ("conversations", "exemptions", "presence-events"):
        response = integration.post(f"/v1/trials/{place.trial}/{kind}/batch", {"records": [place.record(kind)]})
        problem(response, 403, "insufficient_scope")


def test_who_may_send(place: Place) -> None:
    body = {"records": [place.record()]}
    path = f"/v1/trials/{place.trial}/conversations/batch"
    problem(place.register.client("region").post(path, body), 403, "insufficient_scope")
    problem(place.register.client("agency").post(path, body), 403, "insufficient_scope")
    problem(place.register.case_system("101").post(path, body), 404, "not_found")
    problem(place.ours.post("/v1/trials/no-such-trial/conversations/batch", body), 404, "not_found")
    problem(place.ours.post(f"/v1/trials/{place.trial}/talks/batch", body), 404, "not_found")
    assert place.register.http.post(path, json=body).status_code == 401


# --- every rejection, with its pointer --------------------------------------------------------------------------------

Faults = set[tuple[str, str]]


def of(pointer: str, code: str) -> Faults:
    return {(pointer, code)}


Fault = tuple[dict[str, Any], Faults]


def wrong(name: str, code: str, *values: Any) -> list[Fault]:
    """Values that a field does not take."""
    return [({name: value}, of(f"/{name}", code)) for value in values]


def required(name: str) -> list[Fault]:
    return wrong(name, "missing_field", None)


def codes(*names: str) -> list[Fault]:
    """What no field of codes takes: another code, another case, another type."""
    others: tuple[Any, ...] = ("x", "", "HELD", 1, True, [], {}, "\0")
    return [fault for name in names for fault in wrong(name, "invalid_value", *others)]


def flag(name: str) -> list[Fault]:
    return wrong(name, "invalid_value", "true", 1, 0, "yes", [])


def day(name: str) -> list[Fault]:
    """What is no date: another spelling, a time, a day that the calendar does not have."""
    spelled = ("16-11-2010", "2010-1-1", "20101116", "2010-W46", "2010-11-16T00:00:00", "2010-11-16 ", "")
    no_days = ("2010-11-31", "2011-02-29", "0000-01-01", "99999-01-01", "\uff12\uff10\uff11\uff10-11-16")
    return wrong(name, "invalid_value", *spelled, *no_days, 20101116, 0, True, ["2010-11-16"])


WITHOUT_PERSON: dict[str, Any] = {"participant_id": None}
REMATCH: dict[str, Any] = {"kind": "rematch", "reason": None}
ENVELOPE_FAULTS: list[Fault] = [
    *required("external_id"),
    *wrong("external_id", "invalid_value", "", "x" * 101, 7, True, [], {}, "\0", "a\0b"),
    *wrong("external_id", "invalid_value", "7101701234", "710170-1234", "0101701234", " 7101701234"),
    *wrong("revision", "invalid_value", -1, 1.5, 1.0, "1", True, MAX_REVISION + 1, 10**30, [1]),
    (WITHOUT_PERSON, of("/participant_id", "missing_field")),
    ({"cpr": "7101701234"}, of("/cpr", "invalid_value")),  # exactly one of the two
    *wrong("participant_id", "invalid_value", "x", 7, True, {}, "\0" * 36),
    *[
        ({**WITHOUT_PERSON, **changes}, faults)
        for changes, faults in wrong(
            "cpr",
            "invalid_cpr",
            *("x", "", "3113701234", "710170123", "71017012345", "710170 1234", "\0" * 10),
            *(7101701234, True, []),
        )
    ],
    ({"note": "x"}, of("", "unknown_field")),
    ({"date_": None}, of("", "unknown_field")),
    ({"": 1}, of("", "unknown_field")),
    ({"note": 1, "Date": 1}, of("", "unknown_field")),
    *wrong("retracted", "invalid_value", "true", 1, 0, []),
    ({"retraction_reason": "duplicate"}, of("/retraction_reason", "invalid_value")),
    ({"retracted": False, "retraction_reason": "duplicate"}, of("/retraction_reason", "invalid_value")),
    ({"retracted": True}, of("/retraction_reason", "missing_field")),
    ({"retracted": True, "retraction_reason": "bored"}, of("/retraction_reason", "invalid_value")),
    ({"retracted": True, "retraction_reason": 1}, of("/retraction_reason", "invalid_value")),
    ({"retracted": True, "retraction_reason": "duplicate", "note": 1}, of("", "unknown_field")),
    (
        {"retracted": True, "retraction_reason": "bored", "revision": -1, "external_id": ""},
        {("/retraction_reason", "invalid_value"), ("/revision", "invalid_value"), ("/external_id", "invalid_value")},
    ),
]
KIND_FAULTS: Mapping[str, list[Fault]] = {
    "conversations": [
        *required("date"),
        *day("date"),
        *wrong("date", "date_in_future", "2012-06-02", "9999-12-31"),
        *codes("status", "form", "place", "conducted_by", "remote_ground"),
        *flag("mentor_present"),
        *flag("job_interview"),
        *wrong("focus", "invalid_value", "motivation", 1, {}, True),
        ({"focus": ["motivation", "x", 1]}, of("/focus/1", "invalid_value") | of("/focus/2", "invalid_value")),
        ({"focus": [None]}, of("/focus/0", "invalid_value")),
        *wrong("justification", "invalid_value", "Borgeren er syg", "", "x" * 61, 1, "a\0", "æ"),
        (
            {"date": "never", "place": "moon", "revision": -1, "note": 1, "participant_id": None},
            {
                ("/date", "invalid_value"),
                ("/place", "invalid_value"),
                ("/revision", "invalid_value"),
                ("", "unknown_field"),
                ("/participant_id", "missing_field"),
            },
        ),
        # what is wrong in itself is told beside what is malformed: "every fault with its pointer"
        ({"date": "2012-06-02", "place": "moon"}, {("/date", "date_in_future"), ("/place", "invalid_value")}),
        ({"date": "2012-06-02", "external_id": None}, {("/date", "date_in_future"), ("/external_id", "missing_field")}),
        ({"date": "2012-06-02", "focus": ["x"]}, {("/date", "date_in_future"), ("/focus/0", "invalid_value")}),
    ],
    "activations": [
        *required("type"),
        *required("starts_on"),
        *required("hours_per_week"),
        *day("starts_on"),
        *day("ends_on"),
        *codes("type", "mentor", "reduced_hours_reason", "not_workplace_reason"),
        *wrong("ends_on", "ends_before_start", "2011-01-02"),
        *wrong("hours_per_week", "hours_out_of_range", 0, -1, "0.00", 60.01, "60.01", 61, 168, 999999),
        *wrong("hours_per_week", "invalid_value", "ten", "", True, [], "7,5", "1e1", " 10", "NaN", "Infinity"),
        *wrong("hours_per_week", "invalid_value", 0.001, "10.001", 1e300, "\uff11\uff10"),
        *flag("company_centre"),
        *wrong(
            "cvr_number", "invalid_cvr", "12345678", "1015081", "101508170", "", "10150817 ", "DK10150817", "abcdefgh"
        ),
        *wrong("p_number", "invalid_value", "123", "12345678901", 1, "abcdefghij", ""),
        *wrong("mentor_waiver_reason", "invalid_value", "Har ikke brug for den"),
        (
            {"ends_on": "2011-01-02", "hours_per_week": 61, "cvr_number": "12345678"},
            {
                ("/ends_on", "ends_before_start"),
                ("/hours_per_week", "hours_out_of_range"),
                ("/cvr_number", "invalid_cvr"),
            },
        ),
        (
            {"type": None, "ends_on": "2011-01-02", "hours_per_week": 0},
            {("/type", "missing_field"), ("/ends_on", "ends_before_start"), ("/hours_per_week", "hours_out_of_range")},
        ),
        ({"starts_on": "x", "ends_on": "2011-01-02"}, of("/starts_on", "invalid_value")),
    ],
    "exemptions": [
        *required("scope"),
        *required("ground"),
        *required("starts_on"),
        *day("starts_on"),
        *day("ends_on"),
        *codes("scope", "ground"),
        *wrong("ends_on", "ends_before_start", "2010-12-05"),
    ],
    "presence-events": [
        *required("kind"),
        *required("date"),
        *required("reason"),
        *day("date"),
        *codes("kind", "reason"),
        *wrong("date", "date_in_future", "2012-06-02"),
        *wrong("date", "event_order", "2010-11-07"),
        (REMATCH, of("/match_group", "missing_field")),
        *[
            ({**REMATCH, **changes}, faults)
            for changes, faults in wrong("match_group", "invalid_value", 0, 4, "2", True, 2.0, 10**30, [2])
        ],
        ({"reason": None, "date": "2012-06-02"}, {("/reason", "missing_field"), ("/date", "date_in_future")}),
        ({"reason": None, "date": "x"}, {("/reason", "missing_field"), ("/date", "invalid_value")}),
    ],
    "support-efforts": [
        *required("area"),
        *required("kind"),
        *required("starts_on"),
        *day("starts_on"),
        *day("ends_on"),
        *codes("area"),
        *wrong("kind", "invalid_value", "Samtaler hos psykolog", "", 1, "7101701234"),
        *wrong("coordinator", "invalid_value", "Else Hansen", "", 1),
        *wrong("ends_on", "ends_before_start", "2010-12-05"),
    ],
    "mentors": [
        *required("starts_on"),
        *day("starts_on"),
        *day("ends_on"),
        *wrong("ends_on", "ends_before_start", "2010-12-05"),
        *wrong("cvr_number", "invalid_cvr", "12345678"),
        *wrong("p_number", "invalid_value", "123", 1),
    ],
    "declined-offers": [
        *required("date"),
        *required("type"),
        *day("date"),
        *codes("type"),
        *wrong("date", "date_in_future", "2012-06-02"),
        *wrong("reason", "invalid_value", "Har ikke lyst", ""),
    ],
    "outcomes": [
        *required("week"),
        *required("status"),
        *codes("status"),
        *wrong("week", "invalid_value", "2010-12-13", "2010-50", "2010-W53", "2010-w50", "2010W50", 201050, True, {}),
        *wrong("week", "date_in_future", "2012-W23"),
        *wrong("benefit_code", "invalid_value", "Kontanthjælp", ""),
        ({"hours_per_week": 10}, of("/hours_per_week", "invalid_value")),  # of a week on a benefit
        ({"status": "employed", "hours_per_week": 0}, of("/hours_per_week", "hours_out_of_range")),
        ({"status": "employed", "hours_per_week": "ten"}, of("/hours_per_week", "invalid_value")),
    ],
}
FAULTS = [(kind, changes, faults) for kind in KINDS for changes, faults in KIND_FAULTS[kind]]
FAULTS += [("conversations", changes, faults) for changes, faults in ENVELOPE_FAULTS]


def test_every_fault_has_its_pointer_and_code(place: Place) -> None:
    """Each alone in a batch of good records, which it does not stop."""
    surprises: list[Any] = []
    for kind in KINDS:
        mine = [(changes, faults) for other, changes, faults in FAULTS if other == kind]
        batch: list[dict[str, Any]] = []
        for changes, _ in mine:
            record = {**place.record(kind), **changes}
            batch += [record, place.record(kind)]
        report = place.push(batch, kind, report="full")
        assert report["counts"]["created"] == len(mine)
        for (changes, faults), result in zip(mine, report["results"][::2], strict=True):
            prefix = f"/records/{result['index']}"
            found = {(e["pointer"].removeprefix(prefix), e["code"]) for e in result.get("errors", [])}
            if found != faults:
                surprises.append((kind, changes, "expected", faults, "found", result["outcome"], found))
    assert surprises == []


def test_a_required_field_that_is_null_is_missing(place: Place) -> None:
    """Null means absent, for every field."""
    for kind in KINDS:
        for name in FACTS[kind]:
            optional = name == "ends_on"
            outcome = place.outcomes([place.record(kind, **{name: None})], kind)
            assert outcome == (["created"] if optional else ["rejected"]), name


def test_hours_beyond_any_week_are_out_of_range(place: Place) -> None:
    """``hours_out_of_range (0 < hours ≤ 60)``: however many."""
    for hours in (10_000_000, 10**18, -(10**18)):
        faults = place.errors(place.record("activations", hours_per_week=hours), "activations")
        assert faults == {("/hours_per_week", "hours_out_of_range")}


def test_the_bounds_are_taken(place: Place) -> None:
    good: list[tuple[str, dict[str, Any]]] = [
        ("conversations", {"external_id": "x" + record_id().ljust(99, "x")}),
        ("conversations", {"external_id": "æ ø/å?#%&" + record_id()}),
        ("conversations", {"external_id": "🙂" * 80 + record_id()}),
        ("conversations", {"external_id": "71017012345" + record_id()}),
        ("conversations", {"date": "2012-06-01"}),
        ("conversations", {"date": "0001-01-01"}),
        ("conversations", {"justification": "x" * 60}),
        ("activations", {"hours_per_week": 0.01}),
        ("activations", {"hours_per_week": 60}),
        ("activations", {"hours_per_week": "60.00"}),
        ("activations", {"starts_on": "0001-01-01", "ends_on": "9999-12-31"}),
        ("activations", {"starts_on": "9999-12-31", "ends_on": None}),
        ("activations", {"starts_on": "2030-01-01", "ends_on": "2030-06-01"}),  # plans are not in the future
        ("activations", {"ends_on": "2011-01-03"}),
        ("activations", {"cvr_number": "10150817", "p_number": "1234567890"}),
        ("exemptions", {"starts_on": "2030-01-01", "ends_on": "2030-01-01"}),
        ("exemptions", {"starts_on": "9999-12-31", "ends_on": None}),
        ("exemptions", {"starts_on": "0001-01-01", "ends_on": "0001-01-01"}),
        ("presence-events", {"date": "2010-11-08"}),
        ("presence-events", {"date": "2012-06-01"}),
    ]
    for kind, changes in good:
        assert place.outcomes([place.record(kind, **changes)], kind) == ["created"], changes


@pytest.mark.parametrize("kind", ["conversations", "presence-events"])
def test_date_in_future_is_after_the_day_of_receipt_in_copenhagen(place: Place, clock: Any, kind: str) -> None:
    """An hour before midnight in Greenwich it is tomorrow in Copenhagen, in winter; in summer two hours before."""
    for moment, today, tomorrow in (
        (datetime(2010, 11, 15, 22, 59, 59, tzinfo=UTC), "2010-11-15", "2010-11-16"),
        (datetime(2010, 11, 15, 23, 0, tzinfo=UTC), "2010-11-16", "2010-11-17"),
        (datetime(2011, 6, 1, 21, 59, 59, tzinfo=UTC), "2011-06-01", "2011-06-02"),
        (datetime(2011, 6, 1, 22, 0, tzinfo=UTC), "2011-06-02", "2011-06-03"),
    ):
        clock.now = moment
        assert place.outcomes([place.record(kind, date=today), place.record(kind, date=tomorrow)], kind) == [
            "created",
            "rejected",
        ]
        assert place.errors(place.record(kind, date=tomorrow), kind) == {("/date", "date_in_future")}


def test_revision_conflict_points_at_the_revision(place: Place) -> None:
    record = place.record(revision=3)
    place.push([record])
    assert place.errors({**record, "date": "2010-11-17"}) == {("/revision", "revision_conflict")}


@pytest.mark.parametrize("record", [None, 1, "x", [], [{}], True, 1.5])
def test_a_record_that_is_no_object(place: Place, record: Any) -> None:
    report = place.push([place.record(), record])
    assert report["counts"]["created"] == 1
    assert report["results"] == [
        {
            "index": 1,
            "external_id": None,
            "outcome": "rejected",
            "errors": [{"pointer": "/records/1", "code": "invalid_json"}],
        }
    ]


def test_an_external_id_is_repeated_unless_it_is_none(place: Place) -> None:
    """That of a faulty record is in the report; one that is missing, wrong or a CPR number is null."""
    faulty = [place.record(date="never", external_id=value) for value in ("fine", None, 7, "", "\0", "7101701234")]
    report = place.push(faulty)
    assert [result["external_id"] for result in report["results"]] == ["fine", None, None, None, None, None]


# --- nothing that was sent comes back ---------------------------------------------------------------------------------


def canaries(cpr: str) -> Iterator[tuple[str, bytes]]:
    """Bodies with a CPR number in every place where one could stand, and their media types."""
    good = {"external_id": "canary", "date": "2010-11-16"}
    names = (
        "external_id",
        "revision",
        "participant_id",
        "date",
        "status",
        "form",
        "focus",
        "mentor_present",
        "justification",
        "retracted",
        "retraction_reason",
    )
    for name in names:
        for value in (cpr, int(cpr), [cpr], {cpr: cpr}):
            yield "application/json", json.dumps({"records": [{**good, "cpr": "x", name: value}]}).encode()
    records: list[Any] = [{**good, cpr: cpr}, {cpr: cpr}, cpr, int(cpr), [cpr], {**good, "cpr": f"{cpr}9"}]
    records += [{**good, "cpr": cpr}, {**good, "cpr": f"{cpr[:6]}-{cpr[6:]}"}, {**good, "cpr": cpr, "date": cpr}]
    records += [{**good, "retracted": True, "retraction_reason": cpr}, {**good, "focus": [[cpr], {cpr: 1}]}]
    yield "application/json", json.dumps({"records": records}).encode()
    for body in (cpr, f'"{cpr}"', f'{{"{cpr}": 1}}', f'{{"records": "{cpr}"}}', f'{{"records": [{cpr}', f"[{cpr}]"):
        yield "application/json", body.encode()
    yield "application/json", json.dumps({"records": [], cpr: cpr}).encode()
    yield "application/x-ndjson", f'{cpr}\n"{cpr}"\n{{"{cpr}\n{{"{cpr}": 1}}\n{{"cpr": "{cpr}"}}\n'.encode()
    yield "text/csv", f"external_id,{cpr}\ncanary,{cpr}\n{cpr},{cpr},{cpr}\n".encode()
    yield "text/csv", f"external_id,date,cpr\ncanary,{cpr},{cpr}\n{cpr},2010-11-16,{cpr}\n".encode()
    yield "text/csv", f'external_id,"{cpr}"{cpr}\n'.encode()
    yield "text/csv", f"{cpr},{cpr}\n".encode()
    yield f"text/{cpr}", cpr.encode()


@pytest.mark.parametrize("report", ["default", "full"])
def test_no_value_of_a_body_comes_back(place: Place, report: str) -> None:
    """In no report, no problem, no header, and no receipt (api.md: "No error … ever repeats a value")."""
    cpr = new_cpr()
    for kind in ("conversations", "activations"):
        for media_type, body in canaries(cpr):
            answer = place.send(body, media_type, kind, report=report)
            assert answer.status_code in (207, 400, 415, 422), (answer.status_code, body)
            shown = f"{answer.text} {dict(answer.headers)}"
            if answer.status_code == 207:
                receipt = place.ours.get(f"/v1/batches/{answer.json()['batch_id']}")
                assert receipt.json() == answer.json()
                shown += receipt.text
            assert cpr not in shown, body
            assert f"{cpr[:6]}-{cpr[6:]}" not in shown, body


def test_a_pointer_to_an_unknown_field_ends_at_its_parent(place: Place) -> None:
    assert place.errors(place.record(secret_of_someone=1)) == {("", "unknown_field")}
    response = place.send('{"records": [{}], "secret_of_someone": 1}')
    problem(response, 422, "malformed", ("", "unknown_field"))
    assert "secret" not in response.text


# --- the whole batch --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"records",
        b'{"records": [',
        b'{"records": [{"date": NaN}]}',
        b'{"records": [{"date": Infinity}]}',
        b"{'records': []}",
        b'{"records": []} x',
        b'\xff\xfe{"records": []}',
        b'{"records": ["\xff"]}',
        '{"records": []}'.encode("utf-16"),
        b'{"records": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"records": [' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"]}",
    ],
)
def test_not_json(place: Place, body: bytes) -> None:
    problem(place.send(body), 400, "invalid_json", ("", "invalid_json"))


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ("null", "", "invalid_value"),
        ("1", "", "invalid_value"),
        ('"records"', "", "invalid_value"),
        ("[]", "", "invalid_value"),
        ('[{"external_id": "x"}]', "", "invalid_value"),
        ("{}", "/records", "missing_field"),
        ('{"records": null}', "/records", "missing_field"),
        ('{"records": {}}', "/records", "invalid_value"),
        ('{"records": "x"}', "/records", "invalid_value"),
        ('{"records": 1}', "/records", "invalid_value"),
    ],
)
def test_no_list_of_records(place: Place, body: str, pointer: str, code: str) -> None:
    problem(place.send(body), 422, "malformed", (pointer, code))


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", '{"records": []}'),
        ("application/x-ndjson", ""),
        ("application/x-ndjson", "\n \r\n\t\n"),
        ("text/csv", ""),
        ("text/csv", "external_id,date\n"),
        ("text/csv", "\n\n"),
    ],
)
def test_no_record_at_all(place: Place, media_type: str, body: str) -> None:
    """1–10,000 records."""
    response = place.send(body, media_type)
    problem(response, 422, "malformed")
    assert response.json()["errors"]


def test_an_unknown_field_beside_the_records(place: Place) -> None:
    body: dict[str, Any] = {"records": [place.record()], "atomic": True}
    problem(place.send(json.dumps(body)), 422, "malformed", ("", "unknown_field"))
    assert place.shown(body["records"][0]["external_id"]) is None
    both = {"record": [], "comment": 1}
    problem(place.send(json.dumps(both)), 422, "malformed", ("", "unknown_field"), ("/records", "missing_field"))


@pytest.mark.parametrize(
    ("media_type", "line", "head"),
    [("application/x-ndjson", "1\n", ""), ("text/csv", "x\n", "external_id\n")],
)
def test_ten_thousand_records_and_no_more(place: Place, media_type: str, line: str, head: str) -> None:
    full = place.send(head + line * 10_000, media_type)
    assert full.status_code == 207
    assert (full.json()["received"], full.json()["counts"]["rejected"]) == (10_000, 10_000)
    problem(place.send(head + line * 10_001, media_type), 413, "too_large")


def test_ten_thousand_records_of_json(place: Place) -> None:
    good = place.record()
    more = json.dumps({"records": [good, *[1] * 9_999]})
    assert place.send(more).json()["counts"] == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "stale": 0,
        "retracted": 0,
        "rejected": 9_999,
    }
    new = place.record()
    problem(place.send(json.dumps({"records": [new, *[1] * 10_000]})), 413, "too_large")
    assert place.shown(new["external_id"]) is None


def test_sixteen_mebibytes_and_no_more(place: Place) -> None:
    record = json.dumps(place.record()).encode()
    body = b'{"records": [' + record + b"]}"
    limit = 16 * 1024 * 1024
    assert place.send(body.ljust(limit)).status_code == 207
    problem(place.send(body.ljust(limit + 1)), 413, "too_large")


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "text/plain",
        "application/xml",
        "application/jsonl",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/problem+json",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "text/csv; charset=windows-1252",
        "text/csv; header=present; charset=latin1",
        "",
        ";",
    ],
)
def test_other_media_types(place: Place, media_type: str | None) -> None:
    problem(place.send(json.dumps({"records": [place.record()]}), media_type), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json ; charset="UTF-8"',
        "application/json; charset=UTF-8; profile=x",
    ],
)
def test_media_types_with_parameters(place: Place, media_type: str) -> None:
    assert place.send(json.dumps({"records": [place.record()]}), media_type).status_code == 207


def test_a_compressed_body_is_not_taken(place: Place) -> None:
    response = place.send(b"x", headers={"Content-Encoding": "gzip"})
    problem(response, 415, "unsupported_media_type")


# --- NDJSON -----------------------------------------------------------------------------------------------------------


def test_ndjson(place: Place) -> None:
    records = [place.record(), place.record(form="group"), place.record(date="never")]
    response = place.ndjson(*records)
    assert response.status_code == 207
    report = response.json()
    assert (report["received"], report["counts"]["created"]) == (3, 2)
    assert report["results"][1]["errors"] == [{"pointer": "/records/2/date", "code": "invalid_value"}]
    assert place.shown(records[0]["external_id"])["date"] == "2010-11-16"


def test_ndjson_of_windows_and_without_a_last_line_break(place: Place) -> None:
    lines = [json.dumps(place.record()) for _ in range(3)]
    for body in ("\r\n".join(lines), "\r\n".join(lines) + "\r\n", "\n".join(lines)):
        response = place.send(body, "application/x-ndjson; charset=utf-8")
        assert (response.json()["received"], response.json()["counts"]["rejected"]) == (3, 0)


def test_blank_lines_are_no_records(place: Place) -> None:
    """Neither counted nor numbered."""
    response = place.ndjson("", place.record(), "  ", "\t\r", place.record(date="never"), "")
    report = response.json()
    assert (report["received"], [result["index"] for result in report["results"]]) == (2, [1])


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "x",
        "null",
        "1",
        "[]",
        '"{}"',
        '{"external_id": "a"} {"external_id": "b"}',
        '{"external_id": "a",}',
        '{"date": NaN}',
        '{"external_id": "\\ud800"}',
        '{"external_id": "\\x"}',
        "[" * 50_000,
        '{"a":' * 50_000,
    ],
)
def test_a_line_that_is_no_object_stops_no_other(place: Place, line: str) -> None:
    report = place.ndjson(place.record(), line, place.record()).json()
    assert report["counts"]["created"] == 2
    assert report["results"] == [
        {
            "index": 1,
            "external_id": None,
            "outcome": "rejected",
            "errors": [{"pointer": "/records/1", "code": "invalid_json"}],
        }
    ]


def test_a_line_that_is_not_utf_8_stops_no_other(place: Place) -> None:
    lines = [json.dumps(place.record()).encode(), b'{"external_id": "\xe6"}', json.dumps(place.record()).encode()]
    report = place.send(b"\n".join(lines), "application/x-ndjson").json()
    assert (report["counts"]["created"], report["results"][0]["errors"][0]["code"]) == (2, "invalid_json")


# --- CSV --------------------------------------------------------------------------------------------------------------


def csv_of(records: Sequence[Mapping[str, Any]], **dialect: Any) -> str:
    """The records as a spreadsheet writes them: lists by |, nothing for null."""
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO()
    writer = csv.writer(text, **dialect)
    writer.writerow(names)
    for record in records:
        cells: list[str] = []
        for name in names:
            value = record.get(name)
            if isinstance(value, bool):
                cells.append("true" if value else "false")
            else:
                cells.append("|".join(value) if isinstance(value, list) else "" if value is None else str(value))
        writer.writerow(cells)
    return text.getvalue()


RICH: Mapping[str, Mapping[str, Any]] = {
    "conversations": {
        "revision": MAX_REVISION,
        "date": "2011-01-19",
        "status": "held",
        "form": "telephone",
        "place": "company",
        "conducted_by": "external_provider",
        "mentor_present": True,
        "remote_ground": "illness",
        "job_interview": False,
        "focus": ["motivation", "retention"],
        "justification": "professional_assessment",
    },
    "activations": {
        "revision": 0,
        "type": "work_placement_public",
        "starts_on": "2011-01-03",
        "ends_on": "2011-03-01",
        "hours_per_week": 7.25,
        "reduced_hours_reason": "health",
        "not_workplace_reason": None,
        "cvr_number": "10150817",
        "p_number": "0123456789",
        "company_centre": True,
        "mentor": "waived",
        "mentor_waiver_reason": "no_purpose",
    },
    "exemptions": {**FACTS["exemptions"], "revision": None},
    "presence-events": {"kind": "rematch", "date": "2010-12-01", "reason": None, "match_group": 3, "revision": 2},
    "support-efforts": {**FACTS["support-efforts"], "ends_on": "2011-02-01", "coordinator": "company_consultant"},
    "mentors": {**FACTS["mentors"], "ends_on": "2011-02-01", "cvr_number": "10150817", "p_number": "0123456789"},
    "declined-offers": {**FACTS["declined-offers"], "reason": "transport"},
    "outcomes": {"week": "2010-W50", "status": "employed", "hours_per_week": 32.5, "benefit_code": None},
}


@pytest.mark.parametrize("kind", KINDS)
def test_csv_says_what_json_says(place: Place, kind: str) -> None:
    """The same names in the header: a record in CSV is the same content as the one in JSON, field by field."""
    record = place.record(kind, **RICH[kind])
    response = place.send(csv_of([record]), "text/csv", kind, report="full")
    assert (response.status_code, response.json()["counts"]["created"]) == (207, 1), response.text
    assert place.outcomes([record], kind) == ["unchanged"]
    shown = place.shown(record["external_id"], kind)
    assert {name: shown[name] for name in RICH[kind]} == dict(RICH[kind])


def test_csv_of_a_spreadsheet(place: Place) -> None:
    """A byte order mark, CRLF, quotes, a comma and a line break within them, blank lines."""
    ids = [record_id(), f'{record_id()}, "two"\nlines', record_id()]
    records = [place.record(external_id=each, focus=["motivation"]) for each in ids]
    body = csv_of(records, quoting=csv.QUOTE_ALL).replace("\r\n", "\r\n\r\n")
    response = place.send(b"\xef\xbb\xbf" + body.encode(), "text/csv; charset=utf-8; header=present", report="full")
    assert [result["external_id"] for result in response.json()["results"]] == ids
    assert response.json()["counts"]["created"] == 3


def test_csv_retractions_and_corrections(place: Place) -> None:
    """Columns of both; what is empty is null."""
    record = place.record(revision=1)
    place.push([record])
    retraction = {
        "external_id": record["external_id"],
        "revision": 2,
        "retracted": True,
        "retraction_reason": "duplicate",
    }
    other = place.record(retracted=False)
    report = place.send(csv_of([retraction, other]), "text/csv", report="full").json()
    assert [result["outcome"] for result in report["results"]] == ["retracted", "created"]


def test_csv_by_number(place: Place) -> None:
    body = csv_of([{"external_id": record_id(), "cpr": place.anna_cpr, "date": "2010-11-16"}])
    assert place.send(body, "text/csv").json()["counts"]["created"] == 1


@pytest.mark.parametrize(
    ("name", "value", "pointer", "code"),
    [
        ("mentor_present", "TRUE", "/mentor_present", "invalid_value"),
        ("mentor_present", "1", "/mentor_present", "invalid_value"),
        ("mentor_present", "ja", "/mentor_present", "invalid_value"),
        ("retracted", "yes", "/retracted", "invalid_value"),
        ("revision", "1.0", "/revision", "invalid_value"),
        ("revision", "-1", "/revision", "invalid_value"),
        ("revision", "x", "/revision", "invalid_value"),
        ("revision", "9223372036854775808", "/revision", "invalid_value"),
        ("revision", "9" * 5000, "/revision", "invalid_value"),
        ("focus", "motivation,retention", "/focus/0", "invalid_value"),
        ("focus", "motivation|", "/focus/1", "invalid_value"),
        ("focus", "|", "/focus/0", "invalid_value"),
        ("date", "16/11/2010", "/date", "invalid_value"),
        ("date", "", "/date", "missing_field"),
        ("external_id", "", "/external_id", "missing_field"),
        ("external_id", "a\0b", "/external_id", "invalid_value"),
        ("note", "x", "", "unknown_field"),
        ("note", "", "", "unknown_field"),
        ("participant_id", "", "/participant_id", "missing_field"),
    ],
)
def test_csv_faults(place: Place, name: str, value: str, pointer: str, code: str) -> None:
    """The same codes and pointers; a record, not the batch."""
    faulty = {**place.record(), name: value}
    good = {**place.record(), **({"note": ""} if name == "note" else {})}
    report = place.send(csv_of([faulty, good]), "text/csv").json()
    prefix = "/records/0"
    found = {(e["pointer"], e["code"]) for e in report["results"][0]["errors"]}
    assert (prefix + pointer, code) in found
    assert {found_code for _, found_code in found} == {code}
    assert report["counts"]["created"] == (0 if name == "note" else 1)


def test_csv_with_too_many_values(place: Place) -> None:
    """One value more than columns is a field without a name; the other rows are taken."""
    good = place.record()
    head = "external_id,participant_id,date"
    row = f"{record_id()},{place.anna},2010-11-16"
    body = f"{head}\n{row},extra\n{good['external_id']},{place.anna},2010-11-16\n"
    report = place.send(body, "text/csv").json()
    assert report["counts"]["created"] == 1
    assert report["results"][0]["errors"] == [{"pointer": "/records/0", "code": "unknown_field"}]


@pytest.mark.parametrize(
    "body",
    [
        "external_id,date,date\nx,2010-11-16,2010-11-16\n",  # a column twice
        'external_id,date\n"x,2010-11-16\n',  # a quote that is never closed
        'external_id,date\nx,"2010-11-16"y\n',  # and one that is closed too early
    ],
)
def test_not_csv(place: Place, body: str) -> None:
    problem(place.send(body, "text/csv"), 422, "malformed")


@pytest.mark.parametrize("media_type", ["text/csv", "application/json"])
def test_not_utf_8(place: Place, media_type: str) -> None:
    problem(place.send("external_id,date\næ,2010-11-16\n".encode("latin-1"), media_type), 400, "invalid_json")


# --- what a driver or a parser chokes on ------------------------------------------------------------------------------


def test_numbers_beyond_any_column(place: Place) -> None:
    """Integers of 31, 400 and 5,000 digits, wherever a number may stand: a record's fault, never an error here."""
    for digits in (31, 400, 4299):
        huge = "9" * digits
        lines = [
            json.dumps(place.record("activations")).replace("}", f', "revision": {huge}}}'),
            json.dumps(place.record("activations", hours_per_week=0)).replace(": 0", f": {huge}"),
            json.dumps(place.record("activations", starts_on=0)).replace(": 0", f": {huge}"),
            json.dumps(place.record("activations", note=0)).replace(": 0", f": {huge}"),
        ]
        report = place.send("\n".join(lines), "application/x-ndjson", "activations").json()
        assert (report["received"], report["counts"]["rejected"]) == (4, 4)
    for literal in ("9" * 5000, "1e400", "-1e400", "1e-400", "-0", "9" * 5000 + ".5"):
        body = json.dumps({"records": [place.record("activations", hours_per_week=0)]}).replace(
            ": 0}", f": {literal}}}"
        )
        response = place.send(body, kind="activations")
        assert response.status_code in (207, 400), literal
        assert response.status_code == 400 or response.json()["counts"]["rejected"] == 1


def test_lone_surrogates(place: Place) -> None:
    """Half a character is no JSON text that anything could store."""
    for text in ("\\ud800", "\\udc00", "\\ud800\\ud800", "a\\udfffb"):
        for name in ("external_id", "justification", "form", "cpr", "participant_id", "note"):
            body = f'{{"records": [{{"{name}": "{text}"}}]}}'
            response = place.send(body)
            assert response.status_code in (207, 400), (name, text)
            assert response.status_code == 400 or response.json()["counts"]["rejected"] == 1
    whole = place.record(external_id=f"🙂{record_id()}")
    assert place.send(json.dumps({"records": [whole]})).json()["counts"]["created"] == 1  # a pair is one character


def test_nesting_that_a_parser_takes(place: Place) -> None:
    deep: Any = "x"
    for _ in range(60):
        deep = {"records": [deep]}
    assert place.errors(place.record(note=deep)) == {("", "unknown_field")}
    assert place.errors(place.record(date=deep)) == {("/date", "invalid_value")}
    assert place.errors(place.record(focus=deep)) == {("/focus", "invalid_value")}
    assert {code for _, code in place.errors(place.record(focus=[deep]))} == {"invalid_value"}


def test_a_name_twice_in_a_record(place: Place) -> None:
    """JSON leaves it open which counts; it is stored as one of the two, or refused, and it is no error of ours."""
    record = json.dumps(place.record())[:-1] + ', "date": "2010-11-17"}'
    response = place.send(f'{{"records": [{record}]}}')
    assert response.status_code in (207, 400)
