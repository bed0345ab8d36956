"""What is not due yet stands out of the sender's way: it had been read again with every message sent.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("later", sa.Boolean(), nullable=False, server_default=sa.false()))
    _index("ix_outbox_next", ["channel", "lane", "id"], later=False)
    _index("ix_outbox_later", ["channel", "not_before"], later=True)


def _index(name: str, columns: list[str], *, later: bool) -> None:
    """The condition word for word as the statements say it: else SQLite does not see that the index serves them."""
    queued = "state = 'queued' AND later IS"
    op.create_index(name, "outbox", columns, sqlite_where=sa.text(f"{queued} {int(later)}"),
                    postgresql_where=sa.text(f"{queued} {later}"))  # fmt: skip
