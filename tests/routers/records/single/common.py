"""Single records: a trial with people and case systems, a record of each kind, and checks of responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from app.domain import facts
from tests.register import Client, Register

KINDS = tuple(facts.KINDS)
FACTS: Mapping[str, Mapping[str, Any]] = {
    "conversations": {"date": "2010-11-16"},
    "activations": {
        "type": "work_placement_public",
        "starts_on": "2010-12-06",
        "hours_per_week": 15,
        "mentor": "assigned",
    },
    "exemptions": {"scope": "activation", "ground": "illness", "starts_on": "2010-12-06", "ends_on": "2010-12-12"},
    "presence-events": {"kind": "rematch", "date": "2010-12-01", "match_group": 1},
    "support-efforts": {"area": "health", "kind": "psychologist", "starts_on": "2010-12-06"},
    "mentors": {"starts_on": "2010-12-06"},
    "declined-offers": {"date": "2010-12-06", "type": "other_offer"},
    "outcomes": {"week": "2010-W50", "status": "benefit"},
}
CHANGED: Mapping[str, Mapping[str, Any]] = {
    "conversations": {"date": "2010-11-17", "form": "other", "remote_ground": "illness", "focus": ["retention"]},
    "activations": {**FACTS["activations"], "hours_per_week": 12.5, "company_centre": True},
    "exemptions": {**FACTS["exemptions"], "ends_on": None},
    "presence-events": {"kind": "rematch", "date": "2010-12-01", "match_group": 2},
    "support-efforts": {**FACTS["support-efforts"], "ends_on": "2011-02-01"},
    "mentors": {"starts_on": "2010-12-13", "cvr_number": "10150817"},
    "declined-offers": {"date": "2010-12-06", "type": "other_offer", "reason": "transport"},
    "outcomes": {"week": "2010-W50", "status": "employed", "hours_per_week": 7.5},
}


@dataclass
class Place:
    """A trial with people, and case systems."""

    register: Register
    trial: str
    anna: str
    """Drawn in Jammerbugt, 849."""
    bo: str
    """Drawn in Hjørring, 860."""
    ours: Client
    """The case system of Jammerbugt."""
    theirs: Client
    """The case system of Hjørring."""
    everywhere: Client

    def path(self, kind: str, external_id: str = "") -> str:
        return f"/v1/trials/{self.trial}/{kind}" + (f"/{quote(external_id, safe='')}" if external_id else "")

    def body(self, of_kind: str = "conversations", /, **changes: Any) -> dict[str, Any]:
        return {"participant_id": self.anna, **FACTS[of_kind], **changes}

    def put(self, of_id: str, of_kind: str = "conversations", /, **changes: Any) -> Any:
        return self.ours.put(self.path(of_kind, of_id), self.body(of_kind, **changes))

    def get(self, external_id: str, kind: str = "conversations", **parameters: Any) -> Any:
        return self.ours.get(self.path(kind, external_id), **parameters)

    def delete(self, external_id: str, kind: str = "conversations", **parameters: Any) -> Any:
        return self.ours.delete(self.path(kind, external_id), **parameters)


def problem(response: Any, status: int, code: str, *errors: tuple[str, str]) -> None:
    """The answer is that problem document, with those errors where any are named."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    if errors:
        assert {(error["pointer"], error["code"]) for error in body["errors"]} == set(errors)


def outcome_of(response: Any, status: int = 200) -> tuple[str, list[str]]:
    """Outcome and warnings of a write."""
    assert response.status_code == status, response.text
    answer = response.json()
    return answer["outcome"], answer["warnings"]


def listed(client: Client, path: str, **parameters: Any) -> list[tuple[str, str, str]]:
    """All pages of a list, put together by their cursors."""
    found: list[tuple[str, str, str]] = []
    cursor = None
    while True:
        answer = client.get(path, cursor=cursor, **parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert set(page) == {"items", "next"}
        assert len(page["items"]) <= parameters.get("limit", 100)
        found += [(record["client_id"], record["external_id"], record["participant_id"]) for record in page["items"]]
        cursor = page["next"]
        assert ("link" in answer.headers) == (cursor is not None)
        if cursor is None:
            return found
