"""What an erasure leaves, and what the end of a trial's retention leaves (domain 3.4)."""

import asyncio
import hashlib
import hmac
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.cli.operations import erase_person, expire
from app.db.core.session import make_engine
from app.db.participants.erasure import ErasureError
from app.db.personal_data.vault import Vault, load_or_create_master_key, trial_key_name
from app.domain.draw_verification import PublishedDraw, check_draws
from tests.database import check_audit_trail, query, register_faults, tamper
from tests.register import Register, new_cpr, record_id
from tests.routers.participants.correction_place import WAITING, Place


@pytest.fixture
def place(fresh_register: Register) -> Place:
    return Place(fresh_register, fresh_register.new_trial(), fresh_register.sender(client_id="everywhere"))


def vault_of(register: Register) -> Vault:
    async def run() -> Vault:
        engine = make_engine(register.database_url, 1)
        async with engine.begin() as connection:
            vault = await Vault.open(connection, load_or_create_master_key(register.settings.data_dir))
        await engine.dispose()
        return vault

    return asyncio.run(run())


def trial_key(register: Register, trial: str) -> bytes | None:
    vault, engine = vault_of(register), make_engine(register.database_url, 1)

    async def run() -> bytes | None:
        async with engine.begin() as connection:
            key = await vault.find_key(connection, trial_key_name(trial))
        await engine.dispose()
        return key

    return asyncio.run(run())


def holders_of(register: Register, *values: bytes) -> set[str]:
    """The tables that have any of the values in any column, or in hex in any text."""
    columns = query(
        register.database_url,
        "select quote_ident(table_schema) || '.' || quote_ident(table_name) as name, column_name, data_type"
        " from information_schema.columns where table_schema in ('public', 'vault')"
        " and data_type in ('bytea', 'text', 'character varying', 'jsonb')",
    )
    found = set()
    for column in columns:
        for value in values:
            wanted: Any = value if column["data_type"] == "bytea" else f"%{value.hex()}%"
            test = f'"{column["column_name"]}"' + (" = $1" if column["data_type"] == "bytea" else "::text like $1")
            if query(register.database_url, f"select from {column['name']} where {test} limit 1", arguments=[wanted]):
                found.add(column["name"])
    return found


def erase(place: Place, participant: str) -> None:
    asyncio.run(erase_person(place.register.database_url, place.trial, UUID(participant), "operator"))


def flow(place: Place) -> Any:
    return {**place.register.client("evaluator").get(f"{place.path}/flow").json(), "watermark": None}


# --- a person erased --------------------------------------------------------------------------------------------------


def test_whoever_has_the_key_of_the_blind_index_names_nobody(place: Place) -> None:
    """The right number and the mistyped one are gone everywhere: screenings, records of registers, the guards."""
    anna, wrong = place.screened()
    right = new_cpr()
    place.deliver(wrong)
    ineligible = place.register.screening(cpr=right, jobcentre="860", match_group=1)
    assert place.system.post(f"{place.path}/participants", ineligible).json()["eligible"] is False
    assert place.correct(anna, right).status_code == 200
    place.deliver(right)
    bo, _ = place.screened()
    vault = vault_of(place.register)
    indexes = [vault.blind_index(cpr) for cpr in (wrong, right)]
    assert {"vault.identity", "public.screening", "public.outcome"} <= holders_of(place.register, *indexes)
    before = flow(place)

    erase(place, anna)

    assert holders_of(place.register, *indexes) == set()
    assert flow(place) == before
    assert register_faults(place.register) == []
    key = trial_key(place.register, place.trial)
    assert key is not None
    digests = [hmac.digest(key, index, "sha256") for index in indexes]
    assert holders_of(place.register, *digests) == {"public.drawn_number", "public.audit_entry"}
    for cpr in (wrong, right):
        answer = place.system.post(f"{place.path}/participants", place.register.screening(cpr=cpr))
        assert (answer.status_code, answer.json()["code"]) == (409, "already_drawn")
        assert place.look_up(cpr) is None
        _, report = place.deliver(cpr)
        assert report["results"][0]["errors"][0]["code"] == "unknown_participant"
    place.request(bo, right)
    (waiting,) = place.registrar.get(f"{place.path}/cpr-corrections", status="waiting").json()["items"]
    assert waiting["people"][0]["number_is"] == "erased"
    assert place.decide(waiting["id"]).json()["code"] == "number_taken"


