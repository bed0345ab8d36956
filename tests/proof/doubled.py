"""K13: two of everything by mistake: two offices at one token, two processes on one database."""

import asyncio
import re
import time
from collections import Counter
from pathlib import Path
from unittest import mock

from sqlalchemy import func, select

from bot.config import read_settings
from bot.health import watch
from bot.store.queues import Policy, outbox
from tests.fakebotapi import FakeBotApi
from tests.proof.figure import Figure, at_least, at_most, exactly, within
from tests.proof.inside import office
from tests.proof.outgoing import IN_FLIGHT, _owe
from tests.proof.outside import HUIYIN, PATIENCE, changed, configured, rows, stopped, until, victim

ALARM = 60.0  # seconds until administrators hear of a second office at the same token
PEOPLE = 20


async def prove_rivals(folder: Path, *, look_every: float = watch.EVERY) -> list[Figure]:
    """A second office with a database of its own polls with the token of the first."""
    for name in ("first", "second"):
        (folder / name).mkdir()
    async with FakeBotApi(limits=False) as api:
        root, people = api.person("管理员"), api.crowd(PEOPLE)
        with mock.patch.object(watch, "EVERY", look_every):
            async with office(folder / "first", api) as first:
                _lines, code = await first.invite("administrator", None)
                root.starts(code)
                await root.sees("工作人员", timeout=PATIENCE, ever=True)
                began = time.monotonic()
                async with office(folder / "second", api):
                    await root.sees("同一个令牌", timeout=PATIENCE * 2, ever=True)
                    took = time.monotonic() - began
                    for person in people:
                        person.says("/help")
                    await until(lambda: all(person.received for person in people))
                alarms = sum("同一个令牌" in message.text for message in root.received)
    return [
        exactly("K13", "people that nobody answered", sum(not person.received for person in people), 0),
        exactly("K13", "alarms of a second office", alarms, 1),
        within("K13", "seconds until the alarm", took, ALARM),
    ]


async def prove_one_file(folder: Path) -> list[Figure]:
    """A second process on the file of a running one is refused, and the first goes on."""
    async with FakeBotApi(limits=False) as api:
        config = configured(folder, api)
        process = await victim(config)
        alice = api.person("王阿姨")
        alice.starts()
        await until(lambda: bool(alice.received))
        second = await asyncio.create_subprocess_exec(
            HUIYIN, "run", "--config", config, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        _out, said = await asyncio.wait_for(second.communicate(), PATIENCE)
        count = len(alice.received)
        alice.says("/help")
        await until(lambda: len(alice.received) > count)
        await stopped(process)
    refused = second.returncode == 2 and re.fullmatch(rb"huiyin: database\.url: .* in use by another huiyin\n", said)
    return [exactly("K13", "second processes on one file that were not refused in one line", int(not refused), 0)]


async def prove_one_server(folder: Path, *, owed: int, database: str) -> list[Figure]:
    """Two whole offices on one server's database, both with the token: what was owed, and how often it arrived."""
    async with FakeBotApi(limits=False) as api:
        config = configured(folder, api, database=database)
        settings = read_settings(config)
        people = api.crowd(PEOPLE)
        first = await victim(config)
        for person in people:
            person.starts()
        await until(lambda: all(person.received for person in people))
        await stopped(first)
        words = await asyncio.to_thread(_owe, settings, Policy.HOLD, owed)
        both = [await victim(config) for _each in range(2)]
        owing = outbox.c.state.in_(("queued", "sending")) & outbox.c.key.like("proof:%")
        left = select(func.count()).select_from(outbox).where(owing)
        # At the pace that a chat bears, thousands take longer than a proof is patient with one that stands still.
        while waiting := rows(settings, left)[0][0]:
            await changed(lambda: rows(settings, left)[0][0], waiting)
        for process in both:
            await stopped(process)
        arrived = Counter(str(entry.parameters.get("text", "")) for entry in api.journal.sent())
        doubled = sum(arrived[word] - 1 for word in words if arrived[word] > 1)
        uncertain = len(rows(settings, select(outbox.c.id).where(outbox.c.state == "uncertain")))
        lost = sum(not arrived[word] for word in words) - uncertain
    return [
        at_least("K13", "messages owed to two senders", len(words), owed),
        exactly("K13", "messages lost and not listed", max(0, lost), 0),
        at_most("K13", "messages that arrived twice", doubled, IN_FLIGHT),
    ]
