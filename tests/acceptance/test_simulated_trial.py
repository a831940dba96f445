"""A whole trial, played through the API by a server that listens, then recomputed by the slow reference.

The simulation knows what it sent late, twice, corrected or taken back, and says which records stand in the end. From
those alone the reference (tests/reference, written from domain.md) computes each week and figure that the API must
show.
"""

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from rich.console import Console

from app.cli.verify_draws import check_published_draws
from app.main import create_app
from app.settings import Settings
from app.simulate import ParticipantTruth, SimulationResult, run
from app.web.tokens import LocalIssuer
from tests.domain.rules.test_against_reference import weeks_judged_once
from tests.reference import draw, figures
from tests.reference.weeks import FLAGS, Person, monday_of_week, week_name, weeks
from tests.register import Clock

PROTOCOL = "prvij-2010-11"
SEED = 1
MID_COURSE = datetime(2011, 5, 18, 9, tzinfo=UTC)
"""A Wednesday, 2011-W20, when most people are in the middle of their course."""
FIRST_WEEK, LAST_WEEK = "2010-W45", "2012-W13"
BY = ("jobcentre", "region", "trial")

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Played:
    """A trial that was played, and how to ask about it. ``people`` are as the reference takes them."""

    http: httpx.Client
    issuer: LocalIssuer
    clock: Clock
    result: SimulationResult
    trial: dict[str, Any]
    people: list[dict[str, Any]]

    def get(self, role: str, path: str, **parameters: str) -> Any:
        """The answer to a read below the trial; anything but 200 is a failure."""
        return ask(self.http, self.issuer, role, "GET", f"/v1/trials/{self.result.trial}{path}", **parameters)

    def today(self) -> str:
        return self.clock.now.date().isoformat()


