"""what an organiser says of an event, and whom they invite

Revision: 0010
Before: 0009
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def event_columns() -> list[sa.Column[Any]]:
    """What events gain."""
    return [
        sa.Column("address", sa.String(length=200), server_default="", nullable=False),
        sa.Column("register_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("slot_minutes", sa.Integer(), server_default="20", nullable=False),
        sa.Column("tables", sa.Integer(), server_default="10", nullable=False),
        sa.Column("breaks", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("places", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("invitation", sa.String(length=1000), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
    ]


def upgrade() -> None:
    for column in event_columns():
        op.add_column("event", column)
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("sme_id", sa.Integer(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("words", sa.String(length=1000), nullable=False),
        sa.Column("link_key", sa.String(length=32), nullable=False),
        sa.Column("takes_part", sa.Boolean(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_invitation_event_id_event"),
        sa.ForeignKeyConstraint(["sme_id"], ["sme.id"], name="fk_invitation_sme_id_sme", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_invitation"),
        sa.UniqueConstraint("event_id", "sme_id", name="uq_invitation_event_id"),
    )
    op.create_index("ix_invitation_event_id", "invitation", ["event_id"])
    op.create_index("ix_invitation_sme_id", "invitation", ["sme_id"])


def downgrade() -> None:
    op.drop_table("invitation")
    for column in reversed(event_columns()):
        op.drop_column("event", column.name)
