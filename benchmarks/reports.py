"""Reports of 100,000 people against the plain GROUP BY over person-weeks, and against the same of 3,000 people."""

import asyncio
from uuid import UUID

import httpx

from benchmarks import load
from benchmarks.batches import body, records
from benchmarks.floor_app import running_floor_app
from benchmarks.measure import ROUNDS, Results, Series, interleaved, timed
from benchmarks.place import Place, empty_place

_WEEK = {"week": "2011-W30"}
_ALL = {"from": "2010-W45", "week": "2012-W12"}
_CONNECTIONS = 32
_JSON = "application/json"
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
                    "large week anew": lambda n: _summary(client, "large", _another_week(n)),
                    "large all": lambda _: _summary(client, "large", _ALL),
                    "large all anew": lambda n: _summary(client, "large", _another_span(n)),
                    "small week": lambda _: _summary(client, "small", _WEEK),
                    "small week anew": lambda n: _summary(client, "small", _another_week(n)),
                    "small all": lambda _: _summary(client, "small", _ALL),
                    "small all anew": lambda n: _summary(client, "small", _another_span(n)),
                }
            )
            for how, note in (("", ""), (" anew", ", nobody asked before")):
                for name, what, goal in (("week", "one week", 0.005), ("all", "all weeks", 0.05)):
                    large, small = found[f"large {name}{how}"], found[f"small {name}{how}"]
                    of = f"summary of {what}, 100,000 people{note}"
                    results.ratio(f"{of} / floor (e)", large, found["floor"], goal, at_most=True)
                    results.ratio(f"{what}{note}: 100,000 / 3,000 people", large, small, 3, at_most=True)
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
        conditional.values.append(load.run(lambda: ("GET", url, b""), _CONNECTIONS, 2, headers).rate)
        health.values.append(load.run(lambda: ("GET", f"{place.url}/healthz", b""), _CONNECTIONS, 2).rate)
    results.ratio("summary with If-None-Match: requests/s / healthz", conditional, health, 0.7)


def _another_week(number: int) -> dict[str, str]:
    """A week that was not asked for before; the answers are kept."""
    return {"week": f"2011-W{10 + number}"}


def _another_span(number: int) -> dict[str, str]:
    return {"from": f"2010-W{46 + number}", "week": "2012-W12"}


def _page(results: Results, place: Place) -> None:
    """100 records, against the page built in the database and sent as bytes by a bare endpoint."""
    people = asyncio.run(_ids(place, "small"))
    with place.client("case-system", "bench") as writer, running_floor_app(place) as url, httpx.Client() as bare:
        _push(writer, "small", body(records(people, 5000, 7), _JSON))
        path = "/v1/trials/small/conversations"
        found = interleaved(
            {
                "floor": lambda _: timed(lambda: bare.get(f"{url}/page/small").raise_for_status()),
                "page": lambda _: timed(lambda: writer.get(path, params={"limit": "100"}).raise_for_status()),
            },
            10 * ROUNDS,
        )
    results.ratio("a page of 100 records: built by json_agg / page", found["floor"], found["page"], 0.8)


def _push(writer: httpx.Client, trial: str, content: bytes) -> None:
    path = f"/v1/trials/{trial}/conversations/batch"
    writer.post(path, content=content, headers={"Content-Type": _JSON}).raise_for_status()


def _after_a_batch(results: Results, place: Place, client: httpx.Client) -> None:
    """The first summary after a batch, against another that is made anew (the same again would be kept), and against
    the first one after a batch into another trial."""
    people, others = (asyncio.run(_ids(place, trial))[:3000] for trial in ("small", "large"))
    first, usual, after_others = Series(), Series(), Series()
    with place.client("case-system", "bench") as writer:
        for number in range(2 * ROUNDS):
            _push(writer, "small", body(records(people, 3000, 50 + number), _JSON))
            first.values.append(_summary(client, "small", _WEEK))
            usual.values.append(_summary(client, "small", _another_week(number)))
            _push(writer, "large", body(records(others, 3000, 50 + number), _JSON))
            after_others.values.append(_summary(client, "small", _another_week(number + 2 * ROUNDS)))
    what = "first summary after a batch over 3,000 people"
    results.ratio(f"{what} / any other", first, usual, 1.2, at_most=True)
    results.ratio(f"{what} / the same after one into another trial", first, after_others, 1.2, at_most=True)


async def _ids(place: Place, trial: str) -> list[UUID]:
    connection = await place.connect()
    rows = await connection.fetch("select participant_id from participant where trial_id = $1 order by 1", trial)
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
