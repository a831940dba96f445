"""Draws at the same time (domain 3.3): one for each person, without gaps or repeats, as the seed gives them.

Two applications on one database, each with connections of its own, answer in one event loop: what runs at the same
time are the transactions, twenty of them, as with two worker processes.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.draw import PublishedDraw, faults_of_draws
from app.main import create_app
from app.settings import Settings
from app.tokens import LocalIssuer
from tests.reference import draw as reference
from tests.register import JOBCENTRES, Clock, new_cpr

LIMIT = 3
TRIAL = "at-once"
PEOPLE = f"/v1/trials/{TRIAL}/participants"


@dataclass(frozen=True)
class Crowd:
    """Clients of two workers, by turns."""

    workers: Sequence[httpx.AsyncClient]
    issuer: LocalIssuer

    async def send(self, role: str, *requests: tuple[str, str, Any]) -> list[httpx.Response]:
        """Sends all requests (method, path, body) at once, and gives the answers in the same order."""
        headers = {"Authorization": f"Bearer {self.issuer.token(role)}"}
        return await asyncio.gather(
            *(
                worker.request(method, path, json=body, headers=headers)
                for worker, (method, path, body) in zip(cycle(self.workers), requests, strict=False)
            )
        )

    async def one(self, role: str, method: str, path: str, body: Any = None) -> Any:
        (response,) = await self.send(role, (method, path, body))
        assert response.is_success, response.text
        return response.json()

    async def new_trial(self, **jobcentre: Any) -> None:
        body = {
            "id": TRIAL,
            "protocol": "prvij-2010-11",
            "title": "Alle på en gang",
            "jobcentres": [{**each, **jobcentre} for each in JOBCENTRES],
        }
        await self.one("agency", "POST", "/v1/trials", body)

    async def draws(self) -> list[dict[str, Any]]:
        """The draws as the auditor reads them."""
        items: list[dict[str, Any]] = (await self.one("auditor", "GET", f"/v1/trials/{TRIAL}/draws"))["items"]
        return items

    async def close(self) -> dict[str, Any]:
        closed: dict[str, Any] = await self.one("agency", "POST", f"/v1/trials/{TRIAL}/close")
        return closed


Play = Callable[[Callable[[Crowd], Awaitable[None]]], None]


@pytest.fixture
def play(new_database: Callable[[], str], tmp_path: Path) -> Play:
    """Plays a scene on a database of its own."""
    url = new_database()

    @asynccontextmanager
    async def workers() -> AsyncIterator[list[httpx.AsyncClient]]:
        async with AsyncExitStack() as stack:
            clients = []
            for _ in range(2):
                served = create_app(Settings(data_dir=tmp_path), url, Clock())
                await stack.enter_async_context(served.router.lifespan_context(served))
                client = httpx.AsyncClient(
                    transport=httpx.ASGITransport(served), base_url="http://register", timeout=None
                )
                clients.append(await stack.enter_async_context(client))
            yield clients

    def run(scene: Callable[[Crowd], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with workers() as clients:
                await scene(Crowd(clients, LocalIssuer.load_or_create(tmp_path)))

        asyncio.run(whole())

    return run


def screening(**changes: Any) -> tuple[str, str, Any]:
    body = {
        "cpr": new_cpr(),
        "jobcentre": "849",
        "interview_on": "2010-11-08",
        "channel": "new_match",
        "at_job_interview": True,
        "match_group": 2,
        "benefit": "cash_benefit",
        "exempt_from": "none",
    }
    return "POST", PEOPLE, {**body, **changes}


def supplement(since: str, **changes: Any) -> tuple[str, str, Any]:
    return screening(channel="supplement", unemployed_since=since, **changes)


def statuses(answers: Sequence[httpx.Response]) -> Counter[str]:
    """How often which status, with the code of a problem."""
    return Counter(
        str(each.status_code) if each.is_success else f"{each.status_code} {each.json()['code']}" for each in answers
    )


def test_fifty_requests_for_one_draw_are_one_draw(play: Play) -> None:
    """Domain 3.3: asking again gives the same answer, whatever happens at the same time."""

    async def scene(crowd: Crowd) -> None:
        await crowd.new_trial()
        participant = (await crowd.one("case-system", *supplement("2010-10-01")))["participant_id"]
        answers = await crowd.send("case-system", *[("POST", f"{PEOPLE}/{participant}/assignment", None)] * 50)
        assert statuses(answers) == {"201": 1, "200": 49}
        assert len({each.text for each in answers}) == 1
        (draw,) = await crowd.draws()
        assert (draw["position"], draw["arm"]) == (0, answers[0].json()["arm"])

    play(scene)


@pytest.mark.parametrize("channel", ["new_match", "supplement"])
def test_fifty_times_one_screening_is_one_screening(play: Play, channel: str) -> None:
    """Domain 3.1, 3.3: the same screening, sent again before the first is answered."""

    async def scene(crowd: Crowd) -> None:
        await crowd.new_trial()
        answers = await crowd.send("case-system", *[screening(channel=channel, unemployed_since="2010-10-01")] * 50)
        assert statuses(answers) == {"201": 1, "200": 49}
        assert len({each.text for each in answers}) == 1
        assert len(await crowd.draws()) == (1 if channel == "new_match" else 0)

    play(scene)


def test_two_hundred_draws_in_one_jobcentre(play: Play) -> None:
    """Domain 3.3: positions 0 to 199, and the arms that the seed gives; the other jobcentre's draws are its own."""

    async def scene(crowd: Crowd) -> None:
        await crowd.new_trial()
        requests = [screening(jobcentre="860" if n % 5 == 0 else "849") for n in range(250)]
        answers = await crowd.send("case-system", *requests)
        assert statuses(answers) == {"201": 250}
        draws = await crowd.draws()
        closed = await crowd.close()
        seed = bytes.fromhex(closed["seed"])
        for code, length in (("849", 200), ("860", 50)):
            there = [draw for draw in draws if draw["jobcentre"] == code]
            assert [draw["position"] for draw in there] == list(range(length))
            assert [draw["arm"] for draw in there] == reference.arms(seed, TRIAL, code, length)
            moments = [draw["drawn_at"] for draw in there]
            assert moments == sorted(set(moments)), "later draws are drawn later"
            told = {
                (each.json()["assignment"]["drawn_at"], each.json()["assignment"]["arm"])
                for each, (_, _, body) in zip(answers, requests, strict=True)
                if body["jobcentre"] == code
            }
            assert told == {(draw["drawn_at"], draw["arm"]) for draw in there}

    play(scene)


