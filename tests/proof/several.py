"""Several dispatchers on one PostgreSQL: every chat in its order, nothing twice, and how fast they are together."""

import asyncio
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import Connection, create_engine, func, select, update

from bot.channels.silent import SilentChannel
from bot.config import Settings, read_settings
from bot.delivery.channel import Raw
from bot.delivery.owing import OUTBOX
from bot.dialogue.event import Event, Said, Who
from bot.dialogue.screen import Screen
from bot.office.cases.records import ENTRY
from bot.office.cases.tables import case_event, entry
from bot.office.people.model import Role
from bot.parts import Part
from bot.running import Running, start_office, stop_office
from bot.sealing import Keys, read_keys
from bot.store.engine import read_url
from bot.store.queues import inbox, outbox
from bot.words import Message
from tests.proof.figure import Figure, at_least, at_most, exactly
from tests.proof.outside import alive

HELD = "held"  # a state in which nobody looks at an update: the load begins in one moment
PATIENCE = 600.0
OFFICIALS = 4
ADDED = "第{}句"
NUMBER = re.compile(r"编号 ([0-9A-Z]{4}-[0-9A-Z]{4})")
_encode, _screen = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Screen).decode


@dataclass(frozen=True)
class Told:
    """What a process said it had done."""

    handled: int
    batches: int
    contended: int
    milliseconds: int  # of processor time


@dataclass(frozen=True)
class Outcome:
    """How several processes got through the load."""

    seconds: float
    processes: list[Told]
    deadlocks: int


class Load:
    """What people say, put into the inbox as a receiver would, in the order in which it was said."""

    def __init__(self, running: Running, channel: SilentChannel) -> None:
        self._running = running
        self._channel = channel
        self._keys = 0

    def says(self, chat: str, text: str) -> Raw:
        self._keys += 1
        now = self._running.app._outside.clock.now()
        event = Event(Said(text), now, Who(chat, chat, "zh_CN"), f"m{self._keys}")
        return Raw(f"k{self._keys}", chat, _encode(event), now)

    async def feed(self, raws: list[Raw]) -> None:
        receiver = self._running.app.receivers[self._channel.name]
        for start in range(0, len(raws), 500):
            await receiver.take_in(raws[start : start + 500])

    async def handled(self) -> None:
        while (batch := await self._running.app.dispatcher.step()).handled or batch.more:
            pass


def configured(folder: Path, database: str) -> Path:
    config = folder / "config.toml"
    config.write_text(
        f"""
[database]
url = "{database}"
[security]
key_file = "{folder}/keys"
[files]
folder = "{folder}/files"
[web]
enabled = false
""",
        "utf-8",
    )
    return config


async def prepare(folder: Path, database: str, *, chats: int, events: int) -> None:
    """An office with a case of every resident and some officials, and what all of them say next, held back.

    Half of it changes a case: the residents add to their own ones, and the officials write notes into the same.
    """
    channel = SilentChannel()
    settings = read_settings(configured(folder, database))
    running = await start_office(
        settings, extra=[(channel, Message("Nothing leaves this machine."))], parts=frozenset({Part.TICK})
    )
    load = Load(running, channel)
    residents = [f"r{number}" for number in range(chats)]
    officials = [f"o{number}" for number in range(OFFICIALS)]
    for words in ("/start", "好", "/request 幸福里3号楼2单元的灯坏了", "登记"):
        await load.feed([load.says(chat, words) for chat in residents])
        await load.handled()
    for chat in officials:
        code = await running.app.store.writer.submit(
            lambda tx: running.app.office(tx).people.invite(Role.SUPERVISOR, None)
        )
        await load.feed([load.says(chat, f"/start {code}")])
        await load.handled()
    numbers = _numbers(settings, running.app.store.keys)
    assert len(numbers) == chats
    for place, number in enumerate(numbers):
        await load.feed([load.says(officials[place % OFFICIALS], f"/take {number}")])
    await load.handled()
    raws = []
    for turn in range(events // (chats + OFFICIALS)):
        for chat, number in zip(residents, numbers, strict=True):
            raws.append(load.says(chat, f"/add {number} {ADDED.format(turn)}" if turn % 2 else "/policy"))
        for place, chat in enumerate(officials):
            raws.append(load.says(chat, f"/note {numbers[(turn + place) % chats]} 看过{turn}"))
    await _held_back(running, load, raws)
    await stop_office(running)


async def _held_back(running: Running, load: Load, raws: list[Raw]) -> None:
    await load.feed(raws)
    hold = update(inbox).where(inbox.c.state == "new").values(state=HELD)
    await running.app.store.writer.submit(lambda tx: tx.flushed().execute(hold))


def _numbers(settings: Settings, keys: Keys) -> list[str]:
    """The case number of each resident, in the order in which they came."""
    with _reading(settings) as connection:
        owed = connection.execute(select(outbox.c.body).where(outbox.c.body.is_not(None)).order_by(outbox.c.id))
        texts = [str(_screen(keys.content.open(row.body, OUTBOX)).text) for row in owed]
    return [found[1] for text in texts if (found := NUMBER.search(text))]


async def drained(folder: Path, database: str, processes: int) -> Outcome:
    """Starts the dispatchers, lets the load go, and waits until all of it is handled."""
    config = configured(folder, database)
    settings = read_settings(config)
    hands = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.proof.hand", str(config), "dispatch",
                                             stdout=asyncio.subprocess.PIPE) for _hand in range(processes)
    ]  # fmt: skip
    alive.extend(hands)
    for hand in hands:
        assert await hand.stdout.readline() == b"ready\n"  # type: ignore[union-attr]  # it is a pipe
    with _reading(settings) as connection:
        connection.execute(update(inbox).where(inbox.c.state == HELD).values(state="new"))
        connection.commit()
        began = time.perf_counter()
        waiting = select(func.count()).select_from(inbox).where(inbox.c.state == "new")
        async with asyncio.timeout(PATIENCE):
            while connection.execute(waiting).scalar_one():
                connection.rollback()
                await asyncio.sleep(0.05)
        seconds = time.perf_counter() - began
        told = []
        for hand in hands:
            hand.terminate()
            said = await hand.stdout.read()  # type: ignore[union-attr]  # it is a pipe
            told.append(Told(*map(int, said.split())))
            assert await hand.wait() == 0
        connection.rollback()
        deadlocks = connection.exec_driver_sql(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).scalar_one()
    return Outcome(seconds, told, int(deadlocks))


