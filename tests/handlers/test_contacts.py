"""A telephone number that the device sends: a number to be called under, never the words or the place of a matter."""

import pytest

from bot.dialogue.event import Said
from tests.handlers.talks import LAMP, STAFF, consented, registered
from tests.rig import Someone, Town

NUMBER = "13800138000"


async def shares(someone: Someone) -> None:
    await someone.does(Said(phone=NUMBER))


async def test_at_the_question_for_the_place_it_is_no_place(town: Town) -> None:
    official, resident = await town.official(), await consented(town)
    await resident.says("楼道灯坏了")
    await shares(resident)
    assert any("电话记下了" in words for words in resident.news())
    assert "哪个小区" in resident.last.text
    await resident.says("幸福里3号楼2单元")
    assert f"电话：{NUMBER}" in resident.last.text
    await resident.presses("登记")
    await official.says(f"/case {resident.number()}")
    assert NUMBER in official.last.text
    assert f"幸福里3号楼2单元{NUMBER}" not in official.last.text


async def test_at_the_review_it_joins_without_being_words(town: Town) -> None:
    resident = await consented(town)
    await resident.says(LAMP)
    await shares(resident)
    assert f"{LAMP}\n电话：{NUMBER}" in resident.last.text
    await resident.presses("登记")
    await resident.says("我的事")
    assert NUMBER not in resident.last.text  # in no title


async def test_in_the_form_of_the_menu_it_is_not_what_happened(town: Town) -> None:
    resident = await consented(town)
    await resident.says("报修")
    await shares(resident)
    assert "什么事" in resident.last.text
    await resident.says(LAMP)
    assert f"电话：{NUMBER}" in resident.last.text


async def test_with_nothing_open_it_begins_a_matter_and_is_kept(town: Town) -> None:
    official, resident = await town.official(), await consented(town)
    await shares(resident)
    assert any("电话记下了" in words for words in resident.news())
    await resident.says(LAMP)
    await resident.presses("登记")
    await official.says(f"/case {resident.number()}")
    assert NUMBER in official.last.text


async def test_with_a_case_open_it_is_asked_where_it_belongs(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await shares(resident)
    assert "补到之前那件" in resident.last.text
    await resident.says("1")
    await official.says(f"/case {number}")
    assert NUMBER in official.last.text


async def test_in_answer_to_a_question_it_is_the_answer(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await official.says(f"/ask {number} 方便留个电话吗")
    await official.says("发送")
    await resident.presses("答一句")
    await shares(resident)
    assert NUMBER in official.last.text


async def test_before_consent_it_waits_with_the_words(town: Town) -> None:
    resident = town.resident()
    await resident.opens()
    await resident.says(LAMP)
    await shares(resident)
    await resident.says("好")
    assert f"电话：{NUMBER}" in resident.last.text


async def test_with_a_person_asked_for_it_goes_along(town: Town) -> None:
    official, resident = await town.official(), await consented(town)
    await resident.says("楼道灯坏了")
    await shares(resident)
    await resident.says("找真人")
    await official.says(f"/case {resident.number()}")
    assert NUMBER in official.last.text


@pytest.mark.parametrize("way", ["匿名", "保密"])
async def test_whoever_is_not_to_be_known_afterwards_leaves_no_number(town: Town, way: str) -> None:
    official, resident = await town.official(), await consented(town)
    await resident.says("我要投诉楼下油烟，幸福里3号楼")
    await shares(resident)
    await resident.says(way)
    assert any("我没有收" in words for words in resident.news())
    assert NUMBER not in resident.last.text
    await resident.presses("登记")
    await official.says(f"/case {resident.number()}")
    assert "油烟" in official.last.text
    assert NUMBER not in official.last.text


async def test_a_complaint_about_staff_takes_no_number_along(town: Town) -> None:
    resident = await consented(town)
    await resident.says("我要投诉")
    await shares(resident)
    resident.news()
    await resident.says(STAFF)
    assert any("我没有收" in words for words in resident.news())
    assert "匿名，不留账号" in resident.last.labels


async def test_an_officials_own_number_goes_to_no_resident(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await official.says(f"/tell {number}")
    resident.news()
    await shares(official)
    assert "只能用文字" in official.last.text
    assert resident.news() == []


async def test_what_cannot_be_read_is_said(town: Town) -> None:
    """Somebody else's card, a poll: neither content nor small talk."""
    resident = await consented(town)
    await resident.does(Said())
    assert "看不了" in resident.last.text
    await resident.says("楼道灯坏了")
    resident.news()
    await resident.does(Said())
    assert any("看不了" in words for words in resident.news())
    assert "哪个小区" in resident.last.text
