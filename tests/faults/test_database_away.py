"""PostgreSQL stops at once under load, and comes back: 503 meanwhile, and no restart of the API."""

import os
import signal
from collections.abc import Callable

import httpx
import pytest

from tests.faults.elsewhere import Elsewhere
from tests.faults.figures import Figures
from tests.faults.harness import wait_for
from tests.faults.load import Load, bearer, new_trial


def _stop_database(elsewhere: Elsewhere, keep: Callable[[Figures], None], workers: int, times: int, more: int) -> None:
    with elsewhere.server(workers=workers) as server:
        trial = new_trial(server.url, elsewhere.issuer.issuer)
        issuer = elsewhere.issuer.issuer
        agency = bearer(issuer.token("agency"))
        with (
            Load([server.url], trial, issuer, threads=2, most=20_000) as once,
            Load([server.url], trial, issuer, threads=2, most=20_000, again=True) as again,
            httpx.Client(base_url=server.url, timeout=30) as http,
        ):
            for _ in range(times):
                again.wait_for(more)
                assert elsewhere.postgres.pid is not None
                os.kill(elsewhere.postgres.pid, signal.SIGQUIT)
                wait_for(lambda: elsewhere.postgres.pid is None, "the database stops at once")
                wait_for(lambda: once.answers[503] > 0, f"batches are refused: {once.answers}")
                for path in ("/readyz", "/v1/trials", f"/v1/trials/{trial.id}/weekly-summary?week=2011-W01"):
                    away = http.get(path, headers=agency)
                    assert (away.status_code, away.headers["content-type"]) == (503, "application/problem+json"), path
                    assert int(away.headers["retry-after"]) > 0
                assert http.get("/healthz").status_code == 200
                # A refused access cannot be noted; it is refused all the same.
                assert http.get("/v1/trials", headers=bearer("nonsense")).status_code == 401
                elsewhere.postgres.start()
                wait_for(lambda: server.status("/readyz") == 200, "ready again")
                again.wait_for(more)
        assert {answer for load in (once, again) for answer in load.answers} <= {207, 503}
        assert all(seconds is not None and int(seconds) > 0 for seconds in once.retry_after + again.retry_after)
        if workers == 1:
            assert server.in_use() == 0
        server.stop()
        log = server.log()
    assert "Traceback" not in log
    figures = elsewhere.figures(once, again)
    keep(figures)
    figures.all_is_well(at_least=2 * times * more)
    unacknowledged = sum(not batch.acknowledged for batch in again.sent)
    assert unacknowledged <= again.threads  # those that the end of the load cut off


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_the_database_stops_again_and_again(elsewhere: Elsewhere, keep: Callable[[Figures], None]) -> None:
    _stop_database(elsewhere, keep, workers=2, times=3, more=8)
