"""One of several processes that work on one database: its dispatcher, with a timer that leaves a trace each time.

python -m tests.proof.worker CONFIG
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import bot.app
from bot.app import App
from bot.channels.silent import SilentChannel
from bot.config import read_settings
from bot.database import open_store
from bot.delivery.bell import ticking
from bot.dialogue.event import Due
from bot.house import read_house
from bot.logs import set_up_logs
from bot.outside import Outside
from bot.store.queues import Owed, Policy, owe
from bot.telling import Lane
from bot.words import Message
from handlers.context import RESIDENTS, Ctx, Router
from handlers.routes import all_routes

KIND = "proof.trace"
NEVER = timedelta(days=365)

router = Router("proof", who=RESIDENTS)


@router.timed(KIND)
def trace(ctx: Ctx, due: Due) -> None:
    """A row under a key that is new each time: what takes effect twice leaves two."""
    ids = ctx.office.house.means.ids
    id = ids()
    owe(ctx.office._tx, Owed(id=id, channel="silent", address=due.subject, lane=Lane.DEADLINE, policy=Policy.HOLD,
                             key=f"trace:{id}", body=b"", not_before=ctx.now + NEVER, subject=due.subject))  # fmt: skip


async def live(config: Path) -> None:
    bot.app.all_routes = lambda: all_routes().join(router)  # type: ignore[attr-defined]  # one timer more
    outside = Outside()
    settings = read_settings(config)
    store = open_store(settings, outside)
    channel = SilentChannel()
    house = read_house(settings, store.keys, outside, {channel.name: Message("Nothing leaves this machine.")})
    one = App(store, house, [channel], outside)
    await one.open()
    bells = ticking(one.inbox_bell)
    bells.start()
    print("ready", flush=True)
    await one.dispatcher.run()


if __name__ == "__main__":
    set_up_logs("error")
    asyncio.run(live(Path(sys.argv[1])))
