"""Examples of the letter, the contact persons and the data-quality report."""

from collections.abc import Mapping
from typing import Any, Final

from app.routers.records.schemas import PERSON
from app.routers.reports.data_quality import quality_csv


def _finding(code: str, count: int, participants: list[str], **members: Any) -> dict[str, Any]:
    others: dict[str, Any] = dict.fromkeys(("total", "kind", "client_id", "last_on", "weekday"))
    return {"code": code, "jobcentre": "849", "count": count, **others, **members, "participants": participants}


_FINDINGS: Final = [
    _finding("source_silent", 23, [], kind="activations", client_id="activation-register", last_on="2011-01-16"),
    _finding("one_day", 231, [], total=240, kind="conversations", weekday=4),
    _finding("no_records", 1, [PERSON]),
]
_QUALITY: Final = {"as_of": "2011-02-08", "watermark": "2011-02-08T06:45:03.118275Z", "items": _FINDINGS}
_HISTORY: Final = [
    {"contact_person": "Team 1, desk 4", "named_at": "2010-11-08T09:12:44.318204Z", "client_id": "momentum-849"},
    {"contact_person": "Team 3, desk 12", "named_at": "2011-01-17T13:40:02.906118Z", "client_id": "momentum-849"},
]

QUALITY_ANSWERS: Final[Mapping[str, Mapping[int, Any]]] = {
    "getLetter": {
        200: {"text/html": '<!DOCTYPE html>\n<html lang="da">\n…\n</html>\n', "application/pdf": "%PDF-1.3 …"}
    },
    "listContactPersons": {200: {"items": _HISTORY}},
    "getDataQuality": {200: {"application/json": _QUALITY, "text/csv": quality_csv(_FINDINGS).decode()}},
}
