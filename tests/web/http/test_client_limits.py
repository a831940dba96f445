"""What one client may make a worker hold: unfinished bodies, unread responses, connections; and no other's share."""

import asyncio
import gzip
import json
from collections.abc import Iterable, Iterator
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from app.main import create_app
from app.settings import Settings
from app.web.http.client_limits import OpenBodies, RequestsInProgress, UnreadResponses, client_of
from app.web.http.timeouts import BodyDeadline, TimedProtocol, protocol_of
from tests.register import Client, Clock, Register, record_id

MIB = 1024 * 1024


def scope(client: str) -> Scope:
    headers = [(b"transfer-encoding", b"chunked")]
    return {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": headers,
        "client": (client, 1),
        "app": FastAPI(),
    }


async def nothing(_: Message) -> None: ...


def chunks(sizes: Iterable[int], *, ends: bool) -> Receive:
    """A body in chunks of these sizes that ends, or whose end never comes."""
    left = list(sizes)

    async def receive() -> Message:
        if not left and not ends:
            await asyncio.Event().wait()
        body = b"x" * left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left) or not ends}

    return receive


# --- Requests in progress ---------------------------------------------------------------------------------------------


def test_a_client_waits_for_its_turn_and_no_other_client_does() -> None:
    begun: list[str] = []
    ends = asyncio.Event()

    async def slow(scope: Scope, _: Receive, send: Send) -> None:
        begun.append(scope["path"])
        await ends.wait()
        await send({"type": "http.response.start", "status": 200})

    async def run() -> None:
        limited = RequestsInProgress(slow, limit=2)

        def call(client: str, path: str) -> asyncio.Task[None]:
            return asyncio.create_task(limited({**scope(client), "path": path}, chunks([1], ends=True), nothing))

        calls = [call("10.0.0.1", f"/v1/{number}") for number in range(5)]
        calls += [call("10.0.0.2", "/v1/other"), call("10.0.0.1", "/healthz")]
        for _ in range(5):
            await asyncio.sleep(0)
        assert begun == ["/v1/0", "/v1/1", "/v1/other", "/healthz"]
        calls[2].cancel()
        ends.set()
        await asyncio.gather(*calls, return_exceptions=True)
        assert begun[4:] == ["/v1/3", "/v1/4"]

    asyncio.run(run())


# --- Bodies -----------------------------------------------------------------------------------------------------------


async def read_body(_: Scope, receive: Receive, __: Send) -> None:
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message["body"])
        more = message["more_body"]


def test_unfinished_bodies_are_bounded_for_one_client_and_all() -> None:
    async def run() -> None:
        limits = OpenBodies(read_body, total=80 * MIB)
        for client in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
            unfinished = [
                asyncio.create_task(limits(scope(client), chunks([MIB] * 15, ends=False), nothing)) for _ in range(40)
            ]
            await asyncio.sleep(0.1)
            refused = [task.exception() for task in unfinished if task.done()]
            assert len(refused) in (38, 40)
            assert all(isinstance(error, HTTPException) and error.status_code == 429 for error in refused)
            assert limits.budget.held[client] <= 40 * MIB
            assert limits.budget.held.total() <= 80 * MIB
            await limits(scope(client), chunks([64 * 1024], ends=True), nothing)  # a small one always passes
            for task in unfinished:
                task.cancel()
            if client == "10.0.0.1":
                await asyncio.gather(*unfinished, return_exceptions=True)
                assert not limits.budget.held, "an end of any kind gives the room back"

    asyncio.run(run())


@pytest.fixture(scope="module")
def narrow(register: Register) -> Iterator[Client]:
    """Another application on the register's database that holds 100,000 bytes of a client."""
    settings = Settings(data_dir=register.settings.data_dir, max_held_bytes=200_000)
    with TestClient(create_app(settings, register.database_url, Clock())) as http:
        yield Client(http, register.issuer.token("case-system"))


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_without_room_is_429(register: Register, narrow: Client, encoding: str) -> None:
    trial = register.new_trial()
    record = {"external_id": record_id(), "participant_id": register.drawn(trial), "date": "2010-11-16"}
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    statuses = []
    for size in (90_000, 110_000, 90_000):
        body = json.dumps({"records": [record]}).encode().ljust(size)
        content = gzip.compress(body) if encoding == "gzip" else body
        response = narrow.request("POST", f"/v1/trials/{trial}/conversations/batch", content=content, headers=headers)
        statuses.append((response.status_code, response.headers.get("retry-after")))
    assert statuses == [(207, None), (429, "1"), (207, None)]


def test_what_follows_a_refusal_is_discarded_up_to_a_bound() -> None:
    async def refuse(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})

    async def run(size: int) -> tuple[list[Message], int]:
        sent: list[Message] = []
        seen = 0
        receive = chunks([MIB] * size, ends=True)

        async def counted() -> Message:
            nonlocal seen
            assert sent[0]["status"] == 401, "the response comes before its body is read"
            seen += 1
            return await receive()

        async def send(message: Message) -> None:
            sent.append(message)

        await BodyDeadline(refuse, seconds=60, limit=16 * MIB)(scope("10.0.0.1"), counted, send)
        assert (b"connection", b"close") in sent[0]["headers"]
        assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
        return sent, seen

    assert asyncio.run(run(16))[1] == 16
    assert asyncio.run(run(1000))[1] == 32


