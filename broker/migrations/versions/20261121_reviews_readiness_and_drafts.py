"""reviews by a second broker, readiness questionnaires, drafts of statements, and when a profile expires

Revision: 0007
Before: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sme", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sme", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_sme_expires_at", "sme", ["expires_at"])
    op.create_index("ix_auditentry_subject", "auditentry", ["subject"])
    op.create_table(
        "review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(length=2000), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name="fk_review_sme_id_sme", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["asked_by_id"], ["account.id"], name="fk_review_asked_by_id_account"),
        sa.ForeignKeyConstraint(["decided_by_id"], ["account.id"], name="fk_review_decided_by_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_review"),
    )
    op.create_index("ix_review_sme_id", "review", ["sme_id"])
    op.create_index("ix_review_open", "review", ["outcome", "asked_at"])
    op.create_table(
        "readinesscheck",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column("answers", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("override", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=1000), server_default="", nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name="fk_readinesscheck_sme_id_sme", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_readinesscheck"),
    )
    op.create_index("ix_readinesscheck_sme_id", "readinesscheck", ["sme_id"])
    op.create_table(
        "draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column("offers", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("needs", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("turn", sa.Integer(), server_default="1", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_draft_account_id_account"),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name="fk_draft_sme_id_sme", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_draft"),
        sa.UniqueConstraint("account_id", "sme_id", name="uq_draft_account_id"),
    )
    op.create_index("ix_draft_sme_id", "draft", ["sme_id"])
    op.create_index("ix_draft_asked_at", "draft", ["asked_at"])


def downgrade() -> None:
    for table in ("draft", "readinesscheck", "review"):
        op.drop_table(table)
    op.drop_index("ix_auditentry_subject", "auditentry")
    op.drop_index("ix_sme_expires_at", "sme")
    op.drop_column("sme", "reminded_at")
    op.drop_column("sme", "expires_at")
    op.execute("UPDATE sme SET status = 'draft' WHERE status = 'in_review'")
