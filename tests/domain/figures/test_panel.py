"""The rows of the panel hold what the rules returned (domain 4, 5), and are what the dictionary says."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.facts import Activation, Conversation, History, Mentor, Outcome, PresenceEvent, SupportEffort
from app.domain.figures.activation_load import load_of
from app.domain.figures.panel import PERSON_WEEKS, TABLES, Subject, draw_row, participant_row, person_week_rows
from app.domain.judged_weeks import FLAGS
from app.domain.rules.activity import hours_by_week
from app.domain.rules.calendar import is_over
from app.domain.rules.weeks import as_seen_on, judge
from app.protocols import protocols

PRVIJ = protocols()["prvij-2010-11"]
ENDS = date(2012, 3, 31)
ASSIGNED = date(2010, 11, 8)
AFTER = date(2012, 6, 1)
ANNA = Subject("anna", "849", "nord", "treatment")


def rows(history: History, today: date = AFTER) -> list[dict[str, object]]:
    found = person_week_rows(ANNA, PRVIJ, ENDS, today, history)
    return [dict(zip(PERSON_WEEKS.names, row, strict=True)) for row in found]


def placement(first: date, last: date | None, hours: str = "15", **changes: object) -> Activation:
    values = {"type": "work_placement_public", "starts_on": first, "ends_on": last, "hours_per_week": Decimal(hours)}
    return Activation(**{**values, **changes})  # type: ignore[arg-type]


HISTORY = History(
    ASSIGNED,
    conversations=(
        ("momentum", Conversation(date=date(2010, 11, 15))),
        ("momentum", Conversation(date=date(2010, 11, 16), form="telephone")),
        ("momentum", Conversation(date=date(2010, 11, 17), form="telephone", conducted_by="mentor")),
        ("momentum", Conversation(date=date(2010, 11, 23), status="no_show")),
    ),
    activations=(
        ("momentum", placement(date(2011, 1, 3), date(2011, 1, 5), "12.5")),
        ("register", placement(date(2011, 1, 3), date(2011, 1, 7), "12")),
        ("momentum", placement(date(2011, 1, 5), date(2011, 1, 5), "2", type="other_offer")),
    ),
    events=(
        PresenceEvent(kind="exit", date=date(2011, 2, 9), reason="job"),
        PresenceEvent(kind="re_entry", date=date(2011, 2, 21)),
    ),
    support_efforts=(SupportEffort(area="health", kind="x", starts_on=date(2011, 1, 31)),),
    mentors=(Mentor(starts_on=date(2011, 2, 4), ends_on=date(2011, 2, 4)),),
    outcomes=(
        Outcome(week=date(2010, 11, 1), status="benefit"),
        Outcome(week=date(2011, 2, 7), status="employed", hours_per_week=Decimal("32.5")),
        Outcome(week=date(2011, 2, 7), status="benefit"),
    ),
)


def test_flags_states_and_deviations_are_those_of_the_rules() -> None:
    """Domain 4.3 to 4.6: nothing is judged here."""
    judged = list(as_seen_on(PRVIJ, judge(PRVIJ, ENDS, HISTORY), AFTER))
    panel = rows(HISTORY)
    assert [[row[name] for name in ("monday", "number", "state", *FLAGS, "deviations")] for row in panel] == [
        list(week[:10]) for week in judged
    ]
    assert [row["weeks_since_assignment"] for row in panel] == list(range(len(judged)))


def test_what_was_recorded_of_a_week() -> None:
    """Domain 4.5, 4.6: counting conversations, hours of the client with most of them, types, presence."""
    by_week = {row["week"]: row for row in rows(HISTORY)}
    talk = by_week["2010-W46"]
    assert (talk["conversations"], talk["forms"], talk["no_shows"]) == (2, ("in_person", "telephone"), 0)
    assert by_week["2010-W47"]["no_shows"] == 1
    deed = by_week["2011-W01"]
    assert (deed["hours_per_week"], deed["active"], deed["at_workplace"]) == (14.5, True, True)
    assert deed["activation_types"] == ("other_offer", "work_placement_public")
    momentum = load_of(Decimal("12.5"), date(2011, 1, 3), date(2011, 1, 5))
    momentum += load_of(Decimal(2), date(2011, 1, 5), date(2011, 1, 5))
    register = load_of(Decimal(12), date(2011, 1, 3), date(2011, 1, 7))
    assert deed["load_per_mille"] == float(1000 * max(momentum, register))
    assert by_week["2011-W02"]["hours_per_week"] == 0.0
    assert [by_week[week]["days_in_trial"] for week in ("2011-W05", "2011-W06", "2011-W07", "2011-W08")] == [5, 2, 0, 5]
    told = {
        week: (row["outcome_status"], row["outcome_hours"]) for week, row in by_week.items() if row["outcome_status"]
    }
    assert told == {"2011-W06": ("benefit", 32.5)}
    assert by_week["2011-W07"]["outcome_hours"] is None
    assert (by_week["2011-W06"]["exits"], by_week["2011-W08"]["re_entered"]) == (("job",), True)


def test_the_weeks_of_an_average_say_that_they_count() -> None:
    """Domain 6 [C]: the denominator of contacts per four weeks."""
    flex = protocols()["flex-2016"]
    found = person_week_rows(ANNA, flex, ENDS, AFTER, History(ASSIGNED))
    panel = [dict(zip(PERSON_WEEKS.names, row, strict=True)) for row in found]
    assert [row["contact_week"] for row in panel[:3]] == [False, True, True]
    assert not any(row["conversation_due"] for row in panel)
    assert not any(row["contact_week"] for row in rows(HISTORY))


def test_the_load_of_a_year_is_the_sum_of_its_weeks() -> None:
    """Domain 7: what AMFORA says of a spell of a year is what the panel's weeks add up to."""
    spell = placement(date(2011, 1, 3), date(2011, 12, 25), "20")
    total = sum(float(str(row["load_per_mille"])) for row in rows(History(ASSIGNED, activations=(("r", spell),))))
    assert total == pytest.approx(float(1000 * load_of(Decimal(20), date(2011, 1, 3), date(2011, 12, 25))))


