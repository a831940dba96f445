"""Floors (c) and (d), the bare endpoint and the one that a team would write first; and a page built by the database.

Both insert into a table with the columns, keys and foreign keys of ``conversation``.
"""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID, uuid4

import asyncpg
import httpx
from fastapi import Depends, FastAPI, Response
from pydantic import BaseModel
from sqlalchemy import ARRAY, BigInteger, DateTime, Text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.floors import like_conversation
from benchmarks.place import ROOT, Place

_PORT = 17500 + os.getpid() % 500
_CLIENT = "floor"
_FOREVER = datetime.max.replace(tzinfo=UTC)


def _now() -> datetime:
    return datetime.now(UTC)


class Talk(SQLModel, table=True):
    """A row like those of ``conversation``."""

    __tablename__ = "floor_talk"
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    version_id: UUID = Field(default_factory=uuid4, primary_key=True)
    record_id: UUID = Field(default_factory=uuid4)
    previous_id: UUID | None = None
    participant_id: UUID
    client_id: str = _CLIENT
    external_id: str
    revision: int = Field(default=1, sa_type=BigInteger)
    retraction_reason: str | None = None
    batch_id: UUID = Field(default_factory=uuid4)
    registered_at: datetime = Field(default_factory=_now, sa_type=DateTime(timezone=True))
    superseded_at: datetime = Field(default=_FOREVER, sa_type=DateTime(timezone=True))
    date: date
    status: str = "held"
    form: str = "in_person"
    place: str = "jobcentre"
    conducted_by: str = "caseworker"
    mentor_present: bool = False
    remote_ground: str | None = None
    job_interview: bool = False
    focus: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))
    justification: str | None = None


class TalkIn(BaseModel):
    """A conversation as sent; where the person is, the sender knows."""

    jobcentre_code: str
    trial_id: str
    external_id: str
    participant_id: UUID
    date: date
    form: str = "in_person"


_INSERT = """
    insert into floor_talk (jobcentre_code, trial_id, version_id, record_id, participant_id, client_id, external_id,
                            revision, batch_id, registered_at, superseded_at, date, status, form, place, conducted_by,
                            mentor_present, job_interview, focus)
    values ($1, $2, $3, $3, $4, $5, $6, 1, $7, $8, 'infinity', $9, 'held', $10, 'jobcentre', 'caseworker', false, false,
            '{}')
"""
_PAGE = """
    select json_build_object('items', coalesce(json_agg(page), '[]'))::text from (
        select external_id, client_id, participant_id, revision, registered_at, false as retracted, retraction_reason,
               date, status, form, place, conducted_by, mentor_present, remote_ground, job_interview, focus,
               justification
        from conversation where trial_id = $1 and superseded_at = 'infinity' and retraction_reason is null
        order by version_id limit 100
    ) page
"""


def floor_app() -> FastAPI:
    """The endpoints on the database named in the environment."""
    url = os.environ["FLOOR_DATABASE_URL"]
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=20)
    sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(url, min_size=20, max_size=20)
        for statement in like_conversation("floor_talk"):
            await app.state.pool.execute(statement)
        yield

    app = FastAPI(lifespan=lifespan)

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    @app.post("/asyncpg")
    async def bare(talk: TalkIn) -> dict[str, str]:
        place = (talk.jobcentre_code, talk.trial_id, uuid4(), talk.participant_id)
        async with app.state.pool.acquire() as connection:
            await connection.execute(_INSERT, *place, _CLIENT, talk.external_id, uuid4(), _now(), talk.date, talk.form)
        return {"outcome": "created"}

    @app.post("/sqlmodel")
    async def idiomatic(talk: TalkIn, opened: Annotated[AsyncSession, Depends(session)]) -> Talk:
        stored = Talk.model_validate(talk.model_dump())
        opened.add(stored)
        await opened.commit()
        await opened.refresh(stored)
        return stored

    @app.get("/page/{trial}")
    async def page(trial: str) -> Response:
        async with app.state.pool.acquire() as connection:
            content = await connection.fetchval(_PAGE, trial)
        return Response(content.encode(), media_type="application/json")

    return app


def talks(place: Place, trial: str) -> Callable[[], bytes]:
    """Makes bodies for the endpoints that insert, of the trial's people in turn."""
    people = itertools.cycle(asyncio.run(_people(place, trial)))

    def make() -> bytes:
        person = next(people)
        return json.dumps({**person, "trial_id": trial, "external_id": str(uuid4()), "date": "2011-02-01"}).encode()

    return make


async def _people(place: Place, trial: str) -> list[dict[str, str]]:
    connection = await place.connect()
    statement = "select jobcentre_code, participant_id::text from participant where trial_id = $1 order by 2"
    rows = await connection.fetch(statement, trial)
    await connection.close()
    return [dict(row) for row in rows]


@contextmanager
def running_floor_app(place: Place) -> Iterator[str]:
    """The floors' server, on the place's database."""
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "benchmarks.floor_app:floor_app",
        "--factory",
        "--port",
        str(_PORT),
        "--log-level",
        "warning",
    ]
    environment = {**os.environ, "FLOOR_DATABASE_URL": place.database_url}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    url = f"http://127.0.0.1:{_PORT}"
    try:
        for _ in range(500):
            try:
                httpx.get(f"{url}/openapi.json")
                break
            except httpx.TransportError:
                time.sleep(0.02)
        yield url
    finally:
        process.terminate()
        process.wait(20)
