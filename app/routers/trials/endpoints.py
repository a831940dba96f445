"""Trials: creation, reading, closing, handover of records, published draws (domain 3.3)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Path, Request, Response

from app.db.audit.log import append_entries
from app.db.core.session import BATCH, SYSTEM_SCOPE
from app.db.participants.corrections import refuse_waiting
from app.db.participants.draws import published_draws
from app.db.records.handovers import hand_over
from app.db.trials.successors import name_successor
from app.db.trials.trials import Jobcentre, NewTrial, Trial, close_trial, create_trial, load_trials, trial_ids
from app.domain.protocol import Protocol
from app.domain.rules.calendar import add_months
from app.protocols import protocols
from app.routers.common.services import (
    Cursor,
    Limit,
    Services,
    ServicesDep,
    TrialPath,
    TrialRoute,
    decode_cursor,
    encode_cursor,
    json_response,
    page,
    trial_or_404,
    whole_number,
)
from app.routers.common.types import JobcentreCode
from app.routers.trials.schemas import (
    ContactTerms,
    DrawList,
    HandoverIn,
    HandoverView,
    SuccessorIn,
    Theme,
    TrialIn,
    TrialList,
    TrialView,
)
from app.web.auth import Principal, authenticated, requires, requires_any
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(route_class=TrialRoute, tags=["trials"])
Anyone = Annotated[Principal, Depends(authenticated())]
TrialWriter = Annotated[Principal, Depends(requires("trials:write"))]
# A change of one record judges every week of the person: without a bound on its length one trial would cost minutes.
_FIRST, _LAST, _LONGEST = date(1970, 1, 1), date(2199, 12, 31), timedelta(days=20 * 366)
_RETENTION_YEARS = 5
_DATES = ("intake_from", "intake_to", "ends_on")


def _trial_view(services: Services, trial: Trial) -> dict[str, Any]:
    closed = trial.closed_at is not None
    seed = services.vault.open_seed(trial.id, trial.sealed_seed).hex() if closed else None
    return {
        "id": trial.id,
        "protocol": trial.protocol.id,
        "title": trial.title,
        "intake_from": trial.intake_from,
        "intake_to": trial.intake_to,
        "ends_on": trial.ends_on,
        "retention_until": trial.retention_until,
        "pilot": trial.pilot,
        "jobcentres": list(trial.jobcentres.values()),
        "enforcement": trial.enforcement,
        "required_contacts": trial.definition.get("required_contacts"),
        "target_groups": trial.definition.get("target_groups"),
        "themes": trial.definition.get("themes"),
        "seed_commitment": trial.seed_commitment,
        "seed": seed,
        "closed": closed,
    }


def _new_trial(body: TrialIn) -> NewTrial:
    """Return the requested trial, with missing dates from the protocol. Problem ``malformed`` if it is inconsistent."""
    protocol = protocols().get(body.protocol)
    dates: dict[str, Any] = {name: getattr(body, name) or getattr(protocol, name, None) for name in _DATES}
    if protocol is None:
        errors = [("/protocol", "invalid_value")]
    else:
        errors = [(f"/{name}", "missing_field") for name, value in dates.items() if value is None]
    errors += _validate_dates(**dates, retention_until=body.retention_until)
    codes = [jobcentre.code for jobcentre in body.jobcentres]
    errors += [
        (f"/jobcentres/{index}/code", "invalid_value") for index, code in enumerate(codes) if code in codes[:index]
    ]
    if protocol is not None:
        errors += _validate_contacts(protocol, body, "")
        for index, jobcentre in enumerate(body.jobcentres):
            errors += _validate_contacts(protocol, jobcentre, f"/jobcentres/{index}")
    if errors:
        raise Problem("malformed", errors=errors)
    dates["retention_until"] = body.retention_until or add_months(dates["ends_on"], 12 * _RETENTION_YEARS)
    if protocol is not None and protocol.target_groups:
        body.target_groups = body.target_groups or list(protocol.target_groups)
    definition = body.model_dump(mode="json") | {name: str(value) for name, value in dates.items()}
    for terms in (definition, *definition["jobcentres"]):
        terms.update({name: sorted(terms[name]) for name in ("target_groups", "themes") if terms[name] is not None})
    return NewTrial(
        id=body.id,
        protocol=body.protocol,
        title=body.title,
        **dates,
        pilot=body.pilot,
        enforcement=body.enforcement,
        jobcentres=tuple(Jobcentre(**jobcentre) for jobcentre in definition["jobcentres"]),
        definition=definition,
    )


def _validate_dates(
    *, intake_from: date | None, intake_to: date | None, ends_on: date | None, retention_until: date | None
) -> Iterator[tuple[str, str]]:
    """Yield the faults of a trial's dates."""
    dates = {"intake_from": intake_from, "intake_to": intake_to, "ends_on": ends_on, "retention_until": retention_until}
    for name, day in dates.items():
        if day and not _FIRST <= day <= _LAST:
            yield f"/{name}", "invalid_value"
    if intake_from and intake_to and intake_to < intake_from:
        yield "/intake_to", "ends_before_start"
    if intake_to and ends_on and ends_on < intake_to:
        yield "/ends_on", "ends_before_start"
    elif intake_from and ends_on and ends_on - intake_from > _LONGEST:
        yield "/ends_on", "invalid_value"
    if ends_on and retention_until and retention_until < ends_on:
        yield "/retention_until", "ends_before_start"


