"""Complaints about staff: what would give a complainant away, and how they are heard without it."""

import pytest

from bot.dialogue.event import Said
from bot.office.people.model import Role
from tests.handlers.talks import STAFF, anonymously, confidentially, consented
from tests.rig import Town


@pytest.mark.parametrize("way", ["匿名", "保密"])
async def test_the_devices_own_number_and_place_are_not_taken(town: Town, way: str) -> None:
    boss, resident = await town.official("du", Role.SUPERVISOR), await consented(town)
    await resident.says(STAFF)
    await resident.says(way)
    await resident.does(Said(phone="13800138000"))
    assert any("我没有收，谁也看不到" in text for text in resident.news())
    await resident.sends_place(30.12345, 114.54321)
    assert any("位置会让人猜到是您" in text for text in resident.news())
    await resident.presses("交上去")
    await town.passes(days=2)
    assert any("200块" in heard.text for heard in boss.heard)
    assert not any("1380013" in heard.text or "30.12" in heard.text for heard in boss.heard)


@pytest.mark.parametrize("words", [STAFF, "我要投诉楼下油烟，幸福里3号楼"])
async def test_a_number_in_the_words_is_pointed_out_before_it_is_handed_in(town: Town, words: str) -> None:
    resident = await consented(town)
    await resident.says(words + "，我电话13800138000")
    await resident.says("匿名")
    assert "里面有电话号码" in resident.last.text


async def test_where_the_supervisor_may_be_meant_a_yes_hands_nothing_in(town: Town) -> None:
    boss, resident = await town.official("du", Role.SUPERVISOR), await consented(town)
    boss.news()
    await resident.says("我要投诉督办员老张，收我钱")
    await resident.says("保密")
    assert "先别交" in resident.last.text
    await resident.says("好")
    await resident.presses("说的就是管投诉的人或领导")
    await resident.says("好")
    assert boss.news() == []
    await resident.presses("说的就是管投诉的人或领导")
    await resident.presses("还是交给督办员")
    assert len(boss.news()) == 1


@pytest.mark.parametrize("words", ["我想匿名", "匿名吧", "我要匿名投诉", "那就匿名"])
async def test_who_may_know_is_heard_however_it_is_said(town: Town, words: str) -> None:
    resident = await consented(town)
    await resident.says("我要投诉窗口一个人，不能让他知道是我")
    await resident.says(words)
    assert "哪个单位、哪个人、什么事" in resident.last.text
    await resident.says("算了")
    await resident.says("我要投诉楼下油烟")
    assert "在哪个小区" in resident.last.text
    await resident.says(words)
    assert "在哪个小区" in resident.last.text
    await resident.says("幸福里3号楼")
    assert "匿名：不留您的账号" in resident.last.text
    assert words not in resident.last.text


@pytest.mark.parametrize("words", ["不要匿名", "匿名的人太多了", "保密工作没做好，收了我200块"])
async def test_other_words_with_it_choose_nothing(town: Town, words: str) -> None:
    resident = await consented(town)
    await resident.says("我要投诉楼下油烟，幸福里3号楼")
    await resident.says(words)
    assert "保密，能传话" in resident.last.labels


async def test_a_complaint_about_staff_is_offered_to_no_department(town: Town) -> None:
    boss = await town.official("du", Role.SUPERVISOR)
    _resident, number = await confidentially(town)
    await boss.says(f"/transfer {number}")
    assert "不转给科室" in boss.last.text


async def test_later_words_carry_no_number_of_the_device_either(town: Town) -> None:
    boss = await town.official("du", Role.SUPERVISOR)
    resident, number = await confidentially(town)
    await boss.says(f"/ask {number} 还有别人吗")
    await boss.says("发送")
    await resident.says(f"/add {number}")
    await resident.does(Said(phone="13800138000"))
    assert "我没有收" in resident.last.text
    await resident.says("没有别人了")
    assert "没有别人了" in boss.last.text
    assert not any("1380013" in heard.text for heard in boss.heard)


async def test_whoever_reads_by_code_sends_no_number_and_no_place(town: Town) -> None:
    boss = await town.official("du", Role.SUPERVISOR)
    _resident, number, code = await anonymously(town)
    reader = town.resident("he2")
    await reader.says(f"查进度 {number} {code}")
    await reader.presses("打字补一句")
    await reader.does(Said(phone="13800138000"))
    assert "我没有收" in reader.last.text
    await reader.sends_place(30.12345, 114.54321)
    assert "我没有收" in reader.last.text
    await reader.says("他今天又收了一次")
    await town.passes(days=2)
    assert any("又收了一次" in heard.text for heard in boss.heard)
    assert not any("1380013" in heard.text or "30.12" in heard.text for heard in boss.heard)


async def test_an_official_is_told_not_to_ask_who_it_is(town: Town) -> None:
    boss = await town.official("du", Role.SUPERVISOR)
    _resident, number = await confidentially(town)
    await boss.says(f"/ask {number}")
    assert "别问姓名" in boss.last.text


@pytest.mark.parametrize("way", ["匿名，不留账号", "保密，能传话"])
async def test_said_where_a_place_is_asked_for_it_is_a_complaint_of_its_own(town: Town, way: str) -> None:
    """Whoever works on the matter at hand may be whom it is about."""
    handler = await town.official("zhou", department="xingfuli")
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident = await consented(town)
    await resident.says("楼道灯坏了")
    await resident.says(STAFF)
    await resident.says("幸福里3号楼2单元")
    await resident.presses("登记")
    await resident.presses(way)
    await resident.presses("交上去")
    assert "交给督办员了" in resident.last.text
    await supervisor.says("待办")
    assert "加急费" in supervisor.last.text
    await handler.says("待办")
    assert "楼道灯坏了" in handler.last.text
    assert "加急费" not in "".join(handler.news())


async def test_a_person_asked_for_registers_nothing_that_was_to_be_anonymous(town: Town) -> None:
    boss = await town.official("boss", Role.HEAD)
    resident = await consented(town)
    await resident.says("我要投诉楼下饭店油烟 幸福里3号楼2单元")
    await resident.presses("匿名，不留账号")
    boss.news()
    await resident.says("/human 天天半夜炒菜")
    assert boss.news() == []
    assert "天天半夜炒菜" in resident.last.text
    await resident.presses("登记")
    assert "查询码" in resident.last.text
    await resident.says("我的事")
    assert "油烟" not in resident.last.text
