"""How many cases are open, overdue and unowned, for whoever keeps the machine running. It reads no case."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from bot.office.cases.model import OPEN
from bot.office.cases.tables import case
from bot.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Figures:
    open: int
    overdue: int
    unowned: int


def read_figures(tx: Transaction) -> Figures:
    """Complaints about staff are left out: figures reach more people than supervisors."""
    return Figures(**{name: tx.read(statement).scalar_one() for name, statement in statements(tx.now).items()})


def statements(now: datetime) -> dict[str, Select[Any]]:
    return {"open": _count(), "overdue": _count(case.c.due_at < now), "unowned": _count(case.c.owner.is_(None))}


def _count(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(func.count()).select_from(case).where(
        case.c.status.in_(sorted(status.value for status in OPEN)), case.c.sealed.is_(False), *conditions
    )  # fmt: skip
