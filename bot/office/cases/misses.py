"""Wrong look-up codes of each number, from whatever chat: guessing a code by many chats ends here too.

A number that does not exist is counted like one that does, and by a keyed hash: the rows tell nobody anything.
"""

from sqlalchemy import BigInteger, Column, ColumnElement, Integer, LargeBinary, Table, delete, insert, select, update

from bot.store.schema import metadata
from bot.store.transaction import Transaction

MOST_AN_HOUR = 20  # of a million codes: guessing one takes years

look_up_miss = Table(
    "look_up_miss",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),  # since 1970
    Column("number", LargeBinary(32), primary_key=True),  # keyed hash
    Column("misses", Integer, nullable=False),
)


def are_too_many(tx: Transaction, number: bytes) -> bool:
    """Whether no code of this number counts any more before the hour is over."""
    statement = select(look_up_miss.c.misses).where(_here(tx, number))
    return (tx.read(statement).scalar_one_or_none() or 0) >= MOST_AN_HOUR


def count(tx: Transaction, number: bytes) -> None:
    """One more; what was counted in earlier hours goes."""
    tx.write(delete(look_up_miss).where(look_up_miss.c.hour < _hour(tx)))
    more = update(look_up_miss).where(_here(tx, number)).values(misses=look_up_miss.c.misses + 1)
    if tx.write(more).rowcount == 0:
        tx.write(insert(look_up_miss), {"number": number, "hour": _hour(tx), "misses": 1})


def _here(tx: Transaction, number: bytes) -> ColumnElement[bool]:
    return (look_up_miss.c.number == number) & (look_up_miss.c.hour == _hour(tx))


def _hour(tx: Transaction) -> int:
    return int(tx.now.timestamp()) // 3600
