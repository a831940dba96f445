"""The blind index beside sex and date of birth: which number a participant had at an earlier moment (domain 3.4).

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Row-level security binds the owner too.
    op.execute("select set_config('app.jobcentres', '*', true)")
    op.add_column("person_fact", sa.Column("blind_index", sa.LargeBinary()))
    op.execute(
        """
        update person_fact fact set blind_index = identity.blind_index
        from vault.identity
        where identity.jobcentre_code = fact.jobcentre_code and identity.trial_id = fact.trial_id
          and identity.participant_id = fact.participant_id
        """
    )
    op.alter_column("person_fact", "blind_index", nullable=False)
