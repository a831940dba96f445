"""Request and response types of corrected CPR numbers."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.domain.rules.corrections import (
    CorrectionKind,
    CorrectionReason,
    CorrectionStatus,
    Decision,
    DecisionReason,
    DrawnAgo,
    NumberIs,
)
from app.domain.rules.draw import Arm
from app.routers.common.services import NextPage
from app.routers.common.types import CprNumber, FailureCode, JobcentreCode, RequestModel


class CorrectCprIn(RequestModel):
    """Corrected CPR number with the reason, or the participant of the same jobcentre whose number was swapped."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"cpr": "7101701242", "reason": "typing_error"},
                {"swap_with": "012c2ae5-c6e0-7b3f-8a41-5d0c9e2f7a17"},
            ]
        },
    )

    cpr: CprNumber | None = Field(None, description="Corrected CPR number.")
    reason: CorrectionReason | None = Field(None, description="Required with `cpr`.")
    swap_with: UUID | None = Field(
        None, description="The other of two drawn participants of a jobcentre whose numbers were swapped; sent alone."
    )


class CorrectionRequestView(BaseModel):
    """A request for a corrected number. Both fields are null if the participant has the number already."""

    correction_id: UUID | None
    status: CorrectionStatus | None


class CorrectedPersonView(BaseModel):
    """What a decision on one person rests on. Null in a request that ended without a decision."""

    drawn_ago: DrawnAgo = Field(description="Time from the draw to the request.")
    digits_changed: int | None = Field(description="At how many of the ten places the numbers differ.")
    sex_changed: bool | None
    birth_date_changed: bool | None
    failures: list[FailureCode] | None = Field(
        description="Eligibility rules that fail with the new number, and those of any screening of it in the trial."
    )
    number_is: NumberIs | None = Field(description="What the new number is already for others in the trial.")
    near_numbers: int | None = Field(
        description="Others drawn in the jobcentre whose number differs from one of the two in at most two places."
    )
    outcome_known: bool | None = Field(description="Whether a register ever sent an outcome of the person.")


class CorrectionView(BaseModel):
    """A request for a corrected number: no number, no person, no arm, no moment."""

    id: UUID
    kind: CorrectionKind
    status: CorrectionStatus
    jobcentre: JobcentreCode
    reason: CorrectionReason | None = Field(description="Null for a swap.")
    people: list[CorrectedPersonView] = Field(description="One person, or the two of a swap.")
    requests_of_jobcentre: int = Field(description="Requests of the jobcentre so far, this one included.")
    told_by_nobody_else: int = Field(
        description="People drawn in the jobcentre of whom no register ever sent a record."
    )


class CorrectionPage(BaseModel):
    """Page of requests, by id."""

    items: list[CorrectionView]
    next: NextPage


class CorrectionCountsView(BaseModel):
    """People of the requests of a jobcentre and arm that ended before this week."""

    jobcentre: JobcentreCode
    arm: Arm
    requested: int = Field(description="All of them, replaced and cancelled ones included.")
    accepted: int
    refused: int
    swapped: int = Field(description="Those accepted by a swap; each of its two people counts.")


class CorrectionBalanceView(BaseModel):
    """Two-sided exact p-values over the trial; null if there is nothing to test."""

    p: float | None = Field(description="Of single requests: as likely in one arm as in the other (Fisher).")
    p_of_swaps: float | None = Field(description="Of accepted swaps: between the arms as often as drawn pairs are.")


class CorrectionSummaryView(BaseModel):
    """Requests for corrected numbers by jobcentre, arm and decision."""

    items: list[CorrectionCountsView]
    balance: CorrectionBalanceView


class DecisionIn(RequestModel):
    """Decision of a registrar on a request."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decision": "accepted", "reason": "document_seen"}]})

    decision: Decision
    reason: DecisionReason
