"""Panel: a trial with people, and its releases and tables."""

from dataclasses import dataclass
from typing import Any

from tests.register import Client, Register, new_cpr, record_id

PATHS = {"person-weeks": "person-weeks", "participants": "panel/participants", "draws": "panel/draws"}
PARQUET, JSON_LINES, CSV = "application/vnd.apache.parquet", "application/x-ndjson", "text/csv"


@dataclass
class Place:
    """A trial with people in two jobcentres of whom something is recorded, one of them a duplicate."""

    register: Register
    trial: str
    people: list[str]
    evaluator: Client

    def release(self, **body: Any) -> dict[str, Any]:
        response = self.evaluator.post(f"/v1/trials/{self.trial}/releases", {"purpose": "Evaluation", **body})
        assert response.status_code == 201, response.text
        found: dict[str, Any] = response.json()
        return found

    def read(self, table: str, release: str | None = None, accept: str | None = None, **more: Any) -> Any:
        headers = {} if accept is None else {"Accept": accept}
        parameters = {"release": release, **more}
        response = self.evaluator.request(
            "GET",
            f"/v1/trials/{self.trial}/{PATHS[table]}",
            params={name: value for name, value in parameters.items() if value is not None},
            headers=headers,
        )
        assert response.status_code == 200, response.text
        return response

    def items(self, table: str, release: str | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.read(table, release).json()["items"]
        return found


def place_in(register: Register) -> Place:
    trial = register.new_trial()
    system = register.case_system()
    people = [register.drawn(trial, jobcentre=code) for code in ("849", "849", "849", "860", "860")]
    for participant in people:
        talk = {"external_id": record_id(), "participant_id": participant, "date": "2010-11-16"}
        system.push(trial, "conversations", [talk])
    spell = {
        "external_id": record_id(),
        "participant_id": people[0],
        "type": "work_placement_private",
        "starts_on": "2011-01-03",
        "ends_on": "2011-03-31",
        "hours_per_week": 22.5,
    }
    system.push(trial, "activations", [spell])
    left = {"external_id": record_id(), "participant_id": people[1], "kind": "exit", "date": "2011-02-09"}
    system.push(trial, "presence-events", [{**left, "reason": "education"}])
    duplicate(register, trial)
    return Place(register, trial, people, register.client("evaluator", client_id="evaluator"))


def duplicate(register: Register, trial: str) -> str:
    """Someone drawn twice in 860 under two numbers: the participant who turned out to be a duplicate."""
    system = register.case_system()
    cpr = new_cpr()
    assert system.post(f"/v1/trials/{trial}/participants", register.screening(cpr=cpr, jobcentre="860")).is_success
    again = register.drawn(trial, jobcentre="860")
    register.correct(trial, again, cpr)
    return again
