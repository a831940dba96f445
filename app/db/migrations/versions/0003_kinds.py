"""Support efforts, mentors, declined offers and outcomes: kinds of record like the first four."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_FACTS = {
    "support_effort": (
        sa.Column("area", sa.String()),
        sa.Column("kind", sa.String()),
        sa.Column("starts_on", sa.Date()),
        sa.Column("ends_on", sa.Date()),
        sa.Column("coordinator", sa.String()),
    ),
    "mentor": (
        sa.Column("starts_on", sa.Date()),
        sa.Column("ends_on", sa.Date()),
        sa.Column("cvr_number", sa.String()),
        sa.Column("p_number", sa.String()),
    ),
    "declined_offer": (
        sa.Column("date", sa.Date()),
        sa.Column("type", sa.String()),
        sa.Column("reason", sa.String()),
    ),
    "outcome": (
        sa.Column("week", sa.Date()),
        sa.Column("status", sa.String()),
        sa.Column("hours_per_week", sa.Numeric(precision=5, scale=2)),
        sa.Column("benefit_code", sa.String()),
    ),
}
_REQUIRED = {
    "support_effort": ("area", "kind", "starts_on"),
    "mentor": ("starts_on",),
    "declined_offer": ("date", "type"),
    "outcome": ("week", "status"),
}
_FIRST = ("first_mentor", "first_company_support", "first_social_services_support", "first_health_support")
_PERSON = ("jobcentre_code", "trial_id", "participant_id")


def upgrade() -> None:
    for table, facts in _FACTS.items():
        _create(table, facts)
        _protect(table)
    for column in _FIRST:
        op.add_column("week_count", sa.Column(column, sa.Integer(), server_default=sa.text("0"), nullable=False))


def _create(table: str, facts: tuple[sa.Column[Any], ...]) -> None:
    whole = " and ".join(f"{column} is not null" for column in ("participant_id", *_REQUIRED[table]))
    moment = sa.DateTime(timezone=True)
    op.create_table(
        table,
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("previous_id", sa.Uuid()),
        sa.Column("participant_id", sa.Uuid()),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger()),
        sa.Column("retraction_reason", sa.String()),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("registered_at", moment, nullable=False),
        sa.Column("superseded_at", moment, server_default=sa.text("'infinity'"), nullable=False),
        *facts,
        sa.CheckConstraint(
            f"({whole}) or (participant_id is null and retraction_reason is not null)", name=op.f(f"ck_{table}_whole")
        ),
        sa.ForeignKeyConstraint(
            _PERSON,
            [f"participant.{name}" for name in _PERSON],
            name=op.f(f"fk_{table}_jobcentre_code_trial_id_participant_id"),
        ),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", "version_id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_person", table, list(_PERSON))


def _protect(table: str) -> None:
    """As the first four kinds: rows of one's jobcentres only, never removed, closed but not changed."""
    op.execute(f"grant select, insert, update (superseded_at) on {table} to rettevej_app")
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    rule = """
        (select app_sees_all()) or jobcentre_code = any((select app_jobcentres())::text[])
        or (jobcentre_code = '' and client_id = (select current_setting('app.client', true)))
    """
    op.execute(f"create policy sight on {table} using ({rule}) with check ({rule})")
    op.execute(
        f"""
        create trigger never_removed before delete or truncate on {table}
        for each statement execute function refuse_change()
        """
    )
