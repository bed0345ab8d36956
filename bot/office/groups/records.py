"""Tables and statements of staff groups: found by keyed hash, with a sealed chat id, without a title."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from bot.office.groups.model import Group, State
from bot.store.prepared import Prepared, first
from bot.store.queues import OutboxState, inserting_new, outbox
from bot.store.schema import metadata
from bot.store.transaction import Transaction
from bot.store.types import UtcTime

staff_group = Table(
    "staff_group",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", String(80), nullable=False),
    Column("lookup", LargeBinary(32), nullable=False, unique=True),
    Column("chat", LargeBinary, nullable=False),  # sealed with the identity key
    Column("state", String(12), nullable=False),
    Column("department", String(60)),  # none: the whole office
    Column("excused", Boolean, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

group_card = Table(
    "group_card",
    metadata,
    Column("case", BigInteger, ForeignKey("case.id"), nullable=False),
    Column("group", BigInteger, nullable=False),
    Column("newest", BigInteger),  # the message owed last, whose place the next one takes; none: the next is a new one
    Column("shown_from", UtcTime, nullable=False),  # before, it waits for the office to open
    PrimaryKeyConstraint("case", "group"),
    Index("ix_group_card_group", "group"),
)

_COLUMNS = [staff_group.c[name] for name in Group.__slots__]
_BY_LOOKUP = Prepared(select(*_COLUMNS).where(staff_group.c.lookup == bindparam("wanted")))
_BY_ID = Prepared(select(*_COLUMNS).where(staff_group.c.id == bindparam("wanted")))
_REGISTERED = Prepared(
    select(*_COLUMNS).where(staff_group.c.state == State.REGISTERED.value).order_by(staff_group.c.id)
)
_CHATS = Prepared(select(*_COLUMNS, staff_group.c.chat).where(staff_group.c.id.in_(bindparam("ids", expanding=True))))
_CARDS = Prepared(
    select(group_card.c.group, group_card.c.newest, group_card.c.shown_from).where(
        group_card.c.case == bindparam("wanted")
    )
)
_ADD_CARD = inserting_new(group_card, ["case", "group", "newest", "shown_from"], ["case", "group"])
_SET_CARD = Prepared(
    update(group_card)
    .where(group_card.c.case == bindparam("of"), group_card.c.group == bindparam("where"))
    .values(newest=bindparam("row"), shown_from=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class Card:
    """The one card of a case in a group."""

    group: int
    newest: int | None
    shown_from: datetime


def by_lookup(tx: Transaction, lookup: bytes) -> Group | None:
    return _one(tx, _BY_LOOKUP, lookup)


def by_id(tx: Transaction, id_: int) -> Group | None:
    return _one(tx, _BY_ID, id_)


def registered(tx: Transaction) -> list[Group]:
    return [_group(row) for row in tx.rows(_REGISTERED)]


def chats(tx: Transaction, ids: Sequence[int]) -> dict[int, tuple[Group, bytes]]:
    """The groups among these addresses, with their sealed chat ids."""
    return {row.id: (_group(row), row.chat) for row in tx.rows(_CHATS, {"ids": ids})} if ids else {}


def add(tx: Transaction, new: Group, *, lookup: bytes, chat: bytes) -> None:
    values = {name: getattr(new, name) for name in Group.__slots__}
    tx.write(insert(staff_group), values | {"lookup": lookup, "chat": chat})


def save(tx: Transaction, changed: Group) -> None:
    values = {"state": changed.state, "department": changed.department, "excused": changed.excused}
    statement = update(staff_group).where(staff_group.c.id == changed.id)
    tx.write(statement.values(**values, changed_at=tx.now))


def move(tx: Transaction, id_: int, *, lookup: bytes, chat: bytes) -> None:
    """The group has another chat id now; whatever was known under that id goes."""
    tx.write(delete(staff_group).where(staff_group.c.lookup == lookup, staff_group.c.id != id_))
    tx.write(update(staff_group).where(staff_group.c.id == id_).values(lookup=lookup, chat=chat))


def cards(tx: Transaction, case_id: int) -> dict[int, Card]:
    return {row.group: Card(*row) for row in tx.rows(_CARDS, {"wanted": case_id})}


def put_card(tx: Transaction, case_id: int, group: int, newest: int | None, shown_from: datetime) -> None:
    added = tx.change(_ADD_CARD, {"case": case_id, "group": group, "newest": newest, "shown_from": shown_from})
    if not added:
        tx.change(_SET_CARD, {"of": case_id, "where": group, "row": newest, "at": shown_from})


def drop_cards(tx: Transaction, group: int) -> None:
    """The group's cards are not to be found any more: it has ended."""
    tx.write(delete(group_card).where(group_card.c.group == group))


def leave_cards(tx: Transaction, group: int) -> None:
    """The group went on elsewhere, and its cards stayed behind, but for those that have yet to arrive."""
    open_ = outbox.c.state.in_((OutboxState.QUEUED, OutboxState.SENDING))
    comes = list(tx.flushed().execute(select(outbox.c.id).where(outbox.c.address == group, open_)).scalars())
    tx.write(delete(group_card).where(group_card.c.group == group, group_card.c.newest.not_in(comes)))


def drop_card(tx: Transaction, case_id: int, group: int) -> None:
    tx.write(delete(group_card).where(group_card.c.case == case_id, group_card.c.group == group))


def _one(tx: Transaction, query: Prepared, wanted: Any) -> Group | None:
    row = first(tx.rows(query, {"wanted": wanted}))
    return _group(row) if row else None


def _group(row: Any) -> Group:
    facts = dict(zip(Group.__slots__, row, strict=False))
    return Group(**facts | {"state": State(row.state)})
