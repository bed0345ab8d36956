"""What the office holds of one person, whatever stands in the way of reading it."""

from collections.abc import Sequence

from sqlalchemy import select

from bot.office.people.records import address
from bot.store.queues import save_conversation
from bot.store.transaction import Transaction
from tests.rig import Town


async def test_what_was_said_in_the_same_batch_is_among_what_is_kept(town: Town) -> None:
    """In a joined chat, say: what a batch has collected and not written yet is kept of the person all the same."""
    wang = town.resident()
    await wang.says("/start")

    def read(tx: Transaction) -> Sequence[bytes]:
        office = town.app.office(tx)
        who = office.people.meet(town.channel.name, wang.chat)
        lane = tx.read(select(address.c.lane).where(address.c.person == who.id)).scalar_one()
        save_conversation(tx, lane, b"just now")
        held = office.holdings(who.id)
        return held.talks if held is not None else []

    assert await town.store.writer.submit(read) == [b"just now"]
