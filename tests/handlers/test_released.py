"""What waited for an operator's word (`huiyin outbox`) goes to nobody who has lost the right to it meanwhile."""

from datetime import datetime

from bot.office.people.model import Role
from bot.store import held
from tests.handlers.talks import LAMP
from tests.rig import SHANGHAI, Someone, Town

EVENING = datetime(2026, 9, 15, 20, 0, tzinfo=SHANGHAI)
CANARY = "收材料的时候骂人"


async def held_until_morning(town: Town) -> None:
    """Cards that were to go out in the morning are held, as after a restore."""
    await town.store.writer.submit(held.hold_all)


async def released(town: Town) -> None:
    await town.store.writer.submit(lambda tx: held.release(tx, None))
    await town.settle()
    await town.passes(hours=14)


def read_by(official: Someone, words: str) -> bool:
    return any(words in text for text in official.news())


async def test_a_card_reaches_nobody_whose_role_has_ended(town: Town) -> None:
    boss = await town.official("boss", Role.ADMINISTRATOR)
    zhou = await town.official("zhou", Role.HANDLER, "xingfuli")
    colleague = await town.official("liu", Role.HANDLER, "xingfuli")
    town.clock.set(EVENING)
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.says(LAMP)
    await resident.presses("登记")
    await held_until_morning(town)
    await boss.says("/roles")
    await boss.presses("收回 2")
    await boss.presses("是，收回")
    await released(town)
    assert not read_by(zhou, LAMP)
    assert read_by(colleague, LAMP)


async def test_a_complaint_reaches_no_supervisor_whom_it_is_about(town: Town) -> None:
    du, another = await town.official("du", Role.SUPERVISOR), await town.official("an", Role.SUPERVISOR)
    town.clock.set(EVENING)
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.says(f"我要投诉窗口姓刘的，{CANARY}")
    await resident.presses("保密，能传话")
    await resident.presses("交上去")
    await held_until_morning(town)
    await another.says(f"/subject {resident.number()}")
    await another.presses(another.last.labels[0])
    await released(town)
    assert not read_by(du, CANARY)
    assert read_by(another, CANARY)
