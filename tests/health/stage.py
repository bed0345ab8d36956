"""An office in which rows are put by hand, so that they grow old."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from bot.delivery.channel import Raw
from bot.store import queues
from bot.store.queues import Owed, Policy, inbox, outbox
from bot.telling import Lane
from tests.rig import Someone, Town

SECRET = "金丝雀 canary 13800138000"  # the words, the name and the chat of somebody


class Ward:
    """What can get stuck, and what is said of it."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.clock = town.clock
        self.app = town.app
        self.writer = town.store.writer

    async def names(self) -> list[str]:
        return (await self.app.look()).names

    async def line(self, name: str) -> Any:
        return next(line for line in (await self.app.look()).lines if line.name == name)

    async def registers(self, more: str = "") -> Someone:
        """A resident with one case."""
        resident = self.town.resident("wang")
        await resident.says(f"幸福里3号楼2单元的灯坏了{more}")
        await resident.presses("好，开始")
        await resident.presses("登记")
        return resident

    async def comes_in(self, key: str = "odd") -> None:
        """An update that nobody handles."""
        await self.app.receivers["silent"].take_in([Raw(key, SECRET, SECRET.encode(), self.clock.now())])

    async def sets_aside(self) -> None:
        await self.writer.submit(lambda tx: tx.write(update(inbox).values(state="set_aside")))

    async def owes(self, *, lane: Lane = Lane.REPLY, wait: float = 0, channel: str = "elsewhere", **then: Any) -> int:
        """A row that is owed on a channel where nobody sends."""
        id_ = self.town.house.means.ids()

        def act(tx: Any) -> None:
            not_before = tx.now + timedelta(seconds=wait)
            queues.owe(tx, Owed(id=id_, channel=channel, address=1, lane=lane, policy=Policy.RESEND, key=str(id_),
                                body=SECRET.encode(), not_before=not_before))  # fmt: skip
            if then:
                tx.flushed().execute(update(outbox).where(outbox.c.id == id_).values(**then))

        await self.writer.submit(act)
        return id_

    async def arms(self, kind: str = "health.beat", **then: Any) -> None:
        id_ = self.town.house.means.ids()

        def act(tx: Any) -> None:
            queues.arm(tx, id=id_, key=kind, kind=kind, due_at=tx.now)
            if then:
                tx.flushed().execute(update(queues.timer).where(queues.timer.c.id == id_).values(**then))

        await self.writer.submit(act)

    async def starts_job(self) -> None:
        id_ = self.town.house.means.ids()
        await self.writer.submit(
            lambda tx: queues.start_job(tx, id=id_, key="1", kind="file.fetch", subject=1, data=b"x")
        )
