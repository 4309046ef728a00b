"""what a draft of a mail was made of

Revision: 0012
Before: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("email", sa.Column("made_of", sa.String(length=64), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("email", "made_of")
