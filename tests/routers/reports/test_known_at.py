"""As known then (domain 5): with ``known_at`` a report gives what it gave at that moment."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.database import register_faults
from tests.register import Client, Register, faults, new_cpr, record_id

LONG_BEFORE = "1999-01-01T00:00:00Z"
REPORTS = (
    ("weekly-summary", {"week": "2011-W10", "by": "jobcentre", "from": "2010-W45"}),
    ("weekly-summary", {"week": "2011-W10", "by": "trial"}),
    ("conditions", {"week": "2011-W10"}),
)


def steps(register: Register, trial: str, system: Client) -> Iterator[str]:
    """A life of a trial, one registration at a time."""
    path = f"/v1/trials/{trial}"
    people: list[tuple[str, str]] = []
    for code in ("849", "860", "849", "860", "849"):
        cpr = new_cpr()
        people.append((register.drawn(trial, jobcentre=code, cpr=cpr), cpr))
        yield "draw"
    (anna, number), (bo, _), (carl, _), *_ = people

    def put(of_kind: str, external_id: str, participant: str, /, **facts: Any) -> str:
        answer = system.put(f"{path}/{of_kind}/{external_id}", {"participant_id": participant, **facts})
        assert answer.status_code in (200, 201), answer.text
        return f"{of_kind} {external_id}"

    for participant, _ in people:
        for day in ("2010-11-16", "2010-11-23", "2011-01-11"):
            yield put("conversations", record_id(), participant, date=day)
    work = {"type": "work_placement_public", "starts_on": "2010-12-06", "hours_per_week": 15, "mentor": "assigned"}
    yield put("activations", "spell", anna, **work)
    yield put("activations", "spell", anna, **{**work, "hours_per_week": 8})
    yield put("presence-events", "exit", bo, kind="exit", date="2010-12-13", reason="job")
    yield put("presence-events", "back", bo, kind="re_entry", date="2011-01-10")
    yield put("exemptions", "ill", carl, scope="both", ground="illness", starts_on="2010-12-06", ends_on="2011-01-09")
    yield put("conversations", "moved", anna, date="2010-12-01", revision=1)
    yield put("conversations", "moved", carl, date="2010-12-01", revision=2)
    assert system.delete(f"{path}/presence-events/exit").status_code == 200
    yield "retraction"
    yield put("presence-events", "exit", bo, kind="exit", date="2010-12-20", reason="education", revision=1)
    again = register.drawn(trial, jobcentre="860")
    yield put("conversations", record_id(), again, date="2010-11-30")
    yield put("activations", "other", again, **work)
    register.correct(trial, again, number)
    yield "duplicate"
    handover = {"jobcentre": "849", "from_client": "everywhere", "to_client": "new"}
    assert register.client("agency").post(f"{path}/handovers", handover).status_code == 200
    yield "handover"
    yield put("conversations", record_id(), carl, date="2011-02-01")


def figures(client: Client, trial: str, name: str, parameters: dict[str, str], **more: str) -> tuple[str | None, Any]:
    answer = client.get(f"/v1/trials/{trial}/{name}", **parameters, **more)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    return report["watermark"], report["items"]


def test_every_earlier_report_can_be_had_again(fresh_register: Register) -> None:
    """After each registration by everyone who may ask; later, with the watermark that it stated."""
    register = fresh_register
    trial = register.new_trial()
    system = register.case_system(client_id="everywhere")
    askers = {
        "agency": register.client("agency"),
        "region": register.client("region", regions=["nord"]),
        "jobcentre": register.case_system("849"),
    }
    said: list[tuple[str, str, str, dict[str, str], str | None, Any]] = []
    for step in steps(register, trial, system):
        for who, client in askers.items():
            for name, parameters in REPORTS:
                if who == "agency" or (name, parameters) == REPORTS[0]:
                    said.append((step, who, name, parameters, *figures(client, trial, name, parameters)))
    assert register_faults(register) == []
    moments = [mark for _, who, *_, mark, _ in said if who == "agency"]
    assert moments == sorted(moments, key=str)
    for step, who, name, parameters, watermark, items in said:
        if watermark is not None:
            then = figures(askers[who], trial, name, parameters, known_at=watermark)
            assert then[1] == items, (step, who, name)
            assert then[0] == watermark


def test_before_everything_and_in_the_future(register: Register) -> None:
    trial = register.new_trial()
    system = register.case_system()
    agency = register.client("agency")
    for _ in steps(register, trial, register.case_system(client_id="everywhere")):
        pass
    for name, parameters in REPORTS:
        now = agency.get(f"/v1/trials/{trial}/{name}", **parameters).json()
        later = agency.get(f"/v1/trials/{trial}/{name}", **parameters, known_at="2190-01-01T00:00:00Z").json()
        assert {**later, "sources": None} == {**now, "sources": None}
        early = agency.get(f"/v1/trials/{trial}/{name}", **parameters, known_at=LONG_BEFORE)
        assert early.status_code == 422, "the week was not over then, and had not begun"
        assert faults(early.json()) == [("/query/week", "date_in_future")]
        assert system.get(f"/v1/trials/{trial}/{name}", known_at="2012-05-01T00:00:00Z").json()["items"] is not None
    for wrong in ("yesterday", "2011-01", "2011-01-01T00:00:00"):
        answer = agency.get(f"/v1/trials/{trial}/weekly-summary", known_at=wrong)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/known_at")


@pytest.mark.slow
def test_the_watermark_is_exact_while_everybody_writes(fresh_register: Register) -> None:
    """What was said under writes to three jobcentres at once is what the versions say of its watermark."""
    register = fresh_register
    trial = register.new_trial()
    people = [register.drawn(trial, jobcentre=code) for code in ("849", "860", "450") * 2]
    stop = threading.Event()

    def write(number: int) -> None:
        system = register.case_system(client_id=f"writer-{number}")
        day = 0
        while not stop.is_set():
            day += 1
            several = [people[number % 6], people[(number + 1) % 6]][:: 1 if day % 2 else -1]
            records = [
                {"external_id": record_id(), "participant_id": each, "date": f"2010-{11 + day % 2}-{16 + day % 12}"}
                for each in several
            ]
            system.push(trial, "conversations", records)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    askers = [register.client("agency"), register.client("region", regions=["nord"]), register.case_system("450")]
    for writer in writers:
        writer.start()
    said = []
    try:
        for _ in range(4):
            for client in askers:
                for name, parameters in (REPORTS[0], REPORTS[2]):
                    said.append((client, name, parameters, *figures(client, trial, name, parameters)))
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    for client, name, parameters, watermark, items in said:
        assert watermark is not None
        assert figures(client, trial, name, parameters, known_at=watermark) == (watermark, items)
    assert register_faults(register) == []
