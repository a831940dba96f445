"""kill -9 of a worker, and of the whole server, under load: what was acknowledged is there once and whole."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.web.tokens import LocalIssuer
from tests.faults.figures import Figures, figures_at_rest
from tests.faults.harness import Server, wait_for
from tests.faults.load import Load, Trial

Place = tuple[Path, Trial, LocalIssuer]
Keep = Callable[[Figures], None]


def _replaced(server: Server, killed: int) -> Callable[[], bool]:
    return lambda: len(set(server.workers()) - {killed}) == 2


def _kill_workers(place: Place, keep: Keep, times: int, more: int, most: int) -> None:
    directory, trial, issuer = place
    with Server(directory, workers=2) as server, Load([server.url], trial, issuer, most=most) as load:
        for _ in range(times):
            load.wait_for(more)
            before = server.workers()
            assert len(before) == 2
            os.kill(before[0], signal.SIGKILL)
            load.wait_for(more)  # the other one goes on
            wait_for(_replaced(server, before[0]), "a new worker takes its place")
        load.stop()
        wait_for(lambda: server.status("/readyz") == 200, "the server is ready")
        server.stop()
        assert server.processes() == []
        figures = figures_at_rest(directory, load)
    keep(figures)
    figures.all_is_well(at_least=2 * times * more)


def test_a_worker_is_killed(place: Place, keep: Keep) -> None:
    _kill_workers(place, keep, times=1, more=8, most=2000)


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_workers_are_killed_again_and_again(place: Place, keep: Keep) -> None:
    _kill_workers(place, keep, times=4, more=8, most=4000)


def _kill_servers(place: Place, keep: Keep, times: int, more: int) -> None:
    directory, trial, issuer = place
    loads = []
    with Server(directory, workers=2) as server:
        for number in range(times):
            with Load([server.url], trial, issuer, most=4000) as load:
                loads.append(load)
                load.wait_for(more)
                time.sleep(0.013 * number)
                server.signal(signal.SIGKILL)
                assert server.ended() == -signal.SIGKILL
                wait_for(lambda: server.processes() == [], f"nothing is left running: {server.processes()}", 15)
            server.start()
        assert server.status("/readyz") == 200
        with Load([server.url], trial, issuer, most=8) as after:
            after.wait_for(8)
        loads.append(after)
        server.stop()
        figures = figures_at_rest(directory, *loads)
    keep(figures)
    figures.all_is_well(at_least=times * more + 8)


@pytest.mark.slow  # it waits for servers
def test_the_server_is_killed_and_starts_again(place: Place, keep: Keep) -> None:
    _kill_servers(place, keep, times=1, more=12)


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_the_server_is_killed_again_and_again(place: Place, keep: Keep) -> None:
    _kill_servers(place, keep, times=4, more=8)
