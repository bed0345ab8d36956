"""The few facts about the database itself: whose it is, which keys fit it, which run this is."""

from sqlalchemy import BigInteger, Column, String, Table, cast, select

from bot.errors import ConfigError
from bot.store.queues import inserting_new
from bot.store.schema import metadata
from bot.store.transaction import Transaction

RESTORED_AT = "restored"
fact = Table(
    "fact",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
)
_ADD = inserting_new(fact, ["name", "value"], ["name"])


def get(tx: Transaction, name: str) -> str | None:
    return tx.read(select(fact.c.value).where(fact.c.name == name)).scalar_one_or_none()


def put(tx: Transaction, name: str, value: str) -> None:
    connection = tx.flushed()
    if not _ADD.run(connection, {"name": name, "value": value}):
        tx.write(fact.update().where(fact.c.name == name).values(value=value))


def open_run(tx: Transaction, fingerprint: str) -> tuple[int, bool]:
    """The number of this run, and whether the one before ended cleanly. Keys that do not fit stop the start."""
    fit_keys(tx, fingerprint)
    epoch = next_epoch(tx)
    was_clean = get(tx, "stopped") in (None, "cleanly")
    put(tx, "stopped", "no")
    return epoch, was_clean


def next_epoch(tx: Transaction) -> int:
    """A number that nobody had before, however many processes ask at once."""
    _ADD.run(tx.flushed(), {"name": "epoch", "value": "0"})
    number = cast(cast(fact.c.value, BigInteger) + 1, String(200))
    statement = fact.update().where(fact.c.name == "epoch").values(value=number).returning(fact.c.value)
    return int(tx.write(statement).scalar_one())


def fit_keys(tx: Transaction, fingerprint: str) -> None:
    """The keys must be those that the database was written with; a new one takes them on."""
    known = get(tx, "keys")
    if known is None:
        put(tx, "keys", fingerprint)
    elif known != fingerprint:
        raise ConfigError("security.key_file: these are not the keys that this database was written with")


def close_run(tx: Transaction) -> None:
    put(tx, "stopped", "cleanly")
