"""The change feed of participants: one row a change, with an id that sorts by its moment.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_PERSON = ("jobcentre_code", "trial_id", "participant_id")


def upgrade() -> None:
    op.execute("select set_config('app.jobcentres', '*', true)")
    op.create_table(
        "participant_change",
        sa.Column("jobcentre_code", sa.String(), primary_key=True),
        sa.Column("trial_id", sa.String(), primary_key=True),
        sa.Column("change_id", sa.Uuid(), primary_key=True),
        sa.Column("participant_id", sa.Uuid(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            list(_PERSON),
            [f"participant.{name}" for name in _PERSON],
            name=op.f(f"fk_participant_change_{'_'.join(_PERSON)}"),
        ),
        sa.CheckConstraint(
            "change in ('drawn', 'number_changed', 'duplicate', 'handed_over', 'withdrawn', 'erased')",
            name=op.f("ck_participant_change_change"),
        ),
    )
    _fill()
    op.execute("grant select, insert on participant_change to rettevej_app")
    op.execute(
        """
        create trigger never_changed before update or delete or truncate on participant_change
        for each statement execute function refuse_change()
        """
    )
    rule = "(select app_sees_all()) or jobcentre_code = any((select app_jobcentres())::text[])"
    op.execute("alter table participant_change enable row level security")
    op.execute("alter table participant_change force row level security")
    op.execute(f"create policy sight on participant_change using ({rule}) with check ({rule})")


def _fill() -> None:
    """Store the changes from before, with ids as ``app.db.core.ids`` makes them; handovers name no person."""
    op.execute(
        """
        insert into participant_change (jobcentre_code, trial_id, change_id, participant_id, change, registered_at)
        select jobcentre_code, trial_id,
               cast(lpad(to_hex(moment / 1000), 12, '0') || '7' || lpad(to_hex(moment % 1000), 3, '0')
                    || '8' || substr(md5(participant_id || change || moment), 1, 15) as uuid),
               participant_id, change, registered_at
        from (
            select jobcentre_code, trial_id, participant_id, 'drawn' as change, drawn_at as registered_at
            from assignment
            union select jobcentre_code, trial_id, participant_id, 'duplicate', registered_at from duplicate
            union select jobcentre_code, trial_id, participant_id, 'withdrawn', withdrawn_at from participant
                where status = 'withdrawn' and withdrawn_at is not null
            union select jobcentre_code, trial_id, participant_id, 'number_changed', ended_at
                from correction_end join correction_person using (jobcentre_code, trial_id, correction_id)
                where status = 'accepted'
            union select jobcentre_code, trial_id, participant_id,
                         case action when 'participant.erased' then 'erased' else 'number_changed' end, at
                from audit_entry join participant using (jobcentre_code, trial_id, participant_id)
                where action in ('participant.erased', 'participant.cpr_corrected')
        ) as earlier
        cross join lateral (select cast(floor(extract(epoch from registered_at) * 1000000) as bigint) as moment) as id
        """
    )
