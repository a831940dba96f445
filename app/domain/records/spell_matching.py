"""Spell matching: which spell of a register snapshot is which stored record (AMFORA, domain 7).

A register has no ids for its spells, and its newest file replaces the last. Person, type and first day identify a
spell; among several alike, those with the same content match first. So a spell with other hours or another last day is
the same record, updated; one that is missing from the file is retracted. Identical lines are one spell.

A file that would take back much is probably a wrong file, so removals have a limit (``Removals``).
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Literal
from uuid import UUID

from app.domain.facts import Activation

_ID_LENGTH = 32
HoldReason = Literal["unreadable_line", "too_many_removals", "person_without_spells"]
"""Why nothing of a snapshot is applied."""
_SpellKey = tuple[UUID, str, date]


@dataclass(frozen=True, slots=True)
class Spell:
    """An activation of a participant."""

    participant_id: UUID
    fact: Activation

    @property
    def key(self) -> _SpellKey:
        """Person, type and first day, the same in every version of a spell."""
        return (self.participant_id, self.fact.type, self.fact.starts_on)


@dataclass(frozen=True, slots=True)
class SpellMatch:
    """The external id of each spell of the snapshot, and those of the stored records that it lacks."""

    ids: Sequence[str]
    vanished: Sequence[str]
    repeats: Collection[int]
    """Positions of spells that are identical to an earlier one of the snapshot, and have its id."""


@dataclass(frozen=True, slots=True)
class Removals:
    """What a snapshot takes back of the stored records in its span.

    A record whose person has a spell with the same first day in the snapshot is changed, not taken back.
    """

    stored: int
    removed: int
    people_without_spells: int
    """People of whom every stored spell is taken back."""

    def limit(self, accepted: int | None) -> int:
        """Return how many removals pass: those accepted or else a tenth of what is stored, but at least one."""
        return max(1, self.stored // 10) if accepted is None else accepted

    def excess(self, accepted: int | None) -> list[HoldReason]:
        """Return why the removals do not pass. Who accepts a number of them accepts that people lose every spell."""
        reasons: list[HoldReason] = ["too_many_removals"] if self.removed > self.limit(accepted) else []
        if accepted is None and self.people_without_spells:
            reasons.append("person_without_spells")
        return reasons


def count_removals(stored: Mapping[str, Spell], spells: Sequence[Spell], vanished: Sequence[str]) -> Removals:
    """Count the vanished records that are taken back, and the people of whom every stored record is."""
    starts = {(spell.participant_id, spell.fact.starts_on) for spell in spells}
    removed = [
        spell
        for spell in map(stored.__getitem__, vanished)
        if (spell.participant_id, spell.fact.starts_on) not in starts
    ]
    stored_by_person = Counter(spell.participant_id for spell in stored.values())
    removed_by_person = Counter(spell.participant_id for spell in removed)
    emptied = sum(stored_by_person[person] == count for person, count in removed_by_person.items())
    return Removals(len(stored), len(removed), emptied)


def match_spells(stored: Mapping[str, Spell], spells: Sequence[Spell], unread_people: Collection[UUID]) -> SpellMatch:
    """Match spells with the stored records that the snapshot replaces; a new spell gets a derived, repeatable id.

    No record of ``unread_people`` vanishes: the snapshot has lines of theirs that could not be read.
    """
    unmatched: dict[_SpellKey, list[str]] = {}
    for external_id in sorted(stored):
        unmatched.setdefault(stored[external_id].key, []).append(external_id)
    ids: dict[int, str] = {}
    first: dict[Spell, int] = {}
    for index, spell in enumerate(spells):
        if first.setdefault(spell, index) != index:
            continue
        candidates = unmatched.get(spell.key, [])
        equal = next((external_id for external_id in candidates if stored[external_id] == spell), None)
        if equal is not None:
            candidates.remove(equal)
            ids[index] = equal
    taken = set(stored)
    for spell, index in first.items():
        if index not in ids:
            candidates = unmatched.get(spell.key, [])
            ids[index] = candidates.pop(0) if candidates else _new_id(spell, taken)
            taken.add(ids[index])
    remaining = [external_id for candidates in unmatched.values() for external_id in candidates]
    vanished = sorted(each for each in remaining if stored[each].participant_id not in unread_people)
    repeats = {index for index, spell in enumerate(spells) if first[spell] != index}
    return SpellMatch([ids[first[spell]] for spell in spells], vanished, repeats)


def _new_id(spell: Spell, taken: Collection[str]) -> str:
    return next(new for number in count() if (new := derive_external_id(spell, number)) not in taken)


def derive_external_id(spell: Spell, number: int) -> str:
    """Derive the external id of the ``number``-th spell of a key (from 0): repeatable, and it hides the person."""
    participant_id, kind, starts_on = spell.key
    content = f"{participant_id}:{kind}:{starts_on}:{number}"
    return hashlib.sha256(content.encode()).hexdigest()[:_ID_LENGTH]
