"""K12: the drill of a restore: what was owed at the backup is held, listed, and goes out at somebody's word only."""

import asyncio
import re
import time
from pathlib import Path

from bot.config import Settings, read_settings
from bot.database import open_store
from bot.outside import Outside
from bot.store.queues import Policy
from tests.fakebotapi import FakeBotApi
from tests.proof.figure import Figure, at_least, at_most, exactly, within
from tests.proof.inside import owing
from tests.proof.outside import HUIYIN, PATIENCE, configured, stopped, until, victim

PEOPLE = 100
AT_ONCE = 5000
GONE_ON = 30  # messages that still go out after the backup, before the machine is lost
DRILL = 900.0  # seconds, from the loss to the office that answers again
LISTED = re.compile(r"^(\d+)  uncertain", re.MULTILINE)
OWED = re.compile(r"件(\d+)#")


async def prove(folder: Path, *, owed: int) -> list[Figure]:
    """A backup while `owed` messages wait, some of them sent since, the machine lost, and all of it brought back."""
    async with FakeBotApi(limits=False) as api:
        config = configured(folder, api)
        people = api.crowd(PEOPLE)
        process = await victim(config)
        for person in people:
            person.starts()
        await until(lambda: all(person.received for person in people))
        await stopped(process)
        await asyncio.to_thread(_owe, read_settings(config), owed)
        await _huiyin(config, "backup", folder / "backups")
        process = await victim(config)
        await until(lambda: len(_arrived(api)) >= min(GONE_ON, owed // 2))
        process.kill()
        await process.wait()
        before = _arrived(api)

        began = time.monotonic()
        made = max((folder / "backups").glob("huiyin-*"))
        sound = await _huiyin(config, "verify", made)
        said = await _huiyin(config, "restore", made, "--replace")
        process = await victim(config)
        people[0].says("/help")
        count = len(people[0].received)
        await until(lambda: len(people[0].received) > count)  # the sender is at work
        took = time.monotonic() - began

        unasked = len(_arrived(api)) - len(before)
        listed = await _huiyin(config, "outbox")
        shown = LISTED.findall(listed)
        beyond = re.search(r"and (\d+) more", listed)
        known = len(shown) + (int(beyond[1]) if beyond else 0)
        await _huiyin(config, "outbox", "--release", shown[0])
        await until(lambda: len(_arrived(api)) == len(before) + 1)
        rest = await _huiyin(config, "outbox", "--release", "all")
        released = int(rest.splitlines()[-1].split()[0]) + 1
        await until(lambda: len(_arrived(api)) >= len(before) + min(released, PEOPLE))
        unmarked = sum("重发" not in text for text in _arrived(api)[len(before) :])
        await stopped(process)
        return [
            exactly("K12", "backups with a fault", int("no faults" not in sound), 0),
            exactly("K12", "messages owed that the restore did not count", owed - _number(said), 0),
            at_least("K12", "of these sent since the backup", len(before), 1),
            exactly("K12", "messages sent before they were released", unasked, 0),
            exactly("K12", "messages held that are not listed or counted", owed - known, 0),
            exactly("K12", "messages held that were not released", owed - released, 0),
            exactly("K12", "released messages without their mark", unmarked, 0),
            at_most("K12", "complaints of the Bot API", len(api.complaints), 0),
            within("K12", "seconds from the loss to the first answer", took, DRILL),
        ]


def _owe(settings: Settings, count: int) -> None:
    store = open_store(settings, Outside())
    try:
        for first in range(0, count, AT_ONCE):
            owing(store, Policy.RESEND, [f"件{number}#" for number in range(first, min(first + AT_ONCE, count))])
    finally:
        store.close()


def _arrived(api: FakeBotApi) -> list[str]:
    texts = (str(entry.parameters.get("text", "")) for entry in api.journal.sent())
    return [text for text in texts if OWED.search(text)]


def _number(said: str) -> int:
    found = re.search(r"^(\d+) messages were owed", said, re.MULTILINE)
    return int(found[1]) if found else 0


async def _huiyin(config: Path, *arguments: str | Path) -> str:
    """What the command prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        HUIYIN, *map(str, arguments), "--config", config, stdout=asyncio.subprocess.PIPE
    )
    out, _err = await asyncio.wait_for(process.communicate(), PATIENCE * 10)
    assert process.returncode == 0, out.decode()
    return out.decode()
