"""A trial whose case system requests corrected numbers, and whose registrar decides them."""

from dataclasses import dataclass
from typing import Any

from tests.database import register_faults
from tests.register import Client, Register, record_id
from tests.routers.records.single.common import FACTS

WAITING = {"channel": "supplement", "unemployed_since": "2010-11-01", "interview_on": "2011-01-10"}


@dataclass
class Place:
    register: Register
    trial: str
    system: Client

    @property
    def path(self) -> str:
        return f"/v1/trials/{self.trial}"

    @property
    def registrar(self) -> Client:
        return self.register.client("registrar")

    def screened(self, **changes: Any) -> tuple[str, str]:
        """Someone new: the participant's id and number."""
        body = self.register.screening(**changes)
        answer = self.system.post(f"{self.path}/participants", body)
        assert answer.status_code == 201, answer.text
        return answer.json()["participant_id"], body["cpr"]

    def request(self, participant: str, cpr: str, reason: str = "typing_error") -> Any:
        return self.system.post(f"{self.path}/participants/{participant}/cpr", {"cpr": cpr, "reason": reason})

    def request_swap(self, participant: str, other: str) -> Any:
        return self.system.post(f"{self.path}/participants/{participant}/cpr", {"swap_with": other})

    def read(self, correction: str) -> Any:
        return self.registrar.get(f"{self.path}/cpr-corrections/{correction}")

    def decide(
        self, correction: str, decision: str = "accepted", reason: str = "document_seen", etag: str | None = None
    ) -> Any:
        headers = {"If-Match": self.read(correction).headers["etag"] if etag is None else etag}
        body = {"decision": decision, "reason": reason}
        path = f"{self.path}/cpr-corrections/{correction}/decision"
        return self.registrar.request("POST", path, json=body, headers=headers)

    def correct(self, participant: str, cpr: str, reason: str = "typing_error") -> Any:
        """The answer of a registrar who accepts whatever is requested."""
        requested = self.request(participant, cpr, reason)
        assert requested.status_code == 202, requested.text
        return self.decide(requested.json()["correction_id"])

    def swap(self, participant: str, other: str) -> Any:
        return self.decide(self.request_swap(participant, other).json()["correction_id"])

    def shown(self, participant: str) -> Any:
        return self.system.get(f"{self.path}/participants/{participant}").json()

    def state(self, participant: str) -> str:
        state: str = self.shown(participant)["state"]
        return state

    def look_up(self, cpr: str) -> str | None:
        found = self.system.post(f"{self.path}/participants/lookup", {"cpr": cpr})
        return found.json()["participant_id"] if found.status_code == 200 else None

    def send(self, participant: str, kind: str = "conversations", **changes: Any) -> str:
        external_id = record_id()
        record = {"external_id": external_id, "participant_id": participant, **FACTS[kind], **changes}
        report = self.system.push(self.trial, kind, [record])
        assert report["counts"]["created"] == 1, report
        return external_id

    def deliver(self, cpr: str, kind: str = "outcomes", **changes: Any) -> tuple[str, Any]:
        """A record that a register sends by number: its external id, and the report."""
        external_id = changes.pop("external_id", None) or record_id()
        record = {"external_id": external_id, "cpr": cpr, **FACTS[kind], **changes}
        return external_id, self.register.client("register").push(self.trial, kind, [record], report="full")

    def delivered(self, external_id: str, kind: str = "outcomes") -> Any:
        return self.register.client("register").get(f"{self.path}/{kind}/{external_id}").json()

    def draws(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.register.client("auditor").get(f"{self.path}/draws").json()["items"]
        return items

    def record(self, external_id: str, kind: str = "conversations", rest: str = "") -> Any:
        return self.system.get(f"{self.path}/{kind}/{external_id}{rest}").json()


def sound(place: Place) -> None:
    """Chains, draws, keys and kept counts are as they should be, and so are the kept states of people's weeks."""
    assert register_faults(place.register) == []
