"""K6: the server dies while people write, and its standby takes its place: what was confirmed stands there."""

import asyncio
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from bot.config import Settings, read_settings
from bot.store.queues import inbox
from tests.fakebotapi import FakeBotApi
from tests.fakebotapi.journal import CONFIRMED
from tests.postgres import a_database
from tests.proof import standby
from tests.proof.broken import PATIENCE
from tests.proof.figure import Figure, at_least, exactly, within
from tests.proof.outside import HUIYIN, configured, is_settled, rows, started, stopped, until

REPEAT = "重发"


@dataclass
class Counts:
    """Over all promotions; what was confirmed, and what of it was missing in the standby."""

    confirmed: int = 0
    forgotten: int = 0
    lost: int = 0
    set_aside: int = 0
    unanswered: int = 0
    doubled: int = 0
    ended: int = 0
    seconds: float = 0.0


async def prove(
    folder: Path, server: str, *, times: int, people: int, each: int, away: float, seed: int = 1
) -> list[Figure]:
    """So many promotions, `away` seconds after a death; everybody says `each` sentences before it, and one after it."""
    chance, counts = random.Random(seed), Counts()
    for number in range(times):
        place = folder / str(number)
        place.mkdir()
        name = f"k6{uuid.uuid4().hex}"
        with a_database(server, name), standby.pair(server) as servers:
            said = chance.uniform(0, 0.8) * people * each
            await _promoted(place, servers, name, counts, people=people, each=each, away=away, after=said)
    return [
        at_least("K6", "updates confirmed before the server died", counts.confirmed, times),
        exactly("K6", "updates confirmed and not in the standby", counts.forgotten, 0),
        exactly("K6", "updates lost, standby promoted", counts.lost, 0),
        exactly("K6", "updates set aside, standby promoted", counts.set_aside, 0),
        exactly("K6", "sentences without an answer, standby promoted", counts.unanswered, 0),
        exactly("K6", "answers twice without their mark, standby promoted", counts.doubled, 0),
        exactly("K6", "offices that ended, standby promoted", counts.ended, 0),
        within("K6", "seconds until all was handled afterwards, standby promoted", counts.seconds, PATIENCE),
    ]


async def _promoted(
    folder: Path, servers: tuple[str, str], name: str, counts: Counts,
    *, people: int, each: int, away: float, after: float,
) -> None:  # fmt: skip
    """One death after so many more confirmed updates; the office knows both servers, and goes on by itself."""
    async with FakeBotApi(limits=False) as api:
        config = configured(folder, api, database=standby.address_of(servers, name))
        settings = read_settings(config)
        crowd = api.crowd(people)
        office = await started(HUIYIN, "run", "--config", config)
        for person in crowd:
            person.starts()
        await until(lambda: all(person.received for person in crowd) and is_settled(settings))
        before = len(_confirmed(api))
        for _sentence in range(each):
            for person in crowd:
                person.says("/help")
        await api.hub.changes.until(lambda: len(_confirmed(api)) > before + after)
        standby.kill(servers[0])
        confirmed = _confirmed(api)
        for person in crowd:
            person.says("/help")
        await asyncio.sleep(away)
        await asyncio.to_thread(standby.promote, servers[1])
        counts.forgotten += len(confirmed - _stored(settings))
        began = time.monotonic()
        await until(lambda: api.is_drained and is_settled(settings))
        counts.seconds = max(counts.seconds, time.monotonic() - began)
        counts.ended += office.returncode is not None
        await stopped(office)
        counts.confirmed += len(confirmed) - before
        counts.lost += len(_confirmed(api) - _stored(settings)) + (each + 2) * people - len(_confirmed(api))
        counts.set_aside += len(rows(settings, select(inbox.c.id).where(inbox.c.state == "set_aside")))
        answers = Counter(person.id for person in crowd for message in person.received if REPEAT not in message.text)
        counts.unanswered += sum(max(0, each + 2 - answers[person.id]) for person in crowd)
        counts.doubled += sum(max(0, answers[person.id] - each - 2) for person in crowd)


def _confirmed(api: FakeBotApi) -> set[str]:
    return {str(entry.update_id) for entry in api.journal.entries if entry.what == CONFIRMED}


def _stored(settings: Settings) -> set[str]:
    return {row.key for row in rows(settings, select(inbox.c.key))}
