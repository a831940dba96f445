"""People remembered between batches: only as long as nothing else was registered in their jobcentre."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from app.db.derived.changes_since import ChangesSince
from app.db.derived.participant_cache import ParticipantCache
from app.domain.facts import Conversation
from app.domain.records.ingest import Person, StandingRecord

FIRST = datetime(2011, 1, 3, 12, tzinfo=UTC)
TALK = Conversation(date=date(2010, 11, 16))
LATER = FIRST + timedelta(seconds=1)


def person(jobcentre: str = "849") -> Person:
    return Person(uuid4(), jobcentre, "treatment", date(2010, 11, 8))


def kept(
    participant_cache: ParticipantCache, *people: Person, before: datetime | None = None, at: datetime = FIRST
) -> list[UUID]:
    places = {each.jobcentre for each in people}
    participant_cache.store("prvij", dict.fromkeys(places, before), dict.fromkeys(places, at), people)
    return [each.participant_id for each in people]


def test_who_was_kept_is_taken_once() -> None:
    participant_cache, someone = ParticipantCache(), person()
    (participant_id,) = kept(participant_cache, someone)
    assert participant_cache.jobcentre_of("prvij", participant_id) == "849"
    assert participant_cache.jobcentre_of("another", participant_id) is None
    assert participant_cache.holds("prvij", "849", FIRST)
    assert participant_cache.take("prvij", "849", FIRST, {participant_id, uuid4()}) == {participant_id: someone}
    assert participant_cache.take("prvij", "849", FIRST, {participant_id}) == {}
    assert participant_cache.jobcentre_of("prvij", participant_id) is None


def test_what_others_registered_is_put_to_who_is_kept() -> None:
    participant_cache = ParticipantCache()
    added, changed, neither = kept(participant_cache, person(), person(), person())
    assert participant_cache.since("prvij", {"849": LATER, "860": LATER}) == {"849": FIRST}
    key = ("conversations", "system", "a")
    news = ChangesSince(
        added={added: [(key, TALK)], uuid4(): [(key, TALK)], changed: [(key, TALK)]}, changed={changed, uuid4()}
    )
    participant_cache.catch_up("prvij", {"849": FIRST}, {"849": LATER}, news)
    assert participant_cache.since("prvij", {"849": LATER}) == {}
    taken = participant_cache.take("prvij", "849", LATER, {added, changed, neither})
    assert {each: found.history().conversations for each, found in taken.items()} == {
        added: (("system", TALK),),
        neither: (),
    }


def test_where_the_news_are_too_many_nobody_is_kept() -> None:
    participant_cache = ParticipantCache()
    here, there = kept(participant_cache, person(), person("860"))
    participant_cache.catch_up("prvij", {"849": FIRST}, {"849": LATER}, None)
    assert not participant_cache.holds("prvij", "849", LATER)
    assert participant_cache.jobcentre_of("prvij", here) is None
    assert participant_cache.jobcentre_of("prvij", there) == "860"


def test_who_comes_back_after_others_went_on_is_not_kept() -> None:
    """Another request of this process caught up, and registered more, before this one came to keep its people."""
    participant_cache, late = ParticipantCache(), person()
    kept(participant_cache, person(), at=LATER)
    participant_cache.store("prvij", {"849": None}, {"849": FIRST}, [late])
    assert participant_cache.holds("prvij", "849", LATER)
    assert participant_cache.take("prvij", "849", LATER, {late.participant_id}) == {}


def test_who_comes_back_when_others_have_just_caught_up_is_kept() -> None:
    participant_cache, someone = ParticipantCache(), person()
    kept(participant_cache, person(), at=LATER)
    participant_cache.store("prvij", {"849": FIRST}, {"849": LATER}, [someone])
    assert participant_cache.take("prvij", "849", LATER, {someone.participant_id}) == {someone.participant_id: someone}


def test_nobody_is_taken_as_of_another_registration() -> None:
    """Kept after the people of a batch were looked up, and out of date when it had its locks."""
    participant_cache = ParticipantCache()
    (participant_id,) = kept(participant_cache, person())
    assert participant_cache.take("prvij", "849", LATER, {participant_id}) == {}


def test_people_stay_through_the_registrations_of_this_process() -> None:
    participant_cache = ParticipantCache()
    (first,) = kept(participant_cache, person())
    (second,) = kept(participant_cache, person(), before=FIRST, at=LATER)
    assert participant_cache.holds("prvij", "849", LATER)
    assert len(participant_cache.take("prvij", "849", LATER, {first, second})) == 2


def test_people_read_after_something_that_is_not_known_push_out_the_others() -> None:
    """Somebody else registered between: what was kept before may be out of date, what was read since is not."""
    participant_cache = ParticipantCache()
    (first,) = kept(participant_cache, person())
    (second,) = kept(participant_cache, person(), before=FIRST + timedelta(milliseconds=1), at=LATER)
    assert participant_cache.take("prvij", "849", LATER, {first, second}).keys() == {second}


def test_where_nothing_was_ever_registered_nobody_is_kept() -> None:
    participant_cache, someone = ParticipantCache(), person()
    participant_cache.store("prvij", {"849": None}, {"849": None}, [someone])
    assert participant_cache.jobcentre_of("prvij", someone.participant_id) is None


def test_the_jobcentre_not_asked_for_longest_goes_first() -> None:
    participant_cache = ParticipantCache(most_people=2)
    first, second = kept(participant_cache, person("849"))[0], kept(participant_cache, person("860"))[0]
    third = kept(participant_cache, person("849"), before=FIRST, at=LATER)[0]
    assert participant_cache.jobcentre_of("prvij", second) is None
    assert [participant_cache.jobcentre_of("prvij", each) for each in (first, third)] == ["849", "849"]


@pytest.mark.parametrize("moved_further", [False, True])
def test_changes_loaded_while_others_stored_are_not_applied_twice(moved_further: bool) -> None:
    """Requests store their people after their commit: a third, which waited for both, may have asked for the changes.

    Applied twice, the hours of one activation are added up twice, and the week counts differ from the records.
    """
    participant_cache, someone = ParticipantCache(), person()
    kept(participant_cache, person())
    key = ("conversations", "system", "a")
    someone.put(key, StandingRecord(1, "system", TALK))
    reached = FIRST + timedelta(milliseconds=1) if moved_further else LATER
    kept(participant_cache, someone.without_records(), before=FIRST, at=reached)
    changes = ChangesSince(added={someone.participant_id: [(key, TALK)]})
    participant_cache.catch_up("prvij", {"849": FIRST}, {"849": LATER}, changes)
    taken = participant_cache.take("prvij", "849", LATER, {someone.participant_id})
    assert [each.history().conversations for each in taken.values()] == ([] if moved_further else [(("system", TALK),)])
