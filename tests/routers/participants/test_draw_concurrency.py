"""Draws at the same time (domain 3.3): one for each person, without gaps or repeats, as the seed gives them.

Two applications on one database, each with connections of its own, answer in one event loop: what runs at the same
time are the transactions, twenty of them, as with two worker processes.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy.engine import make_url

from app.db.personal_data.vault import Vault
from app.domain.draw_verification import PublishedDraw, check_draws
from app.main import create_app
from app.routers.common.services import Services
from app.settings import Settings
from app.web.tokens import LocalIssuer
from tests.reference import draw as reference
from tests.register import JOBCENTRES, Clock, new_cpr

LIMIT = 3
MONDAYS = ("11-08", "11-15", "11-22", "11-29", "12-06", "12-13", "12-20", "12-27")
WAITING = """
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event in ('transactionid', 'tuple')
"""
Request = tuple[str, str, Any]
"""Method, path within the trial, body."""


@dataclass(frozen=True)
class Crowd:
    """Clients of two workers, by turns, all of them busy with one trial; the office, with a worker of its own, is not
    behind them in a queue."""

    workers: Sequence[httpx.AsyncClient]
    office: httpx.AsyncClient
    issuer: LocalIssuer
    trial: str

    async def send(self, *requests: Request) -> list[httpx.Response]:
        """Sends everything at once as a case system, and gives the answers in the same order."""
        token = self.issuer.token("case-system")
        workers = cycle(self.workers)
        return await asyncio.gather(*(self._send(next(workers), token, request) for request in requests))

    async def one(self, role: str, method: str, path: str, body: Any = None) -> Any:
        """Asks the office, and gives what it answers."""
        response = await self._send(self.office, self.issuer.token(role), (method, path, body))
        assert response.is_success, response.text
        return response.json()

    async def _send(self, worker: httpx.AsyncClient, token: str, request: Request) -> httpx.Response:
        method, path, body = request
        headers = {"Authorization": f"Bearer {token}"}
        while True:
            response = await worker.request(method, f"/v1/trials/{self.trial}{path}", json=body, headers=headers)
            if response.status_code != 503:
                return response
            # On a slow machine the queue for a connection may be too long: it is safe to send it again.
            assert response.headers["retry-after"]

    async def candidates(self, *requests: Request) -> list[str]:
        """Screens supplement candidates, one after the other."""
        return [(await self.one("case-system", *request))["participant_id"] for request in requests]

    async def draws(self) -> list[dict[str, Any]]:
        """The draws as the auditor reads them."""
        items: list[dict[str, Any]] = (await self.one("auditor", "GET", "/draws"))["items"]
        return items

    async def close(self) -> dict[str, Any]:
        closed: dict[str, Any] = await self.one("agency", "POST", "/close")
        return closed


@dataclass(frozen=True)
class Stage:
    """Three applications on one database, in one event loop."""

    runner: asyncio.Runner
    applications: Sequence[httpx.AsyncClient]
    vault: Vault
    issuer: LocalIssuer
    url: str
    numbers: Iterator[int]

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        """Past the applications, to the same database."""
        parts = make_url(self.url)
        connection = await asyncpg.connect(
            host=str(parts.query["host"]),
            port=5432,
            user=parts.username,
            password=parts.password,
            database=parts.database,
        )
        try:
            yield connection
        finally:
            await connection.close()

    def play(self, scene: Callable[[Crowd], Coroutine[Any, Any, None]], **jobcentre: Any) -> None:
        """Plays a scene in a new trial of three jobcentres; what is named of them is changed."""
        *workers, office = self.applications
        crowd = Crowd(workers, office, self.issuer, f"at-once-{next(self.numbers)}")
        body = {
            "id": crowd.trial,
            "protocol": "prvij-2010-11",
            "title": "Alle på en gang",
            "jobcentres": [{**each, **jobcentre} for each in JOBCENTRES],
        }
        headers = {"Authorization": f"Bearer {self.issuer.token('agency')}"}

        async def whole() -> None:
            assert (await office.post("/v1/trials", json=body, headers=headers)).status_code == 201
            await scene(crowd)

        self.runner.run(whole())


@pytest.fixture(scope="module")
def stage(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A database of its own, and three workers."""
    directory, url = tmp_path_factory.mktemp("crowd"), new_database()
    stack = AsyncExitStack()
    services: list[Services] = []

    async def start() -> list[httpx.AsyncClient]:
        clients = []
        for _ in range(3):
            served = create_app(Settings(data_dir=directory), url, Clock())
            await stack.enter_async_context(served.router.lifespan_context(served))
            services.append(served.state.services)
            client = httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://register", timeout=None)
            clients.append(await stack.enter_async_context(client))
        return clients

    with asyncio.Runner() as runner:
        clients = runner.run(start())
        yield Stage(runner, clients, services[0].vault, LocalIssuer.load_or_create(directory), url, count())
        runner.run(stack.aclose())


