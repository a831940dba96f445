"""A server that answers the simulation as api.md says, in memory, with a plain reading of domain 3 and of "Records"."""

import json
from collections import Counter
from datetime import date, timedelta
from random import Random
from typing import Any

import httpx

from app.domain.rules.calendar import add_months, age_on, monday_of

Answer = tuple[int, Any]
ACTIVATION_FIELDS = {"type", "starts_on", "hours_per_week"}
REQUIRED = {
    "conversations": {"date"},
    "activations": ACTIVATION_FIELDS,
    "exemptions": {"scope", "ground", "starts_on"},
    "presence-events": {"kind", "date"},
    "outcomes": {"week", "status"},
}


def token_factory(role: str, client_id: str, jobcentres: tuple[str, ...]) -> str:
    """A token that the fake reads."""
    return f"{role}|{client_id}|{','.join(jobcentres)}"


class FakeServer:
    """One trial. ``faults``: lose connections and be busy now and then, before and after the work is done."""

    def __init__(self, *, faults: bool = False) -> None:
        self.trial: dict[str, Any] | None = None
        self.screenings: dict[tuple[str, str, str], tuple[dict[str, Any], dict[str, Any]]] = {}
        self.participants: dict[str, dict[str, Any]] = {}
        self.stored: dict[tuple[str, str, str], tuple[int, str | None, dict[str, Any]]] = {}
        self.calls: Counter[str] = Counter()
        self.corrections: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.decided: set[str] = set()
        self._reports: dict[str, dict[str, Any]] = {}
        self._coin = Random("draws")
        self._faults = Random("faults") if faults else None

    def transport(self) -> httpx.MockTransport:
        """The fake as httpx sees it."""
        return httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/healthz":
            return httpx.Response(200, request=request)
        trouble = self._faults.random() if self._faults else 1.0
        if trouble < 0.02:
            raise httpx.ConnectError("down", request=request)
        if trouble < 0.04:
            return httpx.Response(503, headers={"Retry-After": "0"}, request=request)
        status, answer = self._route(request)
        if trouble < 0.06:
            raise httpx.ReadError("lost", request=request)
        return httpx.Response(status, json=answer, headers={"ETag": '"as-read"'}, request=request)

    def _route(self, request: httpx.Request) -> Answer:
        role, client, bound = request.headers["Authorization"].removeprefix("Bearer ").split("|")
        jobcentres = set(bound.split(","))
        body: Any = json.loads(request.content) if request.content else None
        parts = request.url.path.split("/")[3:]
        self.calls[f"{request.method} {parts[1] if len(parts) > 1 else 'trials'}"] += 1
        if not parts:
            return self._create(role, body)
        match parts[1:]:
            case ["participants"]:
                assert role == "case-system"
                assert body["jobcentre"] in jobcentres
                return self._screen(body)
            case ["participants", "lookup"]:
                found = [
                    x for x in self.participants.values() if x["cpr"] == body["cpr"] and x["jobcentre"] in jobcentres
                ]
                return (200, found[0]) if found else (404, {"code": "not_found"})
            case ["participants", participant, "cpr"]:
                return self._request_correction(self.participants[participant], body)
            case ["cpr-corrections", correction, *decision]:
                assert role == "registrar"
                return self._decide(correction) if decision else (200, {"id": correction})
            case ["participants", participant, "withdrawal"]:
                self.participants[participant]["withdrawn"] = body["reason"]
                return 200, {}
            case ["participants", participant, "assignment"]:
                return self._assign(self.participants[participant], request.method)
            case [kind, "batch"]:
                return self._batch(request.headers["Idempotency-Key"], client, jobcentres, kind, body["records"])
            case ["weekly-summary"]:
                return 200, {"items": self._rows(request.url.params["by"])}
            case ["conditions"]:
                item = {"conversation": "met", "activation": "not_met", "workplace": "nothing_due"}
                return 200, {"items": [{"group": {"jobcentre": "849", "region": "nord"}, **item}]}
        raise AssertionError(f"the simulation called {request.url}")

    def _create(self, role: str, body: dict[str, Any]) -> Answer:
        assert role == "agency"
        if self.trial is not None:
            return (200, self.trial) if self.trial == body else (409, {"code": "trial_exists"})
        self.trial = body
        return 201, body

    # --- corrected numbers (domain 3.4) ---

    def _request_correction(self, participant: dict[str, Any], body: dict[str, Any]) -> Answer:
        if body.get("cpr") in (participant["cpr"], participant.get("new_cpr", "")):
            return 200, {"correction_id": None}
        self.corrections.append((participant, body))
        return 202, {"correction_id": str(len(self.corrections) - 1)}

    def _decide(self, correction: str) -> Answer:
        """A new number is found beside the former one, which the records go on to name."""
        participant, body = self.corrections[int(correction)]
        if correction in self.decided:
            return 200, {}
        self.decided.add(correction)
        if body.get("reason") == "new_number":
            participant["new_cpr"] = body["cpr"]
            return 200, {}
        other = self.participants.get(body.get("swap_with", ""))
        new = {participant["cpr"]: body["cpr"] if other is None else other["cpr"]}
        if other is not None:
            new[other["cpr"]] = participant["cpr"]
            other["cpr"] = participant["cpr"]
        participant["cpr"] = new[participant["cpr"]]
        self.screenings = {
            (new.get(cpr, cpr), jobcentre, day): ({**sent, "cpr": new.get(cpr, cpr)}, answer)
            for (cpr, jobcentre, day), (sent, answer) in self.screenings.items()
        }
        return 200, {}

    # --- screening and draw (domain 3) ---

    def _screen(self, body: dict[str, Any]) -> Answer:
        cpr, jobcentre = body["cpr"], body["jobcentre"]
        key = (cpr, jobcentre, body["interview_on"])
        if key in self.screenings and self.screenings[key][0] == body:
            return 200, self.screenings[key][1]
        known = [x for x in self.participants.values() if x["cpr"] == cpr and "withdrawn" not in x]
        here = [x for x in known if x["jobcentre"] == jobcentre]
        if here and here[0]["assignment"]:
            return 409, {"code": "already_drawn"}
        failures = self._failures(body)
        if [x for x in known if x["jobcentre"] != jobcentre]:
            failures.append("not_available")
        answer: dict[str, Any] = {"participant_id": None, "eligible": not failures, "assignment": None}
        answer["failures"] = [{"code": code, "detail": ""} for code in failures]
        if not failures:
            participant = here[0] if here else {"cpr": cpr, "jobcentre": jobcentre, "assignment": None}
            participant |= {"participant_id": participant.get("participant_id", f"p-{len(self.participants)}")}
            participant |= {"interview_on": body["interview_on"], "since": body.get("unemployed_since")}
            self.participants[participant["participant_id"]] = participant
            if body["channel"] != "supplement":
                self._draw(participant)
            answer |= {"participant_id": participant["participant_id"], "assignment": participant["assignment"]}
        self.screenings[key] = (body, answer)
        return 201, answer

    def _failures(self, body: dict[str, Any]) -> list[str]:
        assert self.trial is not None
        day, cpr = date.fromisoformat(body["interview_on"]), body["cpr"]
        born = date(1900 + int(cpr[4:6]), int(cpr[2:4]), int(cpr[:2]) - 60)
        since = date.fromisoformat(body.get("unemployed_since", body["interview_on"]))
        late = body["channel"] == "supplement" and add_months(since, 6) < day
        rules = {
            "not_match_group_2": body["match_group"] != 2,
            "not_at_job_interview": not body["at_job_interview"],
            "wrong_benefit": body["benefit"] not in ("cash_benefit", "start_benefit"),
            "under_20": age_on(born, day) < 20,
            "exempt_from_everything": body["exempt_from"] == "both",
            "outside_intake_period": not date(2010, 11, 8) <= day <= date(2011, 3, 31),
            "unknown_jobcentre": body["jobcentre"] not in {x["code"] for x in self.trial["jobcentres"]},
            "unemployed_too_long": late,
        }
        return [*(code for code, failed in rules.items() if failed), *body["circumstances"]]

    def _draw(self, participant: dict[str, Any]) -> None:
        arm = self._coin.choice(["treatment", "control"])
        participant["assignment"] = {"arm": arm, "assigned_on": participant["interview_on"], "drawn_at": ""}

    def _assign(self, participant: dict[str, Any], method: str) -> Answer:
        if participant["assignment"]:
            return 200, participant["assignment"]
        if method == "GET":
            return 404, {"code": "not_found"}
        week = monday_of(date.fromisoformat(participant["interview_on"]))
        there = [x for x in self.participants.values() if x["jobcentre"] == participant["jobcentre"]]
        there = [x for x in there if week <= date.fromisoformat(x["interview_on"]) < week + timedelta(days=7)]
        assert self.trial is not None
        agreed = {x["code"]: x["agreed_participants"] for x in self.trial["jobcentres"]}[participant["jobcentre"]]
        if sum(x["assignment"] is not None for x in there) >= -(-2 * agreed // 21):
            return 409, {"code": "intake_sufficient"}
        waiting = [x for x in there if not x["assignment"] and "withdrawn" not in x]
        if max(waiting, key=lambda x: str(x["since"])) is not participant:
            return 409, {"code": "supplement_order"}
        self._draw(participant)
        return 201, participant["assignment"]

    # --- records (api.md) ---

    def _batch(self, key: str, client: str, jobcentres: set[str], kind: str, records: list[dict[str, Any]]) -> Answer:
        if key in self._reports:
            return 207, self._reports[key]
        assert 1 <= len(records) <= 10_000
        counts: Counter[str] = Counter()
        results = []
        for index, record in enumerate(records):
            outcome, code = self._receive(client, jobcentres, kind, dict(record))
            counts[outcome] += 1
            if code is not None:
                errors = [{"pointer": f"/records/{index}", "code": code, "meaning": code}]
                results.append(
                    {"index": index, "external_id": record["external_id"], "outcome": outcome, "errors": errors}
                )
        report = {"batch_id": key, "committed": True, "received": len(records), "counts": counts, "results": results}
        self._reports[key] = report
        return 207, report

    def _receive(self, client: str, jobcentres: set[str], kind: str, record: dict[str, Any]) -> tuple[str, str | None]:
        key, revision = (client, kind, record.pop("external_id")), record.pop("revision", -1)
        person: str | None = None
        if not record.get("retracted"):
            person, code = self._person(record, jobcentres)
            code = code or _fault(kind, record) or self._misplaced(kind, person, record)
            if code is not None:
                return "rejected", code
        if key not in self.stored:
            self.stored[key] = (revision, person, record)
            return ("retracted" if record.get("retracted") else "created"), None
        before, owner, content = self.stored[key]
        if content == record and (owner == person or record.get("retracted")):
            return "unchanged", None
        if revision < before:
            return "stale", None
        if revision == before and revision >= 0:
            return "rejected", "revision_conflict"
        self.stored[key] = (revision, person, record)
        return ("retracted" if record.get("retracted") else "updated"), None

    def _person(self, record: dict[str, Any], jobcentres: set[str]) -> tuple[str | None, str | None]:
        cpr, wanted = record.pop("cpr", None), record.pop("participant_id", None)
        assert (cpr is None) != (wanted is None)
        for participant in self.participants.values():
            if participant["cpr"] == cpr or participant["participant_id"] == wanted:
                if jobcentres != {"*"} and participant["jobcentre"] not in jobcentres:
                    return None, "unknown_participant"
                if participant["assignment"] is not None:
                    return participant["participant_id"], None
        return None, "unknown_participant"

    def _misplaced(self, kind: str, person: str | None, record: dict[str, Any]) -> str | None:
        assignment = self.participants[str(person)]["assignment"]
        early = kind == "presence-events" and record["date"] < assignment["assigned_on"]
        return "event_order" if early else None

    def _rows(self, by: str) -> list[dict[str, Any]]:
        group = {} if by == "trial" else {"jobcentre": "849", "region": "nord"}
        rates = {"conversation_rate": 0.825, "conforming_rate": 0.7, "activation_rate": 0.8, "workplace_rate": None}
        return [{"group": group, "arm": arm, "cumulative": rates} for arm in ("treatment", "control")]


def _fault(kind: str, record: dict[str, Any]) -> str | None:
    """What is wrong with a record in itself, as far as the simulation makes such mistakes."""
    if not REQUIRED[kind] <= record.keys():
        return "missing_field"
    if record.get("form") == "fax":
        return "invalid_value"
    if "ends_on" in record and record["ends_on"] < record["starts_on"]:
        return "ends_before_start"
    if not 0 < record.get("hours_per_week", 1) <= 60:
        return "hours_out_of_range"
    weights = (2, 7, 6, 5, 4, 3, 2, 1)
    digits = map(int, record.get("cvr_number") or "")
    return "invalid_cvr" if sum(w * d for w, d in zip(weights, digits, strict=False)) % 11 else None
