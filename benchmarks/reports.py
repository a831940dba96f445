"""Reports of 100,000 people against the plain GROUP BY over person-weeks, and against the same of 3,000 people."""

import asyncio

import httpx

from benchmarks import load
from benchmarks.batches import body, records
from benchmarks.measure import ROUNDS, Results, Series, interleaved, timed
from benchmarks.place import Place, empty_place

_WEEK = {"week": "2011-W30"}
_ALL = {"from": "2010-W45", "week": "2012-W12"}
_GROUP_BY = """
    select jobcentre_code, arm, monday, count(*) filter (where state = 'counted'), sum(conversation_due),
           sum(conversation_held), sum(conversation_conforming), sum(activation_due), sum(activated),
           sum(workplace_activated)
    from floor_person_week where trial_id = 'large' group by jobcentre_code, arm, monday
"""


def measure(results: Results) -> None:
    """The weekly summary for one week and for all of them; conditional; and right after a batch."""
    with empty_place() as place:
        for name, size in (("small", 3_000), ("large", 100_000)):
            place.new_trial(name)
            place.people(name, size)
        asyncio.run(_person_weeks(place))
        with place.client("agency") as client:
            found = interleaved(
                {
                    "floor": lambda _: asyncio.run(_group_by(place)),
                    "large week": lambda _: _summary(client, "large", _WEEK),
                    "large all": lambda _: _summary(client, "large", _ALL),
                    "small week": lambda _: _summary(client, "small", _WEEK),
                    "small all": lambda _: _summary(client, "small", _ALL),
                }
            )
            results.ratio(
                "summary of one week, 100,000 people / floor (e)",
                found["large week"],
                found["floor"],
                0.005,
                at_most=True,
            )
            results.ratio(
                "summary of all weeks, 100,000 people / floor (e)",
                found["large all"],
                found["floor"],
                0.05,
                at_most=True,
            )
            results.ratio("one week: 100,000 / 3,000 people", found["large week"], found["small week"], 3, at_most=True)
            results.ratio("all weeks: 100,000 / 3,000 people", found["large all"], found["small all"], 3, at_most=True)
            _conditional(results, place, client)
            _page(results, place)
            _after_a_batch(results, place, client)


def _summary(client: httpx.Client, trial: str, query: dict[str, str]) -> float:
    return timed(lambda: client.get(f"/v1/trials/{trial}/weekly-summary", params=query).raise_for_status())


def _conditional(results: Results, place: Place, client: httpx.Client) -> None:
    url = f"{place.url}/v1/trials/large/weekly-summary?week=2011-W30"
    etag = client.get(url).headers["ETag"]
    headers = {"Authorization": f"Bearer {place.token('agency')}", "If-None-Match": etag}
    conditional, health = Series(), Series()
    for _ in range(ROUNDS):
        conditional.values.append(load.run(lambda: ("GET", url, b""), 8, 2, headers).rate)
        health.values.append(load.run(lambda: ("GET", f"{place.url}/healthz", b""), 8, 2).rate)
    results.ratio("summary with If-None-Match: requests/s / healthz", conditional, health, 0.7)


def _page(results: Results, place: Place) -> None:
    """100 records, against the page built in the database."""
    people = asyncio.run(_ids(place))
    with place.client("case-system", "bench") as writer:
        path = "/v1/trials/small/conversations"
        writer.post(f"{path}/batch", content=body(records(people, 5000, 7), "application/json")).raise_for_status()
        found = interleaved(
            {
                "floor": lambda _: asyncio.run(_json_agg(place)),
                "page": lambda _: timed(lambda: writer.get(path, params={"limit": "100"}).raise_for_status()),
            },
            5 * ROUNDS,
        )
    results.ratio("a page of 100 records: json_agg / page", found["floor"], found["page"], 0.8)


def _after_a_batch(results: Results, place: Place, client: httpx.Client) -> None:
    people = asyncio.run(_ids(place))
    first, usual = Series(), Series()
    with place.client("case-system", "bench") as writer:
        for number in range(ROUNDS):
            content = body(records(people, 3000, 50 + number), "application/json")
            writer.post("/v1/trials/small/conversations/batch", content=content).raise_for_status()
            first.values.append(_summary(client, "small", _WEEK))
            usual.values.append(_summary(client, "small", _WEEK))
    results.ratio("first summary after a batch over 3,000 people / the next", first, usual, 1.2, at_most=True)


async def _ids(place: Place) -> list:  # type: ignore[type-arg]
    connection = await place.connect()
    rows = await connection.fetch("select participant_id from participant where trial_id = 'small' order by 1")
    await connection.close()
    return [row[0] for row in rows]


async def _person_weeks(place: Place) -> None:
    """Floor (e): a row for each person and week."""
    connection = await place.connect()
    await connection.execute(
        """
        create table floor_person_week as
        select jobcentre_code, trial_id, participant_id, arm, assigned_on - 7 + 7 * week as monday, 'counted' as state,
               1 as conversation_due, week % 2 as conversation_held, week % 2 as conversation_conforming,
               1 as activation_due, week % 3 % 2 as activated, week % 5 % 2 as workplace_activated
        from assignment, generate_series(1, 73) as week where trial_id = 'large'
        """
    )
    await connection.execute("analyze floor_person_week")
    await connection.close()


async def _group_by(place: Place) -> float:
    connection = await place.connect()
    start = asyncio.get_running_loop().time()
    await connection.fetch(_GROUP_BY)
    seconds = asyncio.get_running_loop().time() - start
    await connection.close()
    return seconds


async def _json_agg(place: Place) -> float:
    """The page as the database makes it, over a warm connection, handed on as bytes."""
    connection = await place.connect()
    statement = """
        select json_agg(page)::text from (
            select external_id, client_id, participant_id, revision, registered_at, retraction_reason, date, status,
                   form, place, conducted_by, mentor_present, remote_ground, job_interview, focus, justification
            from conversation where trial_id = 'small' and superseded_at = 'infinity' and retraction_reason is null
            order by version_id limit 100
        ) page
    """
    await connection.fetchval(statement)
    start = asyncio.get_running_loop().time()
    content = await connection.fetchval(statement)
    content.encode()
    seconds = asyncio.get_running_loop().time() - start
    await connection.close()
    return seconds