def ask(http: httpx.Client, issuer: LocalIssuer, role: str, method: str, path: str, **parameters: str) -> Any:
    headers = {"Authorization": f"Bearer {issuer.token(role)}"}
    response = http.request(method, path, params=parameters, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application on a free port, by the server that also serves it in earnest."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, access_log=False, log_level="warning")
    socket = config.bind_socket()
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        socket.close()


def person_of(truth: ParticipantTruth) -> Person:
    """The person as the reference reads one."""
    kinds = {
        kind.replace("-", "_"): [{**record, "client": record["client_id"]} for record in records]
        for kind, records in truth.records.items()
    }
    return {"interview_on": truth.interview_on.isoformat(), **kinds}


@pytest.fixture(scope="module")
def played(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    directory = tmp_path_factory.mktemp("played")
    clock = Clock()
    app = create_app(Settings(data_dir=directory), new_database(), clock)
    issuer = LocalIssuer.load_or_create(directory)
    with serving(app) as url, httpx.Client(base_url=url, timeout=60) as http:
        result = run(url, 300, SEED, None, issuer.token, console=Console(file=io.StringIO()))
        trial = ask(http, issuer, "agency", "GET", f"/v1/trials/{result.trial}")
        people = [
            {"jobcentre": truth.jobcentre, "arm": truth.arm, "person": person_of(truth)}
            for truth in result.participants
        ]
        yield Played(http, issuer, clock, result, trial, figures.without_duplicates(trial, people))


@pytest.fixture(params=["afterwards", "in the middle"])
def seen(request: pytest.FixtureRequest, played: Played) -> Iterator[Played]:
    """The same trial as the API shows it after its end, and on a day on which many weeks are not over yet."""
    afterwards = played.clock.now
    if request.param == "in the middle":
        played.clock.now = MID_COURSE
    yield played
    played.clock.now = afterwards


def span(first: str, last: str) -> list[str]:
    """The weeks from one to another."""
    monday, until = monday_of_week(first), monday_of_week(last)
    return [week_name(monday + timedelta(days=7 * n)) for n in range((until - monday).days // 7 + 1)]


def weeks_until(seen: Played) -> list[str]:
    """The weeks that may be asked for: to the last of the trial, or to the one that runs."""
    return span(FIRST_WEEK, min(LAST_WEEK, week_name(seen.clock.now.date())))


def without_coordination(row: Mapping[str, Any]) -> dict[str, Any]:
    """Of a row what the reference knows of it; who had which coordination has tests of its own."""
    return {name: v for name, v in row.items() if not name.startswith("coordination")}


def test_nothing_is_answered_that_was_not_foreseen(played: Played) -> None:
    tally = played.result.tally
    assert not tally.unexpected
    assert tally.outcomes.keys() == {"created", "updated", "unchanged", "stale", "retracted", "rejected"}
    assert all(tally.outcomes.values())
    assert {someone["arm"] for someone in played.people} == {"treatment", "control"}


def test_every_week_of_every_person(seen: Played) -> None:
    for truth, someone in zip(seen.result.participants, seen.people, strict=True):
        shown = seen.get("case-system", f"/participants/{truth.participant_id}/weeks")["items"]
        written = [
            {
                "week": week["week"],
                "number": week["number"],
                "state": week["state"],
                "flags": [flag for flag in FLAGS if week[flag]],
                "deviations": week["deviations"],
            }
            for week in shown
        ]
        assert written == weeks(PROTOCOL, seen.trial["ends_on"], someone["person"], seen.today())


@pytest.mark.parametrize("by", BY)
def test_every_row_of_the_weekly_summary(seen: Played, by: str) -> None:
    """Week by week, and the span of all weeks at once."""
    asked = weeks_until(seen)
    everything = []
    with weeks_judged_once():
        for week in asked:
            expected = figures.summary(PROTOCOL, seen.trial, seen.people, week, by, seen.today())
            rows = seen.get("agency", "/weekly-summary", by=by, week=week)["items"]
            assert [without_coordination(row) for row in rows] == expected
            everything += rows
    parameters = {"by": by, "from": asked[0], "week": asked[-1]}
    assert seen.get("agency", "/weekly-summary", **parameters)["items"] == everything


def test_the_conditions_and_the_grant(seen: Played) -> None:
    with weeks_judged_once():
        for week in weeks_until(seen):
            shown = seen.get("agency", "/conditions", week=week)["items"]
            expected = figures.conditions(PROTOCOL, seen.trial, seen.people, week, seen.today())
            assert [_conditions(row) for row in shown] == expected


def _conditions(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the API with the reference's names."""
    rates = ("conversation_rate", "activation_rate", "workplace_rate")
    return {
        "jobcentre": row["group"]["jobcentre"],
        "week": row["week"],
        "sums": {flag: row["figures"][flag] for flag in FLAGS},
        "rates": {rate: row["figures"][rate] for rate in rates},
        "conditions": row["conditions"],
        "participants_with_conversation": row["grant"]["first_conversations"],
        "agreed_participants": row["grant"]["agreed_participants"],
        "grant": row["grant"]["amount_dkk"],
        "payable": row["grant"]["payable"],
    }


def test_the_draws_follow_from_the_seed_that_closing_shows(played: Played) -> None:
    trial = played.result.trial
    assert played.get("agency", "")["seed"] is None
    closed = ask(played.http, played.issuer, "agency", "POST", f"/v1/trials/{trial}/close")
    seed = bytes.fromhex(closed["seed"])
    assert draw.seed_commitment(seed) == played.trial["seed_commitment"]

    published = played.get("agency", "/draws", limit="1000")
    assert published["next"] is None
    drawn: dict[str, list[str]] = {}
    for each in published["items"]:
        arms = drawn.setdefault(each["jobcentre"], [])
        assert each["position"] == len(arms)
        arms.append(each["arm"])
    assert drawn == {place: draw.arms(seed, trial, place, len(arms)) for place, arms in drawn.items()}
    people = Counter((someone["jobcentre"], someone["arm"]) for someone in played.people)
    assert people == Counter((place, arm) for place, arms in drawn.items() for arm in arms)
    found = check_published_draws(str(played.http.base_url), trial, played.issuer.token("auditor"))
    assert found == (len(played.people), [])
