"""An application that fails in every way, and calls of it whose answers are looked through for what was sent."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import httpx
from fastapi import Body, FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy.exc import OperationalError

from app.web.error_handlers import install
from app.web.problems import BODY, MEDIA_TYPE, PROBLEMS, Problem, problem_responses

CANARY = "0707614285"
LIMIT = 10_000


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Jobcentre(Strict):
    code: str = Field(max_length=4)
    target: int | None = None


class Colour(StrEnum):
    red = "red"


class Cat(Strict):
    kind: Literal["cat"]
    lives: int


class Dog(Strict):
    kind: Literal["dog"]
    date: str


class Trial(Strict):
    id: str
    jobcentres: list[Jobcentre] = []
    counts: dict[str, int] = {}
    numbers: dict[int, int] = {}
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    loose: int | list[Jobcentre] | None = None
    colour: Colour = Colour.red
    cpr: str | None = None
    starts_on: int = 0
    ends_on: int = 1

    @field_validator("cpr")
    @classmethod
    def _cpr(cls, value: str | None) -> str | None:
        if value == "odd":
            raise PydanticCustomError("something_else", "Not one of our codes: {v}", {"v": value})
        if value is not None:
            raise PydanticCustomError("invalid_cpr", "no CPR number: {v}", {"v": value})
        return value

    @model_validator(mode="after")
    def _order(self) -> "Trial":
        if self.ends_on < self.starts_on:
            raise PydanticCustomError("ends_before_start", "ends before it starts", {"field": "ends_on"})
        return self


@dataclass
class Screening:
    jobcentre: str
    limit: int = 0
    __pydantic_config__ = ConfigDict(extra="forbid")


class Filter(Strict):
    week: int = 0


class Thing(BaseModel):
    number: int


def service() -> FastAPI:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False})
    install(app, max_body_bytes=LIMIT)

    @app.post("/trials", responses=problem_responses(*BODY))
    async def trials(trial: Trial) -> None: ...

    @app.post("/screenings")
    async def screenings(screening: Screening) -> None: ...

    @app.post("/two")
    async def two(first: Annotated[Trial, Body()], second: Annotated[int, Body()]) -> None: ...

    @app.get("/list/{trial}")
    async def lists(
        trial: int,
        week: int,
        jobcentre: Annotated[list[int] | None, Query()] = None,
        x_count: Annotated[int, Header()] = 0,
    ) -> None: ...

    @app.get("/filtered")
    async def filtered(chosen: Annotated[Filter, Query()]) -> None: ...

    @app.post("/stream")
    async def stream(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    @app.get("/raise/{code}")
    async def raises(code: str) -> None:
        raise Problem(code, watermark=7)

    @app.get("/http/{status}")
    async def http(status: int) -> None:
        raise HTTPException(status, detail=CANARY, headers={"X-Kept": "1"})

    @app.get("/crash")
    async def crash() -> None:
        try:
            raise KeyError(CANARY)  # noqa: TRY301 - the cause of the next one
        except KeyError as exc:
            raise RuntimeError(f"row of {CANARY}") from exc

    @app.get("/wrong-answer")
    async def wrong_answer() -> Thing:
        return {"number": CANARY + "x"}  # type: ignore[return-value]

    @app.get("/broken-stream")
    async def broken_stream() -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            yield b"one\n"
            raise RuntimeError(CANARY)

        return StreamingResponse(lines())

    @app.get("/away")
    async def away() -> None:
        raise OperationalError(f"SELECT {CANARY}", {"cpr": CANARY}, Exception(CANARY))

    return app


APP = service()


def call(method: str, path: str, **more: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://t") as client:
            return await client.request(method, path, **more)

    answer = asyncio.run(run())
    assert CANARY not in answer.text + str(answer.headers)
    return answer


def problem(answer: httpx.Response, status: int, code: str) -> list[tuple[str, str]]:
    """Checks the document, and returns its errors."""
    assert answer.headers["content-type"] == MEDIA_TYPE
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["type"] == f"/problems/{code}"
    assert body["title"] == PROBLEMS[code].title
    assert body["detail"]
    return [(error["pointer"], error["code"]) for error in body["errors"]]


def post(value: Any, path: str = "/trials") -> list[tuple[str, str]]:
    return problem(call("POST", path, json=value), 422, "malformed")
