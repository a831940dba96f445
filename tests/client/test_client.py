"""The client against the register over the network: an integration from the trial to the panel, sync and async."""

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from rettevej_client import (
    AccessError,
    AsyncClient,
    Client,
    ConflictError,
    NotFoundError,
    PushOptions,
    PushResult,
    RetryPolicy,
    UnreachableError,
)

from tests.client.conftest import Live
from tests.register import JOBCENTRES, new_cpr

_ids = itertools.count(1)
QUICK = RetryPolicy(first_pause=0.01)


def screening(cpr: str, **changes: Any) -> Any:
    return {
        "cpr": cpr,
        "jobcentre": "849",
        "interview_on": "2010-11-08",
        "channel": "new_match",
        "at_job_interview": True,
        "match_group": 2,
        "benefit": "cash_benefit",
        "exempt_from": "none",
        **changes,
    }


def talks(participant: str, number: int, prefix: str = "c") -> Iterator[dict[str, Any]]:
    for each in range(number):
        yield {
            "external_id": f"{prefix}-{each}",
            "revision": 1,
            "participant_id": participant,
            "date": date(2010, 11, 15),
        }


class AsOf(httpx.BaseTransport):
    """The network, on which answers are lost after the register has done what was asked: those that ``lose`` names."""

    def __init__(self, lose: Callable[[int], bool]) -> None:
        self._network = httpx.HTTPTransport()
        self._lose = lose
        self.keys: list[str | None] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("Idempotency-Key"))
        response = self._network.handle_request(request)
        response.read()
        if self._lose(len(self.keys)):
            response.close()
            raise httpx.ReadError("cut")
        return response

    def close(self) -> None:
        self._network.close()


def test_an_integration_from_the_trial_to_a_record(live: Live) -> None:
    trial = f"client-{next(_ids)}"
    with live.client("agency") as agency, live.client() as case:
        created = agency.create_trial(
            {"id": trial, "protocol": "prvij-2010-11", "title": "På rette vej", "jobcentres": JOBCENTRES}  # type: ignore[typeddict-item]
        )
        assert created == agency.trial(trial)
        assert trial in [each["id"] for each in agency.trials()]
        assert "prvij-2010-11" in [each["id"] for each in agency.protocols()]

        cpr = new_cpr()
        assert case.screen(trial, screening(cpr), dry_run=True)["assignment"] is None
        screened = case.screen(trial, screening(cpr))
        assert case.screen(trial, screening(cpr)) == screened
        person = screened["participant_id"]
        assert person is not None
        assert case.lookup(trial, cpr)["participant_id"] == person
        with pytest.raises(NotFoundError):
            case.lookup(trial, new_cpr())
        with pytest.raises(ConflictError) as conflict:
            case.screen(trial, screening(cpr, benefit="start_benefit"))
        assert conflict.value.code in ("already_drawn", "screening_conflict")
        assert case.participant(trial, person)["arm"] == case.assignment(trial, person)["arm"]
        assert case.draw(trial, person) == case.assignment(trial, person)
        assert [each["participant_id"] for each in case.participants(trial, jobcentre="849")] == [person]
        assert [each["participant_id"] for each in case.assignments(trial)] == [person]
        assert case.set_contact_person(trial, person, "Karen Holm")["contact_person"] == "Karen Holm"

        written = case.put(trial, "conversations", "samtale/1", {"participant_id": person, "date": "2010-11-15"})
        assert (written.outcome, written.facts["form"]) == ("created", "in_person")
        assert case.get(trial, "conversations", "samtale/1").facts == written.facts
        assert case.retract(trial, "conversations", "samtale/1", "duplicate").retracted
        assert [each.retracted for each in case.history(trial, "conversations", "samtale/1")] == [False, True]
        assert list(case.records(trial, "conversations")) == []


