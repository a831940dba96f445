"""Settings of a jobcentre in a trial: talks by external providers, target groups, themes, required contacts (domain 6).

The same request again is the same trial: the definitions of trials made before get what is now filled in.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "stratum", sa.Column("external_provider_talks", sa.Boolean(), nullable=False, server_default=sa.text("true"))
    )
    op.add_column("stratum", sa.Column("target_groups", sa.ARRAY(sa.Integer())))
    op.add_column("stratum", sa.Column("themes", sa.ARRAY(sa.Text())))
    op.add_column("stratum", sa.Column("required_contacts", postgresql.JSONB()))
    op.execute(
        """
        update trial set definition = definition || jsonb_build_object('themes', null, 'jobcentres', (
            select jsonb_agg(jobcentre || '{"external_provider_talks": true, "target_groups": null, "themes": null,
                                            "required_contacts": null}')
            from jsonb_array_elements(definition -> 'jobcentres') as jobcentre))
        """
    )