def _without_order(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition that is equal for jobcentres in any order."""
    return {**definition, "jobcentres": sorted(definition["jobcentres"], key=lambda jobcentre: jobcentre["code"])}


def _validate_contacts(protocol: Protocol, terms: ContactTerms, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield the faults of contacts, target groups and themes that the protocol does not use (domain 6 [C]).

    A value without effect is refused, because the trial would seem to be bound by it.
    """
    is_average, required = protocol.cadence == "average", terms.required_contacts
    unknown = required.keys() - set(map(str, protocol.target_groups)) if isinstance(required, dict) else ()
    if required is not None and (unknown or not is_average):
        yield f"{pointer}/required_contacts", "invalid_value"
    yield from _validate_choice(f"{pointer}/target_groups", terms.target_groups, protocol.target_groups)
    yield from _validate_choice(f"{pointer}/themes", terms.themes, get_args(Theme) if is_average else ())


def _validate_choice(
    pointer: str, values: Sequence[object] | None, choices: Sequence[object]
) -> Iterator[tuple[str, str]]:
    """Yield the faults of what is picked among choices: none to pick from, another value, the same one twice."""
    if values is not None and not choices:
        yield pointer, "invalid_value"
    else:
        for index, value in enumerate(values or ()):
            if value not in choices or value in (values or ())[:index]:
                yield f"{pointer}/{index}", "invalid_value"


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
    principal: TrialWriter,
) -> Response:
    """Creates a trial with a new secret seed, which determines every draw. The response has the seed's SHA-256.

    Dates may be left out if the protocol has them. `required_contacts`, `target_groups` and `themes` are accepted only
    if the protocol uses them; a jobcentre may have its own. The token must be bound to every jobcentre. A trial's dates
    are between 1970 and 2199, and it lasts at most twenty years. The same content sent again changes nothing (200).
    Different content with an existing id is refused (`trial_exists`).
    """
    new = _new_trial(body)
    if not all(principal.reads_person_of(jobcentre.code) for jobcentre in new.jobcentres):
        raise Problem("not_found")
    async with services.write(principal, body.id) as connection:
        created = await create_trial(connection, services.vault, new, principal.client_id)
        trial = await trial_or_404(services, connection, new.id, closing=True)
    if _without_order(trial.definition) != _without_order(new.definition):
        raise Problem("trial_exists")
    return json_response(request, _trial_view(services, trial), 201 if created else 200)


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
    """Returns all trials, by id. Every client may read them; people and figures are restricted."""
    (after,) = decode_cursor(request, cursor, str) or ("",)
    async with services.read(principal) as connection:
        ids = await trial_ids(connection, after, limit + 1)
        trials = await load_trials(connection, ids)
    items = [_trial_view(services, trials[trial_id]) for trial_id in ids]
    return page(request, items, limit, lambda item: encode_cursor(request, item["id"]))


