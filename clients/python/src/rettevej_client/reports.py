"""Reports: figures of groups and what they rest on. Rates lie between 0 and 1, and are None with nothing due."""

from typing import NotRequired, TypedDict

from rettevej_client.codes import (
    Analysis,
    Arm,
    ConditionStanding,
    ConversationForm,
    CurveMeasure,
    ExemptionGround,
    ExemptionScope,
    ExitReason,
    MissingReason,
    WeekState,
    WorklistReason,
)


class Source(TypedDict):
    """When a client last delivered a kind of record."""

    client_id: str
    kind: str
    """As in the address: `conversations`, `presence-events` …"""
    last_received_at: str


class Group(TypedDict):
    """Whose figures: one jobcentre's, one region's, or, empty, the trial's."""

    jobcentre: NotRequired[str | None]
    region: NotRequired[str | None]


class States(TypedDict):
    """How many people's week is in which state."""

    counted: int
    absent: int
    exempt: int
    complete: int
    assignment_week: int


class Contacts(TypedDict):
    """Contacts per person and four weeks: 4 × conversations that count / counted weeks open to conversations."""

    total: float | None
    """Null with no such week."""
    by_form: dict[ConversationForm, float]
    """The forms that occurred; together they are the total."""
    by_target_group: dict[str, float | None]
    """Each target group's own average, by its number; those of which somebody was assigned."""


class RequiredContacts(TypedDict):
    """Contacts per person and four weeks that are required."""

    total: float | None
    """The mean over the target groups, weighted by counted weeks."""
    by_target_group: dict[str, float | None]
    """By number of the target group; of jobcentres with different numbers their weighted mean."""


class Coordination(TypedDict):
    """How many people had a mentor, or a support effort of an area."""

    mentor: int
    """A mentor recorded, or assigned in an activation at a workplace."""
    company: int
    social_services: int
    health: int


class Sums(TypedDict):
    """Person-weeks, and the two rates that every protocol has."""

    conversation_due: int
    """Weeks in which a conversation was due."""
    conversation_held: int
    """Those with a conversation that counts."""
    conversation_conforming: int
    """Those in the form that the protocol asks for."""
    activation_due: int
    """Weeks in which an activation was due."""
    activated: int
    """Those with enough hours of activation."""
    workplace_activated: int
    """Those at a workplace."""
    activation_rate: float | None
    """Activated of due."""
    workplace_rate: float | None
    """At a workplace of due."""


class Figures(Sums):
    """Person-weeks and rates (0 to 1, null with nothing due)."""

    conversation_rate: float | None
    """Held of due."""
    conforming_rate: float | None
    """Conforming of due."""


class SummaryFigures(Sums):
    """Person-weeks and rates; where the cadence is an average, contacts instead of the conversation rates."""

    conversation_rate: NotRequired[float | None]
    """Held of due."""
    conforming_rate: NotRequired[float | None]
    """Conforming of due."""
    contacts_per_four_weeks: NotRequired[Contacts | None]
    """Only where the cadence is an average."""
    required_contacts: NotRequired[RequiredContacts | None]
    """Only where the cadence is an average."""


class Conditions(TypedDict):
    """How the three conditions of the grant stand."""

    conversation: ConditionStanding
    activation: ConditionStanding
    workplace: ConditionStanding


class ActivationByPerson(TypedDict):
    """People, not weeks."""

    people: int
    """Participants with any week in which an activation was due."""
    ever_activated: int
    ever_workplace: int


class ConversationByPerson(TypedDict):
    """People, not weeks."""

    people: int
    """Participants with any week in which a conversation was due."""
    held_80: int
    """Of these, with at least 80 % of theirs held."""


class ByPerson(TypedDict):
    """The same as the rates, counted by person: information, not a condition."""

    activation: ActivationByPerson
    conversation: ConversationByPerson


