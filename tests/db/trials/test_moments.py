"""Moments of registration (domain 2): what was told as known stays so, whatever clocks do."""

import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clocks import HOUR, YEAR, Clocks
from tests.database import query, register_faults
from tests.register import Client, Register, record_id
from tests.thorough import few_or_many

CODES = ("849", "860", "450")
REPORTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("weekly-summary", {"from": "2010-W45", "week": "2011-W20", "by": "jobcentre"}),
    ("weekly-summary", {"from": "2010-W45", "week": "2011-W20", "by": "trial"}),
    ("conditions", {"week": "2011-W20"}),
    ("activity-curve", {}),
    ("flow", {}),
    ("effects", {}),
)
_days = itertools.cycle(range(9, 26))


@dataclass
class Place:
    """A trial with people, and what answers said of it."""

    register: Register
    clocks: Clocks
    trial: str
    people: dict[str, str]
    told: list[tuple[Client, str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    releases: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/v1/trials/{self.trial}"

    def put(self, code: str) -> int:
        day = f"2010-11-{next(_days):02d}"
        record = {"participant_id": self.people[code], "date": day}
        path = f"{self.path}/conversations/{record_id()}"
        return self.register.case_system().put(path, record).status_code

    def push(self, *codes: str) -> None:
        talks = [{"external_id": record_id(), "participant_id": self.people[c], "date": "2010-11-30"} for c in codes]
        self.register.case_system().push(self.trial, "conversations", talks)

    def screen_ineligible(self, code: str) -> None:
        assert not self.register.screen(self.trial, jobcentre=code, match_group=1)["eligible"]

    def ask(self, client: Client, name: str, parameters: dict[str, str], **more: Any) -> dict[str, Any]:
        answer = client.get(f"{self.path}/{name}", **parameters, **more)
        assert answer.status_code == 200, answer.text
        report: dict[str, Any] = answer.json()
        for changing in ("sources", "moments_ahead"):  # by receipt, unchanged records included; by the clock
            report.pop(changing, None)
        return report

    def report(self) -> None:
        """Asks everything, and remembers it."""
        agency, jobcentre = self.register.client("agency"), self.register.case_system("849")
        for name, parameters in REPORTS:
            for client in (agency, jobcentre):
                if client is agency or (name != "effects" and parameters.get("by") != "trial"):
                    self.told.append((client, name, parameters, self.ask(client, name, parameters)))

    def release(self) -> None:
        evaluator = self.register.client("evaluator")
        answer = evaluator.post(f"{self.path}/releases", {"purpose": "test"}).json()
        summary = self.ask(self.register.client("agency"), *REPORTS[1])
        held = sum(sum(row["forms"].values()) for row in summary["items"])
        assert summary["watermark"] == answer["watermark"]
        assert self.conversations_of(answer["release_id"]) == held, "the release holds what the report holds"
        self.releases.append((answer["release_id"], answer["watermark"], held))

    def conversations_of(self, release: str) -> int:
        rows = self.register.client("evaluator").get(f"{self.path}/person-weeks", release=release).json()["items"]
        return sum(row["conversations"] for row in rows)

    def check(self) -> None:
        """What was told is told again."""
        for client, name, parameters, report in self.told:
            if report["watermark"] is not None:
                again = self.ask(client, name, parameters, known_at=report["watermark"])
                assert again == report, (name, parameters)
        for release, watermark, held in self.releases:
            assert self.conversations_of(release) == held
            summary = self.ask(self.register.client("agency"), *REPORTS[1], known_at=watermark)
            assert sum(sum(row["forms"].values()) for row in summary["items"]) == held

    def last_registrations(self) -> dict[str, datetime]:
        rows = query(
            self.register.database_url,
            "select jobcentre_code, last_registered_at from stratum where trial_id = $1",
            arguments=[self.trial],
        )
        return {row["jobcentre_code"]: row["last_registered_at"] for row in rows}

    def floor(self) -> tuple[datetime, str]:
        """The floor, and the version of its row."""
        (row,) = query(
            self.register.database_url,
            "select watermark_floor, xmin::text as version from trial where id = $1",
            arguments=[self.trial],
        )
        return row["watermark_floor"], row["version"]


@pytest.fixture(scope="module")
def moments_register(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    with Register(new_database(), tmp_path_factory.mktemp("moments")) as register:
        yield register


@pytest.fixture
def place(moments_register: Register, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    clocks = Clocks(moments_register.database_url, monkeypatch)
    yield new_place(moments_register, clocks)
    clocks.set(timedelta())
    clocks.accept()


def new_place(register: Register, clocks: Clocks) -> Place:
    clocks.set(timedelta())
    clocks.accept()
    trial = register.new_trial()
    return Place(register, clocks, trial, {code: register.drawn(trial, jobcentre=code) for code in CODES})


def test_an_hour_back_changes_nothing_that_was_told(place: Place) -> None:
    place.push(*CODES)
    place.report()
    place.release()
    place.clocks.set(-HOUR)
    place.clocks.accept()
    for code in CODES:
        assert place.put(code) == 201
        place.screen_ineligible(code)
    place.report()
    place.release()
    place.check()
    assert register_faults(place.register) == []


def test_a_frozen_assessment_rests_on_the_records_of_its_watermark(place: Place) -> None:
    """Domain 2: a report and a frozen assessment of one watermark, also of one stated before the clock went back."""
    agency, week = place.register.client("agency"), {"week": "2011-W20"}
    while (drawn := place.register.screen(place.trial, jobcentre="849"))["assignment"]["arm"] != "treatment":
        pass
    place.people["849"] = drawn["participant_id"]
    place.push(*CODES)
    frozen = agency.post(f"{place.path}/grant-assessments", {"jobcentre": "849", **week})
    assert frozen.status_code == 201, frozen.text
    place.clocks.set(-HOUR)
    place.clocks.accept()
    later = {"external_id": record_id(), "participant_id": place.people["849"], "date": "2010-12-07"}
    place.register.case_system().push(place.trial, "conversations", [later])
    stated = frozen.json()["watermark"]
    items = place.ask(agency, "conditions", week, known_at=stated)["items"]
    (then,) = [item for item in items if "849" in str(item.get("group", item))]
    again = agency.post(f"{place.path}/grant-assessments", {"jobcentre": "849", **week}).json()
    assert then == again["frozen"], (then, again["frozen"])
    assert again["frozen"] == frozen.json()["frozen"]
    assert again["today"] != again["frozen"], "the later record is in today's figures alone"


def test_the_moment_lies_above_a_watermark_told_for_another_jobcentre_too(place: Place) -> None:
    """849 was told of in a report of the trial, whose watermark is that of a later registration in 860."""
    place.put("849")
    place.put("860")
    before = place.ask(place.register.client("agency"), *REPORTS[1])
    place.clocks.set(-HOUR)
    place.clocks.accept()
    assert place.put("849") == 201
    assert place.last_registrations()["849"] > datetime.fromisoformat(before["watermark"])
    assert place.ask(place.register.client("agency"), *REPORTS[1], known_at=before["watermark"]) == before


def test_ahead_and_back_registrations_go_on_a_microsecond_at_a_time(place: Place) -> None:
    place.clocks.set(10 * YEAR)
    place.clocks.accept()
    place.push("849")
    place.report()
    place.release()
    place.clocks.set(timedelta())
    place.clocks.accept()
    ahead, _ = place.floor()
    assert ahead > place.last_registrations()["849"] > place.last_registrations()["860"] + 9 * YEAR
    for _ in range(2):
        place.push(*CODES)
        ahead += timedelta(microseconds=1)
        assert set(place.last_registrations().values()) == {ahead}
    place.report()
    place.release()
    place.check()


def test_moments_ahead_are_said_until_the_clock_has_passed_them(place: Place) -> None:
    def said() -> tuple[bool, bool, bool]:
        agency = place.register.client("agency")
        summary = agency.get(f"{place.path}/weekly-summary").json()
        curve = agency.get(f"{place.path}/activity-curve").json()
        ready = place.register.http.get("/readyz").json()
        return summary["moments_ahead"], curve["moments_ahead"], ready["moments_ahead"]

    place.push("849")
    assert said()[:2] == (False, False)
    place.clocks.set(-HOUR)
    assert said() == (True, True, True)
    place.clocks.set(timedelta())
    assert said()[:2] == (False, False)


def test_a_report_that_finds_no_later_moment_writes_nothing(place: Place) -> None:
    place.push("849")
    place.report()
    before = place.floor()
    assert before[0] == max(place.last_registrations().values())
    place.report()
    place.check()
    assert place.floor() == before


def test_what_registers_in_no_jobcentre_raises_the_floor(place: Place) -> None:
    """A screening in a jobcentre outside the trial is in the trial's flow."""
    place.report()
    path = f"{place.path}/participants"
    answer = place.register.case_system().post(path, place.register.screening(jobcentre="101"))
    assert [failure["code"] for failure in answer.json()["failures"]] == ["unknown_jobcentre"]
    place.report()
    place.clocks.set(-HOUR)
    place.clocks.accept()
    answer = place.register.case_system().post(path, place.register.screening(jobcentre="101"))
    assert answer.status_code == 201
    place.push("849")
    place.check()
    flows = [report["screened"] for client, name, _, report in place.told if name == "flow"]
    assert 4 in flows


def test_every_write_rises_above_the_floor_and_above_the_one_before(place: Place) -> None:
    """Screening, draw, records, contact person, correction, decision, handover, closing, each with a clock set back."""
    register, system = place.register, place.register.case_system()
    participant = place.people["849"]
    path = f"{place.path}/participants/{participant}"

    def correct() -> None:
        cpr = register.screening()["cpr"]
        assert system.post(f"{path}/cpr", {"cpr": cpr, "reason": "typing_error"}).status_code == 202

    def decide() -> None:
        registrar = register.client("registrar")
        waiting = registrar.get(f"{place.path}/cpr-corrections", status="waiting").json()["items"][0]
        address = f"{place.path}/cpr-corrections/{waiting['id']}"
        etag = registrar.get(address).headers["etag"]
        body = {"decision": "refused", "reason": "not_plausible"}
        decided = registrar.request("POST", f"{address}/decision", json=body, headers={"If-Match": etag})
        assert decided.status_code == 200, decided.text

    handover = {"jobcentre": "849", "from_client": "case-system", "to_client": "new"}
    agency = register.client("agency")
    steps: list[Callable[[], Any]] = [
        lambda: place.push("849"),
        lambda: place.put("849"),
        lambda: place.screen_ineligible("849"),
        lambda: register.drawn(place.trial),
        lambda: system.patch(path, {"contact_person": "Anna"}),
        correct,
        lambda: system.delete(f"{path}/cpr"),
        correct,
        decide,
        correct,
        lambda: agency.post(f"{place.path}/handovers", handover),
        lambda: agency.post(f"{place.path}/close"),
    ]
    for back, step in enumerate(steps, 1):
        place.report()
        before = place.last_registrations()["849"], place.floor()[0]
        place.clocks.set(-back * HOUR)
        place.clocks.accept()
        step()
        assert place.last_registrations()["849"] > max(before), back
    place.report()
    place.check()


STEPS = ("push", "put", "ineligible", "draw", "report", "release", "true", "back", "forward", "ahead")


@few_or_many(4)
def test_any_sequence(moments_register: Register, monkeypatch: pytest.MonkeyPatch, examples: int) -> None:
    clocks = Clocks(moments_register.database_url, monkeypatch)
    now = {"true": timedelta(), "back": -HOUR, "forward": 24 * HOUR, "ahead": 10 * YEAR}

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(CODES)), min_size=4, max_size=12))
    def run(steps: list[tuple[str, str]]) -> None:
        place = new_place(moments_register, clocks)
        for step, code in steps:
            if step in now:
                clocks.set(now[step])
                clocks.accept()
            elif step == "push":
                place.push(code, "849")
            elif step == "put":
                assert place.put(code) == 201
            elif step == "ineligible":
                place.screen_ineligible(code)
            elif step == "draw":
                moments_register.drawn(place.trial, jobcentre=code)
            else:
                place.report() if step == "report" else place.release()
        place.report()
        place.push(*CODES)
        place.check()

    run()
    clocks.set(timedelta())
    clocks.accept()


def test_reports_beside_writes_while_the_clock_goes_back(place: Place) -> None:
    """Each report beside running writes is told again with its watermark afterwards."""
    agency = place.register.client("agency")

    def write(code: str) -> None:
        for _ in range(8):
            place.push(code)

    def ask() -> list[dict[str, Any]]:
        return [place.ask(agency, *REPORTS[1]) for _ in range(8)]

    with ThreadPoolExecutor(5) as pool:
        for back in (timedelta(seconds=-2), timedelta(seconds=-4)):
            writers = [pool.submit(write, code) for code in CODES]
            askers = [pool.submit(ask) for _ in range(2)]
            place.clocks.set_database(back)
            for writer in writers:
                writer.result()
            for report in itertools.chain.from_iterable(asker.result() for asker in askers):
                place.told.append((agency, *REPORTS[1], report))
    assert len({report["watermark"] for *_, report in place.told}) > 2
    place.check()


# --- unreliable clocks ------------------------------------------------------------------------------------------------


def test_nothing_is_registered_after_a_step_until_the_clock_is_back_or_accepted(place: Place) -> None:
    """A minute is allowed for; reports go on; the acceptance is in the trail."""
    place.clocks.set(timedelta(seconds=50))
    assert place.put("849") == 201
    for ahead in (timedelta(seconds=70), timedelta(seconds=-70)):
        place.clocks.set(ahead)
        refused = place.register.case_system().post(f"{place.path}/participants", place.register.screening())
        assert (refused.status_code, refused.json()["code"]) == (503, "clock_unreliable")
        assert refused.headers["Retry-After"] == "60"
        assert place.put("849") == 503
        assert place.register.client("agency").post(f"{place.path}/close").status_code == 503
        place.report()
    place.clocks.set(timedelta())
    assert place.put("849") == 201
    place.clocks.set(-HOUR)
    assert place.put("849") == 503
    place.clocks.accept()
    assert place.put("849") == 201
    entries = query(
        place.register.database_url, "select details from audit_entry where action = 'clock.accepted' order by position"
    )
    assert json.loads(entries[-1]["details"])["step_seconds"] in (-3600, -3599)


@pytest.mark.parametrize("apart", [7, -7])
def test_clocks_apart_register_nothing_until_they_have_agreed_for_a_minute(place: Place, apart: int) -> None:
    clocks = place.clocks
    clocks.set_database(timedelta(seconds=4))
    assert place.put("849") == 201
    clocks.set_database(timedelta(seconds=apart))
    assert place.put("849") == 503
    clocks.set_database(timedelta())
    assert place.put("849") == 503
    clocks.pass_time(40)
    clocks.set_database(timedelta(seconds=40))
    assert place.put("849") == 503
    clocks.pass_time(21)
    clocks.set_database(timedelta(seconds=61))
    assert place.put("849") == 201


def test_a_new_boot_starts_anew(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.clocks.set(-HOUR)
    assert place.put("849") == 503
    monkeypatch.setattr("app.db.core.host_clock.HOST_CLOCK.boot", record_id())
    assert place.put("849") == 201


def test_batches_and_retractions_say_so_too(place: Place) -> None:
    place.clocks.set(2 * HOUR)
    batch = {"records": [{"external_id": "x", "participant_id": place.people["849"], "date": "2010-11-15"}]}
    answer = place.register.case_system().post(f"{place.path}/conversations/batch", batch)
    assert (answer.status_code, answer.json()["code"]) == (503, "clock_unreliable")
    answer = place.register.case_system().delete(f"{place.path}/conversations/x", retraction_reason="entered_in_error")
    assert answer.status_code == 503
