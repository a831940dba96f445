"""Which spell of a register's file is which record (AMFORA, domain 7)."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.domain.facts import Activation
from app.domain.records.spell_matching import Spell, count_removals, derive_external_id, match_spells

PEOPLE = [UUID(int=n) for n in range(1, 4)]
START = date(2011, 1, 3)
SPELL = Spell(PEOPLE[0], Activation(type="work_placement_public", starts_on=START, hours_per_week=Decimal(15)))

SPELLS = st.builds(
    lambda person, kind, days, hours: Spell(
        person, Activation(type=kind, starts_on=START + timedelta(days), hours_per_week=Decimal(hours))
    ),
    st.sampled_from(PEOPLE),
    st.sampled_from(["work_placement_public", "other_offer"]),
    st.integers(0, 2),
    st.sampled_from([10, 15, 20]),
)
FILES = st.lists(SPELLS, max_size=8)


def changed(spell: Spell, **fields: object) -> Spell:
    return replace(spell, fact=replace(spell.fact, **fields))  # type: ignore[arg-type]


def file_of(spells: list[Spell]) -> dict[str, Spell]:
    """What is stored after a first file."""
    match = match_spells({}, spells, ())
    assert not match.vanished
    return dict(zip(match.ids, spells, strict=True))


def test_changed_hours_or_an_end_are_the_same_record() -> None:
    stored = file_of([SPELL])
    for later in (changed(SPELL, hours_per_week=Decimal(20)), changed(SPELL, ends_on=date(2011, 2, 4))):
        match = match_spells(stored, [later], ())
        assert (list(match.ids), list(match.vanished)) == (list(stored), [])


def test_another_type_or_start_or_person_is_another_record() -> None:
    stored = file_of([SPELL])
    for other in (
        changed(SPELL, type="other_offer"),
        changed(SPELL, starts_on=date(2011, 1, 4)),
        replace(SPELL, participant_id=PEOPLE[1]),
    ):
        match = match_spells(stored, [other], ())
        assert list(match.vanished) == list(stored)
        assert match.ids[0] not in stored


def test_what_comes_back_has_its_old_id() -> None:
    (first,) = file_of([SPELL])
    assert match_spells({}, [SPELL], ()).ids == [first] == [derive_external_id(SPELL, 0)]


def test_records_with_ids_of_their_own_are_recognised() -> None:
    match = match_spells({"tilbud-12": SPELL}, [changed(SPELL, hours_per_week=Decimal(20))], ())
    assert (list(match.ids), list(match.vanished)) == (["tilbud-12"], [])


def test_of_several_alike_those_with_the_same_content_belong_together() -> None:
    longer = changed(SPELL, hours_per_week=Decimal(20))
    stored = {"a": SPELL, "b": longer}
    match = match_spells(stored, [longer], ())
    assert (list(match.ids), list(match.vanished)) == (["b"], ["a"])


def test_of_whom_something_was_illegible_nothing_vanishes() -> None:
    stored = {"a": SPELL, "b": replace(SPELL, participant_id=PEOPLE[1])}
    assert list(match_spells(stored, [], {PEOPLE[0]}).vanished) == ["b"]


def test_an_id_says_nothing_of_the_person() -> None:
    assert str(SPELL.participant_id) not in derive_external_id(SPELL, 0)
    assert len({derive_external_id(SPELL, number) for number in range(10)}) == 10


@given(FILES, FILES)
def test_afterwards_the_file_is_what_is_stored(first: list[Spell], second: list[Spell]) -> None:
    """Whatever was there: each spell is one record, and nothing else stands."""
    stored = file_of(first)
    assert len(stored) == len(set(first)), "identical lines are one spell"
    match = match_spells(stored, second, ())
    after = {each: spell for each, spell in stored.items() if each not in match.vanished}
    after.update(zip(match.ids, second, strict=True))
    assert len(set(match.ids)) == len(set(second))
    assert len(match.repeats) == len(second) - len(set(second))
    assert not set(match.ids) & set(match.vanished)
    assert Counter(after.values()) == Counter(set(second))


@given(FILES, st.randoms(use_true_random=False))
def test_the_same_file_in_any_order_changes_nothing(spells: list[Spell], random: object) -> None:
    stored = file_of(spells)
    shuffled = list(spells)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    match = match_spells(stored, shuffled, ())
    assert not match.vanished
    assert [stored[each] for each in match.ids] == shuffled


@given(FILES, FILES)
def test_as_little_changes_as_can(first: list[Spell], second: list[Spell]) -> None:
    """Alike spells keep their records: new ones and vanished ones are the difference in numbers, no more."""
    stored = file_of(first)
    match = match_spells(stored, second, ())
    likes = [Counter(spell.key for spell in set(spells)) for spells in (first, second)]
    assert len(match.vanished) == sum((likes[0] - likes[1]).values())
    assert len(set(match.ids) - set(stored)) == sum((likes[1] - likes[0]).values())


@given(FILES, FILES)
def test_removals_are_what_vanishes_without_a_spell_of_the_same_start(first: list[Spell], second: list[Spell]) -> None:
    stored = file_of(first)
    vanished = match_spells(stored, second, ()).vanished
    removals = count_removals(stored, second, vanished)
    starts = {(spell.participant_id, spell.fact.starts_on) for spell in second}
    gone = [each for each in vanished if (stored[each].participant_id, stored[each].fact.starts_on) not in starts]
    assert (removals.stored, removals.removed) == (len(stored), len(gone))
    left = {spell.participant_id for each, spell in stored.items() if each not in gone}
    assert removals.people_without_spells == len({spell.participant_id for spell in first} - left)
    assert not removals.excess(len(stored))
    assert bool(removals.excess(0)) == bool(gone)
