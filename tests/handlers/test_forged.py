"""Presses that nobody was shown: random, flipped by bits, somebody else's, many at once (threat T3)."""

import random
from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy import select

from bot.delivery.channel import Raw
from bot.dialogue.event import Event, Pressed, Who
from bot.dialogue.screen import MAX_ACTION_BYTES
from bot.office.cases.tables import assignment, case, case_event, case_party, case_round, entry
from bot.office.groups.records import staff_group
from bot.office.notices.tables import delivery, notice
from bot.office.people.model import Role
from bot.office.people.records import invite, role_grant
from bot.store.transaction import Transaction
from tests.handlers.notices import asked
from tests.handlers.talks import registered
from tests.rig import Someone, Town

FORGED = 40  # of each kind, by each of those who try; `python -m tests.proof T3` tries 100,000
STRANGERS, OTHERS = 20, 5
OWN = ("forget.", "mydata", "tidy.")  # deleting what is one's own is not forged, and takes its time
OF_CASES = (case_event, case_party, entry, assignment, case_round)
WHOLE = (role_grant, invite, notice, delivery, staff_group)


def cases_in(tx: Transaction) -> list[int]:
    return list(tx.read(select(case.c.id)).scalars())


def state_of(tx: Transaction, cases: list[int]) -> dict[str, list[str]]:
    """What no stranger may change, to the last value: these cases with all that belongs to them, roles, notices."""
    statements = {
        "case": select(case).where(case.c.id.in_(cases)),
        **{table.name: select(table).where(table.c.case.in_(cases)) for table in OF_CASES},
        **{table.name: select(table) for table in WHOLE},
    }
    connection = tx.flushed()
    return {name: sorted(map(repr, connection.execute(found))) for name, found in statements.items()}


def flipped(action: str, chance: random.Random) -> str:
    """One bit of it, anywhere."""
    data = bytearray(action.encode())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data.decode("utf-8", "replace")


def random_press(names: list[str], numbers: list[str], chance: random.Random) -> str:
    """Names that exist with arguments made up, or nothing but noise."""
    if chance.random() < 0.3:
        return "".join(chr(chance.randrange(1, 0x3000)) for _ in range(chance.randrange(1, 64)))
    parts = [chance.choice(names)]
    parts += [chance.choice([*numbers, str(chance.getrandbits(62)), "x", "", "-1"]) for _ in range(chance.randrange(4))]
    return ":".join(parts) + chance.choice(["", "~1", "~99999", f"~{chance.randrange(9)}", "~x"])


def forged(town: Town, seen: list[str], numbers: list[str], count: int, chance: random.Random) -> Iterator[str]:
    router = town.app.router
    names = [*(name for name in router.actions if not name.startswith(OWN)), *router.group_actions, *router.commands,
             "form.submit", "form.cancel", "form.back"]  # fmt: skip
    for _time in range(count):
        yield random_press(names, numbers, chance)
        yield flipped(chance.choice(seen), chance)
        yield chance.choice(seen)  # somebody else's very own button


async def presses_all(town: Town, people: list[Someone], actions: Iterator[str]) -> int:
    """Hands them in, everybody in turn; how many."""
    receiver, now, raws = town.app.receivers[town.channel.name], town.clock.now(), []
    start = len(town.people)
    for count, action in enumerate(actions, start):
        who = people[count % len(people)]
        event = Event(Pressed(action, f"p{count}"), now, Who(who.chat, who.chat, "zh_CN"), f"m{count % 7}")
        raws.append(Raw(f"{action}-{count}", who.chat, msgspec.msgpack.encode(event), now))
    for first in range(0, len(raws), 500):
        await receiver.take_in(raws[first : first + 500])
        await town.settle()
    return len(raws)


