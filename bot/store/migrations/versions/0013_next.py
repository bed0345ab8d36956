"""What is looked at before a message is chosen stands in one index: a long queue of a few chats is passed over quickly.

Revision: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_outbox_next", "outbox")
    op.create_index(
        "ix_outbox_next",
        "outbox",
        ["channel", "lane", "id", "address", "not_before"],
        sqlite_where=sa.text("state = 'queued' AND later IS 0"),
        postgresql_where=sa.text("state = 'queued' AND later IS false"),
    )
