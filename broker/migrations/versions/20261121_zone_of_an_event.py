"""the zone of an event's own times

Revision: 0004
Before: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event", sa.Column("zone", sa.String(length=64), server_default="UTC", nullable=False))
    event = sa.table("event", sa.column("zone"), sa.column("city_code"))
    city = sa.table("city", sa.column("code"), sa.column("timezone"))
    its = sa.select(city.c.timezone).where(city.c.code == event.c.city_code).scalar_subquery()
    op.execute(sa.update(event).values(zone=its))


def downgrade() -> None:
    op.drop_column("event", "zone")
