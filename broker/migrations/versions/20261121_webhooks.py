"""webhooks, whose calls are rows of the outbox

Revision: 0014
Before: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MAIL, CALL = sa.text("webhook_id IS NULL"), sa.text("webhook_id IS NOT NULL")
DUE = ["status", "next_at", "id"]


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_webhook_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook"),
    )
    op.create_index("ix_webhook_account_id", "webhook", ["account_id"])
    op.drop_index("ix_email_due", "email")
    with op.batch_alter_table("email") as email:
        email.add_column(sa.Column("webhook_id", sa.Integer(), nullable=True))
        email.create_foreign_key("fk_email_webhook_id_webhook", "webhook", ["webhook_id"], ["id"], ondelete="CASCADE")
        email.create_index("ix_email_webhook_id", ["webhook_id"])
    op.create_index("ix_email_due", "email", DUE, sqlite_where=MAIL, postgresql_where=MAIL)
    op.create_index("ix_email_due_call", "email", DUE, sqlite_where=CALL, postgresql_where=CALL)


def downgrade() -> None:
    """Calls go with their table: to an older version they would be mails without a text."""
    op.execute("DELETE FROM email WHERE webhook_id IS NOT NULL")
    op.drop_index("ix_email_due_call", "email")
    op.drop_index("ix_email_due", "email")
    with op.batch_alter_table("email") as email:
        email.drop_index("ix_email_webhook_id")
        email.drop_constraint("fk_email_webhook_id_webhook", type_="foreignkey")
        email.drop_column("webhook_id")
    op.create_index("ix_email_due", "email", DUE)
    op.drop_index("ix_webhook_account_id", "webhook")
    op.drop_table("webhook")
