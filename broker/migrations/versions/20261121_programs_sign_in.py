"""tokens programs sign in with, and the requests they may send again

Revision: 0013
Before: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "apitoken",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_apitoken_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_apitoken"),
        sa.UniqueConstraint("token_hash", name="uq_apitoken_token_hash"),
    )
    op.create_index("ix_apitoken_account_id", "apitoken", ["account_id"])
    op.create_table(
        "idempotencykey",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("location", sa.String(length=300), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_idempotencykey_account_id_account"),
        sa.PrimaryKeyConstraint("account_id", "key", name="pk_idempotencykey"),
    )


def downgrade() -> None:
    op.drop_table("idempotencykey")
    op.drop_table("apitoken")
