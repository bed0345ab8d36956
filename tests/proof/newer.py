"""A newer program as a process: its migrations go further than this one's, and it may die in the middle of them.

python -m tests.proof.newer CONFIG FOLDER STEP

FOLDER gets the migrations. STEP is "copy" (the copy before them is made and has no name yet), a number (so many steps
of the migration are done), or "never": then the office starts, and stops by SIGTERM.
"""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

from bot.logs import set_up_logs
from bot.store import upgrade
from tests.proof.victim import live

STEPS = 8
NEXT = '''"""A further step: a column for every case, filled bit by bit, and a table with a row for each.

Revision: next
"""

import os
import signal

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "{head}", None, None


def upgrade() -> None:
    op.add_column("case", sa.Column("seen", sa.Integer()))
    op.create_table("case_seen", sa.Column("id", sa.BigInteger(), primary_key=True))
    for step in range({steps}):
        op.execute(f'UPDATE "case" SET seen = 1 WHERE id % {steps} = {{step}}')
        op.execute(f'INSERT INTO case_seen (id) SELECT id FROM "case" WHERE id % {steps} = {{step}}')
        if os.environ.get("DIES_AT") == str(step):
            os.kill(os.getpid(), signal.SIGKILL)
'''


def make(folder: Path) -> Path:
    """The migrations of a program that is one step ahead."""
    head = str(upgrade.scripts().get_current_head())
    shutil.copytree(upgrade._FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "next.py").write_text(NEXT.format(head=head, steps=STEPS), "utf-8")
    return folder


def _dies(*_arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    set_up_logs("error")
    config, folder, step = sys.argv[1:]
    upgrade._FOLDER = Path(folder)
    os.environ["DIES_AT"] = step
    if step == "copy":
        shutil.copymode = _dies  # type: ignore[assignment]  # what happens to a copy before it gets its name
    asyncio.run(live(Path(config), "never", 0))
