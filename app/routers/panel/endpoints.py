"""Panel for evaluators: releases, and their three tables as JSON, JSON Lines, CSV, Parquet or XLSX."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict
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
    TrialRoute,
    decode_cursor,
    encode_cursor,
    etag_response,
    json_response,
    page,
    trial_or_404,
)
from app.routers.common.tables import XLSX, XLSX_CONTENT, DialectQuery, TableFormat, negotiate
from app.routers.common.types import Moment, RequestModel, ResponseModel, Text
from app.routers.panel.encoders import CSV, JSON_LINES, PARQUET, dictionary_of, encode, encoder_of, spooled
from app.web.auth import Principal, requires
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(route_class=TrialRoute, tags=["panel"])
Exporter = Annotated[Principal, Depends(requires("panel:export"))]
RELEASE_HEADER: Final = "Panel-Release"
_FORMATS: Final = {
    **{media_type: {"schema": {"type": "string"}} for media_type in (CSV, JSON_LINES)},
    PARQUET: {"schema": {"type": "string", "format": "binary"}},
    XLSX: XLSX_CONTENT,
}


class ReleaseIn(RequestModel):
    """Purpose and moment of a new release."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"purpose": "Evaluation of the effect on employment"}]})

    purpose: Text = Field(description="Purpose of the export, in a few words.")
    known_at: Moment | None = Field(None, description="Moment as of which the data are exported. Default: now.")


class ReleaseView(ResponseModel):
    """Release of the panel: client, purpose, and the moment that decides its content."""

    release_id: UUID
    trial: str = Field(description="Id of the trial.")
    protocol: str = Field(description="Id of the trial's protocol.")
    pilot: bool = Field(description="Whether the trial is a pilot, to be left out of other trials' figures.")
    client_id: str = Field(description="Client that recorded the release.")
    purpose: str
    recorded_at: datetime
    watermark: datetime = Field(description="Moment of the latest registration that the release includes.")
    as_of: date = Field(description="Day in Copenhagen that decides which weeks are over.")
    dictionary_version: int = Field(description="Version of the columns at the time of recording.")


class ReleaseList(ResponseModel):
    """Page of releases, oldest first."""

    items: list[ReleaseView]
    next: NextPage


class ColumnView(ResponseModel):
    """Column of a table."""

    name: str
    type: str = Field(description="Arrow type: `string`, `bool`, `int32`, `double`, `date` or `list<string>`.")
    nullable: bool
    unit: str | None
    meaning: str
    source: str = Field(description="Data that the column is computed from, and its rule.")
    codes: dict[str, str] | None = Field(description="Meaning of each code, if the values are codes.")


class DictionaryView(ResponseModel):
    """Data dictionary of one table."""

    table: str
    row: str = Field(description="Meaning of one row.")
    key: list[str] = Field(description="Columns that identify a row.")
    columns: list[ColumnView]


class PanelDictionary(ResponseModel):
    """Data dictionaries of all tables."""

    version: int = Field(description="Increases whenever a column or its meaning changes.")
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
    """Return a column as a field for ``create_model``, with a reference to its list of codes."""
    annotation = _TYPES[column.type]
    if column.codes is not None:
        plain: Any = int if annotation is int else str
        code: Any = Annotated[plain, WithJsonSchema({"type": "string", "x-component": column.codes})]
        annotation = list[code] if column.type == "list<string>" else code
    return (annotation | None if column.nullable else annotation, Field(description=f"{column.meaning}."))


