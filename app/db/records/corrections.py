"""Decision on a corrected CPR number: the number changes, and records and draws follow it (domain 3.4)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.statements import sql
from app.db.derived.histories import load_people
from app.db.derived.week_counts import add_to_counts, store_states
from app.db.participants.changes import store_changes
from app.db.participants.correction_reads import (
    Correction,
    NumberChange,
    as_stored,
    load_changes,
    load_correction,
)
from app.db.participants.corrections import CorrectionKey, digest_details, end_correction, refuse_waiting
from app.db.participants.drawn_numbers import number_digest
from app.db.participants.screening import release_candidate
from app.db.personal_data.vault import Vault
from app.db.records.followers import move_followers
from app.db.trials.strata import advance_watermark, lock_strata
from app.db.trials.trials import Trial, is_closed
from app.domain.figures.counts import add_up, count, difference
from app.domain.person_facts import age_band_of, birth_date_of, sex_of
from app.domain.records.errors import DomainError
from app.domain.records.ingest import Person
from app.domain.rules.corrections import (
    CorrectionReason,
    Decision,
    DecisionReason,
    DrawUnderNumber,
    first_governs,
    is_taken,
)
from app.domain.rules.draw import Arm


@dataclass(frozen=True, slots=True)
class _Holder:
    """The participant who is found by a number."""

    jobcentre: str
    participant_id: UUID
    drawn_at: datetime | None
    position: int | None
    under_it: bool
    """Whether the participant was drawn under the number."""


async def decide(
    connection: AsyncConnection,
    vault: Vault,
    trial: Trial,
    correction_id: UUID,
    decision: tuple[Decision, DecisionReason],
    is_as_read: Callable[[Correction], bool],
    client: str,
) -> tuple[Correction, bool]:
    """Decide a request once. Returns it, and False if it was decided so before. Needs access to every jobcentre.

    DomainError: ``not_found``, ``already_decided``, ``precondition_failed``, ``number_taken``.
    """
    # Every stratum is locked before anything is read: holders of numbers and draws change under these locks only.
    _, moment = await lock_strata(connection, trial.id, trial.jobcentres)
    correction = await load_correction(connection, vault, trial, correction_id)
    if correction is None:
        raise DomainError("not_found")
    status, reason = decision
    if correction.status != "waiting":
        if (correction.status, correction.decision_reason) == decision:
            return correction, False
        raise DomainError("already_decided")
    if not is_as_read(correction):
        raise DomainError("precondition_failed")
    changes = await load_changes(connection, vault, trial, correction_id)
    entries: list[NewAuditEntry] = []
    if status == "accepted":
        closed = await is_closed(connection, trial.id)
        if correction.kind == "single" and is_taken(correction.people[0].number_is or "no", closed=closed):
            raise DomainError("number_taken")
        entries = await _Acceptance(connection, vault, trial, client, moment).accept(correction, changes)
    key, people = CorrectionKey(correction.jobcentre, correction_id), as_stored(correction.people)
    await end_correction(connection, trial.id, key, status, client, moment, reason, people)
    numbers = [change.old for change in changes], [change.new for change in changes]
    details = {
        "correction": str(correction_id),
        "decision": status,
        "reason": reason,
        **await digest_details(connection, vault, trial.id, *numbers),
    }
    entries += [
        NewAuditEntry(change.jobcentre, client, "correction.decided", trial.id, change.participant_id, details)
        for change in changes
    ]
    await append_entries(connection, entries)
    decided = await load_correction(connection, vault, trial, correction_id)
    assert decided is not None
    return decided, True


@dataclass(frozen=True, slots=True)
class _Acceptance:
    """One accepted request, inside the transaction that decides it."""

    connection: AsyncConnection
    vault: Vault
    trial: Trial
    client: str
    moment: datetime
    entries: list[NewAuditEntry] = field(default_factory=list)

    async def accept(self, correction: Correction, changes: Sequence[NumberChange]) -> list[NewAuditEntry]:
        """Change the numbers; mark a duplicate; let records and counts follow. Returns further audit entries."""
        holder = None if correction.kind == "swap" else await self._holder(changes[0])
        concerned = {change.participant_id: change.jobcentre for change in changes}
        if holder is not None and holder.drawn_at is not None:
            concerned[holder.participant_id] = holder.jobcentre
        jobcentres = set(concerned.values())
        before = await load_people(self.connection, self.trial.id, jobcentres, list(concerned))
        if correction.kind == "swap":
            await self._swap_numbers(changes)
        else:
            await self._change_number(correction, changes[0], holder)
        for change, person in zip(changes, correction.people, strict=True):
            await self._store_number(change, person.failures or ())
        changed = {change.participant_id: change.jobcentre for change in changes}
        await store_changes(self.connection, self.trial.id, "number_changed", changed, self.moment)
        await move_followers(self.connection, self.trial.id, concerned, self.moment)
        after = await load_people(self.connection, self.trial.id, jobcentres, list(concerned))
        await self._count(before, after)
        await advance_watermark(self.connection, self.trial.id, jobcentres, self.moment)
        return self.entries

    async def _holder(self, change: NumberChange) -> _Holder | None:
        """Load the participant who is found by the new number."""
        rows = await self.connection.execute(
            sql(
                """
                select holder.jobcentre_code, holder.participant_id, drawn_at, position,
                       exists (select from drawn_number where trial_id = :trial and digest = :digest
                               and drawn_number.participant_id = holder.participant_id and at_draw) as under_it
                from person_index holder
                left join assignment using (jobcentre_code, trial_id, participant_id)
                where holder.trial_id = :trial and holder.blind_index = :index
                  and holder.participant_id <> :participant
                """
            ),
            {
                "trial": self.trial.id,
                "index": change.new_index,
                "digest": await self._digest(change),
                "participant": change.participant_id,
            },
        )
        row = rows.one_or_none()
        return None if row is None else _Holder(*row)

    async def _change_number(self, correction: Correction, change: NumberChange, holder: _Holder | None) -> None:
        """Point the numbers to the participant who governs (domain 3.4)."""
        reason: CorrectionReason = "new_number" if correction.reason == "new_number" else "typing_error"
        if reason == "typing_error":
            await self._delete_index(change.old_index)
        if holder is not None and holder.drawn_at is None:
            await self._release(holder, change.jobcentre)
            holder = None
        if holder is None:
            await self._insert_index(change.new_index, change.jobcentre, change.participant_id)
            return
        own = await self._own_draw(change)
        if first_governs(reason, _draw(own), _draw(holder)):
            governing, duplicate = own, holder
        else:
            governing, duplicate = holder, own
        await self.connection.execute(
            sql(
                """
                update person_index set jobcentre_code = :jobcentre, participant_id = :participant
                where trial_id = :trial and participant_id = :duplicate
                """
            ),
            {
                "trial": self.trial.id,
                "jobcentre": governing.jobcentre,
                "participant": governing.participant_id,
                "duplicate": duplicate.participant_id,
            },
        )
        await self._mark_duplicate(duplicate, governing, reason)
        ids = [duplicate.participant_id]
        self.entries.extend(
            await refuse_waiting(self.connection, self.trial.id, self.moment, self.client, ids, but=correction.id)
        )

    async def _swap_numbers(self, changes: Sequence[NumberChange]) -> None:
        for change in changes:
            await self._delete_index(change.old_index)
        for change in changes:
            await self._insert_index(change.new_index, change.jobcentre, change.participant_id)

    async def _own_draw(self, change: NumberChange) -> _Holder:
        rows = await self.connection.execute(
            sql(
                """
                select jobcentre_code, participant_id, drawn_at, position,
                       exists (select from drawn_number where trial_id = :trial and digest = :digest
                               and drawn_number.participant_id = :participant and at_draw) as under_it
                from assignment
                where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
                """
            ),
            {
                "trial": self.trial.id,
                "jobcentre": change.jobcentre,
                "participant": change.participant_id,
                "digest": await self._digest(change),
            },
        )
        return _Holder(*rows.one())

    async def _digest(self, change: NumberChange) -> bytes | None:
        return await number_digest(self.connection, self.vault, self.trial.id, change.new_index)

    async def _release(self, candidate: _Holder, jobcentre: str) -> None:
        """Withdraw a waiting candidate of the number; another jobcentre's is only no longer available there."""
        here = candidate.jobcentre == jobcentre
        status, reason = ("withdrawn", "entered_in_error") if here else ("ineligible", None)
        place = (self.trial.id, candidate.jobcentre, candidate.participant_id)
        await release_candidate(self.connection, *place, status, reason, self.moment)
        action = "participant.withdrawn"
        details = {"reason": reason or "not_available"}
        self.entries.append(NewAuditEntry(candidate.jobcentre, self.client, action, place[0], place[2], details))

    async def _delete_index(self, index: bytes) -> None:
        await self.connection.execute(
            sql("delete from person_index where trial_id = :trial and blind_index = :index"),
            {"trial": self.trial.id, "index": index},
        )

    async def _insert_index(self, index: bytes, jobcentre: str, participant_id: UUID) -> None:
        """Let a number find a participant; it may find the participant already."""
        await self.connection.execute(
            sql(
                """
                insert into person_index (trial_id, blind_index, jobcentre_code, participant_id)
                values (:trial, :index, :jobcentre, :participant) on conflict do nothing
                """
            ),
            {"trial": self.trial.id, "index": index, "jobcentre": jobcentre, "participant": participant_id},
        )

    async def _store_number(self, change: NumberChange, failures: Sequence[str]) -> None:
        """Store the participant's number, bind it to the draw, and store what it says of the person."""
        sealed = self.vault.seal_cpr(change.participant_id, change.new)
        born_on = birth_date_of(change.new)
        key = {
            "trial": self.trial.id,
            "participant": change.participant_id,
            "jobcentre": change.jobcentre,
            "moment": self.moment,
            "index": change.new_index,
        }
        rows = await self.connection.execute(
            sql(
                """
                with bound as (
                    insert into drawn_number (trial_id, digest, participant_id, jobcentre_code, at_draw,
                                              registered_at)
                    values (:trial, :digest, :participant, :jobcentre, false, :moment) on conflict do nothing
                ), identity as (
                    update vault.identity set blind_index = :index, wrapped_key = :wrapped_key, sealed_cpr = :sealed_cpr
                    where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
                )
                update participant set ineligible_found = :failures
                where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
                returning interview_on
                """
            ),
            {
                **key,
                "digest": await self._digest(change),
                "wrapped_key": sealed.wrapped_key,
                "sealed_cpr": sealed.sealed_cpr,
                "failures": list(failures),
            },
        )
        interview_on: date = rows.scalar_one()
        await self.connection.execute(
            sql(
                """
                insert into person_fact (jobcentre_code, trial_id, participant_id, registered_at, blind_index, sex,
                                         born_on, age_band)
                values (:jobcentre, :trial, :participant, :moment, :index, :sex, :born_on, :age_band)
                """
            ),
            {
                **key,
                "sex": sex_of(change.new),
                "born_on": born_on,
                "age_band": age_band_of(born_on, interview_on),
            },
        )

    async def _mark_duplicate(self, duplicate: _Holder, governing: _Holder, reason: str) -> None:
        """Mark a participant as a duplicate: it stays drawn, and leaves all figures but frozen ones."""
        await self.connection.execute(
            sql(
                """
                with marked as (
                    insert into duplicate (jobcentre_code, trial_id, participant_id, of_jobcentre_code,
                                           of_participant_id, reason, client_id, registered_at)
                    values (:jobcentre, :trial, :participant, :of_jobcentre, :of_participant, :reason, :client, :moment)
                )
                update participant set status = 'duplicate', week_states = null, first_monday = null
                where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
                """
            ),
            {
                "jobcentre": duplicate.jobcentre,
                "trial": self.trial.id,
                "participant": duplicate.participant_id,
                "of_jobcentre": governing.jobcentre,
                "of_participant": governing.participant_id,
                "reason": reason,
                "client": self.client,
                "moment": self.moment,
            },
        )
        marked = {duplicate.participant_id: duplicate.jobcentre}
        await store_changes(self.connection, self.trial.id, "duplicate", marked, self.moment)
        same = duplicate.jobcentre == governing.jobcentre
        details = {"of": str(governing.participant_id) if same else None}
        place = (self.trial.id, duplicate.participant_id)
        self.entries.append(NewAuditEntry(duplicate.jobcentre, self.client, "participant.duplicate", *place, details))

    async def _count(self, before: dict[UUID, Person], after: dict[UUID, Person]) -> None:
        """Add to the counts of weeks what changed; a new duplicate leaves them."""
        trial = self.trial
        parts: dict[tuple[str, Arm], list[Mapping[date, Mapping[str, int]]]] = {}
        for participant_id, person in before.items():
            earlier = count(trial.protocol, trial.ends_on, person.history())
            now = after.get(participant_id)
            later = {} if now is None else count(trial.protocol, trial.ends_on, now.history())
            parts.setdefault((person.jobcentre, person.arm), []).append(difference(earlier, later))
        await add_to_counts(self.connection, trial.id, {key: add_up(changes) for key, changes in parts.items()})
        await store_states(self.connection, trial, list(after.values()))


def _draw(holder: _Holder) -> DrawUnderNumber:
    assert holder.drawn_at is not None
    position = -1 if holder.position is None else holder.position
    return DrawUnderNumber(holder.drawn_at, (holder.jobcentre, position), holder.under_it)