def test_one_person_in_two_jobcentres_at_once(play: Play) -> None:
    """Domain 3.1: exactly one gets the person, the others hear ``not_available``; nobody waits for ever."""

    async def scene(crowd: Crowd) -> None:
        await crowd.new_trial()
        people = [new_cpr() for _ in range(30)]
        channels = cycle([{"channel": "rematch"}, {"channel": "supplement", "unemployed_since": "2010-10-01"}])
        # The jobcentres in both orders, so that one meets the other the other way round.
        requests = [
            screening(cpr=cpr, jobcentre=code, **channel)
            for n, (cpr, channel) in enumerate(zip(people, channels, strict=False))
            for code in (("849", "860", "450") if n % 2 else ("450", "860", "849"))
        ]
        answers = await crowd.send("case-system", *requests)
        assert statuses(answers) == {"201": 90}
        for n, cpr in enumerate(people):
            three = [each.json() for each in answers[3 * n : 3 * n + 3]]
            assert sorted(each["eligible"] for each in three) == [False, False, True]
            (taken,) = (each for each in three if each["eligible"])
            others = [each["failures"] for each in three if not each["eligible"]]
            assert [[failure["code"] for failure in failures] for failures in others] == [["not_available"]] * 2
            found = await crowd.one("case-system", "POST", f"{PEOPLE}/lookup", {"cpr": cpr})
            assert found["participant_id"] == taken["participant_id"]
        assert len(await crowd.draws()) == 15

    play(scene)