def test_no_number_is_guessed_from_a_repeated_request(place: Place) -> None:
    """Neither the key nor the body of a batch is stored as a hash that needs no key."""
    anna, number = place.screened()
    client, key, record = place.register.client("register"), f"of-{number}", record_id()
    body = f'{{"records":[{{"external_id":"{record}","cpr":"{number}","week":"2010-W50","status":"benefit"}}]}}'
    path, headers = f"{place.path}/outcomes/batch", {"Idempotency-Key": key, "Content-Type": "application/json"}
    first, again = (client.request("POST", path, content=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.json()) == (207, first.json())
    erase(place, anna)
    texts = (key, body, f"{path}?\napplication/json\n{body}")
    assert holders_of(place.register, *(hashlib.sha256(each.encode()).digest() for each in texts)) == set()
    other = client.request("POST", path, content=f"{body} ", headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_a_duplicate_is_the_same_person(place: Place) -> None:
    anna, number = place.screened()
    again, _ = place.screened(jobcentre="860")
    place.correct(again, number)
    assert place.state(again) == "duplicate"
    erase(place, again)
    assert holders_of(place.register, vault_of(place.register).blind_index(number)) == set()
    erased = query(place.register.database_url, "select * from audit_entry where action = 'participant.erased'")
    assert {(str(row["participant_id"]), row["jobcentre_code"]) for row in erased} == {(anna, "849"), (again, "860")}
    with pytest.raises(ErasureError):
        erase(place, anna)


def test_an_erased_candidate_waits_no_more(place: Place) -> None:
    anna, number = place.screened(**WAITING)
    erase(place, anna)
    assert place.state(anna) == "withdrawn"
    drawn = place.system.post(f"{place.path}/participants/{anna}/assignment")
    assert (drawn.status_code, drawn.json()["code"]) == (409, "not_waiting")
    assert place.screened(cpr=number)[0] != anna, "never drawn: nothing forbids a new screening"


# --- the end of a trial's retention -----------------------------------------------------------------------------------


def test_until_when_is_part_of_the_trial(register: Register) -> None:
    agency = register.client("agency")
    shown = agency.get(f"/v1/trials/{register.new_trial()}").json()
    assert (shown["ends_on"], shown["retention_until"]) == ("2012-03-31", "2017-03-31")
    leap = register.new_trial(ends_on="2012-02-29")
    assert agency.get(f"/v1/trials/{leap}").json()["retention_until"] == "2017-02-28"
    given = register.new_trial(retention_until="2012-03-31")
    assert agency.get(f"/v1/trials/{given}").json()["retention_until"] == "2012-03-31"
    body = {"id": "x", "protocol": "prvij-2010-11", "title": "x", "retention_until": "2012-03-30"}
    body["jobcentres"] = [{"code": "849", "name": "x", "region": "nord", "agreed_participants": 1}]  # type: ignore[assignment]
    refused = agency.post("/v1/trials", body)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "ends_before_start")


def close(place: Place) -> None:
    assert place.register.client("agency").post(f"{place.path}/close").status_code == 200


def run_expire(place: Place, answer: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETTEVEJ_DATABASE_URL", place.register.database_url)
        return CliRunner().invoke(app, ["expire", "--trial", place.trial], input=f"{answer}\n")


def test_after_the_retention_nobody_can_be_named_and_everything_verifies(place: Place) -> None:
    """By whoever holds the master key and the database too: the key of the digests is destroyed."""
    url, register = place.register.database_url, place.register
    people = [place.screened() for _ in range(4)]
    place.correct(people[0][0], new_cpr())
    erase(place, people[3][0])
    ineligible = place.register.screening(match_group=1)
    assert place.system.post(f"{place.path}/participants", ineligible).json()["eligible"] is False
    talk = place.send(people[1][0])
    assert "is not closed" in run_expire(place, "y").output
    close(place)
    place.request(people[1][0], new_cpr(), "new_number")
    summary = f"{place.path}/weekly-summary"
    before = [place.system.get(summary).json()["items"], flow(place)]
    vault, key = vault_of(register), trial_key(register, place.trial)
    assert key is not None
    numbers = [*(cpr for _, cpr in people), ineligible["cpr"]]

    assert run_expire(place, "n").exit_code == 1
    assert trial_key(register, place.trial) == key
    done = run_expire(place, "y")
    assert (done.exit_code, "3 people" in done.output) == (0, True), done.output

    assert trial_key(register, place.trial) is None
    assert holders_of(register, *(vault.blind_index(cpr) for cpr in numbers)) == set()
    assert query(url, "select from vault.identity where wrapped_key is not null or sealed_cpr is not null") == []
    assert query(url, "select from vault.requested_number") == []
    assert query(url, "select from person_fact where born_on is not null") == []
    (entry,) = query(url, "select * from audit_entry where action = 'trial.expired'")
    assert (entry["trial_id"], entry["client_id"], entry["details"]) == (place.trial, "operator", '{"people": 3}')
    assert [place.system.get(summary).json()["items"], flow(place)] == before
    assert place.record(talk)["participant_id"] == people[1][0]

    assert check_audit_trail(url) == register_faults(register) == []
    shown = register.client("auditor").get(place.path).json()
    draws = [PublishedDraw(draw["jobcentre"], draw["position"], draw["arm"]) for draw in place.draws()]
    assert len(draws) == 4
    assert check_draws(bytes.fromhex(shown["seed"]), shown["seed_commitment"], place.trial, 3, draws) == []

    answer = place.system.post(f"{place.path}/participants", place.register.screening(cpr=people[1][1]))
    assert answer.json()["code"] == "trial_closed"
    assert "has expired before" in run_expire(place, "y").output
    with Register(url, register.settings.data_dir) as again:
        assert trial_key(again, place.trial) is None, "a start makes no new key"
        assert register_faults(again) == []


def test_nothing_expires_early(fresh_register: Register) -> None:
    trial = fresh_register.new_trial(retention_until="2126-11-30")
    fresh_register.client("agency").post(f"/v1/trials/{trial}/close")
    for name, reason in ((trial, "kept until 2126-11-30"), ("none", "there is no trial")):
        with pytest.raises(ErasureError, match=reason):
            asyncio.run(expire(fresh_register.database_url, name, "operator"))


# --- from before ------------------------------------------------------------------------------------------------------


def test_a_database_from_before_forgets_at_the_next_start(place: Place) -> None:
    """Numbers as blind indexes, an erased person's too, and no key of the trial (migration 0014)."""
    register, url = place.register, place.register.database_url
    (anna, _), (bo, number) = place.screened(), place.screened()
    index = vault_of(register).blind_index(number)
    erase(place, bo)
    former = f"decode('{index.hex()}', 'hex')"
    tamper(
        url,
        f"delete from vault.secret where name = '{trial_key_name(place.trial)}'",
        f"update drawn_number set digest = {former} where participant_id = '{bo}'",
        f"update vault.identity set blind_index = {former} where participant_id = '{bo}'",
        f"update screening set blind_index = {former} where participant_id = '{bo}'",
        "update drawn_number set digest = identity.blind_index from vault.identity"
        f" where identity.participant_id = drawn_number.participant_id and drawn_number.participant_id = '{anna}'",
        f"insert into person_index values ('{place.trial}', {former}, '849', '{bo}')",
    )
    with Register(url, register.settings.data_dir) as started:
        assert holders_of(started, index) == set()
        again = started.case_system().post(f"{place.path}/participants", started.screening(cpr=number))
        assert again.json()["code"] == "already_drawn"
        assert register_faults(started) == []
