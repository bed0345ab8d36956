"""The services of one open transaction, in one place. It decides nothing itself."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from bot.identity import Identity
from bot.office.calendar import Calendar
from bot.office.cases.acts import Means
from bot.office.cases.sealed import SealedCases
from bot.office.cases.service import JOB
from bot.office.departments import Departments
from bot.office.emergencies import Emergencies
from bot.office.groups.service import Groups
from bot.office.holdings import Holdings, read_holdings
from bot.office.notices.audience import area_key, topic_key
from bot.office.notices.directory import Directory
from bot.office.notices.sending import Carriers
from bot.office.notices.service import Notices
from bot.office.notices.subscriptions import Subscriptions
from bot.office.people.erasure import AGAIN, REST, Erasures, Rest
from bot.office.people.model import Person
from bot.office.people.service import People
from bot.office.policies.service import Policies
from bot.office.retention import Nights, Retention, Slice
from bot.office.understanding import Accused, Understanding
from bot.store import blanking, queues, sending, withdrawal
from bot.store.expiring import expire, ring
from bot.store.transaction import Transaction
from bot.telling import Letters, Telling
from bot.words import Message, Translator, Words

T = TypeVar("T")

COPY_FOR = timedelta(hours=24)
SLICE = "retention.slice"
WIPE = "erasure.wipe"
VACUUM_AT = time(3, 40)  # after the night's clearing up
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
    command_words: Callable[[str], tuple[str, ...]]
    days_in: Callable[[str, date], list[tuple[str, date]]]
    accused_in: Callable[[str], Accused]
    asks_whether_known: Callable[[str], bool]
    privacy_in: Callable[[str], str | None]
    means: Means
    identity: Identity
    words: Words
    emergencies: Emergencies
    platforms: Mapping[str, Message]  # channel: through whose hands a message goes
    directory: Directory  # areas and topics
    retention: Retention
    carriers: Carriers = field(default_factory=lambda: Carriers({}))  # channels by how they reach people
    duty_phone: str = ""
    companies: Mapping[str, Message] = field(default_factory=dict)  # channel: the company that sees its messages
    outside_phone: str = ""  # of the body that hears complaints about staff from outside


class Office:
    """People, cases and the rest, inside the caller's transaction."""

    def __init__(self, tx: Transaction, house: House) -> None:
        self._tx = tx
        self._told: list[Telling] = []
        self._written: list[Letters] = []
        self.house = house
        self.name = house.name
        self.calendar = house.calendar
        self.policies = house.policies
        self.departments = house.departments
        self._judged: dict[str, Understanding] = {}  # of the event at hand: several handlers ask about the same words
        self.danger_in = house.danger_in
        self.days_in = house.days_in
        self.command_words = house.command_words
        self.accused_in = house.accused_in
        self.asks_whether_known = house.asks_whether_known
        self.privacy_in = house.privacy_in
        self.emergencies = house.emergencies
        self.duty_phone = house.duty_phone
        self.outside_phone = house.outside_phone
        means = house.means
        self.people = People(tx, ids=means.ids, lookup=means.lookup, identity=house.identity)
        self.cases = SealedCases(tx, means, self.people, self._told.append)
        self.erasures = Erasures(tx, ids=means.ids, random=means.random, cases=self.cases)
        self.groups = Groups(tx, means, self.people, self._told.append)

    @cached_property
    def notices(self) -> Notices:
        house = self.house
        return Notices(self._tx, house.means, self.people, directory=house.directory, carriers=house.carriers,
                       topics=lambda: self.topics(house.language), tell=self._told.append,
                       write=self._written.append)  # fmt: skip

    @cached_property
    def subscriptions(self) -> Subscriptions:
        return Subscriptions(self._tx, self.house.means.content)

    def topics(self, language: str) -> Mapping[str, str]:
        """What can be followed besides areas, with its name: the sections of the policies, and some of its own."""
        today = self.now.astimezone(self.house.zone).date()
        sections = {section.slug: section.name for section in self.policies.sections(language, today)}
        directory = self.house.directory
        return sections | {slug: directory.topic_name(slug, language) for slug in directory.own_topics}

    @property
    def now(self) -> datetime:
        return self._tx.now

    @property
    def languages(self) -> Mapping[str, str]:
        """Language codes and their own names."""
        return {code: _NAMES.get(code, code) for code in self.house.words.languages}

    def holdings(self, person: int) -> Holdings | None:
        """All that is held of somebody. Reads only."""
        known = self.people.find([person]).get(person)
        return read_holdings(self._tx, self.cases, self._followed(known), known) if known is not None else None

    def _followed(self, by: Person) -> list[str]:
        """The names of what somebody has chosen to hear of."""
        language = by.language or self.house.language
        directory, following = self.house.directory, self.subscriptions.of(by)
        names = {area_key(slug): directory.area_name(slug, language) for slug in directory.areas}
        names |= {topic_key(slug): name for slug, name in self.topics(language).items()}
        return [name for key, name in names.items() if following.follows(key)]

    def understand(self, words: str) -> Understanding:
        """One guess at what somebody wants."""
        found = self._judged.get(words)
        if found is None:
            found = self._judged[words] = self.house.understand(words)
        return found

    def alike(self, key: Hashable, make: Callable[[], T]) -> T:
        """What several people are shown of one event in the same words: made once, and anew after every write."""
        seen = self._tx.seen
        if key not in seen:
            seen[key] = make()
        made: T = seen[key]
        return made

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
        ids = self._arrived(person)
        blanking.blank_outbox(self._tx, person.address, since)
        self._blank_rest(lane, since)
        return ids

    def blank_seen(self, person: Person, lane: int, since: datetime, until: datetime) -> tuple[dict[str, int], bool]:
        """The same of a span, but for what has not arrived yet: that is owed. The second says whether there is some."""
        ids = self._arrived(person)
        waits = blanking.blank_arrived(self._tx, person.address, lane, since, until)
        self._blank_rest(lane, since, until)
        return ids, waits

    def _arrived(self, person: Person) -> dict[str, int]:
        ids = blanking.message_ids(self._tx, person.address, self.now - DELETABLE)
        return {message: int(at.timestamp()) for message, at in ids}

    def _blank_rest(self, lane: int, since: datetime, until: datetime | None = None) -> None:
        blanking.blank_inbox(self._tx, lane, since, until)
        blanking.blank_pages(self._tx, lane, since, until)
        self._tx.scrubs = True

    def forget_messages(self, person: Person) -> bool:
        """Messages that are deleted on the platform are not known here any more. True: there are older ones."""
        blanking.forget_messages(self._tx, person.address, self.now - DELETABLE)
        return blanking.has_older(self._tx, person.address, self.now - DELETABLE)

    def foreign_cards(self, person: Person, address: int) -> tuple[str, ...]:
        """The platform's ids of what this chat has shown lately and its person may not read any more."""
        shown = blanking.shown_since(self._tx, address, self.now - DELETABLE)
        return tuple(message for subject, message in shown if not self.cases.may_still_read(subject, person))

    def told(self) -> list[Telling]:
        """What the acts since the last call want others to hear, in groups too."""
        self.groups.follow(self.cases.logged())
        told = list(self._told)
        self._told.clear()
        self._judged.clear()
        return told

    def unsay(self) -> None:
        """The acts since the last call were undone: nobody hears of them."""
        self.cases.logged()
        self._told.clear()
        self._written.clear()
        self._judged.clear()

    def written(self) -> list[Letters]:
        """The letters to many since the last call."""
        written = list(self._written)
        self._written.clear()
        return written

    def remember(
        self, key: str, kind: str, at: datetime, *, subject: int = 0, lane: int | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """A due moment; the same key sets it anew."""
        queues.arm(self._tx, id=self.house.means.ids(), key=key, kind=kind, due_at=at, subject=subject, lane=lane,
                   data=data)  # fmt: skip

    def go_on(self, channel: str, user: str, action: str, *args: str) -> None:
        """Something that somebody began elsewhere goes on in their private chat, in its own order."""
        lane = self.people.lane(channel, user)
        self.remember(f"go-on:{self.house.means.ids()}", "go.on", self.now, lane=lane,
                      data={"action": action, "args": list(args)})  # fmt: skip

    def forget(self, key: str) -> None:
        queues.disarm(self._tx, key)

    def take_back(self, subject: int, person: int) -> None:
        """What is still queued on a subject for somebody need not go out any more."""
        withdrawal.cancel_for(self._tx, subject, person)

    def last_subject(self, address: int) -> int | None:
        """The case that our newest message there spoke of."""
        return sending.last_subject(self._tx, address)

    def subject_of(self, address: int, message: str) -> int | None:
        """The case that a message of ours spoke of; a reply to the message is about that case."""
        return sending.subject_of(self._tx, address, message)

    def show_menu(self, person: Person) -> None:
        """The commands of this person's roles go into their platform's menu, outside this transaction."""
        self._start("menu.show", person.id, f"menu:{self.house.means.ids()}", {"address": person.address})

    def collect_data(self, person: Person) -> None:
        """All that is held of somebody goes into a file for them, made outside this transaction."""
        data = {"address": person.address}
        key = f"mydata:{person.id}:{int(self.now.timestamp()) // 60}"  # asked twice within a minute, made once
        self._start("mydata", person.id, key, data)

    def keep_copy(self, digest: str, person: Person | None) -> None:
        """A file that was made for somebody stays for a day; where they are gone, it goes at once."""
        until = self.now + COPY_FOR if person is not None else self.now
        expire(self._tx, digest, until, timer=self.house.means.ids(), person=person.id if person else None)

    def clear_files(self) -> None:
        """Files whose moment has come are deleted, outside this transaction."""
        self._start("files.clear", 0, f"files:{self.house.means.ids()}", {})

    def files_cleared(self) -> None:
        """The next ones get their moment."""
        ring(self._tx, self.house.means.ids())

    def erase(self, person: Person, *, mark: str, event: int, lane: int | None, misses: bool) -> None:
        """Forgets a person: now what fits into this transaction, then the rest, and at last a farewell (T16)."""
        rest = self.erasures.begin(person, mark=mark, event=event, lane=lane, misses=misses)
        self._arm(f"erasure:{rest.upto}", REST, AGAIN, rest)
        data = {"person": person.id, "addresses": rest.addresses, "farewell": rest.farewell}
        self._start("talk.clear", person.id, f"clear:{rest.upto}", data)
        self.wipe()

    def go_on_erasing(self, rest: Rest, mark: str) -> None:
        """The next slice of an erasure; after the last one its own timer goes too."""
        key = f"erasure:{rest.upto}"
        after = self.erasures.go_on(rest, mark)
        if after is not None:
            self._arm(key, REST, after, rest)
        self.wipe(forget_timer="" if after is not None else key)

    def sweep(self, at: Slice | None, mark: str) -> None:
        """The next slice of the night's clearing up, or its first; the one after it follows at once."""
        ids = self.house.means.ids
        nights = Nights(self._tx, self.house.retention, self.cases, self.erasures)
        self.erasures.traces.marks.clear()
        behind = nights.begin() if at is None else nights.sweep(at, mark, ids())
        if behind is None:
            self.clear_files()
        else:
            self._arm(SLICE, SLICE, timedelta(0), behind)
        if self.erasures.traces.marks:
            self.plan_wiping()
        self._trim_neighbours()

    def wipe(self, *, forget_timer: str = "") -> None:
        """What was deleted here is looked for in the database's file, outside any transaction, and cleared."""
        marks = [mark.hex() for mark in sorted(self.erasures.traces.marks)]
        self.erasures.traces.marks.clear()
        self._trim_neighbours()
        if marks or forget_timer:
            self._wipe({"marks": marks, "timer": forget_timer})

    def wipe_by_night(self) -> None:
        """The same without looking first, whatever it costs."""
        self._wipe({"marks": [], "timer": "", "night": True})

    def plan_wiping(self) -> None:
        """Once in the night that follows, however much was erased."""
        local = self.now.astimezone(self.house.zone)
        day = local.date() + timedelta(days=local.time() >= VACUUM_AT)
        night = datetime.combine(day, VACUUM_AT, self.house.zone)
        queues.arm(self._tx, id=self.house.means.ids(), key=WIPE, kind=WIPE, due_at=night)

    def tell(self, telling: Telling) -> None:
        self._told.append(telling)

    def _start(self, kind: str, subject: int, key: str, data: dict[str, Any]) -> None:
        sealed = self.house.means.content.seal(msgspec.json.encode(data), JOB)
        queues.start_job(self._tx, id=self.house.means.ids(), key=key, kind=kind, subject=subject, data=sealed)

    def _trim_neighbours(self) -> None:
        """Others' chats keep the buttons of their last screen, and those may quote what has just gone."""
        traces = self.erasures.traces
        lanes, numbers = sorted(traces.neighbours), sorted(traces.numbers)
        traces.neighbours, traces.numbers = set(), set()
        if lanes:
            id_ = self.house.means.ids()
            self._start("talk.trim", id_, f"trim:{id_}", {"lanes": lanes, "numbers": numbers})

    def _wipe(self, data: dict[str, Any]) -> None:
        id_ = self.house.means.ids()
        self._start(WIPE, id_, f"wipe:{id_}", data)

    def _arm(self, key: str, kind: str, after: timedelta, data: object) -> None:
        queues.arm(self._tx, id=self.house.means.ids(), key=key, kind=kind, due_at=self.now + after,
                   data=msgspec.to_builtins(data))  # fmt: skip
