"""Request and response types of trials."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from app.routers.common.services import NextPage
from app.routers.common.types import IsoDate, JobcentreCode, TargetGroup, Text, TrialId

Region = Literal["nord", "midtjylland", "syddanmark", "hovedstaden_sjaelland"]
_MAX_PEOPLE = 1_000_000


class JobcentreIn(BaseModel):
    """A jobcentre that takes part."""

    model_config = ConfigDict(extra="forbid")

    code: JobcentreCode
    name: Text = Field(examples=["Jammerbugt"])
    region: Region
    agreed_participants: Annotated[StrictInt, Field(ge=0, le=_MAX_PEOPLE)] = Field(
        description="The agreed number of treatment participants.", examples=[85]
    )
    weekly_target: Annotated[StrictInt, Field(ge=0, le=_MAX_PEOPLE)] | None = Field(
        None, description="People to be drawn a week; ceil(2 × agreed / weeks of the intake period) where left out."
    )


class TrialIn(BaseModel):
    """A trial to be created. Dates may be left out where the protocol has them."""

    model_config = ConfigDict(
        extra="forbid",
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

    id: TrialId = Field(description="Your name for the trial; it is part of every address.")
    protocol: Annotated[str, Field(max_length=60, pattern=r"^[^\x00]*$")] = Field(
        description="Id of the protocol whose rules hold.", examples=["prvij-2010-11"]
    )
    title: Text
    intake_from: IsoDate | None = Field(None, description="First day on which people are taken in.")
    intake_to: IsoDate | None = Field(None, description="Last day on which people are taken in.")
    ends_on: IsoDate | None = Field(None, description="Last day of the trial; overrides the protocol's.")
    pilot: StrictBool = Field(False, description="A pilot is a trial of its own, in nobody else's figures.")
    jobcentres: list[JobcentreIn] = Field(min_length=1, max_length=200)
    enforcement: Literal["flag", "refuse"] = Field(
        "flag", description="Whether records that break the trial's rules are stored with warnings, or refused."
    )
    required_contacts: Annotated[float, Field(gt=0, le=100, strict=True)] | None = Field(
        None, description="Contacts per person and four weeks, where the protocol measures an average."
    )
    target_groups: list[TargetGroup] | None = Field(
        None,
        min_length=1,
        max_length=50,
        description="The target groups that the trial picks among its protocol's; all of them where left out.",
    )


class JobcentreView(BaseModel):
    """A jobcentre of the trial."""

    code: JobcentreCode
    name: str
    region: Region
    agreed_participants: int = Field(description="The agreed number of treatment participants.")
    weekly_target: int | None = Field(description="Null where it follows from the agreed number.")


class TrialView(BaseModel):
    """A trial. The seed of its draws is shown once it is closed; its SHA-256 from the first moment."""

    id: str
    protocol: str
    title: str
    intake_from: date
    intake_to: date
    ends_on: date
    pilot: bool
    jobcentres: list[JobcentreView]
    enforcement: Literal["flag", "refuse"]
    required_contacts: float | None = Field(description="Null where it is not set.")
    target_groups: list[TargetGroup] | None = Field(description="Null where the protocol has none.")
    seed_commitment: str = Field(description="SHA-256 of the seed, hex.")
    seed: str | None = Field(description="The seed, hex; null until the trial is closed.")
    closed: bool


class TrialList(BaseModel):
    """A page of trials, by id."""

    items: list[TrialView]
    next: NextPage