def test_figures_letter_and_panel_are_asked_for_by_name(live: Live, tmp_path: Path) -> None:
    trial = live.register.new_trial()
    person = live.register.drawn(trial)
    with live.client("agency") as agency, live.client() as case:
        weeks = case.weeks(trial, person, until="2010-W46")
        assert [each["number"] for each in weeks] == [1, 2]
        assert case.weekly_summary(trial, week="2010-W46", by="trial")["items"][0]["week"] == "2010-W46"
        assert len(case.weekly_summary(trial, week="2010-W47", since="2010-W46")["items"]) == 2
        assert case.conditions(trial, week="2010-W46")["items"][0]["week"] == "2010-W46"
        assert case.worklist(trial, week="2010-W47")["week"] == "2010-W47"
        assert case.activity_curve(trial, "conversation")["measure"] == "conversation"
        assert case.flow(trial, on=date(2010, 12, 1))["screened"] == 1
        assert case.report(trial, "data-quality")["items"] is not None
        frozen = agency.freeze_grant(trial, "849", "2010-W47")
        assert agency.freeze_grant(trial, "849", "2010-W47") == frozen
        assert [each["jobcentre"] for each in agency.grant_assessments(trial)] == ["849"]

        release = agency.record_release(trial, "Evaluation")["release_id"]
        assert [each["release_id"] for each in agency.releases(trial)] == [release]
        assert agency.panel_dictionary(trial)["tables"]
        for ending in ("json", "ndjson", "csv", "parquet"):
            assert agency.export_panel(trial, release, tmp_path / f"weeks.{ending}").stat().st_size
        assert agency.export_panel(trial, release, tmp_path / "draws.csv", table="draws").read_text().count("\n") == 2
        assert case.letter(trial, person, tmp_path / "brev.pdf").read_bytes().startswith(b"%PDF")
        file = case.person_file(trial, person)
        assert (file["trial"], file["participant"]["participant_id"]) == (trial, person)
        saved = case.save_person_file(trial, person, tmp_path / "file.json")
        assert json.loads(saved.read_text())["stored"]["cpr"] == file["stored"]["cpr"]
        page = case.save_person_file(trial, person, tmp_path / "file.html").read_text()
        assert "<table" in page
        closed = agency.close_trial(trial)
        assert closed["seed"]
    with live.client("auditor") as auditor:
        assert [each["position"] for each in auditor.draws(trial)] == [0]


def test_candidates_wait_are_drawn_or_withdrawn_and_numbers_are_corrected(live: Live) -> None:
    trial = live.register.new_trial()
    with live.client() as case:
        waiting = screening(new_cpr(), channel="supplement", unemployed_since="2010-10-01")
        person = case.screen(trial, waiting)["participant_id"]
        assert person is not None
        drawn = live.register.drawn(trial)
        assert case.correct_cpr(trial, drawn, new_cpr(), "typing_error")["status"] == "waiting"
        assert case.withdraw(trial, person, "job")["state"] == "withdrawn"


def test_records_of_any_number_are_pushed_and_what_was_refused_is_a_table(live: Live) -> None:
    trial = live.register.new_trial()
    person = live.register.drawn(trial)
    told: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        yield from talks(person, 250)
        yield {"external_id": "bad", "participant_id": person, "date": "2010-11-31", "form": "sms"}
        yield {"external_id": "far", "participant_id": person, "date": "2010-11-17", "form": "telephone"}

    with live.client() as case:
        options = PushOptions(batch_records=100, progress=lambda progress: told.append(progress.records))
        dry = case.push(trial, "conversations", rows(), PushOptions(dry_run=True))
        assert (dry.dry_run, dry.counts["created"], list(case.records(trial, "conversations"))) == (True, 251, [])
        result = case.push(trial, "conversations", rows(), options)
        assert told == [100, 200, 252]
        assert (result.received, result.counts["created"], result.counts["rejected"]) == (252, 251, 1)
        assert [(row.index, row.external_id, row.pointer, row.code) for row in result.rejected] == [
            (250, "bad", "/date", "invalid_value"),
            (250, "bad", "/form", "invalid_value"),
        ]
        assert "YYYY-MM-DD" in result.rejected[0].meaning
        assert "in_person, telephone" in result.rejected[1].meaning
        assert [(row.index, row.code) for row in result.warnings] == [(251, "remote_too_early")]
        assert result.to_csv().splitlines()[1].startswith("250,bad,rejected,/date,invalid_value,")
        assert case.batch(result.batch_ids[2])["received"] == 52
        assert len(list(case.records(trial, "conversations"))) == 251
        again = case.push(trial, "conversations", talks(person, 250), PushOptions(warnings=False))
        assert again.counts["unchanged"] == 250


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_an_answer_lost_after_the_commit_doubles_nothing_and_is_given_once_more(live: Live, lost: int) -> None:
    trial = live.register.new_trial()
    person = live.register.drawn(trial)
    network = AsOf(lambda number: number == lost)
    with Client(live.url, live.token(), retry_policy=QUICK, transport=network) as case:
        result = case.push(trial, "conversations", talks(person, 5), PushOptions(batch_records=2))
        assert result.counts["created"] == 5, "the stored report, not a second judgement"
        assert len(network.keys) == 4
        assert len(set(network.keys)) == 3
        assert network.keys[lost - 1] == network.keys[lost]
        for each in range(5):
            assert len(case.history(trial, "conversations", f"c-{each}")) == 1


