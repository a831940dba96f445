"""Releases of the panel: who exported what, when, for what purpose, as known at which moment. Never changed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "release",
        sa.Column("release_id", sa.Uuid(), primary_key=True),
        sa.Column("trial_id", sa.String(), sa.ForeignKey("trial.id", name="fk_release_trial_id"), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.Column("watermark", moment, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("dictionary_version", sa.Integer(), nullable=False),
    )
    op.create_index("ix_release_trial", "release", ["trial_id", "release_id"])
    op.execute("grant select, insert on release to rettevej_app")
    op.execute(
        """
        create trigger never_changed before update or delete or truncate on release
        for each statement execute function refuse_change()
        """
    )
