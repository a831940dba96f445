"""Drawn once, for ever: the numbers of drawn participants as digests under a key of the trial (domain 3.4).

An erasure leaves these digests and no blind index. The key is sealed by the master key, whose holder can name a person
of whom he has a guess, until the trial expires and its key is destroyed.
"""

import hmac
import os
from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES
from app.db.core.statements import compose, sql
from app.db.personal_data.vault import Vault, trial_key_name


async def number_digests(
    connection: AsyncConnection, vault: Vault, trial_id: str, indexes: Iterable[bytes]
) -> list[bytes | None]:
    """Return the digests of blind indexes under the trial's key; None each once the key is destroyed."""
    key = await vault.find_key(connection, trial_key_name(trial_id))
    return [None if key is None else hmac.digest(key, index, "sha256") for index in indexes]


async def number_digest(connection: AsyncConnection, vault: Vault, trial_id: str, index: bytes) -> bytes | None:
    """Return the digest of one blind index: see ``number_digests``."""
    (digest,) = await number_digests(connection, vault, trial_id, [index])
    return digest


async def participant_digest(
    connection: AsyncConnection, vault: Vault, trial_id: str, jobcentre: str, participant_id: UUID
) -> bytes | None:
    """Return the digest of a participant's number: see ``number_digests``."""
    index = await connection.execute(
        text(
            """
            select blind_index from vault.identity
            where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
            """
        ),
        {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id},
    )
    return await number_digest(connection, vault, trial_id, index.scalar_one())


async def prepare_trial_keys(connection: AsyncConnection, vault: Vault) -> None:
    """Make the missing keys of trials from before there were any, and digest what they hold of drawn numbers.

    The blind indexes of people who were erased before go too. The connection is the owner's.
    """
    await connection.execute(text("select set_config('app.jobcentres', '*', true)"))
    trials = await connection.execute(text("select id from trial where expired_at is null order by id"))
    for trial_id in trials.scalars().all():
        if await vault.make_key(connection, trial_key_name(trial_id)):
            await _digest_drawn_numbers(connection, vault, trial_id)
            erased = await connection.execute(
                text("select participant_id from vault.identity where trial_id = :trial and sealed_cpr is null"),
                {"trial": trial_id},
            )
            await forget_numbers(connection, trial_id, list(erased.scalars()))


async def _digest_drawn_numbers(connection: AsyncConnection, vault: Vault, trial_id: str) -> None:
    rows = await connection.execute(
        text("select distinct digest from drawn_number where trial_id = :trial"), {"trial": trial_id}
    )
    indexes = list(rows.scalars())
    await connection.execute(
        text(
            """
            update drawn_number set digest = new.digest
            from unnest(cast(:indexes as bytea[]), cast(:digests as bytea[])) as new (blind_index, digest)
            where trial_id = :trial and drawn_number.digest = new.blind_index
            """
        ),
        {
            "trial": trial_id,
            "indexes": indexes,
            "digests": await number_digests(connection, vault, trial_id, indexes),
        },
    )


async def forget_numbers(
    connection: AsyncConnection, trial_id: str, people: Collection[UUID], besides: Collection[bytes] = ()
) -> None:
    """Put random bytes in the place of every blind index of people: equal ones stay equal, so that figures stay.

    An index of theirs, present or former, and those in ``besides`` go wherever the trial has them, unless they are
    somebody else's: a mistyped number is near the right one. Of rows of theirs every index goes. Destroys the data
    keys. The strata are locked, and the connection is the owner's.
    """
    parameters = {"trial": trial_id, "people": list(people)}
    own = await connection.execute(
        text(
            """
            select blind_index from vault.identity where trial_id = :trial and participant_id = any(:people)
            union
            select blind_index from person_index where trial_id = :trial and participant_id = any(:people)
            union
            select blind_index from person_fact where trial_id = :trial and participant_id = any(:people)
            except
            select blind_index from vault.identity where trial_id = :trial and participant_id <> all(:people)
            """
        ),
        parameters,
    )
    parameters["own"] = [*own.scalars(), *besides]
    known = await connection.execute(sql(" union ".join(map(_select_indexes, _COLUMNS))), parameters)
    indexes = sorted({*known.scalars(), *parameters["own"]})
    parameters |= {"old": indexes, "new": [os.urandom(32) for _ in indexes]}
    for table, column in _COLUMNS.items():
        await connection.execute(sql(_REPLACE, table=table, column=column), parameters)
    await connection.execute(sql(_REPLACE_IDENTITY), parameters)
    await connection.execute(
        text("delete from person_index where trial_id = :trial and participant_id = any(:people)"), parameters
    )


def _select_indexes(table: str) -> str:
    return compose(_SELECT, table=table, column=_COLUMNS[table])


_COLUMNS = {
    "screening": "blind_index",
    "person_fact": "blind_index",
    **{table.name: "sent_number" for table in TABLES.values()},
}
_SELECT = """
    select {column} from {table}
    where trial_id = :trial and (participant_id = any(:people) or {column} = any(cast(:own as bytea[])))
      and {column} is not null
"""
_REPLACE = """
    update {table} set {column} = random.new
    from unnest(cast(:old as bytea[]), cast(:new as bytea[])) as random (old, new)
    where trial_id = :trial and (participant_id = any(:people) or {column} = any(cast(:own as bytea[])))
      and {column} = random.old
"""
_REPLACE_IDENTITY = """
    update vault.identity set blind_index = random.new, wrapped_key = null, sealed_cpr = null
    from unnest(cast(:old as bytea[]), cast(:new as bytea[])) as random (old, new)
    where trial_id = :trial and participant_id = any(:people) and blind_index = random.old
"""
