"""The activity curve over the API (domain 5): who sees it, what it rests on, JSON and CSV."""

import csv
import io
from dataclasses import dataclass
from typing import Any

import pytest

from tests.register import Client, Register, record_id

CSV = {"Accept": "text/csv"}


@dataclass
class Place:
    """A trial with people drawn in 849 and 860, of whom those in 849 had one talk, two weeks after the draw."""

    register: Register
    trial: str
    arms: dict[str, str]
    system: Client
    agency: Client

    @property
    def path(self) -> str:
        return f"/v1/trials/{self.trial}/activity-curve"

    def curve(self, client: Client | None = None, **parameters: Any) -> dict[str, Any]:
        answer = (client or self.agency).get(self.path, **parameters)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def talk(self, participant: str, day: str, external_id: str | None = None) -> None:
        record = {"external_id": external_id or record_id(), "participant_id": participant, "date": day}
        assert self.system.push(self.trial, "conversations", [record])["counts"]["rejected"] == 0


@pytest.fixture(scope="module")
def place(register: Register) -> Place:
    trial = register.new_trial()
    system = register.case_system()
    answers = {code: [register.screen(trial, jobcentre=code) for _ in range(8)] for code in ("849", "860")}
    arms = {each["participant_id"]: each["assignment"]["arm"] for several in answers.values() for each in several}
    place = Place(register, trial, arms, system, register.client("agency"))
    for each in answers["849"]:
        place.talk(each["participant_id"], "2010-11-22")
    return place


def point(report: dict[str, Any], k: int, analysis: str = "intention_to_treat") -> dict[str, Any]:
    (found,) = [
        each for each in report["items"] if each["weeks_since_assignment"] == k and each["analysis"] == analysis
    ]
    each: dict[str, Any] = found
    return each


def test_shares_differences_and_running_sum(place: Place) -> None:
    """Domain 5: 73 weeks of PRVIJ, twice; everyone of 849 in week 2."""
    report = place.curve()
    assert (report["measure"], report["jobcentres"]) == ("conversation", ["450", "849", "860"])
    assert len(report["items"]) == 2 * 73
    sizes = {arm: list(place.arms.values()).count(arm) for arm in ("treatment", "control")}
    second = point(report, 2)
    assert {arm: second[arm]["n"] for arm in sizes} == sizes
    assert second["treatment"]["count"] + second["control"]["count"] == 8
    assert second["difference"] == second["treatment"]["share"] - second["control"]["share"]
    assert second["difference_low"] < second["difference"] < second["difference_high"]
    assert point(report, 72)["running_sum"] == pytest.approx(second["difference"])
    assert point(report, 1)["running_sum"] == 0


def test_one_jobcentre(place: Place) -> None:
    report = place.curve(jobcentre="849")
    assert point(report, 2)["treatment"]["share"] == point(report, 2)["control"]["share"] == 1
    assert point(place.curve(jobcentre="860"), 2)["treatment"]["share"] == 0
    empty = place.curve(jobcentre="450")
    assert (empty["items"], empty["watermark"]) == ([], None)


def test_who_sees_which(place: Place) -> None:
    """api.md: a region reads figures of its jobcentres, a case system of its own; else 404."""
    register = place.register
    nord, own = register.client("region", regions=["nord"]), register.case_system("849")
    assert place.curve(nord, jobcentre="849") == place.curve(own, jobcentre="849") == place.curve(jobcentre="849")
    assert place.curve(nord)["jobcentres"] == ["849", "860"]
    assert place.curve(nord)["items"] == place.curve()["items"]  # nobody was drawn in 450
    assert place.curve(own) == place.curve(jobcentre="849")
    stranger = register.case_system("101")
    for client, jobcentre in ((nord, "450"), (own, "860"), (stranger, None), (place.agency, "101")):
        assert client.get(place.path, jobcentre=jobcentre).status_code == 404
    assert register.client("evaluator").get(place.path).status_code == 403
    assert place.agency.get("/v1/trials/no-such-trial/activity-curve").status_code == 404


def test_faulty_parameters(place: Place) -> None:
    for faulty in ({"measure": "chess"}, {"jobcentre": "84"}, {"known_at": "yesterday"}):
        assert place.agency.get(place.path, **faulty).status_code == 422


def test_activation_and_its_types(place: Place) -> None:
    """Domain 5: active (4.6), at a workplace, and by type, covered whatever the hours."""
    person = next(iter(place.arms))
    spell = {"starts_on": "2011-01-03", "ends_on": "2011-01-05", "type": "wage_subsidy_private", "hours_per_week": 5}
    record = {"external_id": record_id(), "participant_id": person, **spell}
    assert place.system.push(place.trial, "activations", [record])["counts"]["created"] == 1
    arm = place.arms[person]
    assert point(place.curve(measure="wage_subsidy_private"), 8)[arm]["count"] == 1
    for measure in ("activation", "workplace", "wage_subsidy_public"):
        assert point(place.curve(measure=measure), 8)[arm]["count"] == 0


def test_a_report_says_what_it_holds_and_is_kept(place: Place) -> None:
    """A correction later on changes today's curve, and not the one known before it."""
    person, other = list(place.arms)[8:10]
    place.talk(person, "2011-03-01", "moving")
    before = place.curve()
    place.talk(other, "2011-03-01", "other")
    place.talk(person, "2011-03-08", "moving")
    assert place.curve()["watermark"] > before["watermark"]
    then = place.curve(known_at=before["watermark"])
    assert then["items"] == before["items"] != place.curve()["items"]
    assert then["watermark"] == before["watermark"]


def test_weeks_not_over_at_the_moment_are_left_out(place: Place) -> None:
    """Domain 5: weeks are over as of the earlier of now and `known_at`."""
    assert place.curve(known_at="2010-11-22T08:00:00Z")["items"] == []


def test_duplicates_are_in_no_figure(register: Register) -> None:
    """Domain 3.3."""
    trial, system = register.new_trial(), register.case_system()
    body = register.screening()
    system.post(f"/v1/trials/{trial}/participants", body)
    later = register.drawn(trial)
    register.correct(trial, later, body["cpr"])
    report = register.client("agency").get(f"/v1/trials/{trial}/activity-curve").json()
    assert point(report, 0)["treatment"]["n"] + point(report, 0)["control"]["n"] == 1


def test_csv_and_etag(place: Place) -> None:
    answer = place.agency.request("GET", place.path, headers=CSV)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    items = place.curve()["items"]
    assert [row["treatment.count"] for row in rows] == [str(item["treatment"]["count"]) for item in items]
    empty = place.agency.request("GET", place.path, params={"jobcentre": "450"}, headers=CSV)
    assert empty.text.splitlines() == answer.text.splitlines()[:1]
    for headers in (CSV, {}):
        first = place.agency.request("GET", place.path, headers=headers)
        again = place.agency.request("GET", place.path, headers={**headers, "If-None-Match": first.headers["etag"]})
        assert again.status_code == 304


def test_reading_is_audited(place: Place) -> None:
    reader = place.register.client("agency", client_id="reader-of-curves")
    reader.get(f"/v1/trials/{place.trial}/activity-curve", jobcentre="849", measure="workplace")
    entries = place.register.client("auditor").get("/v1/audit", client_id="reader-of-curves").json()["items"]
    mine = [each for each in entries if each["action"] == "activity_curve.read" and each["trial"] == place.trial]
    assert any(each["jobcentre"] == "849" and each["details"]["measure"] == "workplace" for each in mine)
