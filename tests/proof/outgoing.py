"""K2 and K3: thousands of messages owed, and kill -9 again and again while they go out."""

import asyncio
import random
import re
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import func, select

from bot.config import Settings, read_settings
from bot.database import open_store
from bot.outside import Outside
from bot.store.queues import Policy, outbox
from tests.fakebotapi import FakeBotApi
from tests.proof.figure import Figure, at_most, exactly
from tests.proof.inside import owing
from tests.proof.outside import configured, rows, stopped, until, victim

PEOPLE = 100
IN_FLIGHT = 30  # a landing window of the Bot API's 30 a second: no more can be on their way
HELD = 0.2  # seconds that an answer takes, so that a death meets messages on their way
SETTLED_WITHIN = 10.0  # seconds after a start by which nothing may be left as being sent by a dead run
SETTLED = ("sent", "failed", "uncertain")


async def prove(folder: Path, policy: Policy, *, owed: int, kills: int, seed: int = 1) -> list[Figure]:
    """`owed` messages under one policy and `kills` deaths at random moments; what arrived is counted at the server."""
    chance = random.Random(seed)
    async with FakeBotApi(limits=False) as api:
        config = configured(folder, api)
        settings = read_settings(config)
        people = api.crowd(PEOPLE)
        process = await victim(config)
        for person in people:
            person.starts()
        await until(lambda: all(person.received for person in people))
        await stopped(process)
        numbers = _owe(settings, policy, owed)
        api.faults.add("latency", method="sendMessage", times=None, seconds=HELD)
        deaths = 0
        for _round in range(kills):
            deaths += await _dies(config, settings, chance)
        api.faults.clear()
        dead = _newest_run(settings)
        process = await victim(config, "never", "0", "1")
        orphans = await _orphans(settings, dead)
        await until(lambda: _waiting(settings) == 0)
        await stopped(process)
        return _figures(api, settings, policy, numbers, deaths=deaths, orphans=orphans)


async def _dies(config: Path, settings: Settings, chance: random.Random) -> int:
    """One run that is killed at a random moment after its first message; 0 where everything had gone out before."""
    if not _waiting(settings):
        return 0
    process = await victim(config, "never", "0", "1")
    before = _count(settings, "sent")
    await until(lambda: _count(settings, "sent") > before or not _waiting(settings))
    await asyncio.sleep(chance.uniform(0.0, 0.4))
    process.kill()
    await process.wait()
    return 1


def _owe(settings: Settings, policy: Policy, count: int) -> list[str]:
    """Owes every message in one transaction, to the people in turn; the words that tell them apart."""
    words = [f"件{number}#" for number in range(count)]
    store = open_store(settings, Outside())
    try:
        owing(store, policy, words)
    finally:
        store.close()
    return words


def _count(settings: Settings, state: str, *, of_runs_up_to: int | None = None) -> int:
    found = select(func.count()).select_from(outbox).where(outbox.c.state == state, outbox.c.key.like("proof:%"))
    if of_runs_up_to is not None:
        found = found.where(outbox.c.epoch <= of_runs_up_to)
    return int(rows(settings, found)[0][0])


def _newest_run(settings: Settings) -> int:
    return int(rows(settings, select(func.max(outbox.c.epoch)))[0][0] or 0)


async def _orphans(settings: Settings, dead: int) -> int:
    """What dead runs still have on its way, the moment there is none or so many seconds after the start."""
    ends = time.monotonic() + SETTLED_WITHIN
    while (left := _count(settings, "sending", of_runs_up_to=dead)) and time.monotonic() < ends:  # noqa: ASYNC110  no event reaches over
        await asyncio.sleep(0.05)
    return left


def _waiting(settings: Settings) -> int:
    return _count(settings, "queued") + _count(settings, "sending")


def _figures(
    api: FakeBotApi, settings: Settings, policy: Policy, words: list[str], *, deaths: int, orphans: int
) -> list[Figure]:
    id = "K2" if policy is Policy.HOLD else "K3"
    arrived: Counter[str] = Counter()
    unmarked = 0
    for entry in api.journal.sent():
        text = str(entry.parameters.get("text", ""))
        if found := re.search(r"件\d+#", text):
            arrived[found[0]] += 1
            unmarked += arrived[found[0]] > 1 and "重发" not in text
    settled = sum(_count(settings, state) for state in SETTLED)
    uncertain = _count(settings, "uncertain")
    doubled = sum(times - 1 for times in arrived.values())
    figures = [
        Figure(id, "kills", deaths, "counted", deaths > 0),
        exactly(id, "rows neither sent, failed nor uncertain", len(words) - settled, 0),
        exactly(id, "rows of dead runs still being sent after 10 s", orphans, 0),
    ]
    lost = sum(word not in arrived for word in words) - uncertain  # what did not arrive must be listed
    if policy is Policy.HOLD:
        return [
            *figures,
            exactly(id, "messages that arrived twice", doubled, 0),
            at_most(id, "rows uncertain", uncertain, IN_FLIGHT * deaths),
            at_most(id, "messages lost and not listed", lost, 0),
        ]
    return [
        *figures,
        at_most(id, "messages lost and not listed", lost, 0),
        at_most(id, "messages that arrived again", doubled, IN_FLIGHT * deaths),
        exactly(id, "repeats without their mark", unmarked, 0),
    ]
