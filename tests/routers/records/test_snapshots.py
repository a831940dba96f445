"""Register extracts replace what the same client sent before (issue 4, 8)."""

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from tests.database import register_faults
from tests.register import Client, Register, faults, new_cpr, record_id

QUARTER = {"from": "2011-01-01", "to": "2011-03-31"}


@dataclass
class Place:
    """A trial with people in 849 and a register integration."""

    register: Register
    trial: str
    people: list[str]
    amfora: Client

    def send(self, records: list[Any], client: Client | None = None, *, span: Any = QUARTER, **parameters: Any) -> Any:
        body = {"jobcentre": "849", **span, "records": records}
        path = f"/v1/trials/{self.trial}/activations/snapshot"
        return (client or self.amfora).post(path, body, **parameters)

    def report(self, records: list[Any], **parameters: Any) -> dict[str, Any]:
        response = self.send(records, **parameters)
        assert response.status_code == 207, response.text
        found: dict[str, Any] = response.json()
        return found

    def counts(self, records: list[Any], **parameters: Any) -> dict[str, int]:
        """The outcomes that occurred."""
        return {name: n for name, n in self.report(records, **parameters)["counts"].items() if n}

    def stored(self, client: str = "amfora") -> list[dict[str, Any]]:
        listed = self.register.sender().get(f"/v1/trials/{self.trial}/activations", client_id=client, limit=1000)
        found: list[dict[str, Any]] = listed.json()["items"]
        return found


@pytest.fixture
def place(register: Register) -> Place:
    trial = register.new_trial()
    people = [register.drawn(trial) for _ in range(3)]
    return Place(register, trial, people, register.client("register", client_id="amfora", jobcentres=["849"]))


def spell(participant: str, starts_on: str = "2011-01-03", **changes: Any) -> dict[str, Any]:
    record = {"participant_id": participant, "type": "work_placement_public", "starts_on": starts_on}
    return {**record, "hours_per_week": 15, **changes}


def test_the_next_file_creates_updates_and_retracts(place: Place) -> None:
    anna, bent, carl = place.people
    first = [spell(anna), spell(anna, "2011-02-01", type="other_offer"), spell(bent)]
    assert place.counts(first) == {"created": 3}
    assert place.counts(first) == {"unchanged": 3}
    second = [spell(anna, hours_per_week=20, ends_on="2011-01-31"), spell(bent), spell(carl)]
    report = place.report(second, report="full")
    assert {name: n for name, n in report["counts"].items() if n} == {
        "created": 1,
        "updated": 1,
        "unchanged": 1,
        "retracted": 1,
    }
    assert report["received"] == 3
    assert [each["index"] for each in report["results"]] == [0, 1, 2, None]
    shown = {(each["participant_id"], each["hours_per_week"], each["ends_on"]) for each in place.stored()}
    assert shown == {(anna, 20.0, "2011-01-31"), (bent, 15.0, None), (carl, 15.0, None)}
    assert register_faults(place.register) == []


def test_the_report_can_be_asked_for_later(place: Place) -> None:
    report = place.report([spell(place.people[0])])
    assert place.amfora.get(f"/v1/batches/{report['batch_id']}").json() == report


def test_what_is_gone_is_listed_with_its_id(place: Place) -> None:
    place.report([spell(place.people[0])])
    ((external_id,),) = [[each["external_id"] for each in place.stored()]]
    report = place.report([], accept_removals=1)
    assert report["received"] == 0
    assert report["results"] == [{"index": None, "external_id": external_id, "outcome": "retracted"}]
    history = place.amfora.get(f"/v1/trials/{place.trial}/activations/{external_id}/history").json()["items"]
    assert [each["retraction_reason"] for each in history] == [None, "entered_in_error"]


def test_what_comes_back_is_the_same_record(place: Place) -> None:
    file = [spell(place.people[0])]
    place.report(file)
    before = place.stored()
    assert place.counts([], accept_removals=1) == {"retracted": 1}
    assert place.counts(file) == {"updated": 1}
    assert [each["external_id"] for each in place.stored()] == [each["external_id"] for each in before]


