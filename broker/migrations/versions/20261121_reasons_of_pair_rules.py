"""why an organiser pinned or banned a pair

Revision: 0011
Before: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pairrule", sa.Column("reason", sa.String(length=200), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("pairrule", "reason")
