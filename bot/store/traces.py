"""What one person leaves in the queues, and how it goes. It deletes and blanks; whom it is about is decided above."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, update

from bot.store import talks
from bot.store.queues import InboxState, JobState, OutboxState, conversation, inbox, job, outbox, timer
from bot.store.transaction import Transaction

MARK = 12  # bytes of a sealed value by which it is known again: its nonce, drawn at random, which tells nothing
MOST_MARKS = 4000
_UNSENT = (OutboxState.QUEUED, OutboxState.UNCERTAIN)


@dataclass
class Going:
    """What went, and what is still in hand and must be looked at again."""

    cases: list[int] = field(default_factory=list)  # messages about these may be under way
    jobs: list[str] = field(default_factory=list)  # keys of files that are being fetched
    more: bool = False  # there is more than one slice of it


class Traces:
    """Takes rows away and remembers the marks of what was sealed in them, to look for them in the file afterwards."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.marks: set[bytes] = set()
        self.neighbours: set[int] = set()  # chats of others whose last screens may have shown what went
        self.numbers: set[str] = set()  # of the cases whose words went

    def begin(self) -> None:
        """Forgets what an event before noted in the same transaction: it may have been undone."""
        for noted in (self.marks, self.neighbours, self.numbers):
            noted.clear()

    def went(self, sealed: Iterable[bytes | None]) -> None:
        """These sealed values are being deleted."""
        fresh = {bytes(value[:MARK]) for value in sealed if value}
        self.marks |= set(list(fresh)[: max(0, MOST_MARKS - len(self.marks))])

    def cancel(self, addresses: Sequence[int]) -> None:
        """Nothing that was queued goes out, and nothing that may have arrived goes out again."""
        mine = (outbox.c.address.in_(addresses), outbox.c.state.in_(_UNSENT))
        self._blank(*mine)

    def silence(self, case: int, upto: int, besides: int | None) -> list[int]:
        """Cancels what waits about a case for anybody, up to this id; the other people who lose a message by it."""
        about = (outbox.c.subject == case, outbox.c.id < upto, outbox.c.state.in_(_UNSENT))
        others = (outbox.c.state == OutboxState.QUEUED, outbox.c.person != besides)
        statement = select(outbox.c.person).where(*about, *others).distinct()
        lost = list(self._tx.flushed().execute(statement).scalars())
        self._blank(*about)
        return lost

    def unshow(self, case: int) -> None:
        """Messages about a case go from the pages of chats that are kept here, whoever was shown them."""
        statement = select(outbox.c.message).where(outbox.c.subject == case, outbox.c.message.is_not(None))
        shown = [int(message) for message in self._tx.flushed().execute(statement).scalars() if message.isdecimal()]
        self.went(talks.drop_messages(self._tx, shown))

    def drop_about(self, case: int) -> None:
        """Settled messages about a case: nobody will reply to them any more."""
        self.unshow(case)
        over = outbox.c.state.not_in((OutboxState.QUEUED, OutboxState.SENDING))
        self._tx.flushed().execute(delete(outbox).where(outbox.c.subject == case, over))

    def leave_lane(self, lane: int) -> None:
        """The chat's timers, and what was set aside of it. What it says from now on is somebody new."""
        connection = self._tx.flushed()
        connection.execute(delete(timer).where(timer.c.lane == lane))
        mine = (inbox.c.lane == lane, inbox.c.state == InboxState.SET_ASIDE)
        self.went(connection.execute(select(inbox.c.raw).where(*mine)).scalars())
        connection.execute(update(inbox).where(*mine).values(state=InboxState.DONE, raw=None, error=None))

    def note_event(self, inbox_id: int, lane: int | None) -> None:
        """The update at hand and the place in the dialogue that it ends are overwritten by this very transaction."""
        connection = self._tx.flushed()
        self.went(connection.execute(select(inbox.c.raw).where(inbox.c.id == inbox_id)).scalars())
        if lane is not None:
            self.went(connection.execute(select(conversation.c.state).where(conversation.c.id == lane)).scalars())

    def empty_conversation(self, lane: int) -> None:
        connection = self._tx.flushed()
        self.went(connection.execute(select(conversation.c.state).where(conversation.c.id == lane)).scalars())
        connection.execute(update(conversation).where(conversation.c.id == lane).values(state=None))

    def drop_jobs(self, keys: Sequence[str]) -> list[str]:
        """Jobs by their keys; those in hand stay until they are finished and are given back."""
        if not keys:
            return []
        return self._drop_jobs(job.c.key.in_(keys))

    def drop_jobs_about(self, subject: int) -> list[str]:
        """The same by what they are about."""
        return self._drop_jobs(job.c.subject == subject)

    def drop_outbox(self, addresses: Sequence[int]) -> None:
        """Everything that was ever owed to these addresses."""
        mine = outbox.c.address.in_(addresses)
        self._marked(mine)
        self._tx.flushed().execute(delete(outbox).where(mine))

    def drop_lane(self, lane: int, before: datetime | None, *, talk_too: bool) -> None:
        """The rest that names a chat. `before`: from when on the chat is somebody else's; then it stays open."""
        connection = self._tx.flushed()
        self.went(talks.drop_talk(self._tx, lane, before))
        done = [inbox.c.lane == lane, inbox.c.state == InboxState.DONE]
        if before is not None:
            connection.execute(update(inbox).where(*done, inbox.c.received_at < before).values(lane=0))
            return
        connection.execute(update(inbox).where(*done).values(lane=0))
        connection.execute(delete(timer).where(timer.c.lane == lane))
        waits = select(inbox.c.id).where(inbox.c.lane == lane, inbox.c.state == InboxState.NEW)
        if talk_too:
            connection.execute(delete(conversation).where(conversation.c.id == lane, ~waits.exists()))

    def _drop_jobs(self, which: ColumnElement[bool]) -> list[str]:
        connection = self._tx.flushed()
        over = job.c.state != JobState.LEASED
        self.went(connection.execute(select(job.c.data).where(which, over)).scalars())
        connection.execute(delete(job).where(which, over))
        return list(connection.execute(select(job.c.key).where(which)).scalars())

    def _blank(self, *which: ColumnElement[bool]) -> None:
        self._marked(*which)
        gone = {"body": None, "cause": None, "settled_at": self._tx.now, "state": OutboxState.CANCELLED}
        self._tx.flushed().execute(update(outbox).where(*which).values(gone))

    def _marked(self, *which: ColumnElement[bool]) -> None:
        bodies = select(outbox.c.body).where(*which, outbox.c.body.is_not(None))
        self.went(self._tx.flushed().execute(bodies).scalars())


