"""Sex and date of birth of participants, of databases from before they were stored (domain 3.4)."""

from hashlib import sha256

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.personal_data.vault import SealedIdentity, Vault
from app.domain.person_facts import age_band_of, birth_date_of, sex_of


async def store_missing_facts(connection: AsyncConnection, vault: Vault) -> None:
    """Store the facts of participants that have none, by their numbers. Of an erased one they are not known."""
    await connection.execute(text("select set_config('app.jobcentres', '*', true)"))
    rows = await connection.execute(
        text(
            """
            select jobcentre_code, trial_id, participant_id, interview_on, waiting_since, status, blind_index,
                   wrapped_key, sealed_cpr
            from participant join vault.identity using (jobcentre_code, trial_id, participant_id)
            where sealed_cpr is not null and not exists (
                select from person_fact
                where person_fact.jobcentre_code = participant.jobcentre_code
                  and person_fact.trial_id = participant.trial_id
                  and person_fact.participant_id = participant.participant_id)
            """
        )
    )
    facts = []
    for row in rows:
        number = vault.open_cpr(row.participant_id, SealedIdentity(row.wrapped_key, row.sealed_cpr))
        born_on = birth_date_of(number)
        facts.append(
            {
                "jobcentre": row.jobcentre_code,
                "trial": row.trial_id,
                "participant": row.participant_id,
                "moment": row.waiting_since,
                # A duplicate was a person of its own before, under a number that is not known any more.
                "index": sha256(row.participant_id.bytes).digest() if row.status == "duplicate" else row.blind_index,
                "sex": sex_of(number),
                "born_on": born_on,
                "age_band": age_band_of(born_on, row.interview_on),
            }
        )
    if facts:
        await connection.execute(
            text(
                """
                insert into person_fact (jobcentre_code, trial_id, participant_id, registered_at, blind_index, sex,
                                         born_on, age_band)
                values (:jobcentre, :trial, :participant, :moment, :index, :sex, :born_on, :age_band)
                on conflict do nothing
                """
            ),
            facts,
        )
