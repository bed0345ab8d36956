"""From when somebody gets so much: who comes back after a notice was asked for is not one of those it was counted for.

Revision: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscription", sa.Column("all_since", sa.BigInteger(), nullable=True))
    op.execute("UPDATE subscription SET all_since = since WHERE wants = 'all'")
    op.add_column("address", sa.Column("found_at", sa.BigInteger(), nullable=True))
