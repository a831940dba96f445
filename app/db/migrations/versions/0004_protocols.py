"""What a trial's protocol said when it was created; a participant's target group (domain 6)."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trial", sa.Column("protocol_digest", sa.String()))
    op.add_column("participant", sa.Column("target_group", sa.Integer()))
