"""Trials, people and their weeks, as they are sent and as the register answers.

Days are ``YYYY-MM-DD``, weeks ``YYYY-Www``, moments UTC (RFC 3339). An answer may carry more than is named here: the
register adds fields, and never takes one away.
"""

from typing import Any, NotRequired, TypedDict

from rettevej_client.codes import (
    Arm,
    Benefit,
    Channel,
    Circumstance,
    CorrectionStatus,
    Enforcement,
    ExemptFrom,
    ParticipantChange,
    ParticipantState,
    Region,
    Theme,
    WeekState,
)


class NewJobcentre(TypedDict):
    """A jobcentre that takes part."""

    code: str
    """Municipality code of the jobcentre."""
    name: str
    region: Region
    agreed_participants: int
    """The agreed number of treatment participants."""
    weekly_target: NotRequired[int | None]
    """People to be drawn a week; ceil(2 × agreed / weeks of the intake period) where left out."""
    external_provider_talks: NotRequired[bool]
    """Whether conversations held by an external provider count; true where left out."""
    required_contacts: NotRequired[float | dict[str, float] | None]
    """The jobcentre's own, as the two below; the trial's where left out."""
    target_groups: NotRequired[list[int] | None]
    themes: NotRequired[list[Theme] | None]


class NewTrial(TypedDict):
    """A trial to be created. Dates may be left out where the protocol has them."""

    id: str
    """Your name for the trial; it is part of every address."""
    protocol: str
    """Id of the protocol whose rules hold."""
    title: str
    intake_from: NotRequired[str | None]
    """First day on which people are taken in."""
    intake_to: NotRequired[str | None]
    """Last day on which people are taken in."""
    ends_on: NotRequired[str | None]
    retention_until: NotRequired[str | None]
    """Last day of the trial; overrides the protocol's."""
    pilot: NotRequired[bool]
    """A pilot is a trial of its own, in nobody else's figures."""
    jobcentres: list[NewJobcentre]
    enforcement: NotRequired[Enforcement]
    """Whether records that break the trial's rules are stored with warnings, or refused."""
    required_contacts: NotRequired[float | dict[str, float] | None]
    """Contacts per person and four weeks, where the protocol measures an average: a number, or by target group."""
    target_groups: NotRequired[list[int] | None]
    """The target groups that the trial picks among its protocol's; all of them where left out."""
    themes: NotRequired[list[Theme] | None]
    """What is tried, where the protocol measures an average."""


class Jobcentre(TypedDict):
    """A jobcentre of the trial."""

    code: str
    """Municipality code of the jobcentre."""
    name: str
    region: Region
    agreed_participants: int
    """The agreed number of treatment participants."""
    weekly_target: int | None
    """Null where it follows from the agreed number."""
    external_provider_talks: bool
    """Whether conversations held by an external provider count."""
    target_groups: list[int] | None
    """Null where the trial's hold, as of the two below."""
    themes: list[Theme] | None
    required_contacts: float | dict[str, float] | None
    successor: str | None
    """The jobcentre that this one was merged into."""


class Trial(TypedDict):
    """A trial. The seed of its draws is shown once it is closed; its SHA-256 from the first moment."""

    id: str
    protocol: str
    title: str
    intake_from: str
    intake_to: str
    ends_on: str
    retention_until: str
    pilot: bool
    jobcentres: list[Jobcentre]
    enforcement: Enforcement
    required_contacts: float | dict[str, float] | None
    """A number, or by target group; null where it is not set."""
    target_groups: list[int] | None
    """Null where the protocol has none."""
    themes: list[Theme] | None
    """Null where they are not set."""
    seed_commitment: str
    """SHA-256 of the seed, hex."""
    seed: str | None
    """The seed, hex; null until the trial is closed."""
    closed: bool


class TrialProtocol(TypedDict):
    """A protocol: parameters by name, each with its value and its source, and the rules of eligibility."""

    id: str
    title: str
    description: str
    """The course in a sentence."""
    parameters: dict[str, Any]
    """By name: the value, and where it comes from."""
    eligibility: dict[str, Any]
    """The rules of eligibility by the code of their failure, each with its source."""


