"""what a mailed link is for, which device is signed in, and when an account last signed in

Revision: 0005
Before: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("logintoken", sa.Column("purpose", sa.String(length=20), server_default="sign_in", nullable=False))
    op.add_column("signin", sa.Column("device", sa.String(length=60), server_default="", nullable=False))
    # What is known of it: the newest session that is still there.
    signin = sa.table("signin", sa.column("account_id"), sa.column("created_at"))
    account = sa.table("account", sa.column("id"), sa.column("last_sign_in_at"))
    newest = sa.select(sa.func.max(signin.c.created_at)).where(signin.c.account_id == account.c.id)
    op.execute(sa.update(account).values(last_sign_in_at=newest.scalar_subquery()))


def downgrade() -> None:
    # Links of the other purposes would open as sign-in links where none are told apart.
    token = sa.table("logintoken", sa.column("purpose"))
    op.execute(sa.delete(token).where(token.c.purpose != "sign_in"))
    op.drop_column("signin", "device")
    op.drop_column("logintoken", "purpose")
    op.drop_column("account", "last_sign_in_at")
