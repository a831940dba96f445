"""Batches of conversations against COPY and upsert of the same rows."""

import csv
import io
import json
import random
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol
from uuid import UUID

import httpx

from benchmarks.floor_app import running_floor_app, talks
from benchmarks.floors import Floors
from benchmarks.load import requests_per_second
from benchmarks.measure import ROUNDS, Results, Series, interleaved, timed
from benchmarks.place import Place, empty_place

PEOPLE = 3000
_JSON, _NDJSON, _CSV = "application/json", "application/x-ndjson", "text/csv"


def records(people: Sequence[UUID], how_many: int, seed: int) -> list[dict[str, Any]]:
    """New conversations over the people, a record id for each."""
    chance = random.Random(seed)
    return [
        {
            "external_id": f"{seed}-{n}",
            "revision": 1,
            "participant_id": str(people[(n * 7 + seed) % len(people)]),
            "date": f"2011-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
        }
        for n in range(how_many)
    ]


def body(sent: Sequence[dict[str, Any]], media_type: str) -> bytes:
    """The records in a media type."""
    if media_type == _JSON:
        return json.dumps({"records": sent}).encode()
    if media_type == _NDJSON:
        return "".join(json.dumps(record) + "\n" for record in sent).encode()
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(sent[0]))
    writer.writeheader()
    writer.writerows(sent)
    return out.getvalue().encode()


class Push(Protocol):
    """Sends a body of a media type and gives the seconds."""

    def __call__(self, content: bytes, media_type: str = _JSON) -> float: ...


def pusher(client: httpx.Client, trial: str, expected: str) -> Push:
    """Sends a body and gives the seconds; anything but the expected outcome for all is an error."""

    def push(content: bytes, media_type: str = _JSON) -> float:
        path = f"/v1/trials/{trial}/conversations/batch"
        start = time.perf_counter()
        response = client.post(path, content=content, headers={"Content-Type": media_type})
        seconds = time.perf_counter() - start
        counts = response.json()["counts"]  # what the client makes of the answer is its own affair
        assert counts[expected] == sum(counts.values()), counts
        return seconds

    return push


def measure(results: Results, rows_before: int = 0) -> None:
    """Batches of each size and media type on one worker, after some rows of other people."""
    with empty_place() as place:
        if rows_before:
            _fill(place, rows_before)
        place.new_trial("bench")
        people = place.people("bench", PEOPLE)
        floors = Floors(place, "bench", people)
        with place.client("case-system", "bench") as client:
            create, repeat = pusher(client, "bench", "created"), pusher(client, "bench", "unchanged")
            create(body(records(people, 1000, 1), _JSON))  # warm
            floors.upsert(1000, 1)
            note = f" after {rows_before:,} rows" if rows_before else ""
            goal = 0.75 if rows_before else 0.6
            found = interleaved(
                {
                    "floor": lambda n: floors.upsert(10_000, 10 + n),
                    "json": lambda n: create(body(records(people, 10_000, 10 + n), _JSON)),
                    "again": lambda n: repeat(body(records(people, 10_000, 10 + n), _JSON)),
                    "ndjson": lambda n: create(body(records(people, 10_000, 20 + n), _NDJSON), _NDJSON),
                    "csv": lambda n: create(body(records(people, 10_000, 30 + n), _CSV), _CSV),
                }
                if not rows_before
                else {
                    "floor": lambda n: floors.upsert(10_000, 10 + n),
                    "json": lambda n: create(body(records(people, 10_000, 10 + n), _JSON)),
                }
            )
            results.ratio(f"10,000 new conversations{note}: floor (b) / batch", found["floor"], found["json"], goal)
            if rows_before:
                return
            results.ratio("the same batch again: floor (b) / batch", found["floor"], found["again"], 1.0)
            results.ratio("NDJSON: JSON / NDJSON", found["json"], found["ndjson"], 0.9)
            results.ratio("CSV: JSON / CSV", found["json"], found["csv"], 0.9)
            _smaller(results, place, floors, people, create)


def _smaller(results: Results, place: Place, floors: Floors, people: Sequence[UUID], create: Push) -> None:
    with running_floor_app(place) as url:
        make = talks(place, "bench")
        single = Series([requests_per_second(f"{url}/sqlmodel", 1, make) for _ in range(3)])
    for size, seed, goal in ((1000, 100, 0.5), (100, 200, 0.4)):
        upsert = partial(_upsert, floors, size, seed)
        push = partial(_push, create, people, size, seed)
        found = interleaved({"floor": upsert, "batch": push}, 3 * ROUNDS)
        results.ratio(f"{size:,} new conversations: floor (b) / batch", found["floor"], found["batch"], goal)
        rate = Series([size / seconds for seconds in found["batch"].values])
        results.ratio(f"{size:,}: records/s / floor (d), one connection", rate, single, 40)


def _upsert(floors: Floors, size: int, seed: int, number: int) -> float:
    return floors.upsert(size, seed + number)


def _push(create: Push, people: Sequence[UUID], size: int, seed: int, number: int) -> float:
    return create(body(records(people, size, seed + number), _JSON))


def _fill(place: Place, rows: int) -> None:
    """Rows of other people in the same table."""
    place.new_trial("others")
    others = place.people("others", rows // 10)
    floors = Floors(place, "others", others)
    for seed in range(rows // 100_000):
        floors.fill("conversation", 100_000, 1000 + seed)


def measure_two_workers(results: Results) -> None:
    """Four clients, each with jobcentres of its own, against one worker and against two."""
    found: dict[int, Series] = {}
    for workers in (1, 2):
        with empty_place("--workers", str(workers)) as place:
            place.new_trial("bench", 16)
            people = place.people("bench", 3200)
            found[workers] = Series([_four_clients(place, people, seed) for seed in range(ROUNDS + 1)][1:])
    results.ratio("four clients: one worker / two workers", found[1], found[2], 1.4)


def _four_clients(place: Place, people: Sequence[UUID], seed: int) -> float:
    clients = [place.client("case-system", f"bench-{number}") for number in range(4)]
    bodies = []
    for number in range(4):
        mine = [person for n, person in enumerate(people) if n % 16 % 4 == number]
        bodies.append(body(records(mine, 2500, seed), _JSON))

    def all_at_once() -> None:
        threads = [
            threading.Thread(target=pusher(client, "bench", "created"), args=(content,))
            for client, content in zip(clients, bodies, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return timed(all_at_once)