@router.get(
    "/v1/trials/{trial}",
    operation_id="getTrial",
    summary="One trial",
    response_model=TrialView,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_trial(request: Request, services: ServicesDep, trial_id: TrialPath, principal: Anyone) -> Response:
    """Returns a trial with its dates, its jobcentres and the SHA-256 of its seed; the seed itself once it is closed."""
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id, closing=True)
    return json_response(request, _trial_view(services, trial))


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
    principal: TrialWriter,
) -> Response:
    """Ends the intake permanently and publishes the seed. Records are still accepted.

    Anyone can then recompute every draw of `GET /v1/trials/{trial}/draws`. For draw number p = 0, 1, 2 … of a
    jobcentre, take the first bit of HMAC-SHA256(seed, "{trial}:{jobcentre}:{p}"): 0 is treatment, 1 is control, unless
    one arm is 3 ahead in the jobcentre; then it is the other arm. Closing again returns the same response.
    """
    async with services.write(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        if not all(principal.reads_person_of(code) for code in trial.jobcentres):
            raise Problem("not_found")
        if (moment := await close_trial(connection, trial, principal.client_id)) is not None:
            refused = await refuse_waiting(connection, trial.id, moment, principal.client_id)
            await append_entries(connection, refused)
        trial = await trial_or_404(services, connection, trial_id, closing=True)
    return json_response(request, _trial_view(services, trial))


@router.put(
    "/v1/trials/{trial}/jobcentres/{code}/successor",
    operation_id="nameSuccessor",
    summary="Name the successor of a merged jobcentre",
    response_model=TrialView,
    responses=problem_responses(*COMMON, *BODY, "not_found"),
)
async def put_successor(
    request: Request,
    body: SuccessorIn,
    services: ServicesDep,
    trial_id: TrialPath,
    code: Annotated[JobcentreCode, Path(description="The jobcentre that was merged.")],
    principal: TrialWriter,
) -> Response:
    """Gives the clients of the successor access to what is the merged jobcentre's in this trial: people, records,
    figures, and the requests for corrected numbers that wait.

    Draws, their positions and balance stay under the code of the draw, and the jobcentre's own clients keep their
    access. A successor of the successor takes over both. `null` ends the succession. Every process of the register
    follows within half a minute.
    """
    async with services.write(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id, closing=True)
        named = [code] if body.successor is None else [code, body.successor]
        if code not in trial.jobcentres or not all(map(principal.reads_person_of, named)):
            raise Problem("not_found")
        next_one = trial.jobcentres.get(body.successor or "")
        successor = (next_one and next_one.successor) or body.successor
        if successor == code:
            raise Problem("malformed", errors=[("/successor", "invalid_value")])
        is_new = await name_successor(connection, trial.id, code, successor, principal.client_id)
        trial = await trial_or_404(services, connection, trial_id, closing=True)
    await services.successors.reload()
    if not is_new:
        await services.audit_read(principal, "successor.read", trial_id, [code])
    return json_response(request, _trial_view(services, trial))


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
    principal: TrialWriter,
) -> Response:
    """Makes another client the owner of a jobcentre's records, when a municipality changes its case system.

    The successor corrects and retracts the records from then on. Each record gets a new version. A retraction that
    arrived before its record applies to the successor's record too. Repeating the request changes nothing. The request
    is refused while the successor has records with the same external ids (`handover_conflict`).
    """
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
    if body.jobcentre not in trial.jobcentres or not principal.reads_person_of(body.jobcentre):
        raise Problem("not_found")
    # A retraction without its record belongs to no jobcentre.
    async with services.database.write(SYSTEM_SCOPE, trial_id, limits=BATCH) as connection:
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
    """Returns all draws by jobcentre and position, under pseudonyms that are used nowhere else.

    With `reports:read` the draws are available once the trial is closed (403 before), to verify them against the seed;
    with `audit:read` at any time.
    """
    after = decode_cursor(request, cursor, str, whole_number) or ("", -1)
    async with services.database.read(SYSTEM_SCOPE) as connection:  # pseudonyms of all jobcentres, no other data
        trial = await trial_or_404(services, connection, trial_id, closing=True)
        if trial.closed_at is None and not principal.may("audit:read"):
            raise Problem("insufficient_scope", "Until the trial is closed this needs the scope audit:read.")
        draws = await published_draws(connection, trial_id, after, limit + 1)
    await services.audit_read(principal, "draws.listed", trial_id)
    return page(request, draws, limit, lambda draw: encode_cursor(request, draw["jobcentre"], draw["position"]))
