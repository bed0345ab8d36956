"""The chain of a case: every act is a link that holds the one before. Links are added and checked, never changed."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, select

from bot.office.cases.tables import case, case_event
from bot.store.prepared import Prepared, first
from bot.store.transaction import Transaction
from bot.store.types import to_micros

FIRST = bytes(32)  # what the first link holds

# as strong as a change of the row; a full lock would wait for others that have only written rows that refer to it
_LOCK = Prepared(select(case.c.id).where(case.c.id == bindparam("wanted")).with_for_update(key_share=True))
_LAST = Prepared(
    select(case_event.c.number, case_event.c.digest)
    .where(case_event.c.case == bindparam("wanted"))
    .order_by(case_event.c.number.desc())
    .limit(1)
)
_ADD = Prepared(insert(case_event), [column.name for column in case_event.c])


class Chain:
    """The chains, as one transaction adds to them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def begin(self, case_id: int) -> None:
        """A case that this transaction has made has no links yet."""
        self._tx.cache["chain", case_id] = 0, FIRST

    def add(self, case_id: int, facts: Iterable[Mapping[str, Any]]) -> None:
        """One link for each of the facts, in their order."""
        number, digest = self._end(case_id)
        links = []
        for fact in facts:
            number += 1
            link = {"case": case_id, "number": number, **fact}
            digest = _digest(digest, link)
            links.append(link | {"digest": digest})
        self._tx.change_many(_ADD, links)
        self._tx.cache["chain", case_id] = number, digest

    def _end(self, case_id: int) -> tuple[int, bytes]:
        """Number and digest of the last link; whoever has added one in this transaction keeps others from adding."""
        known: tuple[int, bytes] | None = self._tx.cache.get(("chain", case_id))
        if known is not None:
            return known
        if self._tx.is_postgresql:  # another writer may be adding to this chain
            self._tx.rows(_LOCK, {"wanted": case_id})
        row = first(self._tx.rows(_LAST, {"wanted": case_id}))
        return (row.number, row.digest) if row else (0, FIRST)


def links_of(connection: Connection) -> Iterator[Mapping[str, Any]]:
    """All links, case by case in their order."""
    statement = select(case_event).order_by(case_event.c.case, case_event.c.number)
    for row in connection.execution_options(stream_results=True).execute(statement):
        yield {**row._mapping, "at": to_micros(row.at)}


def links_of_rows(columns: list[str], rows: Iterable[list[Any]]) -> Iterator[Mapping[str, Any]]:
    """The same from plain rows."""
    links = [dict(zip(columns, row, strict=True)) for row in rows]
    yield from sorted(links, key=lambda link: (link["case"], link["number"]))


def broken_links(links: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One line for each link that is missing or does not hold the one before."""
    of, number, digest = None, 0, FIRST
    for link in links:
        if link["case"] != of:
            of, number, digest = link["case"], 0, FIRST
        if link["number"] != number + 1:
            yield f"case {of}: a link is missing before number {link['number']}"
        elif _digest(digest, link) != link["digest"]:
            yield f"case {of}: link {link['number']} was changed"
        number, digest = link["number"], link["digest"]


def _digest(previous: bytes, link: Mapping[str, Any]) -> bytes:
    """SHA-256 over the digest before and the link as canonical JSON."""
    plain = {
        key: to_micros(value) if isinstance(value, datetime) else value
        for key, value in link.items()
        if key != "digest"
    }
    return hashlib.sha256(previous + msgspec.json.encode(plain, order="sorted")).digest()
