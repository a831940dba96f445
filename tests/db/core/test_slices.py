"""Long loops and large bodies leave the event loop to other requests."""

import asyncio
import json
import threading

from app.db.core.slices import SLICE, in_slices
from app.web.json_body import SMALL_BODY, decoded, read_json


def test_others_run_after_every_slice() -> None:
    async def run() -> None:
        seen = turns = 0
        longest = since = 0

        async def others() -> None:
            nonlocal turns, longest, since
            while seen < 10 * SLICE:
                turns, longest, since = turns + 1, max(longest, seen - since), seen
                await asyncio.sleep(0)

        task = asyncio.create_task(others())
        async for item in in_slices(range(10 * SLICE)):
            assert item == seen
            seen += 1
        await task
        assert turns >= 10
        assert longest <= SLICE

    asyncio.run(run())


def test_a_large_body_is_decoded_in_a_thread_and_a_small_one_at_once() -> None:
    def where(body: bytes) -> tuple[int, object]:
        return threading.get_ident(), read_json(body)

    async def run() -> None:
        here = threading.get_ident()
        body = json.dumps({"a": "x"}).encode()
        assert await decoded(where, body) == (here, {"a": "x"})
        thread, document = await decoded(where, body.ljust(SMALL_BODY + 1))
        assert (thread != here, document) == (True, {"a": "x"})

    asyncio.run(run())
