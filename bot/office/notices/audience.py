"""Who belongs to an audience, as one SQL condition on people. Whoever has left everything belongs to none."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, func, select

from bot.office.notices.model import REACHED, Audience, Reach
from bot.office.notices.tables import delivery, subscription
from bot.office.people.model import CONSENT_VERSION
from bot.office.people.records import address, person
from bot.store.transaction import Transaction
from bot.telling import Recipient

OFFICE = "office"
_whole = subscription.alias("whole")


class Wants(StrEnum):
    """What somebody wants to hear of an area or a topic; of the whole office everybody hears until they leave."""

    ALL = "all"
    URGENT = "urgent"
    NONE = "none"


def area_key(slug: str) -> str:
    return f"area:{slug}"


def topic_key(slug: str) -> str:
    return f"topic:{slug}"


def belongs(audience: Audience, *, urgent: bool, by: datetime) -> ColumnElement[bool]:
    """Belongs now and did at `by`: whoever came later, or came back later, is not written to."""
    agreed = (person.c.consent >= CONSENT_VERSION) & (person.c.consent_at <= by)
    stays = ~_left((Wants.NONE,)) & ~_came_back(_whole.c.since, by)
    if audience.reached is not None:
        got = exists().where(
            delivery.c.notice == audience.reached, delivery.c.person == person.c.id, delivery.c.state.in_(REACHED)
        )
        return agreed & got & stays
    if audience.whole:
        if urgent:
            return agreed & stays
        return agreed & ~_left((Wants.NONE, Wants.URGENT)) & ~_came_back(_whole.c.all_since, by)
    wanted = (Wants.ALL, Wants.URGENT) if urgent else (Wants.ALL,)
    keys = [*map(area_key, audience.areas), *map(topic_key, audience.topics)]
    follows = exists().where(
        subscription.c.what.in_(keys), subscription.c.person == person.c.id, subscription.c.wants.in_(wanted),
        (subscription.c.since if urgent else subscription.c.all_since) <= by,
    )  # fmt: skip
    return agreed & follows & stays


def _left(wants: Sequence[Wants]) -> ColumnElement[bool]:
    return exists().where(_whole.c.person == person.c.id, _whole.c.what == OFFICE, _whole.c.wants.in_(wants))


def _came_back(since: ColumnElement[datetime], by: datetime) -> ColumnElement[bool]:
    """To the office's notices; whoever never left has no row, or one that they have always had."""
    return exists().where(_whole.c.person == person.c.id, _whole.c.what == OFFICE, since > by)


def _reachable(channels: Collection[str], by: datetime) -> ColumnElement[bool]:
    return exists().where(
        address.c.person == person.c.id, address.c.reachable.is_(True), address.c.channel.in_(list(channels)),
        func.coalesce(address.c.found_at, address.c.created_at) <= by,
    )  # fmt: skip


def count(
    tx: Transaction, who: ColumnElement[bool], *, by: datetime, now: Collection[str], later: Collection[str]
) -> Reach:
    """How many people on channels that find them `now`, and how many of the others `later`; each counts once."""

    def counted(channels: Collection[str]) -> int:
        statement = select(func.count()).select_from(person).where(who, _reachable(channels, by))
        return int(tx.read(statement).scalar_one()) if channels else 0

    found = counted(now)
    return Reach(now=found, later=counted([*now, *later]) - found if later else 0)


def is_of(tx: Transaction, who: ColumnElement[bool], person_id: int) -> bool:
    return bool(tx.read(select(person.c.id).where(who, person.c.id == person_id)).scalar_one_or_none())


def slice_of(
    tx: Transaction, who: ColumnElement[bool], *, by: datetime, after: int, at_most: int, channels: Collection[str]
) -> list[tuple[int, str | None]]:
    """(person, language) of the next ones in the order of their ids."""
    statement = select(person.c.id, person.c.language).where(who, _reachable(channels, by), person.c.id > after)
    return [(row.id, row.language) for row in tx.read(statement.order_by(person.c.id).limit(at_most))]


def addresses(
    tx: Transaction, people: Sequence[int], *, now: Collection[str], later: Collection[str]
) -> dict[int, tuple[int, str]]:
    """One (address, channel) for each person: one that finds them now before others, the newest of those."""
    statement = select(address.c.person, address.c.id, address.c.channel).where(
        address.c.person.in_(people), address.c.reachable.is_(True), address.c.channel.in_([*now, *later])
    )
    rows = sorted(tx.read(statement), key=lambda row: (row.channel in now, row.id))
    return {row.person: (row.id, row.channel) for row in rows}


def recipients(
    people: Sequence[tuple[int, str | None]], where: dict[int, tuple[int, str]], ids: Sequence[int]
) -> list[Recipient]:
    return [
        Recipient(id=id_, person=one, address=where[one][0], channel=where[one][1], language=language)
        for id_, (one, language) in zip(ids, people, strict=True)
    ]


def followers(tx: Transaction, *, urgent: bool, channels: Collection[str]) -> dict[str, int]:
    """How many people would get a notice to each single area or topic, by its key."""
    wanted = (Wants.ALL, Wants.URGENT) if urgent else (Wants.ALL,)
    statement = (
        select(subscription.c.what, func.count().label("people"))
        .join(person, person.c.id == subscription.c.person)
        .where(subscription.c.wants.in_(wanted), subscription.c.what != OFFICE, person.c.consent >= CONSENT_VERSION)
        .where(~_left((Wants.NONE,)), _reachable(channels, tx.now))
        .group_by(subscription.c.what)
    )
    return {row.what: int(row.people) for row in tx.read(statement)}