class Screening(TypedDict):
    """What is stated of a person at the job interview. Which fields are asked for depends on the trial's protocol."""

    cpr: str
    """The person's CPR number: ten digits, with or without a dash."""
    jobcentre: str
    """Municipality code of the jobcentre."""
    interview_on: str
    """The day of the job interview; not after today."""
    channel: NotRequired[Channel | None]
    at_job_interview: NotRequired[bool | None]
    """Not at the short first visit."""
    match_group: NotRequired[int | None]
    benefit: NotRequired[Benefit | None]
    unemployed_since: NotRequired[str | None]
    """Asked for in the channel supplement, and where the protocol looks at it; may be told of anyone."""
    sick_since: NotRequired[str | None]
    """First day of the sick leave, where the protocol takes it."""
    has_job: NotRequired[bool | None]
    """Whether there is a job to return to, where the protocol takes it."""
    circumstances: NotRequired[list[Circumstance]]
    """What else is known of the person that day."""
    exempt_from: NotRequired[ExemptFrom | None]
    """Decides eligibility only; creates no exemption."""
    contact_person: NotRequired[str | None]
    """Who answers for the person from the start."""
    target_group: NotRequired[int | None]
    """Where the trial has picked target groups: the person's, whether picked or not."""


class Failure(TypedDict):
    """A rule of eligibility that the person does not meet."""

    code: str
    detail: str
    """The rule in a sentence."""


class Assignment(TypedDict):
    """The draw: the arm, the day from which the person is in the trial, and the moment of the draw."""

    arm: Arm
    assigned_on: str
    """The day from which the person is in the trial: that of the interview."""
    drawn_at: str


class Screened(TypedDict):
    """What the screening found, and what was drawn."""

    participant_id: str | None
    """Null for the ineligible, of whom nothing is kept but the codes."""
    eligible: bool
    failures: list[Failure]
    """Every failing rule."""
    assignment: Assignment | None
    """Null for a supplement candidate, who waits for a draw."""


class Assigned(TypedDict):
    """Who was drawn to which arm."""

    arm: Arm
    assigned_on: str
    """The day from which the person is in the trial: that of the interview."""
    drawn_at: str
    participant_id: str
    jobcentre: str
    """Municipality code of the jobcentre."""


class Participant(TypedDict):
    """A participant today."""

    participant_id: str
    jobcentre: str
    """Municipality code of the jobcentre."""
    state: ParticipantState
    """State of the week that today lies in, or of the undrawn candidate."""
    programme_week: int | None
    """The programme week reached so far."""
    arm: Arm | None
    """Null before a draw."""
    assigned_on: str | None
    """Null before a draw."""
    interview_on: str
    channel: Channel | None
    """Null where the protocol does not ask for it."""
    target_group: int | None
    """Null where the trial has no target groups."""
    contact_person: str | None
    cpr_correction: CorrectionStatus | None
    """The latest request for a corrected CPR number."""
    ineligible_found: list[str]
    """Eligibility rules that fail with the corrected number."""
    duplicate_of: str | None
    """Of a duplicate the participant who governs, in the same jobcentre."""


class ListedParticipant(Participant):
    """A participant in a list; in the change feed with one change."""

    change: ParticipantChange | None
    """What changed; null outside the feed."""
    changed_at: str | None


class CorrectionRequest(TypedDict):
    """A request for a corrected number; both are null if the participant has the number already."""

    correction_id: str | None
    status: CorrectionStatus | None


class Week(TypedDict):
    """One ISO week of a person, judged by the trial's protocol."""

    week: str
    number: int | None
    """Programme week; null while the clock stands still."""
    state: WeekState
    conversation_due: bool
    conversation_held: bool
    conversation_conforming: bool
    activation_due: bool
    activated: bool
    workplace_activated: bool
    meter: int
    """Weeks of activation used up, this one included; they end the course."""
    deviations: list[str]
    """Sorted; none while the week is not over."""


class Draw(TypedDict):
    """A published draw, under a pseudonym of its own."""

    jobcentre: str
    """Municipality code of the jobcentre."""
    position: int
    """0, 1, 2 … within the jobcentre, without gap or repeat."""
    arm: Arm
    drawn_at: str
    pseudonym: str
    """Stands for the person here and nowhere else."""
