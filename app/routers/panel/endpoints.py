"""The panel for evaluators: releases, and their three tables as JSON, JSON Lines, CSV or Parquet."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from app.db.panel.reader import PanelReader, wait_for_replica
from app.db.panel.releases import Release, find_release, list_releases, pseudonyms, record_release
from app.db.trials.trials import Trial
from app.domain.figures.panel import DRAWS, PARTICIPANTS, PERSON_WEEKS, TABLES, VERSION, Column, PanelRow, PanelTable
from app.domain.rules.calendar import civil_day
from app.routers.common.services import (
    Cursor,
    KnownAt,
    Limit,
    NextPage,
    Services,
    ServicesDep,
    TrialPath,
    decode_cursor,
    encode_cursor,
    etag_response,
    json_response,
    page,
    trial_or_404,
)
from app.routers.common.tables import negotiate
from app.routers.common.types import Moment, Text
from app.routers.panel.encoders import CSV, JSON_LINES, PARQUET, dictionary_of, encoder_of
from app.web.auth import Principal, requires
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(tags=["panel"])
Exporter = Annotated[Principal, Depends(requires("panel:export"))]
RELEASE_HEADER: Final = "Panel-Release"
_TEXT_FORMATS: Final = {media_type: {"schema": {"type": "string"}} for media_type in (CSV, JSON_LINES, PARQUET)}


class ReleaseIn(BaseModel):
    """What the panel is exported for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"purpose": "Evaluation of the effect on employment"}]}
    )

    purpose: Text = Field(description="What the data are for, in a few words.")
    known_at: Moment | None = Field(None, description="As it was known then; as it is known now, where left out.")


class ReleaseView(BaseModel):
    """Who exported the panel, when and for what; and what its content rests on."""

    release_id: UUID
    trial: str = Field(description="Id of the trial.")
    protocol: str = Field(description="Id of the trial's protocol.")
    pilot: bool = Field(description="Whether the trial is a pilot, which belongs in nobody else's figures.")
    client_id: str = Field(description="Who recorded it.")
    purpose: str
    recorded_at: datetime
    watermark: datetime = Field(description="Everything registered up to this moment is in it, and nothing later.")
    as_of: date = Field(description="The day in Copenhagen by which its weeks are over.")
    dictionary_version: int = Field(description="Of the columns with which it was recorded.")


class ReleaseList(BaseModel):
    """A page of releases, in the order in which they were recorded."""

    items: list[ReleaseView]
    next: NextPage


class ColumnView(BaseModel):
    """One column of a table."""

    name: str
    type: str = Field(description="string, bool, int32, double, date, or a list of strings: names of Arrow's types.")
    nullable: bool
    unit: str | None
    meaning: str
    source: str = Field(description="What it is computed from, and where its rule stands.")
    codes: dict[str, str] | None = Field(description="What each code means, where the values are codes.")


class DictionaryView(BaseModel):
    """The data dictionary of one table."""

    table: str
    row: str = Field(description="What one row is.")
    key: list[str] = Field(description="The columns that name a row.")
    columns: list[ColumnView]


class PanelDictionary(BaseModel):
    """What every column of every table means."""

    version: int = Field(description="Rises whenever a column or its meaning changes.")
    tables: list[DictionaryView]


_TYPES: Final[Mapping[str, Any]] = {
    "string": str,
    "bool": bool,
    "int32": int,
    "double": float,
    "date": date,
    "list<string>": list[str],
}


def _field(column: Column) -> tuple[Any, Any]:
    """A column as a field of the contract; its codes by the name of their list."""
    kind = _TYPES[column.type]
    if column.codes is not None:
        plain: Any = int if kind is int else str
        code: Any = Annotated[plain, WithJsonSchema({"type": "string", "x-component": column.codes})]
        kind = list[code] if column.type == "list<string>" else code
    return (kind | None if column.nullable else kind, Field(description=f"{column.meaning}."))


def _models(table: PanelTable, name: str) -> type[BaseModel]:
    """The row of a table, and the table as JSON, for the contract."""
    row = create_model(
        f"{name}Row",
        __doc__=f"A row is {table.row}.",
        **{column.name: _field(column) for column in table.columns},  # type: ignore[call-overload]
    )
    return create_model(
        f"{name}Table",
        __doc__=f"The table {table.name} of a release.",
        release=(ReleaseView, Field()),
        dictionary=(DictionaryView, Field()),
        items=(list[row], Field()),
    )