def test_a_dry_run_shows_the_difference(place: Place) -> None:
    place.report([spell(place.people[0])])
    before = place.stored()
    told = place.report([spell(place.people[1])], dry_run=True, report="full")
    assert (told["committed"], told["batch_id"]) == (False, None)
    assert [(each["index"], each["outcome"]) for each in told["results"]] == [(0, "created"), (None, "retracted")]
    assert place.stored() == before
    assert place.counts([spell(place.people[1])], accept_removals=1) == {"created": 1, "retracted": 1}


def test_by_cpr_number_or_by_id_it_is_the_same_spell(place: Place) -> None:
    """The id comes from the participant, not from how the file names them; under the corrected number it comes back."""
    cpr, corrected = new_cpr(), new_cpr()
    system = place.register.sender()
    body = place.register.screening(cpr=cpr)
    anna = system.post(f"/v1/trials/{place.trial}/participants", body).json()["participant_id"]
    by_cpr = {name: value for name, value in spell(anna).items() if name != "participant_id"}
    assert place.counts([{**by_cpr, "cpr": cpr}]) == {"created": 1}
    assert place.counts([spell(anna)]) == {"unchanged": 1}
    place.register.correct(place.trial, anna, corrected)
    assert place.counts([{**by_cpr, "cpr": corrected}]) == {"updated": 1}


def test_a_duplicate_s_spells_stay_when_the_person_is_known_to_be_one(place: Place) -> None:
    system = place.register.sender()
    cpr = new_cpr()
    path = f"/v1/trials/{place.trial}/participants"
    earlier = system.post(path, place.register.screening(cpr=cpr)).json()["participant_id"]
    later = place.register.drawn(place.trial)
    place.report([spell(later)])
    place.register.correct(place.trial, later, cpr)
    assert place.counts([spell(earlier)]) == {"unchanged": 1}
    assert place.counts([spell(later)]) == {"unchanged": 1}
    assert register_faults(place.register) == []


def test_several_alike_in_one_file(place: Place) -> None:
    anna = place.people[0]
    twice = [spell(anna), spell(anna, hours_per_week=5)]
    assert place.counts(twice) == {"created": 2}
    assert place.counts(twice[::-1]) == {"unchanged": 2}
    assert place.counts([*twice, spell(anna)]) == {"unchanged": 3}, "identical lines are one spell"
    assert place.counts(twice[1:]) == {"unchanged": 1, "retracted": 1}


def test_only_the_span_the_jobcentre_and_the_client_are_replaced(place: Place) -> None:
    anna = place.people[0]
    place.report([spell(anna, "2010-12-31")], span={"from": "2010-10-01", "to": "2010-12-31"})
    place.report([spell(anna, "2011-04-01")], span={"from": "2011-04-01", "to": "2011-06-30"})
    everywhere = place.register.client("register", client_id="amfora")
    hans = place.register.drawn(place.trial, jobcentre="860")
    elsewhere = {"jobcentre": "860", **QUARTER, "records": [spell(hans)]}
    path = f"/v1/trials/{place.trial}/activations/snapshot"
    assert everywhere.post(path, elsewhere).json()["counts"]["created"] == 1
    other = place.register.client("register", client_id="other")
    place.report([spell(anna)], client=other)
    place.report([spell(anna, "2011-01-01"), spell(anna, "2011-03-31")])
    assert place.counts([], accept_removals=2) == {"retracted": 2}, "first and last day included"
    assert sorted(each["starts_on"] for each in place.stored()) == ["2010-12-31", "2011-01-03", "2011-04-01"]
    assert len(place.stored("other")) == 1


