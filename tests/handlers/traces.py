"""Everything that stands in the database, sealed and legible."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from bot.channels.web import history  # noqa: F401  its table is looked at too
from bot.store.schema import metadata
from bot.store.transaction import Transaction
from tests.rig import Town
from tests.unsealed import opened

Row = dict[str, Any]


async def read(town: Town, statement: Any) -> list[Any]:
    def rows(tx: Transaction) -> list[Any]:
        return list(tx.flushed().execute(statement).all())

    return await town.app.store.writer.submit(rows)


async def everything(town: Town) -> dict[str, list[Row]]:
    """All rows of all tables."""
    return {
        name: [dict(row._mapping) for row in await read(town, select(table))] for name, table in metadata.tables.items()
    }


def legible(town: Town, tables: dict[str, list[Row]]) -> Iterator[tuple[str, str]]:
    """(table, words) of every value, unsealed."""
    for name, rows in tables.items():
        for row in rows:
            for value in row.values():
                yield name, opened(town.store.keys, value) if isinstance(value, bytes) else str(value)
