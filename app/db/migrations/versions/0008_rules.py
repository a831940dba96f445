"""The rules of the text as mended: digests and counts of trials made before are made anew when the service starts.

The protocols that come with the register keep their ids (domain 6), so their digests are taken again. Week counts are
derived; ``counts_version`` says by which version of the rules a trial's were made.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trial", sa.Column("counts_version", sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        """
        update trial set protocol_digest = null
        where protocol in ('prvij-2010-11', 'prvij-2010-07', 'aht-2008-sickness', 'aht-2008-flexjob', 'flex-2016')
        """
    )
