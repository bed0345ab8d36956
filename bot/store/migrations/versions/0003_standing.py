"""What went wrong is found without reading all that went well.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_inbox_set_aside", "inbox", "received_at", "state = 'set_aside'"),
    ("ix_outbox_failed", "outbox", "settled_at", "state = 'failed'"),
    ("ix_timer_set_aside", "timer", "due_at", "state = 'set_aside'"),
    ("ix_job_failed", "job", "id", "state = 'failed'"),
)


def upgrade() -> None:
    for name, table, column, where in INDEXES:
        op.create_index(name, table, [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))
