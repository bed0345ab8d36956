"""What an event owes: its screens, its tellings, its letters, each a row of the outbox. All in the writer's thread."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.dialogue.conversation import Arrival, Reply
from bot.dialogue.event import Due, Pressed
from bot.dialogue.screen import Mode, Screen
from bot.ids import Ids
from bot.sealing import Sealer
from bot.store import queues
from bot.store.queues import Owed, Policy
from bot.store.transaction import Transaction
from bot.store.types import to_micros
from bot.store.writer import as_store_error
from bot.telling import OPEN, Lane, Letters, Telling
from bot.text import Text

log = structlog.get_logger()

MOST_TOLD = 50  # recipients that one event may render for
REST = "tellings.rest"
OUTBOX = b"outbox"

_encode = msgspec.msgpack.Encoder().encode


class Pen(Protocol):
    """The handlers, as whoever writes down what is owed sees them."""

    def tellings(self, tx: Transaction) -> Sequence[Telling]:
        """What the event made the office tell others; emptied by the call."""

    def letters(self, tx: Transaction) -> Sequence[Letters]:
        """What the event made the office write to many; emptied by the call."""

    def write(self, tx: Transaction, letters: Letters, language: str | None) -> Screen:
        """The words of such a letter in a language."""

    def render(self, tx: Transaction, telling: Telling) -> tuple[str, Screen] | None:
        """The recipient's channel and screen; None where there is nothing (any more) to say."""

    def render_plain(self, tx: Transaction, telling: Telling) -> tuple[str, Screen] | None:
        """The same with the fewest words, for a telling that cannot be rendered."""


class Owing:
    """Writes down what is owed, and remembers on which channels."""

    def __init__(self, pen: Pen, content: Sealer, ids: Ids) -> None:
        self._pen = pen
        self._content = content
        self._ids = ids
        self.channels: set[str] = set()  # since whoever asks emptied it

    def all(self, tx: Transaction, arrival: Arrival, reply: Reply) -> None:
        """The answer, and what the event made the office tell others."""
        self.screens(tx, arrival, reply)
        tellings = self._pen.tellings(tx)
        for telling in tellings[:MOST_TOLD]:
            self._telling(tx, telling)
        if len(tellings) > MOST_TOLD:
            self._tell_later(tx, arrival, tellings[MOST_TOLD:])
        for letters in self._pen.letters(tx):
            self._letters(tx, letters)

    def screens(self, tx: Transaction, arrival: Arrival, reply: Reply) -> None:
        what = arrival.event.what
        press = what.press if isinstance(what, Pressed) else None
        screens = reply.screens or ([Screen(Text())] if press else [])
        if reply.address is None:
            return
        for number, screen in enumerate(screens):
            edits = arrival.event.message if screen.mode is Mode.IN_PLACE and press else None
            if screen.prompt and arrival.conversation.prompt:
                queues.supersede(tx, arrival.conversation.prompt)
            owed = Owed(
                id=self._ids(),
                channel=reply.channel,
                address=reply.address,
                lane=Lane.INTERACTIVE,
                policy=_policy(screen, edits=edits, number=number, press=press),
                key=f"{_cause(arrival)}:{number}",
                body=self._content.seal(_encode(screen), OUTBOX),
                not_before=tx.now,
                person=reply.person,
                subject=reply.subject,
                edits=edits,
                answers=press if number == 0 else None,
                audience=reply.audience,
            )
            queues.owe(tx, owed)
            self.channels.add(owed.channel)
            if screen.prompt:
                arrival.conversation.prompt = owed.id

    def _tell_later(self, tx: Transaction, arrival: Arrival, tellings: Sequence[Telling]) -> None:
        """More than one event may render: the rest in slices, each by a timer that is due at once."""
        due_at = arrival.event.happened_at if tx.holds else tx.now  # they are held as the first were
        for start in range(0, len(tellings), MOST_TOLD):
            data = {"tellings": msgspec.to_builtins(tellings[start : start + MOST_TOLD])}
            queues.arm(tx, id=self._ids(), key=f"tell:{_cause(arrival)}:{start}", kind=REST, due_at=due_at, data=data)

    def _telling(self, tx: Transaction, telling: Telling) -> None:
        rendered = self._rendered(tx, telling)
        if rendered is None:
            return
        channel, screen = rendered
        self.channels.add(channel)
        queues.owe(
            tx,
            Owed(
                id=telling.row or (self._ids.untimed() if telling.timeless else self._ids()),
                channel=channel,
                address=telling.address,
                lane=telling.lane,
                policy=_telling_policy(telling, screen),
                key=telling.key,
                body=self._content.seal(_encode(screen), OUTBOX),
                not_before=telling.not_before or tx.now,
                subject=telling.subject or None,
                person=telling.recipient,
                replaces=telling.replaces,
                audience=telling.audience,
                created_at=telling.not_before if telling.timeless else None,
            ),
        )

    def _rendered(self, tx: Transaction, telling: Telling) -> tuple[str, Screen] | None:
        try:
            return self._pen.render(tx, telling)
        except Exception as error:  # a fault in words must not undo the act
            if as_store_error(error) is not None or (tx.is_postgresql and isinstance(error, SQLAlchemyError)):
                raise
            log.error("telling_failed", kind=telling.kind, error=type(error).__name__, exc_info=error)
            return self._pen.render_plain(tx, telling)

    def _letters(self, tx: Transaction, letters: Letters) -> None:
        """One row for each recipient; the words are rendered and sealed once a language, whatever their number."""
        bodies: dict[str | None, bytes] = {}
        for to in letters.recipients:
            if to.language not in bodies:
                screen = self._pen.write(tx, letters, to.language)
                bodies[to.language] = self._content.seal(_encode(screen), OUTBOX)
            queues.owe(
                tx,
                Owed(
                    id=to.id,
                    channel=to.channel,
                    address=to.address,
                    lane=Lane.NOTICE,
                    policy=Policy.HOLD,
                    key=f"{letters.key}:{to.person}",
                    body=bodies[to.language],
                    not_before=tx.now,
                    subject=letters.subject,
                    person=to.person,
                ),
            )


def _cause(arrival: Arrival) -> str:
    """What a screen is owed for. A timer that is armed anew keeps its row, so its moment belongs to the key."""
    what = arrival.event.what
    return f"timer:{arrival.id}:{to_micros(what.due_at)}" if isinstance(what, Due) else f"event:{arrival.id}"


def _telling_policy(telling: Telling, screen: Screen) -> Policy:
    if screen.mode is Mode.LEAVE:
        return Policy.FREE
    return Policy.HOLD if telling.lane is Lane.NOTICE or telling.audience == OPEN else Policy.RESEND


def _policy(screen: Screen, *, edits: str | None, number: int, press: str | None) -> Policy:
    if edits or (press and number == 0 and not screen.text):
        return Policy.FREE
    return Policy.PROMPT if screen.prompt else Policy.RESEND
