"""K8: a notice to many, and kill -9 again and again while it is written down and goes out."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import func, select

from bot.clock import SystemClock
from bot.config import Settings, read_settings
from bot.database import open_store
from bot.house import read_house
from bot.office.notices.model import WAIT, Audience
from bot.office.notices.sending import Carriers
from bot.office.notices.tables import delivery, notice
from bot.office.office import Office
from bot.office.people.model import Role
from bot.outside import Outside
from bot.store.queues import outbox
from bot.store.transaction import Transaction
from tests.fakebotapi import FakeBotApi
from tests.fakebotapi.journal import Entry
from tests.fakebotapi.people import Person
from tests.proof.figure import Figure, at_most, exactly
from tests.proof.outgoing import HELD, IN_FLIGHT
from tests.proof.outside import changed, configured, rows, stopped, until, victim

LETTER = "台风明早7点前后影响我街道。今晚别去河边，阳台花盆收进屋。"
ENDED = frozenset(("sent", "uncertain"))


class Ago:
    """Behind the real time by so much: what waits a minute has waited for most of it."""

    def __init__(self, span: timedelta) -> None:
        self._span = span
        self._clock = SystemClock()

    def now(self) -> datetime:
        return self._clock.now() - self._span


def agreed(settings: Settings, api: FakeBotApi, crowd: Sequence[Person], *, starts_in: timedelta = WAIT) -> None:
    """Everybody wants to be written to; a notice to all is agreed to and starts soon. Two of them are officials."""
    outside = Outside(clock=Ago(WAIT - starts_in))
    store = open_store(settings, outside)
    channel = f"telegram:{api.token.split(':', maxsplit=1)[0]}"
    house = replace(read_house(settings, store.keys, outside, {}), carriers=Carriers({channel: 28}))

    def meet(tx: Transaction, people: Sequence[Person]) -> None:
        office = Office(tx, house)
        for person in people:
            office.people.agree(office.people.meet(channel, str(person.id), "zh-hans"))

    try:
        for start in range(0, len(crowd), 500):
            store.writer.run(partial(meet, people=crowd[start : start + 500]))
        store.writer.run(lambda tx: _approve(tx, Office(tx, house), channel, crowd))
    finally:
        store.close()


def _approve(tx: Transaction, office: Office, channel: str, crowd: Sequence[Person]) -> None:
    for person, role in ((crowd[0], Role.HEAD), (crowd[1], Role.APPROVER)):
        office.people.join(office.people.invite(role, None), office.people.meet(channel, str(person.id)))
    head, approver = (office.people.meet(channel, str(person.id)) for person in crowd[:2])
    notices = office.notices
    notice = notices.draft(LETTER, by=head)
    notices.set_urgent(notice.id, True, by=head)
    notices.set_reader(notice.id, head.id, by=head)
    notices.choose(notice.id, Audience(whole=True), by=head)
    asked, _approvers = notices.ask(notice.id, by=head)
    assert asked.count == len(crowd)
    notices.approve(asked.id, asked.mark, asked.count, by=approver)
    office.told()


def is_letter(entry: Entry) -> bool:
    """As a resident gets it; its author and whoever agrees see the same words in a preview."""
    text = str(entry.parameters.get("text", ""))
    return text.startswith("【紧急】") and LETTER in text


async def prove(folder: Path, *, people: int, kills: int, seed: int = 1) -> list[Figure]:
    """What arrived is counted at the server: nobody twice, and who got nothing is listed."""
    chance = random.Random(seed)
    async with FakeBotApi(limits=False) as api:
        config = configured(folder, api)
        settings = read_settings(config)
        crowd = api.crowd(people)
        agreed(settings, api, crowd, starts_in=timedelta(seconds=1))
        api.faults.add("latency", method="sendMessage", times=None, seconds=HELD)
        deaths = 0
        for _round in range(kills):
            deaths += await _dies(config, settings, chance)
        api.faults.clear()
        process = await victim(config)
        while (status := _status(settings)) != "sent":
            await changed(lambda: (_status(settings), _ledger(settings)), (status, _ledger(settings)))
        await stopped(process)
        return _figures(api, settings, crowd, deaths)


async def _dies(config: Path, settings: Settings, chance: random.Random) -> int:
    """One run that is killed at a random moment after something has changed; 0 where everything had gone out before."""
    if _status(settings) == "sent":
        return 0
    before = _ledger(settings)
    process = await victim(config)
    await until(lambda: _ledger(settings) != before)
    await asyncio.sleep(chance.uniform(0.0, 0.4))
    process.kill()
    await process.wait()
    return 1


def _ledger(settings: Settings) -> dict[str, int]:
    """How many messages of the notice stand how."""
    counted = select(delivery.c.state, func.count().label("messages")).group_by(delivery.c.state)
    return {row.state: row.messages for row in rows(settings, counted)}


def _status(settings: Settings) -> str:
    return str(rows(settings, select(notice.c.status))[0][0])


def _figures(api: FakeBotApi, settings: Settings, crowd: Sequence[Person], deaths: int) -> list[Figure]:
    arrived = Counter(str(entry.chat) for entry in api.journal.sent() if is_letter(entry))
    ledger = _ledger(settings)
    uncertain = ledger.get("uncertain", 0)
    differs = select(func.count()).join_from(delivery, outbox, outbox.c.id == delivery.c.id).where(
        outbox.c.state != delivery.c.state
    )  # fmt: skip
    missing = sum(str(person.id) not in arrived for person in crowd)
    return [
        Figure("K8", "kills", deaths, "counted", deaths > 0),
        exactly("K8", "people who got it twice", sum(count > 1 for count in arrived.values()), 0),
        exactly("K8", "people without a row, or with more than one", abs(len(crowd) - sum(ledger.values())), 0),
        exactly("K8", "rows neither sent nor uncertain", sum(ledger[state] for state in ledger.keys() - ENDED), 0),
        exactly("K8", "rows that say other than the outbox", rows(settings, differs)[0][0], 0),
        at_most("K8", "people who got nothing and are not listed", missing - uncertain, 0),
        at_most("K8", "rows uncertain", uncertain, IN_FLIGHT * deaths),
    ]
