"""``python -m benchmarks.doctor [PEOPLE]``: how long ``rettevej doctor`` takes on a database that nobody analysed.

Ten conversations each, a million for 100,000 people, filled past the application (so it finds faults, and looks at
everything all the same), without statistics and with autovacuum off.
"""

import asyncio
import sys
import time

from app.cli.operations import examine
from benchmarks.measure import timed
from benchmarks.place import Place, empty_place
from benchmarks.scale import FILL, KEYS, PEOPLE, TALKS, new_trial


async def _fill(place: Place, people: int) -> None:
    connection = await place.connect()
    for statement in ("alter system set autovacuum = off", "select pg_reload_conf()"):
        await connection.execute(statement)
    await connection.execute(PEOPLE.replace("$1", str(people)))
    digests = "update record_key set digest = sha256(version_id::text::bytea)"
    for statement in (*FILL, TALKS.replace("$1", "10"), KEYS, digests):
        await connection.execute(statement)
    await connection.close()


def main() -> None:
    """Fill, examine, print the seconds."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with empty_place() as place:
        new_trial(place)
        print(f"filled in {timed(lambda: asyncio.run(_fill(place, people))):.0f} s", flush=True)
        key = (place.directory / "master.key").read_bytes()
        began, used = time.monotonic(), time.process_time()

        def show(step: str) -> None:
            print(f"  {time.monotonic() - began:6.1f} s  {step}", flush=True)

        faults = asyncio.run(examine(place.database_url, key, show))
        seconds, used = time.monotonic() - began, time.process_time() - used
        print(f"doctor: {seconds:.0f} s, {used:.0f} s of them in Python, for {people:,} people; {len(faults):,} faults")


if __name__ == "__main__":
    main()