async def busy_office(town: Town) -> tuple[list[str], list[str]]:
    """Cases of two kinds, a notice that waits for agreement, a role asked for: every button shown, every number."""
    clerk = await town.official("clerk", Role.HANDLER, "xingfuli")
    chen, li = await town.official("chen", Role.HEAD), await town.official("li", Role.APPROVER)
    admin, second = await town.official("root", Role.ADMINISTRATOR), await town.official("two", Role.ADMINISTRATOR)
    supervisor = await town.official("super", Role.SUPERVISOR)
    wang, number = await registered(town)
    await wang.says("/complain 窗口的工作人员刘某，办居住证收了我200块钱")
    await wang.presses("保密，能传话")
    await wang.presses("交上去")
    sealed = wang.number()
    await clerk.says(f"/take {number}")
    await clerk.says(f"/answer {number} 修好了")
    await asked(town, chen)
    await admin.says("/invite")
    for person in (clerk, chen, li, admin, second, supervisor, wang):
        for words in ("待办", "超期", f"/case {number}", f"/case {sealed}", "/roles", "/groups", "/notices", "我的事"):
            await person.says(words)
    shown = {
        button.action
        for person in (clerk, chen, li, admin, second, supervisor, wang)
        for heard in person.heard
        for button in heard.screen.buttons
        if button.action
    }
    assert all(len(action.encode()) <= MAX_ACTION_BYTES for action in shown)
    return sorted(shown), [number, sealed]


async def attacked(town: Town, count: int) -> tuple[int, list[str]]:
    """Residents without a case and officials of another department press all they can; what that changed."""
    seen, numbers = await busy_office(town)
    strangers = [town.resident(f"stranger{number}") for number in range(STRANGERS)]
    for stranger in strangers:
        await stranger.opens()
        await stranger.says("好")
    others = [await town.official(f"other{number}", Role.HANDLER, "medical-desk") for number in range(OTHERS)]
    cases = await town.store.writer.submit(cases_in)
    before = await town.store.writer.submit(lambda tx: state_of(tx, cases))
    chance, pressed, changed = random.Random(3), 0, []
    for people in (strangers, others):
        pressed += await presses_all(town, people, forged(town, seen, numbers, count * len(people), chance))
        after = await town.store.writer.submit(lambda tx: state_of(tx, cases))
        changed += [f"{people[0].chat}: {name}" for name in before if before[name] != after[name]]
    heard = "\n".join(words.text for who in (*strangers, *others) for words in who.heard)
    changed += [f"shown: {secret}" for secret in ("刘某", "200块钱", *numbers) if secret in heard]
    return pressed, changed


@pytest.mark.slow
async def test_presses_that_were_never_shown_change_nothing_and_show_nothing(town: Town) -> None:
    count = FORGED // 4 if town.url.startswith("postgres") else FORGED
    pressed, changed = await attacked(town, count)
    assert pressed == 3 * count * (STRANGERS + OTHERS)
    assert changed == []


async def test_fifty_presses_of_one_button_at_once_act_once(town: Town) -> None:
    clerk = await town.official()
    _resident, number = await registered(town)
    cases = await town.store.writer.submit(cases_in)
    await presses_all(town, [clerk], iter([f"case.take:{number}"]))
    once = await town.store.writer.submit(lambda tx: state_of(tx, cases))
    assert len(once["assignment"]) == 1
    await presses_all(town, [clerk], (f"case.take:{number}:{again}" for again in range(50)))
    await presses_all(town, [clerk], (f"case.take:{number}~{again}" for again in range(50)))
    assert await town.store.writer.submit(lambda tx: state_of(tx, cases)) == once


TOO_LARGE = "9" * 30


@pytest.mark.parametrize("role", [None, Role.HEAD, Role.SUPERVISOR, Role.ADMINISTRATOR])
async def test_a_number_that_no_database_holds_breaks_no_update(town: Town, role: Role | None) -> None:
    """Three such presses would be set aside with an apology; on a server each takes its whole batch back."""
    _resident, number = await registered(town)
    who = town.resident() if role is None else await town.official("all", role)
    for name in town.app.router.actions:
        for args in ([TOO_LARGE], [number, TOO_LARGE], ["all", TOO_LARGE], [number, "0", TOO_LARGE], [TOO_LARGE, "²"]):
            action = ":".join((name, *args))
            if len(action) <= MAX_ACTION_BYTES and not name.startswith(OWN):
                await who.forges(action)
    assert town.app.dispatcher.set_aside == 0
