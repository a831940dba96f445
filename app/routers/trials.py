"""Trials: creating, reading, closing, and the published draws (domain 3.3)."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from app.db.core.session import SYSTEM_SCOPE
from app.db.participants.draws import published_draws
from app.db.records.handovers import hand_over
from app.db.trials.trials import Jobcentre, NewTrial, Trial, close_trial, create_trial, load_trials, trial_ids
from app.domain.protocol import Protocol
from app.protocols import protocols
from app.routers.common.services import (
    Cursor,
    Limit,
    NextPage,
    Services,
    ServicesDep,
    TrialPath,
    decode_cursor,
    encode_cursor,
    json_response,
    page,
    trial_or_404,
    whole_number,
)
from app.routers.common.types import IsoDate, JobcentreCode, TargetGroup, Text, TrialId
from app.web.auth import Principal, authenticated, requires, requires_any
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(tags=["trials"])
Anyone = Annotated[Principal, Depends(authenticated())]
Region = Literal["nord", "midtjylland", "syddanmark", "hovedstaden_sjaelland"]
_MAX_PEOPLE = 1_000_000
# Every week of a person is judged whenever something of them changes: a trial without end would cost minutes each time.
_FIRST, _LAST, _LONGEST = date(1970, 1, 1), date(2199, 12, 31), timedelta(days=20 * 366)
_DATES = ("intake_from", "intake_to", "ends_on")


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


class HandoverIn(BaseModel):
    """Whose records of a jobcentre become whose."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"jobcentre": "849", "from_client": "case-system-849", "to_client": "new-system-849"}]
        },
    )

    jobcentre: JobcentreCode
    from_client: Text = Field(description="The `client_id` of the client whose records they are.")
    to_client: Text = Field(description="The `client_id` of its successor.")


class HandoverView(BaseModel):
    """What was handed over."""

    handed_over: dict[str, int] = Field(description="How many records, by kind.", examples=[{"conversations": 120}])


class DrawView(BaseModel):
    """A published draw, under a pseudonym of its own."""

    jobcentre: JobcentreCode
    position: int = Field(description="0, 1, 2 … within the jobcentre, without gap or repeat.")
    arm: Literal["treatment", "control"]
    drawn_at: datetime
    pseudonym: UUID = Field(description="Stands for the person here and nowhere else.")


class DrawList(BaseModel):
    """A page of draws, by jobcentre and position."""

    items: list[DrawView]
    next: NextPage


def _view(services: Services, trial: Trial) -> dict[str, Any]:
    closed = trial.closed_at is not None
    seed = services.vault.open_seed(trial.id, trial.sealed_seed).hex() if closed else None
    return {
        "id": trial.id,
        "protocol": trial.protocol.id,
        "title": trial.title,
        "intake_from": trial.intake_from,
        "intake_to": trial.intake_to,
        "ends_on": trial.ends_on,
        "pilot": trial.pilot,
        "jobcentres": list(trial.jobcentres.values()),
        "enforcement": trial.enforcement,
        "required_contacts": trial.definition.get("required_contacts"),
        "target_groups": trial.definition.get("target_groups"),
        "seed_commitment": trial.seed_commitment,
        "seed": seed,
        "closed": closed,
    }


