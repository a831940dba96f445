"""Which sources are registers (domain 3.4), and keyed digests of repeated requests.

What was stored of ``Idempotency-Key`` headers goes: a short body with a CPR number could be guessed from its unkeyed
digest. A request that is repeated across this migration is judged again, which is safe.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("select set_config('app.jobcentres', '*', true)")
    op.add_column("source", sa.Column("is_register", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.execute(
        """
        update source set is_register = true
        where client_id not in (
            select client_id from screening
            union select client_id from source
                  where kind in ('exemptions', 'presence-events', 'support-efforts', 'mentors', 'declined-offers')
            union select client_id from audit_entry where chain = 'writes' and action like 'participant.%'
                  and client_id is not null)
        """
    )
    op.alter_column("source", "is_register", server_default=None)
    op.drop_constraint("uq_batch_client_id_idempotency_key", "batch")
    op.drop_column("batch", "idempotency_key")
    op.drop_column("batch", "request_digest")
    op.add_column("batch", sa.Column("idempotency_key", sa.LargeBinary()))
    op.add_column("batch", sa.Column("request_digest", sa.LargeBinary()))
    op.create_unique_constraint("uq_batch_client_id_idempotency_key", "batch", ["client_id", "idempotency_key"])
