"""K5 and K14: nothing is confirmed before it is committed, and no update, however odd, stops the others."""

import json
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import func, select

from bot.config import read_settings
from bot.store.engine import file_of, read_url
from bot.store.queues import inbox
from tests.channels.telegram.mutation import mutate
from tests.fakebotapi import FakeBotApi, Person
from tests.fakebotapi.journal import CONFIRMED, Entry
from tests.proof.dying import UNLIMITED, _is_handled
from tests.proof.figure import Figure, at_least, exactly, within
from tests.proof.inside import office
from tests.proof.outside import PATIENCE, PHOTO, configured, rows, until

EACH = 20  # sentences of one person: more at once would meet the limit for a chat, which drops and says so
_ENDS = select(inbox.c.state, func.count().label("count")).group_by(inbox.c.state)
_WAITING = select(func.count()).select_from(inbox).where(inbox.c.state == "new")
BETWEEN = 250  # odd ones between two sentences of somebody else
FEWEST, OF_EACH = 10, 2000  # senders; odd ones of each: a chat bears an answer a second, and answers must not pile up
PACE = 1000  # messages a second, for the same reason
OTHERS = 20  # somebody else, in turn
WHOLE_EVERY = 10  # rounds: as many whole ones as odd ones, to compare with
SOON = 1.0  # seconds within which 95 of 100 of the others are answered
SLOWER = 1.2  # times at most, against whole updates of the same kinds


async def prove_order(folder: Path, *, updates: int) -> list[Figure]:
    """At the very moment at which an update is confirmed, another connection must find it in the inbox."""
    async with FakeBotApi(limits=False) as api:
        file = file_of(read_url(read_settings(configured(folder, api)).database.url))
        confirmed, late = 0, 0
        write = api.journal.write

        def watching(what: str, bot: int, **fields: Any) -> Entry:
            nonlocal confirmed, late
            if what == CONFIRMED:
                confirmed += 1
                key = str(fields["update_id"])
                late += reader.execute("SELECT count(*) FROM inbox WHERE key = ?", (key,)).fetchone()[0] == 0
            return write(what, bot, **fields)

        async with office(folder, api):
            reader = sqlite3.connect(file)  # type: ignore[arg-type]  # SQLite's database is a file
            api.journal.write = watching  # type: ignore[method-assign]  # the moment is the server's own
            try:
                await api.burst(updates, updates // EACH)
                await until(lambda: api.is_drained)
            finally:
                reader.close()
    return [
        at_least("K5", "updates confirmed", confirmed, updates),
        exactly("K5", "confirmed before they were committed", late, 0),
    ]


async def prove_odd(folder: Path, *, updates: int, seed: int = 1) -> list[Figure]:
    """Mutated updates of every kind between the sentences of somebody else, who must get an answer to each, and soon.

    How soon is also held against rounds in which whole updates stand before the sentence.
    """
    chance, senders = random.Random(seed), max(FEWEST, updates // OF_EACH)
    async with FakeBotApi(limits=False) as api:
        settings = read_settings(configured(folder, api, pace=PACE, more=UNLIMITED))
        samples = [sample for person in api.crowd(senders) for sample in _samples(api, person)]
        others, rounds = [api.person(f"B{number}") for number in range(OTHERS)], -(-updates // BETWEEN)
        amid_odd: list[float] = []
        amid_whole: list[float] = []

        async def goes(turn: int, waits: list[float], update: Callable[[], bytes]) -> None:
            # Those that name no chat are taken ten at a time: with more in the queue the proof would measure itself.
            await until(lambda: rows(settings, _WAITING)[0][0] <= BETWEEN)
            for _each in range(BETWEEN):
                api.raw_update(update())
            waits.append(await _answered(others[turn % OTHERS]))

        async with office(folder, api, pace=PACE, more=UNLIMITED) as running:
            for turn in range(rounds):
                await goes(turn, amid_odd, lambda: _mutated(chance.choice(samples), chance))
                if turn % WHOLE_EVERY == 0:
                    await goes(turn + OTHERS // 2, amid_whole, lambda: _numbered(chance.choice(samples)))
            await until(lambda: api.is_drained and _is_handled(settings))
            dead = running.app._supervisor.failing
        whole = len(amid_whole) * (BETWEEN + 1)
        odd = sum(entry.what == CONFIRMED for entry in api.journal.entries) - whole
        ends = {row.state: row.count for row in rows(settings, _ENDS)}
        kept = sum(ends.values()) - ends.get("done", 0) - ends.get("set_aside", 0)
        return [
            at_least("K14", "updates confirmed", odd, updates),
            at_least("K14", "sentences of somebody else that were answered", len(amid_odd), rounds),
            within("K14", "seconds until they were answered, 95 of 100", _p95(amid_odd), SOON),
            within("K14", "times the seconds amid whole updates", _p95(amid_odd) / _p95(amid_whole), SLOWER),
            at_least("K14", "of the odd ones handled", ends.get("done", 0) - whole, updates // 3),
            at_least("K14", "of the odd ones set aside", ends.get("set_aside", 0), 1),
            exactly("K14", "odd ones stored and neither handled nor set aside", kept, 0),
            exactly("K14", "loops that failed", len(dead), 0),
            exactly("K14", "complaints of the Bot API", len(api.complaints), 0),
        ]


async def _answered(person: Person) -> float:
    """The seconds until this person's question is answered."""
    began = time.monotonic()
    person.says("/help")
    await person.sees(timeout=PATIENCE)
    return time.monotonic() - began


def _p95(waits: list[float]) -> float:
    return sorted(waits)[len(waits) * 95 // 100]


def _samples(api: FakeBotApi, alice: Person) -> list[Any]:
    """One update of each kind, as the server itself would hand them out."""
    before = len(api.account.queue.pending)
    alice.starts()
    words = alice.says("楼道灯坏了")
    alice.edits(words, "楼道灯全坏了")
    alice.says("就是这盏", reply_to=words)
    alice.sends_photo(PHOTO, "灯")
    alice.sends_album([PHOTO, PHOTO])
    alice.sends_document(PHOTO, "灯.png")
    alice.sends_voice()
    alice.sends_sticker()
    alice.sends_location(31.23, 121.47)
    alice.sends_contact("+8613900000000")
    alice.forwards(words)
    alice.blocks()
    alice.unblocks()
    group = api.group("青石")
    alice.joins(group)
    alice.says("大家好", into=group)
    found = [msgspec.json.decode(pending.raw) for pending in list(api.account.queue.pending)[before:]]
    message = next(update["message"] for update in found if "message" in update)
    press = {"id": "1", "from": message["from"], "chat_instance": "1", "message": message, "data": "case.take:7K3M9QX1"}
    return [*found, {"update_id": 1, "callback_query": press}]


def _mutated(update: Any, chance: random.Random) -> bytes:
    """One to four changes."""
    changed = update
    for _time in range(chance.randint(1, 4)):
        changed = mutate(changed, chance)
    return _numbered(changed if isinstance(changed, dict) else {"message": changed})


def _numbered(update: Any) -> bytes:
    """Without a number of its own: the server gives it."""
    return json.dumps({name: value for name, value in update.items() if name != "update_id"}).encode()
