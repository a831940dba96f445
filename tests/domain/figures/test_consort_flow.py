"""The flow of people (domain 5 "Flow"): each is counted once, by the latest screening."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.domain.facts import Activation, History, PresenceEvent
from app.domain.figures.consort_flow import Paths, ScreenedPerson, intake_flow, path_of
from app.protocols import protocols

PROTOCOL = protocols()["prvij-2010-11"]
ENDS_ON = date(2012, 3, 31)
FAILED = ("under_20", "wrong_benefit")


def screened(person: str, order: int, *failures: str, drawn: bool = False, withdrawn: bool = False) -> ScreenedPerson:
    return ScreenedPerson(person, order, failures, drawn=drawn, withdrawn=withdrawn)


def test_the_latest_screening_counts() -> None:
    """Domain 3.1: someone ineligible today may be eligible later; a person counts under each code."""
    intake = intake_flow([screened("a", 2), screened("a", 1, *FAILED), screened("b", 3, *FAILED)])
    assert intake.people == {"ineligible": 1, "waiting": 1, "withdrawn": 0, "drawn": 0}
    assert intake.failures == {"under_20": 1, "wrong_benefit": 1}


def test_whoever_was_drawn_or_waits_is_that_whatever_was_tried_elsewhere() -> None:
    """Domain 3.3: one draw per person and trial, for ever; an attempt elsewhere is `not_available`."""
    elsewhere = screened("a", 9, "not_available"), screened("b", 9, "not_available"), screened("c", 9, "not_available")
    intake = intake_flow([*elsewhere, screened("a", 1, drawn=True), screened("b", 1), screened("c", 1, withdrawn=True)])
    assert intake.people == {"ineligible": 1, "waiting": 1, "withdrawn": 0, "drawn": 1}
    assert intake.failures == {"not_available": 1}


def test_a_candidate_withdrawn_and_then_drawn() -> None:
    intake = intake_flow([screened("a", 1, withdrawn=True), screened("a", 2, drawn=True)])
    assert intake.people == {"ineligible": 0, "waiting": 0, "withdrawn": 0, "drawn": 1}


screenings = st.builds(
    ScreenedPerson,
    st.sampled_from("abcdef"),
    st.integers(0, 10**6),
    st.sampled_from([(), (), ("under_20",), FAILED]),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(screenings, unique_by=lambda each: each.order), st.randoms())
def test_everyone_is_counted_once_in_whatever_order(several: list[ScreenedPerson], rng: object) -> None:
    """Domain 5: screened = ineligible + waiting + withdrawn + drawn."""
    intake = intake_flow(several)
    assert sum(intake.people.values()) == len({each.person for each in several})
    assert all(n <= intake.people["ineligible"] for n in intake.failures.values())
    assert intake_flow(several[::-1]) == intake


def event(kind: str, day: str, reason: str | None = None) -> PresenceEvent:
    return PresenceEvent(kind=kind, date=date.fromisoformat(day), reason=reason)  # type: ignore[arg-type]


def test_paths_by_hand() -> None:
    """Domain 4.1: the last exit that took effect; an exit while out is none; nobody is in the trial after its end."""
    events = (
        event("exit", "2010-12-01", "job"),
        event("exit", "2010-12-05", "deceased"),
        event("re_entry", "2011-01-10"),
        event("exit", "2011-02-01", "education"),
    )
    history = History(date(2010, 11, 8), events=events)

    def path(on: str) -> tuple[bool, str | None, bool]:
        found = path_of(PROTOCOL, ENDS_ON, history, date.fromisoformat(on), date(2012, 6, 1))
        return found.in_trial, found.last_exit, found.re_entered

    assert path("2010-11-30") == (True, "education", True)
    assert path("2010-12-01")[0] is False
    assert path("2011-01-31")[0] is True
    assert path("2011-02-01")[0] is False


def test_complete_is_what_the_last_week_over_says() -> None:
    """Domain 4.4, 5: active from programme week 9 on, the course of 47 weeks ends with 2011-W39; never activated, it
    never ends."""
    placement = Activation(type="other_offer", starts_on=date(2011, 1, 3), hours_per_week=Decimal(10))
    history = History(date(2010, 11, 8), activations=(("a", placement),))

    def complete(today: str) -> bool:
        return path_of(PROTOCOL, ENDS_ON, history, ENDS_ON, date.fromisoformat(today)).complete

    assert not complete("2010-11-08")
    assert not complete("2011-10-09")
    assert complete("2011-10-10")
    assert complete("2012-06-01")
    never = path_of(PROTOCOL, ENDS_ON, History(date(2010, 11, 8)), ENDS_ON, date(2012, 6, 1))
    assert not never.complete


def test_sums_by_arm() -> None:
    paths = Paths()
    for events in ((), (event("exit", "2010-12-01", "job"),)):
        history = History(date(2010, 11, 8), events=events)
        paths.add("control", path_of(PROTOCOL, ENDS_ON, history, date(2011, 1, 3), date(2011, 1, 3)))
    control = paths.of("control")
    assert (control.drawn, control.in_trial, control.exited["job"], sum(control.exited.values())) == (2, 1, 1, 1)
    assert paths.of("treatment").drawn == 0