def test_a_push_that_broke_off_tells_how_far_it_came_and_can_go_on(live: Live) -> None:
    trial = live.register.new_trial()
    person = live.register.drawn(trial)
    token = live.token()
    options = PushOptions(batch_records=2, run="nightly")
    network = AsOf(lambda number: number >= 2)
    retry_policy = RetryPolicy(attempts=2, first_pause=0.01)
    with (
        Client(live.url, token, retry_policy=retry_policy, transport=network) as case,
        pytest.raises(UnreachableError) as broken,
    ):
        case.push(trial, "conversations", talks(person, 5), options)
    done = broken.value.so_far
    assert isinstance(done, PushResult)
    assert done.received == 2
    with Client(live.url, token) as case:
        rest = PushOptions(batch_records=2, run="nightly", first=done.received)
        result = case.push(trial, "conversations", itertools.islice(talks(person, 5), 2, None), rest)
    assert result.counts["created"] == 3, "the second batch had been stored; its report is given once more"


def test_the_change_feed_remembers_its_place_past_what_it_has_given(live: Live) -> None:
    trial = live.register.new_trial()
    person = live.register.drawn(trial)
    with live.client() as case:
        case.push(trial, "conversations", talks(person, 3))
        feed = case.changes(trial, "conversations")
        next(iter(feed))
        assert feed.place == "0", "two of the page have not been given yet"
        assert [change.external_id for change in feed] == ["c-0", "c-1", "c-2"]
        assert list(feed) == []
        case.retract(trial, "conversations", "c-1", "duplicate", revision=2)
        later = case.changes(trial, "conversations", feed.place)
        assert [(change.external_id, change.retracted) for change in later] == [("c-1", True)]


def test_a_token_without_the_scope_is_an_error_of_its_own(live: Live) -> None:
    trial = live.register.new_trial()
    with Client(live.url, live.token("region")) as region, pytest.raises(AccessError) as caught:
        region.push(trial, "conversations", [{}])
    assert caught.value.status in (401, 403)


def test_the_async_client_does_the_same(live: Live, tmp_path: Path) -> None:
    trial = live.register.new_trial()
    cpr = new_cpr()

    async def run() -> None:
        async with AsyncClient(live.url, live.token()) as case, AsyncClient(live.url, live.token("agency")) as agency:
            person = (await case.screen(trial, screening(cpr)))["participant_id"]
            assert person is not None
            result = await case.push(trial, "conversations", talks(person, 5), PushOptions(batch_records=2))
            assert result.counts["created"] == 5
            feed = case.changes(trial, "conversations")
            assert [change.external_id async for change in feed] == [f"c-{each}" for each in range(5)]
            assert [change async for change in feed] == []
            assert len([each async for each in case.records(trial, "conversations")]) == 5
            assert (await case.weekly_summary(trial, week="2010-W46"))["items"]
            release = await agency.record_release(trial, "Evaluation")
            path = await agency.export_panel(trial, release["release_id"], tmp_path / "weeks.csv")
            assert path.read_text().startswith("person,") or path.stat().st_size > 100
            with pytest.raises(NotFoundError):
                await case.trial("nothing-of-that-name")

    asyncio.run(run())