def _new_trial(body: TrialIn) -> NewTrial:
    """The trial asked for, dates filled in from the protocol. Problem ``malformed`` where it contradicts itself."""
    protocol = protocols().get(body.protocol)
    dates: dict[str, Any] = {name: getattr(body, name) or getattr(protocol, name, None) for name in _DATES}
    intake_from, intake_to, ends_on = dates.values()
    if protocol is None:
        errors = [("/protocol", "invalid_value")]
    else:
        errors = [(f"/{name}", "missing_field") for name, value in dates.items() if value is None]
    errors += [(f"/{name}", "invalid_value") for name, day in dates.items() if day and not _FIRST <= day <= _LAST]
    if intake_from and intake_to and intake_to < intake_from:
        errors.append(("/intake_to", "ends_before_start"))
    if intake_to and ends_on and ends_on < intake_to:
        errors.append(("/ends_on", "ends_before_start"))
    elif intake_from and ends_on and ends_on - intake_from > _LONGEST:
        errors.append(("/ends_on", "invalid_value"))
    codes = [each.code for each in body.jobcentres]
    errors += [
        (f"/jobcentres/{place}/code", "invalid_value") for place, code in enumerate(codes) if code in codes[:place]
    ]
    if protocol is not None:
        errors += _validate_contacts(protocol, body)
    if errors:
        raise Problem("malformed", errors=errors)
    filled: dict[str, Any] = {name: str(value) for name, value in dates.items()}
    if protocol is not None and protocol.target_groups:
        filled["target_groups"] = sorted(body.target_groups or protocol.target_groups)
    return NewTrial(
        id=body.id,
        protocol=body.protocol,
        title=body.title,
        **dates,
        pilot=body.pilot,
        enforcement=body.enforcement,
        jobcentres=tuple(Jobcentre(**each.model_dump()) for each in body.jobcentres),
        definition={**body.model_dump(mode="json"), **filled},
    )


def _validate_contacts(protocol: Protocol, body: TrialIn) -> Iterator[tuple[str, str]]:
    """Domain 6 [C]: what a protocol has no use for is refused, since the trial would seem to be held to it."""
    if body.required_contacts is not None and protocol.cadence != "average":
        yield "/required_contacts", "invalid_value"
    groups = body.target_groups or []
    if body.target_groups is not None and not protocol.target_groups:
        yield "/target_groups", "invalid_value"
    else:
        for place, group in enumerate(groups):
            if group not in protocol.target_groups or group in groups[:place]:
                yield f"/target_groups/{place}", "invalid_value"


@router.post(
    "/v1/trials",
    operation_id="createTrial",
    summary="Create a trial",
    status_code=201,
    response_model=TrialView,
    responses={
        200: {"model": TrialView, "description": "The same trial was created before."},
        **problem_responses(*COMMON, *BODY, "not_found", "trial_exists"),
    },
)
async def post_trial(
    request: Request,
    body: TrialIn,
    services: ServicesDep,
    principal: Annotated[Principal, Depends(requires("trials:write"))],
) -> Response:
    """Creates a trial with a fresh secret seed, from which every draw follows; the answer has the seed's SHA-256.

    Dates may be left out where the protocol has them. `required_contacts` and `target_groups` are for protocols that
    measure an average of contacts, and refused elsewhere. The same content again answers 200 and changes nothing; other
    content under an id that is taken is refused (`trial_exists`). The token must be bound to every jobcentre. A trial
    lies between 1970 and 2199, and lasts at most twenty years.
    """
    new = _new_trial(body)
    if not all(principal.reads_person_of(each.code) for each in new.jobcentres):
        raise Problem("not_found")
    async with services.write(principal) as connection:
        created = await create_trial(connection, services.vault, new, principal.client_id)
        trial = await trial_or_404(connection, new.id, closing=True)
    if trial.definition != new.definition:
        raise Problem("trial_exists")
    return json_response(request, _view(services, trial), 201 if created else 200)


