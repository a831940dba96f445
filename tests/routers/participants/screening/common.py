"""Screening: paths, codes, errors and stored rows, for the tests of this folder."""

import asyncio
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

from tests.register import Register

NOBODY = "00000000-0000-7000-8000-000000000000"
SUPPLEMENT = {"channel": "supplement", "unemployed_since": "2010-10-01"}


def at(trial: str, *rest: str) -> str:
    return "/".join((f"/v1/trials/{trial}/participants", *rest))


def codes(answer: dict[str, Any]) -> list[str]:
    return [failure["code"] for failure in answer["failures"]]


def refusal(response: Any) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


def errors_of(response: Any) -> set[tuple[str, str]]:
    assert refusal(response) == (422, "malformed")
    return {(each["pointer"], each["code"]) for each in response.json()["errors"]}


def rows(register: Register, statement: str, *values: Any) -> list[dict[str, Any]]:
    """What the database answers, past the application."""

    async def fetch() -> list[dict[str, Any]]:
        parts = make_url(register.database_url)
        connection = await asyncpg.connect(
            host=str(parts.query["host"]),
            port=5432,
            user=parts.username,
            password=parts.password,
            database=parts.database,
        )
        try:
            return [dict(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def count_of(register: Register, table: str, trial: str) -> int:
    (row,) = rows(register, f"select count(*) from {table} where trial_id = $1", trial)
    return int(row["count"])


KEPT = ("screening", "participant", "person_index", "vault.identity", "assignment", "contact_person", "week_count")


def candidate(register: Register, trial: str, since: str, **changes: Any) -> str:
    answer = register.screen(trial, channel="supplement", unemployed_since=since, **changes)
    assert answer["eligible"], answer
    assert answer["assignment"] is None
    participant: str = answer["participant_id"]
    return participant
