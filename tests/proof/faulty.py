"""K4: everything that can go wrong between us and the Bot API, under each policy of a message."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import select

from bot.channels.telegram.transport import Transport
from bot.config import Settings, read_settings
from bot.delivery import ledger, sender
from bot.running import Running
from bot.store import sending
from bot.store.queues import Policy, outbox
from bot.store.transaction import Transaction
from tests.fakebotapi import FakeBotApi, Person
from tests.fakebotapi.faults import Fault
from tests.proof.figure import Figure, exactly
from tests.proof.inside import office, owe_group, owe_people
from tests.proof.outside import PATIENCE, configured, rows, until

HOUR = 3600.0
READ = 7.0  # seconds for an answer: a proof does not wait twenty, and a latency of five is no fault


@dataclass(frozen=True)
class Row:
    """What becomes of a message that is held rather than sent twice, and how often it arrives.

    The Bot API's own words mean "not sent"; what broke on the way may have arrived.
    """

    fault: Fault
    end: str
    arrives: int
    how: Mapping[str, Any] = field(default_factory=dict)

    def under(self, policy: Policy) -> tuple[str, int]:
        again = policy is Policy.RESEND and self.end == "uncertain"
        return ("sent", self.arrives + 1) if again else (self.end, self.arrives)


TABLE = (
    Row(Fault.RESET_BEFORE, "uncertain", 0),
    Row(Fault.RESET_AFTER, "uncertain", 1),
    Row(Fault.HANG, "uncertain", 0),
    Row(Fault.HANG, "uncertain", 1, {"after": True}),
    Row(Fault.HALF, "uncertain", 1),
    Row(Fault.BAD_GATEWAY, "uncertain", 0),
    Row(Fault.BAD_GATEWAY, "uncertain", 1, {"after": True}),
    Row(Fault.SERVER_ERROR, "uncertain", 0),
    Row(Fault.SERVER_ERROR, "uncertain", 1, {"after": True}),
    Row(Fault.BAD_JSON, "uncertain", 1),
    Row(Fault.FLOOD, "sent", 1),
    Row(Fault.UNAUTHORIZED, "sent", 1),
    Row(Fault.FORBIDDEN, "failed", 0),
    Row(Fault.NOT_FOUND, "sent", 1),
    Row(Fault.CONFLICT, "sent", 1),
    Row(Fault.LATENCY, "sent", 1, {"seconds": 5.0}),
)


async def prove(folder: Path) -> list[Figure]:
    """One message for each fault under each policy; its end, and how often it arrived, against the table."""
    figures = []
    with (
        mock.patch.object(sending, "RESEND_AFTER", timedelta(seconds=1)),
        mock.patch.object(sender, "DOWN_PAUSE", timedelta(seconds=1)),
        mock.patch.object(ledger, "DOWN_PAUSE", timedelta(seconds=1)),
        mock.patch.dict(Transport.__init__.__kwdefaults__, read=READ),
    ):
        for policy in (Policy.HOLD, Policy.RESEND):
            house, other = folder / policy, folder / f"{policy}-moved"
            house.mkdir()
            other.mkdir()
            ends, arrived, refused = await _under(house, policy)
            wrong = [row for place, row in enumerate(TABLE) if (ends[place], arrived[place]) != row.under(policy)]
            figures.append(exactly("K4", f"faults that ended otherwise than the table, {policy}", len(wrong), 0))
            figures.append(
                exactly("K4", f"messages that did not arrive once when nobody listened, {policy}", refused, 0)
            )
            if policy is Policy.HOLD:
                doubled = sum(count > 1 for count in arrived.values())
                figures.append(exactly("K4", f"messages that arrived twice, {policy}", doubled, 0))
            moved, early = await _moved(other, policy)
            figures.append(
                exactly("K4", f"messages that did not wait for an hour as they were told, {policy}", early, 0)
            )
            figures.append(exactly("K4", f"messages that did not follow a group that moved, {policy}", moved, 0))
    return figures


async def _under(folder: Path, policy: Policy) -> tuple[dict[int, str], Counter[int], int]:
    """By the row of the table: how its message ended, how often it arrived; and what went wrong with nobody there."""
    async with FakeBotApi(limits=False) as api:
        people = api.crowd(len(TABLE))
        settings = read_settings(configured(folder, api))
        async with office(folder, api) as running:
            for person in people:
                await _comes(person)
            for row, person in zip(TABLE, people, strict=True):
                api.faults.add(row.fault, method="sendMessage", chat=person.id, **row.how)
            words = [f"第{place}号故障。" for place in range(len(TABLE))]
            await _owed(running, lambda tx: owe_people(tx, running.app.store, policy, words))
            await until(lambda: _ends(settings).keys() == set(words))
            ends = {place: _ends(settings)[word] for place, word in enumerate(words)}
            api.faults.clear()

            api.faults.add(Fault.REFUSE)
            unheard = [f"没人听{place}。" for place in range(len(TABLE))]
            await _owed(running, lambda tx: owe_people(tx, running.app.store, policy, unheard))
            tried = select(outbox.c.id).where(outbox.c.key.like("proof:没人听%"), outbox.c.cause.is_not(None))
            await until(lambda: bool(rows(settings, tried)))
            api.faults.clear()
            await until(lambda: _ends(settings).keys() >= set(unheard))
        arrived = Counter[int]()
        refused = 0
        for place, person in enumerate(people):
            texts = [message.text or "" for message in person.received]
            arrived[place] = sum(words[place] in text for text in texts)
            refused += sum(unheard[place] in text for text in texts) != 1
        return ends, arrived, refused


async def _moved(folder: Path, policy: Policy) -> tuple[int, int]:
    """A group becomes a supergroup, and the first that is heard of it is the refusal; another chat must wait an hour.

    Apart from the others: after a flood in two chats within ten seconds all of them wait.
    """
    async with FakeBotApi(limits=False) as api:
        settings = read_settings(configured(folder, api))
        async with office(folder, api) as running:
            root = api.person("管理员")
            _lines, code = await running.invite("administrator", None)
            root.starts(code)
            await root.sees("工作人员", timeout=PATIENCE, ever=True)
            old = api.group("幸福里工作群", "group", bot="left")
            old.add_bot(root)
            await old.sees("/register", timeout=PATIENCE)
            root.says("/register@huiyin_bot", into=old)
            await old.sees("哪里的新件", timeout=PATIENCE)
            root.presses("幸福里社区", into=old)
            await old.sees("登记好了", timeout=PATIENCE)
            new = api.group("幸福里工作群", "supergroup")
            api.faults.add(Fault.MIGRATE, method="sendMessage", chat=old.id, migrate_to=new.id)
            api.faults.add(Fault.FLOOD, method="sendMessage", chat=root.id, seconds=HOUR)
            words = ["给管理员的。", "给工作群的。"]
            await _owed(running, lambda tx: owe_people(tx, running.app.store, policy, words[:1]))
            await _owed(running, lambda tx: owe_group(tx, running.app.store, policy, words[1]))
            await until(lambda: _ends(settings).keys() == {words[1]} and _put_off(settings, words[0]))
        there, here = ([words[1] in (message.text or "") for message in group.received] for group in (new, old))
        early = sum(words[0] in (message.text or "") for message in root.received)
        return abs(sum(there) - 1) + sum(here), early


async def _comes(person: Person) -> None:
    person.starts()
    await until(lambda: bool(person.received))


async def _owed(running: Running, owe: Callable[[Transaction], None]) -> None:
    await running.app.store.writer.submit(owe)
    for found in running.app.senders.values():
        found.bell.ring()


def _put_off(settings: Settings, word: str) -> bool:
    """Whether it is queued for as long as it was told to wait."""
    found = select(outbox.c.state, outbox.c.not_before).where(outbox.c.key == f"proof:{word}")
    (row,) = rows(settings, found)
    return bool(row.state == "queued" and row.not_before > datetime.now(UTC) + timedelta(seconds=HOUR / 2))


def _ends(settings: Settings) -> dict[str, str]:
    """The state in which each row ended, by its words."""
    found = select(outbox.c.key, outbox.c.state).where(
        outbox.c.key.like("proof:%"), outbox.c.state.not_in(("queued", "sending"))
    )
    return {row.key.removeprefix("proof:"): row.state for row in rows(settings, found)}
