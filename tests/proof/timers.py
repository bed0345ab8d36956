"""K10: many timers due at once, several workers on one server that are killed and frozen meanwhile: each fires once."""

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from bot.config import Settings, read_settings
from bot.database import open_store
from bot.ids import Ids
from bot.outside import Outside
from bot.store import queues
from bot.store.queues import outbox, timer
from bot.store.transaction import Transaction
from tests.fakebotapi import FakeBotApi
from tests.proof.crew import Crew
from tests.proof.figure import Figure, at_least, exactly, within
from tests.proof.outside import configured, rows, until
from tests.proof.worker import KIND

LATE = 5.0  # seconds: 99 of 100 timers
LATEST = 30.0  # around deaths
FROZEN = (1.0, 4.0)  # seconds that a worker stands still


async def prove(
    folder: Path, *, database: str, timers: int, span: float, workers: int, kills: int, stops: int, seed: int = 1
) -> list[Figure]:
    """`timers` that come due within `span` seconds; meanwhile so many deaths and standstills, at random moments."""
    chance = random.Random(seed)
    async with FakeBotApi() as api:  # nobody calls it: the workers have no way in
        config = configured(folder, api, database=database)
    settings = read_settings(config)
    crew = Crew([(sys.executable, "-m", "tests.proof.worker", config)] * workers, folder, "ready")
    await crew.come()
    first = datetime.now(UTC) + timedelta(seconds=2)
    await asyncio.to_thread(_arm, settings, [first + timedelta(seconds=span * n / timers) for n in range(timers)])
    began = time.monotonic()
    moments = sorted((2 + chance.uniform(0, span), number < kills) for number in range(kills + stops))
    for at, is_death in moments:
        await asyncio.sleep(max(0.0, began + at - time.monotonic()))
        if is_death:
            await crew.loses(chance.randrange(workers))
        else:
            crew.freezes(chance.randrange(workers), chance.uniform(*FROZEN))
    left = select(timer.c.id).where(timer.c.kind == KIND, timer.c.state == "armed")
    await until(lambda: not rows(settings, left.limit(1)))
    await crew.go()
    return _figures(settings, timers, kills, stops)


def _arm(settings: Settings, moments: Sequence[datetime]) -> None:
    outside = Outside()
    store = open_store(settings, outside)
    ids = Ids(lambda: int(outside.clock.now().timestamp() * 1000), outside.random)

    def arm(tx: Transaction) -> None:
        for number, moment in enumerate(moments):
            queues.arm(tx, id=ids(), key=f"{KIND}:{number}", kind=KIND, due_at=moment, subject=number)

    try:
        store.writer.run(arm)
    finally:
        store.close()


def _figures(settings: Settings, timers: int, kills: int, stops: int) -> list[Figure]:
    fired = select(timer.c.subject, timer.c.due_at).where(timer.c.kind == KIND, timer.c.state == "fired")
    due = {row.subject: row.due_at for row in rows(settings, fired)}
    traces = rows(settings, select(outbox.c.subject, outbox.c.created_at).where(outbox.c.key.like("trace:%")))
    times = Counter(row.subject for row in traces)
    late = sorted((row.created_at - due[row.subject]).total_seconds() for row in traces if row.subject in due)
    beaten = rows(settings, select(func.count()).select_from(timer).where(timer.c.kind == KIND, timer.c.tries > 0))
    return [
        at_least("K10", "timers fired", len(due), timers),
        exactly("K10", "timers without an effect", sum(number not in times for number in range(timers)), 0),
        exactly("K10", "effects twice", sum(times.values()) - len(times), 0),
        at_least("K10", "deaths and standstills", kills + stops, 1),
        exactly("K10", "timers blamed for a death", beaten[0][0], 0),
        within("K10", "seconds late, 99 of 100", late[len(late) * 99 // 100 - 1], LATE),
        within("K10", "seconds late, the latest", late[-1], LATEST),
    ]
