"""what SMEs ask for: reasons of answers, changes of their profiles, a pause, an erasure

Revision: 0009
Before: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SME_STATUS = ("draft", "reviewed", "published", "paused", "expired")
PROPOSAL_STATUS = ("open", "accepted", "declined", "withdrawn")


def upgrade() -> None:
    op.add_column("interest", sa.Column("reason", sa.String(length=300), server_default="", nullable=False))
    op.add_column(
        "sme",
        sa.Column("paused_from", sa.Enum(*SME_STATUS, name="smestatus", native_enum=False, length=20), nullable=True),
    )
    op.add_column("sme", sa.Column("erasure_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(*PROPOSAL_STATUS, name="proposalstatus", native_enum=False, length=20),
            nullable=False,
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name="fk_proposal_sme_id_sme", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_proposal"),
    )
    op.create_index("ix_proposal_sme_id", "proposal", ["sme_id"])
    is_open = sa.text("status = 'open'")
    op.create_index(
        "ix_proposal_open", "proposal", ["sme_id"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )


def downgrade() -> None:
    op.drop_table("proposal")
    op.drop_column("sme", "erasure_asked_at")
    op.drop_column("sme", "paused_from")
    op.drop_column("interest", "reason")
