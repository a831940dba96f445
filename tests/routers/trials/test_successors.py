"""A merged jobcentre's successor inherits access and what waits, never the stratum (domain 3.4)."""

import pytest

from tests.register import Client, Register, new_cpr
from tests.routers.participants.correction_place import WAITING, Place


@pytest.fixture
def place(register: Register) -> Place:
    return Place(register, register.new_trial(), register.case_system("849"))


def name(place: Place, successor: str | None, code: str = "849", client: Client | None = None) -> int:
    agency = client or place.register.client("agency")
    answer = agency.request("PUT", f"{place.path}/jobcentres/{code}/successor", json={"successor": successor})
    return int(answer.status_code)


def test_it_inherits_what_waits(place: Place) -> None:
    """It reads the person, is bound by the request, and cancels or replaces it; the draw stays where it was."""
    anna, _ = place.screened()
    new = new_cpr()
    place.request(anna, new)
    successor = place.register.case_system("860", client_id="successor")
    path, draws = f"{place.path}/participants/{anna}", place.draws()
    screening = place.register.screening(cpr=new, jobcentre="860", **WAITING)
    candidate = successor.post(f"{place.path}/participants", screening).json()["participant_id"]
    assert (successor.get(path).status_code, successor.delete(f"{path}/cpr").status_code) == (404, 404)

    agency = place.register.client("agency", client_id=f"agency-of-{place.trial}")
    assert name(place, "860", client=agency) == 200

    assert (successor.get(path).json()["cpr_correction"], successor.get(path).json()["jobcentre"]) == ("waiting", "849")
    again = successor.post(f"{place.path}/participants", {**screening, "interview_on": "2011-01-17"})
    drawn = successor.post(f"{place.path}/participants/{candidate}/assignment")
    assert [(each.status_code, each.json()["code"]) for each in (again, drawn)] == [(409, "correction_waiting")] * 2
    other = successor.post(f"{path}/cpr", {"cpr": new_cpr(), "reason": "typing_error"})
    assert other.json()["status"] == "waiting"
    assert place.read(other.json()["correction_id"]).json()["jobcentre"] == "849"
    assert successor.delete(f"{path}/cpr").json()["status"] == "cancelled"
    assert place.state(anna) == successor.get(path).json()["state"]
    assert place.draws() == draws
    entries = place.register.client("auditor").get("/v1/audit", client_id=f"agency-of-{place.trial}").json()["items"]
    (named,) = (each for each in entries if each["action"] == "jobcentre.succeeded")
    assert (named["jobcentre"], named["details"]) == ("849", {"successor": "860"})


def test_only_in_the_trial_and_until_it_ends(place: Place) -> None:
    anna, _ = place.screened()
    elsewhere = Place(place.register, place.register.new_trial(), place.system)
    bo, _ = elsewhere.screened()
    third = place.register.case_system("580")
    assert name(place, "860") == 200
    assert name(place, "580", "860") == 200
    trial = place.register.client("agency").get(place.path).json()
    assert {each["code"]: each["successor"] for each in trial["jobcentres"] if each["successor"]} == {
        "849": "580",
        "860": "580",
    }
    assert third.get(f"{place.path}/participants/{anna}").status_code == 200
    assert third.get(f"{elsewhere.path}/participants/{bo}").status_code == 404
    assert name(place, None) == 200
    assert third.get(f"{place.path}/participants/{anna}").status_code == 404


def test_who_names_it(place: Place) -> None:
    assert name(place, "849") == 422
    assert name(place, "860") == 200
    assert name(place, "849", "860") == 422
    assert name(place, "860", "999") == 404
    assert name(place, "860", client=place.system) == 403
    bound = place.register.client("agency", jobcentres=["849"])
    assert name(place, "860", client=bound) == 404
