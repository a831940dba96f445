"""The register."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create schema if not exists vault")
    op.execute(
        """
        create function add_counts(one jsonb, other jsonb) returns jsonb language sql immutable parallel safe as $$
            select coalesce(jsonb_object_agg(name, n), '{}'::jsonb) from (
                select name, sum(value::int) as n
                from (select * from jsonb_each_text(one) union all select * from jsonb_each_text(other)) as each (name, value)
                group by name having sum(value::int) <> 0
            ) as total
        $$
        """
    )

    op.create_table(
        "batch",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_batch")),
    )
    op.create_table(
        "record_key",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "kind", "external_id", "client_id", name=op.f("pk_record_key")),
    )
    op.create_table(
        "trial",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("protocol", sa.String(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("intake_from", sa.Date(), nullable=False),
        sa.Column("intake_to", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("pilot", sa.Boolean(), nullable=False),
        sa.Column("enforcement", sa.String(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("seed_commitment", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
    )
    op.create_table(
        "person_index",
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("blind_index", sa.LargeBinary(), nullable=False),
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("participant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_person_index_trial_id")),
        sa.PrimaryKeyConstraint("trial_id", "blind_index", name=op.f("pk_person_index")),
    )
    op.create_table(
        "screening",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("screening_id", sa.Uuid(), nullable=False),
        sa.Column("blind_index", sa.LargeBinary(), nullable=False),
        sa.Column("interview_on", sa.Date(), nullable=False),
        sa.Column("failures", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("participant_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_screening_trial_id")),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", "screening_id", name=op.f("pk_screening")),
    )
    op.create_index("ix_screening_person", "screening", ["jobcentre_code", "trial_id", "blind_index"], unique=False)
    op.create_table(
        "stratum",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("agreed_participants", sa.Integer(), nullable=False),
        sa.Column("weekly_target", sa.Integer(), nullable=True),
        sa.Column("draws", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("balance", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "last_registered_at", sa.DateTime(timezone=True), server_default=sa.text("'-infinity'"), nullable=False
        ),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_stratum_trial_id")),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", name=op.f("pk_stratum")),
    )
    op.create_table(
        "participant",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("participant_id", sa.Uuid(), nullable=False),
        sa.Column("screening_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("interview_on", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("unemployed_since", sa.Date(), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawal_reason", sa.String(), nullable=True),
        sa.Column("contact_person", sa.String(), nullable=True),
        sa.Column("first_monday", sa.Date(), nullable=True),
        sa.Column("week_states", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status in ('waiting', 'withdrawn', 'ineligible', 'drawn')", name=op.f("ck_participant_status")
        ),
        sa.ForeignKeyConstraint(
            ["jobcentre_code", "trial_id"],
            ["stratum.jobcentre_code", "stratum.trial_id"],
            name=op.f("fk_participant_jobcentre_code_trial_id"),
        ),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", "participant_id", name=op.f("pk_participant")),
    )
    op.create_table(
        "source",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["jobcentre_code", "trial_id"],
            ["stratum.jobcentre_code", "stratum.trial_id"],
            name=op.f("fk_source_jobcentre_code_trial_id"),
        ),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", "client_id", "kind", name=op.f("pk_source")),
    )
    op.create_table(
        "week_count",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("arm", sa.String(), nullable=False),
        sa.Column("monday", sa.Date(), nullable=False),
        sa.Column("conversation_due", sa.Integer(), nullable=False),
        sa.Column("conversation_held", sa.Integer(), nullable=False),
        sa.Column("conversation_conforming", sa.Integer(), nullable=False),
        sa.Column("activation_due", sa.Integer(), nullable=False),
        sa.Column("activated", sa.Integer(), nullable=False),
        sa.Column("workplace_activated", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("first_conversations", sa.Integer(), nullable=False),
        sa.Column("other", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["jobcentre_code", "trial_id"],
            ["stratum.jobcentre_code", "stratum.trial_id"],
            name=op.f("fk_week_count_jobcentre_code_trial_id"),
        ),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", "arm", "monday", name=op.f("pk_week_count")),
    )
    op.create_table(
        "activation",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("previous_id", sa.Uuid(), nullable=True),
        sa.Column("participant_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=True),
        sa.Column("retraction_reason", sa.String(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), server_default=sa.text("'infinity'"), nullable=False),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("hours_per_week", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("reduced_hours_reason", sa.String(), nullable=True),
        sa.Column("not_workplace_reason", sa.String(), nullable=True),
        sa.Column("cvr_number", sa.String(), nullable=True),
        sa.Column("p_number", sa.String(), nullable=True),
        sa.Column("company_centre", sa.Boolean(), nullable=True),
        sa.Column("mentor", sa.String(), nullable=True),
        sa.Column("mentor_waiver_reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(participant_id is not null and type is not null and starts_on is not null and hours_per_week is not null and mentor is not null) or (participant_id is null and retraction_reason is not null)",
            name=op.f("ck_activation_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["jobcentre_code", "trial_id", "participant_id"],
            ["participant.jobcentre_code", "participant.trial_id", "participant.participant_id"],
            name=op.f("fk_activation_jobcentre_code_trial_id_participant_id"),
        ),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", "version_id", name=op.f("pk_activation")),
    )
    op.create_index(
        "ix_activation_person", "activation", ["jobcentre_code", "trial_id", "participant_id"], unique=False
    )
    op.create_table(
        "assignment",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("participant_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("arm", sa.String(), nullable=False),
        sa.Column("assigned_on", sa.Date(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pseudonym", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.CheckConstraint("arm in ('treatment', 'control')", name=op.f("ck_assignment_arm")),
        sa.ForeignKeyConstraint(
            ["jobcentre_code", "trial_id", "participant_id"],
            ["participant.jobcentre_code", "participant.trial_id", "participant.participant_id"],
            name=op.f("fk_assignment_jobcentre_code_trial_id_participant_id"),
        ),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", "participant_id", name=op.f("pk_assignment")),
        sa.UniqueConstraint(
            "jobcentre_code", "trial_id", "position", name=op.f("uq_assignment_jobcentre_code_trial_id_position")
        ),
    )
    op.create_table(
        "contact_person",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("participant_id", sa.Uuid(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["jobcentre_code", "trial_id", "participant_id"],
            ["participant.jobcentre_code", "participant.trial_id", "participant.participant_id"],
            name=op.f("fk_contact_person_jobcentre_code_trial_id_participant_id"),
        ),
        sa.PrimaryKeyConstraint(
            "jobcentre_code", "trial_id", "participant_id", "registered_at", name=op.f("pk_contact_person")
        ),
    )
    op.create_table(
        "conversation",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("previous_id", sa.Uuid(), nullable=True),
        sa.Column("participant_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=True),
        sa.Column("retraction_reason", sa.String(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), server_default=sa.text("'infinity'"), nullable=False),
        sa.Column("date", sa.Date(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("form", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("conducted_by", sa.String(), nullable=True),
        sa.Column("mentor_present", sa.Boolean(), nullable=True),
        sa.Column("remote_ground", sa.String(), nullable=True),
        sa.Column("job_interview", sa.Boolean(), nullable=True),
        sa.Column("focus", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("justification", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(participant_id is not null and date is not null and status is not null and form is not null and place is not null and conducted_by is not null) or (participant_id is null and retraction_reason is not null)",
            name=op.f("ck_conversation_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["jobcentre_code", "trial_id", "participant_id"],
            ["participant.jobcentre_code", "participant.trial_id", "participant.participant_id"],
            name=op.f("fk_conversation_jobcentre_code_trial_id_participant_id"),
        ),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", "version_id", name=op.f("pk_conversation")),
    )
    op.create_index(
        "ix_conversation_person", "conversation", ["jobcentre_code", "trial_id", "participant_id"], unique=False
    )
    op.create_table(
        "exemption",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("previous_id", sa.Uuid(), nullable=True),
        sa.Column("participant_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=True),
        sa.Column("retraction_reason", sa.String(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), server_default=sa.text("'infinity'"), nullable=False),
        sa.Column("scope", sa.String(), nullable=True),
        sa.Column("ground", sa.String(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(participant_id is not null and scope is not null and ground is not null and starts_on is not null) or (participant_id is null and retraction_reason is not null)",
            name=op.f("ck_exemption_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["jobcentre_code", "trial_id", "participant_id"],
            ["participant.jobcentre_code", "participant.trial_id", "participant.participant_id"],
            name=op.f("fk_exemption_jobcentre_code_trial_id_participant_id"),
        ),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", "version_id", name=op.f("pk_exemption")),
    )
    op.create_index("ix_exemption_person", "exemption", ["jobcentre_code", "trial_id", "participant_id"], unique=False)
    op.create_table(
        "presence_event",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("previous_id", sa.Uuid(), nullable=True),
        sa.Column("participant_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=True),
        sa.Column("retraction_reason", sa.String(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), server_default=sa.text("'infinity'"), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("date", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("match_group", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(participant_id is not null and kind is not null and date is not null) or (participant_id is null and retraction_reason is not null)",
            name=op.f("ck_presence_event_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["jobcentre_code", "trial_id", "participant_id"],
            ["participant.jobcentre_code", "participant.trial_id", "participant.participant_id"],
            name=op.f("fk_presence_event_jobcentre_code_trial_id_participant_id"),
        ),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", "version_id", name=op.f("pk_presence_event")),
    )
    op.create_index(
        "ix_presence_event_person", "presence_event", ["jobcentre_code", "trial_id", "participant_id"], unique=False
    )
    op.create_table(
        "identity",
        sa.Column("jobcentre_code", sa.String(), nullable=False),
        sa.Column("trial_id", sa.String(), nullable=False),
        sa.Column("participant_id", sa.Uuid(), nullable=False),
        sa.Column("blind_index", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_cpr", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["jobcentre_code", "trial_id", "participant_id"],
            ["participant.jobcentre_code", "participant.trial_id", "participant.participant_id"],
            name=op.f("fk_identity_jobcentre_code_trial_id_participant_id"),
        ),
        sa.PrimaryKeyConstraint("jobcentre_code", "trial_id", "participant_id", name=op.f("pk_identity")),
        schema="vault",
    )
