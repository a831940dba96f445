"""``python -m benchmarks.scale [PEOPLE]…``: what a person, a record and a report cost as the trial grows.

A trial over 94 jobcentres, filled straight in the database as the API would have filled it: everyone with the rows of a
screening and a draw, and with ten conversations each (at most two million in all). Then through the API: batches of
1,000 conversations from one jobcentre and over all, and reports.
"""

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.batches import body, pusher, records
from benchmarks.measure import machine, timed
from benchmarks.place import Place, empty_place

SIZES = (10_000, 100_000, 1_000_000)
JOBCENTRES = [str(code) for code in range(101, 195)]
REGIONS = ("nord", "midtjylland", "syddanmark", "hovedstaden_sjaelland")
CONVERSATIONS_EACH, CONVERSATIONS = 10, 2_000_000
TRIAL, BATCH, ROUNDS = "scale", 1_000, 7
OF_PEOPLE = ("participant", "assignment", "screening", "vault.identity", "person_index")

PEOPLE = f"""
    create temporary table drawn as
    select n, ('{{{",".join(JOBCENTRES)}}}'::text[])[1 + n % 94] as code, uuidv7() as id, uuidv7() as screening,
           date '2010-11-08' + (n / 94 % 140 / 7 * 7 + n % 5)::int as day, sha256(n::text::bytea) as person
    from generate_series(0, $1::int - 1) as n;
"""
FILL = (
    f"""
    insert into participant (jobcentre_code, trial_id, participant_id, screening_id, status, interview_on,
                             waiting_since, channel)
    select code, '{TRIAL}', id, screening, 'drawn', day, now(), 'new_match' from drawn
    """,
    f"""
    insert into assignment (jobcentre_code, trial_id, participant_id, position, arm, assigned_on, drawn_at, pseudonym,
                            client_id)
    select code, '{TRIAL}', id, n / 94, case n / 94 % 2 when 0 then 'treatment' else 'control' end, day, now(),
           gen_random_uuid(), 'bench' from drawn
    """,
    f"""
    insert into screening (jobcentre_code, trial_id, screening_id, blind_index, interview_on, failures, facts,
                           participant_id, client_id, registered_at)
    select code, '{TRIAL}', screening, person, day, '{{}}',
           jsonb_build_object('interview_on', day, 'channel', 'new_match', 'at_job_interview', true, 'match_group', 2,
                              'benefit', 'cash_benefit', 'exempt_from', 'none', 'circumstances', jsonb_build_array()),
           id, 'bench', now() from drawn
    """,
    f"""
    insert into vault.identity (jobcentre_code, trial_id, participant_id, blind_index, wrapped_key, sealed_cpr)
    select code, '{TRIAL}', id, person, person || substr(person, 1, 28), substr(person, 1, 28) || substr(person, 1, 10)
    from drawn
    """,
    f"""
    insert into person_index (trial_id, blind_index, jobcentre_code, participant_id)
    select '{TRIAL}', person, code, id from drawn
    """,
)
TALKS = f"""
    insert into conversation (jobcentre_code, trial_id, version_id, record_id, participant_id, client_id, external_id,
                              revision, batch_id, registered_at, date, status, form, place, conducted_by,
                              mentor_present, job_interview, focus)
    select code, '{TRIAL}', version, version, id, 'system-' || code, 'k-' || n || '-' || week, 1,
           '00000000-0000-7000-8000-000000000000', now(), day + 7 * week, 'held', 'in_person', 'jobcentre',
           'caseworker', false, false, '{{}}'
    from (select drawn.*, week, uuidv7() as version from drawn, generate_series(1, $1::int) as week
          order by week, code, n) as arrived
"""
KEYS = f"""
    insert into record_key (trial_id, kind, external_id, client_id, jobcentre_code, version_id)
    select '{TRIAL}', 'conversations', external_id, client_id, jobcentre_code, version_id from conversation
"""


def measure(people: int) -> dict[str, float]:
    """The figures of one size, on a server and a database of its own."""
    with empty_place() as place:
        new_trial(place)
        print(f"{people:,} people: filling", flush=True)
        found: dict[str, float] = {"people": people}
        found["fill_seconds"] = timed(lambda: asyncio.run(_fill(place, people)))
        asyncio.run(_settle(place))
        found["rebuild_seconds"] = timed(lambda: asyncio.run(place._count(TRIAL)))  # noqa: SLF001 - the benchmarks' own
        asyncio.run(_settle(place))
        found |= asyncio.run(_sizes(place, people))
        found |= _batches(place)
        found |= _reports(place)
        return found


def new_trial(place: Place) -> None:
    """A trial in every jobcentre."""
    where = [
        {"code": code, "name": f"Jobcenter {code}", "region": REGIONS[n % 4], "agreed_participants": 100_000}
        for n, code in enumerate(JOBCENTRES)
    ]
    told = {"id": TRIAL, "protocol": "prvij-2010-11", "title": "Benchmark", "jobcentres": where}
    with place.client("agency") as client:
        client.post("/v1/trials", json=told).raise_for_status()


