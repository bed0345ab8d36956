"""A notice on its way: a row for each recipient in slices, figures for its author, an end at any moment."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from bot.errors import MoveNotAllowed, NotFound
from bot.office.calendar import Calendar
from bot.office.cases.acts import Means
from bot.office.cases.model import Case
from bot.office.notices import audience, records
from bot.office.notices.audience import belongs
from bot.office.notices.directory import Directory
from bot.office.notices.model import (
    FIRST,
    FIRST_WAIT,
    RUNNING,
    SLICE,
    VOID,
    WAIT,
    Arrival,
    Notice,
    Status,
    on_the_way,
)
from bot.office.people import records as people_records
from bot.office.people.model import Person
from bot.office.people.service import People
from bot.store import queues, withdrawal
from bot.store.transaction import Transaction
from bot.telling import Lane, Letters, Telling

SHOWN_EVERY = timedelta(seconds=5)
LETTER = "notice.letter"
MOST_RUNNING = 100


@dataclass(frozen=True, slots=True)
class Carriers:
    """The channels that bring a message at once and those whose readers have to open a page; messages a second."""

    now: Mapping[str, int]
    later: Collection[str] = ()

    def minutes(self, people: int) -> int:
        """About how long so many messages take; a part of every second is left to answers."""
        rate = sum(self.now.values()) * 0.8
        return max(1, round(people / rate / 60)) if rate else 1


class Sending:
    """What moves a notice along, and what it has come to."""

    def __init__(
        self,
        tx: Transaction,
        means: Means,
        people: People,
        *,
        directory: Directory,
        topics: Callable[[], Collection[str]],
        carriers: Carriers,
        tell: Callable[[Telling], None],
        write: Callable[[Letters], None],
    ) -> None:
        self._tx = tx
        self._means = means
        self._people = people
        self._topics = topics
        self._carriers = carriers
        self._tell = tell
        self._write = write
        self._records = records.Records(tx, means.content)
        self.directory = directory

    @property
    def _now(self) -> datetime:
        return self._tx.now

    @property
    def _calendar(self) -> Calendar:
        return self._means.calendar

    def _id(self) -> int:
        return self._means.ids()

    def minutes(self, people: int) -> int:
        return self._carriers.minutes(people)

    def start_of(self, of: Notice) -> datetime:
        """When it would start if it were agreed to now: a minute later, and in the morning if it is not urgent."""
        start = of.starts_at or self._now + WAIT
        return start if of.urgent else self._morning(start) or start

    # --- what timers do ---

    def start(self, id_: int) -> None:
        """The moment has come: the first few, then a short wait in which somebody can still say stop."""
        old = self._found(id_)
        if old.status is not Status.APPROVED or self._waits_for_morning(old, "start"):
            return
        if not old.is_as_asked():
            self._void(old)
            return
        saved = self._records.save(old, replace(old, status=Status.SENDING))
        self._fill(saved, FIRST, then=self._now + FIRST_WAIT)
        self._arm(saved, "tick", self._now + SHOWN_EVERY)

    def _void(self, of: Notice) -> None:
        """What somebody agreed to is not what would go out, however that came about."""
        saved = self._records.save(of, replace(of, **VOID, approver=None, starts_at=None))
        self._tell(Telling(kind="notice.void", subject=of.id, recipient=of.author, address=of.address,
                           key=f"notice:{of.id}:void:{saved.revision}"))  # fmt: skip

    def slice(self, id_: int) -> None:
        """The next recipients."""
        old = self._found(id_)
        if old.status is Status.SENDING and not old.is_filled and not self._waits_for_morning(old, "slice"):
            self._fill(old, SLICE, then=self._now)

    def tick(self, id_: int) -> None:
        """The figures as they are now, in place of those before; the last time when nothing is on its way."""
        old = self._found(id_)
        if old.status not in (Status.SENDING, Status.STOPPED):
            return
        figures = self.figures(old)
        if _encoded(figures) == old.shown and on_the_way(figures):
            records.note_left_over(self._tx, old)
            figures = self.figures(old)
        new = old
        is_over = not on_the_way(figures) and (old.is_filled or old.status is Status.STOPPED)
        if is_over and old.status is Status.SENDING:
            new = replace(new, status=Status.SENT, ended_at=self._now)
        if _encoded(figures) != old.shown or new.status is not old.status:
            new = self._show(self._records.save(old, new) if new is not old else old, figures)
        if not is_over:
            self._arm(new, "tick", self._pause_at_night(new) or self._now + SHOWN_EVERY)

    def _fill(self, of: Notice, at_most: int, *, then: datetime) -> None:
        """Writes down the next recipients and owes each one message; the rows tell how far it has come."""
        assert of.asked_at is not None
        who = belongs(of.audience, urgent=bool(of.urgent), by=of.asked_at)
        after = records.last_written(self._tx, of)
        now, later = self._carriers.now, self._carriers.later
        people = audience.slice_of(self._tx, who, by=of.asked_at, after=after, at_most=at_most,
                                   channels=(*now, *later))  # fmt: skip
        if people:
            where = audience.addresses(self._tx, [person for person, _language in people], now=now, later=later)
            to = audience.recipients(people, where, [self._id() for _person in people])
            records.add_deliveries(self._tx, of, to)
            self._write(Letters(kind=LETTER, subject=of.id, key=f"notice:{of.id}", recipients=to))
        if len(people) < at_most:
            self._records.save(of, replace(of, is_filled=True))
            return
        queues.arm(self._tx, id=self._id(), key=f"notice:{of.id}:slice:{people[-1][0]}", kind="notice.slice",
                   due_at=then, subject=of.id)  # fmt: skip

    def _waits_for_morning(self, of: Notice, step: str) -> bool:
        """At night only what is urgent goes on."""
        morning = None if of.urgent else self._morning(self._now)
        if morning is not None:
            self._arm(of, step, morning)
        return morning is not None

    def _pause_at_night(self, of: Notice) -> datetime | None:
        """What has not gone out by 21:30 waits, rows and all; until when somebody has to look again."""
        morning = None if of.urgent or of.status is Status.STOPPED else self._morning(self._now)
        if morning is None:
            return None
        withdrawal.postpone_all(self._tx, of.id, morning)
        return None if withdrawal.is_on_its_way(self._tx, of.id) else morning  # what is may come back

    def _morning(self, moment: datetime) -> datetime | None:
        """When it may go on, if it is night by the time that somebody looks again."""
        return self._calendar.quiet_until(moment + SHOWN_EVERY)

    def rest(self) -> None:
        """What was on its way when the office stopped waits for the morning, before anything is sent."""
        for of in self._records.latest(MOST_RUNNING, author=None, statuses=(Status.SENDING,)):
            self._pause_at_night(of)

    # --- what people do ---

    def stop(self, id_: int, *, by: Person) -> Notice:
        """Nothing more goes out but what is on its way this very moment; pressed twice it is stopped once."""
        old = self._found(id_)
        if old.status is Status.STOPPED:
            return old
        if old.status not in RUNNING:
            raise MoveNotAllowed("notice.over")
        saved = self._records.save(old, replace(old, status=Status.STOPPED, ended_at=self._now))
        queues.disarm(self._tx, self._timer(old, "start"))
        self.take_back(old.id)
        self._log("notice.stopped", by, saved)
        self._arm(saved, "tick", self._now + timedelta(seconds=1))
        return saved

    def take_back(self, id_: int) -> None:
        """What of it has not gone out, and what waits for a page to be opened."""
        withdrawal.cancel_all(self._tx, id_)
        records.note_stopped(self._tx, id_)

    def figures(self, of: Notice) -> dict[Arrival, int]:
        """How many messages stand how; a stop also spared those for whom none had been written down."""
        found = records.figures(self._tx, of)
        if of.status is Status.STOPPED and not of.is_filled:
            spared = max(0, (of.count or 0) - sum(found.values()))
            found[Arrival.STOPPED] = found.get(Arrival.STOPPED, 0) + spared
        return found

    def replies(self, of: Notice) -> int:
        return records.replies(self._tx, of)

    def find(self, id_: int) -> Notice | None:
        """For those who write and agree to notices; a draft is its author's alone."""
        found = self._records.find(id_)
        return found if found is not None and found.status not in (Status.DRAFT, Status.DROPPED) else None

    def letter(self, id_: int) -> Notice:
        """The notice whose words go out."""
        return self._found(id_)

    def received(self, id_: int | None, by: Person) -> Notice | None:
        """The notice of this id, if this person is one of those it was written to."""
        found = self._records.find(id_) if id_ is not None else None
        if found is None or not records.has_message(self._tx, found.id, by.id):
            return None
        return found

    def title(self, id_: int | None) -> str:
        """The beginning of its words; empty for none."""
        found = self._records.find(id_) if id_ is not None else None
        return found.title if found is not None else ""

    def title_for(self, case: Case) -> str:
        """Of the notice that a case answers."""
        return self.title(self.answered_by(case))

    def answered_by(self, case: Case) -> int | None:
        """The notice that a case answers."""
        return records.of_case(self._tx, case.id)

    def call_reader(self, of: Notice, case: Case) -> None:
        """An answer to an urgent notice rings whoever reads them, day or night; without one, all who can."""
        readers = self._people.find([of.reader]).values() if of.reader is not None else []
        able = [person for person in readers if person.sees_whole_office]
        for person in able or self._heads(of):
            self._tell(Telling(kind="notice.answered", subject=case.id, recipient=person.id, address=person.address,
                               key=f"notice:{of.id}:answer:{case.id}:{case.revision}", lane=Lane.REPLY))  # fmt: skip

    def _heads(self, of: Notice) -> list[Person]:
        ids = [id_ for id_ in (of.author, of.approver) if id_ is not None]
        return [person for person in self._people.find(ids).values() if person.is_official]

    # --- shared ---

    def _show(self, of: Notice, figures: Mapping[Arrival, int]) -> Notice:
        """One message of the author's, changed in place from the approval to the end."""
        row = self._id()
        new = self._records.save(of, replace(of, shown=_encoded(figures), told=row))
        self._tell(Telling(kind="notice.progress", subject=of.id, recipient=of.author, address=of.address,
                           key=f"notice:{of.id}:shown:{new.revision}", silent=True, row=row,
                           replaces=of.told))  # fmt: skip
        return new

    def _found(self, id_: int) -> Notice:
        found = self._records.find(id_)
        if found is None:
            raise NotFound("notice")
        return found

    def _timer(self, of: Notice, step: str) -> str:
        return f"notice:{of.id}:{step}"

    def _arm(self, of: Notice, step: str, at: datetime | None) -> None:
        if at is not None:
            queues.arm(self._tx, id=self._id(), key=self._timer(of, step), kind=f"notice.{step}", due_at=at,
                       subject=of.id)  # fmt: skip

    def _log(self, code: str, by: Person, of: Notice) -> None:
        people_records.note(self._tx, id=self._id(), code=code, actor=by.id, subject=of.id, detail=of.mark)


def _encoded(figures: Mapping[Arrival, int]) -> str:
    return msgspec.json.encode({state.value: figures[state] for state in sorted(figures)}).decode()
