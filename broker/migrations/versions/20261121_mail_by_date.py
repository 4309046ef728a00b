"""when mail may leave, what is sent by date, and who was last at work

Revision: 0003
Before: 0002
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def email_columns() -> list[sa.Column[Any]]:
    """What mails gain; the domain is filled in from the address."""
    return [
        sa.Column("domain", sa.String(length=254), server_default="", nullable=False),
        sa.Column("zone", sa.String(length=64), server_default="", nullable=False),
        sa.Column("opens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("closes", sa.Integer(), server_default="1440", nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("in_doubt", sa.Boolean(), server_default=sa.false(), nullable=False),
    ]


def event_columns() -> list[sa.Column[Any]]:
    """What events gain."""
    return [
        sa.Column("opens", sa.Integer(), server_default="480", nullable=False),
        sa.Column("closes", sa.Integer(), server_default="1200", nullable=False),
    ]


def upgrade() -> None:
    for column in email_columns():
        op.add_column("email", column)
    for column in event_columns():
        op.add_column("event", column)
    op.create_index("ix_email_tried_at", "email", ["tried_at"])
    op.drop_index("ix_email_status", "email")
    op.create_index("ix_email_due", "email", ["status", "next_at", "id"])
    email = sa.table("email", sa.column("domain"), sa.column("to_address"))
    position = sa.func.instr if op.get_bind().dialect.name == "sqlite" else sa.func.strpos
    host = sa.func.substr(email.c.to_address, position(email.c.to_address, "@") + 1)
    op.execute(sa.update(email).values(domain=sa.func.lower(host)))
    op.create_table(
        "mailing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_mailing_event_id_event"),
        sa.PrimaryKeyConstraint("id", name="pk_mailing"),
        sa.UniqueConstraint("event_id", "kind", name="uq_mailing_event_id"),
    )
    op.create_index("ix_mailing_event_id", "mailing", ["event_id"])
    op.create_table(
        "pulse",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_pulse"),
    )


def downgrade() -> None:
    op.drop_table("pulse")
    op.drop_table("mailing")
    op.drop_index("ix_email_due", "email")
    op.create_index("ix_email_status", "email", ["status"])
    op.drop_index("ix_email_tried_at", "email")
    for column in reversed(event_columns()):
        op.drop_column("event", column.name)
    for column in reversed(email_columns()):
        op.drop_column("email", column.name)