async def _fill(place: Place, people: int) -> None:
    connection = await place.connect()
    await connection.execute(PEOPLE.replace("$1", str(people)))
    for statement in FILL:
        await connection.execute(statement)
    await connection.execute("analyze")
    await connection.execute(TALKS.replace("$1", str(min(CONVERSATIONS_EACH, CONVERSATIONS // people))))
    await connection.execute(KEYS)
    await connection.close()


async def _settle(place: Place) -> None:
    """As the database is some time after it was filled: statistics there, nothing left to clean up or to write back."""
    connection = await place.connect()
    await connection.execute("vacuum (analyze)")
    await connection.execute("checkpoint")
    await connection.close()


async def _sizes(place: Place, people: int) -> dict[str, float]:
    connection = await place.connect()

    async def size(function: str, *relations: str) -> int:
        return sum([await connection.fetchval(f"select {function}('{each}')") for each in relations])

    talks = await connection.fetchval("select count(*) from conversation")
    found = {
        "conversations": talks,
        "bytes_per_person": await size("pg_total_relation_size", *OF_PEOPLE) / people,
        "bytes_per_record": await size("pg_total_relation_size", "conversation", "record_key") / talks,
        "of_which_heap": await size("pg_table_size", "conversation") / talks,
        "of_which_indexes": await size("pg_indexes_size", "conversation") / talks,
        "of_which_guard": await size("pg_total_relation_size", "record_key") / talks,
        "counts_bytes": await size("pg_total_relation_size", "week_count"),
        "database_bytes": await connection.fetchval("select pg_database_size(current_database())"),
    }
    await connection.close()
    return found


def _batches(place: Place) -> dict[str, float]:
    one, over_all = (asyncio.run(_ids(place, code)) for code in (JOBCENTRES[0], None))
    with place.client("case-system", "bench") as client:
        push = pusher(client, TRIAL, "created")
        push(body(records(one, 100, 1), "application/json"))  # warm
        found: dict[str, float] = {}
        for name, people, seed in (("one", one, 100), ("all", over_all, 200)):
            before = asyncio.run(_written(place))
            seconds = [push(body(records(people, BATCH, seed + n), "application/json")) for n in range(ROUNDS)]
            found[f"batch_{name}_seconds"] = statistics.median(seconds)
            found[f"batch_{name}_log_bytes_per_record"] = (asyncio.run(_written(place)) - before) / ROUNDS / BATCH
    return found


async def _ids(place: Place, code: str | None) -> list[UUID]:
    """Up to 1,000 people of a jobcentre, or of all."""
    connection = await place.connect()
    rows = await connection.fetch(
        "select participant_id from participant where $1::text is null or jobcentre_code = $1", code
    )
    await connection.close()
    ids = [row[0] for row in rows]
    return random.Random(7).sample(ids, min(BATCH, len(ids)))


async def _written(place: Place) -> int:
    """How much was written to the write-ahead log so far, in bytes."""
    connection = await place.connect()
    written: int = await connection.fetchval("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
    await connection.close()
    return int(written)


def _checked(ask: Callable[[], httpx.Response]) -> None:
    ask().raise_for_status()


def _reports(place: Place) -> dict[str, float]:
    with place.client("agency") as agency, place.client("case-system", "bench") as system:
        one = JOBCENTRES[0]
        week, weeks = {"week": "2011-W30"}, {"from": "2010-W45", "week": "2012-W12"}
        asked: dict[str, Callable[[], httpx.Response]] = {
            "summary_week": lambda: agency.get(f"/v1/trials/{TRIAL}/weekly-summary", params=week),
            "summary_all_weeks": lambda: agency.get(
                f"/v1/trials/{TRIAL}/weekly-summary", params={**weeks, "by": "trial"}
            ),
            "curve_one_jobcentre": lambda: agency.get(f"/v1/trials/{TRIAL}/activity-curve", params={"jobcentre": one}),
            "worklist_one_jobcentre": lambda: system.get(
                f"/v1/trials/{TRIAL}/worklist", params={"jobcentre": one, **week}
            ),
        }
        found: dict[str, float] = {}
        for name, ask in asked.items():
            rounds = ROUNDS if name.startswith("summary") else 1
            found[f"{name}_seconds"] = statistics.median([timed(partial(_checked, ask)) for _ in range(rounds)])
    return found


def show(found: list[dict[str, float]]) -> None:
    """The curve: a line for each figure, a column for each size."""
    table = Table("", *(f"{each['people']:,.0f} people" for each in found))
    for name in found[0]:
        cells = [f"{each[name]:,.3f}" if "seconds" in name else f"{each[name]:,.0f}" for each in found]
        table.add_row(name.replace("_", " "), *cells)
    Console(width=140).print(table)


def main() -> None:
    """Each size in turn; the table and the JSON grow with it, so that one may stop when it takes too long."""
    found: list[dict[str, float]] = []
    target = Path(__file__).parent / "results" / "scale.json"
    target.parent.mkdir(exist_ok=True)
    for people in [int(each) for each in sys.argv[1:]] or SIZES:
        start = time.perf_counter()
        found.append(measure(people))
        target.write_text(json.dumps({"machine": machine(), "sizes": found}, indent=1) + "\n", "utf-8")
        print(f"{people:,} people: {time.perf_counter() - start:.0f} s", flush=True)
        show(found)


if __name__ == "__main__":
    main()
