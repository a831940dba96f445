"""What an erasure leaves (domain 3.4): drawn numbers as digests under a key of the trial, and until when it is kept.

The keys are made, and the numbers digested, when the service starts (``app.db.participants.drawn_numbers``): a
migration has no master key.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trial", sa.Column("retention_until", sa.Date()))
    op.add_column("trial", sa.Column("expired_at", sa.DateTime(timezone=True)))
    op.execute(
        """
        update trial set
            retention_until = ends_on + interval '5 years',
            definition = definition
                || jsonb_build_object('retention_until', cast(cast(ends_on + interval '5 years' as date) as text))
        """
    )
    op.alter_column("trial", "retention_until", nullable=False)
    op.alter_column("drawn_number", "blind_index", new_column_name="digest")
    # The owner alone may change a number: the application has no right to.
    _change_only("drawn_number", "digest")
    _change_only("screening", "blind_index")


def _change_only(table: str, column: str) -> None:
    """Let one column of an append-only table be changed."""
    rows = op.get_bind().execute(
        sa.text(
            """
            select attname from pg_attribute
            where attrelid = cast(:table as regclass) and attnum > 0 and not attisdropped and attname <> :column
            """
        ),
        {"table": table, "column": column},
    )
    op.execute(f"drop trigger never_changed on {table}")
    op.execute(
        f"""
        create trigger never_changed before update of {", ".join(rows.scalars())} or delete on {table}
        for each statement execute function refuse_change()
        """
    )
    op.execute(
        f"""
        create trigger never_emptied before truncate on {table}
        for each statement execute function refuse_change()
        """
    )
