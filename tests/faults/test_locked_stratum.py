"""One trial's long transaction (issue 22.4): its own requests get 503 in time, another trial's do not notice."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.startup import embedded_in
from app.web.tokens import LocalIssuer
from tests.faults.figures import query, strata_held
from tests.faults.harness import FACTS, Server, wait_for
from tests.faults.load import Trial, bearer, new_trial
from tests.faults.test_stopped import WAITING

pytestmark = pytest.mark.slow
Place = tuple[Path, Trial, LocalIssuer]
POOL = 5
WAITERS = 12
HELD = 9
"""Seconds: longer than a single record may wait, shorter than a batch."""


def test_the_other_trial_does_not_notice(place: Place) -> None:
    directory, trial, issuer = place
    url = embedded_in(directory).url
    with Server(directory, pool_size=str(POOL)) as server, ThreadPoolExecutor(3 * WAITERS) as pool:
        other = new_trial(server.url, issuer, "other", people=1)

        def put(to: Trial, number: int, name: str) -> httpx.Response:
            headers = bearer(issuer.token("case-system", f"system-{number}"))
            record = {"participant_id": to.participants[0], **FACTS["conversations"]}
            path = f"{server.url}/v1/trials/{to.id}/conversations/{name}"
            return httpx.put(path, json=record, headers=headers, timeout=60)

        def push(number: int) -> httpx.Response:
            headers = bearer(issuer.token("case-system", f"system-{number}"))
            record = {"participant_id": trial.participants[0], "external_id": f"b-{number}", **FACTS["conversations"]}
            path = f"{server.url}/v1/trials/{trial.id}/conversations/batch"
            return httpx.post(path, json={"records": [record]}, headers=headers, timeout=60)

        def report(of: Trial) -> httpx.Response:
            path = f"{server.url}/v1/trials/{of.id}/flow"
            return httpx.get(path, headers=bearer(issuer.token("agency")), timeout=60)

        with strata_held(url, HELD, trial.id):
            singles = [pool.submit(put, trial, number, f"s-{number}") for number in range(WAITERS)]
            reports = [pool.submit(report, trial) for _ in range(WAITERS)]
            batches = [pool.submit(push, number) for number in range(WAITERS)]
            wait_for(lambda: query(url, WAITING)[0]["n"] >= 2, "the trial's requests wait")
            time.sleep(1)
            began = time.monotonic()
            for _ in range(6):
                assert put(other, 0, "o-1").status_code in (200, 201)
                assert report(other).status_code == 200
                assert server.status("/readyz") == 200
            assert time.monotonic() - began < 4
            _answered_in_time(singles)
        assert {answer.result().status_code for answer in batches + reports} <= {200, 207, 503}
        for number in range(WAITERS):  # nothing half written: sent again, each is stored, once
            assert put(trial, number, f"s-{number}").status_code in (200, 201)
            assert push(number).json()["counts"]["rejected"] == 0
        stored = "select count(*) as n, count(distinct external_id) as ids from conversation where trial_id = 'trial'"
        assert tuple(query(url, stored)[0]) == (2 * WAITERS, 2 * WAITERS)
        assert "Traceback" not in server.log()
        server.stop()


def _answered_in_time(singles: list[Future[httpx.Response]]) -> None:
    """503 before the lock is free, except for those that began to wait late."""
    late = [answer.result() for answer in singles]
    refused = [response for response in late if response.status_code == 503]
    assert refused
    assert {response.headers["retry-after"] for response in refused} == {"5"}
    assert {response.json()["code"] for response in refused} == {"database_unavailable"}
    assert {response.status_code for response in late} <= {201, 503}
