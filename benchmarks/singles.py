"""Single writes and reads over 32 connections against the bare endpoint."""

import itertools
import json
from uuid import uuid4

from benchmarks import load
from benchmarks.floor_app import running_floor_app, talks
from benchmarks.measure import ROUNDS, Results, Series
from benchmarks.place import empty_place

_CONNECTIONS = 32


def measure(results: Results) -> None:
    """PUT of a new conversation, and the weeks of a person, interleaved with floor (c)."""
    with empty_place() as place:
        place.new_trial("bench")
        people = itertools.cycle(place.people("bench", 3000))
        headers = {"Authorization": f"Bearer {place.token('case-system', 'bench')}"}
        base = f"{place.url}/v1/trials/bench"

        def put() -> tuple[str, str, bytes]:
            content = json.dumps({"participant_id": str(next(people)), "date": "2011-02-01", "revision": 1})
            return "PUT", f"{base}/conversations/{uuid4()}", content.encode()

        def weeks() -> tuple[str, str, bytes]:
            return "GET", f"{base}/participants/{next(people)}/weeks", b""

        floor, puts, reads = Series(), Series(), Series()
        tails: list[float] = []
        make = talks(place, "bench")
        with running_floor_app(place) as url:
            for number in range(ROUNDS + 1):
                rate = load.requests_per_second(f"{url}/asyncpg", _CONNECTIONS, make)
                written = load.run(put, _CONNECTIONS, headers=headers)
                read = load.run(weeks, _CONNECTIONS, headers=headers)
                if number:  # the first round warms
                    floor.values.append(rate)
                    puts.values.append(written.rate)
                    reads.values.append(read.rate)
                    tails.append(written.p99 / written.p50)
        results.ratio("single PUT, 32 connections: requests/s / floor (c)", puts, floor, 1.2)
        results.figure("single PUT: p99 / p50", sorted(tails)[len(tails) // 2], "×", 3)
        results.ratio("weeks of one person, 32 connections: requests/s / floor (c)", reads, floor, 0.5)
