"""K10: timers due while the office's own processes are killed and stand still: each speaks to its person once."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import create_engine, func, select, text

from bot.config import Settings, read_settings
from bot.database import open_store
from bot.house import read_house
from bot.office.office import Office
from bot.outside import Outside
from bot.store import queues
from bot.store.engine import read_url
from bot.store.queues import conversation, inserting_new, outbox, timer
from bot.store.transaction import Transaction
from tests.fakebotapi import FakeBotApi, Person
from tests.proof.crew import Crew
from tests.proof.figure import Figure, at_least, at_most, exactly, within
from tests.proof.outgoing import IN_FLIGHT
from tests.proof.outside import HUIYIN, changed, configured, rows
from tests.proof.timers import FROZEN, LATE, LATEST

KIND = "held.told"  # says one sentence whenever it fires, by day and by night, whatever was said before
REPEAT = "重发"
PATIENCE = 180.0  # seconds without a change: what may have arrived waits for one minute of them
_LANES = inserting_new(conversation, ["id", "state", "changed_at"], ["id"])
_FIRINGS = """
    CREATE TABLE firing (timer bigint);
    CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO firing VALUES (NEW.id); RETURN NULL; END $$;
    CREATE TRIGGER noted AFTER UPDATE ON timer FOR EACH ROW WHEN (NEW.state = 'fired') EXECUTE FUNCTION noted();
"""


async def prove(
    folder: Path, database: str, *, people: int, dispatchers: int, span: float, kills: int, stops: int,
    immortal: str = "", seed: int = 1,
) -> list[Figure]:  # fmt: skip
    """A timer for each person, all due within `span` seconds; deaths and standstills of all parts but the immortal."""
    chance = random.Random(seed)
    async with FakeBotApi(limits=False) as api:
        config = configured(folder, api, database=database)
        settings, everybody = read_settings(config), api.crowd(people)
        parts = [*["dispatch"] * dispatchers, "send", "tick"]
        mortal = [place for place, part in enumerate(parts) if part != immortal]
        crew = Crew([(HUIYIN, "run", "--config", config, "--only", part) for part in parts], folder, "At work")
        await crew.come()
        await asyncio.to_thread(_arm, settings, f"telegram:{api.account.id}", everybody, span)
        began = time.monotonic()
        for at, is_death in sorted((chance.uniform(0, span), number < kills) for number in range(kills + stops)):
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            if is_death:
                await crew.loses(chance.choice(mortal))
            else:
                crew.freezes(chance.choice(mortal), chance.uniform(*FROZEN))
        while (before := _left(settings)) != (0, 0):
            await changed(lambda: _left(settings), before)
        await crew.go()
    deaths = 0 if immortal == "send" else kills
    return [*_fired(settings, people), *_arrived(settings, everybody, deaths)]


def _arm(settings: Settings, channel: str, crowd: Sequence[Person], span: float) -> None:
    """People whom the bot has met, a timer for each, and a note of the server's own for each firing."""
    engine = create_engine(read_url(settings.database.url))
    with engine.begin() as connection:
        connection.execute(text(_FIRINGS))
    engine.dispose()
    outside = Outside()
    store = open_store(settings, outside)
    house = read_house(settings, store.keys, outside, {})
    first = datetime.now(UTC) + timedelta(seconds=1)

    def arm(tx: Transaction, start: int) -> None:
        people = Office(tx, house).people
        for number, person in enumerate(crowd[start : start + 500], start):
            people.meet(channel, str(person.id), "zh-hans")
            lane = people.lane(channel, str(person.id))
            _LANES.run(tx.flushed(), {"id": lane, "state": None, "changed_at": None})
            due_at = first + timedelta(seconds=span * number / len(crowd))
            queues.arm(tx, id=house.means.ids(), key=f"proof:{number}", kind=KIND, due_at=due_at, lane=lane)

    try:
        for start in range(0, len(crowd), 500):
            store.writer.run(partial(arm, start=start))
    finally:
        store.close()


_ARMED = select(func.count()).select_from(timer).where(timer.c.kind == KIND, timer.c.state == "armed")
_OWED = select(func.count()).select_from(outbox).where(outbox.c.state.in_(("queued", "sending")))


def _left(settings: Settings) -> tuple[int, int]:
    """Timers that have not fired, and messages that are neither sent nor given up."""
    return rows(settings, _ARMED)[0][0], rows(settings, _OWED)[0][0]


def _fired(settings: Settings, people: int) -> list[Figure]:
    found = select(timer.c.id, timer.c.due_at, timer.c.tries, timer.c.state).where(timer.c.kind == KIND)
    timers = {row.id: row for row in rows(settings, found)}
    firings = Counter(row.timer for row in rows(settings, text("SELECT timer FROM firing")) if row.timer in timers)
    owed = rows(settings, select(outbox.c.key, outbox.c.created_at).where(outbox.c.key.like("timer:%")))
    spoke = [(timers[id], row.created_at) for row in owed if (id := int(row.key.split(":")[1])) in timers]
    late = sorted((at - row.due_at).total_seconds() for row, at in spoke)
    return [
        at_least("K10", "timers in the real processes", len(timers), people),
        exactly("K10", "of them never fired", sum(not firings[id] for id in timers), 0),
        exactly("K10", "of them fired twice", sum(times > 1 for times in firings.values()), 0),
        exactly("K10", "of them without their message, or with two", abs(len(spoke) - len(timers)), 0),
        exactly("K10", "of them blamed for a death", sum(row.tries > 0 for row in timers.values()), 0),
        within("K10", "seconds late, 99 of 100, real processes", late[len(late) * 99 // 100 - 1], LATE),
        within("K10", "seconds late, the latest, real processes", late[-1], LATEST),
    ]


def _arrived(settings: Settings, crowd: Sequence[Person], deaths: int) -> list[Figure]:
    """At the platform; with a dead sender what may have arrived comes again, and says so, or is listed."""
    listed = rows(settings, select(func.count()).select_from(outbox).where(outbox.c.state == "uncertain"))[0][0]
    unmarked = [sum(REPEAT not in message.text for message in person.received) for person in crowd]
    missing = sum(not person.received for person in crowd)
    return [
        at_most("K10", "people who heard nothing and are not listed", missing - listed, 0),
        exactly("K10", "people who heard it twice without its mark", sum(count > 1 for count in unmarked), 0),
        at_most("K10", "messages that arrived again", sum(len(person.received) > 1 for person in crowd),
                IN_FLIGHT * deaths),
    ]  # fmt: skip
