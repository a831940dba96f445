"""What the answers of the panel look like: made by the functions and encoders that make them."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from pydantic_core import from_json

from app.domain.facts import History
from app.domain.figures.panel import (
    DRAWS,
    PARTICIPANTS,
    PERSON_WEEKS,
    PanelRow,
    PanelTable,
    Subject,
    draw_row,
    participant_row,
    person_week_rows,
)
from app.protocols import protocols
from app.routers.panel.encoders import dictionary_of, encoder_of

_RELEASE: dict[str, Any] = {
    "release_id": "012c5e21-7d0c-7a31-9c55-60f1c2b7a904",
    "trial": "prvij",
    "protocol": "prvij-2010-11",
    "pilot": False,
    "client_id": "evaluator",
    "purpose": "Evaluation of the effect on employment",
    "recorded_at": "2011-02-08T08:00:00.118275Z",
    "watermark": "2011-02-08T08:00:00.118275Z",
    "as_of": "2011-02-08",
    "dictionary_version": 1,
}
_PSEUDONYM = "7d1e0a5c93b84f26a1c04be2f86d5709"
_SUBJECT = Subject(_PSEUDONYM, "849", "nord", "treatment")


def _table_answers(table: PanelTable, row: PanelRow) -> dict[str, Any]:
    """A table of one row in every format, by the encoders themselves; of Parquet, which is binary, its first bytes."""
    encoders = {
        kind: encoder_of(kind, table, _RELEASE) for kind in ("application/json", "application/x-ndjson", "text/csv")
    }
    answers: dict[str, Any] = {
        kind: (encoder.start() + encoder.rows([row]) + encoder.end()).decode() for kind, encoder in encoders.items()
    }
    answers["application/json"] = from_json(answers["application/json"])
    return {**answers, "application/vnd.apache.parquet": "PAR1 …"}


_ASSIGNED_ON = date(2010, 11, 8)
_PERSON_WEEKS = _table_answers(
    PERSON_WEEKS,
    next(
        person_week_rows(
            _SUBJECT, protocols()["prvij-2010-11"], date(2012, 3, 31), date(2011, 2, 8), History(_ASSIGNED_ON)
        )
    ),
)
_PANEL_PARTICIPANTS = _table_answers(
    PARTICIPANTS,
    participant_row(
        _SUBJECT,
        protocols()["prvij-2010-11"],
        date(2012, 3, 31),
        date(2011, 2, 8),
        _ASSIGNED_ON,
        {
            "channel": "new_match",
            "match_group": 2,
            "benefit": "cash_benefit",
            "exempt_from": "none",
            "unemployed_since": "2010-08-01",
        },
    ),
)
_PANEL_DRAWS = _table_answers(DRAWS, draw_row(_SUBJECT, None, _ASSIGNED_ON, _ASSIGNED_ON, duplicate=False))

PANEL_ANSWERS: Final[Mapping[str, Mapping[int, Any]]] = {
    "recordRelease": {201: _RELEASE},
    "listReleases": {200: {"items": [_RELEASE], "next": "WyIwMTJjNWUyMS03ZDBjLTdhMzEtOWM1NS02MGYxYzJiN2E5MDQiXQ"}},
    "getRelease": {200: _RELEASE},
    "getPanelDictionary": {
        200: {"version": 1, "tables": [dictionary_of(table) for table in (PERSON_WEEKS, PARTICIPANTS, DRAWS)]}
    },
    "getPersonWeeks": {200: _PERSON_WEEKS},
    "getPanelParticipants": {200: _PANEL_PARTICIPANTS},
    "getPanelDraws": {200: _PANEL_DRAWS},
}
