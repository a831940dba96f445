"""Runner of a simulated trial: create it, enrol people, send week by week, read the reports at the end."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from secrets import token_hex
from typing import Any

import httpx

from app.domain.rules.calendar import week_code
from app.simulate.behaviour import make_plan
from app.simulate.client import Actor, SimulationError
from app.simulate.console import TrialConsole
from app.simulate.intake import EnrolmentPhase
from app.simulate.jobcentres import JOBCENTRES, jobcentres_of, sizes
from app.simulate.model import (
    KINDS,
    REGISTER,
    Enrolled,
    Message,
    OutcomeTally,
    Population,
    SimulationResult,
    client_of,
    participant_truths,
)
from app.simulate.population import make_population
from app.simulate.scenarios import Scenario

TokenFactory = Callable[[str, str, tuple[str, ...]], str]
"""Makes a token from role, client id and jobcentres."""

LARGEST_BATCH = 2_000
TREATMENT_SHARE = 0.45
"""Agreed participants as a share of a jobcentre's people: a little more than come by themselves, so that some weeks
are filled up with candidates."""


class TrialRunner:
    """One run. The arms come from the server's draws, everything else from the seed."""

    def __init__(
        self,
        pool: httpx.AsyncClient,
        token_factory: TokenFactory,
        trial: str,
        people: int,
        seed: int,
        scenario: Scenario,
        console: TrialConsole,
    ) -> None:
        self._scenario = scenario
        self._trial, self._people, self._seed, self._console = trial, people, seed, console
        self._agency = Actor(pool, token_factory("agency", "agency", ("*",)))
        self._registrar = Actor(pool, token_factory("registrar", "registrar", ("*",)))
        self._systems = {
            jobcentre.code: Actor(
                pool, token_factory("case-system", client_of(jobcentre.code), jobcentres_of(jobcentre.code))
            )
            for jobcentre in JOBCENTRES
        }
        self._clients = {client_of(code): actor for code, actor in self._systems.items()}
        self._clients[REGISTER] = Actor(pool, token_factory("register", REGISTER, ("*",)))
        self._tally = OutcomeTally()
        self._run = token_hex(8)

    async def play(self) -> SimulationResult:
        """Run the whole trial. Raises ``SimulationError`` for a status that the plan does not foresee."""
        started = time.monotonic()
        population = make_population(self._people, self._seed, self._scenario)
        await self._create_trial()
        enrolled = await self._enrol(population)
        plan = make_plan(self._seed, enrolled, population, self._scenario)
        await self._send_all(
            plan.messages, {participant.person.index: participant.participant_id for participant in enrolled}
        )
        summary, conditions = await self._read_reports()
        seconds = time.monotonic() - started
        return SimulationResult(
            self._trial,
            self._seed,
            self._scenario.last_week,
            participant_truths(enrolled, plan.records),
            self._tally,
            summary,
            conditions,
            seconds,
        )

    async def _create_trial(self) -> None:
        scenario = self._scenario
        agreed = {code: max(1, round(size * TREATMENT_SHARE)) for code, size in sizes(self._people).items()}
        body = {
            "id": self._trial,
            "protocol": scenario.protocol,
            "title": f"Simulation of {scenario.title}: {self._people} people, seed {self._seed}",
            "intake_from": scenario.intake_from.isoformat(),
            "intake_to": scenario.intake_to.isoformat(),
            "ends_on": scenario.ends_on.isoformat(),
            "pilot": False,
            "jobcentres": [
                {
                    **{name: getattr(place, name) for name in ("code", "name", "region", "external_provider_talks")},
                    "agreed_participants": agreed[place.code],
                    **scenario.jobcentre_terms.get(place.code, {}),
                }
                for place in JOBCENTRES
            ],
            **scenario.terms,
        }
        status, _ = await self._agency.send("POST", "/v1/trials", body, accept=frozenset({200, 201, 409}))
        if status == 409:
            raise SimulationError(
                f"The trial {self._trial} exists with other people, another seed or other settings. "
                "Choose another id with --trial."
            )
        if status == 200:
            self._console.print_line(
                f"The trial {self._trial} exists already: it is played again, and should change nothing."
            )

    async def _enrol(self, population: Population) -> list[Enrolled]:
        intake = EnrolmentPhase(self._trial, self._seed, self._systems, self._registrar, self._tally)
        last = population.screenings[-1].sent_on
        first = population.screenings[0].sent_on
        with self._console.phase("Enrolment", (last - first).days + 1) as progress:
            await intake.run(population, lambda day: progress((day - first).days + 1, day.isoformat()))
        return sorted(intake.enrolled.values(), key=lambda participant: participant.person.index)

    async def _send_all(self, messages: Sequence[Message], ids: Mapping[int, str]) -> None:
        """Send week by week, jobcentres concurrently, then the register; ``messages`` are sorted by week."""
        weeks = (self._scenario.last_week - messages[0].week).days // 7 + 1
        with self._console.phase("Records", weeks) as progress:
            for done, (week, sent) in enumerate(groupby(messages, key=lambda message: message.week), start=1):
                by_client: dict[str, list[Message]] = defaultdict(list)
                for message in sent:
                    by_client[message.client_id].append(message)
                register = by_client.pop(REGISTER, [])
                await asyncio.gather(*(self._send_week(client, mine, ids) for client, mine in by_client.items()))
                await self._send_week(REGISTER, register, ids)
                progress(done, week_code(week))

    async def _send_week(self, client: str, messages: Sequence[Message], ids: Mapping[int, str]) -> None:
        """Send one client's week: a batch for each kind, in order."""
        for kind in KINDS:
            mine = [message for message in messages if message.kind == kind]
            for start in range(0, len(mine), LARGEST_BATCH):
                await self._send_batch(client, kind, mine[start : start + LARGEST_BATCH], ids)

    async def _send_batch(self, client: str, kind: str, messages: Sequence[Message], ids: Mapping[int, str]) -> None:
        path = f"/v1/trials/{self._trial}/{kind}/batch"
        body = {"records": [_request_body(message, ids) for message in messages]}
        self._tally.batches += 1
        key = f"{self._run}-{self._tally.batches}"
        _, report = await self._clients[client].send("POST", path, body, accept=frozenset({207}), key=key)
        self._count_results(report, messages)

    def _count_results(self, report: Mapping[str, Any], messages: Sequence[Message]) -> None:
        """Count the results of a batch, and those that the plan does not foresee."""
        tally, counts = self._tally, report["counts"]
        tally.outcomes.update(counts)
        if not report["committed"] or report["received"] != len(messages) or sum(counts.values()) != len(messages):
            raise SimulationError(
                f"Batch {report['batch_id']} of {len(messages)} records was not received whole: {counts}"
            )
        rejected: set[int] = set()
        for result in report["results"]:
            tally.warnings.update(result.get("warnings") or ())
            if result["outcome"] != "rejected":
                continue
            rejected.add(result["index"])
            codes = {error["code"] for error in result["errors"]}
            tally.rejected.update(codes)
            if not codes & messages[result["index"]].expect:
                tally.unexpected.update(f"rejected: {code}" for code in codes)
        for index, message in enumerate(messages):
            if message.expect and index not in rejected:
                tally.unexpected[f"stored, though {' or '.join(sorted(message.expect))}"] += 1

    async def _read_reports(self) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
        """Return the weekly summary of the last week (trial, then jobcentres) and the conditions."""
        week, ok = week_code(self._scenario.last_week), frozenset({200})
        path = f"/v1/trials/{self._trial}"
        summary: list[Mapping[str, Any]] = []
        for by in ("trial", "jobcentre"):
            _, rows = await self._agency.send("GET", f"{path}/weekly-summary?week={week}&by={by}", accept=ok)
            summary += rows["items"]
        _, conditions = await self._agency.send("GET", f"{path}/conditions?week={week}", accept=ok)
        return summary, list(conditions["items"])


def _request_body(message: Message, ids: Mapping[int, str]) -> dict[str, Any]:
    """Return the record as sent: the register names a person by CPR number, a case system by id, a retraction not."""
    if message.body.get("retracted"):
        return dict(message.body)
    if message.client_id == REGISTER:
        return {**message.body, "cpr": message.person.cpr}
    return {**message.body, "participant_id": ids[message.person.index]}
