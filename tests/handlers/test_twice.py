"""Pressed twice, nothing happens twice; and who only follows a case decides nothing in it."""

import re

from bot.office.people.model import Role
from tests.handlers.talks import registered
from tests.rig import Someone, Town


async def answered(town: Town) -> tuple[Someone, Someone, str]:
    """A closed case, its resident, and a daughter who follows it."""
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    resident, number = await registered(town, "幸福里3号楼2单元的灯坏了")
    await resident.presses("给家人看进度")
    code = re.search(r"\d{3} \d{3}", resident.last.text)
    assert code
    daughter = town.resident("daughter")
    await daughter.says(f"查进度 {number} {code[0]}")
    await daughter.presses("一起收")
    await clerk.says(f"/answer {number} 修好了")
    await clerk.says("发送")
    return resident, daughter, number


async def test_a_person_asked_for_twice_is_one_case(town: Town) -> None:
    resident, _number = await registered(town)
    await resident.says("我的事")
    for _press in range(3):
        await resident.says("转人工")
    numbers = {found for heard in resident.heard for found in re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}", heard.text)}
    assert len(numbers) == 2
    await resident.says("转人工")
    await town.passes(minutes=11)
    await resident.says("/human 我还想问一件")
    assert resident.number() not in numbers


async def test_a_question_passed_on_twice_is_one_case(town: Town) -> None:
    resident = town.resident()
    for words in ("/start", "好", "住院的钱怎么报", "能报多少啊"):
        await resident.says(words)
    card = resident.last
    await resident.presses("要", on=card)
    first = resident.number()
    await resident.presses("要", on=card)
    assert resident.number() == first


async def test_not_solved_pressed_twice_is_told_once(town: Town) -> None:
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident, _daughter, _number = await answered(town)
    answer = resident.last
    supervisor.news()
    for _press in range(3):
        await resident.presses("没解决", on=answer)
    assert len([words for words in supervisor.news() if "没解决" in words]) == 1


async def test_a_follower_reads_and_adds_but_decides_nothing(town: Town) -> None:
    resident, daughter, number = await answered(town)
    assert "修好了" in daughter.last.text
    assert "没解决" not in daughter.last.labels
    for action in ("case.withdrawn", "case.unsolved", "case.solved", "case.share"):
        await daughter.forges(f"{action}:{number}")
        assert "只有提这件事的人" in daughter.last.text, action
    await daughter.says(f"/add {number} 我妈说还闪")
    assert "补到“" in daughter.last.text
    assert "没解决" in resident.last.labels


async def test_an_old_answer_is_not_reopened_by_its_button(town: Town) -> None:
    resident, _daughter, _number = await answered(town)
    answer = resident.last
    await town.passes(days=16)
    await resident.presses("没解决", on=answer)
    assert "再提一次" in resident.last.text