@router.get(
    "/v1/trials",
    operation_id="listTrials",
    summary="All trials",
    response_model=TrialList,
    responses=problem_responses(*COMMON),
)
async def list_trials(
    request: Request, services: ServicesDep, principal: Anyone, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """Every trial there is, by id. That a trial exists is no secret; its people and figures are."""
    (after,) = decode_cursor(cursor, str) or ("",)
    async with services.read(principal) as connection:
        ids = await trial_ids(connection, after, limit + 1)
        trials = await load_trials(connection, ids)
    items = [_view(services, trials[trial_id]) for trial_id in ids]
    return page(request, items, limit, lambda item: encode_cursor(item["id"]))


@router.get(
    "/v1/trials/{trial}",
    operation_id="getTrial",
    summary="One trial",
    response_model=TrialView,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_trial(request: Request, services: ServicesDep, trial_id: TrialPath, principal: Anyone) -> Response:
    """The trial with its dates, jobcentres and the commitment to its seed; the seed itself once it is closed."""
    async with services.read(principal) as connection:
        trial = await trial_or_404(connection, trial_id, closing=True)
    return json_response(request, _view(services, trial))


@router.post(
    "/v1/trials/{trial}/close",
    operation_id="closeTrial",
    summary="No more draws; shows the seed",
    response_model=TrialView,
    responses=problem_responses(*COMMON, "not_found"),
)
async def post_close(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Annotated[Principal, Depends(requires("trials:write"))],
) -> Response:
    """Ends the intake for good, and shows the seed: nobody is drawn any more, and records are still taken.

    From now on anyone can recompute every draw (`GET /v1/trials/{trial}/draws`). For draw number p = 0, 1, 2 … of a
    jobcentre, take the first bit of HMAC-SHA256(seed, "{trial}:{jobcentre}:{p}"): 0 is treatment, 1 is control, unless
    one arm is 3 ahead in the jobcentre; then it is the other. Closing again answers the same.
    """
    async with services.write(principal) as connection:
        trial = await trial_or_404(connection, trial_id)
        if not all(principal.reads_person_of(code) for code in trial.jobcentres):
            raise Problem("not_found")
        await close_trial(connection, trial, principal.client_id)
        trial = await trial_or_404(connection, trial_id, closing=True)
    return json_response(request, _view(services, trial))


@router.post(
    "/v1/trials/{trial}/handovers",
    operation_id="handOverRecords",
    summary="Hand a client's records to its successor",
    response_model=HandoverView,
    responses=problem_responses(*COMMON, *BODY, "not_found", "handover_conflict"),
)
async def post_handover(
    request: Request,
    body: HandoverIn,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Annotated[Principal, Depends(requires("trials:write"))],
) -> Response:
    """For a municipality that changes its case system: the successor corrects and retracts these records from then on.

    Each gets a new version of the successor's. Retractions that wait for their record hold it off from the successor
    too. Sent again, it finds nothing more to hand over. Refused while the successor has records of the same external
    ids (`handover_conflict`).
    """
    async with services.read(principal) as connection:
        trial = await trial_or_404(connection, trial_id)
    if body.jobcentre not in trial.jobcentres or not principal.reads_person_of(body.jobcentre):
        raise Problem("not_found")
    async with services.database.write(SYSTEM_SCOPE) as connection:  # a retraction without its record is nobody's yet
        moved = await hand_over(
            connection, trial, body.jobcentre, body.from_client, body.to_client, principal.client_id
        )
    return json_response(request, {"handed_over": moved})


@router.get(
    "/v1/trials/{trial}/draws",
    operation_id="listDraws",
    summary="The draws in order",
    response_model=DrawList,
    responses=problem_responses(*COMMON, "not_found"),
)
async def list_draws(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Annotated[Principal, Depends(requires_any("audit:read", "reports:read"))],
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    """All draws by jobcentre and position, under pseudonyms that are used nowhere else.

    With `audit:read` at any time; with `reports:read` once the trial is closed (403 before), so that anyone can verify
    them.
    """
    after = decode_cursor(cursor, str, whole_number) or ("", -1)
    async with services.database.read(SYSTEM_SCOPE) as connection:  # pseudonyms of all jobcentres, and nothing else
        trial = await trial_or_404(connection, trial_id, closing=True)
        if trial.closed_at is None and not principal.may("audit:read"):
            raise Problem("insufficient_scope", "Until the trial is closed this needs the scope audit:read.")
        draws = await published_draws(connection, trial_id, after, limit + 1)
    await services.audit_read(principal, "draws.listed", trial_id)
    return page(request, draws, limit, lambda draw: encode_cursor(draw["jobcentre"], draw["position"]))
