"""first tables

Revision: 0001
Before:
"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

import broker.db

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auditentry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("action", sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditentry")),
    )
    op.create_table(
        "city",
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("country", sqlmodel.sql.sqltypes.AutoString(length=2), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.Column("timezone", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(length=3), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_city")),
    )
    op.create_table(
        "sector",
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("group", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_sector")),
    )
    op.create_table(
        "suppression",
        sa.Column("address_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
        sa.Column("since", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_suppression")),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(length=254), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column(
            "role", sa.Enum("broker", "organiser", "admin", name="role", native_enum=False, length=20), nullable=False
        ),
        sa.Column("city_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("password_hash", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["city_code"], ["city.code"], name=op.f("fk_account_city_code_city")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_city_code"), ["city_code"], unique=False)

    op.create_table(
        "hub",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("city_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.ForeignKeyConstraint(["city_code"], ["city.code"], name=op.f("fk_hub_city_code_city")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hub")),
        sa.UniqueConstraint("city_code", "name", name=op.f("uq_hub_city_code")),
    )
    with op.batch_alter_table("hub", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hub_city_code"), ["city_code"], unique=False)

    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("city_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("venue", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("starts_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("answers_until", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("organiser_id", sa.Integer(), nullable=True),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("created_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["city_code"], ["city.code"], name=op.f("fk_event_city_code_city")),
        sa.ForeignKeyConstraint(["organiser_id"], ["account.id"], name=op.f("fk_event_organiser_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_organiser_id"), ["organiser_id"], unique=False)

    op.create_table(
        "importfile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("file_name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("city_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("uploaded_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("applied_at", broker.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_importfile_account_id_account")),
        sa.ForeignKeyConstraint(["city_code"], ["city.code"], name=op.f("fk_importfile_city_code_city")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_importfile")),
    )
    op.create_table(
        "logintoken",
        sa.Column("token_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("used_at", broker.db.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_logintoken_account_id_account")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_logintoken")),
    )
    with op.batch_alter_table("logintoken", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_logintoken_account_id"), ["account_id"], unique=False)

    op.create_table(
        "signin",
        sa.Column("token_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("created_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_signin_account_id_account")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_signin")),
    )
    with op.batch_alter_table("signin", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signin_account_id"), ["account_id"], unique=False)

    op.create_table(
        "sme",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft", "reviewed", "published", "paused", "expired", name="smestatus", native_enum=False, length=20
            ),
            nullable=False,
        ),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("name_key", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("city_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("hub_id", sa.Integer(), nullable=True),
        sa.Column("sector_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("sector_words", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("sector_confirmed", sa.Boolean(), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(length=3), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("markets", sa.JSON(), nullable=False),
        sa.Column("readiness", sa.Integer(), nullable=True),
        sa.Column("website", sqlmodel.sql.sqltypes.AutoString(length=300), nullable=False),
        sa.Column("created_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["city_code"], ["city.code"], name=op.f("fk_sme_city_code_city")),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_sme_hub_id_hub")),
        sa.ForeignKeyConstraint(["sector_code"], ["sector.code"], name=op.f("fk_sme_sector_code_sector")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sme")),
        sa.UniqueConstraint("city_code", "name", name=op.f("uq_sme_city_code")),
    )
    with op.batch_alter_table("sme", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sme_city_code"), ["city_code"], unique=False)
        batch_op.create_index(batch_op.f("ix_sme_hub_id"), ["hub_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sme_name_key"), ["name_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_sme_sector_code"), ["sector_code"], unique=False)

    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column(
            "purpose", sa.Enum("matching", "mailing", name="purpose", native_enum=False, length=20), nullable=False
        ),
        sa.Column("given_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("withdrawn_at", broker.db.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name=op.f("fk_consent_sme_id_sme"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("sme_id", "purpose", name=op.f("uq_consent_sme_id")),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(length=254), nullable=False),
        sa.Column("phone", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name=op.f("fk_contact_sme_id_sme"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("sme_id", name=op.f("uq_contact_sme_id")),
    )
    op.create_table(
        "email",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=True),
        sa.Column("sme_id", sa.Integer(), nullable=True),
        sa.Column("to_address", sqlmodel.sql.sqltypes.AutoString(length=254), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(length=300), nullable=False),
        sa.Column("message_id", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "queued",
                "sending",
                "sent",
                "failed",
                "held",
                "suppressed",
                name="emailstatus",
                native_enum=False,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("created_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("next_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("deadline", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=True),
        sa.Column("lease_until", broker.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("sent_at", broker.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_email_event_id_event")),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name=op.f("fk_email_sme_id_sme"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email")),
        sa.UniqueConstraint("key", name=op.f("uq_email_key")),
        sa.UniqueConstraint("message_id", name=op.f("uq_email_message_id")),
    )
    with op.batch_alter_table("email", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_email_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_email_sme_id"), ["sme_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_email_status"), ["status"], unique=False)

    op.create_table(
        "embedding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column("model", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("text_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name=op.f("fk_embedding_sme_id_sme"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_embedding")),
        sa.UniqueConstraint("sme_id", "model", "text_hash", name=op.f("uq_embedding_sme_id")),
    )
    with op.batch_alter_table("embedding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_embedding_sme_id"), ["sme_id"], unique=False)

    op.create_table(
        "exportlog",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("what", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("format", sqlmodel.sql.sqltypes.AutoString(length=8), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_exportlog_event_id_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exportlog")),
    )
    with op.batch_alter_table("exportlog", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exportlog_event_id"), ["event_id"], unique=False)

    op.create_table(
        "interest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column(
            "answer",
            sa.Enum("interested", "not_now", "never", "known", name="answer", native_enum=False, length=20),
            nullable=False,
        ),
        sa.Column("answered_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_interest_event_id_event")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["sme.id"], name=op.f("fk_interest_partner_id_sme"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name=op.f("fk_interest_sme_id_sme"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interest")),
        sa.UniqueConstraint("event_id", "sme_id", "partner_id", name=op.f("uq_interest_event_id")),
    )
    with op.batch_alter_table("interest", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_interest_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_interest_partner_id"), ["partner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_interest_sme_id"), ["sme_id"], unique=False)

    op.create_table(
        "introduction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("a_id", sa.Integer(), nullable=False),
        sa.Column("b_id", sa.Integer(), nullable=False),
        sa.Column("made_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["a_id"], ["sme.id"], name=op.f("fk_introduction_a_id_sme"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["b_id"], ["sme.id"], name=op.f("fk_introduction_b_id_sme"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_introduction_event_id_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_introduction")),
        sa.UniqueConstraint("event_id", "a_id", "b_id", name=op.f("uq_introduction_event_id")),
    )
    with op.batch_alter_table("introduction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_introduction_b_id"), ["b_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_introduction_event_id"), ["event_id"], unique=False)

    op.create_table(
        "matchrun",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("queued", "running", "done", "failed", "cancelled", name="runstatus", native_enum=False, length=20),
            nullable=False,
        ),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("requested_by", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("created_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("stage", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=True),
        sa.Column("heartbeat_at", broker.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("finished_at", broker.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("model", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("frozen", sa.JSON(), nullable=False),
        sa.Column("result_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("gap", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_matchrun_event_id_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matchrun")),
    )
    with op.batch_alter_table("matchrun", schema=None) as batch_op:
        batch_op.create_index(
            "ix_matchrun_active",
            ["event_id"],
            unique=True,
            sqlite_where=sa.text("status IN ('queued', 'running')"),
            postgresql_where=sa.text("status IN ('queued', 'running')"),
        )
        batch_op.create_index(batch_op.f("ix_matchrun_event_id"), ["event_id"], unique=False)

    op.create_table(
        "pairrule",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("a_id", sa.Integer(), nullable=False),
        sa.Column("b_id", sa.Integer(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=6), nullable=False),
        sa.ForeignKeyConstraint(["a_id"], ["sme.id"], name=op.f("fk_pairrule_a_id_sme"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["b_id"], ["sme.id"], name=op.f("fk_pairrule_b_id_sme"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_pairrule_event_id_event")),
        sa.PrimaryKeyConstraint("event_id", "a_id", "b_id", name=op.f("pk_pairrule")),
    )
    op.create_table(
        "pastpartner",
        sa.Column("a_id", sa.Integer(), nullable=False),
        sa.Column("b_id", sa.Integer(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
        sa.ForeignKeyConstraint(["a_id"], ["sme.id"], name=op.f("fk_pastpartner_a_id_sme"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["b_id"], ["sme.id"], name=op.f("fk_pastpartner_b_id_sme"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("a_id", "b_id", name=op.f("pk_pastpartner")),
    )
    op.create_table(
        "registration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column("registered_at", broker.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("link_key", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_registration_event_id_event")),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name=op.f("fk_registration_sme_id_sme"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration")),
        sa.UniqueConstraint("event_id", "sme_id", name=op.f("uq_registration_event_id")),
    )
    with op.batch_alter_table("registration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_registration_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_registration_sme_id"), ["sme_id"], unique=False)

    op.create_table(
        "statement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Enum("offer", "need", name="statementkind", native_enum=False, length=20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name=op.f("fk_statement_sme_id_sme"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement")),
    )
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_statement_sme_id"), ["sme_id"], unique=False)

    op.create_table(
        "match",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("a_id", sa.Integer(), nullable=False),
        sa.Column("b_id", sa.Integer(), nullable=False),
        sa.Column("strength", sa.Float(), nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["a_id"], ["sme.id"], name=op.f("fk_match_a_id_sme"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["b_id"], ["sme.id"], name=op.f("fk_match_b_id_sme"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["matchrun.id"], name=op.f("fk_match_run_id_matchrun"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match")),
        sa.UniqueConstraint("run_id", "a_id", "b_id", name=op.f("uq_match_run_id")),
    )
    with op.batch_alter_table("match", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_match_run_id"), ["run_id"], unique=False)

    op.create_table(
        "shortlist",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("draft", "approved", "replaced", name="shortliststatus", native_enum=False, length=20),
            nullable=False,
        ),
        sa.Column("shortfall", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_shortlist_event_id_event")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["matchrun.id"], name=op.f("fk_shortlist_run_id_matchrun"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name=op.f("fk_shortlist_sme_id_sme"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shortlist")),
        sa.UniqueConstraint("run_id", "sme_id", name=op.f("uq_shortlist_run_id")),
    )
    with op.batch_alter_table("shortlist", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shortlist_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shortlist_run_id"), ["run_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shortlist_sme_id"), ["sme_id"], unique=False)

    op.create_table(
        "shortlistentry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shortlist_id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("match_id", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["match_id"], ["match.id"], name=op.f("fk_shortlistentry_match_id_match"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["sme.id"], name=op.f("fk_shortlistentry_partner_id_sme"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["shortlist_id"],
            ["shortlist.id"],
            name=op.f("fk_shortlistentry_shortlist_id_shortlist"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shortlistentry")),
        sa.UniqueConstraint("shortlist_id", "partner_id", name=op.f("uq_shortlistentry_shortlist_id")),
    )
    with op.batch_alter_table("shortlistentry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shortlistentry_partner_id"), ["partner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shortlistentry_shortlist_id"), ["shortlist_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("shortlistentry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shortlistentry_shortlist_id"))
        batch_op.drop_index(batch_op.f("ix_shortlistentry_partner_id"))

    op.drop_table("shortlistentry")
    with op.batch_alter_table("shortlist", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shortlist_sme_id"))
        batch_op.drop_index(batch_op.f("ix_shortlist_run_id"))
        batch_op.drop_index(batch_op.f("ix_shortlist_event_id"))

    op.drop_table("shortlist")
    with op.batch_alter_table("match", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_match_run_id"))

    op.drop_table("match")
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_statement_sme_id"))

    op.drop_table("statement")
    with op.batch_alter_table("registration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_registration_sme_id"))
        batch_op.drop_index(batch_op.f("ix_registration_event_id"))

    op.drop_table("registration")
    op.drop_table("pastpartner")
    op.drop_table("pairrule")
    with op.batch_alter_table("matchrun", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_matchrun_event_id"))
        batch_op.drop_index(
            "ix_matchrun_active",
            sqlite_where=sa.text("status IN ('queued', 'running')"),
            postgresql_where=sa.text("status IN ('queued', 'running')"),
        )

    op.drop_table("matchrun")
    with op.batch_alter_table("introduction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_introduction_event_id"))
        batch_op.drop_index(batch_op.f("ix_introduction_b_id"))

    op.drop_table("introduction")
    with op.batch_alter_table("interest", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_interest_sme_id"))
        batch_op.drop_index(batch_op.f("ix_interest_partner_id"))
        batch_op.drop_index(batch_op.f("ix_interest_event_id"))

    op.drop_table("interest")
    with op.batch_alter_table("exportlog", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_exportlog_event_id"))

    op.drop_table("exportlog")
    with op.batch_alter_table("embedding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_embedding_sme_id"))

    op.drop_table("embedding")
    with op.batch_alter_table("email", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_email_status"))
        batch_op.drop_index(batch_op.f("ix_email_sme_id"))
        batch_op.drop_index(batch_op.f("ix_email_event_id"))

    op.drop_table("email")
    op.drop_table("contact")
    op.drop_table("consent")
    with op.batch_alter_table("sme", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sme_sector_code"))
        batch_op.drop_index(batch_op.f("ix_sme_name_key"))
        batch_op.drop_index(batch_op.f("ix_sme_hub_id"))
        batch_op.drop_index(batch_op.f("ix_sme_city_code"))

    op.drop_table("sme")
    with op.batch_alter_table("signin", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_signin_account_id"))

    op.drop_table("signin")
    with op.batch_alter_table("logintoken", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_logintoken_account_id"))

    op.drop_table("logintoken")
    op.drop_table("importfile")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_organiser_id"))

    op.drop_table("event")
    with op.batch_alter_table("hub", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hub_city_code"))

    op.drop_table("hub")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_city_code"))

    op.drop_table("account")
    op.drop_table("suppression")
    op.drop_table("sector")
    op.drop_table("city")
    op.drop_table("auditentry")