# --- Responses --------------------------------------------------------------------------------------------------------


def responding(size: int) -> Any:
    async def respond(_: Scope, __: Receive, send: Send) -> None:
        headers = [(b"content-length", str(size).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x" * size})

    return respond


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 131_072, 1_000_000])
def test_a_response_is_whole_whatever_its_size(size: int) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(UnreadResponses(responding(size), 80 * MIB)(scope("10.0.0.1"), chunks([], ends=True), send))
    assert b"".join(message["body"] for message in sent[1:]) == b"x" * size
    assert [message["more_body"] for message in sent[1:-1]] == [True] * (len(sent) - 2)
    assert not sent[-1].get("more_body")
    assert max(len(message["body"]) for message in sent[1:]) <= 65_536


def test_unread_responses_are_bounded_for_one_client() -> None:
    statuses: list[int] = []

    async def never_read(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        elif message.get("more_body"):
            await asyncio.Event().wait()

    async def run() -> None:
        limits = UnreadResponses(responding(10 * MIB), 80 * MIB)
        tasks = [asyncio.create_task(limits(scope("10.0.0.1"), chunks([], ends=True), never_read)) for _ in range(40)]
        await asyncio.sleep(0.1)
        assert sorted(statuses) == [200] * 4 + [429] * 36
        limits.app = responding(1000)
        await limits(scope("10.0.0.1"), chunks([], ends=True), never_read)
        assert statuses[-1] == 200, "a small one always passes"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not limits.budget.held

    asyncio.run(run())


def test_a_response_that_breaks_off_has_begun() -> None:
    async def breaks(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError):
        asyncio.run(UnreadResponses(breaks, 80 * MIB)(scope("10.0.0.1"), chunks([], ends=True), send))
    assert [message["type"] for message in sent] == ["http.response.start"]


# --- Connections ------------------------------------------------------------------------------------------------------


class Transport(asyncio.Transport):
    """A connection of a peer that reads nothing."""

    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 1), "sockname": ("10.9.9.9", 80)})
        self.ends: list[str] = []
        self.unread = 100_000

    def close(self) -> None:
        self.ends.append("closed")

    def abort(self) -> None:
        self.ends.append("aborted")

    def get_write_buffer_size(self) -> int:
        return self.unread


class Connections:
    """Connections of one server."""

    def __init__(self, **settings: Any) -> None:
        self._config = uvicorn.Config(OpenBodies(read_body, MIB), forwarded_allow_ips="10.0.0.9", lifespan="off")
        self._config.load()
        self._make = protocol_of(Settings(**settings))
        self._state = ServerState()

    def open(self, peer: str) -> tuple[TimedProtocol, Transport]:
        protocol, transport = self._make(self._config, self._state, {}), Transport(peer)
        protocol.connection_made(transport)
        return protocol, transport


def test_connections_are_bounded_for_one_peer_but_a_trusted_proxy() -> None:
    async def run() -> None:
        connections = Connections(max_connections=20)
        mine = [connections.open("10.0.0.1") for _ in range(30)]
        assert [transport.ends for _, transport in mine] == [[]] * 20 + [["closed"]] * 10
        assert connections.open("10.0.0.2")[1].ends == [], "somebody else's"
        assert all(connections.open("10.0.0.9")[1].ends == [] for _ in range(30)), "a trusted proxy's"
        for protocol, _ in mine[10:]:
            protocol.connection_lost(ConnectionResetError())
        assert connections.open("10.0.0.1")[1].ends == []

    asyncio.run(run())


class Timers:
    """The loop of a protocol whose timers a test lets run out."""

    def __init__(self) -> None:
        self.pending: dict[Any, tuple[float, Any]] = {}

    def call_later(self, seconds: float, callback: Any, *arguments: Any) -> Any:
        timer = Mock()
        timer.cancel = lambda: self.pending.pop(timer)
        self.pending[timer] = (seconds, lambda: callback(*arguments))
        return timer

    def run_out(self, seconds: float) -> None:
        for timer, (_, callback) in [each for each in self.pending.items() if each[1][0] == seconds]:
            del self.pending[timer]
            callback()


def test_a_response_that_nobody_reads_ends_its_connection() -> None:
    async def run() -> None:
        protocol, transport = Connections(body_seconds=7).open("10.0.0.1")
        protocol.loop = timers = Timers()  # type: ignore[assignment]
        protocol.pause_writing()
        for _ in range(3):
            transport.unread -= 1
            timers.run_out(7)
        assert transport.ends == [], "read slowly"
        protocol.resume_writing()
        timers.run_out(7)
        assert (transport.ends, timers.pending) == ([], {}), "read, and no longer watched"
        protocol.pause_writing()
        timers.run_out(7)
        assert transport.ends == ["aborted"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff::4", True),
        ("2001:db8:1:2::3", "2001:db8:1:3::3", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("testclient", "other", False),
    ],
)
def test_a_client_is_an_address_or_the_first_half_of_one(first: str, second: str, *, same: bool) -> None:
    assert (client_of(first) == client_of(second)) is same
