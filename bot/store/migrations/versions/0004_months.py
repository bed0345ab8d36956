"""Figures of a month read that month's cases, not all of them.

Revision: 0004
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_case_received", "case", ["received_at"])
    op.create_index("ix_case_due", "case", ["due_at"])
