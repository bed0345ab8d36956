"""All parts of a long message are known by their ids, so that a talk can be deleted as a whole.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("parts", sa.String(600)))
