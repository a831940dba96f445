"""Screenings of ``aht-2008-*`` may state ``sick_since`` and ``has_job``: the digests of trials made before are set anew.

The protocols keep their ids (domain 6); the next start sets the digests, with an entry in the audit trail.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("update trial set protocol_digest = null where protocol in ('aht-2008-sickness', 'aht-2008-flexjob')")
