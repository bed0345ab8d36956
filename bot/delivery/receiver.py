"""From a channel into the inbox: sealed, in one commit, then acknowledged. It does not look at what it stores.

Only over the limit of a chat is it asked whether words tell of danger, or whoever floods would not hear whom to call.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from bot.delivery.bell import Bell
from bot.delivery.channel import Channel, Raw
from bot.delivery.flood import Flood, Limit, Verdict
from bot.delivery.tenure import ALONE, Fence
from bot.dialogue.event import Said
from bot.errors import Fenced, StoreError
from bot.ids import Ids
from bot.sealing import Lookup, Sealer
from bot.store import claims
from bot.store.space import Space
from bot.store.transaction import Row, Transaction
from bot.store.writer import Failpoint, Writer, no_failpoint

log = structlog.get_logger()

RAW = b"inbox"
LOOKED_AT = 500  # characters of what is over the limit: who is in danger is brief, and who floods must not cost much


class Receiver:
    """One channel's way in."""

    def __init__(
        self,
        channel: Channel,
        *,
        writer: Writer,
        seal: Sealer,
        lookup: Lookup,
        ids: Ids,
        bell: Bell,
        limit: Limit | None = None,
        danger_in: Callable[[str], str | None] = lambda _words: None,
        space: Space | None = None,
        fence: Fence = ALONE,
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        self._channel = channel
        self._writer = writer
        self._seal = seal
        self._lookup = lookup
        self._ids = ids
        self._bell = bell
        self.flood = Flood(limit) if limit is not None else None
        self._danger_in = danger_in
        self._space = space
        self._fence = fence
        self._failpoint = failpoint
        self.received = 0  # updates stored in this run, those that came twice included
        self.refused: tuple[datetime, datetime] | None = None  # since when nothing could be stored, and the last try

    async def run(self) -> None:
        """Until cancelled. A chat's order is that of its updates' ids: they go on behind those that are there."""
        self._ids.follow(await self._writer.submit(claims.newest_id))
        await self._channel.receive(self.take_in)

    async def take_in(self, raws: Sequence[Raw]) -> None:
        """Stores what came in one commit; when it returns, the platform may forget it.

        Before the disk is full it stores nothing more: what has come in still has to be handled and answered.
        """
        if self._space is not None and not self._space.takes_messages:
            raise StoreError("disk nearly full")
        judged = [(raw, *self._judged(raw)) for raw in raws]
        rows = [self._row(raw, lane, verdict) for raw, lane, verdict in judged if verdict is not Verdict.DROPPED]
        if not rows:
            return

        notes = {raw.key: raw.besides for raw in raws if raw.besides is not None}

        def store(tx: Transaction) -> int:
            self._fence.check(tx)
            self._failpoint("inbox commit")
            for key in claims.unknown(tx, self._channel.name, notes) if notes else ():
                notes[key](tx)
            return claims.take_in(tx, rows)

        stored = self._writer.submit(store)
        self._bell.ring()  # the dispatcher's batch then stands behind it and shares its transaction
        try:
            await stored
        except BaseException as error:
            self._forgive(judged)
            if isinstance(error, StoreError) and not isinstance(error, Fenced):
                self.refused = (self.refused[0] if self.refused else raws[0].at, raws[-1].at)
            raise
        self.refused = None
        self.received += len(rows)
        self._failpoint("acknowledgement")

    def _forgive(self, judged: Sequence[tuple[Raw, int, Verdict]]) -> None:
        """What could not be stored comes once more and must not count twice."""
        if self.flood is not None:
            for _raw, lane, verdict in judged:
                self.flood.give_back(lane, verdict)

    def _judged(self, raw: Raw) -> tuple[int, Verdict]:
        """Whose order it belongs to, and what becomes of it."""
        # Updates without a chat need no order: ten lanes, by the key's last character.
        chat = raw.chat or f"?{raw.key[-1:]}"
        lane = self._lookup.lane(self._channel.name, chat)
        if self.flood is None:
            return lane, Verdict.TAKEN
        return lane, self.flood.judge(lane, raw.at, raw.said_at, lambda: self._danger(raw))

    def _danger(self, raw: Raw) -> str | None:
        """Told of in a private chat, in new words: elsewhere nobody is told what to do either."""
        try:
            event = self._channel.decode(raw.body)
        except Exception:  # one that nobody can read is over the limit like the rest
            return None
        said, who = event.what, event.who
        if not isinstance(said, Said) or said.edited or who is None or not who.private:
            return None
        return self._danger_in(said.text[:LOOKED_AT])

    def _row(self, raw: Raw, lane: int, verdict: Verdict) -> Row:
        if verdict is Verdict.TOLD:
            log.warning("flood_limit_reached", lane=lane)
        return {
            "id": self._ids(),
            "channel": self._channel.name,
            "key": raw.key,
            "lane": lane,
            "raw": self._seal.seal(raw.body, RAW),
            "received_at": raw.at,
            "error": claims.FLOOD if verdict is Verdict.TOLD else None,
        }
