"""Batches: a trial with people and case systems, the smallest record of each kind, and checks of problem documents."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain import facts
from tests.register import Client, Register, record_id

MAX_REVISION = 2**63 - 1
KINDS = tuple(facts.KINDS)
FACTS: Mapping[str, Mapping[str, Any]] = {
    "conversations": {"date": "2010-11-16"},
    "activations": {"type": "other_offer", "starts_on": "2011-01-03", "ends_on": "2011-01-09", "hours_per_week": 15},
    "exemptions": {"scope": "both", "ground": "illness", "starts_on": "2010-12-06", "ends_on": "2010-12-12"},
    "presence-events": {"kind": "exit", "date": "2010-12-01", "reason": "job"},
    "support-efforts": {"area": "health", "kind": "psychologist", "starts_on": "2010-12-06"},
    "mentors": {"starts_on": "2010-12-06"},
    "declined-offers": {"date": "2010-12-06", "type": "other_offer"},
    "outcomes": {"week": "2010-W50", "status": "benefit"},
}
"""The least that a record of each kind says."""


@dataclass
class Place:
    """A trial with people, and case systems."""

    register: Register
    trial: str
    anna: str
    """Drawn in Jammerbugt, 849."""
    anna_cpr: str
    carl: str
    """Drawn there too: of whom exemptions and events are, so that Anna stays in the trial."""
    carl_cpr: str
    bo: str
    """Drawn in Hjørring, 860."""
    bo_cpr: str
    waiting: str
    """A supplement candidate in Jammerbugt who was never drawn."""
    waiting_cpr: str
    ours: Client
    """The case system of Jammerbugt."""
    all: Client
    """A case system of all jobcentres."""

    def person(self, kind: str) -> tuple[str, str]:
        """Whose records of a kind are sent: id and CPR number."""
        return (self.anna, self.anna_cpr) if kind in KINDS[:2] else (self.carl, self.carl_cpr)

    def record(self, of_kind: str = "conversations", /, **changes: Any) -> dict[str, Any]:
        """A good record of someone in Jammerbugt."""
        return {"external_id": record_id(), "participant_id": self.person(of_kind)[0], **FACTS[of_kind], **changes}

    def push(self, records: Sequence[Any], kind: str = "conversations", **parameters: Any) -> dict[str, Any]:
        return self.ours.push(self.trial, kind, records, **parameters)

    def outcomes(self, records: Sequence[Any], kind: str = "conversations", **parameters: Any) -> list[str]:
        report = self.push(records, kind, report="full", **parameters)
        assert [result["index"] for result in report["results"]] == list(range(len(records)))
        return [result["outcome"] for result in report["results"]]

    def errors(self, record: Any, kind: str = "conversations") -> set[tuple[str, str]]:
        """The faults of one record, with pointers from the record on; it was stored nowhere."""
        report = self.push([record], kind)
        assert report["counts"]["rejected"] == 1
        (result,) = report["results"]
        assert (result["index"], result["outcome"]) == (0, "rejected")
        found = [(error["pointer"], error["code"]) for error in result["errors"]]
        assert len(found) == len(set(found)) > 0
        assert all(pointer.startswith("/records/0") for pointer, _ in found)
        return {(pointer.removeprefix("/records/0"), code) for pointer, code in found}

    def send(
        self, body: bytes | str, media_type: str | None = "application/json", kind: str = "conversations", **more: Any
    ) -> Any:
        """A body as it is."""
        headers = {} if media_type is None else {"Content-Type": media_type}
        path = f"/v1/trials/{self.trial}/{kind}/batch"
        headers |= more.pop("headers", {})
        return self.ours.request("POST", path, content=body, headers=headers, params=more)

    def ndjson(self, *lines: Any, **more: Any) -> Any:
        body = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        return self.send(body, "application/x-ndjson", **more)

    def shown(self, external_id: str, kind: str = "conversations") -> Any:
        """The record as it stands, or None."""
        response = self.ours.get(f"/v1/trials/{self.trial}/{kind}/{external_id}")
        return response.json() if response.status_code == 200 else None


def problem(response: Any, status: int, code: str, *errors: tuple[str, str]) -> None:
    """The answer is that problem document, with those errors where any are named."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    if errors:
        assert {(error["pointer"], error["code"]) for error in body["errors"]} == set(errors)
