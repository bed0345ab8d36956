"""The chains of the cases, checked: every act is a link that holds the one before. It changes nothing."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from bot.office.cases.records import chained
from bot.office.cases.tables import case_event
from bot.store.types import to_micros

FIRST = bytes(32)


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
        elif chained(digest, link) != link["digest"]:
            yield f"case {of}: link {link['number']} was changed"
        number, digest = link["number"], link["digest"]
