"""An office in this very process, in front of the fake server, and words that it owes to people."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from sqlalchemy import select

from bot.config import read_settings
from bot.database import Store
from bot.delivery.dispatcher import OUTBOX
from bot.dialogue.screen import Screen
from bot.ids import Ids
from bot.office.people.records import address
from bot.outside import Outside
from bot.running import Running, start_office, stop_office
from bot.store import queues
from bot.store.queues import Owed, Policy
from bot.store.transaction import Transaction
from bot.telling import Lane
from bot.text import as_text
from tests.fakebotapi import FakeBotApi
from tests.proof.outside import configured


@asynccontextmanager
async def office(folder: Path, api: FakeBotApi, database: str = "") -> AsyncIterator[Running]:
    running = await start_office(read_settings(configured(folder, api, database=database)))
    try:
        yield running
    finally:
        await stop_office(running)


def owing(store: Store, policy: Policy, words: Sequence[str]) -> None:
    """Owes each of the words to one of the people in turn, in the writer's own thread."""
    outside = Outside()
    ids = Ids(lambda: int(outside.clock.now().timestamp() * 1000), outside.random)

    def act(tx: Transaction) -> None:
        found = tx.read(select(address.c.id, address.c.channel, address.c.person).order_by(address.c.id)).all()
        for number, text in enumerate(words):
            to = found[number % len(found)]
            body = store.keys.content.seal(msgspec.msgpack.encode(Screen(as_text(text))), OUTBOX)
            queues.owe(tx, Owed(id=ids(), channel=to.channel, address=to.id, lane=Lane.REPLY, policy=policy,
                                key=f"proof:{text}", body=body, not_before=tx.now, person=to.person))  # fmt: skip

    store.writer.run(act)