ReleaseQuery = Annotated[
    UUID | None,
    Query(
        description="Which release to read, the same bytes each time; a new one is recorded where it is left out.",
        examples=["012c5e21-7d0c-7a31-9c55-60f1c2b7a904"],
    ),
]
Purpose = Annotated[
    Text,
    Query(
        description="What a new release is for, where none is named.",
        examples=["Evaluation of the effect on employment"],
    ),
]


@router.post(
    "/v1/trials/{trial}/releases",
    operation_id="recordRelease",
    summary="Record a release of the panel",
    status_code=201,
    response_model=ReleaseView,
    responses=problem_responses(*COMMON, *BODY, "not_found"),
)
async def post_release(
    request: Request, body: ReleaseIn, services: ServicesDep, trial_id: TrialPath, principal: Exporter
) -> Response:
    """Keeps who exports the panel, when, for what, and as known at which moment; then read its tables with `release`.

    A release has pseudonyms of its own: the same person has the same one in all its tables, and another in every other
    release. Whatever is registered later, it stays as it is.
    """
    trial, release = await _recorded(services, trial_id, principal, body.purpose, body.known_at)
    return json_response(request, _view(trial, release), 201)


@router.get(
    "/v1/trials/{trial}/releases",
    operation_id="listReleases",
    summary="The releases of a trial's panel",
    response_model=ReleaseList,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_releases(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Exporter,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Who exported the panel when, and for what: everyone's releases, in the order in which they were recorded."""
    (after,) = decode_cursor(cursor, UUID) or (UUID(int=0),)
    async with services.read(principal) as connection:
        trial = _visible(principal, await trial_or_404(services, connection, trial_id))
        releases = await list_releases(connection, trial_id, after, limit + 1)
    await services.audit_read(principal, "releases.listed", trial_id)
    items = [_view(trial, release) for release in releases]
    return page(request, items, limit, lambda item: encode_cursor(item["release_id"]))


@router.get(
    "/v1/trials/{trial}/releases/{release_id}",
    operation_id="getRelease",
    summary="One release",
    response_model=ReleaseView,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_release(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    release_id: Annotated[
        UUID, Path(description="Id of the release.", examples=["012c5e21-7d0c-7a31-9c55-60f1c2b7a904"])
    ],
    principal: Exporter,
) -> Response:
    """What was recorded of it; its tables are read with its id as `release`."""
    trial, release = await _found(services, trial_id, principal, release_id)
    await services.audit_read(principal, "release.read", trial_id, release=release_id)
    return json_response(request, _view(trial, release))


@router.get(
    "/v1/trials/{trial}/panel/dictionary",
    operation_id="getPanelDictionary",
    summary="What every column of the panel means",
    response_model=PanelDictionary,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_dictionary(request: Request, services: ServicesDep, trial_id: TrialPath, principal: Exporter) -> Response:
    """Type, unit, meaning, source and codes of each column of the three tables. They stand in Parquet files too."""
    async with services.read(principal) as connection:
        _visible(principal, await trial_or_404(services, connection, trial_id))
    return json_response(request, {"version": VERSION, "tables": [dictionary_of(table) for table in TABLES.values()]})


def _add_table(path: str, operation: str, table: PanelTable, model: type[BaseModel], about: str) -> None:
    @router.get(
        path,
        operation_id=operation,
        summary=f"The panel: {table.name}",
        description=(
            f"{about}\n\nA row is {table.row}. Without `release` a new one is recorded for `purpose`, as known at"
            f" `known_at`; its id is in the header `{RELEASE_HEADER}`, and in the JSON. With the id of a release the"
            " answer is the same bytes each time. JSON, or by `Accept` JSON Lines, CSV (lists joined by `|`) or Parquet"
            " (the dictionary in its metadata); all are streamed. People stand under pseudonyms of the release;"
            " duplicates are left out."
        ),
        response_model=model,
        responses={
            200: {
                "content": _TEXT_FORMATS,
                "headers": {
                    RELEASE_HEADER: {
                        "description": "Id of the release that was read.",
                        "required": True,
                        "schema": {"type": "string", "examples": ["012c5e21-7d0c-7a31-9c55-60f1c2b7a904"]},
                    }
                },
            },
            **problem_responses(*COMMON, "not_found"),
        },
    )
    async def export(
        request: Request,
        services: ServicesDep,
        trial_id: TrialPath,
        principal: Exporter,
        release: ReleaseQuery = None,
        purpose: Purpose = "unspecified",
        known_at: KnownAt = None,
    ) -> Response:
        if release is None:
            trial, recorded = await _recorded(services, trial_id, principal, purpose, known_at)
        else:
            trial, recorded = await _found(services, trial_id, principal, release)
        return await _export(request, services, principal, trial, recorded, table)


_add_table(
    "/v1/trials/{trial}/person-weeks",
    "getPersonWeeks",
    PERSON_WEEKS,
    _models(PERSON_WEEKS, "PersonWeek"),
    "What the rules made of every week of everyone who was drawn, and what was recorded in it.",
)
_add_table(
    "/v1/trials/{trial}/panel/participants",
    "getPanelParticipants",
    PARTICIPANTS,
    _models(PARTICIPANTS, "PanelParticipant"),
    "Who was drawn, as they were before anything was done: the baseline.",
)
_add_table(
    "/v1/trials/{trial}/panel/draws",
    "getPanelDraws",
    DRAWS,
    _models(DRAWS, "PanelDraw"),
    "The draws, for randomisation inference. A duplicate keeps its place here, and has no person.",
)


async def _recorded(
    services: Services, trial_id: str, principal: Principal, purpose: str, known_at: datetime | None
) -> tuple[Trial, Release]:
    async with services.write(principal) as connection:
        trial = _visible(principal, await trial_or_404(services, connection, trial_id, closing=True))

        def day_of(watermark: datetime) -> date:
            return civil_day(min(services.clock(), watermark))

        release = await record_release(
            connection, services.vault, trial, principal.client_id, purpose, known_at, day_of
        )
    return trial, release


async def _found(services: Services, trial_id: str, principal: Principal, release_id: UUID) -> tuple[Trial, Release]:
    async with services.read(principal) as connection:
        trial = _visible(principal, await trial_or_404(services, connection, trial_id, closing=True))
        release = await find_release(connection, trial_id, release_id)
    if release is None:
        raise Problem("not_found")
    return trial, release


def _visible(principal: Principal, trial: Trial) -> Trial:
    """The panel is of the whole trial: for who is bound to nothing (an evaluator), or to every jobcentre of it."""
    bound = principal.all_jobcentres or principal.jobcentres or principal.regions
    if bound and not all(principal.reads_person_of(code) for code in trial.jobcentres):
        raise Problem("not_found")
    return trial


def _view(trial: Trial, release: Release) -> dict[str, Any]:
    return {
        "release_id": release.release_id,
        "trial": trial.id,
        "protocol": trial.protocol.id,
        "pilot": trial.pilot,
        "client_id": release.client_id,
        "purpose": release.purpose,
        "recorded_at": release.recorded_at,
        "watermark": release.watermark,
        "as_of": release.as_of,
        "dictionary_version": release.dictionary_version,
    }


async def _export(
    request: Request, services: Services, principal: Principal, trial: Trial, release: Release, table: PanelTable
) -> Response:
    """The table, streamed. Its ETag is known before its content: a release is the same for ever."""
    media_type = negotiate(request, [CSV, JSON_LINES, PARQUET])
    etag = f"{release.release_id}-{table.name}-{media_type.rpartition('/')[2]}-{VERSION}"
    unchanged = etag_response(request, b"", media_type, etag)
    if unchanged.status_code == 304:
        return unchanged
    if not await wait_for_replica(services.reports, release):
        told = "The replica for reports does not have the release yet: ask again with its id."
        raise Problem("unavailable", told, headers={RELEASE_HEADER: str(release.release_id)})
    async with services.read(principal) as connection:
        pseudonym = await pseudonyms(connection, services.vault, trial.id, release.release_id)
    await services.audit_read(
        principal, "panel.exported", trial.id, release=release.release_id, table=table.name, format=media_type
    )
    reader = PanelReader(services.reports, trial, release, pseudonym)
    portions: Mapping[str, Callable[[], AsyncIterator[list[PanelRow]]]] = {
        PERSON_WEEKS.name: reader.person_weeks,
        PARTICIPANTS.name: reader.participants,
        DRAWS.name: reader.draws,
    }
    content = _encoded(portions[table.name](), media_type, table, _view(trial, release))
    first = await anext(content)  # what goes wrong at once is still answered with its status
    headers = {
        **{name: unchanged.headers[name] for name in ("ETag", "Cache-Control", "Vary")},
        RELEASE_HEADER: str(release.release_id),
    }
    return StreamingResponse(_behind(first, content), media_type=media_type, headers=headers)


async def _encoded(
    portions: AsyncIterator[list[PanelRow]], media_type: str, table: PanelTable, release: Mapping[str, Any]
) -> AsyncIterator[bytes]:
    encoder = encoder_of(media_type, table, release)
    before = encoder.start()
    async for rows in portions:
        yield before + encoder.rows(rows)
        before = b""
    yield before + encoder.end()


async def _behind(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for content in rest:
        yield content
