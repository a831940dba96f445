"""Floors (c) and (d): the bare endpoint, and the one that a team would write first."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from typing import Annotated
from uuid import UUID, uuid4

import asyncpg
import httpx
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.place import ROOT, Place

_PORT = 17500 + os.getpid() % 500


class Talk(SQLModel, table=True):
    __tablename__ = "floor_talk"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    external_id: str = Field(unique=True)
    participant_id: UUID = Field(index=True)
    date: date
    form: str = "in_person"


class TalkIn(BaseModel):
    external_id: str
    participant_id: UUID
    date: date
    form: str = "in_person"


def floor_app() -> FastAPI:
    """Both endpoints on the database named in the environment."""
    url = os.environ["FLOOR_DATABASE_URL"]
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=20)
    sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(SQLModel.metadata.tables["floor_talk"].create, checkfirst=True)
        app.state.pool = await asyncpg.create_pool(url, min_size=20, max_size=20)
        yield

    app = FastAPI(lifespan=lifespan)

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    @app.post("/asyncpg")
    async def bare(talk: TalkIn) -> dict[str, str]:
        statement = "insert into floor_talk (id, external_id, participant_id, date, form) values ($1, $2, $3, $4, $5)"
        async with app.state.pool.acquire() as connection:
            await connection.execute(statement, uuid4(), talk.external_id, talk.participant_id, talk.date, talk.form)
        return {"outcome": "created"}

    @app.post("/sqlmodel")
    async def idiomatic(talk: TalkIn, opened: Annotated[AsyncSession, Depends(session)]) -> Talk:
        stored = Talk.model_validate(talk)
        opened.add(stored)
        await opened.commit()
        await opened.refresh(stored)
        return stored

    return app


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
