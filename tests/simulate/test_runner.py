"""The player against a fake server: everything arrives, nothing unforeseen, whatever happens to single requests."""

import io
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from rettevej_client import RetryPolicy
from rich.console import Console

import app.simulate.client
from app.simulate import SimulationError, SimulationResult, run
from app.simulate.scenarios import PRVIJ
from tests.simulate.fake import FakeServer, token_factory


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.simulate.client, "RETRY_POLICY", RetryPolicy(first_pause=0.0))


def play(server: FakeServer, people: int = 300, seed: int = 1, console: Console | None = None) -> SimulationResult:
    console = console or Console(file=io.StringIO())
    return run("http://fake", people, seed, None, token_factory, transport=server.transport(), console=console)


def standing(server: FakeServer) -> dict[tuple[str, str, str], tuple[str, Mapping[str, Any]]]:
    return {key: (owner, content) for key, (_, owner, content) in server.stored.items() if owner is not None}


def expected_records(result: SimulationResult) -> dict[tuple[str, str, str], tuple[str, Mapping[str, Any]]]:
    return {
        (str(record["client_id"]), kind, str(record["external_id"])): (
            participant.participant_id,
            {name: value for name, value in record.items() if name not in ("client_id", "external_id")},
        )
        for participant in result.participants
        for kind, records in participant.records.items()
        for record in records
    }


@pytest.mark.parametrize("faults", [False, True])
def test_the_server_ends_up_with_what_the_result_says(faults: bool) -> None:
    server = FakeServer(faults=faults)
    result = play(server)
    assert standing(server) == expected_records(result)
    assert not result.tally.unexpected
    assert {p.participant_id: (p.jobcentre, p.arm) for p in result.participants} == {
        p["participant_id"]: (p["jobcentre"], p["assignment"]["arm"])
        for p in server.participants.values()
        if p["assignment"]
    }


def test_every_failure_every_refusal_and_every_outcome_occurs() -> None:
    tally = play(FakeServer()).tally
    assert tally.failures.keys() == set(PRVIJ.failures)
    assert tally.refused_draws.keys() == {"already_drawn", "intake_sufficient", "supplement_order"}
    assert tally.withdrawn > 0
    assert all(
        tally.outcomes[outcome] for outcome in ("created", "updated", "unchanged", "stale", "retracted", "rejected")
    )
    assert len(tally.screened) == 300
    assert 250 < len(tally.eligible) < 300


def test_a_second_run_changes_nothing() -> None:
    server = FakeServer()
    first = play(server)
    before = standing(server)
    second = play(server)
    assert standing(server) == before
    assert second.participants == first.participants
    assert second.tally.outcomes["created"] == 0
    assert not second.tally.unexpected


def test_numbers_are_mistyped_swapped_and_renewed_and_a_registrar_decides() -> None:
    """Domain 3.4: in the end everyone has the planned number, and no share of the plan has changed."""
    server = FakeServer()
    result = play(server)
    kinds = {body.get("reason", "swap") for _, body in server.corrections}
    assert kinds == {"typing_error", "new_number", "swap"}
    assert len(server.decided) == len(server.corrections) < 30
    assert {p.participant_id: p.cpr for p in result.participants} == {
        each["participant_id"]: each["cpr"] for each in server.participants.values() if each["assignment"]
    }


def test_the_arms_come_from_the_server_alone() -> None:
    class Treated(FakeServer):
        def _draw(self, participant: dict[str, Any]) -> None:
            super()._draw(participant)
            participant["assignment"]["arm"] = "treatment"

    assert {participant.arm for participant in play(Treated(), 60).participants} == {"treatment"}


def test_another_trial_under_the_id_stops_with_advice() -> None:
    server = FakeServer()
    play(server, 60)
    with pytest.raises(SimulationError, match="--trial"):
        play(server, 61)


def test_a_server_that_is_not_there_an_error_and_too_few_people_stop_with_a_message() -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(SimulationError, match="No server answers at http://fake"):
        run("http://fake", 60, 1, None, token_factory, transport=httpx.MockTransport(gone))
    broken = httpx.MockTransport(lambda request: httpx.Response(500 if "trials" in request.url.path else 200))
    with pytest.raises(SimulationError, match="answered 500"):
        run("http://fake", 60, 1, None, token_factory, transport=broken)
    with pytest.raises(SimulationError, match="at least 40"):
        play(FakeServer(), 39)


def test_rejections_and_acceptances_that_the_plan_does_not_foresee_are_counted() -> None:
    class Strict(FakeServer):
        def _receive(
            self, client: str, jobcentres: set[str], kind: str, record: dict[str, Any]
        ) -> tuple[str, str | None]:
            outcome, code = super()._receive(client, jobcentres, kind, record)
            if code == "unknown_participant":
                return "created", None
            return ("rejected", "hours_too_few") if record.get("hours_per_week") == 3 else (outcome, code)

    unexpected = play(Strict()).tally.unexpected
    assert unexpected["rejected: hours_too_few"] > 0
    assert unexpected["stored, though unknown_participant"] > 0


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_shown(terminal: bool) -> None:
    out = io.StringIO()
    play(FakeServer(), 60, console=Console(file=out, force_terminal=terminal, width=160))
    shown = out.getvalue()
    assert ("\x1b[" in shown) == terminal
    for words in ("2012-W13", "Jammerbugt", "82.5 / 82.5", "nothing_due", "treatment", "created", "seconds"):
        assert words in shown


def test_an_unknown_protocol_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(SimulationError, match="aht-2008-sickness"):
        run("http://nowhere", 60, 1, None, token_factory, protocol="nothing-2000")
