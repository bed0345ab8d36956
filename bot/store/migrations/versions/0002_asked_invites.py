"""Invitations that an administrator asks for and another one approves.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("invite", sa.Column("asked_by", sa.BigInteger(), nullable=True))
    op.add_column("invite", sa.Column("approved_by", sa.BigInteger(), nullable=True))
