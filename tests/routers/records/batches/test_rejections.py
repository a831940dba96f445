"""Rejected records: every fault of every kind has its pointer and code."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY

import pytest

from tests.register import Register, record_id
from tests.routers.records.batches.common import FACTS, KINDS, MAX_REVISION, Place


@pytest.fixture
def clock(register: Register) -> Iterator[Any]:
    """The clock, set back afterwards."""
    now = register.clock.now
    yield register.clock
    register.clock.now = now


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
    """What is no date: another spelling, a time, a day that no calendar has, a day before 1971 (wild A35)."""
    spelled = ("16-11-2010", "2010-1-1", "20101116", "2010-W46", "2010-11-16T00:00:00", "2010-11-16 ", "")
    no_days = ("2010-11-31", "2011-02-29", "0000-01-01", "99999-01-01", "\uff12\uff10\uff11\uff10-11-16")
    none = ("0001-01-01", "1753-01-01", "1899-12-30", "1900-01-01", "1970-01-01", "1970-12-31")
    return wrong(name, "invalid_value", *spelled, *no_days, *none, 20101116, 0, True, ["2010-11-16"])


WITHOUT_PERSON: dict[str, Any] = {"participant_id": None}
REMATCH: dict[str, Any] = {"kind": "rematch", "reason": None}
ENVELOPE_FAULTS: list[Fault] = [
    *required("external_id"),
    *wrong("external_id", "invalid_value", "", "x" * 101, 7, True, [], {}, "\0", "a\0b"),
    *wrong("external_id", "looks_like_cpr", "7101701234", "710170-1234", "0101701234", " 7101701234"),
    *wrong("revision", "invalid_value", -1, 1.5, "1", True, MAX_REVISION + 1, 10**30, [1]),
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
        *day("planned_ends_on"),
        *codes("type", "mentor", "reduced_hours_reason", "not_workplace_reason", "ended_because", "preventive_kind"),
        *wrong("planned_ends_on", "ends_before_start", "2011-01-02"),
        *wrong("preventive_kind", "invalid_value", "diet"),  # of no other type than a preventive offer: domain 6 [S]
        *wrong("ends_on", "ends_before_start", "2011-01-02"),
        *wrong("hours_per_week", "hours_out_of_range", 0, -1, 0.0, 60.01, 61, 168, 999999),
        *wrong(
            "hours_per_week", "invalid_value", "ten", "", True, [], "7,5", "1e1", " 10", "NaN", "Infinity", "15", "0.00"
        ),
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
            for changes, faults in wrong("match_group", "invalid_value", 0, 4, "2", True, 2.5, 10**30, [2])
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
        *wrong("kind", "invalid_value", "Samtaler hos psykolog", "", 1),
        *wrong("kind", "looks_like_cpr", "7101701234"),
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
        ("conversations", {"date": "1971-01-01"}),
        ("conversations", {"justification": "x" * 60}),
        ("activations", {"hours_per_week": 0.01}),
        ("activations", {"hours_per_week": 60}),
        ("activations", {"hours_per_week": 60.0}),
        ("activations", {"starts_on": "1971-01-01", "ends_on": "9999-12-31"}),
        ("activations", {"starts_on": "9999-12-31", "ends_on": None}),
        ("activations", {"starts_on": "2030-01-01", "ends_on": "2030-06-01"}),  # plans are not in the future
        ("activations", {"ends_on": "2011-01-03"}),
        ("activations", {"cvr_number": "10150817", "p_number": "1234567890"}),
        ("exemptions", {"starts_on": "2030-01-01", "ends_on": "2030-01-01"}),
        ("exemptions", {"starts_on": "9999-12-31", "ends_on": None}),
        ("exemptions", {"starts_on": "1971-01-01", "ends_on": "1971-01-01"}),
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
            "errors": [{"pointer": "/records/1", "code": "invalid_json", "meaning": ANY}],
        }
    ]


def test_an_external_id_is_repeated_unless_it_is_none(place: Place) -> None:
    """That of a faulty record is in the report; one that is missing, wrong or a CPR number is null."""
    faulty = [place.record(date="never", external_id=value) for value in ("fine", None, 7, "", "\0", "7101701234")]
    report = place.push(faulty)
    assert [result["external_id"] for result in report["results"]] == ["fine", None, None, None, None, None]
