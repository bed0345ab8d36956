"""K13: two of everything. Who holds the leases stops amid sending, comes back, dies: nothing is lost or said twice."""

import asyncio
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.config import Settings, read_settings
from bot.database import open_store
from bot.outbox import outbox_alone
from bot.outside import Outside
from bot.store.leases import lease
from bot.store.queues import Policy, outbox
from tests.fakebotapi import FakeBotApi, Person
from tests.proof.figure import Figure, at_least, exactly, within
from tests.proof.inside import owing
from tests.proof.outside import alive, configured, is_settled, rows, until, victim

PEOPLE = 10
TAKEOVER = 15.0  # seconds
OWED = 40  # under each policy; more than can be on their way at a time
HELD = 1.0  # seconds that a message is on its way
FEW = 5  # on their way when the holder is stopped, at least
WORDS = re.compile(r"件\w+#")
REPEAT = "重发"
SOON = ("never", "0", "1")  # it dies at no point, and sends again after a second


def holders(settings: Settings) -> set[int]:
    """The processes that hold a lease of a channel."""
    found = rows(settings, select(lease.c.holder).where(lease.c.name.like("%telegram:%")))
    return {int(row.holder.split()[1]) for row in found}


def answers(people: list[Person]) -> list[int]:
    return [sum(WORDS.search(message.text) is None for message in person.received) for person in people]


def owe(settings: Settings) -> None:
    """Messages under both policies, to everybody in turn."""
    store = open_store(settings, Outside())
    try:
        for policy in (Policy.HOLD, Policy.RESEND):
            owing(store, policy, [f"件{policy}{number}#" for number in range(OWED)])
    finally:
        store.close()


def owed(settings: Settings) -> Mapping[int, Any]:
    """How these messages stand."""
    columns = (outbox.c.id, outbox.c.key, outbox.c.policy, outbox.c.state, outbox.c.epoch, outbox.c.message)
    return {row.id: row for row in rows(settings, select(*columns).where(outbox.c.key.like("proof:%")))}


def among(settings: Settings, *states: str) -> int:
    return sum(row.state in states for row in owed(settings).values())


async def asked(people: list[Person], times: int = 1) -> float:
    """Everybody asks for help; the seconds until the last answer has come."""
    wanted = [count + times for count in answers(people)]
    began = time.monotonic()
    for _time in range(times):
        for person in people:
            person.says("/help")
    await until(lambda: all(has >= want for has, want in zip(answers(people), wanted, strict=True)))
    return time.monotonic() - began


async def prove(folder: Path, database: str, *, standstill: float = 0.0) -> list[Figure]:
    """The holder stands still until the other has taken over, and so many seconds at least; then it goes on."""
    async with FakeBotApi(limits=False) as api:
        config = configured(folder, api, database=database)
        settings = read_settings(config)
        people = api.crowd(PEOPLE)
        for person in people:
            person.starts()
        first = await victim(config, *SOON)
        await until(lambda: all(answers(people)))
        second = await victim(config, *SOON)
        await asked(people)
        await until(lambda: len(rows(settings, select(lease.c.name).where(lease.c.name.like("run %")))) == 2)
        assert holders(settings) == {first.pid}

        api.faults.add("latency", method="sendMessage", times=None, seconds=HELD)
        await asyncio.to_thread(owe, settings)
        await until(lambda: among(settings, "sending") >= FEW)
        first.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        api.faults.clear()
        stopped_for = await asked(people)
        holds = holders(settings) == {second.pid}
        before, when_taken = answers(people), owed(settings)
        await asyncio.sleep(max(0.0, began + standstill - time.monotonic()))
        first.send_signal(signal.SIGCONT)
        await asked(people, 2)
        await until(lambda: api.is_drained and is_settled(settings))
        await until(lambda: among(settings, "queued", "sending") == 0)
        extra = [has - had - 2 for has, had in zip(answers(people), before, strict=True)]
        still = holders(settings) == {second.pid}

        os.kill(second.pid, signal.SIGKILL)
        killed_for = await asked(people)
        back = holders(settings) == {first.pid}
        before = answers(people)
        first.terminate()
        third = await victim(config, *SOON)
        await asyncio.wait_for(first.wait(), 60)
        await asked(people)
        lost = sum(has - had != 1 for has, had in zip(answers(people), before, strict=True))
        third.terminate()
        await asyncio.wait_for(third.wait(), 60)
        alive.clear()
        return [
            *_figures(api, settings, when_taken),
            within("K13", "seconds until the other answers, holder stopped", stopped_for, TAKEOVER),
            within("K13", "seconds until the other answers, holder killed", killed_for, TAKEOVER),
            exactly("K13", "takeovers after which the right one held everything", holds + still + back, 3),
            exactly("K13", "answers given twice after the stopped one came back", sum(extra), 0),
            exactly("K13", "people who were not answered once over a handing over", lost, 0),
            exactly("K13", "leases left after the last one stopped", len(rows(settings, select(lease.c.name))), 0),
        ]


def _figures(api: FakeBotApi, settings: Settings, when_taken: Mapping[int, Any]) -> list[Figure]:
    """What became of messages on their way: those that are held are listed, the others say that they come again."""
    now = owed(settings)
    caught = {id for id, row in when_taken.items() if row.state == "uncertain"}
    listed = {line.split()[0] for line in outbox_alone(settings, {"verb": "list"})}
    arrived: Counter[str] = Counter()
    unmarked: Counter[str] = Counter()
    for entry in api.journal.sent():
        if found := WORDS.search(text := str(entry.parameters.get("text", ""))):
            arrived[found[0]] += 1
            unmarked[found[0]] += REPEAT not in text
    words = {id: row.key.partition(":")[2] for id, row in now.items()}
    uncertain = {id for id, row in now.items() if row.state == "uncertain"}
    settled = sum(row.state in ("sent", "uncertain") for row in now.values())
    return [
        at_least("K13", "messages held that were on their way when the holder stopped", len(caught), 1),
        exactly("K13", "of them changed by it after its time", sum(now[id] != when_taken[id] for id in caught), 0),
        exactly("K13", "uncertain ones that are not listed", sum(str(id) not in listed for id in uncertain), 0),
        exactly("K13", "messages neither sent nor uncertain", 2 * OWED - settled, 0),
        exactly("K13", "messages lost and not listed",
                sum(not arrived[words[id]] for id in now.keys() - uncertain), 0),
        exactly("K13", "messages that arrived twice without their mark",
                sum(each > 1 for each in unmarked.values()), 0),
        exactly("K13", "messages that arrived more than twice", sum(each > 2 for each in arrived.values()), 0),
    ]  # fmt: skip
