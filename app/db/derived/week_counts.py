"""Week counts: the counts of the pure function, summed by jobcentre, arm and week.

They change in the transaction of the records; ``rebuild`` computes them anew from the records.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.session import SYSTEM_SCOPE, Database
from app.db.core.statements import sql
from app.db.derived.histories import load_everyone
from app.db.trials.trials import Trial, load_trials
from app.domain.figures.counts import SUMS, VERSION, count_judged
from app.domain.judged_weeks import JudgedWeeks
from app.domain.records.ingest import Person
from app.domain.rules.draw import Arm

Differences = Mapping[date, Mapping[str, int]]

STATE_LETTERS = {"assignment_week": "s", "counted": "c", "absent": "a", "exempt": "e", "complete": "f"}

_COLUMNS = ", ".join(SUMS)
_ADD = sql(
    """
    insert into week_count (jobcentre_code, trial_id, arm, monday, {columns}, other)
    select jobcentre_code, :trial, arm, monday, {columns}, cast(other as jsonb)
    from unnest(cast(:jobcentres as text[]), cast(:arms as text[]), cast(:mondays as date[]),
                {casts}, cast(:other as text[]))
         as added (jobcentre_code, arm, monday, {columns}, other)
    on conflict (jobcentre_code, trial_id, arm, monday) do update set
        {sums},
        other = add_counts(week_count.other, excluded.other)
    """,
    columns=_COLUMNS,
    casts=", ".join(f"cast(:{name} as int[])" for name in SUMS),
    sums=", ".join(f"{name} = week_count.{name} + excluded.{name}" for name in SUMS),
)


async def add_to_counts(
    connection: AsyncConnection, trial_id: str, differences: Mapping[tuple[str, Arm], Differences]
) -> None:
    """Add differences to the counts of jobcentres and arms. The strata are locked."""
    rows = [
        (jobcentre, arm, monday, numbers)
        for (jobcentre, arm), by_week in sorted(differences.items())
        for monday, numbers in sorted(by_week.items())
    ]
    if not rows:
        return
    parameters: dict[str, object] = {
        "trial": trial_id,
        "jobcentres": [row[0] for row in rows],
        "arms": [row[1] for row in rows],
        "mondays": [row[2] for row in rows],
        "other": [
            to_json({name: n for name, n in numbers.items() if name not in SUMS}).decode() for *_, numbers in rows
        ],
    }
    for name in SUMS:
        parameters[name] = [numbers.get(name, 0) for *_, numbers in rows]
    await connection.execute(_ADD, parameters)


async def store_states(connection: AsyncConnection, trial: Trial, people: Iterable[Person]) -> None:
    """Store the states of people's weeks, by which lists are filtered."""
    rows = [
        (person.jobcentre, person.participant_id, person.judged_weeks(trial.protocol, trial.ends_on))
        for person in people
    ]
    await connection.execute(
        sql(
            """
            update participant set first_monday = new.first_monday, week_states = new.states
            from unnest(cast(:jobcentres as text[]), cast(:ids as uuid[]),
                        cast(:mondays as date[]), cast(:states as text[]))
                 as new (jobcentre_code, participant_id, first_monday, states)
            where participant.jobcentre_code = new.jobcentre_code and participant.trial_id = :trial
              and participant.participant_id = new.participant_id
              and (participant.first_monday, participant.week_states) is distinct from (new.first_monday, new.states)
            """
        ),
        {
            "trial": trial.id,
            "jobcentres": [row[0] for row in rows],
            "ids": [row[1] for row in rows],
            "mondays": [row[2].first_monday for row in rows],
            "states": ["".join([STATE_LETTERS[state] for state in row[2].state]) for row in rows],
        },
    )


async def rebuild_outdated(database: Database) -> None:
    """Rebuild the counts of trials that were counted by an earlier version of the rules."""
    async with database.engine.connect() as owner:
        outdated = await owner.execute(
            text("select id from trial where counts_version < :version order by id"), {"version": VERSION}
        )
        trial_ids = list(outdated.scalars())
    for trial_id in trial_ids:
        async with database.write(SYSTEM_SCOPE) as connection:
            trial = (await load_trials(connection, [trial_id]))[trial_id]
            await connection.execute(
                text("select from stratum where trial_id = :trial order by jobcentre_code for update"),
                {"trial": trial_id},
            )
            await rebuild(connection, trial)
        async with database.engine.begin() as owner:
            await owner.execute(
                text("update trial set counts_version = :version where id = :trial"),
                {"version": VERSION, "trial": trial_id},
            )


async def rebuild(connection: AsyncConnection, trial: Trial, jobcentres: Collection[str] | None = None) -> None:
    """Compute counts and week states of a trial, or of some of its jobcentres, anew. Their strata are locked."""
    jobcentres = trial.jobcentres.keys() if jobcentres is None else jobcentres
    await connection.execute(
        sql("delete from week_count where trial_id = :trial and jobcentre_code = any(:jobcentres)"),
        {"trial": trial.id, "jobcentres": list(jobcentres)},
    )
    for jobcentre in jobcentres:
        people = (await load_everyone(connection, trial.id, jobcentre)).values()
        by_arm: dict[Arm, list[JudgedWeeks]] = {}
        for person in people:
            by_arm.setdefault(person.arm, []).append(person.judged_weeks(trial.protocol, trial.ends_on))
        counts = {(jobcentre, arm): count_judged(trial.protocol, group) for arm, group in by_arm.items()}
        await add_to_counts(connection, trial.id, counts)
        await store_states(connection, trial, people)