def test_what_was_sent_in_batches_is_replaced_too(place: Place) -> None:
    """Issue 4, 8: what the same client delivered for spells starting in that span, in whatever way."""
    anna, bent, _ = place.people
    batch = [
        {"external_id": "plain", **spell(anna)},
        {"external_id": "revised", "revision": 3, **spell(bent)},
        {"external_id": "gone", "revision": 7, **spell(bent, "2011-02-01")},
        {"external_id": "same", "revision": 2, **spell(anna, "2011-03-01")},
    ]
    place.amfora.push(place.trial, "activations", batch)
    file = [spell(anna, hours_per_week=20), spell(bent, hours_per_week=21), spell(anna, "2011-03-01")]
    assert place.counts(file) == {"updated": 2, "unchanged": 1, "retracted": 1}
    shown = {each["external_id"]: (each["hours_per_week"], each["revision"]) for each in place.stored()}
    assert shown == {"plain": (20.0, None), "revised": (21.0, 4), "same": (15.0, 2)}


@pytest.mark.parametrize(
    ("faulty", "pointer", "code"),
    [
        ({"hours_per_week": 61}, "/hours_per_week", "hours_out_of_range"),
        ({"starts_on": "2011-04-01"}, "/starts_on", "outside_span"),
        ({"ends_on": "2010-12-31"}, "/ends_on", "ends_before_start"),
    ],
)
def test_what_a_rule_refuses_takes_nothing_of_its_person_back(
    place: Place, faulty: dict[str, Any], pointer: str, code: str
) -> None:
    anna, bent, _ = place.people
    place.report([spell(anna), spell(anna, "2011-02-01"), spell(bent)])
    report = place.report([spell(anna, **faulty) | faulty], accept_removals=1)
    (rejected, retracted) = report["results"]
    assert faults(rejected) == [(f"/records/0{pointer}", code)]
    assert retracted["outcome"] == "retracted"
    assert Counter(each["participant_id"] for each in place.stored()) == {anna: 2}


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("faulty", "pointer", "code"),
    [
        ({"starts_on": "2011-02-30"}, "/starts_on", "invalid_value"),
        ({"type": "nap"}, "/type", "invalid_value"),
        ({"hours_per_week": "?"}, "/hours_per_week", "invalid_value"),
        ({"external_id": "mine"}, "", "unknown_field"),
        ({"revision": 1}, "", "unknown_field"),
        ({"retracted": True}, "", "unknown_field"),
        ({"colour": "red"}, "", "unknown_field"),
        ({"participant_id": None}, "/participant_id", "missing_field"),
        ({"participant_id": None, "cpr": "101585000"}, "/cpr", "invalid_cpr"),
        ({"participant_id": "?"}, "/participant_id", "invalid_value"),
        ({"participant_id": None, "hours_per_week": 61}, "/participant_id", "missing_field"),
    ],
)
def test_a_line_that_cannot_be_read_holds_everything_back(
    place: Place, faulty: dict[str, Any], pointer: str, code: str, dry_run: bool
) -> None:
    """Wild.md A3, A4: it may be any spell. The report says what would have been."""
    anna, bent, carl = place.people
    place.report([spell(anna), spell(bent), spell(carl)])
    before = place.stored()
    new = [
        spell(anna, hours_per_week=20),
        spell(bent, "2011-02-01"),
        spell(bent),
        {**spell(anna, "2011-03-01"), **faulty},
    ]
    report = place.report(new, dry_run=dry_run)
    assert (report["committed"], report["unreadable"]) == (False, 1)
    assert "unreadable_line" in report["held_back"]
    rejected = next(result for result in report["results"] if result["index"] == 3)
    assert (f"/records/3{pointer}", code) in faults(rejected)
    counts = report["counts"]
    assert (counts["created"], counts["updated"], counts["rejected"], counts["retracted"]) == (1, 1, 1, 1)
    assert (report["stored"], report["removed"]) == (3, 1)
    assert place.stored() == before


def test_a_line_that_is_no_record_holds_everything_back(place: Place) -> None:
    place.report([spell(place.people[0])])
    before = place.stored()
    report = place.report(["nothing", spell(place.people[1])], accept_removals=9)
    assert (report["committed"], report["held_back"]) == (False, ["unreadable_line"])
    assert place.stored() == before