def screening(**changes: Any) -> Request:
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
    return "POST", "/participants", {**body, **changes}


def supplement(since: str, **changes: Any) -> Request:
    return screening(channel="supplement", unemployed_since=since, **changes)


def statuses(answers: Sequence[httpx.Response]) -> Counter[str]:
    """How often which status, with the code of a problem."""
    return Counter(
        str(each.status_code) if each.is_success else f"{each.status_code} {each.json()['code']}" for each in answers
    )


def test_fifty_requests_for_one_draw_are_one_draw(stage: Stage) -> None:
    """Domain 3.3: asking again gives the same answer, whatever happens at the same time."""

    async def scene(crowd: Crowd) -> None:
        (participant,) = await crowd.candidates(supplement("2010-10-01"))
        answers = await crowd.send(*[("POST", f"/participants/{participant}/assignment", None)] * 50)
        assert statuses(answers) == {"201": 1, "200": 49}
        assert len({each.text for each in answers}) == 1
        (draw,) = await crowd.draws()
        assert (draw["position"], draw["arm"]) == (0, answers[0].json()["arm"])

    stage.play(scene)


@pytest.mark.parametrize("channel", ["new_match", "supplement"])
def test_fifty_times_one_screening_is_one_screening(stage: Stage, channel: str) -> None:
    """Domain 3.1, 3.3: the same screening, sent again before the first is answered."""

    async def scene(crowd: Crowd) -> None:
        answers = await crowd.send(*[screening(channel=channel, unemployed_since="2010-10-01")] * 50)
        assert statuses(answers) == {"201": 1, "200": 49}
        assert len({each.text for each in answers}) == 1
        assert len(await crowd.draws()) == (1 if channel == "new_match" else 0)

    stage.play(scene)


def test_two_hundred_draws_in_one_jobcentre(stage: Stage) -> None:
    """Domain 3.3: positions 0 to 199, and the arms that the seed gives; the other jobcentre's draws are its own."""

    async def scene(crowd: Crowd) -> None:
        requests = [screening(jobcentre="860" if n % 21 == 0 else "849") for n in range(210)]
        answers = await crowd.send(*requests)
        assert statuses(answers) == {"201": 210}
        draws = await crowd.draws()
        closed = await crowd.close()
        seed = bytes.fromhex(closed["seed"])
        for code, length in (("849", 200), ("860", 10)):
            there = [draw for draw in draws if draw["jobcentre"] == code]
            assert [draw["position"] for draw in there] == list(range(length))
            assert [draw["arm"] for draw in there] == reference.arms(seed, crowd.trial, code, length)
            moments = [draw["drawn_at"] for draw in there]
            assert moments == sorted(set(moments)), "later draws are drawn later"
            told = {
                (each.json()["assignment"]["drawn_at"], each.json()["assignment"]["arm"])
                for each, (_, _, body) in zip(answers, requests, strict=True)
                if body["jobcentre"] == code
            }
            assert told == {(draw["drawn_at"], draw["arm"]) for draw in there}

    stage.play(scene)


def test_one_person_in_two_jobcentres_at_once(stage: Stage) -> None:
    """Domain 3.1: exactly one gets the person, the others hear ``not_available``; nobody waits for ever."""

    async def scene(crowd: Crowd) -> None:
        people = [new_cpr() for _ in range(30)]
        channels = cycle([{"channel": "rematch"}, {"channel": "supplement", "unemployed_since": "2010-10-01"}])
        # The jobcentres in both orders, so that one meets the other the other way round.
        requests = [
            screening(cpr=cpr, jobcentre=code, **channel)
            for n, (cpr, channel) in enumerate(zip(people, channels, strict=False))
            for code in (("849", "860", "450") if n % 2 else ("450", "860", "849"))
        ]
        answers = await crowd.send(*requests)
        assert statuses(answers) == {"201": 90}
        for n, cpr in enumerate(people):
            three = [each.json() for each in answers[3 * n : 3 * n + 3]]
            assert sorted(each["eligible"] for each in three) == [False, False, True]
            (taken,) = (each for each in three if each["eligible"])
            others = [each["failures"] for each in three if not each["eligible"]]
            assert [[failure["code"] for failure in failures] for failures in others] == [["not_available"]] * 2
            found = await crowd.one("case-system", "POST", "/participants/lookup", {"cpr": cpr})
            assert found["participant_id"] == taken["participant_id"]
        assert len(await crowd.draws()) == 15

    stage.play(scene)


