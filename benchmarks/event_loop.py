"""``python -m benchmarks.event_loop [KIND]…``: how long one worker's ``/healthz`` waits during large requests.

Starts a server of one worker with 3,000 people. For each kind of request a process of its own asks for ``/healthz``
on a fresh connection every 5 ms. Prints the longest wait, and the seconds and the status of the request.
"""

import json
import multiprocessing
import random
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from uuid import UUID

import httpx

from benchmarks.batches import body
from benchmarks.place import Place, empty_place

_TRIAL = "loop"
_PATH = f"/v1/trials/{_TRIAL}"
_LARGEST = 16 * 1024 * 1024 - 1024
_LIMIT = 0.25
_TYPES = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}


def _ping(port: int, pipe: Connection) -> None:
    """Ask for ``/healthz`` until the pipe says stop; send the longest wait in seconds."""
    longest = 0.0
    while not pipe.poll():
        started = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert connection.recv(1024).startswith(b"HTTP/1.1 200")
        longest = max(longest, time.perf_counter() - started)
        time.sleep(0.005)
    pipe.send(longest)


def longest_wait(url: str, work: Callable[[], object]) -> tuple[float, float, object]:
    """Return the longest wait for ``/healthz`` meanwhile, the seconds of the work, and its result."""
    ours, theirs = multiprocessing.Pipe()
    pinger = multiprocessing.Process(target=_ping, args=(httpx.URL(url).port, theirs), daemon=True)
    pinger.start()
    time.sleep(0.3)
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    ours.send(None)
    longest: float = ours.recv()
    pinger.join()
    return longest, seconds, result


def _padded(sent: Sequence[Mapping[str, object]], media_type: str) -> bytes:
    """The records with what makes them 16 MiB: a field that is too long, so that each is rejected."""
    small = len(body([dict(record) for record in sent], media_type))
    filling = "x" * ((_LARGEST - small) // len(sent) - 30)
    return body([{**record, "justification": filling} for record in sent], media_type)[:_LARGEST]


def _weak(person: UUID, how_many: int, name: str) -> bytes:
    """Activations of one person that count together only."""
    chance = random.Random(how_many)
    return body(
        [
            {
                "external_id": f"{name}-{how_many}-{n}",
                "participant_id": str(person),
                "type": "other_offer",
                "starts_on": f"2010-11-{chance.randint(9, 30):02d}",
                "ends_on": f"2011-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
                "hours_per_week": chance.randint(1, 500) / 100,
            }
            for n in range(how_many)
        ],
        _TYPES["json"],
    )


def _conversations(people: Sequence[UUID], name: str) -> list[dict[str, object]]:
    chance = random.Random(name)
    return [
        {
            "external_id": f"{name}-{n}",
            "revision": 1,
            "participant_id": str(people[n % len(people)]),
            "date": f"2011-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
            "form": "telephone",
            "focus": "clarification" if name == "csv" else ["clarification"],
            "justification": "",
        }
        for n in range(10_000)
    ]


def _works(client: httpx.Client, place: Place, people: Sequence[UUID]) -> dict[str, Callable[[], object]]:
    """The kinds of request by name, in their order."""

    def push(kind: str, content: bytes, media_type: str = _TYPES["json"], query: str = "") -> Callable[[], object]:
        path = f"{_PATH}/{kind}/batch{query}"
        return lambda: client.post(path, content=content, headers={"Content-Type": media_type}).status_code

    def read(path: str, accept: str, role: str) -> Callable[[], object]:
        def answer() -> object:
            response = readers[role].get(path, headers={"Accept": accept})
            return f"{response.status_code}, {len(response.content) >> 10} KiB"

        return answer

    readers = {role: place.client(role) for role in ("case-system", "agency", "evaluator", "auditor")}

    works: dict[str, Callable[[], object]] = {}
    for how_many in (2_000, 10_000):
        works[f"weak-{how_many}"] = push("activations", _weak(people[0], how_many, "weak"))
    for name, media_type in _TYPES.items():
        sent = _conversations(people, name)
        works[f"batch-{name}"] = push("conversations", body(sent, media_type), media_type, "?report=full")
        works[f"again-{name}"] = push("conversations", body(sent, media_type), media_type, "?report=full")
        works[f"rejected-{name}"] = push("conversations", _padded(sent, media_type), media_type)
    one_text = json.dumps({"records": [{"justification": "x" * (_LARGEST - 40)}]}).encode()
    works["one-text"] = push("conversations", one_text)
    numbers = b'{"records":[[' + b"1," * 499_000 + b"1]]}"
    works["numbers"] = push("conversations", numbers)
    works["collections"] = push(
        "conversations", b'{"records":[' + b"{}," * 9_999 + b'{"a":[' + b"[]," * 80_000 + b"[]]}]}"
    )
    works["faulty"] = push("conversations", b'{"records":[' + b'{"x":1},' * 9_999 + b'{"x":1}]}')
    spells = [{key: value for key, value in record.items() if key not in ("external_id", "revision")}
              for record in json.loads(_weak(people[0], 10_000, "spell"))["records"]]  # fmt: skip
    snapshot = {"jobcentre": "210", "from": "2010-01-01", "to": "2012-01-01", "records": spells}
    works["snapshot"] = lambda: client.post(f"{_PATH}/activations/snapshot", json=snapshot).status_code
    works["list"] = read(f"{_PATH}/conversations?limit=1000", "application/json", "case-system")
    works["summary"] = read(f"{_PATH}/weekly-summary?from=2010-W45&week=2011-W50", "text/csv", "agency")
    works["panel-csv"] = read(f"{_PATH}/person-weeks?purpose=Benchmark", "text/csv", "evaluator")
    works["draws"] = read(f"{_PATH}/draws", "application/json", "auditor")
    works["worklist"] = read(f"{_PATH}/worklist?jobcentre=210&week=2011-W05", "application/json", "case-system")
    return works


def main() -> None:
    """Print the longest wait for each kind; exit code 1 if one is above 250 ms."""
    too_long = 0
    with empty_place() as place:
        place.new_trial(_TRIAL)
        people = place.people(_TRIAL, 3_000)
        with place.client("case-system") as client:
            works = _works(client, place, people)
            for name in sys.argv[1:] or works:
                longest, seconds, result = longest_wait(place.url, works[name])
                too_long += longest > _LIMIT
                mark = "  over" if longest > _LIMIT else ""
                print(f"{name:16} {longest * 1000:7.0f} ms {seconds:7.2f} s   {result}{mark}", flush=True)
        print(f"memory of the server: {place.memory() >> 20} MiB")
    sys.exit(too_long > 0)


if __name__ == "__main__":
    main()
