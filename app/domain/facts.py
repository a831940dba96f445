"""What can be recorded about a person in a trial (domain 3.1, 4, api.md "Records"). Facts only; rules judge elsewhere.

The second member of each ``Annotated`` is the sentence that the contract shows to integrators.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, get_args

Code = str  # a code that the domain leaves to the sender: [a-z0-9_], never free text

ConversationStatus = Literal["held", "no_show", "cancelled"]
ConversationForm = Literal["in_person", "telephone", "digital", "group", "industry_meeting", "other"]
ConversationPlace = Literal["jobcentre", "company", "home", "other"]
Conductor = Literal["caseworker", "company_consultant", "external_provider", "mentor"]
RemoteGround = Literal["illness", "other_obstacle", "hospitalised"]
Focus = Literal[
    "clarification", "motivation", "preparation", "follow_up", "retention", "progression", "transition_to_job"
]
WorkplaceType = Literal[
    "part_time_job", "wage_subsidy_public", "wage_subsidy_private", "work_placement_public", "work_placement_private"
]
ActivationType = Literal[
    "part_time_job",
    "wage_subsidy_public",
    "wage_subsidy_private",
    "work_placement_public",
    "work_placement_private",
    "guidance_and_upskilling",
    "other_offer",
    "partial_return",
    "preventive_offer",
]
ReducedHoursReason = Literal["health", "gradual_start", "care", "other"]
NotWorkplaceReason = Literal[
    "substance_abuse", "untreated_mental_illness", "other", "cannot_get_up", "no_transport", "unstable"
]
MentorStatus = Literal["assigned", "waived", "unknown"]
EndedBecause = Literal["as_planned", "illness", "job", "education", "citizen_stopped", "company_stopped", "other"]
PreventiveKind = Literal["physical_training", "diet", "psychologist", "pain_management", "depression_school", "other"]
ExemptionScope = Literal["conversations", "activation", "both"]
ExemptionGround = Literal[
    "illness",
    "parental_leave",
    "child_care",
    "care_of_relative",
    "military_service",
    "sentence",
    "stu",
    "job_starts",
    "holiday",
    "offer_not_reasonable",
    "other",
]
EventKind = Literal["exit", "re_entry", "rematch"]
ExitReason = Literal["match_group_3", "job", "education", "moved", "benefit_ended", "deceased"]
SupportArea = Literal["company", "social_services", "health"]
OutcomeStatus = Literal["employed", "flex_job", "education", "benefit", "other"]
RetractionReason = Literal["entered_in_error", "duplicate", "wrong_person"]

WORKPLACE_TYPES: frozenset[str] = frozenset(get_args(WorkplaceType))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversation that was held, missed or cancelled (domain 4.5)."""

    date: Annotated[date, "The day of the conversation, not after today in Copenhagen."]
    status: Annotated[ConversationStatus, "What became of it."] = "held"
    form: Annotated[ConversationForm, "How the two met."] = "in_person"
    place: Annotated[ConversationPlace, "Where they met."] = "jobcentre"
    conducted_by: Annotated[Conductor, "Who held it."] = "caseworker"
    mentor_present: Annotated[bool, "Whether the mentor took part."] = False
    remote_ground: Annotated[RemoteGround | None, "Why it was not in person, where there is a ground."] = None
    job_interview: Annotated[bool, "Whether it was a job interview in the sense of the law."] = False
    focus: Annotated[tuple[Focus, ...], "What it was about; order and repetition mean nothing."] = ()
    justification: Annotated[Code | None, "Code of the professional justification of its form (flex-2016)."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """An activation offer over a span of days (domain 4.6)."""

    type: Annotated[ActivationType, "The kind of offer."]
    starts_on: Annotated[date, "First day."]
    ends_on: Annotated[date | None, "Last day, included; null while it is open."] = None
    hours_per_week: Annotated[Decimal, "Hours a week, more than 0, at most 60, at most two decimals."]
    reduced_hours_reason: Annotated[ReducedHoursReason | None, "Why the hours are few."] = None
    not_workplace_reason: Annotated[NotWorkplaceReason | None, "Why it is not at a workplace."] = None
    cvr_number: Annotated[str | None, "CVR number of the workplace: 8 digits, modulus 11."] = None
    p_number: Annotated[str | None, "P-number of the production unit: 10 digits."] = None
    company_centre: Annotated[bool, "Whether it is in a company centre (virksomhedscenter)."] = False
    mentor: Annotated[MentorStatus, "Whether a mentor is assigned or waived."] = "unknown"
    mentor_waiver_reason: Annotated[Code | None, "Code of the reason for waiving the mentor."] = None
    planned_ends_on: Annotated[date | None, "Last day that was planned, included."] = None
    ended_because: Annotated[EndedBecause | None, "Why it ended."] = None
    preventive_kind: Annotated[PreventiveKind | None, "What a `preventive_offer` consists of; of no other type."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """An exemption from conversations, activation or both (domain 4.2)."""

    scope: Annotated[ExemptionScope, "What the person is exempt from."]
    ground: Annotated[ExemptionGround, "The ground of the exemption."]
    starts_on: Annotated[date, "First day."]
    ends_on: Annotated[date | None, "Last day, included; null while it is open."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceEvent:
    """An exit, a re-entry or a rematch (domain 4.1)."""

    kind: Annotated[EventKind, "What happened."]
    date: Annotated[date, "The day it takes effect: first day out of an exit, first day in of a re-entry."]
    reason: Annotated[ExitReason | None, "Why the person left; required of an exit."] = None
    match_group: Annotated[Literal[1, 2, 3] | None, "The new match group; required of a rematch."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportEffort:
    """A supporting and coordinating effort over a span of days (domain 4.7 [F])."""

    area: Annotated[SupportArea, "Whom the coordinator brings the person together with."]
    kind: Annotated[Code, "Code of the effort, from the sender's own list for that area."]
    starts_on: Annotated[date, "First day."]
    ends_on: Annotated[date | None, "Last day, included; null while it is open."] = None
    coordinator: Annotated[Code | None, "Code of who coordinates: `caseworker`, `company_consultant` … No name."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentor:
    """A mentor at a workplace over a span of days (domain 4.7 [F])."""

    starts_on: Annotated[date, "First day."]
    ends_on: Annotated[date | None, "Last day, included; null while it is open."] = None
    cvr_number: Annotated[str | None, "CVR number of the mentor's company: 8 digits, modulus 11."] = None
    p_number: Annotated[str | None, "P-number of the production unit: 10 digits."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclinedOffer:
    """An offer of activation that the person declined (domain 6 [S])."""

    date: Annotated[date, "The day it was declined, not after today in Copenhagen."]
    type: Annotated[ActivationType, "The kind of offer."]
    reason: Annotated[Code | None, "Code of the reason given, from the sender's own list."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a person lived on in one ISO week, as a register like DREAM tells it (domain 7). No rule looks at it."""

    week: Annotated[date, "The ISO week, not after the running one."]
    status: Annotated[OutcomeStatus, "The status of that week."]
    hours_per_week: Annotated[Decimal | None, "Hours of employment in that week, with whatever status."] = None
    benefit_code: Annotated[Code | None, "The register's own code of the benefit."] = None


Fact = Conversation | Activation | Exemption | PresenceEvent | SupportEffort | Mentor | DeclinedOffer | Outcome

KINDS: Mapping[str, type[Fact]] = {
    "conversations": Conversation,
    "activations": Activation,
    "exemptions": Exemption,
    "presence-events": PresenceEvent,
    "support-efforts": SupportEffort,
    "mentors": Mentor,
    "declined-offers": DeclinedOffer,
    "outcomes": Outcome,
}


JUDGED_KINDS = ("conversations", "activations", "exemptions", "presence-events", "mentors")
"""The kinds that a person's weeks are judged by. The others are counted or shown, and change no week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobcentreSettings:
    """What a trial sets for one jobcentre, and the rules read (domain 4.5, 6 [C])."""

    external_provider_talks: bool = True
    """Whether talks held by an external provider count there."""


DEFAULT_SETTINGS: Final = JobcentreSettings()


@dataclass(frozen=True, slots=True)
class History:
    """All that is known of an assigned person and that the rules look at.

    Kinds stand in the order of ``KINDS``; the order of a kind's records decides nothing. Conversations and activations
    stand beside the client that sent them: talks told by several are counted once (domain 4.5), hours of different
    clients are never added up (4.6).
    """

    assigned_on: date
    conversations: tuple[tuple[str, Conversation], ...] = ()
    activations: tuple[tuple[str, Activation], ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    events: tuple[PresenceEvent, ...] = ()
    support_efforts: tuple[SupportEffort, ...] = ()
    mentors: tuple[Mentor, ...] = ()
    declined_offers: tuple[DeclinedOffer, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    target_group: int | None = field(default=None, kw_only=True)
    """Number of the law's § 2, where the trial has picked target groups (domain 6 [C])."""
    settings: JobcentreSettings = field(default=DEFAULT_SETTINGS, kw_only=True)


def validate_fact(fact: Fact, today: date) -> list[tuple[str, str]]:
    """What is wrong with a well-formed fact in itself, as (field, code).

    Codes: ``date_in_future`` (of what happened on a day or in a week; ``today`` is the day of receipt in Copenhagen),
    ``ends_before_start``, ``hours_out_of_range``, ``missing_field`` (reason of an exit, match group of a rematch),
    ``invalid_value`` (the kind of a preventive offer on an activation of another type).
    """
    faults = _validate_days(fact, today)
    hours = fact.hours_per_week if isinstance(fact, Activation | Outcome) else None
    if hours is not None and not 0 < hours <= 60:
        faults.append(("hours_per_week", "hours_out_of_range"))
    if isinstance(fact, Activation):
        if fact.planned_ends_on is not None and fact.planned_ends_on < fact.starts_on:
            faults.append(("planned_ends_on", "ends_before_start"))
        if fact.preventive_kind is not None and fact.type != "preventive_offer":
            faults.append(("preventive_kind", "invalid_value"))
    if isinstance(fact, PresenceEvent):
        if fact.kind == "exit" and fact.reason is None:
            faults.append(("reason", "missing_field"))
        if fact.kind == "rematch" and fact.match_group is None:
            faults.append(("match_group", "missing_field"))
    return faults


def _validate_days(fact: Fact, today: date) -> list[tuple[str, str]]:
    if isinstance(fact, Conversation | PresenceEvent | DeclinedOffer):
        return [("date", "date_in_future")] if fact.date > today else []
    if isinstance(fact, Outcome):
        return [("week", "date_in_future")] if fact.week > today else []
    if fact.ends_on is not None and fact.ends_on < fact.starts_on:
        return [("ends_on", "ends_before_start")]
    return []
