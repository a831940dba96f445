"""CPR numbers in the database: encrypted, and readable with the master key alone."""

import hashlib
from typing import Any

from tests.register import Register, new_cpr, record_id
from tests.routers.participants.screening.common import SUPPLEMENT, at, rows


def test_no_number_lies_in_the_database_in_clear(fresh_register: Register) -> None:
    """Engineering.md: outside the vault no personal number, inside it none that can be read without the master key."""
    register = fresh_register
    trial = register.new_trial()
    everywhere = register.case_system()
    people: list[str] = []

    def post(expected: int, **changes: Any) -> dict[str, Any]:
        body = register.screening(contact_person="Lis Holm", **changes)
        people.append(body["cpr"].replace("-", ""))
        response = everywhere.post(at(trial), body)
        assert response.status_code == expected, response.text
        answer: dict[str, Any] = response.json()
        return answer

    drawn = post(201)["participant_id"]
    post(201, match_group=1)
    waiting = post(201, **SUPPLEMENT)["participant_id"]
    everywhere.post(at(trial, waiting, "withdrawal"), {"reason": "moved"})
    post(201, **SUPPLEMENT)
    post(409, cpr=people[0], match_group=3)
    post(201, cpr=f"{people[0][:6]}-{people[0][6:]}", jobcentre="860")
    everywhere.post(at(trial, "lookup"), {"cpr": people[0]})
    talk = {"external_id": record_id(), "date": "2010-11-16"}
    assert everywhere.push(trial, "conversations", [{**talk, "cpr": people[0]}])["counts"]["created"] == 1
    everywhere.push(
        trial, "conversations", [{**talk, "cpr": new_cpr()}, {"cpr": people[0]}, {"external_id": people[0]}]
    )
    everywhere.patch(at(trial, drawn), {"contact_person": people[0]})
    everywhere.post(f"/v1/trials/{trial}/participants", {"cpr": people[1]})
    tables = rows(
        register,
        """
        select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema')
        """,
    )
    assert {"public.screening", "vault.identity", "public.batch"} <= {table["name"] for table in tables}
    content = "\n".join(
        str(row["row"]) for table in tables for row in rows(register, f"select t::text as row from {table['name']} t")
    )
    assert drawn in content
    for cpr in people:
        for spelling in (cpr, f"{cpr[:6]}-{cpr[6:]}"):
            assert spelling not in content
            assert spelling.encode().hex() not in content
            for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5):
                assert digest(spelling.encode()).hexdigest() not in content


def test_the_number_of_a_participant_can_be_read_with_the_master_key_alone(register: Register, trial: str) -> None:
    """Engineering.md: a data key per person, wrapped by a master key that is not in the database."""
    body = register.screening()
    participant = register.case_system().post(at(trial), body).json()["participant_id"]
    (kept,) = rows(register, "select * from vault.identity where trial_id = $1", trial)
    assert str(kept["participant_id"]) == participant
    vault = register.app.state.services.vault
    sealed = type(vault.seal_cpr(kept["participant_id"], "6101701234"))(kept["wrapped_key"], kept["sealed_cpr"])
    assert vault.open_cpr(kept["participant_id"], sealed) == body["cpr"]
