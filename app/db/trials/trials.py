"""Trials and their jobcentres."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from cachetools import LRUCache
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import EVERYWHERE, NewAuditEntry, append_entries
from app.db.personal_data.vault import Vault, trial_key_name
from app.db.trials.strata import advance_watermark, lock_strata
from app.domain.facts import JobcentreSettings
from app.domain.figures.contacts import RequiredContacts
from app.domain.figures.counts import VERSION
from app.domain.protocol import Protocol
from app.domain.rules.draw import commitment
from app.domain.rules.warnings import Enforcement
from app.domain.screening import Terms
from app.protocols import digest_of, protocols

_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Jobcentre:
    """A jobcentre in a trial; ``agreed_participants`` are treatment participants (domain 3.2, 5).

    Target groups, themes and required contacts are None if the trial's hold (domain 6 [C]).
    """

    code: str
    name: str
    region: str
    agreed_participants: int
    weekly_target: int | None
    external_provider_talks: bool
    target_groups: Sequence[int] | None
    themes: Sequence[str] | None
    required_contacts: RequiredContacts
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial as stored, without its seed."""

    id: str
    protocol: Protocol
    title: str
    intake_from: date
    intake_to: date
    ends_on: date
    retention_until: date
    pilot: bool
    enforcement: Enforcement
    definition: Mapping[str, Any]
    seed_commitment: str
    sealed_seed: bytes
    created_at: datetime
    closed_at: datetime | None
    jobcentres: Mapping[str, Jobcentre]

    @property
    def target_groups(self) -> list[int]:
        """The target groups that the trial or a jobcentre has picked (domain 6 [C]); empty if its protocol has none."""
        return sorted({group for code in ("", *self.jobcentres) for group in self._picked(code, "target_groups") or ()})

    def required_contacts(self, jobcentre: str) -> RequiredContacts:
        """Return what a jobcentre's average contacts are to reach (domain 6 [C]); None if not set."""
        required: RequiredContacts = self._picked(jobcentre, "required_contacts")
        return required

    def terms(self, jobcentre: str) -> Terms:
        """Return the terms that the eligibility rules read, with the jobcentre's target groups."""
        groups = self._picked(jobcentre, "target_groups") or ()
        return Terms(self.jobcentres, self.intake_from, self.intake_to, groups)

    def settings(self, jobcentre: str) -> JobcentreSettings:
        """Return the jobcentre's settings that the rules read."""
        return JobcentreSettings(external_provider_talks=self.jobcentres[jobcentre].external_provider_talks)

    def _picked(self, jobcentre: str, name: str) -> Any:
        """Return a setting of the jobcentre, or the trial's if it has none of its own or takes no part."""
        own = getattr(self.jobcentres.get(jobcentre), name, None)
        return self.definition.get(name) if own is None else own


@dataclass(frozen=True, slots=True)
class NewTrial:
    """A trial to create; ``definition`` is the whole request, defaults filled in."""

    id: str
    protocol: str
    title: str
    intake_from: date
    intake_to: date
    ends_on: date
    retention_until: date
    pilot: bool
    enforcement: Enforcement
    jobcentres: tuple[Jobcentre, ...]
    definition: Mapping[str, Any]


_DATES = ("intake_from", "intake_to", "ends_on", "retention_until")


async def create_trial(connection: AsyncConnection, vault: Vault, new: NewTrial, client: str) -> bool:
    """Store a trial with a fresh seed; False, without a change, if the id is taken."""
    seed = os.urandom(_SEED_BYTES)
    created = await connection.execute(
        text(
            """
            insert into trial (id, protocol, protocol_digest, definition, title, intake_from, intake_to, ends_on,
                               retention_until, pilot, enforcement, sealed_seed, seed_commitment, created_at,
                               created_by, counts_version)
            values (:id, :protocol, :digest, cast(cast(:definition as text) as jsonb), :title, :intake_from,
                    :intake_to, :ends_on, :retention_until, :pilot, :enforcement, :sealed_seed, :seed_commitment,
                    clock_timestamp(), :client, :counts_version)
            on conflict (id) do nothing
            """
        ),
        {
            **{name: getattr(new, name) for name in ("id", "protocol", "title", *_DATES)},
            "digest": digest_of(protocols()[new.protocol]),
            "pilot": new.pilot,
            "enforcement": new.enforcement,
            "definition": to_json(new.definition).decode(),
            "sealed_seed": vault.seal_seed(new.id, seed),
            "seed_commitment": commitment(seed),
            "client": client,
            "counts_version": VERSION,
        },
    )
    if not created.rowcount:
        return False
    await vault.make_key(connection, trial_key_name(new.id))
    await connection.execute(
        text(
            """
            insert into stratum (jobcentre_code, trial_id, name, region, agreed_participants, weekly_target,
                                 external_provider_talks, target_groups, themes, required_contacts)
            values (:code, :trial, :name, :region, :agreed_participants, :weekly_target, :external_provider_talks,
                    :target_groups, :themes, nullif(cast(cast(:required_contacts as text) as jsonb), 'null'))
            """
        ),
        [
            {
                **asdict(jobcentre),
                "required_contacts": to_json(jobcentre.required_contacts).decode(),
                "trial": new.id,
            }
            for jobcentre in new.jobcentres
        ],
    )
    await append_entries(connection, [NewAuditEntry(EVERYWHERE, client, "trial.created", new.id)])
    return True


