"""Notices to many: what people follow, what is sent, and what became of each message.

Revision: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UNSETTLED = sa.text("state IN ('queued', 'retrying', 'page')")


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("wants", sa.String(length=8), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "what", name=op.f("pk_subscription")),
    )
    op.create_index("ix_subscription_what", "subscription", ["what", "person"])
    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("author", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=True),
        sa.Column("audience", sa.String(length=2000), nullable=False),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.Column("reader", sa.BigInteger(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("approver", sa.BigInteger(), nullable=True),
        sa.Column("corrects", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("is_filled", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.String(length=200), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index("ix_notice_status", "notice", ["status", "id"])
    op.create_index("ix_notice_author", "notice", ["author", "status"])
    op.create_table(
        "notice_delivery",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("notice", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_delivery")),
        sa.UniqueConstraint("notice", "person", name=op.f("uq_notice_delivery_notice_person")),
    )
    op.create_index("ix_notice_delivery_notice_state", "notice_delivery", ["notice", "state"])
    op.create_index("ix_notice_delivery_unsettled", "notice_delivery", ["person"],
                    sqlite_where=UNSETTLED, postgresql_where=UNSETTLED)  # fmt: skip
