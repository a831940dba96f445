"""`rettevej simulate`: plays a protocol's trial through the HTTP API alone, as eighteen case systems and a register.

Nothing here knows the server's inside; of the rest of the application only the calendar is used.
"""

import asyncio

import httpx
from rich.console import Console

from app.simulate.client import SimulationError, open_pool
from app.simulate.console import TrialConsole
from app.simulate.population import FEWEST_PEOPLE
from app.simulate.result import ParticipantTruth, SimulationResult
from app.simulate.runner import TokenFactory, TrialRunner
from app.simulate.scenarios import PRVIJ, SCENARIOS, Scenario

__all__ = ["ParticipantTruth", "SimulationError", "SimulationResult", "TokenFactory", "run"]


def run(
    url: str,
    people: int,
    seed: int,
    trial: str | None,
    mint: TokenFactory,
    *,
    protocol: str = PRVIJ.protocol,
    transport: httpx.AsyncBaseTransport | None = None,
    console: Console | None = None,
) -> SimulationResult:
    """Plays a trial of ``people`` people (40 and more) against the server at ``url`` and shows how it goes.

    ``protocol`` is one of those that come with the register.

    ``mint(role, client_id, jobcentres)`` returns a bearer token. The result holds what is finally true of each person.
    ``SimulationError`` with a message for people when it cannot go on. ``transport`` and ``console`` are for tests.
    """
    if people < FEWEST_PEOPLE:
        raise SimulationError(f"The simulation needs at least {FEWEST_PEOPLE} people.")
    script = SCENARIOS.get(protocol)
    if script is None:
        raise SimulationError(f"The simulation knows the protocols {', '.join(SCENARIOS)}.")
    name = "prvij" if script is PRVIJ else protocol
    return asyncio.run(
        _run(url, people, seed, trial or f"{name}-sim-{seed}", mint, script, transport, TrialConsole(console))
    )


async def _run(
    url: str,
    people: int,
    seed: int,
    trial: str,
    mint: TokenFactory,
    script: Scenario,
    transport: httpx.AsyncBaseTransport | None,
    show: TrialConsole,
) -> SimulationResult:
    async with open_pool(url, transport) as pool:
        try:
            await pool.get("/healthz")
        except httpx.TransportError as error:
            raise SimulationError(f"No server answers at {url}: {type(error).__name__}") from error
        result = await TrialRunner(pool, mint, trial, people, seed, script, show).play()
    show.finish(result)
    return result
