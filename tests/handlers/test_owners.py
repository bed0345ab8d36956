"""Who may work a case now: one rule for taking, reminding, redoing and giving back; no case is left to nobody."""

import re

from bot.office.people.model import Role
from tests.handlers.talks import registered
from tests.handlers.test_passing import offered
from tests.rig import Someone, Town

LAMP = "幸福里3号楼2单元的灯坏了"


async def removed(town: Town, what: str) -> None:
    """An administrator takes one role away, as it stands in the list."""
    ada = await town.official("ada", Role.ADMINISTRATOR)
    await ada.says("/roles")
    position = next(line.split()[0] for line in ada.last.text.splitlines() if what in line)
    await ada.presses(f"收回 {position}")
    await ada.presses("是，收回")
    assert "已收回。" in [heard.text for heard in ada.heard]


async def with_two_roles(town: Town) -> Someone:
    await town.official("zhou", Role.HANDLER, "xingfuli")
    return await town.official("zhou", Role.HANDLER, "housing")


async def test_whoever_loses_one_of_two_roles_gives_back_what_it_reached(town: Town) -> None:
    clerk = await with_two_roles(town)
    head = await town.official("chen", Role.HEAD)
    _wang, lamp = await registered(town, LAMP)
    await clerk.says(f"/take {lamp}")
    await removed(town, "经办人 · 幸福里社区")
    assert "原来的同事已离岗" in head.last.text
    await head.says(f"/take {lamp}")
    assert "归您了" in head.last.text


async def test_what_the_other_role_reaches_stays_and_its_cards_arrive(town: Town) -> None:
    clerk = await with_two_roles(town)
    _wang, lamp = await registered(town, LAMP)
    await clerk.says(f"/take {lamp}")
    await town.official("chen", Role.HEAD)
    await removed(town, "经办人 · 住建办")
    await clerk.says(f"/tell {lamp} 今天去看")
    await clerk.says("发送")
    assert "已发" in clerk.last.text


async def test_whoever_follows_a_case_of_theirs_gives_it_back(town: Town) -> None:
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    colleague = await town.official("li", Role.HANDLER, "xingfuli")
    wang, lamp = await registered(town, LAMP)
    await clerk.says(f"/take {lamp}")
    await wang.presses("给家人看进度")
    code = re.search(r"\d{3} \d{3}", wang.last.text)
    assert code
    await clerk.says(f"查进度 {lamp} {code[0]}")
    await clerk.presses("一起收")
    assert lamp in colleague.last.text
    await colleague.says(f"/take {lamp}")
    assert "归您了" in colleague.last.text


async def test_an_offer_can_be_accepted_after_its_owner_has_left(town: Town) -> None:
    _giver, taker, resident, number = await offered(town)
    await removed(town, "经办人 · 幸福里社区")
    await taker.says(f"/take {number}")
    assert "归您了" in taker.last.text
    assert "经办人换了，日期不变" in resident.last.text
    colleague = await town.official("li", Role.HANDLER, "xingfuli")
    await colleague.says(f"/case {number}")
    assert "没有这个编号" in colleague.last.text  # it is the other department's now


async def test_a_matter_that_nobody_can_take_rings_the_administrators(town: Town) -> None:
    ada = await town.official("ada", Role.ADMINISTRATOR)
    await registered(town, LAMP)
    assert "没有人能接：幸福里社区" in ada.last.text


async def test_the_only_official_of_a_department_cannot_take_their_own_matter(town: Town) -> None:
    ada = await town.official("ada", Role.ADMINISTRATOR)
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    await clerk.says("/request 幸福里3号楼2单元的灯坏了")
    await clerk.says("好")
    await clerk.says("登记")
    assert "登记好了" in clerk.last.text
    assert "没有人能接" in ada.last.text


async def test_of_a_complaint_about_staff_administrators_hear_nothing(town: Town) -> None:
    ada = await town.official("ada", Role.ADMINISTRATOR)
    before = len(ada.heard)
    wang = town.resident()
    await wang.says("好")
    await wang.says("我要投诉窗口的工作人员，姓刘的收了我200块钱")
    assert len(ada.heard) == before
