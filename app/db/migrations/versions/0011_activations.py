"""Activations: the planned last day, why one ended, and the kind of a preventive offer (domain 4.6, 6 [S]).

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("activation", sa.Column("planned_ends_on", sa.Date()))
    op.add_column("activation", sa.Column("ended_because", sa.String()))
    op.add_column("activation", sa.Column("preventive_kind", sa.String()))
