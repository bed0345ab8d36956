"""K16: an office under steady load for hours, with notices and backups: nothing grows, nothing is forgotten."""

import asyncio
import itertools
import os
import re
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.config import read_settings
from tests.fakebotapi import FakeBotApi, Person
from tests.proof.dying import UNLIMITED, _is_handled
from tests.proof.figure import Figure, at_least, at_most, exactly
from tests.proof.outside import HUIYIN, PATIENCE, configured, started, stopped, until

PEOPLE = 100
NOTICE_EVERY = 60.0  # seconds, at most; they wait for each other
WARM = 0.2  # of the time: caches fill
MORE_MEMORY, MORE_FILES, LOG = 20.0, 5, 64.0  # megabytes, descriptors, megabytes
FORGOTTEN = re.compile(r"never retrieved|never awaited|loop_failed|event_failed|batch_failed|result_lost")
MINUTES = float(os.environ.get("SOAK_MINUTES", "120"))


async def prove(folder: Path, *, minutes: float = MINUTES, rate: float = 10.0, backups: int = 2) -> list[Figure]:
    """So many updates a second; what the process holds is measured all the while."""
    async with FakeBotApi(limits=False) as api:
        config = configured(folder, api, more=UNLIMITED + _zone_with_a_morning())
        settings, log = read_settings(config), folder / "log"
        process = await started(sys.executable, "-m", "tests.proof.victim", config, log=log)
        chen, li = await _official(config, api, "陈", "head"), await _official(config, api, "李", "approver")
        people = api.crowd(PEOPLE)
        for person in people:
            for words in ("/start", "好"):
                person.says(words)
        await until(lambda: all(len(person.received) > 1 for person in people))
        samples: list[tuple[float, int]] = []
        tasks = [
            asyncio.create_task(_measures(process.pid, samples)),
            asyncio.create_task(_announces(chen, li, PEOPLE)),
        ]
        copying = asyncio.create_task(_backs_up(config, folder / "backups", minutes * 60 / (backups + 1), backups))
        said = await _speaks(people, rate, minutes * 60)
        await copying  # what was begun is written, however long a busy machine takes
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: api.is_drained and _is_handled(settings))
        wal = (folder / "huiyin.db-wal").stat().st_size / 1e6
        died = process.returncode is not None
        await stopped(process)
        notices = sum("检修水管" in message.text for message in people[0].received)
        copies = len(list((folder / "backups").glob("huiyin-*")))
        memory, files = _more([megabytes for megabytes, _files in samples]), _more([files for _mb, files in samples])
        forgotten = FORGOTTEN.findall(log.read_text("utf-8"))
        return [
            at_least("K16", "updates in the time", said, 1),
            at_least("K16", "notices that went out meanwhile", notices, int(minutes // 3)),
            at_least("K16", "backups written meanwhile", copies, backups),
            exactly("K16", "deaths", int(died), 0),
            exactly("K16", "tasks and faults in the log", len(forgotten), 0),
            at_most("K16", "megabytes of memory more than after the start", memory, MORE_MEMORY),
            at_most("K16", "files open more than after the start", files, MORE_FILES),
            at_most("K16", "megabytes of the database's log", round(wal, 1), LOG),
            exactly("K16", "complaints of the Bot API", len(api.complaints), 0),
        ]


def _zone_with_a_morning() -> str:
    """Where it is about ten now, on a day on which nobody sleeps for some hours."""
    hours = (10 - datetime.now(UTC).hour + 11) % 24 - 11
    return f'[office]\ntimezone = "Etc/GMT{-hours:+d}"\n' if hours else '[office]\ntimezone = "Etc/GMT"\n'


async def _official(config: Path, api: FakeBotApi, name: str, role: str) -> Person:
    await until(lambda: config.with_name("huiyin.db.sock").exists())
    process = await asyncio.create_subprocess_exec(
        HUIYIN, "invite", "--role", role, "--config", config, stdout=asyncio.subprocess.PIPE
    )
    out, _err = await asyncio.wait_for(process.communicate(), PATIENCE)
    found = re.search(rb"start=(\S+)", out)
    assert found, out
    person = api.person(name)
    person.starts(found[1].decode())
    await person.sees("工作人员", timeout=PATIENCE, ever=True)
    return person


async def _speaks(people: Sequence[Person], rate: float, seconds: float) -> int:
    """Questions, forms begun and left, thanks, each person in turn."""
    loop = asyncio.get_running_loop()
    words = itertools.cycle(("/help", "住院的钱怎么报", "楼道灯坏了", "算了", "/cases", "谢谢", "/policy"))
    began, said = loop.time(), 0
    while (now := loop.time()) < began + seconds:
        if said < (now - began) * rate:
            people[said % len(people)].says(next(words))
            said += 1
        else:
            await asyncio.sleep(0.02)
    return said


async def _announces(writer: Person, approver: Person, readers: int) -> None:
    """One notice to all after another, each agreed to by somebody else."""
    for number in itertools.count():
        writer.says(f"/notice 明天检修水管，第{number}次")
        await writer.sees("全青石街道", timeout=PATIENCE)
        writer.presses("全青石街道")
        await writer.sees("送批", timeout=PATIENCE)
        writer.presses("送批")
        await approver.sees("看过了，我来批", timeout=PATIENCE, ever=True)
        approver.presses("看过了，我来批")
        await approver.sees(str(readers), timeout=PATIENCE)
        approver.says(str(readers))
        await asyncio.sleep(NOTICE_EVERY * 2)


async def _backs_up(config: Path, target: Path, every: float, times: int) -> None:
    for _time in range(times):
        await asyncio.sleep(every)
        process = await started(HUIYIN, "backup", target, "--config", config)
        await process.wait()


async def _measures(pid: int, samples: list[tuple[float, int]]) -> None:
    """Megabytes and open files, every second."""
    while True:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:  # noqa: ASYNC230 - no disk behind it
            kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        samples.append((kilobytes / 1000, len(os.listdir(f"/proc/{pid}/fd"))))
        await asyncio.sleep(1)


def _more(values: Sequence[float]) -> float:
    """How much more at the end than when all was warm."""
    warm = values[int(len(values) * WARM) :]
    tenth = max(1, len(warm) // 10)
    return round(statistics.median(warm[-tenth:]) - statistics.median(warm[:tenth]), 1)
