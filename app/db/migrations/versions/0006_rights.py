"""Rights no wider than what is done with them: of a trial only its closing is changed; the audit trail has its sight."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("revoke update on trial from rettevej_app")
    op.execute("grant update (closed_at) on trial to rettevej_app")
    op.execute("alter table audit_entry enable row level security")
    op.execute("alter table audit_entry force row level security")
    # Whoever does something says so, wherever it was; what was done is read where one sees people, and by the auditor,
    # who reads as the service itself.
    op.execute("create policy told on audit_entry for insert with check (true)")
    op.execute(
        """
        create policy sight on audit_entry for select
        using ((select app_sees_all()) or jobcentre_code = any((select app_jobcentres())::text[]))
        """
    )
