"""All rows of one database into another, empty one, and a sum by which each table is compared. It decides nothing."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Boolean, Connection, Table, column, insert, table

AT_ONCE = 2000  # rows
_encode = msgspec.msgpack.Encoder().encode

Sum = tuple[int, str]
"""How many rows a table has, and a sum over the digests of all of them, in whatever order they come."""


def copy(source: Connection, target: Connection, of: Table) -> Sum:
    """Copies the rows as they are kept: what is sealed stays sealed. Returns the sum of what was read."""
    plain, count, total = _plain(of), 0, 0
    names = [of_column.name for of_column in of.columns]
    for rows in _batches(source, of):
        target.execute(insert(plain), [dict(zip(names, row, strict=True)) for row in rows])
        count, total = count + len(rows), total + sum(map(_digest, rows))
    return count, _written(total)


def summed(connection: Connection, of: Table) -> Sum:
    """The same sum of what stands in a database."""
    count, total = 0, 0
    for rows in _batches(connection, of):
        count, total = count + len(rows), total + sum(map(_digest, rows))
    return count, _written(total)


def _plain(of: Table) -> Any:
    """The table without our types, but for the one that the databases keep differently."""
    return table(of.name, *(column(one.name, Boolean() if isinstance(one.type, Boolean) else None)
                            for one in of.columns))  # fmt: skip


def _batches(connection: Connection, of: Table) -> Iterator[list[list[Any]]]:
    streaming = {"stream_results": True, "max_row_buffer": AT_ONCE}
    for rows in connection.execute(_plain(of).select(), execution_options=streaming).partitions(AT_ONCE):
        yield [[bytes(value) if isinstance(value, memoryview) else value for value in row] for row in rows]


def _digest(row: list[Any]) -> int:
    return int.from_bytes(hashlib.sha256(_encode(row)).digest(), "big")


def _written(total: int) -> str:
    return f"{total % (1 << 256):064x}"
