"""Request and response types of participants: screenings, assignments, weeks."""

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

from app.db.participants.changes import ParticipantChange
from app.domain.rules.corrections import CorrectionStatus
from app.domain.screening import Benefit, Channel, Circumstance, ExemptFrom, WithdrawalReason
from app.routers.common.services import NextPage
from app.routers.common.types import (
    CprNumber,
    DeviationCode,
    FailureCode,
    IsoDate,
    JobcentreCode,
    RequestModel,
    TargetGroup,
    Text,
    Whole,
    without_nulls,
)
from app.web.problems import Fault
from app.web.validation import field_faults

ParticipantState = Literal[
    "assignment_week", "counted", "absent", "exempt", "complete", "waiting", "withdrawn", "ineligible", "duplicate"
]


class ScreeningIn(BaseModel):
    """Facts about a person at the job interview. The trial's protocol decides which fields are required."""

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
        description="Day of the job interview, or of the meeting that replaces it in the trial; not in the future."
    )
    channel: Channel | None = None
    at_job_interview: StrictBool | None = Field(
        None, description="Whether the screening takes place at the job interview, not at the short first visit."
    )
    match_group: Annotated[int, Field(ge=1, le=3), Whole] | None = None
    benefit: Benefit | None = None
    unemployed_since: IsoDate | None = Field(
        None,
        description="Required in the channel `supplement`, and if the protocol uses it; may be stated of anyone.",
    )
    sick_since: IsoDate | None = Field(
        None, description="First day of the sick leave, if the protocol takes it: `aht-2008-*`."
    )
    has_job: StrictBool | None = Field(
        None, description="Whether the person has a job to return to, if the protocol takes it: `aht-2008-*`."
    )
    circumstances: list[Circumstance] = Field(
        default_factory=list, max_length=50, description="Further facts about the person on that day."
    )
    exempt_from: ExemptFrom | None = Field(None, description="Used for eligibility only; creates no exemption.")
    contact_person: Text | None = Field(None, description="First contact person at the jobcentre.")
    target_group: TargetGroup | None = Field(
        None, description="Target group of the person, required if the trial has target groups."
    )
    _faults: Sequence[Fault] = PrivateAttr(())

    @property
    def faults(self) -> Sequence[Fault]:
        """Every fault of the body. With faults, only the valid fields are set."""
        return self._faults

    def with_faults(self, faults: Sequence[Fault]) -> Self:
        """Set the faults and return this object."""
        self._faults = faults
        return self


def _collect_faults(body: Any, validate: ValidatorFunctionWrapHandler) -> ScreeningIn:
    """Parse a body without raising for its faults: the protocol adds its own, and the response lists all of them."""
    body = without_nulls(body, _SCREENING_FIELDS)
    try:
        screening: ScreeningIn = validate(body)
    except ValidationError as failure:
        if not isinstance(body, dict):
            raise
        errors = failure.errors(include_url=False, include_context=False)
        required: dict[str, Any] = dict.fromkeys(
            name for name, field in _SCREENING_FIELDS.items() if field.is_required()
        )
        screening = ScreeningIn.model_construct(**required)
        for name in body.keys() & _SCREENING_FIELDS.keys() - {error["loc"][0] for error in errors if error["loc"]}:
            ScreeningIn.__pydantic_validator__.validate_assignment(screening, name, body[name])
        return screening.with_faults(field_faults(errors, body, _SCREENING_FIELDS, lambda _: _SCREENING_FIELDS))
    return screening


_SCREENING_FIELDS = ScreeningIn.model_fields
ScreeningBody = Annotated[ScreeningIn, WrapValidator(_collect_faults)]


class FailureView(BaseModel):
    """Eligibility rule that the person does not meet."""

    code: FailureCode
    detail: str = Field(description="The rule in one sentence.")


class AssignmentView(BaseModel):
    """Result of the draw."""

    arm: Literal["treatment", "control"]
    assigned_on: date = Field(description="First day in the trial: the day of the interview.")
    drawn_at: datetime


class ScreeningView(BaseModel):
    """Result of the screening and, if there was one, of the draw."""

    participant_id: UUID | None = Field(
        description="Null for an ineligible person, of whom only the failure codes are stored."
    )
    eligible: bool
    failures: list[FailureView] = Field(description="Every failing rule.")
    assignment: AssignmentView | None = Field(
        description="Null for a supplement candidate, whose draw is a separate request."
    )


class ParticipantModel(BaseModel):
    """Current state of a participant."""

    participant_id: UUID
    jobcentre: JobcentreCode
    state: ParticipantState = Field(description="State of the current week; before a draw, state of the candidate.")
    programme_week: int | None = Field(description="Programme week reached so far.")
    arm: Literal["treatment", "control"] | None = Field(description="Null before a draw.")
    assigned_on: date | None = Field(description="Null before a draw.")
    interview_on: date
    channel: Channel | None = Field(description="Null if the protocol does not use it.")
    target_group: TargetGroup | None = Field(description="Null if the trial has no target groups.")
    contact_person: str | None
    cpr_correction: CorrectionStatus | None = Field(
        description="The latest request for a corrected CPR number, but a replaced one; null if there was none."
    )
    ineligible_found: list[FailureCode] = Field(
        description="Eligibility rules that fail with the corrected number. Whoever was drawn stays in the figures."
    )
    duplicate_of: UUID | None = Field(
        description="Of a duplicate the participant who governs; null if that one belongs to another jobcentre."
    )


class ListedParticipant(ParticipantModel):
    """Participant in a list. In the change feed it is as of today, with one change of it."""

    change: ParticipantChange | None = Field(description="What changed; null without `changed_since`.")
    changed_at: datetime | None = Field(description="When that was registered; null without `changed_since`.")


class ParticipantPage(BaseModel):
    """Page of participants, by jobcentre and id; in the change feed by jobcentre in the order of registration."""

    items: list[ListedParticipant]
    next: NextPage = Field(description="Cursor of the next page, null on the last; in the change feed never null.")


class AssignedView(AssignmentView):
    """Participant with the result of the draw."""

    participant_id: UUID
    jobcentre: JobcentreCode


class AssignmentPage(BaseModel):
    """Page of assignments, by jobcentre and participant."""

    items: list[AssignedView]
    next: NextPage


class LookupIn(RequestModel):
    """CPR number to look up."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cpr": "7101701234"}]})

    cpr: CprNumber


class ContactPersonIn(BaseModel):
    """New contact person."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"contact_person": "Team 3, desk 12"}]})

    contact_person: Text | None = Field(description="Contact person from now on; null for none.")


class WithdrawalIn(RequestModel):
    """Reason for the withdrawal."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "not_interviewed"}]})

    reason: WithdrawalReason


class WeekView(BaseModel):
    """One ISO week of a participant, judged by the trial's protocol."""

    week: str = Field(examples=["2010-W46"])
    number: int | None = Field(description="Programme week; null in a week that is not counted.")
    state: Literal["assignment_week", "counted", "absent", "exempt", "complete"]
    conversation_due: bool
    conversation_held: bool
    conversation_conforming: bool
    activation_due: bool
    activated: bool
    workplace_activated: bool
    meter: int = Field(
        description="Weeks of activation so far, this one included. At `max_activation_weeks` the course is complete."
    )
    deviations: list[DeviationCode] = Field(description="Sorted; empty until the week is over.")


class WeekList(BaseModel):
    """Weeks of one participant, in order."""

    items: list[WeekView]
