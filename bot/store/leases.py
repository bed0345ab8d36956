"""What only one process may do at a time: a row for each such task, with an epoch, by the database server's clock.

Whoever holds a lease says so again and again; whoever falls silent loses it. A loser cannot know that it has lost: it
may have been stopped in the middle of a step. So every transaction that rests on a lease asks for its epoch in itself,
and nobody can take the lease over between that question and the commit.
"""

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, String, Table, delete, func, select, update

from bot.errors import Fenced
from bot.store import facts
from bot.store.queues import inserting_new
from bot.store.schema import metadata
from bot.store.transaction import Transaction
from bot.store.types import UtcTime, from_micros

TERM = timedelta(seconds=9)  # of silence, after which somebody else may take over
RUN = "run "  # what every process holds that works on this database: "run 57"

lease = Table(
    "lease",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("holder", String(120), nullable=False),  # for whoever looks: machine and process
    Column("epoch", BigInteger, nullable=False),  # grows with every taking, over all leases
    Column("until", UtcTime, nullable=False),
)
_ADD = inserting_new(lease, ["name", "holder", "epoch", "until"], ["name"])
_LONG_AGO = from_micros(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """A lease as it is now; `silent` for how long its holder has been overdue, in seconds (below zero: is not)."""

    name: str
    holder: str
    epoch: int
    silent: float

    @property
    def is_at_work(self) -> bool:
        return self.silent < 0 and (self.holder == myself() or not is_gone(self.holder))


def moment(tx: Transaction) -> datetime:
    """Now, by the server's clock: the machines' own may differ."""
    if not tx.is_postgresql:
        return tx.now
    clock = func.extract("epoch", func.clock_timestamp()) * 1_000_000
    return from_micros(int(tx.flushed().execute(select(clock)).scalar_one()))


def take(tx: Transaction, name: str, holder: str, term: timedelta = TERM) -> int | None:
    """The new epoch of whoever took the lease; None while somebody holds it. It never waits for another transaction."""
    connection = tx.flushed()
    mine = lease.c.name == name
    found = select(lease.c.holder, lease.c.until).where(mine)
    row = connection.execute(found).one_or_none()
    if row is not None and _is_held(tx, row):
        return None
    if row is None:
        _ADD.run(connection, {"name": name, "holder": holder, "epoch": 0, "until": _LONG_AGO})
    row = connection.execute(found.with_for_update(skip_locked=True)).one_or_none()
    if row is None or _is_held(tx, row):
        return None
    epoch = facts.next_epoch(tx)
    connection.execute(update(lease).where(mine).values(holder=holder, epoch=epoch, until=moment(tx) + term))
    return epoch


def _is_held(tx: Transaction, row: Any) -> bool:
    return bool(row.until > moment(tx)) and not is_gone(row.holder)


def renew(tx: Transaction, name: str, epoch: int, term: timedelta = TERM) -> bool:
    """For another term; False where somebody has taken it over.

    A holder whose term ran out keeps the lease if nobody took it meanwhile.
    """
    mine = update(lease).where(lease.c.name == name, lease.c.epoch == epoch)
    return tx.flushed().execute(mine.values(until=moment(tx) + term)).rowcount == 1


def release(tx: Transaction, name: str, epoch: int) -> None:
    """The next one need not wait."""
    tx.flushed().execute(delete(lease).where(lease.c.name == name, lease.c.epoch == epoch))


def check(tx: Transaction, name: str, epoch: int) -> None:
    """Raises Fenced where the lease is somebody else's; otherwise it stays with this epoch until the commit."""
    held = select(lease.c.epoch).where(lease.c.name == name, lease.c.epoch == epoch)
    if tx.flushed().execute(held.with_for_update(read=True)).scalar_one_or_none() is None:
        raise Fenced(name)


def standing(tx: Transaction) -> list[Standing]:
    """All leases by their names: who holds what, and who has fallen silent."""
    now = moment(tx)
    rows = tx.read(select(lease.c.name, lease.c.holder, lease.c.epoch, lease.c.until).order_by(lease.c.name))
    return [Standing(row.name, row.holder, row.epoch, (now - row.until).total_seconds()) for row in rows]


def open_run(tx: Transaction, epoch: int, holder: str) -> bool:
    """Notes a process that begins to work; False where one before it died or fell silent without a word."""
    before = [found for found in standing(tx) if found.name.startswith(RUN)]
    died = [found.name for found in before if found.holder == holder or not found.is_at_work]  # its own: a former life
    tx.flushed().execute(delete(lease).where(lease.c.name.in_(died)))
    row = {"name": f"{RUN}{epoch}", "holder": holder, "epoch": epoch, "until": moment(tx) + TERM}
    _ADD.run(tx.flushed(), row)
    return not died


def keep_run(tx: Transaction, epoch: int, holder: str) -> None:
    """It is still at work; one that was silent for a while and counted as dead comes back."""
    if not renew(tx, f"{RUN}{epoch}", epoch):
        row = {"name": f"{RUN}{epoch}", "holder": holder, "epoch": epoch, "until": moment(tx) + TERM}
        _ADD.run(tx.flushed(), row)


def runs(tx: Transaction) -> list[Standing]:
    """The processes at work on this database."""
    return [found for found in standing(tx) if found.name.startswith(RUN) and found.is_at_work]


def myself() -> str:
    """This process, for whoever looks at the leases: its machine, its number there, and where that number counts."""
    return f"{socket.gethostname()[:50]} {os.getpid()} {_where()}"


def is_gone(holder: str) -> bool:
    """Whether it was a process of this very machine that is not there any more: nobody need wait for it."""
    _machine, _space, rest = holder.partition(" ")
    number, _space, where = rest.partition(" ")
    if not where or where != _where() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else's, but there
        return False
    return int(number) == os.getpid()  # what this process held, it holds no more if it asks for it


@cache
def _where() -> str:
    """What numbers of processes belong to: this start of the machine, and in it this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink().name}"
    except OSError:  # not Linux: a dead process's lease is waited for
        return ""
