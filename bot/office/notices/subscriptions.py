"""What residents want to hear: the office, areas, topics. What they leave ends at once, also what is on its way."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, delete, insert, select, update

from bot.office.notices import audience, records
from bot.office.notices.audience import OFFICE, Wants, area_key, belongs, topic_key
from bot.office.notices.tables import subscription
from bot.office.people.model import Person
from bot.sealing import Sealer
from bot.store import withdrawal
from bot.store.transaction import Transaction

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)  # the office's notices come to everybody from the start


@dataclass(frozen=True, slots=True)
class Following:
    """What one person wants, by key."""

    wants: Mapping[str, Wants]

    @property
    def office(self) -> Wants:
        return self.wants.get(OFFICE, Wants.ALL)

    @property
    def is_out(self) -> bool:
        """Has left everything, emergencies too."""
        return self.office is Wants.NONE

    def follows(self, key: str) -> bool:
        if key == OFFICE:
            return self.office is Wants.ALL
        return not self.is_out and self.wants.get(key) is Wants.ALL


class Subscriptions:
    """What people follow, in one open transaction."""

    def __init__(self, tx: Transaction, content: Sealer) -> None:
        self._tx = tx
        self._notices = records.Records(tx, content)

    def of(self, person: Person) -> Following:
        statement = select(subscription.c.what, subscription.c.wants).where(subscription.c.person == person.id)
        return Following({row.what: Wants(row.wants) for row in self._tx.read(statement)})

    def toggle_office(self, person: Person) -> None:
        """The office's ordinary notices, on or off; its urgent ones stay."""
        self._set(person, OFFICE, Wants.URGENT if self.of(person).follows(OFFICE) else Wants.ALL)

    def toggle_area(self, person: Person, slug: str) -> None:
        """Whoever leaves an area still hears of what is urgent there."""
        now = self.of(person)
        key = area_key(slug)
        if now.follows(key):
            self._set(person, key, Wants.URGENT)
            return
        self._come_back(person, now)
        self._set(person, key, Wants.ALL)

    def toggle_topic(self, person: Person, slug: str) -> None:
        now = self.of(person)
        key = topic_key(slug)
        if now.follows(key):
            self._tx.write(delete(subscription).where(_one(person, key)))
            self._take_back(person)
            return
        self._come_back(person, now)
        self._set(person, key, Wants.ALL)

    def leave(self, person: Person) -> None:
        """Everything ends now, what is urgent too."""
        self._set(person, OFFICE, Wants.NONE)

    def only_urgent(self, person: Person) -> None:
        """Nothing but what is urgent: of the office and of the areas that were followed."""
        everything = update(subscription).where(subscription.c.person == person.id, subscription.c.what != OFFICE)
        self._tx.write(everything.where(subscription.c.what.startswith("area:")).values(wants=Wants.URGENT))
        topics = subscription.c.what.startswith("topic:")
        self._tx.write(delete(subscription).where(subscription.c.person == person.id, topics))
        self._set(person, OFFICE, Wants.URGENT)

    def come_back(self, person: Person) -> None:
        """As before leaving everything."""
        self._set(person, OFFICE, Wants.ALL)

    def _come_back(self, person: Person, now: Following) -> None:
        """Whoever had left everything and chooses something wants that, and what is urgent."""
        if now.is_out:
            self.only_urgent(person)

    def _set(self, person: Person, key: str, wants: Wants) -> None:
        moments = self._moments(person, key, wants)
        changed = self._tx.write(update(subscription).where(_one(person, key)).values(wants=wants, **moments))
        if changed.rowcount == 0:
            self._tx.write(insert(subscription), {"person": person.id, "what": key, "wants": wants} | moments)
        self._take_back(person)

    def _moments(self, person: Person, key: str, wants: Wants) -> dict[str, datetime | None]:
        """From when on so much is wanted: of what was there before, it goes on; what is more begins now."""
        columns = select(subscription.c.wants, subscription.c.since, subscription.c.all_since)
        now = self._tx.now
        had, since, all_since = (Wants.ALL, ALWAYS, ALWAYS) if key == OFFICE else (Wants.NONE, now, now)
        for row in self._tx.read(columns.where(_one(person, key))):
            had, since, all_since = Wants(row.wants), row.since, row.all_since
        return {
            "since": now if had is Wants.NONE else since,
            "all_since": (all_since if had is Wants.ALL else now) if wants is Wants.ALL else None,
        }

    def _take_back(self, person: Person) -> None:
        """What waits for somebody who does not want it any more does not go out."""
        gone = []
        for row, notice_id in records.unsettled_of(self._tx, person.id):
            of = self._notices.find(notice_id)
            if of is None or of.asked_at is None:
                continue
            who = belongs(of.audience, urgent=bool(of.urgent), by=of.asked_at)
            if not audience.is_of(self._tx, who, person.id):
                gone.append(row)
        if gone:
            withdrawal.cancel_rows(self._tx, gone)
            records.note(self._tx, gone)


def _one(person: Person, key: str) -> ColumnElement[bool]:
    return (subscription.c.person == person.id) & (subscription.c.what == key)
