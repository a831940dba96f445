"""Load of batches: a trial, and threads that push batches with external ids known beforehand.

Each id is sent once, and the load records what each was answered.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from app.web.tokens import LocalIssuer
from tests.faults.harness import BATCH, FACTS, KINDS, wait_for
from tests.register import JOBCENTRES, new_cpr


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial with people drawn in each of its jobcentres."""

    id: str
    participants: Sequence[str]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def new_trial(url: str, issuer: LocalIssuer, id_: str = "trial", people: int = 4) -> Trial:
    """Creates a trial in three jobcentres and screens people in each until they are drawn."""
    with httpx.Client(base_url=url, timeout=30) as http:
        body = {"id": id_, "protocol": "prvij-2010-11", "title": "På rette vej", "jobcentres": JOBCENTRES}
        created = http.post("/v1/trials", json=body, headers=bearer(issuer.token("agency")))
        assert created.status_code == 201, created.text
        headers = bearer(issuer.token("case-system", "loader"))
        drawn = []
        for jobcentre in [each["code"] for each in JOBCENTRES] * people:
            screening = {
                "cpr": new_cpr(),
                "jobcentre": jobcentre,
                "interview_on": "2010-11-08",
                "channel": "new_match",
                "at_job_interview": True,
                "match_group": 2,
                "benefit": "cash_benefit",
                "exempt_from": "none",
            }
            screened = http.post(f"/v1/trials/{id_}/participants", json=screening, headers=headers)
            assert screened.status_code == 201, screened.text
            drawn.append(screened.json()["participant_id"])
    return Trial(id_, drawn)


@dataclass(slots=True)
class Sent:
    """A batch that was sent, and what came back: a status, or the name of the error that came instead."""

    kind: str
    external_ids: Sequence[str]
    records: Sequence[Mapping[str, Any]]
    answer: int | str = ""
    acknowledged: bool = False


@dataclass
class Load:
    """Threads that push batches until they are told to stop, each batch once and with its own ids.

    ``again``: a batch that was not acknowledged is sent again, the same, until it is.
    """

    urls: Sequence[str]
    trial: Trial
    issuer: LocalIssuer
    threads: int = 4
    again: bool = False
    most: int = 400
    """Batches of all threads together, at most."""
    sent: list[Sent] = field(default_factory=list)
    retry_after: list[str | None] = field(default_factory=list)
    """What each 503 said of when to come again."""

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._running: list[threading.Thread] = []
        self._faults: list[str] = []
        self._name = f"{time.monotonic_ns():x}"

    def __enter__(self) -> Self:
        self._running = [threading.Thread(target=self._push, args=(n,), daemon=True) for n in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._running:
            thread.join(60)
            assert not thread.is_alive()
        assert not self._faults, self._faults[:3]

    @property
    def acknowledged(self) -> int:
        return sum(each.acknowledged for each in self.sent)

    @property
    def answers(self) -> Counter[int | str]:
        return Counter(each.answer for each in self.sent)

    def wait_for(self, more: int) -> None:
        """Waits until so many more batches are acknowledged."""
        goal = self.acknowledged + more
        wait_for(lambda: self.acknowledged >= goal, f"{more} more batches acknowledged: {self.answers}", 60)

    def _push(self, number: int) -> None:
        chance = random.Random(number)
        url = self.urls[number % len(self.urls)]
        headers = bearer(self.issuer.token("case-system", f"loader-{number}"))
        http = httpx.Client(base_url=url, headers=headers, timeout=30)
        for n in range(self.most // self.threads):
            batch = self._batch(chance, f"{self._name}-{number}-{n}", KINDS[n % len(KINDS)])
            with self._lock:
                self.sent.append(batch)
            while not self._stop.is_set():
                if self._send(http, batch):
                    break
                http.close()  # a connection to a server that has died
                http = httpx.Client(base_url=url, headers=headers, timeout=30)
                time.sleep(0.05)
                if not self.again:
                    break
            if self._stop.is_set():
                break
        http.close()

    def _batch(self, chance: random.Random, name: str, kind: str) -> Sent:
        ids = [f"{name}-{place}" for place in range(BATCH)]
        people = chance.choices(self.trial.participants, k=BATCH)
        records = [
            {"external_id": each, "participant_id": who, **FACTS[kind]} for each, who in zip(ids, people, strict=True)
        ]
        return Sent(kind, ids, records)

    def _send(self, http: httpx.Client, batch: Sent) -> bool:
        try:
            response = http.post(f"/v1/trials/{self.trial.id}/{batch.kind}/batch", json={"records": batch.records})
        except httpx.HTTPError as error:
            batch.answer = type(error).__name__
            return False
        batch.answer = response.status_code
        if response.status_code == 207:
            report = response.json()
            counts = report["counts"]
            batch.acknowledged = report["committed"] and counts["created"] + counts["unchanged"] == BATCH
            if not batch.acknowledged:
                self._faults.append(response.text)
        elif response.status_code == 503:
            self.retry_after.append(response.headers.get("retry-after"))
        else:
            self._faults.append(f"{response.status_code}: {response.text}")
        return batch.acknowledged