@given(st.dates(date(2010, 11, 1), date(2012, 6, 1)))
def test_only_weeks_that_are_over(today: date) -> None:
    """Domain 2."""
    panel = rows(HISTORY, today)
    assert panel == rows(HISTORY)[: len(panel)]
    assert len(panel) == sum(is_over(row["monday"], today) for row in rows(HISTORY))  # type: ignore[arg-type]
    baseline = dict(
        zip(TABLES["participants"].names, participant_row(ANNA, PRVIJ, ENDS, today, ASSIGNED, {}), strict=True)
    )
    assert baseline["weeks"] == len(panel)


DAYS = st.dates(date(2010, 10, 1), date(2011, 3, 1))
OFFERS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), DAYS, st.integers(0, 40), st.decimals("0.25", "20", places=2)), max_size=6
)


@given(OFFERS)
def test_the_minimum_is_held_against_the_same_hours(offers: list[tuple[str, date, int, Decimal]]) -> None:
    """Domain 4.6: active by the hours exactly where the hours that the panel shows reach the minimum."""
    spells = tuple(
        (client, placement(first, date.fromordinal(first.toordinal() + days), str(hours)))
        for client, first, days, hours in offers
    )
    assert PRVIJ.min_weekly_hours is not None
    judged = judge(PRVIJ, ENDS, History(ASSIGNED, activations=spells))
    monday = judged.first_monday.toordinal()
    hours = hours_by_week(spells, monday, len(judged.state))
    for index, active in enumerate(judged.active):
        assert active == (hours.get(index, 0) >= PRVIJ.min_weekly_hours)


def test_the_baseline() -> None:
    """Domain 3.1: what was stated on the day, without a date of birth, and time in whole weeks."""
    facts = {"channel": "supplement", "match_group": 2, "benefit": "cash_benefit", "unemployed_since": "2010-09-01"}
    row = dict(
        zip(TABLES["participants"].names, participant_row(ANNA, PRVIJ, ENDS, AFTER, ASSIGNED, facts), strict=True)
    )
    assert (row["assigned_week"], row["unemployed_weeks"], row["circumstances"]) == ("2010-W45", 9, ())
    assert row["target_group"] is None
    assert (row["sick_weeks"], row["has_job"]) == (None, None)
    told = {"benefit": "sickness_benefit", "sick_since": "2010-09-27", "has_job": False}  # domain 6 [S]
    row = dict(
        zip(TABLES["participants"].names, participant_row(ANNA, PRVIJ, ENDS, AFTER, ASSIGNED, told), strict=True)
    )
    assert (row["sick_weeks"], row["has_job"], row["unemployed_weeks"]) == (6, False, None)


def test_a_duplicate_has_a_draw_and_no_person() -> None:
    """Domain 3.3: it keeps its position and its part in the balance."""
    row = dict(zip(TABLES["draws"].names, draw_row(ANNA, 4, ASSIGNED, date(2010, 11, 15), duplicate=True), strict=True))
    assert (row["person"], row["arm"], row["position"], row["drawn_week"]) == (None, "treatment", 4, "2010-W46")


def test_the_dictionary_is_whole() -> None:
    for table in TABLES.values():
        assert len(set(table.names)) == len(table.names)
        assert set(table.key) <= set(table.names)
        assert all(column.meaning and column.source for column in table.columns)
