"""A snapshot of spells held against what is stored (AMFORA, domain 7): which spell of the file is which record.

A register has no ids for its spells, and its newest file replaces the last. A spell is known by its person, its type
and its first day; of several alike, those with the same content belong together first. So a spell whose hours or last
day changed is the same record, updated; one that is no longer there was taken back.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from uuid import UUID

from app.domain.facts import Activation

_ID_LENGTH = 32
_Likeness = tuple[UUID, str, date]


@dataclass(frozen=True, slots=True)
class Spell:
    """An activation of a participant."""

    participant_id: UUID
    fact: Activation

    @property
    def likeness(self) -> _Likeness:
        """What it has in common with its earlier and later versions."""
        return (self.participant_id, self.fact.type, self.fact.starts_on)


@dataclass(frozen=True, slots=True)
class SpellMatch:
    """The external id of each spell sent, and those of the stored ones that the snapshot no longer holds."""

    ids: Sequence[str]
    vanished: Sequence[str]


def match_spells(stored: Mapping[str, Spell], sent: Sequence[Spell], spared: Collection[UUID]) -> SpellMatch:
    """Finds the record of each spell; a new one gets an id that is derived from it, the same whenever it comes again.

    ``stored`` are the standing records, by external id, that the snapshot replaces. Of the people in ``spared`` nothing
    vanishes: something was said of them that could not be read.
    """
    left: dict[_Likeness, list[str]] = {}
    for external_id in sorted(stored):
        left.setdefault(stored[external_id].likeness, []).append(external_id)
    ids: dict[int, str] = {}
    for index, spell in enumerate(sent):
        alike = left.get(spell.likeness, [])
        same = next((each for each in alike if stored[each] == spell), None)
        if same is not None:
            alike.remove(same)
            ids[index] = same
    taken = set(stored)
    for index, spell in enumerate(sent):
        if index not in ids:
            alike = left.get(spell.likeness, [])
            ids[index] = alike.pop(0) if alike else _fresh(spell, taken)
            taken.add(ids[index])
    remaining: Iterable[str] = (each for several in left.values() for each in several)
    vanished = sorted(each for each in remaining if stored[each].participant_id not in spared)
    return SpellMatch([ids[index] for index in range(len(sent))], vanished)


def _fresh(spell: Spell, taken: Collection[str]) -> str:
    return next(each for number in count() if (each := derive_external_id(spell, number)) not in taken)


def derive_external_id(spell: Spell, number: int) -> str:
    """The external id of the ``number``-th of like spells (from 0): says nothing of the person, and repeats itself."""
    participant_id, kind, starts_on = spell.likeness
    content = f"{participant_id}:{kind}:{starts_on}:{number}"
    return hashlib.sha256(content.encode()).hexdigest()[:_ID_LENGTH]
