"""Conversations (domain 4.5): which count, the form of a week, conforming, deviations, why a due one is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.domain.facts import Conversation, History
from app.domain.judged_weeks import JudgedWeeks, WeekForm
from app.domain.protocol import Protocol
from app.domain.rules.activity import ActivityWeeks


class CountingRule:
    """What makes a conversation of a person count, whatever their presence or exemption that day."""

    def __init__(self, protocol: Protocol, history: History) -> None:
        self.forms = protocol.accepted_forms
        self.conductors = protocol.accepted_conductors
        """Those whom the protocol accepts; an external provider only where the trial lets the jobcentre have that."""
        if not history.settings.external_provider_talks:
            self.conductors -= {"external_provider"}
        self.first_day = history.assigned_on.toordinal() + (0 if protocol.talk_on_assignment_counts else 1)
        """The day after ``assigned_on``; in [S] that day. An ordinal."""

    def accepts(self, talk: Conversation, day: int) -> bool:
        """Whether a conversation counts: held, late enough, in an accepted form, by someone accepted."""
        return (
            day >= self.first_day
            and talk.status == "held"
            and talk.form in self.forms
            and talk.conducted_by in self.conductors
        )


def told_once(protocol: Protocol, history: History) -> list[tuple[Conversation, bool]]:
    """The conversations that enter the numbers of conversations, each with whether it counts ("Told by several").

    Of one person's conversations on one date that different clients sent, those of one client: of the client with the
    most counting ones, then the most, then the first by name [choice].
    """
    rule = CountingRule(protocol, history)
    talks = [(client, talk, rule.accepts(talk, talk.date.toordinal())) for client, talk in history.conversations]
    if len({client for client, _, _ in talks}) < 2:
        return [(talk, counting) for _, talk, counting in talks]
    by_date: dict[date, dict[str, list[tuple[Conversation, bool]]]] = {}
    for client, talk, counting in talks:
        by_date.setdefault(talk.date, {}).setdefault(client, []).append((talk, counting))
    chosen: list[tuple[Conversation, bool]] = []
    for by_client in by_date.values():
        ranked = [(-sum([counting for _, counting in sent]), -len(sent), client) for client, sent in by_client.items()]
        chosen += by_client[min(ranked)[2]]
    return chosen


def is_no_show(history: History, talk: Conversation) -> bool:
    """Whether a no-show enters the numbers: later than the assignment, due or not (domain 5)."""
    return talk.status == "no_show" and talk.date > history.assigned_on


@dataclass(slots=True)
class ConversationWeeks:
    """What a person's conversations say of each week, due or not."""

    form: list[WeekForm | None]
    """The best form of the counting conversations; None without any."""
    at_jobcentre: set[int]
    """Weeks with a counting conversation in person at the jobcentre."""
    unjustified: set[int]
    """Weeks with a counting conversation in another form than in person, without its justification, where the protocol
    requires one (6 [C])."""
    others: dict[int, list[Conversation]]
    """The conversations that do not count."""
    first: int | None
    """The day of the first counting conversation, as an ordinal."""


def read_conversations(protocol: Protocol, history: History, first_monday: int, weeks: int) -> ConversationWeeks:
    """Read a person's conversations by week. ``first_monday`` is the ordinal of that of the first week."""
    rule = CountingRule(protocol, history)
    first: int | None = None
    forms: list[WeekForm | None] = [None] * weeks
    at_jobcentre: set[int] = set()
    unjustified: set[int] = set()
    others: dict[int, list[Conversation]] = {}
    needs_justification = protocol.requires_justification
    for _, talk in history.conversations:
        day = talk.date.toordinal()
        index = (day - first_monday) // 7
        if not rule.accepts(talk, day):
            others.setdefault(index, []).append(talk)
            continue
        if first is None or day < first:
            first = day
        if index < weeks:
            form, best = form_of(protocol, talk), forms[index]
            if best is None or best == "remote" or form == "in_person":
                forms[index] = form
            if form == "in_person":
                if talk.place == "jobcentre":
                    at_jobcentre.add(index)
            elif needs_justification and talk.justification is None:
                unjustified.add(index)
    return ConversationWeeks(forms, at_jobcentre, unjustified, others, first)


def form_of(protocol: Protocol, talk: Conversation) -> WeekForm:
    """The form that a conversation gives its week: in person, else grounded by an accepted ground, else remote."""
    if talk.form in protocol.in_person_forms:
        return "in_person"
    return "grounded" if talk.remote_ground in protocol.remote_grounds else "remote"