async def load_trials(connection: AsyncConnection, ids: list[str]) -> dict[str, Trial]:
    """Load the trials with these ids that exist."""
    strata = await connection.execute(
        text(
            """
            select trial_id, jobcentre_code, name, region, agreed_participants, weekly_target,
                   external_provider_talks, target_groups, themes, required_contacts, successor_code
            from stratum where trial_id = any(:ids) order by jobcentre_code
            """
        ),
        {"ids": ids},
    )
    jobcentres: dict[str, dict[str, Jobcentre]] = {}
    for trial_id, code, *rest in strata:
        jobcentres.setdefault(trial_id, {})[code] = Jobcentre(code, *rest)
    rows = await connection.execute(
        text(
            """
            select id, protocol, title, intake_from, intake_to, ends_on, retention_until, pilot, enforcement,
                   definition, seed_commitment, sealed_seed, created_at, closed_at
            from trial where id = any(:ids)
            """
        ),
        {"ids": ids},
    )
    return {
        row.id: Trial(**{**row._mapping, "protocol": protocols()[row.protocol]}, jobcentres=jobcentres.get(row.id, {}))
        for row in rows
    }


async def load_trial(connection: AsyncConnection, trial_id: str) -> Trial | None:
    """Load the trial with its jobcentres; None if there is none of that id."""
    return (await load_trials(connection, [trial_id])).get(trial_id)


class TrialCache(LRUCache[str, Trial]):
    """Cache of 256 trials by id. Only ``closed_at`` and successors ever change, and may be out of date here."""

    def __init__(self) -> None:
        super().__init__(256)


async def get_trial(connection: AsyncConnection, cache: TrialCache, trial_id: str) -> Trial | None:
    """Return the trial from the cache, or load and cache it. ``closed_at`` may be out of date: see ``load_trial``."""
    trial = cache.get(trial_id)
    if trial is None:
        trial = await load_trial(connection, trial_id)
        if trial is not None and await _has_written_nothing(connection):
            cache[trial_id] = trial
    return trial


async def _has_written_nothing(connection: AsyncConnection) -> bool:
    """Return whether all that the transaction reads is committed: its own writes may be rolled back."""
    return (await connection.execute(text("select pg_current_xact_id_if_assigned() is null"))).scalar_one() is True


async def trial_ids(connection: AsyncConnection, after: str, limit: int) -> list[str]:
    """Return ids in their order, from ``after`` on."""
    rows = await connection.execute(
        text("select id from trial where id > :after order by id limit :limit"), {"after": after, "limit": limit}
    )
    return list(rows.scalars())


async def is_closed(connection: AsyncConnection, trial_id: str) -> bool:
    """Return whether the trial is closed. Under a stratum's lock it stays so until the transaction ends."""
    row = await connection.execute(text("select closed_at from trial where id = :id"), {"id": trial_id})
    return row.scalar_one() is not None


async def close_trial(connection: AsyncConnection, trial: Trial, client: str) -> datetime | None:
    """Close the trial for draws; None if it was closed. Locks every stratum, and so waits for the draws under way."""
    _, moment = await lock_strata(connection, trial.id, trial.jobcentres)
    closed = await connection.execute(
        text("update trial set closed_at = :moment where id = :id and closed_at is null"),
        {"id": trial.id, "moment": moment},
    )
    if not closed.rowcount:
        return None
    await advance_watermark(connection, trial.id, trial.jobcentres, moment)
    await append_entries(connection, [NewAuditEntry(EVERYWHERE, client, "trial.closed", trial.id)])
    return moment


# --- protocols in use -----------------------------------------------------------------------------------------------


async def record_protocol_digests(connection: AsyncConnection) -> None:
    """Store the protocol's digest of trials without one, with an entry in the trail (domain 6).

    A trial is without one when it was created before digests were stored, or a migration reset it.
    """
    by_id = protocols()
    rows = await connection.execute(
        text(
            """
            update trial set protocol_digest = known.digest
            from unnest(cast(:ids as text[]), cast(:digests as text[])) as known (id, digest)
            where trial.protocol = known.id and trial.protocol_digest is null
            returning trial.id, trial.protocol, known.digest
            """
        ),
        {"ids": list(by_id), "digests": [digest_of(protocol) for protocol in by_id.values()]},
    )
    entries = [
        NewAuditEntry(
            EVERYWHERE, None, "trial.protocol_digest_set", trial, None, {"protocol": protocol, "digest": digest}
        )
        for trial, protocol, digest in sorted(rows)
    ]
    await append_entries(connection, entries)


async def check_protocols(connection: AsyncConnection) -> list[str]:
    """Return a sentence for each trial whose protocol is unknown, or was changed since its creation (domain 6).

    A protocol in use is never edited: earlier figures would change silently.
    """
    rows = await connection.execute(text("select id, protocol, protocol_digest from trial order by id"))
    faults = []
    for trial_id, name, digest in rows:
        protocol = protocols().get(name)
        if protocol is None:
            faults.append(f"trial {trial_id} uses the protocol {name}, which is not known: set RETTEVEJ_PROTOCOLS")
        elif digest is not None and digest != digest_of(protocol):
            faults.append(f"trial {trial_id} uses the protocol {name}, whose file was changed since: give it a new id")
    return faults