def test_nobody_is_drawn_once_the_trial_is_closed(play: Play) -> None:
    """Domain 3.3: what is drawn when the seed is shown is all that ever will be."""

    async def scene(crowd: Crowd) -> None:
        await crowd.new_trial()
        candidates = [(await crowd.one("case-system", *supplement("2010-10-01")))["participant_id"] for _ in range(3)]
        seen: list[dict[str, Any]] = []
        closed: dict[str, Any] = {}

        async def close_midway() -> None:
            while len(await crowd.draws()) < 10:
                pass
            closed.update(await crowd.close())
            seen.extend(await crowd.draws())

        requests = [screening() for _ in range(60)]
        requests += [("POST", f"{PEOPLE}/{participant}/assignment", None) for participant in candidates]
        answers, _ = await asyncio.gather(crowd.send("case-system", *requests), close_midway())
        results = statuses(answers)
        assert results.keys() <= {"201", "409 trial_closed", "409 supplement_order", "409 intake_sufficient"}
        assert results["409 trial_closed"] > 0
        draws = await crowd.draws()
        assert draws == seen
        assert len(draws) == results["201"]
        published = [PublishedDraw(each["jobcentre"], each["position"], each["arm"]) for each in draws]
        faults = faults_of_draws(bytes.fromhex(closed["seed"]), closed["seed_commitment"], TRIAL, LIMIT, published)
        assert faults == []

    play(scene)


def test_the_supplement_keeps_target_and_order(play: Play) -> None:
    """Domain 3.2: however many are asked for at once, never more than the target, and always the next in order."""

    async def scene(crowd: Crowd) -> None:
        await crowd.new_trial(weekly_target=3)
        days = range(20, 10, -1)  # the shortest unemployment first
        answers = await crowd.send("case-system", *[supplement(f"2010-10-{day}") for day in days])
        in_order = [each.json()["participant_id"] for each in answers]
        asked = [("POST", f"{PEOPLE}/{participant}/assignment", None) for participant in reversed(in_order)]
        while True:
            results = statuses(await crowd.send("case-system", *asked))
            assert results.keys() <= {"201", "200", "409 supplement_order", "409 intake_sufficient"}
            if results["409 intake_sufficient"] == 7:
                break
        drawn = [
            each["participant_id"]
            for each in (await crowd.one("case-system", "GET", f"/v1/trials/{TRIAL}/assignments"))["items"]
        ]
        assert sorted(drawn) == sorted(in_order[:3])

    play(scene)


def test_a_candidate_is_drawn_or_withdrawn_and_never_both(play: Play) -> None:
    """Domain 3.2, 3.3."""

    async def scene(crowd: Crowd) -> None:
        await crowd.new_trial(weekly_target=1000)
        codes = [each["code"] for each in JOBCENTRES]
        candidates = await crowd.send(
            "case-system",
            *[
                supplement("2010-10-01", jobcentre=code, interview_on=f"2010-{day}")
                for code in codes
                for day in MONDAYS
            ],
        )
        requests: list[tuple[str, str, Any]] = []
        for n, each in enumerate(candidates):
            path = f"{PEOPLE}/{each.json()['participant_id']}"
            both = [("POST", f"{path}/assignment", None), ("POST", f"{path}/withdrawal", {"reason": "job"})]
            requests += both if n % 2 else reversed(both)
        answers = await crowd.send("case-system", *requests)
        drawn = 0
        for first, second in zip(answers[::2], answers[1::2], strict=True):
            outcome = statuses([first, second])
            assert outcome in ({"201": 1, "409 already_drawn": 1}, {"200": 1, "409 not_waiting": 1})
            drawn += outcome["201"]
        assert len(await crowd.draws()) == drawn

    play(scene)


MONDAYS = ("11-08", "11-15", "11-22", "11-29", "12-06", "12-13", "12-20", "12-27")


def test_dry_runs_draw_nobody_and_disturb_nobody(play: Play) -> None:
    """Api.md: a dry run keeps nothing, even where a real screening of the same person waits for it."""

    async def scene(crowd: Crowd) -> None:
        await crowd.new_trial()
        requests: list[tuple[str, str, Any]] = []
        for _ in range(20):
            method, path, body = screening()
            dry = (method, f"{path}?dry_run=true", {**body, "jobcentre": "860"})
            requests += [dry, (method, path, body), dry]
        answers = await crowd.send("case-system", *requests)
        real = answers[1::3]
        assert statuses(real) == {"201": 20}
        for each in answers[::3] + answers[2::3]:
            assert each.status_code == 200
            assert (each.json()["participant_id"], each.json()["assignment"]) == (None, None)
        # Whoever met a dry run under way waited for it, and got the person.
        assert all(each.json()["eligible"] for each in real)
        assert [(draw["jobcentre"], draw["position"]) for draw in await crowd.draws()] == [
            ("849", n) for n in range(20)
        ]

    play(scene)