def judge_conversations(
    protocol: Protocol, talks: ConversationWeeks, activity: ActivityWeeks, judged: JudgedWeeks
) -> None:
    """Judge the weeks in which a conversation is due: held, conforming, deviations."""
    _mark_in_person(protocol, activity, judged)
    forms, in_person, deviations = judged.form, judged.in_person, judged.deviations
    held, conforming, missing_because = judged.conversation_held, judged.conversation_conforming, judged.missing_because
    later_held = later_remote = 0  # m and k
    for index, due in enumerate(judged.conversation_due):
        if not due:
            continue
        form = forms[index]
        if form is None:
            deviations[index], missing_because[index] = ("conversation_missing",), "nothing"
            continue
        held[index] = conforming[index] = True
        if in_person[index]:
            if form == "remote":
                conforming[index], deviations[index] = False, ("remote_too_early",)
        elif form == "in_person":
            later_held += 1
        elif form == "remote":
            later_held += 1
            later_remote += 1
            if exceeds_remote_share(protocol, later_remote, later_held):
                conforming[index], deviations[index] = False, ("remote_too_often",)
    _explain_missing(talks, judged)
    if protocol.judges_workplace:
        _judge_place(talks, activity, judged)


def _mark_in_person(protocol: Protocol, activity: ActivityWeeks, judged: JudgedWeeks) -> None:
    """Mark the programme weeks in which conversations are to be in person: up to a number, or before the week in which
    the first workplace activation on or after ``assigned_on`` starts (domain 6)."""
    rule, stop = protocol.in_person_weeks, len(judged.number)
    last_number = rule if isinstance(rule, int) else stop
    if rule == "before_first_workplace_activation":
        assigned_on = judged.assigned_on.toordinal()
        stop = _first_week([day for day in activity.workplace_starts if day >= assigned_on], judged)
    for index, number in enumerate(judged.number[:stop]):
        if number is not None:
            if number > last_number:
                break
            judged.in_person[index] = True


def _first_week(days: Sequence[int], judged: JudgedWeeks) -> int:
    """The index of the week of the earliest day; that after the last week without any."""
    return judged.index_of(date.fromordinal(min(days))) if days else len(judged.number)


def _explain_missing(talks: ConversationWeeks, judged: JudgedWeeks) -> None:
    """Why a due conversation is missing, by the week's conversations: the first that applies (domain 5);
    ``mentor_only``: every conversation held was a mentor's."""
    for index, others in talks.others.items():
        if not judged.has(index) or judged.missing_because[index] is None:
            continue
        statuses = {talk.status for talk in others}
        mentor_only = {talk.conducted_by for talk in others if talk.status == "held"} == {"mentor"}
        if mentor_only:
            judged.deviations[index] += ("mentor_only",)
        if "no_show" in statuses:
            judged.missing_because[index] = "no_show"
        elif "cancelled" in statuses:
            judged.missing_because[index] = "cancelled"
        else:
            judged.missing_because[index] = "mentor_only" if mentor_only else "not_accepted"


def _judge_place(talks: ConversationWeeks, activity: ActivityWeeks, judged: JudgedWeeks) -> None:
    """``wrong_place``: held, in a week in person, in person but none of it at the jobcentre, and no workplace
    activation has started by that week's Sunday, at whatever date, ended or not [choice]."""
    held, in_person, forms = judged.conversation_held, judged.in_person, judged.form
    for index in range(min(_first_week(activity.workplace_starts, judged), len(held))):
        if held[index] and in_person[index] and forms[index] == "in_person" and index not in talks.at_jobcentre:
            judged.deviations[index] += ("wrong_place",)


def exceeds_remote_share(protocol: Protocol, remote: int, held: int) -> bool:
    """Not k ≤ ceil(share × m), exactly: k weeks remote of m held ones, without the grounded ones."""
    share = protocol.remote_share_max
    return share is not None and remote > -(-share.numerator * held // share.denominator)


def remote_too_often(
    protocol: Protocol, held: Sequence[bool], in_person: Sequence[bool], forms: Sequence[WeekForm | None]
) -> bool:
    """Whether one more held week, remote and after the in-person weeks, is one too many after these weeks."""
    later = [form for is_held, early, form in zip(held, in_person, forms, strict=True) if is_held and not early]
    remote = later.count("remote")
    return exceeds_remote_share(protocol, remote + 1, remote + later.count("in_person") + 1)


def started_late_from(protocol: Protocol, assigned_on: date) -> date | None:
    """The day from which ``started_late`` can be said: its days are over. None where the protocol does not judge it."""
    days = protocol.first_talk_within_days
    return None if days is None else assigned_on + timedelta(days=days + 1)
