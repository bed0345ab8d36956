"""What people say at odd moments: it reaches whom it is meant for, and nobody else."""

import pytest
from sqlalchemy import select

from bot.dialogue.event import FileKind, Said, Spot
from bot.dialogue.form import MOST_FILES
from bot.office.cases.tables import case
from bot.office.people.model import Role
from tests.handlers.talks import LAMP, STAFF, consented, registered
from tests.rig import Town


async def test_a_complaint_about_staff_by_the_entry_is_sealed(town: Town) -> None:
    clerk, resident = await town.official("liu"), await consented(town)
    for words in ("我要投诉", STAFF):
        await resident.says(words)
    await resident.presses("保密，能传话")
    await resident.presses("交上去")
    assert "交给督办员" in resident.last.text or "没有督办员" in resident.last.text
    assert not any("200" in heard.text for heard in clerk.heard)


async def test_who_asks_for_a_person_about_staff_is_asked_how_first_and_then_it_is_sealed(town: Town) -> None:
    clerk, resident = await town.official("liu"), await consented(town)
    await resident.says(STAFF)
    await resident.says("转人工")
    assert "保密：只有督办员看内容" in resident.last.text
    assert await town.counted(case) == 0
    await resident.presses("保密，能传话")
    await resident.presses("交上去")
    assert [row.sealed for row in await town.rows(select(case.c.sealed))] == [True]
    assert not any("200" in heard.text for heard in clerk.heard)


async def test_a_complaint_about_staff_as_the_second_matter_is_sealed(town: Town) -> None:
    clerk, resident = await town.official("liu"), await consented(town)
    await resident.says(f"{LAMP}。还有{STAFF}")
    await resident.presses("登记")
    await resident.presses("保密，能传话")
    await resident.presses("交上去")
    assert not any("200" in heard.text for heard in clerk.heard)


@pytest.mark.parametrize("way", ["/add", "quoting"])
async def test_a_complaint_about_staff_does_not_go_into_a_case_that_staff_read(town: Town, way: str) -> None:
    clerk = await town.official("liu")
    resident, number = await registered(town)
    await clerk.says(f"/take {number}")
    if way == "/add":
        await resident.says(f"/add {number}")
        await resident.says(STAFF)
    else:
        await resident.says(STAFF, reply_to=resident.last)
    assert any("只交督办员看" in heard.text for heard in resident.heard)
    await resident.presses("保密，能传话")
    await resident.presses("交上去")
    await clerk.says(f"/case {number}")
    assert not any("200" in heard.text for heard in clerk.heard)


async def test_a_matter_left_for_another_goes_on_after_it(town: Town) -> None:
    resident = await consented(town)
    await resident.says("楼道灯坏了")
    await resident.says("/request 幸福里5号楼下水道堵了")
    await resident.presses("登记")
    await resident.says("幸福里3号楼")
    assert "楼道灯坏了" in resident.last.text
    assert "登记" in resident.last.labels


async def test_words_at_a_choice_are_kept(town: Town) -> None:
    official, resident = await town.official(), await consented(town)
    await resident.says("我要投诉楼下油烟太大，幸福里3号楼")
    await resident.says("对了他家招牌叫老刘烧烤")
    await resident.presses("实名")
    await resident.presses("登记")
    await official.says(f"/case {resident.number()}")
    assert "老刘烧烤" in official.last.text


