"""One person's contribution to the summary (domain 5), by examples of few weeks.

People of PRVIJ are assigned on Monday 2010-11-08 unless a test says otherwise: W45 is the assignment week, W46 week 2.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from app.domain.figures.counts import SUMS, add_up
from app.domain.figures.summary import (
    codes_of,
)
from app.domain.rules.calendar import monday_of_code
from tests.domain.figures.weekly_figures import counted


def week(person: Mapping[str, Any], code: str) -> dict[str, int]:
    """What the person adds to one week."""
    return dict(counted(person).get(monday_of_code(code), {}))


def test_the_assignment_week() -> None:
    """An entry, a participant, nothing due; the interview of the draw is no conversation of the course."""
    found = week({"conversations": [{"date": "2010-11-08"}, {"date": "2010-11-10"}]}, "2010-W45")
    assert found == {
        "state:assignment_week": 1,
        "participants": 1,
        "entries": 1,
        "form:in_person": 1,
        "first_conversations": 1,
    }


def test_a_counted_week() -> None:
    found = week({"conversations": [{"date": "2010-11-10"}, {"date": "2010-11-16"}]}, "2010-W46")
    flags = {"conversation_due": 1, "conversation_held": 1, "conversation_conforming": 1}
    people = {"person:conversation_due": 1, "person:held_80": 1}
    assert found == {"state:counted": 1, "participants": 1, "form:in_person": 1, **flags, **people}


def test_two_conversations_of_a_week_count_once_as_held_and_twice_by_form() -> None:
    """Two "in a week count once" (4.5); "forms and no-shows count conversations, not weeks" (5)."""
    talks = [{"date": "2010-11-16"}, {"date": "2010-11-16"}, {"date": "2010-11-18", "form": "telephone"}]
    found = week({"conversations": talks}, "2010-W46")
    assert found["conversation_held"] == 1
    assert codes_of("form", found) == {"in_person": 2, "telephone": 1}


def test_forms_are_those_of_the_counting_conversations() -> None:
    """Neither a group, nor the mentor, nor what was not held, nor the interview of the draw (4.5)."""
    talks = [
        {"date": "2010-11-16", "form": "group"},
        {"date": "2010-11-16", "conducted_by": "mentor"},
        {"date": "2010-11-16", "status": "cancelled"},
        {"date": "2010-11-16", "status": "no_show"},
        {"date": "2010-11-08"},
    ]
    found = week({"conversations": talks}, "2010-W46")
    assert codes_of("form", found) == {}
    assert found["no_shows"] == 1
    assert "conversation_held" not in found


def test_forms_are_counted_in_weeks_that_are_not_due() -> None:
    """Those "dated in that week, due or not": absent, exempt, and past the last week of the trial."""
    person = {
        "presence_events": [{"kind": "exit", "date": "2010-11-15", "reason": "moved"}],
        "conversations": [{"date": "2010-11-24"}, {"date": "2010-11-25", "status": "no_show"}, {"date": "2012-05-02"}],
    }
    found = week(person, "2010-W47")
    assert found == {"state:absent": 1, "form:in_person": 1, "no_shows": 1, "first_conversations": 1}
    assert week(person, "2012-W18") == {"form:in_person": 1}


@pytest.mark.parametrize(("day", "no_shows"), [("2010-11-07", 0), ("2010-11-08", 0), ("2010-11-09", 1)])
def test_no_shows_are_later_than_the_assignment(day: str, no_shows: int) -> None:
    found = counted({"conversations": [{"date": day, "status": "no_show"}]})
    assert sum(numbers["no_shows"] for numbers in found.values()) == no_shows


def test_the_first_counting_conversation_alone_earns_the_grant() -> None:
    """Of the earliest date, whatever was registered first; in whatever week."""
    talks = [{"date": "2010-12-08"}, {"date": "2010-11-24"}, {"date": "2010-11-16", "form": "group"}]
    found = counted({"conversations": talks})
    assert {monday: n["first_conversations"] for monday, n in found.items() if n["first_conversations"]} == {
        date(2010, 11, 22): 1
    }
    assert sum(n["first_conversations"] for n in counted({}).values()) == 0
    assert (
        week({"conversations": [{"date": "2010-11-09"}, {"date": "2010-11-10"}]}, "2010-W45")["first_conversations"]
        == 1
    )


def test_participants_are_people_whose_week_is_not_absent() -> None:
    person = {
        "presence_events": [
            {"kind": "exit", "date": "2010-11-15", "reason": "education"},
            {"kind": "re_entry", "date": "2010-11-29"},
        ],
        "exemptions": [{"scope": "both", "ground": "illness", "starts_on": "2010-11-29", "ends_on": "2010-12-05"}],
    }
    found = {code: week(person, code) for code in ("2010-W45", "2010-W46", "2010-W47", "2010-W48", "2010-W49")}
    assert [numbers.get("participants", 0) for numbers in found.values()] == [1, 0, 0, 1, 1]
    states = ["assignment_week", "absent", "absent", "exempt", "counted"]
    assert [codes_of("state", numbers) for numbers in found.values()] == [{state: 1} for state in states]


def test_someone_through_is_a_participant() -> None:
    """``complete`` comes before ``absent`` (4.3): a participant, though out and with nothing due."""
    person = {
        "activations": [{"type": "part_time_job", "starts_on": "2010-11-08", "hours_per_week": 20}],
        "presence_events": [{"kind": "exit", "date": "2011-10-03", "reason": "job"}],
    }
    found = week(person, "2011-W41")
    assert found == {"state:complete": 1, "participants": 1}


def test_exits_are_the_effective_ones() -> None:
    """By date; an exit while out counts nowhere, of two on one date the first by reason (4.1)."""
    events = [
        {"kind": "exit", "date": "2010-12-08", "reason": "benefit_ended"},  # while out
        {"kind": "exit", "date": "2010-11-24", "reason": "moved"},  # the second of the date
        {"kind": "exit", "date": "2010-11-24", "reason": "job"},
        {"kind": "re_entry", "date": "2011-01-05"},
        {"kind": "exit", "date": "2011-01-07", "reason": "deceased"},
        {"kind": "rematch", "date": "2010-11-17", "match_group": 1},  # moves nobody
    ]
    found = counted({"presence_events": events})
    exits = {monday: codes_of("exit", numbers) for monday, numbers in found.items() if codes_of("exit", numbers)}
    assert exits == {date(2010, 11, 22): {"job": 1}, date(2011, 1, 3): {"deceased": 1}}


def test_two_exits_in_one_week() -> None:
    events = [
        {"kind": "exit", "date": "2010-11-22", "reason": "job"},
        {"kind": "re_entry", "date": "2010-11-23"},
        {"kind": "exit", "date": "2010-11-24", "reason": "job"},
    ]
    assert codes_of("exit", week({"presence_events": events}, "2010-W47")) == {"job": 2}


def test_an_exit_after_the_last_week_is_counted_in_its_week() -> None:
    """A week past 4.3's last one is nobody's state, and its exits are exits."""
    found = week({"presence_events": [{"kind": "exit", "date": "2012-04-05", "reason": "job"}]}, "2012-W14")
    assert found == {"exit:job": 1}


def test_started_late_carries_its_day() -> None:
    """Assigned on Wednesday 10 November: the seven days end on the 17th, the deviation stands from the 18th (4.5)."""
    assert week({"interview_on": "2010-11-10"}, "2010-W45") == {
        "state:assignment_week": 1,
        "participants": 1,
        "entries": 1,
        "deviation:started_late@2010-11-18": 1,
    }
    in_time = {"interview_on": "2010-11-10", "conversations": [{"date": "2010-11-17"}]}
    assert codes_of("deviation", week(in_time, "2010-W45")) == {}


def test_a_whole_course() -> None:
    """Thirteen weeks without anything: 12 talks due, activation due from week 9 (W01) on."""
    found = add_up([counted({})])
    until = [numbers for monday, numbers in found.items() if monday <= date(2011, 1, 31)]
    total = sum(until, Counter[str]())
    assert {name: total[name] for name in SUMS} == {
        **dict.fromkeys(SUMS, 0),
        "conversation_due": 12,
        "activation_due": 5,
        "entries": 1,
        "first_conversations": 0,
    }
    assert codes_of("deviation", total) == {
        "activation_missing": 5,
        "conversation_missing": 12,
        "started_late@2010-11-16": 1,
    }


def test_a_rematch_to_group_3_is_an_exit() -> None:
    """Domain 4.1; the exit told the same day is no second one."""
    events = [
        {"kind": "rematch", "date": "2010-11-24", "match_group": 3},
        {"kind": "exit", "date": "2010-11-25", "reason": "match_group_3"},
    ]
    found = week({"presence_events": events}, "2010-W47")
    assert codes_of("exit", found) == {"match_group_3": 1}
    assert "deviation:event_without_effect" not in found


@pytest.mark.parametrize(
    ("talks", "reason"),
    [
        ([{"status": "no_show"}, {"status": "cancelled"}, {"form": "group"}], "no_show"),
        ([{"status": "cancelled"}, {"conducted_by": "mentor"}], "cancelled"),
        ([{"conducted_by": "mentor"}], "mentor_only"),
        ([{"conducted_by": "mentor"}, {"form": "group"}], "not_accepted"),
        ([{"form": "group"}], "not_accepted"),
        ([], "nothing"),
    ],
)
def test_why_a_due_conversation_is_missing(talks: list[dict[str, str]], reason: str) -> None:
    """Domain 5: the first reason that applies to the week."""
    missed = [{"date": "2010-11-16", **talk} for talk in talks]
    assert codes_of("missing", week({"conversations": missed}, "2010-W46")) == {reason: 1}
    held = [*missed, {"date": "2010-11-17"}]
    assert codes_of("missing", week({"conversations": held}, "2010-W46")) == {}


def test_talks_told_by_several_are_counted_once() -> None:
    """Domain 4.5: of the client with the most counting ones, then the most, then the first by name."""

    def forms(*talks: tuple[str, str]) -> dict[str, int]:
        told = [{"date": "2010-11-16", "client": client, "form": form} for client, form in talks]
        return codes_of("form", week({"conversations": told}, "2010-W46"))

    assert forms(("b", "in_person"), ("a", "telephone")) == {"telephone": 1}
    assert forms(("b", "in_person"), ("b", "digital"), ("a", "telephone")) == {"in_person": 1, "digital": 1}
    assert forms(("b", "in_person"), ("a", "group"), ("a", "group")) == {"in_person": 1}
    other_days = [{"date": "2010-11-16", "client": "a"}, {"date": "2010-11-17", "client": "b"}]
    assert codes_of("form", week({"conversations": other_days}, "2010-W46")) == {"in_person": 2}


def test_what_a_week_holds_is_the_same_whoever_told_it() -> None:
    """Domain 4.5: in person by either client is in person."""
    told = [{"date": "2010-11-16", "client": "b"}, {"date": "2010-11-16", "client": "a", "form": "telephone"}]
    assert week({"conversations": told}, "2010-W46")["conversation_conforming"] == 1


def test_people_by_what_they_ever_had() -> None:
    """Domain 5, by person: each in the first week of it; 80 % of the due conversations from and until which week."""
    placement = {"type": "other_offer", "starts_on": "2011-01-17", "hours_per_week": 20}
    found = counted({"activations": [placement], "conversations": [{"date": "2010-11-16"}]})
    people = {monday: codes_of("person", numbers) for monday, numbers in found.items() if codes_of("person", numbers)}
    assert people == {
        date(2010, 11, 15): {"conversation_due": 1, "held_80": 1},
        date(2010, 11, 22): {"held_80": -1},
        date(2011, 1, 3): {"activation_due": 1},
        date(2011, 1, 17): {"activated": 1},
    }