class SummaryRow(SummaryFigures):
    """A week of a group and arm, and everything up to it."""

    week: str
    group: Group
    arm: Arm
    participants: int
    """People whose week is not absent."""
    states: States
    entries: int
    """People assigned in the week."""
    exits: dict[ExitReason, int]
    """People who left in the week, by reason."""
    forms: dict[ConversationForm, int]
    """Conversations that count, by form, due or not."""
    no_shows: int
    """Conversations to which the person did not come."""
    coordination: Coordination
    """On a working day of the week at least."""
    coordination_so_far: Coordination
    """In any week up to this one."""
    deviations: dict[str, int]
    """By code; none while the week is not over."""
    missing_because: dict[MissingReason, int]
    """Conversations due and not held, by the first reason that applies; none while the week is not over."""
    cumulative: SummaryFigures
    conditions: Conditions | None
    """Cumulative; null for the control arm."""
    by_person: ByPerson | None
    """Up to this week; null for the control arm."""
    action_plan: NotRequired[bool | None]
    """Jobcentre rows of the treatment arm: the same condition is not met in this and the last week."""


class WeeklySummary(TypedDict):
    """The rows, and what they rest on."""

    as_of: str
    """The day in Copenhagen by which weeks are over."""
    watermark: str | None
    moments_ahead: bool
    """The latest registration that the figures hold."""
    sources: list[Source]
    items: list[SummaryRow]


class Thresholds(TypedDict):
    """What the rates must reach, in per cent."""

    conversation: int
    activation: int
    workplace: int


class Grant(TypedDict):
    """The grant up to the week, in DKK."""

    first_conversations: int
    """Treatment participants with at least one counting conversation."""
    agreed_participants: int
    """At most this many are paid for."""
    dkk_per_participant: int
    amount_dkk: int
    """The smaller number of people times the amount for one."""
    payable: bool | None
    """While all three conditions are met."""
    payable_dkk: int | None
    """The amount while it is payable, else 0; null with `payable`."""


class ConditionsRow(TypedDict):
    """One jobcentre, everything up to the week."""

    week: str
    group: Group
    figures: Figures
    """Cumulative, treatment arm."""
    thresholds: Thresholds | None
    """In per cent, inclusive."""
    conditions: Conditions | None
    """Null where the protocol has no thresholds."""
    grant: Grant | None
    """Null where the protocol has no grant."""


class ConditionsReport(TypedDict):
    """The jobcentres that you see, and what their figures rest on."""

    as_of: str
    """The day in Copenhagen by which weeks are over."""
    watermark: str | None
    moments_ahead: bool
    """The latest registration that the figures hold."""
    items: list[ConditionsRow]


class AssessmentInput(TypedDict):
    """What one treatment participant adds to the sums, under the pseudonym of the published draws."""

    pseudonym: str
    """Stands for the person."""
    conversation_due: int
    conversation_held: int
    conversation_conforming: int
    activation_due: int
    activated: int
    workplace_activated: int
    entries: int
    first_conversations: int
    """1 where the person has had a counting conversation."""


class Assessment(TypedDict):
    """An assessment as it was decided, and the same figure today."""

    week: str
    jobcentre: str
    """Municipality code of the jobcentre."""
    frozen_at: str
    """When it was decided."""
    client_id: str
    """Who froze it."""
    watermark: str | None
    """Everything registered up to this moment is in the frozen figures."""
    frozen: ConditionsRow
    """The figures as they were decided."""
    inputs: list[AssessmentInput]
    """The frozen sums are the sums of these."""
    today: ConditionsRow
    """The same figures with everything that is known today."""


class EndingExemption(TypedDict):
    """An exemption whose last day lies in the week."""

    scope: ExemptionScope
    ground: ExemptionGround
    ends_on: str


class WorklistEntry(TypedDict):
    """A treatment participant for whom something is to be done."""

    participant_id: str
    jobcentre: str
    assigned_on: str
    contact_person: str | None
    number: int | None
    """Programme week; null for a week without number."""
    state: WeekState
    reasons: list[WorklistReason]
    """What is to be done, at least one."""
    exemptions_ending: list[EndingExemption]


