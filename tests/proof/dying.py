"""K1: kill -9 while people write, at random moments and at every named point: nothing lost, twice or out of order."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.config import Settings, read_settings
from bot.keeping import verify
from bot.office.cases.records import ENTRY
from bot.office.cases.tables import attachment, entry
from bot.sealing import read_keys
from bot.store.queues import inbox, job
from tests.fakebotapi import FakeBotApi, Person
from tests.fakebotapi.journal import CALL
from tests.proof.figure import Figure, at_least, at_most, exactly, within
from tests.proof.outside import PHOTO, configured, died_at, rows, stopped, until, victim

PEOPLE = 20
EACH = 3  # sentences of each person before the start, and as many after it: more than a hundred updates for each death
REPEATED = 0.05  # of what was confirmed comes again
LONGEST = 0.6  # seconds after the start within which it dies
READY = 5.0  # seconds from a start to the first request for updates
UNLIMITED = "[limits]\n" + "".join(  # what is over a limit is not taken, and that is said
    f"{name} = 1000000\n" for name in ("messages_a_minute", "messages_at_once", "additions_a_case")
)
SENTENCE = re.compile(r"第(\d+)句")

Act = Callable[["Crowd"], Coroutine[Any, Any, None]]


class Crowd:
    """People with a case each, who go on adding sentences to it; what must stand there in the end."""

    def __init__(self, api: FakeBotApi) -> None:
        self.api = api
        self.people = api.crowd(PEOPLE)
        self.numbers: list[str] = []
        self.said = [0] * PEOPLE
        self.albums = 0

    async def register(self) -> None:
        for person in self.people:
            person.starts()
            for words in ("好", "/request 幸福里3号楼2单元的灯坏了", "登记"):
                person.says(words)
        await until(lambda: all(_number(person) for person in self.people))
        self.numbers = [_number(person) or "" for person in self.people]

    def speaks(self) -> None:
        for _turn in range(EACH):
            for who, person in enumerate(self.people):
                person.says(f"/add {self.numbers[who]} 第{self.said[who]}句")
                self.said[who] += 1


async def sentences(crowd: Crowd) -> None:
    """Again and again: one poll takes in a hundred of them, and a deep passing needs several."""
    while True:
        crowd.speaks()
        await until(lambda: crowd.api.is_drained)


async def albums(crowd: Crowd) -> None:
    """Gathered by a timer, each of their files fetched by a job."""
    crowd.speaks()
    for person, number in list(zip(crowd.people, crowd.numbers, strict=True))[:5]:
        person.says(f"/add {number}")
        person.sends_album([PHOTO, PHOTO + crowd.albums.to_bytes(8, "big")])
        crowd.albums += 1


async def own_data(crowd: Crowd) -> None:
    crowd.speaks()
    crowd.people[0].says("/mydata")


async def erasure(crowd: Crowd) -> None:
    """Somebody who has all that is kept of them deleted."""
    crowd.speaks()
    going = crowd.api.person("要走的人")
    going.starts()
    going.says("好")
    going.says("删掉我的信息")
    for label in ("删掉我的信息", "全部删除"):
        await going.sees(label, timeout=60, ever=True)
        going.presses(label)


async def clearing(crowd: Crowd) -> None:
    """A sealed complaint, and the talk about it deleted on both sides."""
    crowd.speaks()
    hidden = crowd.api.person("老何")
    hidden.starts()
    for words in ("好", "我要投诉窗口一个人，不能让他知道是我", "匿名，不留账号", "外来人口窗口姓刘的收了钱"):
        hidden.says(words)
    for label in ("交上去", "抄好了，清掉聊天"):
        await hidden.sees(label, timeout=60, ever=True)
        hidden.presses(label)


# What is done so that a point is passed; a test holds it against the points that the program names.
POINTS: dict[str, Act] = {
    "inbox commit": sentences, "acknowledgement": sentences, "mid-batch": sentences, "before commit": sentences,
    "after commit": sentences, "after claim": sentences, "after HTTP": sentences, "timer": albums, "job": albums,
    "file stored": albums, "data written": own_data, "wipe": erasure, "after deletion": clearing,
}  # fmt: skip


async def prove(
    folder: Path,
    *,
    kills: int,
    times: int = 1,
    points: Sequence[str] = tuple(POINTS),
    seed: int = 1,
    database: str = "",
) -> list[Figure]:
    """`kills` deaths at random moments, `times` at each named point, a last run; then what stands in the cases."""
    chance = random.Random(seed)
    async with FakeBotApi(limits=False) as api:
        api.redeliver(REPEATED)
        config = configured(folder, api, database=database, more=UNLIMITED)
        settings = read_settings(config)
        crowd = Crowd(api)
        process = await victim(config)
        await crowd.register()
        await stopped(process)
        waits = [await _dies(config, crowd, chance.uniform(0, LONGEST)) for _death in range(kills)]
        never = [
            point
            for point in points for hit in _hits(point, times, chance)
            if not await _dies_at(config, point, hit, POINTS[point], crowd)
        ]  # fmt: skip
        process = await victim(config)
        await until(lambda: api.is_drained and _is_handled(settings))
        await stopped(process)
        return [
            at_least("K1", "deaths at random moments", len(waits), kills),
            exactly("K1", " ".join(["named points at which nobody died", *never]), len(never), 0),
            *_effects(settings, crowd),
            within("K1", "seconds from a start to the first request for updates", max(waits, default=0.0), READY),
            exactly("K1", "faults in the database", len(verify(settings, None)), 0),
            exactly("K1", "complaints of the Bot API", len(api.complaints), 0),
        ]


async def _dies(config: Path, crowd: Crowd, after: float) -> float:
    """One run amid a hundred updates, killed so many seconds after it asked for the first; how long that took it."""
    journal = crowd.api.journal
    crowd.speaks()
    seen, began = len(journal.entries), time.monotonic()
    process = await victim(config)
    await journal.wait(lambda entry: entry.what == CALL and entry.method == "getUpdates", 60, after=seen)
    took = time.monotonic() - began
    crowd.speaks()
    await asyncio.sleep(after)
    process.kill()
    await process.wait()
    return took


async def _dies_at(config: Path, point: str, hit: int, act: Act, crowd: Crowd) -> bool:
    """One run that dies when it passes the point so many times; whether it did."""
    crowd.speaks()
    process = await victim(config, point, str(hit))
    acting = asyncio.create_task(act(crowd))
    try:
        await asyncio.wait_for(process.wait(), 60)
    except TimeoutError:
        await stopped(process)
        return False
    finally:
        acting.cancel()
        await asyncio.gather(acting, return_exceptions=True)
    return died_at(config, point)


def _hits(point: str, times: int, chance: random.Random) -> list[int]:
    """The first passing, then deeper ones where a run has many."""
    deep = 8 if POINTS[point] is sentences else 1
    return [1, *(chance.randint(1, deep) for _time in range(times - 1))]


def _number(person: Person) -> str | None:
    for message in person.received:
        if found := re.search(r"编号 ([0-9A-Z-]{9})", message.text or ""):
            return found[1]
    return None


def _is_handled(settings: Settings) -> bool:
    """Answers may still wait for their turn: thousands of them go out at the pace that a chat bears."""
    waiting = (
        select(inbox.c.id).where(inbox.c.state == "new"),
        select(job.c.id).where(job.c.state.in_(("waiting", "leased"))),
    )
    return not any(rows(settings, statement.limit(1)) for statement in waiting)


def _effects(settings: Settings, crowd: Crowd) -> list[Figure]:
    keys = read_keys(settings.security.key_file)
    found: dict[int, list[int]] = {}
    for row in rows(settings, select(entry.c.case, entry.c.words).order_by(entry.c.case, entry.c.id)):
        if row.words and (said := SENTENCE.search(keys.content.open(row.words, ENTRY).decode())):
            found.setdefault(row.case, []).append(int(said[1]))
    standing = [number for case in found.values() for number in set(case)]
    doubled = sum(len(case) - len(set(case)) for case in found.values())
    disordered = sum(case != sorted(case) for case in found.values())
    stored = len(rows(settings, select(attachment.c.id).where(attachment.c.state == "stored")))
    answers = Counter(
        (person.id, said[1])
        for person in crowd.people for message in person.received
        if "重发" not in message.text and (said := SENTENCE.search(message.text))
    )  # fmt: skip
    return [
        at_least("K1", "updates with an effect of their own", sum(crowd.said), 1),
        exactly("K1", "updates lost", sum(crowd.said) - len(standing), 0),
        exactly("K1", "effects twice", doubled, 0),
        exactly("K1", "chats out of order", disordered, 0),
        exactly("K1", "files lost or twice", crowd.albums * 2 - stored, 0),
        at_most("K1", "answers twice without their mark", sum(count > 1 for count in answers.values()), 0),
    ]
