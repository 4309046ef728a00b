"""changes of many profiles that can be undone, and what an import keeps until then

Revision: 0008
Before: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("importfile", sa.Column("choices", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("importfile", sa.Column("rejected", sa.JSON(), nullable=True))
    op.create_index("ix_importfile_uploaded_at", "importfile", ["uploaded_at"])
    op.create_table(
        "changeset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=True),
        sa.Column("hubs", sa.JSON(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left", sa.JSON(), nullable=False),
        sa.Column("restored", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_changeset_account_id_account"),
        sa.ForeignKeyConstraint(
            ["import_id"], ["importfile.id"], name="fk_changeset_import_id_importfile", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_changeset"),
        sa.UniqueConstraint("import_id", name="uq_changeset_import_id"),
    )
    op.create_index("ix_changeset_account_id", "changeset", ["account_id"])
    op.create_index("ix_changeset_at", "changeset", ["at"])
    op.create_table(
        "profilechange",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("set_id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["set_id"], ["changeset.id"], name="fk_profilechange_set_id_changeset", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name="fk_profilechange_sme_id_sme", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_profilechange"),
    )
    op.create_index("ix_profilechange_set_id", "profilechange", ["set_id"])
    op.create_index("ix_profilechange_sme_id", "profilechange", ["sme_id"])


def downgrade() -> None:
    op.drop_table("profilechange")
    op.drop_table("changeset")
    op.drop_index("ix_importfile_uploaded_at", "importfile")
    op.drop_column("importfile", "rejected")
    op.drop_column("importfile", "choices")
