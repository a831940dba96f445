"""The successor of a merged jobcentre, by trial (domain 3.4).

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stratum", sa.Column("successor_code", sa.String()))
