"""Registered staff groups with their cards, and who may read a message.

Revision: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "staff_group",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("channel", sa.String(80), nullable=False),
        sa.Column("lookup", sa.LargeBinary(32), nullable=False),
        sa.Column("chat", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("department", sa.String(60)),
        sa.Column("excused", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("lookup", name="uq_staff_group_lookup"),
    )
    op.create_table(
        "group_card",
        sa.Column("case", sa.BigInteger(), sa.ForeignKey("case.id", name="fk_group_card_case_case"), nullable=False),
        sa.Column("group", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.BigInteger()),
        sa.Column("shown_from", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case", "group", name="pk_group_card"),
    )
    op.create_index("ix_group_card_group", "group_card", ["group"])
    op.add_column("outbox", sa.Column("audience", sa.String(80)))
