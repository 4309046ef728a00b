"""what profiles are searched by, and what brokers note of a case

Revision: 0006
Before: 0005
"""

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

from broker.domain.keys import text_key

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXTS = """
SELECT id, name FROM sme
UNION ALL SELECT id, sector_words FROM sme
UNION ALL SELECT id, description FROM sme
UNION ALL SELECT sme.id, hub.name FROM sme JOIN hub ON hub.id = sme.hub_id
UNION ALL SELECT sme_id, name FROM contact
UNION ALL SELECT sme_id, text FROM statement
"""


def fill_search_texts() -> None:
    """Every profile that is there is found by its words, as if it had been saved again."""
    texts: dict[int, list[str]] = defaultdict(list)
    connection = op.get_bind()
    for sme_id, text in connection.execute(sa.text(TEXTS)):
        texts[sme_id].append(text)
    filled = [{"key": sme_id, "words": " " + text_key("\n".join(found))} for sme_id, found in texts.items()]
    sme = sa.table("sme", sa.column("id"), sa.column("search_text"))
    update = sa.update(sme).where(sme.c.id == sa.bindparam("key")).values(search_text=sa.bindparam("words"))
    if filled:
        connection.execute(update, filled)


def upgrade() -> None:
    op.add_column("sme", sa.Column("search_text", sa.String(), server_default="", nullable=False))
    fill_search_texts()
    op.create_table(
        "casenote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("a_id", sa.Integer(), nullable=False),
        sa.Column("b_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_casenote_event_id_event"),
        sa.ForeignKeyConstraint(["a_id"], ["sme.id"], name="fk_casenote_a_id_sme", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["b_id"], ["sme.id"], name="fk_casenote_b_id_sme", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_casenote_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_casenote"),
    )
    op.create_index("ix_casenote_pair", "casenote", ["event_id", "a_id", "b_id"])
    op.create_index("ix_casenote_a_id", "casenote", ["a_id"])
    op.create_index("ix_casenote_b_id", "casenote", ["b_id"])


def downgrade() -> None:
    op.drop_table("casenote")
    op.drop_column("sme", "search_text")
