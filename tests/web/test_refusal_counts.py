"""Refusals without a valid token: added up by address, status and minute, so that they cannot drown the trail."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from app.db.audit.log import NewAuditEntry
from app.web import read_audit
from app.web.read_audit import ReadAudit, RefusalCounts

DETAILS: Mapping[str, Any] = {"method": "GET", "route": "/v1/trials", "status": 401}


class Trail:
    """Entries that were appended."""

    def __init__(self) -> None:
        self.details: list[Mapping[str, Any]] = []

    async def note(self, entry: NewAuditEntry) -> None:
        assert (entry.client, entry.action, entry.participant_id) == (None, "access.refused", None)
        self.details.append(entry.details)


def appended(work: Callable[[RefusalCounts], Awaitable[None]]) -> list[Mapping[str, Any]]:
    async def run() -> list[Mapping[str, Any]]:
        trail = Trail()
        counts = RefusalCounts(cast(ReadAudit, trail), seconds=0.05)
        await work(counts)
        await counts.stop()
        return trail.details

    return asyncio.run(run())


async def many(counts: RefusalCounts, address: str, times: int) -> None:
    for _ in range(times):
        await counts.add(address, 401, DETAILS)


def test_the_first_is_an_entry_and_the_rest_one_more() -> None:
    async def work(counts: RefusalCounts) -> None:
        await many(counts, "192.0.2.1", 5_000)
        await many(counts, "192.0.2.2", 1)

    assert appended(work) == [
        {**DETAILS, "address": "192.0.2.1"},
        {**DETAILS, "address": "192.0.2.2"},
        {"status": 401, "address": "192.0.2.1", "times": 4_999},
    ]


def test_a_later_minute_is_counted_anew_without_another_refusal() -> None:
    async def work(counts: RefusalCounts) -> None:
        await many(counts, "192.0.2.1", 3)
        await asyncio.sleep(0.2)
        await many(counts, "192.0.2.1", 1)

    assert [details.get("times") for details in appended(work)] == [None, 2, None]


def test_more_addresses_than_can_be_told_apart_are_counted_together() -> None:
    async def work(counts: RefusalCounts) -> None:
        for n in range(read_audit.MAX_ADDRESSES + 500):
            await many(counts, f"2001:db8::{n:x}", 1)

    details = appended(work)
    assert len(details) == read_audit.MAX_ADDRESSES + 2
    assert details[-1] == {"status": 401, "address": None, "times": 499}