class Worklist(TypedDict):
    """The people, and what the list rests on."""

    as_of: str
    """The day in Copenhagen by which weeks are over."""
    watermark: str | None
    moments_ahead: bool
    """The latest registration that the list holds."""
    week: str
    items: list[WorklistEntry]
    """By jobcentre, the longest assigned first."""


class Share(TypedDict):
    """How many of how many."""

    n: int
    """People."""
    count: int
    """Those of them who did it in that week."""
    share: float | None
    """Count of n, 0 to 1; null of nobody."""


class CurvePoint(TypedDict):
    """The two arms in one week since the assignment."""

    weeks_since_assignment: int
    """ISO weeks after that of the assignment, which is 0."""
    analysis: Analysis
    treatment: Share
    control: Share
    difference: float | None
    """Treatment − control; null where an arm is empty."""
    difference_low: float | None
    """Lower end of the 95 % interval (Newcombe)."""
    difference_high: float | None
    """Upper end of the 95 % interval (Newcombe)."""
    running_sum: float
    """Sum of the differences from week 0 on: how many more weeks with it."""


class ActivityCurve(TypedDict):
    """The curve, and what it rests on."""

    as_of: str
    """The day in Copenhagen by which weeks are over."""
    watermark: str | None
    moments_ahead: bool
    """The latest registration that the figures hold."""
    measure: CurveMeasure
    jobcentres: list[str]
    """Whose figures these are."""
    items: list[CurvePoint]
    """By analysis and week."""


class Ineligible(TypedDict):
    """People whose latest screening failed."""

    people: int
    by_code: dict[str, int]
    """A person counts under every code."""


class Eligible(TypedDict):
    """People whose screening failed no rule."""

    people: int
    """Waiting, withdrawn or drawn."""
    waiting: int
    """Candidates who are not drawn yet."""
    withdrawn: int
    """Withdrawn before a draw."""
    drawn: int


class Exited(TypedDict):
    """People who ever left, whether they came back or not."""

    people: int
    by_reason: dict[ExitReason, int]
    """By the reason of the last exit."""


class ArmFlow(TypedDict):
    """The people drawn to an arm."""

    arm: Arm
    drawn: int
    exited: Exited
    re_entered: int
    """Those who ever came back."""
    in_trial: int
    """Those in the trial on the day `on`."""
    complete: int
    """Those through with the course: their last week that is over is complete."""


class CorrectedPeople(TypedDict):
    """People of one jobcentre with a corrected number. Requests count as they were when this week began."""

    jobcentre: str
    number_corrected: int
    correction_waiting: int
    same_person_twice: int
    ineligible_found: int


class Flow(TypedDict):
    """Everyone screened, and what became of them."""

    as_of: str
    """The day in Copenhagen by which weeks are over."""
    on: str
    """The day of `in_trial`."""
    watermark: str | None
    moments_ahead: bool
    """The latest registration that the figures hold."""
    jobcentres: list[str]
    """Whose figures these are."""
    screened: int
    """People; ineligible and eligible together."""
    ineligible: Ineligible
    eligible: Eligible
    arms: list[ArmFlow]
    """Without duplicates."""
    corrections: list[CorrectedPeople]


class Release(TypedDict):
    """Who exported the panel, when and for what; and what its content rests on."""

    release_id: str
    trial: str
    """Id of the trial."""
    protocol: str
    """Id of the trial's protocol."""
    pilot: bool
    """Whether the trial is a pilot, which belongs in nobody else's figures."""
    client_id: str
    """Who recorded it."""
    purpose: str
    recorded_at: str
    watermark: str
    """Everything registered up to this moment is in it, and nothing later."""
    as_of: str
    """The day in Copenhagen by which its weeks are over."""
    dictionary_version: int
    """Of the columns with which it was recorded."""
