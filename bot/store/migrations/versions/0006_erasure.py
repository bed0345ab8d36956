"""What is erased, and when: cases without their people, files that are to go.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("case", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    where = sa.text("erased_at IS NULL")
    op.create_index("ix_case_unerased", "case", ["received_at"], sqlite_where=where, postgresql_where=where)
    where = sa.text("lane IS NOT NULL")
    op.create_index("ix_timer_lane", "timer", ["lane"], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_attachment_digest", "attachment", ["digest"])
    op.create_table(
        "passing_file",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_passing_file")),
    )
    op.create_index("ix_passing_file_until", "passing_file", ["until"])
