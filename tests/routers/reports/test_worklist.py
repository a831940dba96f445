"""The worklist through the API (domain 5, api.md "Reports")."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.register import Client, Register, faults


class Place:
    """Two people drawn in 849, one of whom has been talked to; the clock stands in 2010-W47."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.trial = register.new_trial()
        self.path = f"/v1/trials/{self.trial}/worklist"
        self.ours = register.case_system("849", client_id="jammerbugt")
        self.anna, self.bo = (self._treated() for _ in range(2))
        self.ours.push(
            self.trial,
            "conversations",
            [{"external_id": f"t-{n}", "participant_id": self.anna, "date": f"2010-11-{16 + 7 * n}"} for n in (0, 1)],
        )
        register.clock.now = datetime(2010, 11, 25, 12, tzinfo=UTC)

    def _treated(self) -> str:
        """Someone of the treatment arm."""
        while True:
            someone = self.register.drawn(self.trial)
            shown = self.ours.get(f"/v1/trials/{self.trial}/participants/{someone}").json()
            if shown["arm"] == "treatment":
                return someone

    def list(self, client: Client | None = None, **parameters: Any) -> dict[str, list[str]]:
        """Reasons by participant, of the two."""
        response = (client or self.ours).get(self.path, **parameters)
        assert response.status_code == 200, response.text
        items = {item["participant_id"]: item["reasons"] for item in response.json()["items"]}
        return {someone: items[someone] for someone in (self.anna, self.bo) if someone in items}


@pytest.fixture
def place(fresh_register: Register) -> Place:
    return Place(fresh_register)


def test_the_running_week(place: Place) -> None:
    assert place.list() == {
        place.anna: ["no_contact_person"],
        place.bo: ["no_conversation_this_week", "no_conversation_yet", "no_contact_person"],
    }
    shown = place.ours.get(place.path).json()
    assert (shown["as_of"], shown["week"]) == ("2010-11-25", "2010-W47")
    assert place.ours.get(place.path, week="2010-W47").json() == shown


def test_a_contact_person_is_one_reason_less(place: Place) -> None:
    place.ours.patch(f"/v1/trials/{place.trial}/participants/{place.anna}", {"contact_person": "Team 3"})
    assert place.anna not in place.list()


def test_as_known_then(place: Place) -> None:
    """Records and contact persons that were registered afterwards are left out."""
    before = place.ours.get(place.path).json()["watermark"]
    place.ours.patch(f"/v1/trials/{place.trial}/participants/{place.anna}", {"contact_person": "Team 3"})
    talk = {"external_id": "late", "participant_id": place.bo, "date": "2010-11-23"}
    place.ours.push(place.trial, "conversations", [talk])
    assert place.list() == {place.bo: ["no_contact_person"]}
    # The records were registered by the database's clock: the weeks are over as of the earlier of now and then.
    assert place.list(known_at=before, week="2010-W47") == {
        place.anna: ["no_contact_person"],
        place.bo: ["no_conversation_this_week", "no_conversation_yet", "no_contact_person"],
    }


def test_only_the_treatment_arm(place: Place) -> None:
    arms = {
        place.ours.get(f"/v1/trials/{place.trial}/participants/{item['participant_id']}").json()["arm"]
        for item in place.ours.get(place.path).json()["items"]
    }
    assert arms == {"treatment"}


def test_who_sees_it(place: Place) -> None:
    """``participants:read``, one's own jobcentres; a region and an agency see no person."""
    elsewhere = place.register.case_system("860", client_id="hjoerring")
    assert place.list(elsewhere) == {}
    assert elsewhere.get(place.path, jobcentre="849").status_code == 404
    assert place.ours.get(place.path, jobcentre="860").status_code == 404
    assert place.list(place.register.case_system(), jobcentre="849").keys() == {place.anna, place.bo}
    for role in ("region", "agency", "register", "evaluator", "auditor"):
        assert place.register.client(role).get(place.path).status_code == 403
    assert place.ours.get("/v1/trials/no-such-trial/worklist").status_code == 404


def test_a_week_to_come_is_refused(place: Place) -> None:
    response = place.ours.get(place.path, week="2010-W48")
    assert response.status_code == 422
    assert faults(response.json()) == [("/query/week", "date_in_future")]


def test_csv(place: Place) -> None:
    exemption = {"scope": "activation", "ground": "holiday", "starts_on": "2010-11-22", "ends_on": "2010-11-26"}
    place.ours.push(place.trial, "exemptions", [{"external_id": "e", "participant_id": place.anna, **exemption}])
    response = place.ours.request("GET", place.path, headers={"Accept": "text/csv"})
    header, *lines = response.text.splitlines()
    assert header == ("participant_id,jobcentre,assigned_on,contact_person,number,state,reasons,exemptions_ending")
    (anna,) = [line for line in lines if line.startswith(place.anna)]
    assert anna.endswith("849,2010-11-08,,3,counted,exemption_ends|no_contact_person,activation:holiday:2010-11-26")


def test_it_is_audited(place: Place) -> None:
    place.list(jobcentre="849")
    auditor = place.register.client("auditor")
    entries = auditor.get("/v1/audit", client_id="jammerbugt").json()["items"]
    (read,) = [entry for entry in entries if entry["action"] == "worklist.read"]
    assert (read["jobcentre"], read["details"]) == ("849", {"week": "2010-W47"})
