"""K17: a newer program dies again and again while it changes the database: all or nothing, and nothing is lost."""

import asyncio
import random
import sys
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import create_engine, func, inspect, select, text

from bot.config import Settings, read_settings
from bot.database import open_store
from bot.errors import ConfigError
from bot.house import read_house
from bot.keeping import verify
from bot.office.cases.model import Kind
from bot.office.cases.service import Matter
from bot.office.office import Office
from bot.outside import Outside
from bot.running import start_office, stop_office
from bot.store import upgrade
from bot.store.engine import read_url
from bot.store.schema import metadata
from bot.store.transaction import Transaction
from bot.store.upgrade import bring_up
from tests.fakebotapi import FakeBotApi
from tests.proof import newer
from tests.proof.figure import Figure, at_most, exactly
from tests.proof.outside import PATIENCE, configured, started, stopped, until

AT_ONCE = 500


async def prove(folder: Path, *, cases: int, kills: int, seed: int = 1, database: str = "") -> list[Figure]:
    """Open cases, deaths at the copy and at every step of the migration, then a start that succeeds."""
    chance = random.Random(seed)
    async with FakeBotApi(limits=False) as api:
        config = configured(folder, api, database=database)
        settings = read_settings(config)
        await asyncio.to_thread(_fill, settings, cases)
        await stop_office(await start_office(settings))
        before = _counts(settings)
        migrations = newer.make(folder / "migrations")
        steps = ["copy", *map(str, range(newer.STEPS))] if not database else [*map(str, range(newer.STEPS))]
        changed = survived = 0
        for number in range(kills):
            step = steps[number % len(steps)] if number < len(steps) else chance.choice(steps)
            survived += await _runs(config, migrations, step) >= 0
            changed += _counts(settings) != before or _is_new(settings)
            changed += bring_up(read_url(settings.database.url), Outside().clock.now())
        copies = len(list(folder.glob("*.backup")))  # noqa: ASYNC240 - nobody else is waiting
        started_again = await _starts(config, folder, migrations)
        return [
            exactly("K17", "deaths that did not happen", survived, 0),
            exactly("K17", "deaths that left something changed", changed, 0),
            at_most("K17", "copies of the database left behind", copies, upgrade.COPIES),
            exactly("K17", "starts of the newer program that failed afterwards", int(not started_again), 0),
            exactly("K17", "cases that the migration did not reach", cases - _reached(settings), 0),
            exactly("K17", "rows lost", _lost(before, _counts(settings)), 0),
            exactly("K17", "older programs that were not refused", int(not _refused(settings)), 0),
            exactly("K17", "faults in the database", len(verify(settings, None)), 0),
        ]


async def _runs(config: Path, migrations: Path, step: str) -> int:
    """How the newer program ended; 0 or more: it was not killed."""
    process = await started(sys.executable, "-m", "tests.proof.newer", config, migrations, step)
    return await asyncio.wait_for(process.wait(), PATIENCE)


async def _starts(config: Path, folder: Path, migrations: Path) -> bool:
    log = folder / "log"
    process = await started(sys.executable, "-m", "tests.proof.newer", config, migrations, "never", log=log)
    await until(lambda: process.returncode is not None or "ready" in log.read_text("utf-8"))
    if process.returncode is not None:
        return False
    await stopped(process)
    return process.returncode == 0


def _fill(settings: Settings, cases: int) -> None:
    """Open cases, as the office itself registers them."""
    outside = Outside()
    store = open_store(settings, outside)
    house = read_house(settings, store.keys, outside, {})

    def register(tx: Transaction) -> None:
        office = Office(tx, house)
        for number in range(AT_ONCE):
            by = office.people.meet("telegram:123456", str(number))
            office.cases.register(Matter(kind=Kind.HELP, words="楼道灯坏了"), by=by, said_at=tx.now)
        office.told()

    try:
        for _batch in range(cases // AT_ONCE):
            store.writer.run(register)
    finally:
        store.close()


def _counts(settings: Settings) -> dict[str, int]:
    """Rows by table; of timers and facts, which change with every start, none."""
    engine = create_engine(read_url(settings.database.url))
    try:
        with engine.connect() as connection:
            wanted = [table for table in metadata.sorted_tables if table.name not in ("timer", "fact")]
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in wanted
            }
    finally:
        engine.dispose()


def _is_new(settings: Settings) -> bool:
    engine = create_engine(read_url(settings.database.url))
    try:
        return "case_seen" in inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _reached(settings: Settings) -> int:
    engine = create_engine(read_url(settings.database.url))
    both = 'SELECT count(*) FROM "case" JOIN case_seen ON case_seen.id = "case".id WHERE seen = 1'
    try:
        with engine.connect() as connection:
            return int(connection.execute(text(both)).scalar_one())
    finally:
        engine.dispose()


def _lost(before: Mapping[str, int], after: Mapping[str, int]) -> int:
    return sum(max(0, count - after[name]) for name, count in before.items())


def _refused(settings: Settings) -> bool:
    """Whether the older program, which this is, says in words that the database is a newer one's."""
    try:
        bring_up(read_url(settings.database.url), Outside().clock.now())
    except ConfigError as error:
        return "newer version" in str(error)
    return False
