"""What comes in and goes out of the endpoints of people: screenings, participants, assignments, weeks."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StrictBool,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from app.domain.rules.eligibility import Benefit, Channel, Circumstance, ExemptFrom, WithdrawalReason
from app.routers.common.services import NextPage
from app.routers.common.types import (
    Code,
    CprNumber,
    DeviationCode,
    FailureCode,
    IsoDate,
    JobcentreCode,
    TargetGroup,
    Text,
)
from app.web.validation import field_errors

ParticipantState = Literal[
    "assignment_week", "counted", "absent", "exempt", "complete", "waiting", "withdrawn", "ineligible", "duplicate"
]


class ScreeningIn(BaseModel):
    """What is stated of a person at the job interview. Which fields are asked for depends on the trial's protocol."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "cpr": "7101701234",
                    "jobcentre": "849",
                    "interview_on": "2010-11-08",
                    "channel": "new_match",
                    "at_job_interview": True,
                    "match_group": 2,
                    "benefit": "cash_benefit",
                    "exempt_from": "none",
                    "contact_person": "Team 3, desk 12",
                },
                {
                    "cpr": "6202805678",
                    "jobcentre": "849",
                    "interview_on": "2010-11-09",
                    "channel": "supplement",
                    "at_job_interview": True,
                    "match_group": 2,
                    "benefit": "start_benefit",
                    "unemployed_since": "2010-08-01",
                    "circumstances": [],
                    "exempt_from": "conversations",
                },
                {
                    "cpr": "6202805678",
                    "jobcentre": "849",
                    "interview_on": "2009-01-12",
                    "unemployed_since": "2008-10-06",
                    "circumstances": ["referred_to_flexjob"],
                },
                {"cpr": "6202805678", "jobcentre": "849", "interview_on": "2017-01-02", "target_group": 2},
            ]
        },
    )

    cpr: CprNumber = Field(description="The person's CPR number: ten digits, with or without a dash.")
    jobcentre: JobcentreCode
    interview_on: IsoDate = Field(
        description="The day of the job interview, or of what stands for it in the trial; not after today."
    )
    channel: Channel | None = None
    at_job_interview: StrictBool | None = Field(None, description="Not at the short first visit.")
    match_group: Annotated[int, Field(ge=1, le=3, strict=True)] | None = None
    benefit: Benefit | None = None
    unemployed_since: IsoDate | None = Field(
        None, description="Asked for in the channel supplement, and where the protocol looks at it."
    )
    circumstances: list[Circumstance] = Field(
        default_factory=list, max_length=50, description="What else is known of the person that day."
    )
    exempt_from: ExemptFrom | None = Field(None, description="Decides eligibility only; creates no exemption.")
    contact_person: Text | None = Field(None, description="Who answers for the person from the start.")
    target_group: TargetGroup | None = Field(
        None, description="Where the trial has picked target groups: the person's, whether picked or not."
    )
    _faults: Sequence[tuple[str, str]] = PrivateAttr(())

    @property
    def faults(self) -> Sequence[tuple[str, str]]:
        """What is wrong with the body as it was sent: empty, or this is only what could be read of it."""
        return self._faults

    def with_faults(self, faults: Sequence[tuple[str, str]]) -> Self:
        """The same, of a body with these faults."""
        self._faults = faults
        return self


def _with_faults(sent: Any, read: ValidatorFunctionWrapHandler) -> ScreeningIn:
    """A body at fault is not refused at once: the trial's protocol may find more, and all of it is told together."""
    try:
        screening: ScreeningIn = read(sent)
    except ValidationError as error:
        if not isinstance(sent, dict):
            raise
        errors = error.errors(include_url=False, include_context=False)
        unread: dict[str, Any] = dict.fromkeys(name for name, field in _SCREENING_FIELDS.items() if field.is_required())
        screening = ScreeningIn.model_construct(**unread)
        for name in sent.keys() & _SCREENING_FIELDS.keys() - {each["loc"][0] for each in errors if each["loc"]}:
            ScreeningIn.__pydantic_validator__.validate_assignment(screening, name, sent[name])
        return screening.with_faults(field_errors(errors, sent, _SCREENING_FIELDS))
    return screening


_SCREENING_FIELDS = ScreeningIn.model_fields
ScreeningBody = Annotated[ScreeningIn, WrapValidator(_with_faults)]


class FailureView(BaseModel):
    """A rule of eligibility that the person does not meet."""

    code: FailureCode
    detail: str = Field(description="The rule in a sentence.")


class AssignmentView(BaseModel):
    """The draw: the arm, the day from which the person is in the trial, and the moment of the draw."""

    arm: Literal["treatment", "control"]
    assigned_on: date = Field(description="The day from which the person is in the trial: that of the interview.")
    drawn_at: datetime


class ScreeningView(BaseModel):
    """What the screening found, and what was drawn."""

    participant_id: UUID | None = Field(description="Null for the ineligible, of whom nothing is kept but the codes.")
    eligible: bool
    failures: list[FailureView] = Field(description="Every failing rule.")
    assignment: AssignmentView | None = Field(description="Null for a supplement candidate, who waits for a draw.")


class ParticipantModel(BaseModel):
    """A participant today."""

    participant_id: UUID
    jobcentre: JobcentreCode
    state: ParticipantState = Field(description="State of the week that today lies in, or of the undrawn candidate.")
    programme_week: int | None = Field(description="The programme week reached so far.")
    arm: Literal["treatment", "control"] | None = Field(description="Null before a draw.")
    assigned_on: date | None = Field(description="Null before a draw.")
    interview_on: date
    channel: Channel | None = Field(description="Null where the protocol does not ask for it.")
    target_group: TargetGroup | None = Field(description="Null where the trial has no target groups.")
    contact_person: str | None


class ParticipantPage(BaseModel):
    """A page of participants, by jobcentre and id."""

    items: list[ParticipantModel]
    next: NextPage


class AssignedView(AssignmentView):
    """Who was drawn to which arm."""

    participant_id: UUID
    jobcentre: JobcentreCode


class AssignmentPage(BaseModel):
    """A page of assignments, by jobcentre and participant."""

    items: list[AssignedView]
    next: NextPage


class LookupIn(BaseModel):
    """Whom to look up."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"cpr": "7101701234"}]})

    cpr: CprNumber


class ContactPersonIn(BaseModel):
    """The new contact person."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"contact_person": "Team 3, desk 12"}]})

    contact_person: Text | None = Field(description="Who answers for the person from now on; null for nobody.")


class CorrectedCprIn(BaseModel):
    """The right number, and why it was wrong before."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"cpr": "7101701242", "reason": "typing_error"}]}
    )

    cpr: CprNumber = Field(description="The CPR number from now on.")
    reason: Code = Field(description="Code of the reason.", examples=["typing_error"])


class WithdrawalIn(BaseModel):
    """Why the candidate is withdrawn."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "not_interviewed"}]})

    reason: WithdrawalReason


class WeekView(BaseModel):
    """One ISO week of a person, judged by the trial's protocol."""

    week: str = Field(examples=["2010-W46"])
    number: int | None = Field(description="Programme week; null while the clock stands still.")
    state: Literal["assignment_week", "counted", "absent", "exempt", "complete"]
    conversation_due: bool
    conversation_held: bool
    conversation_conforming: bool
    activation_due: bool
    activated: bool
    workplace_activated: bool
    meter: int = Field(description="Weeks of activation used up, this one included; they end the course.")
    deviations: list[DeviationCode] = Field(description="Sorted; none while the week is not over.")


class WeekList(BaseModel):
    """The weeks of one person in their order."""

    items: list[WeekView]
