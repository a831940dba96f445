"""SIGTERM and ctrl-C under load: what was accepted is answered, and nothing is left running."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.rules.execution import execution
from app.startup import embedded_in
from app.web.tokens import LocalIssuer
from tests.faults.figures import Figures, figures_at_rest, query, strata_held
from tests.faults.harness import Server, wait_for
from tests.faults.load import Load, Trial
from tests.faults.test_slow_clients import _dial, _head

Place = tuple[Path, Trial, LocalIssuer]
WAITING = "select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'strat(a|um)'"


@pytest.mark.parametrize(
    ("how", "workers"),
    [
        ("term", 1),
        ("ctrl-c", 2),
        pytest.param("ctrl-c", 1, marks=pytest.mark.slow),
        pytest.param("term", 2, marks=pytest.mark.slow),
    ],
)
def test_what_was_accepted_is_answered(place: Place, keep: Callable[[Figures], None], how: str, workers: int) -> None:
    directory, trial, issuer = place
    url = embedded_in(directory).url
    with Server(directory, workers=workers) as server, Load([server.url], trial, issuer) as load:
        load.wait_for(8)
        with strata_held(url, 2):  # so that some batches are certainly in the middle
            wait_for(lambda: query(url, WAITING)[0]["n"] >= 2, "batches wait")
            if how == "term":
                server.signal(signal.SIGTERM)
            else:
                server.interrupt()
        code = server.ended()
        load.stop()
        assert (code, "rettevej has stopped." in server.log()) == (0, True), server.log()
        assert f"rules: {execution()}" in server.log()
        assert server.processes() == []
        assert "Traceback" not in server.log()
        figures = figures_at_rest(directory, load)
    keep(figures)
    figures.all_is_well(at_least=10)
    assert figures.unanswered == 0


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_start_that_fails_says_so(place: Place, workers: int) -> None:
    """The wrong master key: an exit code that a supervisor understands, and nothing left running."""
    directory, _, _ = place
    (directory / "master.key").write_bytes(bytes(32))
    server = Server(directory, workers=workers)
    try:
        server.start(wait=False)
        assert server.ended() == 1
        assert "The master key does not fit this database." in server.log()
        assert server.processes() == []
    finally:
        server.kill()


@pytest.mark.slow
def test_a_body_half_sent_does_not_hold_up_the_end(place: Place) -> None:
    """Wild B38: SIGTERM with half a body took 33 s, and container engines kill after ten."""
    directory, trial, issuer = place
    with Server(directory) as server, Load([server.url], trial, issuer) as load:
        load.wait_for(3)
        with _dial(server) as half, _dial(server) as silent:
            half.sendall(_head(trial, issuer.token("case-system", "slow"), "Content-Length: 1000") + b'{"records": [')
            silent.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            code = server.ended()
            seconds = time.monotonic() - began
        load.stop()
        assert (code, server.processes()) == (0, []), server.log()
        assert seconds < 8
        figures = figures_at_rest(directory, load)
    figures.all_is_well(at_least=3)
