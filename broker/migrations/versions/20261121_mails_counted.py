"""the mails of an event are counted in an index

Revision: 0015
Before: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_email_event", "email", ["event_id", "kind", "status"])
    op.drop_index("ix_email_event_id", "email")


def downgrade() -> None:
    op.create_index("ix_email_event_id", "email", ["event_id"])
    op.drop_index("ix_email_event", "email")
