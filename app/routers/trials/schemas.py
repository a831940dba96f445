"""Request and response types of trials."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from app.routers.common.services import NextPage
from app.routers.common.types import IsoDate, JobcentreCode, RequestModel, TargetGroup, Text, TrialId, Whole

Region = Literal["nord", "midtjylland", "syddanmark", "hovedstaden_sjaelland"]
Theme = Literal["form", "content", "cadence"]
_MAX_PEOPLE = 1_000_000
_Contacts = Annotated[float, Field(gt=0, le=100, strict=True)]
_RequiredContacts = _Contacts | Annotated[dict[str, _Contacts], Field(min_length=1, max_length=50)]


class ContactTerms(RequestModel):
    """Terms of an average cadence (domain 6 [C]): of the trial, or of a jobcentre that has its own."""

    required_contacts: _RequiredContacts | None = Field(
        None,
        description="Required contacts per person and four weeks, if the protocol measures an average: one number, or a"
        " number for each target group.",
        examples=[1.5, {"2": 2, "11": 0.5}],
    )
    target_groups: list[TargetGroup] | None = Field(
        None, min_length=1, max_length=50, description="Target groups that are included, out of the protocol's."
    )
    themes: list[Theme] | None = Field(
        None, min_length=1, max_length=3, description="Themes that are tried, if the protocol measures an average."
    )


class JobcentreIn(ContactTerms):
    """Jobcentre that takes part in the trial. Terms that it does not have are the trial's."""

    code: JobcentreCode
    name: Text = Field(examples=["Jammerbugt"])
    region: Region
    agreed_participants: Annotated[int, Field(ge=0, le=_MAX_PEOPLE), Whole] = Field(
        description="Agreed number of treatment participants.", examples=[85]
    )
    weekly_target: Annotated[int, Field(ge=0, le=_MAX_PEOPLE), Whole] | None = Field(
        None, description="People to draw per week. Default: ceil(2 × agreed / weeks of the intake period)."
    )
    external_provider_talks: StrictBool = Field(
        True, description="Whether conversations held by an external provider count."
    )


class TrialIn(ContactTerms):
    """Trial to create. Dates may be left out if the protocol has them, and target groups to include all of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "prvij",
                    "protocol": "prvij-2010-11",
                    "title": "På rette vej – i job",
                    "jobcentres": [{"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 85}],
                },
                {
                    "id": "flexible",
                    "protocol": "flex-2016",
                    "title": "Formkrav ved lovpligtige samtaler",
                    "intake_from": "2017-01-02",
                    "intake_to": "2017-06-30",
                    "ends_on": "2018-06-29",
                    "jobcentres": [{"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 0}],
                    "required_contacts": 1.5,
                    "target_groups": [2, 11],
                },
            ]
        },
    )

    id: TrialId = Field(description="Id of the trial, part of every address.")
    protocol: Annotated[str, Field(max_length=60, pattern=r"^[^\x00]*$")] = Field(
        description="Id of the protocol.", examples=["prvij-2010-11"]
    )
    title: Text
    intake_from: IsoDate | None = Field(None, description="First day of intake.")
    intake_to: IsoDate | None = Field(None, description="Last day of intake.")
    ends_on: IsoDate | None = Field(None, description="Last day of the trial, instead of the protocol's.")
    retention_until: IsoDate | None = Field(
        None,
        description="Last day on which what names its people is kept, not before the end. Default: five years after.",
    )
    pilot: StrictBool = Field(
        False, description="Whether the trial is a pilot. Its people are in no other trial's figures."
    )
    jobcentres: list[JobcentreIn] = Field(min_length=1, max_length=200)
    enforcement: Literal["flag", "refuse"] = Field(
        "flag", description="Whether records that break the trial's rules are stored with warnings or refused."
    )


class JobcentreView(BaseModel):
    """Jobcentre of the trial."""

    code: JobcentreCode
    name: str
    region: Region
    agreed_participants: int = Field(description="Agreed number of treatment participants.")
    weekly_target: int | None = Field(description="Null if it follows from the agreed number.")
    external_provider_talks: bool = Field(description="Whether conversations held by an external provider count.")
    target_groups: list[TargetGroup] | None = Field(description="Null if the trial's hold.")
    themes: list[Theme] | None = Field(description="Null if the trial's hold.")
    required_contacts: float | dict[str, float] | None = Field(
        description="One number, or by target group. Null if the trial's hold."
    )
    successor: JobcentreCode | None = Field(description="Jobcentre that this one was merged into.")


class TrialView(BaseModel):
    """Trial. Its seed is secret until the trial is closed; the seed's SHA-256 is public from the start."""

    id: str
    protocol: str
    title: str
    intake_from: date
    intake_to: date
    ends_on: date
    retention_until: date = Field(
        description="Last day on which what names its people is kept. After it the operator erases them."
    )
    pilot: bool
    jobcentres: list[JobcentreView]
    enforcement: Literal["flag", "refuse"]
    required_contacts: float | dict[str, float] | None = Field(
        description="One number, or by target group. Null if not set."
    )
    target_groups: list[TargetGroup] | None = Field(description="Null if the protocol has none.")
    themes: list[Theme] | None = Field(description="Null if not set.")
    seed_commitment: str = Field(description="SHA-256 of the seed, in hex.")
    seed: str | None = Field(description="Seed of the draws, in hex; null until the trial is closed.")
    closed: bool


class TrialList(BaseModel):
    """Page of trials, by id."""

    items: list[TrialView]
    next: NextPage


class SuccessorIn(RequestModel):
    """Jobcentre that another one was merged into."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"successor": "860"}]})

    successor: JobcentreCode | None = Field(None, description="Null ends the succession.")


class HandoverIn(RequestModel):
    """Jobcentre, and the clients that its records pass between."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"jobcentre": "849", "from_client": "case-system-849", "to_client": "new-system-849"}]
        },
    )

    jobcentre: JobcentreCode
    from_client: Text = Field(description="`client_id` of the client that owns the records.")
    to_client: Text = Field(description="`client_id` of its successor.")


class HandoverView(BaseModel):
    """Number of records handed over."""

    handed_over: dict[str, int] = Field(description="Number of records by kind.", examples=[{"conversations": 120}])


class DrawView(BaseModel):
    """Published draw, under a pseudonym."""

    jobcentre: JobcentreCode
    position: int = Field(description="Number of the draw in the jobcentre: 0, 1, 2 … without gaps.")
    arm: Literal["treatment", "control"]
    drawn_at: datetime
    pseudonym: UUID = Field(description="Pseudonym of the person, used only here.")


class DrawList(BaseModel):
    """Page of draws, by jobcentre and position."""

    items: list[DrawView]
    next: NextPage
