"""What each web chat has seen, sealed: a page that opens again shows it. It is no inbox and no outbox."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import structlog
from msgspec.structs import replace
from sqlalchemy import Select, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.channels.web.wire import Bubble
from bot.ids import Ids
from bot.sealing import Lookup, SealBroken, Sealer
from bot.store.talks import web_message
from bot.store.transaction import Row, Transaction
from bot.store.writer import Writer

log = structlog.get_logger()

_PURPOSE = b"web message"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Bubble).decode


class History:
    """The messages of one side's chats that have arrived, newest version each."""

    def __init__(self, side: str, writer: Writer, content: Sealer, lookup: Lookup, ids: Ids) -> None:
        self._side = side
        self._writer = writer
        self._content = content
        self._lookup = lookup
        self._ids = ids

    def place(self) -> int:
        """The place in the talk of a message that comes from a page now."""
        return self._ids()

    async def put(self, chat: str, place: int, bubble: Bubble) -> None:
        """Keeps a message, or a new version of it where the old one is."""
        await self._writer.submit(self.putting(chat, place, bubble))

    def putting(self, chat: str, place: int, bubble: Bubble) -> Callable[[Transaction], None]:
        """The same inside somebody's transaction."""
        row = self._row(chat, place, bubble, bubble.at)

        def put(tx: Transaction) -> None:
            insert = (postgresql if tx.is_postgresql else sqlite).insert(web_message)
            newer = insert.on_conflict_do_update(
                index_elements=["id"],
                set_={"body": insert.excluded.body},
                where=web_message.c.chat == insert.excluded.chat,
            )
            tx.write(newer, row)

        return put

    def choosing(self, chat: str, place: int, action: str) -> Callable[[Transaction], None]:
        """Marks the button that was pressed."""
        where = (web_message.c.id == place, web_message.c.chat == self._lane(chat))

        def choose(tx: Transaction) -> None:
            body = tx.read(select(web_message.c.body).where(*where)).scalar_one_or_none()
            if body is not None and (bubble := self._opened(body)) is not None:
                tx.write(update(web_message).where(*where).values(body=self._sealed(replace(bubble, chosen=action))))

        return choose

    async def recent(self, chat: str, at_most: int, before: int | None = None) -> list[Bubble]:
        """The newest messages, oldest first; with `before` those above that place."""
        statement = select(web_message.c.body).where(web_message.c.chat == self._lane(chat))
        if before is not None:
            statement = statement.where(web_message.c.id < before)
        bodies = await self._read(statement.order_by(web_message.c.id.desc()).limit(at_most))
        return [bubble for body in reversed(bodies) if (bubble := self._opened(body)) is not None]

    async def has_file(self, chat: str, digest: str) -> bool:
        """Whether the bot showed this file in this chat. Opens the whole talk: for what nobody remembers."""
        of_the_bot = select(web_message.c.body).where(web_message.c.chat == self._lane(chat), ~web_message.c.mine)
        bodies = await self._read(of_the_bot)
        return any(digest in digests(bubble) for body in bodies if (bubble := self._opened(body)) is not None)

    async def forget(self, chat: str) -> None:
        statement = delete(web_message).where(web_message.c.chat == self._lane(chat))
        await self._writer.submit(lambda tx: tx.write(statement))

    async def _read(self, statement: Select[bytes]) -> Sequence[bytes]:
        return await self._writer.submit(lambda tx: tx.read(statement).scalars().all())

    def _row(self, chat: str, place: int, bubble: Bubble, at: datetime) -> Row:
        return {"id": place, "chat": self._lane(chat), "mine": bubble.mine, "body": self._sealed(bubble), "at": at}

    def _sealed(self, bubble: Bubble) -> bytes:
        return self._content.seal(_encode(bubble), _PURPOSE)

    def _opened(self, body: bytes) -> Bubble | None:
        try:
            return _decode(self._content.open(body, _PURPOSE))
        except (SealBroken, msgspec.MsgspecError):
            log.error("web_message_unreadable")  # the others are still worth showing
            return None

    def _lane(self, chat: str) -> int:
        return self._lookup.lane(self._side, chat)


def digests(bubble: Bubble) -> set[str]:
    """The files that a message of the bot shows."""
    return {file.digest for file in bubble.files if file.digest and not bubble.mine}
