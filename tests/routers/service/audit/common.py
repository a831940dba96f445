"""Audit trail: its entries in the database, and a trial with two people."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.database import query
from tests.register import Client, Register, record_id

FIRST_TALK = {"date": "2010-11-16"}


@dataclass(frozen=True)
class Noted:
    """An entry of the trail, for comparing."""

    jobcentre: str
    chain: str
    client: str | None
    action: str
    trial: str | None
    participant: str | None
    details: Mapping[str, Any]


def entries(url: str) -> list[Noted]:
    """The whole trail, in the order of its moments."""
    rows = query(
        url,
        "select jobcentre_code, chain, client_id, action, trial_id, participant_id::text, details::text"
        " from audit_entry order by at, jobcentre_code, chain, position",
    )
    return [
        Noted(code, chain, client, action, trial, participant, json.loads(details))
        for code, chain, client, action, trial, participant, details in rows
    ]


@dataclass
class Place:
    """A trial with someone drawn in 849, one drawn in 860, and their case systems."""

    register: Register
    trial: str
    anna: str
    bo: str
    ours: Client
    theirs: Client

    def during(self, work: Callable[[], Any]) -> list[Noted]:
        """What was noted while something was done."""
        before = len(entries(self.register.database_url))
        work()
        return entries(self.register.database_url)[before:]

    def path(self, rest: str) -> str:
        return f"/v1/trials/{self.trial}/{rest}"

    def talk(self, **changes: Any) -> dict[str, Any]:
        return {"external_id": record_id(), "participant_id": self.anna, **FIRST_TALK, **changes}


def place_in(register: Register) -> Place:
    trial = register.new_trial()
    return Place(
        register,
        trial,
        register.drawn(trial),
        register.drawn(trial, jobcentre="860"),
        register.case_system("849", client_id="jammerbugt"),
        register.case_system("860", client_id="hjoerring"),
    )


def the_only(noted: Sequence[Noted], chain: str = "writes") -> Noted:
    found = [each for each in noted if each.chain == chain]
    assert len(found) == 1, noted
    return found[0]


def trail(place: Place, **parameters: Any) -> list[dict[str, Any]]:
    """All of it that the auditor gets for a filter, page by page."""
    auditor = place.register.client("auditor")
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = auditor.get("/v1/audit", cursor=cursor, **{"limit": 1000, **parameters})
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        cursor = answer.json()["next"]
        if cursor is None:
            return items
