"""The person's own file: all that is stored of one participant, as JSON and as a page to print."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

from fastapi import APIRouter, Request, Response

from app.contract.danish import Language, danish
from app.db.reports.person_file import (
    AuditedAccess,
    PersonFacts,
    StoredChange,
    StoredCorrection,
    StoredDraw,
    StoredPerson,
    load_stored_person,
)
from app.domain.codes import ENUMERATIONS
from app.domain.facts import KINDS
from app.domain.rules.calendar import COPENHAGEN
from app.domain.rules.weeks import as_seen_on, judge
from app.routers.common.access import ParticipantPath, ParticipantReader, visible_participant
from app.routers.common.html_pages import HTML, html_page
from app.routers.common.services import Services, ServicesDep, TrialPath, access_scope_of, json_response
from app.routers.common.tables import negotiate
from app.routers.common.types import ResponseModel
from app.routers.participants.endpoints import week_body
from app.routers.participants.schemas import ParticipantModel, ScreeningIn, WeekView
from app.web.auth import Principal
from app.web.meanings import language_of
from app.web.problems import COMMON, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["participants"])
_TEXTS: Final[Mapping[Language, Any]] = json.loads(Path(__file__).with_name("file_texts.json").read_text("utf-8"))
_PAGE: Final[dict[str, Any]] = {
    "description": "The file. HTML is in English, or in Danish with `Accept-Language: da`.",
    "content": {HTML: {"schema": {"type": "string"}}},
}


class PersonFile(ResponseModel):
    """All that is stored of one participant, each list oldest first."""

    trial: str
    participant: ParticipantModel
    """The participant as of today."""
    weeks: list[WeekView]
    """The person's weeks so far, which are computed from the records; empty before a draw and of a duplicate."""
    stored: StoredPerson
    """What is stored."""


@router.get(
    "/v1/trials/{trial}/participants/{id}/file",
    operation_id="getPersonFile",
    summary="All that is stored of one person",
    response_model=PersonFile,
    responses={200: _PAGE, **problem_responses(*COMMON, "not_found")},
)
async def get_person_file(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantReader,
) -> Response:
    """Returns all that is stored of a person, every version included, and who read or changed it: JSON, or a page to
    print for `Accept: text/html`.

    It serves the person's right of access. So it also has conversations, activations and outcomes, which otherwise need
    a scope of their own, whoever sent them (`client_id`), and the CPR number. It has no number of a request for a
    corrected one, which may be another person's, and no list or report of a whole jobcentre that the person is part of.
    Screenings in other jobcentres are in their files. The read is in the audit trail, and in
    the file the next time.
    """
    async with services.read(principal) as connection:
        view = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        place = (trial_id, view.jobcentre, participant_id)
        stored = await load_stored_person(connection, services.database, services.vault, *place)
    weeks = await _load_weeks(services, principal, trial_id, view.participant_id)
    await services.audit_read(principal, "file.read", trial_id, [view.jobcentre], participant_id)
    document = {"trial": trial_id, "participant": asdict(view), "weeks": weeks, "stored": asdict(stored)}
    if negotiate(request, [HTML]) == HTML:
        language = language_of(request.scope)
        response = html_page(request, "file.html", **_page(document, language))
        response.headers["Content-Language"] = language
        response.headers.add_vary_header("Accept-Language")
    else:
        response = json_response(request, document)
    response.headers["Cache-Control"] = "no-store"
    return response


async def _load_weeks(
    services: Services, principal: Principal, trial_id: str, participant_id: Any
) -> list[dict[str, Any]]:
    """Return the judged weeks up to today."""
    trial, today = await services.get_trial(principal, trial_id), services.today()
    person = await services.people.find(access_scope_of(principal), trial_id, participant_id)
    if person is None:
        return []
    judged = judge(trial.protocol, trial.ends_on, person.history())
    return [week_body(week) for week in as_seen_on(trial.protocol, judged, today) if week.monday <= today]


# --- the page ---------------------------------------------------------------------------------------------------------


def _page(document: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Return the values of the template: a table for each list, with the words of the language."""
    texts, stored = _TEXTS[language], document["stored"]
    lists = {name: rows for name, rows in stored.items() if isinstance(rows, list)}
    sections = {**lists, "weeks": document["weeks"], **stored["records"]}
    summary = {**document["participant"], "cpr": stored["cpr"]}
    return {
        "language": language,
        "title": texts["title"],
        "texts": texts,
        "summary": [
            (_label(name, language), _text("participant", name, value, language)) for name, value in summary.items()
        ],
        "sections": [_section(name, sections[name], language) for name in texts["sections"]],
    }


def _section(name: str, rows: Sequence[Mapping[str, Any]], language: Language) -> dict[str, Any]:
    """Return a table without the columns that say nothing."""
    columns = [
        column
        for column in (rows[0] if rows else ())
        if column != "participant_id" and any(_is_told(row[column]) for row in rows)
    ]
    return {
        "title": _TEXTS[language]["sections"][name],
        "columns": [_label(column, language) for column in columns],
        "rows": [[_text(name, column, row[column], language) for column in columns] for row in rows],
    }


def _is_told(value: Any) -> bool:
    return not (value is None or value is False or value in ([], ()))


def _label(name: str, language: Language) -> str:
    label: str = _TEXTS[language]["fields"].get(name, name.replace("_", " "))
    return label


def _text(section: str, name: str, value: Any, language: Language) -> str:
    """Return a value for people: days and moments of Copenhagen, words for codes."""
    if value is None or value in ([], ()):
        return "–"
    if isinstance(value, bool):
        return str(_TEXTS[language]["yes" if value else "no"])
    if isinstance(value, datetime):
        return f"{value.astimezone(COPENHAGEN):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return str(value)
    if isinstance(value, Mapping):
        return "; ".join(
            f"{_label(key, language)}: {_text(section, key, each, language)}"
            for key, each in value.items()
            if _is_told(each)
        )
    if isinstance(value, list | tuple):
        return ", ".join(_text(section, name, each, language) for each in value)
    component = _COMPONENTS.get((section, name)) or _COMPONENTS.get(("participant", name), "")
    word = danish(component, value) if language == "da" else None
    word = word or _TEXTS[language]["words"].get(str(value))
    return word or (str(value).replace("_", " ") if component else str(value))


def _components() -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the code list of each field of a section, which the codes of its type identify."""
    lists = {frozenset(codes.meaning): component for component, codes in ENUMERATIONS.items()}
    types: dict[str, Any] = {
        "participant": ParticipantModel,
        "facts": PersonFacts,
        "screenings": ScreeningIn,
        "draws": StoredDraw,
        "cpr_corrections": StoredCorrection,
        "changes": StoredChange,
        "weeks": WeekView,
        "trail": AuditedAccess,
        **KINDS,
    }
    for section, kind in types.items():
        for name, hint in get_type_hints(kind).items():
            if component := lists.get(frozenset(_literals(hint))):
                yield (section, name), component


_OPEN_LISTS: Final = {
    ("participant", "retraction_reason"): "RetractionReason",
    ("participant", "failures"): "FailureCode",
    ("participant", "ineligible_found"): "FailureCode",
    ("participant", "deviations"): "DeviationCode",
}
"""Code lists that no type names."""


def _literals(hint: Any) -> Iterator[Any]:
    for argument in get_args(hint):
        if isinstance(argument, str | int):
            yield argument
        else:
            yield from _literals(argument)


_COMPONENTS: Final = {**dict(_components()), **_OPEN_LISTS}
