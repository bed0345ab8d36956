"""The services of one open transaction, in one place. It decides nothing itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from bot.identity import Identity
from bot.office.calendar import Calendar
from bot.office.cases.acts import Means
from bot.office.cases.sealed import SealedCases
from bot.office.cases.service import JOB
from bot.office.departments import Departments
from bot.office.emergencies import Emergencies
from bot.office.people.model import Person
from bot.office.people.service import People
from bot.office.policies.service import Policies
from bot.office.understanding import Accused, Understanding
from bot.store import blanking, claims, queues
from bot.store.transaction import Transaction
from bot.telling import Telling
from bot.words import Message, Translator, Words

DELETABLE = timedelta(hours=48)  # how long platforms let messages of both sides be deleted
_NAMES = {"zh_CN": "中文", "en": "English"}


@dataclass(frozen=True)
class House:
    """What stays the same from one transaction to the next: content, calendar, settings."""

    name: str
    zone: ZoneInfo
    language: str
    calendar: Calendar
    policies: Policies
    departments: Departments
    understand: Callable[[str], Understanding]
    danger_in: Callable[[str], str | None]
    read_command: Callable[[str, bool], str | None]
    accused_in: Callable[[str], Accused]
    asks_whether_known: Callable[[str], bool]
    means: Means
    identity: Identity
    words: Words
    emergencies: Emergencies
    platforms: Mapping[str, Message]  # channel: through whose hands a message goes
    duty_phone: str = ""
    companies: Mapping[str, Message] = field(default_factory=dict)  # channel: the company that sees its messages
    outside_phone: str = ""  # of the body that hears complaints about staff from outside


class Office:
    """People, cases and the rest, inside the caller's transaction."""

    def __init__(self, tx: Transaction, house: House) -> None:
        self._tx = tx
        self._told: list[Telling] = []
        self.house = house
        self.name = house.name
        self.calendar = house.calendar
        self.policies = house.policies
        self.departments = house.departments
        self.understand = house.understand
        self.danger_in = house.danger_in
        self.accused_in = house.accused_in
        self.asks_whether_known = house.asks_whether_known
        self.emergencies = house.emergencies
        self.duty_phone = house.duty_phone
        self.outside_phone = house.outside_phone
        means = house.means
        self.people = People(tx, ids=means.ids, lookup=means.lookup, identity=house.identity)
        self.cases = SealedCases(tx, means, self.people, self._told.append)

    @property
    def now(self) -> datetime:
        return self._tx.now

    @property
    def languages(self) -> Mapping[str, str]:
        """Language codes and their own names."""
        return {code: _NAMES.get(code, code) for code in self.house.words.languages}

    def speak(self, language: str) -> Translator:
        return self.house.words.speak(language)

    def platform_words(self, channel: str) -> Message:
        """Where a message of this channel travels: part of what somebody consents to."""
        return self.house.platforms[channel]

    def company(self, channel: str) -> Message | None:
        """Whose servers a message of this channel goes through, besides the office's own."""
        return self.house.companies.get(channel)

    def blank_talk(self, person: Person, lane: int, since: datetime) -> dict[str, int]:
        """Takes out of the queues what was said and shown in this chat since then; no case is touched.

        Returns the bare ids of messages that arrived there, with their seconds since 1970: to delete them later.
        """
        ids = blanking.message_ids(self._tx, person.address, self.now - DELETABLE)
        blanking.blank_inbox(self._tx, lane, since)
        blanking.blank_outbox(self._tx, person.address, since)
        blanking.blank_pages(self._tx, lane, since)
        self._tx.scrubs = True
        return {message: int(at.timestamp()) for message, at in ids}

    def forget_messages(self, person: Person) -> bool:
        """Messages that are deleted on the platform are not known here any more. True: there are older ones."""
        blanking.forget_messages(self._tx, person.address, self.now - DELETABLE)
        return blanking.has_older(self._tx, person.address, self.now - DELETABLE)

    def told(self) -> list[Telling]:
        """What the acts since the last call want others to hear."""
        told = list(self._told)
        self._told.clear()
        return told

    def remember(self, key: str, kind: str, at: datetime, *, subject: int = 0, lane: int | None = None) -> None:
        """A due moment; the same key sets it anew."""
        queues.arm(self._tx, id=self.house.means.ids(), key=key, kind=kind, due_at=at, subject=subject, lane=lane)

    def forget(self, key: str) -> None:
        queues.disarm(self._tx, key)

    def take_back(self, subject: int, person: int) -> None:
        """What is still queued on a subject for somebody need not go out any more."""
        queues.cancel_for(self._tx, subject, person)

    def subject_of(self, address: int, message: str) -> int | None:
        """The case that a message of ours spoke of; a reply to the message is about that case."""
        return claims.subject_of(self._tx, address, message)

    def show_menu(self, person: Person) -> None:
        """The commands of this person's roles go into their platform's menu, outside this transaction."""
        data = self.house.means.content.seal(msgspec.json.encode({"address": person.address}), JOB)
        id_ = self.house.means.ids()
        queues.start_job(self._tx, id=id_, key=f"menu:{id_}", kind="menu.show", subject=person.id, data=data)

    def tell(self, telling: Telling) -> None:
        self._told.append(telling)
