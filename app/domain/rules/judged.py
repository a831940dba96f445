"""Judged history: a history with its weeks, from which later ones are judged and differences counted."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

from app.domain.facts import Conversation, History
from app.domain.protocol import Protocol
from app.domain.rules.conversations import WeeklyConversations
from app.domain.rules.weeks import Course, JudgedWeeks, Week


@dataclass(frozen=True, slots=True)
class Judged:
    """A history with its weeks: what a change of it is counted from."""

    history: History
    judged: JudgedWeeks

    @property
    def course(self) -> Course:
        """All of it that conversations do not change."""
        return self.judged.course

    @property
    def weeks(self) -> tuple[Week, ...]:
        """The weeks in their order."""
        return self.judged.weeks

    @property
    def talks(self) -> WeeklyConversations:
        """Its conversations."""
        return self.judged.talks

    @classmethod
    def of(cls, protocol: Protocol, ends_on: date, history: History) -> "Judged":
        """The weeks of a history."""
        return cls.on(Course.of(protocol, ends_on, history), protocol, history)

    @classmethod
    def on(cls, course: Course, protocol: Protocol, history: History) -> "Judged":
        """The same on a course that is known already."""
        return cls(history, JudgedWeeks.of(course, protocol, history.conversations))

    def then(self, protocol: Protocol, ends_on: date, history: History) -> "Judged":
        """The weeks of a later history of the same person; what this one tells of them is not worked out again."""
        if not _alike_but_talks(self.history, history):
            return Judged.of(protocol, ends_on, history)
        added = added_conversations(self.history, history)
        if added is None:
            return Judged.on(self.course, protocol, history)
        return Judged(history, self.judged.with_more(protocol, added))


_BUT_TALKS = tuple(each.name for each in fields(History) if each.name != "conversations")


def _alike_but_talks(one: History, other: History) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _BUT_TALKS)


def added_conversations(before: History, after: History) -> Sequence[Conversation] | None:
    """The conversations that a history has besides those of an earlier one; None where it lacks one of these."""
    known = len(before.conversations)
    return after.conversations[known:] if after.conversations[:known] == before.conversations else None
