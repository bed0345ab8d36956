"""From a channel into the inbox: sealed, in one commit, then acknowledged. It does not look at what it stores."""

from collections.abc import Sequence

from bot.delivery.bell import Bell
from bot.delivery.channel import Channel, Raw
from bot.ids import Ids
from bot.sealing import Lookup, Sealer
from bot.store import claims
from bot.store.transaction import Row, Transaction
from bot.store.writer import Failpoint, Writer, no_failpoint

RAW = b"inbox"


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
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        self._channel = channel
        self._writer = writer
        self._seal = seal
        self._lookup = lookup
        self._ids = ids
        self._bell = bell
        self._failpoint = failpoint

    async def run(self) -> None:
        await self._channel.receive(self.take_in)

    async def take_in(self, raws: Sequence[Raw]) -> None:
        """Stores what came in one commit; when it returns, the platform may forget it."""
        if not raws:
            return
        rows = [self._row(raw) for raw in raws]

        def store(tx: Transaction) -> int:
            self._failpoint("inbox commit")
            return claims.take_in(tx, rows)

        await self._writer.submit(store)
        self._bell.ring()
        self._failpoint("acknowledgement")

    def _row(self, raw: Raw) -> Row:
        return {
            "id": self._ids(),
            "channel": self._channel.name,
            "key": raw.key,
            "lane": self._lookup.lane(self._channel.name, raw.chat),
            "raw": self._seal.seal(raw.body, RAW),
            "received_at": raw.at,
        }