def judged(folder: Path, database: str, outcome: Outcome, *, events: int) -> list[Figure]:
    """What the rows say afterwards."""
    settings = read_settings(configured(folder, database))
    keys = read_keys(settings.security.key_file)
    with _reading(settings) as connection:
        handled = connection.execute(select(inbox.c.state, inbox.c.tries)).all()
        answered = select(outbox.c.address, outbox.c.key).where(outbox.c.key.like("event:%")).order_by(outbox.c.id)
        answers = [(row.address, row.key) for row in connection.execute(answered)]
        said = connection.execute(select(entry.c.case, entry.c.words).order_by(entry.c.case, entry.c.id)).all()
        links = connection.execute(select(case_event.c.case, func.count(), func.max(case_event.c.number))
                                   .group_by(case_event.c.case)).all()  # fmt: skip
    entries: dict[int, list[str]] = defaultdict(list)
    for row in said:
        entries[row.case].append(keys.content.open(row.words, ENTRY).decode())
    turns = [[int(word[1:-1]) for word in words if re.fullmatch(r"第\d+句", word)] for words in entries.values()]
    notes = Counter((case, word) for case, words in entries.items() for word in words if word.startswith("看过"))
    again = 100 * sum(told.contended for told in outcome.processes) / sum(told.batches for told in outcome.processes)
    busy = sum(told.handled > 0 for told in outcome.processes)
    return [
        at_least("P4", "events handled", sum(row.state == "done" for row in handled), events),
        exactly("P4", "events that failed a try", sum(row.tries > 0 for row in handled), 0),
        exactly("P4", "answers out of their chat's order", _disordered(answers), 0),
        exactly("P4", "additions lost, doubled or out of order",
                sum(found != list(range(1, 2 * len(found), 2)) for found in turns)
                + (len({len(found) for found in turns}) != 1), 0),
        exactly("P4", "notes written twice", sum(count > 1 for count in notes.values()), 0),
        exactly("P4", "chains with a gap", sum(row[1] != row[2] for row in links), 0),
        exactly("P4", "dispatchers that had a share", busy, len(outcome.processes)),
        exactly("P4", "deadlocks", outcome.deadlocks, 0),
        at_most("P4", "batches begun anew, of a hundred", round(again, 1), 10),
    ]  # fmt: skip


def _disordered(answers: list[tuple[int, str]]) -> int:
    """Answers that stand before one to an earlier update of the same chat."""
    last: dict[int, int] = {}
    wrong = 0
    for address, key in answers:
        cause = int(key.split(":")[1])
        wrong += cause < last.get(address, 0)
        last[address] = max(cause, last.get(address, 0))
    return wrong


@contextmanager
def _reading(settings: Settings) -> Iterator[Connection]:
    engine = create_engine(read_url(settings.database.url))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


async def prove(folder: Path, database: str, *, chats: int, events: int, processes: int) -> list[Figure]:
    await prepare(folder, database, chats=chats, events=events)
    outcome = await drained(folder, database, processes)
    return judged(folder, database, outcome, events=events)
