"""A trial of each other protocol, played through the API and recomputed by the slow reference (domain 6).

Smaller than the trial of PRVIJ beside it (test_simulated_trial), which also looks into the middle of the course.
"""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from rich.console import Console

from app.cli.verify_draws import check_published_draws
from app.main import create_app
from app.settings import Settings
from app.simulate import run
from app.simulate.scenarios import SCENARIOS
from app.web.tokens import LocalIssuer
from tests.acceptance.test_simulated_trial import Played, ask, person_of, serving, without_coordination
from tests.domain.rules.test_against_reference import weeks_judged_once
from tests.reference import figures
from tests.reference.protocols import PROTOCOLS
from tests.reference.weeks import FLAGS, monday_of, week_name, weeks
from tests.register import Clock

PEOPLE, SEED = 60, 3
BY = ("jobcentre", "region", "trial")
AFTERWARDS = datetime(2018, 6, 1, 12, tzinfo=UTC)
"""When every one of the trials is over."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", params=[name for name in SCENARIOS if name != "prvij-2010-11"])
def played(
    request: pytest.FixtureRequest, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    directory = tmp_path_factory.mktemp("played")
    clock = Clock()
    clock.now = AFTERWARDS
    app = create_app(Settings(data_dir=directory), new_database(), clock)
    issuer = LocalIssuer.load_or_create(directory)
    with serving(app) as url, httpx.Client(base_url=url, timeout=60) as http:
        quiet = Console(file=io.StringIO())
        result = run(url, PEOPLE, SEED, None, issuer.token, protocol=request.param, console=quiet)
        trial = ask(http, issuer, "agency", "GET", f"/v1/trials/{result.trial}")
        people = [
            {"jobcentre": each.jobcentre, "arm": each.arm, "person": person_of(each)}
            | ({} if each.target_group is None else {"target_group": each.target_group})
            for each in result.participants
        ]
        yield Played(http, issuer, clock, result, trial, figures.without_duplicates(trial, people))


def weeks_of_trial(played: Played) -> list[str]:
    first = monday_of(datetime.fromisoformat(played.trial["intake_from"]).date())
    count = (played.result.last_week - first).days // 7 + 1
    return [week_name(first + timedelta(days=7 * number)) for number in range(count)]


def test_nothing_is_answered_that_was_not_foreseen(played: Played) -> None:
    assert not played.result.tally.unexpected
    arms = {"treatment", "control"} if PROTOCOLS[played.trial["protocol"]]["randomised"] else {"treatment"}
    assert {someone["arm"] for someone in played.people} == arms
    draws = played.get("auditor", "/draws", limit="1000")["items"]
    assert len(draws) == (len(played.people) if len(arms) == 2 else 0)


def test_every_week_of_every_person(played: Played) -> None:
    for truth, someone in zip(played.result.participants, played.people, strict=True):
        shown = played.get("case-system", f"/participants/{truth.participant_id}/weeks")["items"]
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
        assert written == weeks(played.trial["protocol"], played.trial["ends_on"], someone["person"], played.today())


@pytest.mark.parametrize("by", BY)
def test_every_row_of_the_weekly_summary(played: Played, by: str) -> None:
    """Week by week, and the span of all weeks at once; contact averages included."""
    everything: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    with weeks_judged_once():
        for week in weeks_of_trial(played):
            expected = figures.summary(played.trial["protocol"], played.trial, played.people, week, by, played.today())
            rows = played.get("agency", "/weekly-summary", by=by, week=week)["items"]
            assert [without_coordination(row) for row in rows] == expected
            everything += expected
            found += rows
    asked = weeks_of_trial(played)
    parameters = {"by": by, "from": asked[0], "week": asked[-1]}
    assert played.get("agency", "/weekly-summary", **parameters)["items"] == found
    averages = PROTOCOLS[played.trial["protocol"]]["cadence"] == "average"
    assert all(("contacts_per_four_weeks" in row) == averages for row in everything)
    if averages:
        assert 0.5 < everything[-1]["cumulative"]["contacts_per_four_weeks"]["total"] < 4


def test_the_conditions_and_the_grant(played: Played) -> None:
    with weeks_judged_once():
        for week in weeks_of_trial(played):
            shown = played.get("agency", "/conditions", week=week)["items"]
            expected = figures.conditions(played.trial["protocol"], played.trial, played.people, week, played.today())
            assert [row["conditions"] for row in shown] == [row["conditions"] for row in expected]
            assert [{flag: row["figures"][flag] for flag in FLAGS} for row in shown] == [
                row["sums"] for row in expected
            ]
            paid = [(row["grant"] or {}).get("amount_dkk") for row in shown]
            assert paid == [row["grant"] for row in expected]
            payable = [row["grant"]["payable"] for row in shown if row["grant"] is not None]
            assert payable == [row["payable"] for row in expected if row["grant"] is not None]


def test_what_was_drawn_can_be_verified_once_the_trial_is_closed(played: Played) -> None:
    """Domain 3.3; in one arm nobody was drawn, and there is nothing to find."""
    trial = played.result.trial
    ask(played.http, played.issuer, "agency", "POST", f"/v1/trials/{trial}/close")
    drawn = len(played.people) if PROTOCOLS[played.trial["protocol"]]["randomised"] else 0
    assert check_published_draws(str(played.http.base_url), trial, played.issuer.token("auditor")) == (drawn, [])
