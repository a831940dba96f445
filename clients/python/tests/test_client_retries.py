"""Retries: which requests are sent again after which answers, how long is waited, and what is told in the end."""

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rettevej_client import (
    AnswerError,
    ApiError,
    AsyncClient,
    BusyError,
    Client,
    ConflictError,
    MalformedError,
    NotFoundError,
    Progress,
    PushOptions,
    RetryPolicy,
    RettevejError,
    UnreachableError,
)

Answer = httpx.Response | Exception
CPR = "7101701234"


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    body = {"type": f"/problems/{code}", "title": code, "status": status, "detail": "A sentence.", "code": code}
    content = json.dumps({**body, "errors": []})
    return httpx.Response(status, content=content, headers={"Content-Type": "application/problem+json", **headers})


def report(request: httpx.Request) -> httpx.Response:
    received = request.content.count(b"\n")
    counts = dict.fromkeys(("updated", "unchanged", "stale", "retracted", "rejected"), 0) | {"created": received}
    body = {"batch_id": f"batch-{received}", "committed": True, "received": received, "counts": counts, "results": []}
    return httpx.Response(207, json=body)


class Register:
    """Answers with what a test has put in line; then with a report to a batch, and with ``{}`` to anything else."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return answer
        return report(request) if request.url.path.endswith("/batch") else httpx.Response(200, json={})

    def client(self, token: str | Callable[[], str] = "t0ken", **retry_policy: Any) -> Client:
        return Client(
            "https://register.example",
            token,
            retry_policy=RetryPolicy(jitter=lambda: 1.0, **retry_policy),
            transport=httpx.MockTransport(self),
            sleep=self.pauses.append,
        )

    @property
    def keys(self) -> list[str]:
        return [request.headers["Idempotency-Key"] for request in self.requests]


RECORDS = [{"external_id": f"r-{number}", "cpr": CPR} for number in range(5)]
PASSING: list[Callable[[], Answer]] = [
    lambda: httpx.ConnectError("refused"),
    lambda: httpx.ReadError("cut"),
    lambda: httpx.RemoteProtocolError("cut"),
    lambda: httpx.ReadTimeout("slow"),
    lambda: problem(429, "rate_limited"),
    lambda: httpx.Response(502, text="<html>"),
    lambda: problem(503, "database_unavailable"),
    lambda: httpx.Response(504),
]


@pytest.mark.parametrize("answer", PASSING)
def test_a_batch_is_sent_again_with_the_same_key_until_it_is_acknowledged(answer: Callable[[], Answer]) -> None:
    register = Register(answer(), answer())
    with register.client() as client:
        result = client.push("prvij", "conversations", RECORDS)
    assert result.counts["created"] == 5
    assert len(register.requests) == 3
    assert len(set(register.keys)) == 1
    assert len({request.content for request in register.requests}) == 1


def test_every_batch_has_a_key_of_its_own_and_a_new_push_has_new_ones() -> None:
    register = Register()
    with register.client() as client:
        for _ in range(2):
            client.push("prvij", "conversations", RECORDS, PushOptions(batch_records=2))
    assert len(register.requests) == 6
    assert len(set(register.keys)) == 6


def test_a_run_with_a_name_has_the_same_keys_again() -> None:
    register = Register()
    with register.client() as client:
        for _ in range(2):
            client.push("prvij", "conversations", RECORDS, PushOptions(batch_records=2, run="monday"))
    assert register.keys[:3] == register.keys[3:]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 500, 501])
def test_any_other_answer_is_final(status: int) -> None:
    register = Register(problem(status, "some_code"))
    with register.client() as client, pytest.raises(ApiError) as caught:
        client.push("prvij", "conversations", RECORDS)
    assert (caught.value.status, caught.value.code) == (status, "some_code")
    assert len(register.requests) == 1


def test_pauses_double_up_to_a_bound_and_what_the_register_asks_for_comes_on_top() -> None:
    register = Register(
        httpx.ConnectError(""),
        httpx.ConnectError(""),
        problem(429, "rate_limited", **{"Retry-After": "7"}),
        problem(
            503,
            "database_unavailable",
            **{"Retry-After": "Mon, 08 Nov 2010 08:00:05 GMT", "Date": "Mon, 08 Nov 2010 08:00:00 GMT"},
        ),
        problem(503, "database_unavailable", **{"Retry-After": "soon"}),
    )
    with register.client(first_pause=1, longest_pause=4) as client:
        client.trial("prvij")
    assert register.pauses == [1, 2, 7 + 4, 5 + 4, 4]


def test_pauses_are_shortened_at_random_by_up_to_half() -> None:
    assert RetryPolicy(first_pause=2, jitter=lambda: 0.0).pause(1) == 1
    assert RetryPolicy(first_pause=2, jitter=lambda: 0.5).pause(1) == 1.5


def test_a_register_that_asks_for_an_hour_is_not_waited_for() -> None:
    register = Register(problem(503, "database_unavailable", **{"Retry-After": "3600"}))
    with register.client() as client, pytest.raises(BusyError):
        client.trial("prvij")
    assert register.pauses == []


def test_in_the_end_the_last_trouble_is_told_and_what_was_acknowledged_before() -> None:
    register = Register()
    with register.client(attempts=3) as client:

        def records() -> Iterator[dict[str, str]]:
            yield from RECORDS[:4]
            register.answers += [httpx.ReadError(f"about {CPR}")] * 3
            yield RECORDS[4]

        with pytest.raises(UnreachableError) as caught:
            client.push("prvij", "conversations", records(), PushOptions(batch_records=2))
    assert str(caught.value) == "no answer after 3 attempts, the last ended with ReadError"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert caught.value.so_far.received == 2


def test_a_withdrawal_whose_answer_was_lost_is_not_sent_again() -> None:
    register = Register(httpx.ReadError(""))
    with register.client() as client, pytest.raises(UnreachableError):
        client.withdraw("prvij", "p", "job")
    assert len(register.requests) == 1


@pytest.mark.parametrize("answer", [httpx.ConnectError(""), problem(429, "rate_limited")])
def test_a_withdrawal_that_was_not_looked_at_is_sent_again(answer: Answer) -> None:
    register = Register(answer)
    with register.client() as client:
        client.withdraw("prvij", "p", "job")
    assert len(register.requests) == 2


def test_a_token_that_has_run_out_is_fetched_once_more() -> None:
    tokens = iter(["old", "new"])
    register = Register(problem(401, "invalid_token"))
    with register.client(lambda: next(tokens)) as client:
        client.trial("prvij")
        client.trial("prvij")
    assert [request.headers["Authorization"] for request in register.requests] == [
        "Bearer old",
        "Bearer new",
        "Bearer new",
    ]


def test_errors_tell_code_status_and_places_by_kind() -> None:
    body = {
        "type": "/problems/malformed",
        "title": "Malformed",
        "status": 422,
        "detail": "The request is not as it should be.",
        "code": "malformed",
        "meaning": "the request has faults",
        "errors": [{"pointer": "/cpr", "code": "invalid_cpr", "meaning": "not a CPR number: ten digits"}],
    }
    malformed = httpx.Response(422, json=body, headers={"Content-Type": "application/problem+json"})
    register = Register(problem(404, "not_found"), problem(409, "already_drawn"), malformed)
    with register.client() as client:
        with pytest.raises(NotFoundError, match="404 not_found"):
            client.lookup("prvij", CPR)
        with pytest.raises(ConflictError):
            client.draw("prvij", "p")
        with pytest.raises(MalformedError) as caught:
            client.screen("prvij", {"cpr": CPR, "jobcentre": "849", "interview_on": "2010-11-08"})
    (fault,) = caught.value.errors
    assert (fault.pointer, fault.code) == ("/cpr", "invalid_cpr")
    assert fault.meaning == "not a CPR number: ten digits"
    assert CPR not in str(caught.value)


@pytest.mark.parametrize("text", ["", "<html>", "[]", '{"code": 7}'])
def test_an_answer_of_something_else_is_an_error_that_does_not_repeat_it(text: str) -> None:
    register = Register(httpx.Response(404, text=text), httpx.Response(200, text="<html>"))
    with register.client() as client:
        with pytest.raises(NotFoundError) as caught:
            client.trial("prvij")
        assert caught.value.code == "http_404"
        with pytest.raises(AnswerError):
            client.trial("prvij")


def test_a_page_in_place_of_a_report_acknowledges_nothing() -> None:
    register = Register(httpx.Response(200, json={"hello": "world"}))
    with register.client() as client, pytest.raises(AnswerError) as caught:
        client.push("prvij", "conversations", RECORDS)
    assert caught.value.so_far.received == 0


def test_progress_is_told_after_each_batch() -> None:
    told: list[Progress] = []
    with Register().client() as client:
        client.push("prvij", "conversations", RECORDS, PushOptions(batch_records=2, progress=told.append))
    assert [(each.batches, each.records, each.counts["created"]) for each in told] == [(1, 2, 2), (2, 4, 4), (3, 5, 5)]


def test_a_record_larger_than_a_batch_is_rejected_here_and_stops_nobody() -> None:
    records = [RECORDS[0], {"external_id": "x" * 200}, RECORDS[1]]
    with Register().client() as client:
        result = client.push("prvij", "conversations", records, PushOptions(batch_bytes=150))
    assert (result.received, result.counts["created"], result.counts["rejected"]) == (3, 2, 1)
    assert [(row.index, row.code) for row in result.rejected] == [(1, "too_large")]


def test_a_download_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    class AsOf(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"half"
            raise httpx.ReadError("cut")

    register = Register(httpx.Response(200, stream=AsOf()), httpx.Response(200, content=b"whole"))
    with register.client() as client:
        path = client.export_panel("prvij", "release", tmp_path / "weeks.parquet")
    assert path.read_bytes() == b"whole"
    assert [each.name for each in tmp_path.iterdir()] == ["weeks.parquet"]
    register.answers = [httpx.Response(200, stream=AsOf())]
    with register.client(attempts=1) as client, pytest.raises(UnreachableError):
        client.export_panel("prvij", "release", tmp_path / "other.parquet")
    assert [each.name for each in tmp_path.iterdir()] == ["weeks.parquet"]
    assert register.requests[0].headers["Accept"] == "application/vnd.apache.parquet"
    with register.client() as client, pytest.raises(ValueError, match="must end in"):
        client.export_panel("prvij", "release", tmp_path / "weeks.ods")


@pytest.mark.parametrize("part", ["a/b", "..", "?x=1", "samtale 1", "æ#"])
def test_a_record_is_asked_for_by_whatever_id_it_has(part: str) -> None:
    register = Register(problem(404, "not_found"))
    with register.client() as client, pytest.raises(NotFoundError):
        client.get("prvij", "conversations", part)
    raw = register.requests[0].url.raw_path.decode()
    assert raw.startswith("/v1/trials/prvij/conversations/")
    assert raw.count("/") == 5
    assert "?" not in raw


def test_the_address_is_one_of_http() -> None:
    with pytest.raises(ValueError, match="begins with"):
        Client("register.example", "t")


def test_both_clients_have_the_same_methods() -> None:
    def methods(client: type) -> dict[str, list[str]]:
        found = inspect.getmembers(client, inspect.isfunction)
        return {name: list(inspect.signature(each).parameters) for name, each in found if not name.startswith("_")}

    assert methods(Client) == methods(AsyncClient)


def test_the_async_client_sends_waits_and_fetches_tokens_alike() -> None:
    register = Register(problem(401, "invalid_token"), httpx.ReadError(""), problem(429, "rate_limited"))
    pauses: list[float] = []
    tokens = iter(["old", "new"])

    async def fetch() -> str:
        return next(tokens)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def records() -> Any:
        for record in RECORDS:
            yield record

    async def run() -> None:
        async with AsyncClient(
            "https://register.example",
            fetch,
            retry_policy=RetryPolicy(first_pause=1, jitter=lambda: 1.0),
            transport=httpx.MockTransport(register),
            sleep=sleep,
        ) as client:
            result = await client.push("prvij", "conversations", records(), PushOptions(batch_records=3))
            assert result.counts["created"] == 5
            again = await client.push("prvij", "conversations", RECORDS)
            assert again.counts["created"] == 5

    asyncio.run(run())
    assert pauses == [1, 2]
    assert len(set(register.keys)) == 3
    assert register.keys[0] == register.keys[1] == register.keys[2] == register.keys[3]


@given(
    st.lists(st.sampled_from(["answer", "cut before", "cut after", "429", "503 before", "504 after"]), max_size=25),
    st.integers(0, 9),
    st.integers(1, 4),
)
def test_whatever_happens_on_the_way_the_result_is_as_if_nothing_had(
    schedule: list[str], number: int, size: int
) -> None:
    """A register that stores each key once, behind a network that loses what the schedule says."""
    reports: dict[str, httpx.Response] = {}
    stored: list[bytes] = []
    coming = iter(schedule)

    def network(request: httpx.Request) -> httpx.Response:
        event = next(coming, "answer")
        if event == "cut before":
            raise httpx.ConnectError("")
        if event in ("429", "503 before"):
            return problem(int(event[:3]), "busy")
        key = request.headers["Idempotency-Key"]
        if key not in reports:
            stored.extend(request.content.splitlines())
            reports[key] = report(request)
        if event == "cut after":
            raise httpx.ReadError("")
        return httpx.Response(504) if event == "504 after" else reports[key]

    records = [{"external_id": f"r-{each}"} for each in range(number)]
    retry_policy = RetryPolicy(attempts=30, first_pause=0)
    transport = httpx.MockTransport(network)
    with Client(
        "https://register.example", "t", retry_policy=retry_policy, transport=transport, sleep=lambda _: None
    ) as client:
        result = client.push("prvij", "conversations", records, PushOptions(batch_records=size))
    assert [json.loads(line) for line in stored] == records
    assert (result.received, result.counts["created"]) == (number, number)


def test_every_error_of_this_client_has_one_ancestor() -> None:
    assert issubclass(ApiError, RettevejError)
    assert issubclass(UnreachableError, RettevejError)
