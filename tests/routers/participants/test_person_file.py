"""The person's own file: all that is stored of the person, versions included, and who read it (api.md)."""

import asyncio
import re
from typing import Any
from uuid import UUID

import pytest

from app.cli.operations import erase_person
from app.db.core.kinds import TABLES
from app.routers.participants.person_file import _TEXTS
from tests.register import Register, new_cpr
from tests.routers.participants.correction_place import WAITING, Place
from tests.routers.records.single.common import FACTS


@pytest.fixture
def place(fresh_register: Register) -> Place:
    return Place(fresh_register, fresh_register.new_trial(), fresh_register.sender(client_id="everywhere"))


def full(place: Place) -> tuple[str, str, str]:
    """A participant of whom everything there is was recorded: the id, the first number and the present one."""
    anna, wrong = place.screened(contact_person="Team 1")
    for kind in FACTS:
        place.send(anna, kind)
    talk = place.send(anna, revision=1)
    for revision, date in ((2, "2010-11-23"), (3, "2010-11-24")):
        record = {"external_id": talk, "participant_id": anna, "date": date, "revision": revision}
        place.system.push(place.trial, "conversations", [record])
    place.system.delete(f"{place.path}/conversations/{talk}", revision=4)
    place.deliver(wrong)
    place.system.patch(f"{place.path}/participants/{anna}", {"contact_person": "Team 2"})
    right = new_cpr("0271")
    assert place.correct(anna, right).status_code == 200
    place.deliver(right)
    place.register.case_system("849", client_id="reader").get(f"{place.path}/participants/{anna}")
    return anna, wrong, right


def read(place: Place, participant: str, **headers: str) -> Any:
    path = f"{place.path}/participants/{participant}/file"
    return place.register.case_system("849").request("GET", path, headers=headers)


def test_it_holds_all_versions_and_who_read_them(place: Place) -> None:
    anna, wrong, right = full(place)
    answer = read(place, anna)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    file, stored = answer.json(), answer.json()["stored"]
    assert file["participant"] == place.shown(anna)
    assert file["weeks"]
    assert stored["cpr"] == right
    assert wrong not in answer.text
    assert [version["born_on"][5:] for version in stored["facts"]] == ["01-01", "02-01"]
    assert [screening["interview_on"] for screening in stored["screenings"]] == ["2010-11-08"]
    assert [draw["position"] for draw in stored["draws"]] == [0]
    assert [each["contact_person"] for each in stored["contact_persons"]] == ["Team 1", "Team 2"]
    assert [each["status"] for each in stored["cpr_corrections"]] == ["accepted"]
    assert [each["change"] for each in stored["changes"]] == ["drawn", "number_changed"]
    assert stored["records"].keys() == TABLES.keys()
    assert all(stored["records"].values())
    versions = [each for each in stored["records"]["conversations"] if each["revision"] is not None]
    assert [each["revision"] for each in versions] == [1, 2, 3, 4]
    assert [each["retracted"] for each in versions] == [False, False, False, True]
    senders = {each["client_id"] for each in stored["records"]["outcomes"]}
    assert senders == {"everywhere", "register"}
    reads = {each["client_id"] for each in stored["trail"] if each["reading"] and each["action"] == "participant.read"}
    assert "reader" in reads


def test_a_read_of_the_file_is_in_the_next_one(place: Place) -> None:
    anna, _ = place.screened()
    assert not any(each["action"] == "file.read" for each in read(place, anna).json()["stored"]["trail"])
    (entry,) = [each for each in read(place, anna).json()["stored"]["trail"] if each["action"] == "file.read"]
    assert (entry["client_id"], entry["reading"]) == ("case-system-849", True)
    audit = place.register.client("auditor").get("/v1/audit", participant_id=anna).json()["items"]
    assert [each["action"] for each in audit].count("file.read") == 2


def test_an_ineligible_screening_of_the_same_jobcentre_is_in_it(place: Place) -> None:
    body = place.register.screening(match_group=1, interview_on="2010-11-09")
    assert place.system.post(f"{place.path}/participants", body).json()["eligible"] is False
    elsewhere = {**body, "jobcentre": "860"}
    place.system.post(f"{place.path}/participants", elsewhere)
    anna, _ = place.screened(cpr=body["cpr"])
    screenings = read(place, anna).json()["stored"]["screenings"]
    assert [each["failures"] for each in screenings] == [["not_match_group_2"], []]


def test_the_undrawn_the_erased_and_duplicates_have_one(place: Place) -> None:
    candidate, _ = place.screened(**WAITING)
    file = read(place, candidate).json()
    assert (file["weeks"], file["stored"]["draws"]) == ([], [])
    anna, number = place.screened()
    again, _ = place.screened()
    place.correct(again, number)
    duplicate = read(place, again).json()
    assert (duplicate["participant"]["duplicate_of"], duplicate["weeks"]) == (anna, [])
    asyncio.run(erase_person(place.register.database_url, place.trial, UUID(anna), "operator"))
    stored = read(place, anna).json()["stored"]
    assert (stored["cpr"], stored["facts"][0]["born_on"]) == (None, None)


def test_only_the_jobcentre_of_the_person_reads_it(place: Place) -> None:
    anna, _ = place.screened()
    path = f"{place.path}/participants/{anna}/file"
    assert place.register.case_system("860").get(path).status_code == 404
    for role in ("register", "agency", "registrar", "evaluator", "auditor", "region"):
        assert place.register.client(role).get(path).status_code == 403
    assert place.system.get(f"{place.path}/participants/{UUID(int=1)}/file").status_code == 404


def test_as_a_page_to_print(place: Place) -> None:
    """In both languages, escaped, with every list; it loads nothing and runs nothing."""
    anna, _, right = full(place)
    place.system.patch(f"{place.path}/participants/{anna}", {"contact_person": "<b>x</b>"})
    english = read(place, anna, Accept="text/html")
    danish = read(place, anna, **{"Accept": "text/html", "Accept-Language": "da"})
    for answer, language in ((english, "en"), (danish, "da")):
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert (answer.headers["cache-control"], answer.headers["content-language"]) == ("no-store", language)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert f'<html lang="{language}">' in answer.text
        assert right in answer.text
        assert "<b>x</b>" not in answer.text
        assert len(re.findall("<h2>", answer.text)) == 8 + len(TABLES)
    assert "Samtaler" in danish.text
    assert "ansigt" in danish.text or "fremmøde" in danish.text, "codes have Danish words"
    assert read(place, anna, Accept="application/pdf").status_code == 406


def test_every_field_of_the_page_has_a_danish_label(place: Place) -> None:
    anna, _, _ = full(place)
    file = read(place, anna).json()
    lists = [rows for rows in file["stored"].values() if isinstance(rows, list)]
    lists += [*file["stored"]["records"].values(), file["weeks"], [file["participant"]]]
    fields = {name for rows in lists for row in rows for name in row} | {"cpr"}
    assert fields <= _TEXTS["da"]["fields"].keys()
    assert _TEXTS["da"]["sections"].keys() == _TEXTS["en"]["sections"].keys()
