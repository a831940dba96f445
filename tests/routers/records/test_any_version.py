"""PUT and DELETE with ``If-Match: *`` on records in every state (once reported as 5xx): retracted before they came,
of duplicates, moved to another jobcentre, handed over, of a client that lost its jobcentre."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.database import register_faults
from tests.register import Register, record_id
from tests.routers.records.single.common import FACTS
from tests.routers.records.test_versions import Place


@pytest.fixture(scope="module")
def place(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Register(new_database(), tmp_path_factory.mktemp("any")) as register:
        trial = register.new_trial()
        people = {code: register.drawn(trial, jobcentre=code) for code in ("849", "860", "450")}
        yield Place(register, trial, people, register.sender(client_id="everywhere"))


def _prepare(place: Place, kind: str, state: str) -> str:
    """A record in a state."""
    path, external_id = f"/v1/trials/{place.trial}/{kind}", record_id()

    def put(who: str, revision: int) -> None:
        body = {"participant_id": who, **FACTS[kind], "revision": revision}
        assert place.system.put(f"{path}/{external_id}", body).is_success

    if state == "retracted before it came":
        assert place.system.delete(f"{path}/{external_id}", revision=1).is_success
    elif state != "never sent":
        put(place.people["849"], 0)
    if state == "retracted":
        assert place.system.delete(f"{path}/{external_id}", revision=1).is_success
    if state == "moved":
        put(place.people["860"], 1)
    return external_id


STATES = ("never sent", "retracted before it came", "stands", "retracted", "moved")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", FACTS)
def test_in_every_state(place: Place, kind: str, state: str) -> None:
    bound = place.register.sender("849", client_id="everywhere")
    path = f"/v1/trials/{place.trial}/{kind}"
    for system, revision, method in itertools.product((place.system, bound), (None, 0, 1, 5), ("PUT", "DELETE")):
        external_id = _prepare(place, kind, state)
        for person in (place.people["849"], place.people["860"]):
            body = {"participant_id": person, **FACTS[kind], "revision": revision}
            options: dict[str, Any] = {"json": body} if method == "PUT" else {"params": {"revision": revision or 0}}
            answer = system.request(method, f"{path}/{external_id}", headers={"If-Match": "*"}, **options)
            assert answer.status_code in (200, 404, 409, 412), answer.text
            assert answer.status_code == 412 or state != "never sent"
    assert register_faults(place.register) == []


@pytest.mark.parametrize("kind", FACTS)
def test_of_a_duplicate(place: Place, kind: str) -> None:
    """Domain 3.4: the duplicate's jobcentre keeps the record, and nobody is found by the duplicate's id any more."""
    known, path = place.register.screening(jobcentre="860"), f"/v1/trials/{place.trial}"
    assert place.system.post(f"{path}/participants", known).status_code == 201
    later, ids = place.register.drawn(place.trial), [record_id(), record_id()]
    bound = place.register.sender("849", client_id="everywhere")
    for external_id in ids:
        body = {"participant_id": later, **FACTS[kind], "revision": 0}
        assert bound.put(f"{path}/{kind}/{external_id}", body).status_code == 201
    assert bound.delete(f"{path}/{kind}/{ids[1]}", revision=1).status_code == 200
    place.register.correct(place.trial, later, known["cpr"])
    for system, external_id, revision in itertools.product((bound, place.system), ids, (None, 1, 5)):
        body = {"participant_id": later, **FACTS[kind], "revision": revision}
        answer = system.request("PUT", f"{path}/{kind}/{external_id}", json=body, headers={"If-Match": "*"})
        assert answer.status_code in (200, 404, 409, 412), answer.text
    assert register_faults(place.register) == []


@pytest.mark.parametrize("kind", FACTS)
def test_at_the_ends_of_the_calendar(place: Place, kind: str) -> None:
    path, days = f"/v1/trials/{place.trial}/{kind}", ("1971-01-01", "1999-02-28", "2010-11-16", "9999-12-31")
    for first, last in itertools.product(days, (None, *days)):
        dates = {"date": first, "starts_on": first, "ends_on": last}
        known = {name: dates[name] for name in FACTS[kind] if name in dates}
        external_id = record_id()
        for revision in (0, 1):
            body = {"participant_id": place.people["849"], **FACTS[kind], **known, "revision": revision}
            tag = {"If-Match": "*"} if revision else {}
            answer = place.system.request("PUT", f"{path}/{external_id}", json=body, headers=tag)
            assert answer.status_code < 500, answer.text
    assert register_faults(place.register) == []