@pytest.mark.parametrize(
    ("stored", "missing", "parameters", "held_back"),
    [
        (10, 1, {}, []),
        (10, 2, {}, ["too_many_removals"]),
        (19, 1, {}, []),
        (19, 2, {}, ["too_many_removals"]),
        (20, 2, {}, []),
        (2, 1, {}, []),
        (10, 2, {"accept_removals": 2}, []),
        (10, 3, {"accept_removals": 2}, ["too_many_removals"]),
        (10, 1, {"accept_removals": 0}, ["too_many_removals"]),
        (10, 10, {"accept_removals": 10}, []),
        (1, 1, {}, ["person_without_spells"]),
        (10, 10, {}, ["too_many_removals", "person_without_spells"]),
    ],
)
def test_removals_have_a_limit(
    place: Place, stored: int, missing: int, parameters: dict[str, int], held_back: list[str]
) -> None:
    """Wild.md A4: a tenth, rounded down, at least one, and nobody's every spell; a number lifts both."""
    file = [spell(place.people[0], f"2011-01-{day:02d}") for day in range(1, stored + 1)]
    place.report(file)
    judged = place.report(file[missing:], dry_run=True, **parameters)
    report = place.report(file[missing:], **parameters)
    for each in (judged, report):
        assert (each["held_back"], each["stored"], each["removed"]) == (held_back, stored, missing)
        assert each["counts"]["retracted"] == missing
    assert report["committed"] is not bool(held_back)
    assert len(place.stored()) == stored - (0 if held_back else missing)


def test_somebody_under_a_number_that_is_not_known_loses_nothing_in_silence(place: Place) -> None:
    """Wild.md A13: the register knows somebody under a new number, so all spells of the old one are missing."""
    anna, bent, _ = place.people
    file = [spell(anna, f"2011-01-{day:02d}") for day in range(1, 12)]
    place.report([*file, spell(bent)])
    stranger = {name: value for name, value in spell(bent).items() if name != "participant_id"}
    report = place.report([*file, {**stranger, "cpr": new_cpr()}])
    assert (report["held_back"], report["people_without_spells"]) == (["person_without_spells"], 1)
    assert len(place.stored()) == 12


def test_a_spell_with_the_same_start_is_changed_and_not_taken_back(place: Place) -> None:
    file = [spell(each) for each in place.people]
    place.report(file)
    report = place.report([{**each, "type": "other_offer"} for each in file])
    assert (report["held_back"], report["removed"], report["counts"]["retracted"]) == ([], 0, 3)
    assert {each["type"] for each in place.stored()} == {"other_offer"}


def test_identical_lines_are_one_spell_however_their_person_is_named(place: Place) -> None:
    """Wild.md A5, A34."""
    cpr = new_cpr()
    anna = place.register.drawn(place.trial, cpr=cpr)
    by_cpr = {name: value for name, value in spell(anna).items() if name != "participant_id"}
    lines = [spell(anna), {**by_cpr, "cpr": cpr}, {**by_cpr, "cpr": f"{cpr[:6]}-{cpr[6:]}"}, spell(anna, ends_on=None)]
    report = place.report(lines)
    assert (report["counts"]["created"], report["counts"]["unchanged"]) == (1, 3)
    warned = [each["index"] for each in report["results"] if "identical_line" in each["warnings"]]
    assert warned == [1, 2, 3]
    assert len(place.stored()) == 1
    changed = [{**each, "hours_per_week": 20} for each in lines]
    assert place.counts(changed) == {"updated": 1, "unchanged": 3}
    assert [each["hours_per_week"] for each in place.stored()] == [20.0]
    assert register_faults(place.register) == []


def test_whom_the_trial_does_not_know(place: Place) -> None:
    """Api.md: a normal outcome for a register; it holds nothing back."""
    place.report([spell(place.people[0])])
    stranger = {name: value for name, value in spell("").items() if name != "participant_id"}
    report = place.report([spell(place.people[0]), {**stranger, "cpr": new_cpr()}])
    assert (report["committed"], report["held_back"]) == (True, [])
    assert [each["errors"][0]["code"] for each in report["results"]] == ["unknown_participant"]


