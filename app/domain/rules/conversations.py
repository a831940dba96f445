"""Conversations (domain 4.5): which count, the week's form, the share of remote ones, why a due one is missing."""

from collections.abc import Iterable, Sequence
from datetime import date

from app.domain.facts import Conversation, History, JobcentreSettings
from app.domain.judged_weeks import MissingReason, WeekForm
from app.domain.protocol import Protocol


def is_conductor_accepted(protocol: Protocol, settings: JobcentreSettings, talk: Conversation) -> bool:
    """Whether the protocol accepts who held it, and, of an external provider, the trial for the jobcentre."""
    return talk.conducted_by in protocol.accepted_conductors and (
        talk.conducted_by != "external_provider" or settings.external_provider_talks
    )


def is_before_course(protocol: Protocol, assigned_on: date, talk: Conversation) -> bool:
    """Whether a conversation is too early to count: not later than ``assigned_on``; in [S] earlier than it."""
    return talk.date < assigned_on or (talk.date == assigned_on and not protocol.talk_on_assignment_counts)


def counts(protocol: Protocol, settings: JobcentreSettings, assigned_on: date, talk: Conversation) -> bool:
    """Whether a conversation counts, whatever the person's presence or exemption that day."""
    return (
        talk.status == "held"
        and talk.form in protocol.accepted_forms
        and is_conductor_accepted(protocol, settings, talk)
        and not is_before_course(protocol, assigned_on, talk)
    )


def is_no_show(history: History, talk: Conversation) -> bool:
    """Whether a no-show enters the numbers: later than the assignment, due or not (domain 5)."""
    return talk.status == "no_show" and talk.date > history.assigned_on


def told_once(protocol: Protocol, history: History) -> list[tuple[Conversation, bool]]:
    """The conversations that enter the numbers of conversations, each with whether it counts (4.5, "Told by several").

    Of one person's conversations on one date that different clients sent, those of one client: of the client with the
    most counting ones, then the most, then the first by name [choice].
    """
    talks = [
        (client, talk, counts(protocol, history.settings, history.assigned_on, talk))
        for client, talk in history.conversations
    ]
    if len({client for client, _, _ in talks}) < 2:
        return [(talk, counting) for _, talk, counting in talks]
    by_date: dict[date, dict[str, list[tuple[Conversation, bool]]]] = {}
    for client, talk, counting in talks:
        by_date.setdefault(talk.date, {}).setdefault(client, []).append((talk, counting))
    chosen: list[tuple[Conversation, bool]] = []
    for by_client in by_date.values():
        ranked = [(-sum([counting for _, counting in told]), -len(told), client) for client, told in by_client.items()]
        chosen += by_client[min(ranked)[2]]
    return chosen


def form_of_week(protocol: Protocol, counting: Iterable[Conversation]) -> WeekForm:
    """The form of a week by its counting conversations, at least one."""
    grounded = False
    for talk in counting:
        if talk.form in protocol.in_person_forms:
            return "in_person"
        if talk.remote_ground in protocol.remote_grounds:
            grounded = True
    return "grounded" if grounded else "remote"


def is_wrong_place(protocol: Protocol, counting: Iterable[Conversation]) -> bool:
    """Whether a week in person has none of its talks in person at the jobcentre."""
    return not any(talk.place == "jobcentre" and talk.form in protocol.in_person_forms for talk in counting)


def lacks_justification(protocol: Protocol, counting: Iterable[Conversation]) -> bool:
    """Whether a counting conversation in another form than in person lacks its justification (domain 6 [C])."""
    return any(talk.form not in protocol.in_person_forms and talk.justification is None for talk in counting)


def missing_because(others: Sequence[Conversation]) -> MissingReason:
    """Why a due conversation is missing: the first that applies to the week's talks, none of which counts (5)."""
    statuses = {talk.status for talk in others}
    if "no_show" in statuses:
        return "no_show"
    if "cancelled" in statuses:
        return "cancelled"
    if is_mentor_only(others):
        return "mentor_only"
    return "not_accepted" if "held" in statuses else "nothing"


def is_mentor_only(others: Iterable[Conversation]) -> bool:
    """Whether every talk held in a week was a mentor's, and there was one."""
    held_by = {talk.conducted_by for talk in others if talk.status == "held"}
    return held_by == {"mentor"}


def exceeds_remote_share(protocol: Protocol, remote: int, held: int) -> bool:
    """Not k ≤ ceil(share × m), exactly: k weeks remote of m held ones, without the grounded ones."""
    share = protocol.remote_share_max
    return share is not None and remote > -(-share.numerator * held // share.denominator)
