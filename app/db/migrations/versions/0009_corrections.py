"""Corrections of CPR numbers (domain 3.4): requests and decisions, numbers bound to draws, sex and date of birth.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_VERSIONS = (
    "conversation",
    "activation",
    "exemption",
    "presence_event",
    "support_effort",
    "mentor",
    "declined_offer",
    "outcome",
)
_STRATUM = ("jobcentre_code", "trial_id")
_PERSON = (*_STRATUM, "participant_id")
_REQUEST = (*_STRATUM, "correction_id")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # Row-level security binds the owner too.
    op.execute("select set_config('app.jobcentres', '*', true)")
    _create_drawn_number()
    _create_person_fact()
    _create_requests()
    op.add_column(
        "participant",
        sa.Column("ineligible_found", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    for table in _VERSIONS:
        op.add_column(table, sa.Column("sent_number", sa.LargeBinary()))
    _mark_versions_of_registers()


def _create_drawn_number() -> None:
    op.create_table(
        "drawn_number",
        sa.Column(
            "trial_id", sa.String(), sa.ForeignKey("trial.id", name="fk_drawn_number_trial_id"), primary_key=True
        ),
        sa.Column("blind_index", sa.LargeBinary(), primary_key=True),
        sa.Column("participant_id", sa.Uuid(), primary_key=True),
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("at_draw", sa.Boolean(), nullable=False),
        sa.Column("registered_at", _MOMENT, nullable=False),
    )
    op.create_index("ix_drawn_number_participant", "drawn_number", ["participant_id"])
    op.execute("grant select, insert on drawn_number to rettevej_app")
    _never_changed("drawn_number")
    op.execute(
        """
        insert into drawn_number (trial_id, blind_index, participant_id, jobcentre_code, at_draw, registered_at)
        select trial_id, blind_index, participant_id, jobcentre_code, not exists (
                   select from audit_entry corrected
                   where corrected.participant_id = assignment.participant_id
                     and corrected.action = 'participant.cpr_corrected'),
               drawn_at
        from assignment join vault.identity using (jobcentre_code, trial_id, participant_id)
        """
    )


def _create_person_fact() -> None:
    op.create_table(
        "person_fact",
        *(
            sa.Column(name, sa.Uuid() if name == "participant_id" else sa.String(), primary_key=True)
            for name in _PERSON
        ),
        sa.Column("registered_at", _MOMENT, primary_key=True),
        sa.Column("sex", sa.String(), nullable=False),
        sa.Column("born_on", sa.Date()),
        sa.Column("age_band", sa.String(), nullable=False),
        _foreign_key("person_fact", _PERSON, "participant"),
        sa.CheckConstraint("sex in ('female', 'male')", name=op.f("ck_person_fact_sex")),
    )
    op.execute("grant select, insert, update (born_on) on person_fact to rettevej_app")
    _protect("person_fact")
    op.execute(
        """
        create trigger never_removed before delete or truncate on person_fact
        for each statement execute function refuse_change()
        """
    )


def _create_requests() -> None:
    op.create_table(
        "cpr_correction",
        *_key(),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("requested_at", _MOMENT, nullable=False),
        _foreign_key("cpr_correction", _STRATUM, "stratum"),
        sa.CheckConstraint(
            "(kind = 'swap' and reason is null) or (kind = 'single' and reason in ('typing_error', 'new_number'))",
            name=op.f("ck_cpr_correction_kind"),
        ),
    )
    op.create_table(
        "correction_person",
        *_key(),
        sa.Column("participant_id", sa.Uuid(), primary_key=True),
        sa.Column("drawn_ago", sa.String(), nullable=False),
        _foreign_key("correction_person", _REQUEST, "cpr_correction"),
        _foreign_key("correction_person", _PERSON, "participant"),
    )
    op.create_index("ix_correction_person_participant", "correction_person", list(_PERSON))
    op.create_table(
        "correction_end",
        *_key(),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("client_id", sa.String()),
        sa.Column("ended_at", _MOMENT, nullable=False),
        sa.Column("people", postgresql.JSONB()),
        _foreign_key("correction_end", _REQUEST, "cpr_correction"),
        sa.CheckConstraint(
            "status in ('accepted', 'refused', 'replaced', 'cancelled')", name=op.f("ck_correction_end_status")
        ),
    )
    op.create_table(
        "requested_number",
        *_key(),
        sa.Column("blind_index", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_cpr", sa.LargeBinary(), nullable=False),
        _foreign_key("requested_number", _REQUEST, "cpr_correction"),
        schema="vault",
    )
    op.create_index("ix_requested_number_number", "requested_number", [*_STRATUM, "blind_index"], schema="vault")
    for table in ("cpr_correction", "correction_person", "correction_end"):
        op.execute(f"grant select, insert on {table} to rettevej_app")
        _never_changed(table)
        _protect(table)
    op.execute("grant select, insert, delete on vault.requested_number to rettevej_app")
    _protect("vault.requested_number")


def _mark_versions_of_registers() -> None:
    """Of records from before this rule those of a client that never wrote a participant count as sent by number."""
    by_participants = ("exemption", "presence_event", "support_effort", "mentor", "declined_offer")
    writers = " union ".join(
        f"select client_id from {table}"  # noqa: S608 - names of this file
        for table in ("screening", *by_participants)
    )
    for table in ("conversation", "activation", "outcome"):
        op.execute(
            f"""
            update {table} version set sent_number = identity.blind_index
            from vault.identity
            where identity.jobcentre_code = version.jobcentre_code and identity.trial_id = version.trial_id
              and identity.participant_id = version.participant_id and version.retraction_reason is null
              and version.client_id not in ({writers})
              and not exists (
                  select from audit_entry
                  where audit_entry.client_id = version.client_id and chain = 'writes' and action like 'participant.%'
              )
            """  # noqa: S608 - names of this file
        )


def _key() -> list[sa.Column[object]]:
    return [
        sa.Column(name, sa.Uuid() if name == "correction_id" else sa.String(), primary_key=True) for name in _REQUEST
    ]


def _foreign_key(table: str, columns: tuple[str, ...], target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        columns, [f"{target}.{column}" for column in columns], name=op.f(f"fk_{table}_{'_'.join(columns)}")
    )


def _protect(table: str) -> None:
    rule = "(select app_sees_all()) or jobcentre_code = any((select app_jobcentres())::text[])"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy sight on {table} using ({rule}) with check ({rule})")


def _never_changed(table: str) -> None:
    op.execute(
        f"""
        create trigger never_changed before update or delete or truncate on {table}
        for each statement execute function refuse_change()
        """
    )