def _table_model(table: PanelTable, name: str) -> type[BaseModel]:
    """Return the response model of a table as JSON, and with it that of its rows."""
    row = create_model(
        f"{name}Row",
        __doc__=f"Row: {table.row}.",
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
        description="Release to read. Default: a new release is recorded.",
        examples=["012c5e21-7d0c-7a31-9c55-60f1c2b7a904"],
    ),
]
Purpose = Annotated[
    Text,
    Query(
        description="Purpose of the new release, if `release` is left out.",
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
    """Records an export of the panel with its client, purpose and moment. Read its tables with the parameter `release`.

    Each release has its own pseudonyms: a person has one pseudonym in all tables of a release, and a different one in
    every other release. Later registrations never change a release.
    """
    trial, release = await _record(services, trial_id, principal, body.purpose, body.known_at)
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
    """Returns the releases of all clients, oldest first."""
    (after,) = decode_cursor(request, cursor, UUID) or (UUID(int=0),)
    async with services.read(principal) as connection:
        trial = _visible(principal, await trial_or_404(services, connection, trial_id))
        releases = await list_releases(connection, trial_id, after, limit + 1)
    await services.audit_read(principal, "releases.listed", trial_id)
    items = [_view(trial, release) for release in releases]
    return page(request, items, limit, lambda item: encode_cursor(request, item["release_id"]))


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
    """Returns a release. Read its tables with its id as the parameter `release`."""
    trial, release = await _find(services, trial_id, principal, release_id)
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
    """Returns type, unit, meaning, source and codes of each column. Parquet files include them as metadata."""
    async with services.read(principal) as connection:
        _visible(principal, await trial_or_404(services, connection, trial_id))
    return json_response(request, {"version": VERSION, "tables": [dictionary_of(table) for table in TABLES.values()]})


def _add_table(path: str, name: str, table: PanelTable, model: str, about: str) -> None:
    @router.get(
        path,
        operation_id=name,
        summary=f"The panel: {table.name}",
        description=(
            f"{about}\n\nA row is {table.row}. Without `release`, a new release is recorded for `purpose`, as known at"
            f" `known_at`. Its id is in the header `{RELEASE_HEADER}` and in the JSON. With `release`, the response is"
            " always the same bytes. The response is streamed as JSON or, by `Accept`, as JSON Lines, CSV (lists joined"
            " by `|`), Parquet (with the dictionary as metadata) or XLSX. Pseudonyms are those of the release."
            " Duplicates are left out."
        ),
        response_model=_table_model(table, model),
        responses={
            200: {
                "content": _FORMATS,
                "headers": {
                    RELEASE_HEADER: {
                        "description": "Id of the release.",
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
        dialect: DialectQuery = None,
    ) -> Response:
        table_format = TableFormat(negotiate(request, [CSV, JSON_LINES, PARQUET, XLSX]), dialect == "da")
        if release is None:
            trial, recorded = await _record(services, trial_id, principal, purpose, known_at)
        else:
            trial, recorded = await _find(services, trial_id, principal, release)
        return await _export(request, services, principal, trial, recorded, table, table_format)


_add_table(
    "/v1/trials/{trial}/person-weeks",
    "getPersonWeeks",
    PERSON_WEEKS,
    "PersonWeek",
    "Every week of everyone drawn: its records, and the result of the rules.",
)
_add_table(
    "/v1/trials/{trial}/panel/participants",
    "getPanelParticipants",
    PARTICIPANTS,
    "PanelParticipant",
    "Everyone drawn, with their characteristics before the trial: the baseline.",
)
_add_table(
    "/v1/trials/{trial}/panel/draws",
    "getPanelDraws",
    DRAWS,
    "PanelDraw",
    "The draws, for randomisation inference. The draw of a duplicate is included, without a person.",
)


async def _record(
    services: Services, trial_id: str, principal: Principal, purpose: str, known_at: datetime | None
) -> tuple[Trial, Release]:
    async with services.write(principal, trial_id) as connection:
        trial = _visible(principal, await trial_or_404(services, connection, trial_id, closing=True))

        now = services.clock()
        as_of = civil_day(now if known_at is None else min(now, known_at))
        release = await record_release(connection, services.vault, trial, principal.client_id, purpose, known_at, as_of)
    return trial, release


async def _find(services: Services, trial_id: str, principal: Principal, release_id: UUID) -> tuple[Trial, Release]:
    async with services.read(principal) as connection:
        trial = _visible(principal, await trial_or_404(services, connection, trial_id, closing=True))
        release = await find_release(connection, trial_id, release_id)
    if release is None:
        raise Problem("not_found")
    return trial, release


def _visible(principal: Principal, trial: Trial) -> Trial:
    """Return the trial if the client may read its panel, else Problem ``not_found``.

    The panel includes all jobcentres: a client that is bound to some of them only is refused. An evaluator is bound to
    none.
    """
    bound = principal.all_jobcentres or principal.jobcentres or principal.regions
    if bound and not all(principal.reads_person_of(code) for code in trial.jobcentres):
        raise Problem("not_found")
    return trial


def _view(trial: Trial, release: Release) -> dict[str, Any]:
    fields = asdict(release)
    return {
        "release_id": fields.pop("release_id"),
        "trial": fields.pop("trial_id"),
        "protocol": trial.protocol.id,
        "pilot": trial.pilot,
        **fields,
    }


async def _export(
    request: Request,
    services: Services,
    principal: Principal,
    trial: Trial,
    release: Release,
    table: PanelTable,
    table_format: TableFormat,
) -> Response:
    """Stream a table. Its ETag does not depend on its content, since a release never changes."""
    media_type = table_format.media_type
    etag = f"{release.release_id}-{table.name}-{media_type.rpartition('/')[2]}-{VERSION}{'-da' * table_format.danish}"
    unchanged = etag_response(request, b"", media_type, etag)
    if unchanged.status_code == 304:
        return unchanged
    if not await wait_for_replica(services.reports, release):
        detail = "The replica for reports does not have the release yet: repeat the request with its id."
        raise Problem("database_unavailable", detail, headers={RELEASE_HEADER: str(release.release_id)})
    async with services.read(principal) as connection:
        pseudonym = await pseudonyms(connection, services.vault, trial.id, release.release_id)
    await services.audit_read(
        principal, "panel.exported", trial.id, release=release.release_id, table=table.name, format=media_type
    )
    reader = PanelReader(services.reports, trial, release, pseudonym)
    readers: Mapping[str, Callable[[], AsyncIterator[list[PanelRow]]]] = {
        PERSON_WEEKS.name: reader.person_weeks,
        PARTICIPANTS.name: reader.participants,
        DRAWS.name: reader.draws,
    }
    content = encode(readers[table.name](), encoder_of(table_format, table, _view(trial, release), trial))
    if media_type == XLSX:  # whether it fits on a sheet shows at its end
        content = spooled(content)
    first = await anext(content)  # an error before the first bytes still gets its status
    headers = {
        **{name: unchanged.headers[name] for name in ("ETag", "Vary")},
        RELEASE_HEADER: str(release.release_id),
    }
    return StreamingResponse(_prepend(first, content), media_type=media_type, headers=headers)


async def _prepend(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for content in rest:
        yield content
