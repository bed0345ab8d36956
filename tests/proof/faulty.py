"""K4: everything that can go wrong between us and the Bot API, under each policy of a message."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from unittest import mock

from sqlalchemy import select

from bot.config import Settings, read_settings
from bot.delivery import sender
from bot.store import sending
from bot.store.queues import Policy, outbox
from tests.fakebotapi import FakeBotApi
from tests.fakebotapi.faults import Fault
from tests.proof.figure import Figure, exactly
from tests.proof.inside import office, owing
from tests.proof.outside import configured, rows, until

# What becomes of a message that is held rather than sent twice, and how often it arrives (the Bot API's own words
# mean "not sent"; what broke on the way may have arrived).
HELD: dict[Fault, tuple[str, int]] = {
    Fault.RESET_BEFORE: ("uncertain", 0),
    Fault.RESET_AFTER: ("uncertain", 1),
    Fault.HALF: ("uncertain", 1),
    Fault.BAD_GATEWAY: ("uncertain", 0),
    Fault.SERVER_ERROR: ("uncertain", 0),
    Fault.BAD_JSON: ("uncertain", 1),
    Fault.FLOOD: ("sent", 1),
    Fault.UNAUTHORIZED: ("sent", 1),
    Fault.FORBIDDEN: ("failed", 0),
    Fault.NOT_FOUND: ("sent", 1),
    Fault.CONFLICT: ("sent", 1),
    Fault.LATENCY: ("sent", 1),
}
AGAIN = {
    fault: ("sent", arrived + 1) if end == "uncertain" else (end, arrived) for fault, (end, arrived) in HELD.items()
}


async def prove(folder: Path) -> list[Figure]:
    """One message for each fault under each policy; its end, and how often it arrived, against the table."""
    figures = []
    with (
        mock.patch.object(sending, "RESEND_AFTER", timedelta(seconds=1)),
        mock.patch.object(sender, "DOWN_PAUSE", timedelta(seconds=1)),
    ):
        for policy, table in ((Policy.HOLD, HELD), (Policy.RESEND, AGAIN)):
            house = folder / policy
            house.mkdir()
            ends, arrived = await _under(house, policy)
            wrong = [fault for fault, wanted in table.items() if (ends[fault], arrived[fault]) != wanted]
            figures.append(exactly("K4", f"faults that ended otherwise than the table, {policy}", len(wrong), 0))
            if policy is Policy.HOLD:
                doubled = sum(count > 1 for count in arrived.values())
                figures.append(exactly("K4", f"messages that arrived twice, {policy}", doubled, 0))
    return figures


async def _under(folder: Path, policy: Policy) -> tuple[dict[Fault, str], Counter[Fault]]:
    async with FakeBotApi(limits=False) as api:
        people = dict(zip(HELD, api.crowd(len(HELD)), strict=True))
        settings = read_settings(configured(folder, api))
        async with office(folder, api) as running:
            for person in people.values():
                person.starts()
                await until(lambda person=person: bool(person.received))  # type: ignore[misc]  # mypy infers none with a default
            for fault, person in people.items():
                api.faults.add(fault, method="sendMessage", chat=person.id, seconds=1.0)
            words = {fault: f"故障{fault}。" for fault in HELD}
            await asyncio.to_thread(owing, running.app.store, policy, list(words.values()))
            for bell in (found.bell for found in running.app.senders.values()):
                bell.ring()
            await until(lambda: _ends(settings).keys() == set(words.values()))
        ends = _ends(settings)
        arrived: Counter[Fault] = Counter()
        for fault, person in people.items():
            arrived[fault] = sum(words[fault] in (message.text or "") for message in person.received)
        return {fault: ends[text] for fault, text in words.items()}, arrived


def _ends(settings: Settings) -> dict[str, str]:
    """The state in which each row ended, by its words."""
    found = select(outbox.c.key, outbox.c.state).where(
        outbox.c.key.like("proof:%"), outbox.c.state.not_in(("queued", "sending"))
    )
    return {row.key.removeprefix("proof:"): row.state for row in rows(settings, found)}
