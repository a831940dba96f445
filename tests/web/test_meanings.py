"""Meanings of errors: made from the contract for every code and field, in both languages, without what was sent."""

import gzip
import json
from typing import Any

import pytest

from app.contract.__main__ import contract
from app.contract.danish import MEANINGS, PATTERNS, SENTENCES, Language
from app.domain.codes import CODES
from app.routers.records.kinds import KINDS
from app.web.json_faults import json_fault
from app.web.meanings import Meanings, language_of, nearest_name
from app.web.problems import PROBLEMS, Fault, code_meaning
from tests.web.faulty import CANARY, call

DOCUMENT: dict[str, Any] = json.loads(contract())
CONTRACT = Meanings(DOCUMENT)
LANGUAGES: tuple[Language, ...] = ("en", "da")


def meaning(operation: str, pointer: str, code: str, hint: str = "", language: Language = "en") -> str:
    return CONTRACT.meaning(operation, Fault(pointer, code, hint), language)


@pytest.mark.parametrize("code", sorted({*PROBLEMS, *CODES["FaultCode"].meaning}))
def test_every_code_has_a_meaning_in_both_languages(code: str) -> None:
    english, danish = code_meaning(code), code_meaning(code, "da")
    assert english
    assert danish == MEANINGS[code] != english


def test_the_sentences_of_both_languages_have_the_same_places() -> None:
    for sentence in (*SENTENCES.values(), *PATTERNS.values()):
        places = [sorted(part.split("}")[0] for part in sentence[language].split("{")[1:]) for language in LANGUAGES]
        assert places[0] == places[1]
        assert all(sentence.values())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_value_of_a_record_gets_what_its_field_accepts(kind: Any, language: Language) -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for name, field in schemas[f"{kind.singular}Body"]["properties"].items():
        said = meaning(f"push{kind.plural}", f"/records/7/{name}", "invalid_value", language=language)
        assert said != code_meaning("invalid_value", language), name
        assert meaning(f"put{kind.singular}", f"/{name}", "invalid_value", language=language) == said
        assert said in meaning(f"push{kind.plural}", f"/records/7/{name}", "missing_field", language=language) or (
            name == "participant_id"
        )
        references = [
            node["$ref"] for node in (field, *field.get("anyOf", ()), field.get("items", {})) if "$ref" in node
        ]
        for reference in references:
            assert ", ".join(map(str, schemas[reference.rpartition("/")[2]]["enum"])) in said


def test_every_place_of_a_request_has_words_for_what_it_accepts() -> None:
    """No operation answers "the field cannot have this value" where the contract knows more."""
    for operation_id, operation in CONTRACT._operations.items():
        for parameter in operation.get("parameters", ()):
            if "name" in parameter:
                pointer = f"/{parameter['in']}/{parameter['name']}"
                assert meaning(operation_id, pointer, "invalid_value") != code_meaning("invalid_value"), pointer
        for name in CONTRACT.field_names(operation_id, ""):
            assert meaning(operation_id, f"/{name}", "invalid_value") != code_meaning("invalid_value"), name