def test_nobody_is_drawn_once_the_trial_is_closed(stage: Stage) -> None:
    """Domain 3.3: what is drawn when the seed is shown is all that ever will be."""

    async def scene(crowd: Crowd) -> None:
        candidates = await crowd.candidates(*(supplement("2010-10-01") for _ in range(3)))
        seen: list[dict[str, Any]] = []
        closed: dict[str, Any] = {}

        async def close_midway() -> None:
            while len(await crowd.draws()) < 10:
                pass
            closed.update(await crowd.close())
            seen.extend(await crowd.draws())

        requests = [screening() for _ in range(60)]
        requests += [("POST", f"/participants/{participant}/assignment", None) for participant in candidates]
        answers, _ = await asyncio.gather(crowd.send(*requests), close_midway())
        results = statuses(answers)
        assert results.keys() <= {"201", "409 trial_closed", "409 supplement_order", "409 intake_sufficient"}
        assert results["409 trial_closed"] > 0
        draws = await crowd.draws()
        assert draws == seen
        assert len(draws) == results["201"]
        published = [PublishedDraw(each["jobcentre"], each["position"], each["arm"]) for each in draws]
        seed = bytes.fromhex(closed["seed"])
        faults = check_draws(seed, closed["seed_commitment"], crowd.trial, LIMIT, published)
        assert faults == []

    stage.play(scene)


def test_closing_waits_for_a_draw_under_way(stage: Stage) -> None:
    """Domain 3.3: the seed is not shown while a draw that has begun may still be committed."""

    async def scene(crowd: Crowd) -> None:
        method, path, body = screening()
        async with stage.connection() as connection:

            async def waiting(least: int) -> None:
                """Until so many transactions wait for another's end."""
                while (await connection.fetchval(WAITING)) < least:
                    pass

            # Someone who is just about to be taken elsewhere: the screening waits for what becomes of that.
            elsewhere = connection.transaction()
            await elsewhere.start()
            await connection.execute(
                "insert into person_index values ($1, $2, '860', gen_random_uuid())",
                crowd.trial,
                stage.vault.blind_index(body["cpr"]),
            )
            drawing = asyncio.create_task(crowd.send((method, path, body)))
            await asyncio.wait_for(waiting(1), 10)
            closing = asyncio.create_task(crowd.close())
            await asyncio.wait([closing, asyncio.create_task(waiting(2))], return_when="FIRST_COMPLETED", timeout=10)
            assert not closing.done()
            await elsewhere.rollback()
        await closing
        seen = await crowd.draws()
        (answer,) = await drawing
        assert [draw["drawn_at"] for draw in seen] == [answer.json()["assignment"]["drawn_at"]]
        assert await crowd.draws() == seen

    stage.play(scene)


def test_the_supplement_keeps_target_and_order(stage: Stage) -> None:
    """Domain 3.2: however many are asked for at once, never more than the target, and always the next in order."""

    async def scene(crowd: Crowd) -> None:
        days = range(20, 10, -1)  # the shortest unemployment first
        in_order = await crowd.candidates(*(supplement(f"2010-10-{day}") for day in days))
        asked: list[Request] = [
            ("POST", f"/participants/{participant}/assignment", None) for participant in reversed(in_order)
        ]
        while True:
            results = statuses(await crowd.send(*asked))
            assert results.keys() <= {"201", "200", "409 supplement_order", "409 intake_sufficient"}
            if results["409 intake_sufficient"] == 7:
                break
        drawn = [each["participant_id"] for each in (await crowd.one("case-system", "GET", "/assignments"))["items"]]
        assert sorted(drawn) == sorted(in_order[:3])

    stage.play(scene, weekly_target=3)


def test_a_candidate_is_drawn_or_withdrawn_and_never_both(stage: Stage) -> None:
    """Domain 3.2, 3.3."""

    async def scene(crowd: Crowd) -> None:
        candidates = await crowd.candidates(
            *(
                supplement("2010-10-01", jobcentre=each["code"], interview_on=f"2010-{day}")
                for each in JOBCENTRES
                for day in MONDAYS
            )
        )
        requests: list[Request] = []
        for n, participant in enumerate(candidates):
            path = f"/participants/{participant}"
            both: list[Request] = [
                ("POST", f"{path}/assignment", None),
                ("POST", f"{path}/withdrawal", {"reason": "job"}),
            ]
            requests += both if n % 2 else reversed(both)
        answers = await crowd.send(*requests)
        drawn = 0
        for first, second in zip(answers[::2], answers[1::2], strict=True):
            outcome = statuses([first, second])
            assert outcome in ({"201": 1, "409 already_drawn": 1}, {"200": 1, "409 not_waiting": 1})
            drawn += outcome["201"]
        assert len(await crowd.draws()) == drawn

    stage.play(scene, weekly_target=1000)


def test_dry_runs_draw_nobody_and_disturb_nobody(stage: Stage) -> None:
    """Api.md: a dry run keeps nothing, even where a real screening of the same person waits for it."""

    async def scene(crowd: Crowd) -> None:
        requests: list[Request] = []
        for _ in range(20):
            method, path, body = screening()
            dry = (method, f"{path}?dry_run=true", {**body, "jobcentre": "860"})
            requests += [dry, (method, path, body), dry]
        answers = await crowd.send(*requests)
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

    stage.play(scene)
