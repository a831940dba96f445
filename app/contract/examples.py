"""What the answers look like: one example for each operation and status, from one small trial, all people synthetic.

``ANSWERS`` is by operation id, then status, then media type where it is not JSON alone. The kinds of records have
theirs in ``app.routers.record_schemas``. A test holds every example against its schema.
"""

from collections.abc import Mapping
from typing import Any, Final

from app.contract.evaluation_examples import EVALUATION_ANSWERS
from app.contract.panel_examples import PANEL_ANSWERS
from app.contract.quality_examples import QUALITY_ANSWERS
from app.domain.figures.summary import Group
from app.routers.records.schemas import BATCH, PERSON
from app.routers.reports.conditions import conditions_csv
from app.routers.reports.weekly_summary import summary_csv

_CANDIDATE = "012c2ff0-21d8-7c11-9b02-84ce6a5d3370"
_CURSOR = "WyI4NDkiLCIwMTJjMmFlNS1jNmUwLTdiM2YtOGE0MS01ZDBjOWUyZjdhMTYiXQ"

_JOBCENTRES = [
    {"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 85, "weekly_target": None},
    {"code": "860", "name": "Hjørring", "region": "nord", "agreed_participants": 120, "weekly_target": 13},
]
_TRIAL = {
    "id": "prvij",
    "protocol": "prvij-2010-11",
    "title": "På rette vej – i job",
    "intake_from": "2010-11-08",
    "intake_to": "2011-03-31",
    "ends_on": "2012-03-31",
    "pilot": False,
    "jobcentres": _JOBCENTRES,
    "enforcement": "flag",
    "required_contacts": None,
    "target_groups": None,
    "seed_commitment": "e1a69144df935d5b3fe656c8b7756144eb80a1e761b0f7b7bb4969d563724410",
    "seed": None,
    "closed": False,
}
_CLOSED = {**_TRIAL, "seed": "29ec2c2fa002dc4078276aeaabb6a50826fceb2673edf8e31a8dd83b8d8a2722", "closed": True}

_PROTOCOL = {
    "id": "prvij-2010-11",
    "title": "På rette vej – i job (final description, November 2010)",
    "description": "A conversation every week, eight weeks in person; at a workplace from week 9; nine months.",
    "parameters": {
        "intake_from": {"value": "2010-11-08", "source": "[F] Forsøgets tidsramme; domain 6"},
        "in_person_weeks": {"value": 8, "source": "[F] Intensivt samtaleforløb; domain 4.5"},
        "activation_due_week": {"value": 9, "source": "[F] Virksomhedsrettet aktivt tilbud; domain 4.4"},
    },
    "eligibility": {"under_20": {"check": "min_age", "years": 20, "source": "[F] Målgruppe; domain 3.1"}},
}

_ASSIGNMENT = {"arm": "treatment", "assigned_on": "2010-11-08", "drawn_at": "2010-11-08T09:12:44.318204Z"}
_SUPPLEMENT = {"arm": "control", "assigned_on": "2010-11-09", "drawn_at": "2010-11-15T08:01:10.004511Z"}
_ASSIGNED = {"participant_id": PERSON, "jobcentre": "849", **_ASSIGNMENT}
_SCREENED = {"participant_id": PERSON, "eligible": True, "failures": [], "assignment": _ASSIGNMENT}
_PARTICIPANT = {
    "participant_id": PERSON,
    "jobcentre": "849",
    "state": "counted",
    "programme_week": 14,
    "arm": "treatment",
    "assigned_on": "2010-11-08",
    "interview_on": "2010-11-08",
    "channel": "new_match",
    "target_group": None,
    "contact_person": "Team 3, desk 12",
}
_WITHDRAWN = {
    **_PARTICIPANT,
    "participant_id": _CANDIDATE,
    "state": "withdrawn",
    "programme_week": None,
    "arm": None,
    "assigned_on": None,
    "interview_on": "2010-11-09",
    "channel": "supplement",
}


def _week(week: str, number: int, state: str, *flags: str, deviations: tuple[str, ...] = ()) -> dict[str, Any]:
    names = ("due", "held", "conforming")
    talks = {f"conversation_{name}": name in flags for name in names}
    deeds = {name: name in flags for name in ("activation_due", "activated", "workplace_activated")}
    return {
        "week": week,
        "number": number,
        "state": state,
        **talks,
        **deeds,
        "meter": 0,
        "deviations": list(deviations),
    }


_WEEKS = {
    "items": [
        _week("2010-W45", 1, "assignment_week"),
        _week("2010-W46", 2, "counted", "due", "held", "conforming"),
        _week("2010-W47", 3, "counted", "due", "held", deviations=("remote_too_early",)),
        _week("2010-W48", 4, "counted", "due", deviations=("conversation_missing",)),
    ]
}


def _figures(due: int, held: int, conforming: int, active_due: int, active: int, workplace: int) -> dict[str, Any]:
    return {
        "conversation_due": due,
        "conversation_held": held,
        "conversation_conforming": conforming,
        "activation_due": active_due,
        "activated": active,
        "workplace_activated": workplace,
        "conversation_rate": held / due if due else None,
        "conforming_rate": conforming / due if due else None,
        "activation_rate": active / active_due if active_due else None,
        "workplace_rate": workplace / active_due if active_due else None,
    }


_WORKLIST = {
    "as_of": "2011-02-02",
    "watermark": "2011-02-02T06:45:03.118275Z",
    "week": "2011-W05",
    "items": [
        {
            "participant_id": PERSON,
            "jobcentre": "849",
            "assigned_on": "2010-12-08",
            "contact_person": None,
            "number": 8,
            "state": "counted",
            "reasons": ["no_conversation_this_week", "activation_to_arrange", "exemption_ends", "no_contact_person"],
            "exemptions_ending": [{"scope": "activation", "ground": "illness", "ends_on": "2011-02-04"}],
        }
    ],
}
_WORKLIST_CSV = (
    "participant_id,jobcentre,assigned_on,contact_person,number,state,reasons,exemptions_ending\r\n"
    f"{PERSON},849,2010-12-08,,8,counted,no_conversation_this_week|activation_to_arrange|exemption_ends"
    "|no_contact_person,activation:illness:2011-02-04\r\n"
)
_CUMULATIVE = _figures(320, 272, 240, 80, 64, 36)
_CONDITIONS = {"conversation": "met", "activation": "met", "workplace": "met"}
_SUMMARY: dict[str, Any] = {
    "as_of": "2011-02-08",
    "watermark": "2011-02-08T06:45:03.118275Z",
    "sources": [
        {"client_id": "momentum-849", "kind": "activations", "last_received_at": "2011-02-07T23:10:41.502113Z"},
        {"client_id": "momentum-849", "kind": "conversations", "last_received_at": "2011-02-08T06:45:03.118275Z"},
    ],
    "items": [
        {
            "week": "2011-W05",
            "group": {"jobcentre": "849"},
            "arm": "treatment",
            "participants": 40,
            "states": {"counted": 37, "absent": 2, "exempt": 1, "complete": 0, "assignment_week": 2},
            "entries": 2,
            "exits": {"job": 1},
            **_figures(37, 32, 29, 20, 16, 9),
            "forms": {"in_person": 29, "telephone": 4},
            "no_shows": 3,
            "coordination": {"mentor": 12, "company": 9, "social_services": 4, "health": 7},
            "coordination_so_far": {"mentor": 15, "company": 11, "social_services": 6, "health": 9},
            "deviations": {"activation_missing": 4, "conversation_missing": 5, "remote_too_often": 3},
            "cumulative": _CUMULATIVE,
            "conditions": _CONDITIONS,
            "action_plan": False,
        }
    ],
}
_SUMMARY_CSV = summary_csv(Group(jobcentre="849"), _SUMMARY["items"]).decode()
_CONDITIONS_REPORT: dict[str, Any] = {
    "as_of": "2011-02-08",
    "watermark": "2011-02-08T06:45:03.118275Z",
    "items": [
        {
            "week": "2011-W05",
            "group": {"jobcentre": "849"},
            "figures": _CUMULATIVE,
            "thresholds": {"conversation": 80, "activation": 80, "workplace": 40},
            "conditions": _CONDITIONS,
            "grant": {
                "first_conversations": 41,
                "agreed_participants": 85,
                "dkk_per_participant": 13000,
                "amount_dkk": 533000,
                "payable": True,
                "payable_dkk": 533000,
            },
        }
    ],
}
_CONDITIONS_CSV = conditions_csv(_CONDITIONS_REPORT["items"]).decode()

_BATCH_REPORT = {
    "batch_id": BATCH,
    "committed": True,
    "received": 3,
    "counts": {"created": 2, "updated": 0, "unchanged": 0, "stale": 0, "retracted": 0, "rejected": 1},
    "results": [
        {"index": 1, "external_id": "samtale-4712", "outcome": "created", "warnings": ["remote_too_early"]},
        {
            "index": 2,
            "external_id": "samtale-4713",
            "outcome": "rejected",
            "errors": [{"pointer": "/records/2/date", "code": "date_in_future"}],
        },
    ],
}
_SNAPSHOT_REPORT = {
    "batch_id": BATCH,
    "committed": True,
    "received": 2,
    "counts": {"created": 1, "updated": 0, "unchanged": 0, "stale": 0, "retracted": 1, "rejected": 1},
    "results": [
        {
            "index": 1,
            "external_id": None,
            "outcome": "rejected",
            "errors": [{"pointer": "/records/1/cpr", "code": "unknown_participant"}],
        },
        {"index": None, "external_id": "5f0c6e2b9d7a41338ac4e1f0276b9d85", "outcome": "retracted"},
    ],
}

_ASSESSMENT = {
    "week": "2011-W05",
    "jobcentre": "849",
    "frozen_at": "2011-02-08T07:30:00.552310Z",
    "client_id": "agency",
    "watermark": "2011-02-08T06:45:03.118275Z",
    "frozen": _CONDITIONS_REPORT["items"][0],
    "inputs": [
        {
            "pseudonym": "04eee02b-dc19-464c-9756-0005def3ca3f",
            "conversation_due": 12,
            "conversation_held": 11,
            "conversation_conforming": 10,
            "activation_due": 4,
            "activated": 4,
            "workplace_activated": 2,
            "entries": 1,
            "first_conversations": 1,
        }
    ],
    "today": _CONDITIONS_REPORT["items"][0],
}
_ENTRY = {
    "at": "2010-11-08T09:12:44.318204Z",
    "client_id": "momentum-849",
    "action": "participant.drawn",
    "trial": "prvij",
    "participant_id": PERSON,
    "details": {"arm": "treatment", "position": 0},
    "jobcentre": "849",
    "chain": "writes",
    "position": 17,
    "previous_hash": "5b3c1f0d8a4be7c2960f1d3e5a7b9c0d2e4f6a8b1c3d5e7f9a0b2c4d6e8f0a1b",
    "hash": "e1a69144df935d5b3fe656c8b7756144eb80a1e761b0f7b7bb4969d563724410",
}
_HEADS = {
    "items": [{"jobcentre": "849", "chain": "writes", "length": 18, "head": _ENTRY["hash"]}],
    "jws": "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJpYXQiOjEyODkyMDc1NjQsImhlYWRzIjpbXX0.c2lnbmF0dXJl",
    "jwk": {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    },
}
_AUDIT_CURSOR = "WyIyMDEwLTExLTA4VDA5OjEyOjQ0LjMxODIwNFoiLCI4NDkiLCJ3cml0ZXMiLDE3XQ"

ANSWERS: Final[Mapping[str, Mapping[int, Any]]] = {
    "listProtocols": {200: {"items": [_PROTOCOL], "next": None}},
    "getProtocol": {200: _PROTOCOL},
    "createTrial": {200: _TRIAL, 201: _TRIAL},
    "listTrials": {200: {"items": [_TRIAL], "next": "WyJwcnZpaiJd"}},
    "getTrial": {200: _TRIAL},
    "closeTrial": {200: _CLOSED},
    "listDraws": {
        200: {
            "items": [
                {
                    "jobcentre": "849",
                    "position": 0,
                    "arm": "treatment",
                    "drawn_at": "2010-11-08T09:12:44.318204Z",
                    "pseudonym": "04eee02b-dc19-464c-9756-0005def3ca3f",
                }
            ],
            "next": "WyI4NDkiLDBd",
        }
    },
    "screenParticipant": {
        200: {
            "participant_id": None,
            "eligible": False,
            "failures": [{"code": "not_match_group_2", "detail": "The person must be assessed into match group 2."}],
            "assignment": None,
        },
        201: _SCREENED,
    },
    "drawParticipant": {200: _SUPPLEMENT, 201: _SUPPLEMENT},
    "getAssignment": {200: _ASSIGNMENT},
    "listAssignments": {200: {"items": [_ASSIGNED], "next": _CURSOR}},
    "listParticipants": {200: {"items": [_PARTICIPANT], "next": _CURSOR}},
    "lookUpParticipant": {200: _PARTICIPANT},
    "getParticipant": {200: _PARTICIPANT},
    "changeContactPerson": {200: _PARTICIPANT},
    "withdrawCandidate": {200: _WITHDRAWN},
    "getWeeks": {200: _WEEKS},
    "getBatch": {200: _BATCH_REPORT},
    "replaceActivations": {207: _SNAPSHOT_REPORT},
    "getWeeklySummary": {200: {"application/json": _SUMMARY, "text/csv": _SUMMARY_CSV}},
    "getWorklist": {200: {"application/json": _WORKLIST, "text/csv": _WORKLIST_CSV}},
    "getConditions": {200: {"application/json": _CONDITIONS_REPORT, "text/csv": _CONDITIONS_CSV}},
    **EVALUATION_ANSWERS,
    "handOverRecords": {200: {"handed_over": {"activations": 57, "conversations": 412}}},
    "correctCpr": {200: _PARTICIPANT},
    "listGrantAssessments": {200: {"items": [_ASSESSMENT]}},
    "freezeGrantAssessment": {200: _ASSESSMENT, 201: _ASSESSMENT},
    **PANEL_ANSWERS,
    **QUALITY_ANSWERS,
    "listAudit": {200: {"items": [_ENTRY], "next": _AUDIT_CURSOR}},
    "getAuditHeads": {200: _HEADS},
    "getHealth": {200: {"status": "ok"}},
    "getReadiness": {200: {"status": "ready", "schema_revision": "0006", "reports": "primary"}},
    "getMetrics": {
        200: {
            "text/plain": (
                "# HELP rettevej_requests_total Requests answered.\n"
                "# TYPE rettevej_requests_total counter\n"
                'rettevej_requests_total{method="GET",route="/v1/trials",status="200"} 12.0\n'
            )
        }
    },
    "getProblemType": {
        200: {
            "application/json": {
                "type": "/problems/already_drawn",
                "code": "already_drawn",
                "status": 409,
                "title": "Already drawn",
                "danish": "lodtrukket allerede",
                "detail": "The person has been drawn on other facts.",
                "what_to_do": "The same request will be answered alike: change it, or what it contradicts.",
            },
            "text/html": '<!DOCTYPE html>\n<html lang="en">…<h1>Already drawn</h1>…</html>\n',
        }
    },
}
