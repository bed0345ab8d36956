"""Roles: two people give one, one takes it away at once, and nothing that was owned is left alone (T4)."""

import re

import pytest

from bot.office.people.model import Role
from tests.handlers.talks import registered
from tests.handlers.test_owners import removed
from tests.rig import Someone, Town


async def two_administrators(town: Town) -> tuple[Someone, Someone]:
    return await town.official("ada", Role.ADMINISTRATOR), await town.official("bo", Role.ADMINISTRATOR)


async def test_a_role_needs_two_administrators(town: Town) -> None:
    ada, bo = await two_administrators(town)
    await ada.says("/invite handler housing")
    assert "经办人 · 住建办" in bo.last.text
    await bo.presses("同意")
    code = re.search(r"/start (\S+)", ada.last.text)
    assert code
    new = town.resident("new")
    await new.says(f"/start {code[1]}")
    assert "住建办" in new.last.text
    await town.resident("other").says(f"/start {code[1]}")
    assert "用过了" in town.resident("other").last.text or "过期" in town.resident("other").last.text


async def test_nobody_agrees_to_their_own_request(town: Town) -> None:
    ada, bo = await two_administrators(town)
    await ada.says("/invite head office")
    agree = next(button.action for button in bo.last.screen.buttons if button.label == "同意")
    await ada.forges(agree)
    assert "/start" not in ada.last.text
    await bo.presses("同意")
    before = len(ada.heard)
    await bo.presses("同意")
    assert len(ada.heard) == before  # once is once


async def test_one_administrator_alone_is_sent_to_the_server(town: Town) -> None:
    ada = await town.official("ada", Role.ADMINISTRATOR)
    await ada.says("/invite")
    await ada.presses("经办人")
    await ada.presses("住建办")
    assert "huiyin invite" in ada.last.text


@pytest.mark.parametrize(("role", "name"), [("custodian", "保管员"), ("partner", "协办单位")])
async def test_work_that_holds_nothing_yet_is_offered_to_nobody(town: Town, role: str, name: str) -> None:
    ada, bo = await two_administrators(town)
    bo.news()
    await ada.says(f"/invite {role} office")
    assert "经办人" in ada.last.labels
    assert name not in ada.last.labels
    await ada.says(f"/invite {name} office")
    assert not bo.news()


async def test_a_removed_role_ends_at_once_and_its_cases_go_back(town: Town) -> None:
    ada, _bo = await two_administrators(town)
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    head = await town.official("chen", Role.HEAD)
    resident, number = await registered(town, "幸福里3号楼2单元的灯坏了")
    await clerk.says(f"/take {number}")
    card = clerk.last
    await ada.says("/roles")
    position = next(line.split()[0] for line in ada.last.text.splitlines() if "经办人 · 幸福里社区" in line)
    await ada.presses(f"收回 {position}")
    assert ada.last.labels == ["是，收回", "不收回"]
    await ada.presses("是，收回")
    assert ada.last.text == "已收回。"
    assert "原来的同事已离岗" in head.last.text
    resident.news()
    await clerk.presses("回话", on=card)
    await clerk.says(f"/case {number}")
    assert "没有这个编号" in clerk.last.text or number not in clerk.last.text
    colleague = await town.official("li", Role.HANDLER, "xingfuli")
    await colleague.says(f"/take {number}")
    assert "归您了" in colleague.last.text


async def test_the_last_administrator_stays(town: Town) -> None:
    ada = await town.official("ada", Role.ADMINISTRATOR)
    await ada.says("/roles")
    await ada.presses("收回 1")
    await ada.presses("是，收回")
    assert "最后一位" in ada.last.text


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
@pytest.mark.parametrize("words", ["/invite handler housing", "/roles"])
async def test_nobody_else_can_give_or_see_roles(town: Town, role: Role, words: str) -> None:
    someone = await town.official("x", role)
    await someone.says(words)
    assert "我不认得" in someone.last.text


async def test_whoever_works_here_no_more_keeps_no_cards(town: Town) -> None:
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    _wang, number = await registered(town, "幸福里3号楼2单元的灯坏了")
    await clerk.says(f"/case {number}")
    await clerk.says("待办")
    await removed(town, "经办人 · 幸福里社区")
    assert clerk.last.text.startswith("您不再是这里的工作人员")
    assert clerk.left == [clerk.last.text]


async def test_whoever_keeps_another_role_keeps_the_chat(town: Town) -> None:
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    await town.official("zhou", Role.HANDLER, "housing")
    _wang, number = await registered(town, "幸福里3号楼2单元的灯坏了")
    await clerk.says(f"/case {number}")
    await removed(town, "经办人 · 住建办")
    assert clerk.last.text.startswith("您在这里的一项职责收回了")
    assert any(number in words for words in clerk.left)


async def test_the_twenty_first_official_is_seen_and_removed(town: Town) -> None:
    ada = await town.official("ada", Role.ADMINISTRATOR)
    people = [await town.official(f"o{number}", Role.HANDLER, "housing") for number in range(21)]
    await ada.says("/roles")
    assert "收回 20" in ada.last.labels
    assert "收回 21" not in ada.last.labels
    await ada.presses("看更多")
    assert {"收回 21", "收回 22"} <= set(ada.last.labels)
    assert "看更多" not in ada.last.labels
    await ada.presses("收回 22")
    await ada.presses("是，收回")
    assert any("不再是这里的工作人员" in words for someone in people for words in someone.news())
