"""Warnings: what the rules say of a record at the moment it arrives (domain 4.8), whatever a conversation's status."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from datetime import date
from typing import Final, Literal

from app.domain.facts import WORKPLACE_TYPES, Activation, Conversation, Fact
from app.domain.judged_weeks import WEEK_FORMS, JudgedWeeks
from app.domain.protocol import Protocol
from app.domain.rules.activity import is_enough
from app.domain.rules.conversations import CountingRule, form_of, remote_too_often

Enforcement = Literal["flag", "refuse"]
ENFORCED_CODES: Final = frozenset(
    {"form_not_accepted", "remote_too_early", "conducted_by_mentor", "hours_too_few", "not_at_workplace"}
)
"""The codes that a trial with enforcement ``refuse`` rejects a record for; of the others it warns."""


class StandingWeeks:
    """A person's weeks while records of one kind arrive: each record is held against them as they are before it.

    They are judged once. Conversations change neither numbers nor duties, only the form of their week; activations
    change no number up to the week in which one is due.
    """

    def __init__(self, protocol: Protocol, judged: JudgedWeeks) -> None:
        history = judged.history
        self._protocol, self._counting, self._judged = protocol, CountingRule(protocol, history), judged
        self._held, self._form = judged.conversation_held.copy(), judged.form.copy()
        self._forms: dict[int, list[int]] = {}
        """How many counting conversations of each of ``WEEK_FORMS`` a week has."""
        self._workplace_starts: list[date] = []
        """Sorted."""
        for _, talk in history.conversations:
            self.put(talk)
        for _, activation in history.activations:
            self.put(activation)
        self._due_week: int | None = None
        """The index of the programme week ``activation_due_week``."""
        due_from = protocol.activation_due_week
        if due_from is not None and due_from in judged.number:
            self._due_week = judged.number.index(due_from)

    def put(self, fact: Fact) -> None:
        """Add a record to what is known."""
        if isinstance(fact, Conversation):
            self._count_form(fact, 1)
        elif isinstance(fact, Activation) and fact.type in WORKPLACE_TYPES:
            insort(self._workplace_starts, fact.starts_on)

    def drop(self, fact: Fact) -> None:
        """Take a record out of what is known."""
        if isinstance(fact, Conversation):
            self._count_form(fact, -1)
        elif isinstance(fact, Activation) and fact.type in WORKPLACE_TYPES:
            del self._workplace_starts[bisect_left(self._workplace_starts, fact.starts_on)]

    def warnings_of(self, fact: Fact) -> Sequence[str]:
        """The codes of 4.8 for a record that is not among what is known, sorted."""
        if isinstance(fact, Conversation):
            return sorted(self._of_conversation(fact))
        return sorted(self._of_activation(fact)) if isinstance(fact, Activation) else ()

    def _count_form(self, talk: Conversation, number: int) -> None:
        judged = self._judged
        index = judged.index_of(talk.date)
        if judged.has(index) and self._counting.accepts(talk, talk.date.toordinal()):
            numbers = self._forms.setdefault(index, [0] * len(WEEK_FORMS))
            numbers[WEEK_FORMS.index(form_of(self._protocol, talk))] += number
            self._form[index] = next((form for form, n in zip(WEEK_FORMS, numbers, strict=True) if n), None)
            self._held[index] = judged.conversation_due[index] and self._form[index] is not None

    def _of_conversation(self, talk: Conversation) -> set[str]:
        protocol, judged, counting = self._protocol, self._judged, self._counting
        codes: set[str] = set()
        if talk.form not in counting.forms:
            codes.add("form_not_accepted")
        if talk.conducted_by not in counting.conductors:
            external = talk.conducted_by == "external_provider"
            codes.add("external_provider_not_accepted" if external else "conducted_by_mentor")
        if talk.date.toordinal() < counting.first_day:
            codes.add("before_assignment")
        index = judged.index_of(talk.date)
        if index < 0:
            return codes
        if not judged.has(index) or judged.number[index] is None:
            codes.add("week_without_number")
        elif form_of(protocol, talk) == "remote":
            if judged.in_person[index]:
                codes.add("remote_too_early")
            elif (
                judged.conversation_due[index]
                and self._form[index] in {"remote", None}
                and counting.accepts(talk, talk.date.toordinal())
                and remote_too_often(protocol, self._held[:index], judged.in_person[:index], self._form[:index])
            ):
                codes.add("remote_too_often")
        return codes

    def _of_activation(self, activation: Activation) -> set[str]:
        protocol = self._protocol
        codes: set[str] = set()
        if not is_enough(protocol, activation):
            codes.add("hours_too_few")
        if activation.type not in WORKPLACE_TYPES:
            sufficient = activation.not_workplace_reason in protocol.sufficient_not_workplace_reasons
            return codes if sufficient or not protocol.judges_workplace else codes | {"not_at_workplace"}
        if protocol.judges_workplace and activation.mentor == "unknown":
            codes.add("mentor_missing")
        first = not self._workplace_starts or activation.starts_on <= self._workplace_starts[0]
        if first and self._due_week is not None and self._judged.index_of(activation.starts_on) > self._due_week:
            codes.add("starts_late")
        return codes
