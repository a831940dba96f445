"""``python -m benchmarks.one_client``: what one client can cost a worker that holds 3,000 people.

Prints how long after its headers 16 MiB without a token is refused; the memory of forty unfinished bodies of 16 MiB;
and, while 1,000 connections do not read large responses, the longest wait for ``/healthz`` and the memory.
"""

import socket
import time
from collections import Counter
from contextlib import ExitStack

import httpx

from benchmarks.batches import body, records
from benchmarks.event_loop import longest_wait
from benchmarks.place import Place, empty_place

_PATH = "/v1/trials/alone"
_SIZE = 16 * 1024 * 1024 - 1


def _dial(place: Place) -> socket.socket:
    url = httpx.URL(place.url)
    assert url.port is not None
    return socket.create_connection((url.host, url.port), timeout=60)


def _head(method: str, path: str, token: str | None, *lines: str) -> bytes:
    credentials = [] if token is None else [f"Authorization: Bearer {token}"]
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *credentials, *lines, "", ""]).encode()


def _post(token: str | None) -> bytes:
    lines = ("Content-Type: application/json", f"Content-Length: {_SIZE}")
    return _head("POST", f"{_PATH}/conversations/batch", token, *lines)


def refusals(place: Place) -> None:
    """16 MiB without a token: by a client that reads at once, and by one that sends all of it first."""
    slowest = 0.0
    for _ in range(20):
        with _dial(place) as connection:
            started = time.perf_counter()
            connection.sendall(_post(None))
            assert connection.recv(12) == b"HTTP/1.1 401"
            slowest = max(slowest, time.perf_counter() - started)
    answered = Counter[bytes]()
    for _ in range(20):
        with _dial(place) as connection:
            connection.sendall(_post(None) + b"[[]," * (_SIZE // 4) + b"]" * (_SIZE % 4))
            answered[connection.recv(12)] += 1
    print(f"401 after the headers: {slowest * 1000:.0f} ms at most; by who sends all first, read: {dict(answered)}")


def unfinished(place: Place) -> None:
    """Forty bodies that lack their last byte."""
    before = place.memory()
    token = place.token("case-system")
    with ExitStack() as connections:
        bodies = [connections.enter_context(_dial(place)) for _ in range(40)]
        for connection in bodies:
            try:
                connection.sendall(_post(token) + b" " * (_SIZE - 1))
            except ConnectionError:
                continue
        time.sleep(1)
        more = place.memory() - before
        answers = Counter[bytes]()
        for connection in bodies:
            connection.settimeout(0.2)
            try:
                answers[connection.recv(12)] += 1
            except TimeoutError:
                answers[b"nothing"] += 1
    print(f"forty unfinished bodies: {more / 1e6:.0f} MB more, answered {dict(answers)}")


def unread(place: Place, path: str, role: str) -> None:
    """1,000 connections that ask for a large response and never read."""
    before, token = place.memory(), place.token(role)
    connections_of: list[socket.socket] = []
    with ExitStack() as connections:

        def ask() -> None:
            for _ in range(1000):
                connection = connections.enter_context(_dial(place))
                connections_of.append(connection)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.sendall(_head("GET", f"{_PATH}/{path}", token))
            for connection in connections_of:
                connection.recv(1)

        asking, _, _ = longest_wait(place.url, ask)
        holding, _, _ = longest_wait(place.url, lambda: time.sleep(5))
        more = place.memory() - before
    waits = f"{asking * 1000:.0f} ms while it answers them, {holding * 1000:.0f} ms afterwards"
    print(f"1,000 connections that never read {path}: healthz at most {waits}; {more / 1e6:.0f} MB more", flush=True)


def main() -> None:
    """Print the figures of the three kinds."""
    with empty_place() as place:
        place.new_trial("alone")
        people = place.people("alone", 3_000)
        with place.client("case-system") as client:
            content = body(records(people, 10_000, 1), "application/json")
            headers = {"Content-Type": "application/json"}
            client.post(f"{_PATH}/conversations/batch", content=content, headers=headers).raise_for_status()
        refusals(place)
        unfinished(place)
        unread(place, "conversations?limit=1000", "case-system")
        unread(place, "weekly-summary?from=2010-W45&week=2011-W50", "agency")
        unread(place, "person-weeks?purpose=Unread", "evaluator")
        print(f"memory in the end: {place.memory() / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
