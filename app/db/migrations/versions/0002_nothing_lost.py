"""Nothing is lost, nothing leaks: audit, row-level security, duplicates, frozen assessments, receipts by key."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_RECORDS = ("conversation", "activation", "exemption", "presence_event")
_OF_PEOPLE = ("participant", "screening", "assignment", "contact_person", "duplicate", *_RECORDS)
_FIGURES = ("week_count", "source", "grant_assessment")
_APPEND_ONLY = ("audit_entry", "assignment", "contact_person", "duplicate", "grant_assessment", "screening", "batch")


def upgrade() -> None:
    _tables()
    _functions()
    _role()
    _policies()
    _protection()


def _tables() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "secret",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        schema="vault",
    )
    op.create_index("ix_identity_person", "identity", ["jobcentre_code", "trial_id", "blind_index"], schema="vault")
    op.drop_index("ix_screening_person", "screening")
    op.create_index("ix_screening_day", "screening", ["jobcentre_code", "trial_id", "interview_on"])
    op.alter_column("identity", "wrapped_key", nullable=True, schema="vault")
    op.alter_column("identity", "sealed_cpr", nullable=True, schema="vault")
    op.create_table(
        "audit_chain",
        sa.Column("jobcentre_code", sa.String(), primary_key=True),
        sa.Column("chain", sa.String(), primary_key=True),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "audit_entry",
        sa.Column("jobcentre_code", sa.String(), primary_key=True),
        sa.Column("chain", sa.String(), primary_key=True),
        sa.Column("position", sa.BigInteger(), primary_key=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("client_id", sa.String()),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String()),
        sa.Column("participant_id", sa.Uuid()),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_audit_entry_participant", "audit_entry", ["participant_id"])
    op.create_index("ix_audit_entry_at", "audit_entry", ["at"])
    person = ["jobcentre_code", "trial_id", "participant_id"]
    op.create_table(
        "duplicate",
        sa.Column("jobcentre_code", sa.String(), primary_key=True),
        sa.Column("trial_id", sa.String(), primary_key=True),
        sa.Column("participant_id", sa.Uuid(), primary_key=True),
        sa.Column("of_jobcentre_code", sa.String(), nullable=False),
        sa.Column("of_participant_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("registered_at", moment, nullable=False),
        sa.ForeignKeyConstraint(person, [f"participant.{name}" for name in person], name="fk_duplicate_jobcentre_code"),
    )
    op.create_table(
        "grant_assessment",
        sa.Column("jobcentre_code", sa.String(), primary_key=True),
        sa.Column("trial_id", sa.String(), primary_key=True),
        sa.Column("monday", sa.Date(), primary_key=True),
        sa.Column("frozen_at", moment, nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("watermark", moment, nullable=True),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("inputs", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["jobcentre_code", "trial_id"],
            ["stratum.jobcentre_code", "stratum.trial_id"],
            name="fk_grant_assessment_jobcentre_code",
        ),
    )
    op.add_column("batch", sa.Column("idempotency_key", sa.String()))
    op.add_column("batch", sa.Column("request_digest", sa.LargeBinary()))
    op.create_unique_constraint("uq_batch_client_id_idempotency_key", "batch", ["client_id", "idempotency_key"])
    op.drop_constraint(op.f("ck_participant_status"), "participant")
    op.create_check_constraint(
        "status", "participant", "status in ('waiting', 'withdrawn', 'ineligible', 'drawn', 'duplicate')"
    )
    op.add_column("participant", sa.Column("withdrawn_at", moment))
    op.create_index("ix_participant_id", "participant", ["participant_id"])


def _functions() -> None:
    """What the transaction may see, as the application told (app.db.session); nothing where nothing was told."""
    op.execute(
        """
        create function app_sees_all() returns boolean language sql stable parallel safe
        return coalesce(current_setting('app.jobcentres', true), '') = '*'
        """
    )
    op.execute(
        """
        create function app_jobcentres() returns text[] language sql stable parallel safe
        return string_to_array(coalesce(current_setting('app.jobcentres', true), ''), ',')
        """
    )
    op.execute(
        """
        create function app_regions() returns text[] language sql stable parallel safe
        return string_to_array(coalesce(current_setting('app.regions', true), ''), ',')
        """
    )
    op.execute(
        """
        create function refuse_change() returns trigger language plpgsql as $$
        begin
            raise exception 'rows of % are never changed', tg_table_name using errcode = 'insufficient_privilege';
        end $$
        """
    )


def _role() -> None:
    """The role that the application works as: it owns nothing, and cannot change what is to stay."""
    op.execute(
        """
        do $$ begin
            if not exists (select from pg_roles where rolname = 'rettevej_app') then
                create role rettevej_app nologin;
            end if;
        exception when duplicate_object or unique_violation then null;
        end $$
        """
    )
    op.execute("grant rettevej_app to current_user")
    op.execute("grant usage on schema public, vault to rettevej_app")
    op.execute("grant select, insert on all tables in schema public, vault to rettevej_app")
    op.execute("revoke insert on alembic_version from rettevej_app")
    op.execute(
        "grant update on trial, stratum, person_index, participant, record_key, week_count, source to rettevej_app"
    )
    op.execute("grant update on audit_chain, vault.identity to rettevej_app")
    op.execute("grant delete on person_index, week_count to rettevej_app")
    for table in _RECORDS:
        op.execute(f"grant update (superseded_at) on {table} to rettevej_app")


def _policies() -> None:
    sees = "(select app_sees_all()) or jobcentre_code = any((select app_jobcentres())::text[])"
    nobodys = "jobcentre_code = '' and client_id = (select current_setting('app.client', true))"
    for table in (*_OF_PEOPLE, "vault.identity"):
        rule = f"{sees} or ({nobodys})" if table in _RECORDS else sees
        _protect(table, rule)
    figures = """
        exists (select from stratum s where s.jobcentre_code = {table}.jobcentre_code and s.trial_id = {table}.trial_id
                and s.region = any((select app_regions())::text[]))
    """
    for table in _FIGURES:
        _protect(table, f"{sees} or {figures.format(table=table)}")
    _protect("batch", "client_id = (select current_setting('app.client', true)) or (select app_sees_all())")


def _protect(table: str, rule: str) -> None:
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy sight on {table} using ({rule}) with check ({rule})")


def _protection() -> None:
    for table in _APPEND_ONLY:
        op.execute(
            f"""
            create trigger never_changed before update or delete or truncate on {table}
            for each statement execute function refuse_change()
            """
        )
    for table in _RECORDS:
        op.execute(
            f"""
            create trigger never_removed before delete or truncate on {table}
            for each statement execute function refuse_change()
            """
        )
