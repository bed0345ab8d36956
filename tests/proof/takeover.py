"""K13: two of everything. The holder of the leases is stopped, killed, comes back; every question is answered once."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from sqlalchemy import select

from bot.config import Settings, read_settings
from bot.store.leases import lease
from tests.fakebotapi import FakeBotApi, Person
from tests.proof.figure import Figure, exactly, within
from tests.proof.outside import alive, configured, is_settled, rows, started, until

PEOPLE = 10
TAKEOVER = 15.0  # seconds


def holders(settings: Settings) -> set[int]:
    """The processes that hold a lease of a channel."""
    found = rows(settings, select(lease.c.holder).where(lease.c.name.like("%telegram:%")))
    return {int(row.holder.split()[1]) for row in found}


def answers(people: list[Person]) -> list[int]:
    return [len(person.received) for person in people]


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
        first = await started(sys.executable, "-m", "tests.proof.victim", config)
        await until(lambda: all(answers(people)))
        second = await started(sys.executable, "-m", "tests.proof.victim", config)
        await asked(people)
        await until(lambda: len(rows(settings, select(lease.c.name).where(lease.c.name.like("run %")))) == 2)
        assert holders(settings) == {first.pid}

        first.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        stopped_for = await asked(people)
        holds = holders(settings) == {second.pid}
        before = answers(people)
        await asyncio.sleep(max(0.0, began + standstill - time.monotonic()))
        first.send_signal(signal.SIGCONT)
        await asked(people, 2)
        await until(lambda: api.is_drained and is_settled(settings))
        extra = [has - had - 2 for has, had in zip(answers(people), before, strict=True)]
        still = holders(settings) == {second.pid}

        os.kill(second.pid, signal.SIGKILL)
        killed_for = await asked(people)
        back = holders(settings) == {first.pid}
        before = answers(people)
        first.terminate()
        third = await started(sys.executable, "-m", "tests.proof.victim", config)
        await asyncio.wait_for(first.wait(), 60)
        await asked(people)
        lost = sum(has - had != 1 for has, had in zip(answers(people), before, strict=True))
        third.terminate()
        await asyncio.wait_for(third.wait(), 60)
        alive.clear()
        return [
            within("K13", "seconds until the other answers, holder stopped", stopped_for, TAKEOVER),
            within("K13", "seconds until the other answers, holder killed", killed_for, TAKEOVER),
            exactly("K13", "takeovers after which the right one held everything", holds + still + back, 3),
            exactly("K13", "answers given twice after the stopped one came back", sum(extra), 0),
            exactly("K13", "people who were not answered once over a handing over", lost, 0),
            exactly("K13", "leases left after the last one stopped", len(rows(settings, select(lease.c.name))), 0),
        ]  # fmt: skip
