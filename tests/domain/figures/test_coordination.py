"""Who had a mentor and which support effort, by week (domain 4.7 [F])."""

from typing import Any

from app.domain.figures.summary import codes_of, coordination_so_far
from app.domain.rules.calendar import monday_of_code
from tests.domain.figures.weekly_figures import counted

EFFORT = {"area": "health", "kind": "psychologist", "starts_on": "2010-11-19", "ends_on": "2010-11-22"}
PLACEMENT = {"type": "work_placement_public", "starts_on": "2010-12-06", "ends_on": "2010-12-10", "hours_per_week": 10}


def weeks_with(name: str, **records: Any) -> list[str]:
    """The weeks in which a person assigned on 2010-11-08 (2010-W45) is counted under a name."""
    found = counted(records)
    return [day.strftime("%G-W%V") for day, n in sorted(found.items()) if codes_of("coordination", n).get(name)]


def first_of(name: str, **records: Any) -> list[str]:
    found = counted(records)
    return [day.strftime("%G-W%V") for day, n in sorted(found.items()) if coordination_so_far(n)[name]]


def test_an_effort_counts_in_each_week_of_which_it_covers_a_working_day() -> None:
    """Domain 4.7: support effort: first and last day. From a Friday to a Monday: two weeks."""
    assert weeks_with("health", support_efforts=[EFFORT]) == ["2010-W46", "2010-W47"]
    assert weeks_with("company", support_efforts=[EFFORT]) == []
    weekend = {**EFFORT, "starts_on": "2010-11-20", "ends_on": "2010-11-21"}
    assert weeks_with("health", support_efforts=[weekend]) == []


def test_two_efforts_of_an_area_are_one_person() -> None:
    """The summary says who has had which coordination: people, not efforts."""
    efforts = [EFFORT, {**EFFORT, "kind": "patient_rights"}, {**EFFORT, "starts_on": "2010-12-06", "ends_on": None}]
    found = counted({"support_efforts": efforts})
    assert codes_of("coordination", found[monday_of_code("2010-W46")]) == {"health": 1}
    assert first_of("health", support_efforts=efforts) == ["2010-W46"]


def test_a_mentor_is_one_recorded_or_assigned_at_a_workplace() -> None:
    """Domain 4.6, 4.7. A mentor waived, or assigned where there is no workplace, is none."""
    mentor = {"starts_on": "2010-11-22", "ends_on": "2010-11-26"}
    assert weeks_with("mentor", mentors=[mentor]) == ["2010-W47"]
    assert weeks_with("mentor", activations=[{**PLACEMENT, "mentor": "assigned"}]) == ["2010-W49"]
    for other in ({"mentor": "waived"}, {}, {"type": "other_offer", "mentor": "assigned"}):
        assert weeks_with("mentor", activations=[{**PLACEMENT, **other}]) == []
    both = {"mentors": [mentor], "activations": [{**PLACEMENT, "mentor": "assigned"}]}
    assert first_of("mentor", **both) == ["2010-W47"]


def test_what_began_before_the_assignment_counts_from_the_assignment_week_on() -> None:
    early = {"area": "company", "kind": "attendance", "starts_on": "2010-10-01", "ends_on": "2010-11-15"}
    assert weeks_with("company", support_efforts=[early]) == ["2010-W45", "2010-W46"]
    assert first_of("company", support_efforts=[early]) == ["2010-W45"]