def test_people_of_other_jobcentres(place: Place) -> None:
    """Of a jobcentre that is the client's too it is told; of another one nothing is."""
    hans = place.register.drawn(place.trial, jobcentre="860")
    both = place.register.client("register", client_id="both", jobcentres=["849", "860"])
    codes = [
        place.report([spell(hans)], client=client)["results"][0]["errors"][0]["code"] for client in (both, place.amfora)
    ]
    assert codes == ["other_jobcentre", "unknown_participant"]


def test_a_candidate_is_not_drawn(place: Place) -> None:
    waiting = place.register.screen(place.trial, channel="supplement", unemployed_since="2010-11-01")["participant_id"]
    assert place.report([spell(waiting)])["results"][0]["errors"][0]["code"] == "not_drawn"


def test_all_or_nothing(place: Place) -> None:
    anna = place.people[0]
    place.report([spell(anna)])
    before = place.stored()
    assert place.report([spell(anna, "2011-01-04"), "nothing"], atomic=True)["committed"] is False
    assert place.stored() == before


def test_the_same_request_gets_the_same_report(place: Place) -> None:
    path = f"/v1/trials/{place.trial}/activations/snapshot"
    body = {"jobcentre": "849", **QUARTER, "records": [spell(place.people[0])]}
    key = {"Idempotency-Key": record_id()}
    reports = [place.amfora.request("POST", path, json=body, headers=key).json() for _ in range(2)]
    assert reports[0] == reports[1]
    other = place.amfora.request("POST", path, json={**body, "records": []}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_a_trial_that_refuses(register: Register) -> None:
    """Domain 4.8: refused as in a batch; the record that it would have changed stays as it is."""
    trial = register.new_trial(enforcement="refuse")
    place = Place(register, trial, [register.drawn(trial)], register.client("register", client_id="amfora"))
    place.report([spell(place.people[0])])
    report = place.report([spell(place.people[0], hours_per_week=5)])
    assert faults(report["results"][0]) == [("/records/0/hours_per_week", "hours_too_few")]
    assert [each["hours_per_week"] for each in place.stored()] == [15.0]


def test_what_is_no_snapshot(place: Place) -> None:
    path = f"/v1/trials/{place.trial}/activations/snapshot"
    whole = {"jobcentre": "849", **QUARTER, "records": []}
    bad: list[tuple[Any, int, str]] = [
        ({**whole, "to": "2010-12-31"}, 422, "malformed"),
        ({**whole, "records": None}, 422, "malformed"),
        ({**whole, "more": 1}, 422, "malformed"),
        ({**whole, "records": [{}] * 10_001}, 413, "too_large"),
        ({**whole, "jobcentre": "860"}, 404, "not_found"),
        ({**whole, "jobcentre": "999"}, 404, "not_found"),
    ]
    for body, status, code in bad:
        response = place.amfora.post(path, body)
        assert (response.status_code, response.json()["code"]) == (status, code)


def test_two_at_once_leave_what_one_of_them_sent(place: Place) -> None:
    """Whichever came last: never a mixture of the two files."""
    files = [
        [spell(place.people[0]), spell(place.people[1], hours_per_week=10 + n), spell(place.people[2], f"2011-02-0{n}")]
        for n in range(1, 5)
    ]
    reports: list[Any] = []
    threads = [threading.Thread(target=lambda file=file: reports.append(place.send(file))) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.status_code for each in reports] == [207] * 4
    shown = sorted((each["participant_id"], each["starts_on"], each["hours_per_week"]) for each in place.stored())
    wanted = [
        sorted((each["participant_id"], each["starts_on"], float(each["hours_per_week"])) for each in file)
        for file in files
    ]
    assert shown in wanted
    assert register_faults(place.register) == []


def test_reports_hold_what_was_replaced(place: Place) -> None:
    """Api.md: a 207 is in every report asked for afterwards."""
    place.report([spell(each, "2011-01-03") for each in place.people])
    path = f"/v1/trials/{place.trial}/weekly-summary"
    agency = place.register.client("agency")

    def activated() -> int:
        items = agency.get(path, by="trial").json()["items"]
        return sum(item["cumulative"]["workplace_activated"] for item in items)

    assert activated() > 0
    place.report([], accept_removals=3)
    assert activated() == 0
