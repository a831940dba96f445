"""`rettevej simulate`: a protocol's trial through the HTTP API alone, by eighteen case systems and a register.

Imports of the application only the calendar; requests are retried by the client's policy.
"""

import asyncio

import httpx
from rich.console import Console

from app.simulate.client import SimulationError, open_pool
from app.simulate.console import TrialConsole
from app.simulate.model import ParticipantTruth, SimulationResult
from app.simulate.population import MIN_PEOPLE
from app.simulate.runner import TokenFactory, TrialRunner
from app.simulate.scenarios import PRVIJ, SCENARIOS, Scenario

__all__ = ["ParticipantTruth", "SimulationError", "SimulationResult", "TokenFactory", "run"]


def run(
    url: str,
    people: int,
    seed: int,
    trial: str | None,
    token_factory: TokenFactory,
    *,
    protocol: str = PRVIJ.protocol,
    transport: httpx.AsyncBaseTransport | None = None,
    console: Console | None = None,
) -> SimulationResult:
    """Run a trial of ``people`` people (40 or more) against the server at ``url``.

    ``protocol`` is one of ``SCENARIOS``. ``token_factory(role, client_id, jobcentres)`` returns a bearer token. Returns
    the true records of each person and the counts. Raises ``SimulationError`` with a message for the operator.
    ``transport`` and ``console`` are for tests.
    """
    if people < MIN_PEOPLE:
        raise SimulationError(f"The simulation needs at least {MIN_PEOPLE} people.")
    scenario = SCENARIOS.get(protocol)
    if scenario is None:
        raise SimulationError(f"The simulation knows the protocols {', '.join(SCENARIOS)}.")
    name = "prvij" if scenario is PRVIJ else protocol
    return asyncio.run(
        _run(
            url, people, seed, trial or f"{name}-sim-{seed}", token_factory, scenario, transport, TrialConsole(console)
        )
    )


async def _run(
    url: str,
    people: int,
    seed: int,
    trial: str,
    token_factory: TokenFactory,
    scenario: Scenario,
    transport: httpx.AsyncBaseTransport | None,
    console: TrialConsole,
) -> SimulationResult:
    async with open_pool(url, transport) as pool:
        try:
            await pool.get("/healthz")
        except httpx.TransportError as error:
            raise SimulationError(f"No server answers at {url}: {type(error).__name__}") from error
        result = await TrialRunner(pool, token_factory, trial, people, seed, scenario, console).play()
    console.print_result(result)
    return result