async def test_a_place_in_reply_to_a_question_arrives(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await official.says(f"/ask {number} 请发个位置")
    await official.presses("发送")
    await resident.does(Said(spot=Spot(31.2, 121.4), reply_to=resident.last.message))
    await official.says(f"/case {number}")
    assert "31.2" in official.last.text


async def test_a_button_then_words_then_yes(town: Town) -> None:
    resident = town.resident()
    await resident.opens()
    for words in ("报修", LAMP, "好"):
        await resident.says(words)
    assert "登记" in resident.last.labels


async def test_a_fault_after_a_question_is_registered_too(town: Town) -> None:
    resident = await consented(town)
    await resident.says(f"住院报销怎么报。还有{LAMP}")
    assert any("登记" in heard.labels for heard in resident.heard)


async def test_a_number_with_words_adds_them(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.says(f"{number} 灯又灭了，老人摔了一跤")
    await official.says(f"/case {number}")
    assert "摔了一跤" in official.last.text


async def test_a_sentence_that_begins_like_a_command_is_content(town: Town) -> None:
    resident = await consented(town)
    await resident.says("查进度查了三回都没人管，幸福里3号楼的灯还是坏的")
    assert "请发编号" not in resident.last.text


async def test_an_answer_in_free_words_is_offered_to_its_question(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await official.says(f"/ask {number} 明天上午九点在家吗")
    await official.presses("发送")
    await resident.says("在家的，九点以后都行")
    assert any("补到" in label for label in resident.last.labels)


async def test_more_photos_than_one_matter_holds_are_said(town: Town) -> None:
    resident = await consented(town)
    await resident.says(LAMP)
    for number in range(MOST_FILES):
        await resident.sends(FileKind.PHOTO, bytes([number]))
    assert not any("没全收进来" in words for words in resident.news())
    await resident.sends(FileKind.PHOTO, b"one too many")
    assert any("没全收进来" in words for words in resident.news())
    assert "登记" in resident.last.labels


async def test_words_of_another_day_are_something_new(town: Town) -> None:
    resident, number = await registered(town)
    await resident.presses("加照片")
    await town.passes(days=3)
    await resident.says("幸福里5号楼停水两天了")
    assert number not in resident.last.text


async def test_yes_after_a_receipt_presses_nothing(town: Town) -> None:
    resident, number = await registered(town)
    await resident.says("好")
    assert number not in resident.last.text


async def test_not_solved_in_reply_is_about_that_case(town: Town) -> None:
    official = await town.official()
    resident, first = await registered(town)
    await resident.says("/suggest 多办几场报税讲座")
    await resident.presses("登记")
    second = resident.number()
    answers = []
    for number in (first, second):
        await official.says(f"/answer {number} 办好了")
        await official.presses("发送")
        answers.append(resident.last)
    await resident.says("没解决", reply_to=answers[0])
    await official.says(f"/case {first}")
    assert "没解决" in official.last.text


async def test_an_edit_back_is_a_version_too(town: Town) -> None:
    official, resident = await town.official(), await consented(town)
    message = await resident.says("幸福里5号楼2单元的灯坏了")
    await resident.presses("登记")
    for house in (6, 5):
        await resident.edits(message, f"幸福里{house}号楼2单元的灯坏了")
    await official.says(f"/case {resident.number()}")
    assert official.last.text.count("居民改成") == 2


@pytest.mark.parametrize("words", ["不同意", "不"])
async def test_no_in_words_deletes_what_is_held(town: Town, words: str) -> None:
    resident = town.resident()
    await resident.says(LAMP)
    await resident.says(words)
    assert "什么都没留" in resident.last.text


async def test_a_card_of_the_night_does_not_reach_who_lost_the_case(town: Town) -> None:
    from datetime import datetime

    from tests.rig import SHANGHAI

    dispatcher = await town.official("d", Role.DISPATCHER)
    clerk = await town.official("z", Role.HANDLER, "xingfuli")
    town.clock.set(datetime(2026, 9, 15, 20, tzinfo=SHANGHAI))
    _resident, number = await registered(town)
    await dispatcher.says(f"/transfer {number} 住建办 归房管")
    clerk.news()
    await town.becomes(datetime(2026, 9, 16, 12, tzinfo=SHANGHAI))
    assert not any(LAMP in words for words in clerk.news())


async def test_a_withdrawn_consent_button_keeps_the_limit_on_guessing(town: Town) -> None:
    resident, number = await registered(town)
    await resident.presses("给家人看进度")
    code = resident.last.text.split(number)[1].split("\n")[0].strip()
    guesser = town.resident("a")
    await guesser.opens()
    for guess in range(6):
        await guesser.says(f"查进度 {number} 00000{guess}")
    await guesser.presses("不同意，只看政策")
    await guesser.says(f"查进度 {number} {code}")
    assert LAMP not in guesser.last.text
