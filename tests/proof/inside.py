"""An office in this very process, in front of the fake server, and words that it owes to people."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from bot.config import read_settings
from bot.database import Store
from bot.delivery.owing import OUTBOX
from bot.dialogue.screen import Screen
from bot.ids import Ids
from bot.office.groups.records import staff_group
from bot.office.people.records import address
from bot.outside import Outside
from bot.running import Running, start_office, stop_office
from bot.store import queues
from bot.store.queues import Owed, Policy
from bot.store.transaction import Transaction
from bot.telling import OPEN, Lane
from bot.text import as_text
from tests.fakebotapi import FakeBotApi
from tests.proof.outside import configured

_outside = Outside()
_ids = Ids(lambda: int(_outside.clock.now().timestamp() * 1000), _outside.random)


@asynccontextmanager
async def office(
    folder: Path, api: FakeBotApi, database: str = "", pace: int = 28, more: str = ""
) -> AsyncIterator[Running]:
    settings = read_settings(configured(folder, api, database=database, pace=pace, more=more))
    running = await start_office(settings)
    try:
        yield running
    finally:
        await stop_office(running)


def owing(store: Store, policy: Policy, words: Sequence[str]) -> None:
    """Owes each of the words to one of the people in turn, where nobody else uses the store."""
    store.writer.run(lambda tx: owe_people(tx, store, policy, words))


def owe_people(tx: Transaction, store: Store, policy: Policy, words: Sequence[str]) -> None:
    found = tx.read(select(address.c.id, address.c.channel, address.c.person).order_by(address.c.id)).all()
    for number, text in enumerate(words):
        to = found[number % len(found)]
        _owe(tx, store, policy, text, channel=to.channel, address=to.id, person=to.person)


def owe_group(tx: Transaction, store: Store, policy: Policy, text: str) -> None:
    """What anybody may read, to the one staff group that there is."""
    group = tx.read(select(staff_group.c.id, staff_group.c.channel)).one()
    _owe(tx, store, policy, text, channel=group.channel, address=group.id, audience=OPEN)


def _owe(tx: Transaction, store: Store, policy: Policy, text: str, **to: Any) -> None:
    body = store.keys.content.seal(msgspec.msgpack.encode(Screen(as_text(text))), OUTBOX)
    queues.owe(tx, Owed(id=_ids(), lane=Lane.REPLY, policy=policy, key=f"proof:{text}", body=body,
                        not_before=tx.now, **to))  # fmt: skip