def is_settled(tx: Transaction, key: str, address: int) -> bool:
    """Whether the message of that key was owed and has come to an end."""
    statement = select(outbox.c.state).where(outbox.c.key == key, outbox.c.address == address)
    state = tx.flushed().execute(statement).scalar_one_or_none()
    return state not in (None, OutboxState.QUEUED, OutboxState.SENDING)


def is_sending(tx: Transaction, addresses: Sequence[int]) -> bool:
    """Whether something is on its way to one of these addresses: its row is needed to record how it ended."""
    statement = select(outbox.c.id).where(outbox.c.address.in_(addresses), outbox.c.state == OutboxState.SENDING)
    return tx.flushed().execute(statement.limit(1)).scalar_one_or_none() is not None


def is_under_way(tx: Transaction, case: int, upto: int) -> bool:
    """Whether an older message about a case is being sent: if that fails, it waits again, with what it said."""
    statement = select(outbox.c.id).where(
        outbox.c.subject == case, outbox.c.id < upto, outbox.c.state == OutboxState.SENDING
    )
    return tx.flushed().execute(statement.limit(1)).scalar_one_or_none() is not None


def replace_talk(tx: Transaction, lane: int, state: bytes) -> None:
    """Another state of a chat, although nobody spoke there."""
    tx.flushed().execute(update(conversation).where(conversation.c.id == lane).values(state=state))


def drop_timer(tx: Transaction, key: str) -> None:
    """A timer that has fired for the last time."""
    tx.flushed().execute(delete(timer).where(timer.c.key == key))