@pytest.mark.parametrize(
    ("operation", "pointer", "code", "hint", "said"),
    [
        ("pushActivations", "/records/0/starts_on", "invalid_value", "", "a day, YYYY-MM-DD, from 1971-01-01 on"),
        (
            "pushActivations",
            "/records/0/hours_per_week",
            "invalid_value",
            "",
            "a number, more than 0, at most 60, at most 2 decimals",
        ),
        ("pushOutcomes", "/records/0/week", "invalid_value", "", "an ISO week, YYYY-Www, such as 2011-W05"),
        ("pushOutcomes", "/records/0/revision", "invalid_value", "", "an integer, from 0"),
        ("pushConversations", "/records/0/job_interview", "missing_field", "", "required: true or false"),
        (
            "pushConversations",
            "/records/0/participant_id",
            "missing_field",
            "",
            "exactly one of participant_id and cpr, and not null",
        ),
        ("listDraws", "/query/limit", "invalid_value", "", "an integer, from 1, at most 1,000"),
        (
            "pushActivations",
            "/records/0",
            "unknown_field",
            "starts_on",
            "there is no such name here; the nearest that there is: starts_on",
        ),
        (
            "pushActivations",
            "/query/dryRun",
            "unknown_parameter",
            "",
            "there is no such name here; the nearest that there is: dry_run",
        ),
        (
            "pushActivations",
            "/query",
            "unknown_parameter",
            "",
            "there is no such name here; there are: dry_run, atomic, report",
        ),
        ("getHealth", "/query", "unknown_parameter", "", "nothing is taken here"),
        ("putMentor", "", "unsupported_media_type", "", "the body must be one of application/json, in UTF-8"),
        ("pushMentors", "", "insufficient_scope", "", "the token needs the scope participants:write"),
    ],
)
def test_sentences(operation: str, pointer: str, code: str, hint: str, said: str) -> None:
    assert meaning(operation, pointer, code, hint) == said


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"a": 1}', ""),
        (b'{"a": NaN}', "not_a_number:1:7"),
        (b'{"a": -Infinity}', "not_a_number:1:8"),
        (b'{"a":\n 1', "ends_early:2:2"),
        (b"", "empty_body"),
        (b"\xef\xbb\xbf{}", "byte_order_mark"),
        ("{}".encode("utf-16"), "utf_16"),
        ("{}".encode("utf-16-le"), "utf_16"),
        (gzip.compress(b"{}", mtime=0), "gzip"),
        (b'{"a": 1,}', "trailing_comma:1:9"),
        (b"{'a': 1}", "quotes:1:2"),
        (b"{\"a\": 'x'}", "quotes:1:7"),
        (b'{"a": "\xe6"}', "not_utf_8:1:8"),
        (b"{} {}", "trailing:1:4"),
        (b'{"a": x}', "syntax:1:7"),
    ],
)
def test_causes_of_invalid_json(body: bytes, fault: str) -> None:
    assert json_fault(body).partition(":")[0] == fault.partition(":")[0]
    if ":" in fault:
        assert json_fault(body) == fault
    assert meaning("createTrial", "", "invalid_json", json_fault(body))


def test_an_unknown_name_gets_the_nearest_and_is_not_repeated() -> None:
    names = ("starts_on", "ends_on", "hours_per_week")
    assert nearest_name(["startsOn"], names) == nearest_name(["ends_on", "start_on"], names) == "starts_on"
    assert nearest_name(["HoursPerWeek"], names) == "hours_per_week"
    assert nearest_name(["x", "starts_on"], names) == nearest_name(["7101701234"], names) == ""


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("da", "da"),
        ("DA-dk", "da"),
        ("da-DK,da;q=0.9,en;q=0.8", "da"),
        ("en-GB,en;q=0.9,da;q=0.8", "en"),
        ("fr, da;q=0.1", "da"),
        ("*", "en"),
        ("da;q=0", "en"),
        ("da;q=x, en;q=0.1", "en"),
        (f"{CANARY}, da", "da"),
    ],
)
def test_languages(header: str | None, language: Language) -> None:
    headers = [] if header is None else [(b"accept-language", header.encode())]
    assert language_of({"headers": headers}) == language


def test_a_problem_is_in_the_language_asked_for() -> None:
    for language in LANGUAGES:
        answer = call("GET", "/raise/stale", headers={"Accept-Language": language})
        assert answer.json()["meaning"] == code_meaning("stale", language)
        assert answer.headers["content-language"] == language
        assert answer.headers["vary"] == "Accept-Language"


def test_a_problem_of_json_has_line_and_column() -> None:
    answer = call("POST", "/trials", content=b'{"id": \n NaN}{', headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["meaning"] == answer.json()["meaning"]
    assert "at line 2, column 2" in answer.json()["meaning"]
