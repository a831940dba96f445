"""Spell matching: which spell of a register snapshot is which stored record (AMFORA, domain 7).

A register has no ids for its spells, and its newest file replaces the last. Person, type and first day identify a
spell; among several alike, those with the same content match first. So a spell with other hours or another last day is
the same record, updated; one that is missing from the file is retracted.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from uuid import UUID

from app.domain.facts import Activation

_ID_LENGTH = 32
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


def match_spells(stored: Mapping[str, Spell], spells: Sequence[Spell], unread_people: Collection[UUID]) -> SpellMatch:
    """Match spells with the stored records that the snapshot replaces; a new spell gets a derived, repeatable id.

    No record of ``unread_people`` vanishes: the snapshot has lines of theirs that could not be read.
    """
    unmatched: dict[_SpellKey, list[str]] = {}
    for external_id in sorted(stored):
        unmatched.setdefault(stored[external_id].key, []).append(external_id)
    ids: dict[int, str] = {}
    for index, spell in enumerate(spells):
        candidates = unmatched.get(spell.key, [])
        equal = next((external_id for external_id in candidates if stored[external_id] == spell), None)
        if equal is not None:
            candidates.remove(equal)
            ids[index] = equal
    taken = set(stored)
    for index, spell in enumerate(spells):
        if index not in ids:
            candidates = unmatched.get(spell.key, [])
            ids[index] = candidates.pop(0) if candidates else _new_id(spell, taken)
            taken.add(ids[index])
    remaining = [external_id for candidates in unmatched.values() for external_id in candidates]
    vanished = sorted(each for each in remaining if stored[each].participant_id not in unread_people)
    return SpellMatch([ids[index] for index in range(len(spells))], vanished)


def _new_id(spell: Spell, taken: Collection[str]) -> str:
    return next(new for number in count() if (new := derive_external_id(spell, number)) not in taken)


def derive_external_id(spell: Spell, number: int) -> str:
    """Derive the external id of the ``number``-th spell of a key (from 0): repeatable, and it hides the person."""
    participant_id, kind, starts_on = spell.key
    content = f"{participant_id}:{kind}:{starts_on}:{number}"
    return hashlib.sha256(content.encode()).hexdigest()[:_ID_LENGTH]
