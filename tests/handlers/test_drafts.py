"""What is begun and not finished: a resident's form, an official's preview."""

from datetime import datetime, timedelta

from bot.dialogue.event import Said
from tests.rig import SHANGHAI, Someone, Town


async def a_case(town: Town) -> tuple[Someone, str]:
    resident = town.resident()
    for words in ("/start", "好", "楼道灯坏了 幸福里3号楼2单元", "登记"):
        await resident.says(words)
    return resident, resident.number()


async def test_a_second_form_left_open_is_recalled_too(town: Town) -> None:
    resident, _number = await a_case(town)
    for day in (16, 18):
        await resident.says("/suggest 多办几场报税讲座")
        resident.news()
        await town.becomes(datetime(2026, 9, day + 1, 12, 0, tzinfo=SHANGHAI))
        assert [words for words in resident.news() if "还没登记" in words], day
        await resident.presses("算了")


async def test_a_form_is_recalled_hours_after_its_last_answer(town: Town) -> None:
    """However the answers lie: close together, or with some hours between."""
    resident, _number = await a_case(town)
    await resident.says("/suggest 多办几场报税讲座")
    await town.becomes(datetime(2026, 9, 15, 18, 0, tzinfo=SHANGHAI))
    await resident.says("最好在周末")
    resident.news()
    await town.becomes(datetime(2026, 9, 16, 13, 0, tzinfo=SHANGHAI))
    assert not [words for words in resident.news() if "还没登记" in words]
    await town.becomes(datetime(2026, 9, 16, 14, 30, tzinfo=SHANGHAI))
    assert [words for words in resident.news() if "还没登记" in words]


async def test_a_form_taken_up_again_after_another_is_recalled_as_well(town: Town) -> None:
    resident, _number = await a_case(town)
    await resident.says("/suggest 多办几场报税讲座")
    await resident.says("/suggest 早市早点开门")
    await resident.says("登记")
    assert "报税" in resident.last.text
    resident.news()
    await town.becomes(datetime(2026, 9, 17, 12, 0, tzinfo=SHANGHAI))
    assert [words for words in resident.news() if "还没登记" in words]


async def test_a_form_is_recalled_in_time_though_a_clock_ran_ahead_for_a_while(town: Town) -> None:
    """What was set in a year that has not come yet is set anew by the next answer."""
    resident, _number = await a_case(town)
    town.clock.advance(days=365)
    await resident.says("/suggest 多办几场报税讲座")
    town.clock.advance(days=-365)
    await resident.says("最好在周末")
    resident.news()
    await town.becomes(datetime(2026, 9, 16, 14, 30, tzinfo=SHANGHAI))
    assert [words for words in resident.news() if "还没登记" in words]


async def test_an_older_preview_of_a_case_sends_nothing(town: Town) -> None:
    resident, number = await a_case(town)
    official = await town.official()
    await official.says(f"/tell {number} 明天去修")
    first = official.last
    await official.says(f"/tell {number} 后天去修")
    resident.news()
    await official.presses("发送", on=first)
    assert resident.news() == []
    assert "没有发" in official.last.text
    await official.says("发送")
    assert any("后天去修" in words for words in resident.news())


async def test_previews_of_two_cases_stay_drafts_side_by_side(town: Town) -> None:
    resident, lamp = await a_case(town)
    await resident.says("/suggest 多办几场报税讲座")
    await resident.says("登记")
    gate = resident.number()
    official = await town.official()
    await official.says(f"/tell {lamp} 灯明天去修")
    first = official.last
    await official.says(f"/tell {gate} 门口的灯在报计划")
    resident.news()
    await official.presses("发送", on=first)
    assert any("灯明天去修" in words for words in resident.news())


async def test_the_resident_may_replace_the_guess(town: Town) -> None:
    resident = town.resident()
    for words in ("/start", "好", "楼道灯坏了"):
        await resident.says(words)
    await resident.presses("不对，改一下")
    await resident.says("幸福里3号楼2单元的下水道堵了")
    assert "下水道" in resident.last.text
    assert "楼道灯" not in resident.last.text


async def test_a_draft_lives_on_though_nobody_was_there_when_its_time_was_over(town: Town) -> None:
    resident = await _begun(town)
    await town.becomes(town.clock.now() + timedelta(days=8, hours=23))  # its last hours; bare ids were tidied on day 2
    said_at = town.clock.now()
    town.clock.advance(hours=2)
    await town.settle()
    await town.channel.say(resident.chat, Said("幸福里3号楼2单元"), said_at)
    await town.settle()
    assert "我这样登记" in resident.last.text
    assert "楼道灯坏了" in resident.last.text


async def test_words_an_official_is_asked_for_are_theirs_by_when_they_were_typed(town: Town) -> None:
    _resident, number = await a_case(town)
    official = await town.official()
    await official.says(f"/take {number}")
    await official.presses("回话")
    said_at = town.clock.now() + timedelta(minutes=1)
    town.clock.advance(hours=3)
    await town.channel.say(official.chat, Said("明天下午去修"), said_at)
    await town.settle()
    assert "明天下午去修" in official.last.text
    assert "还没发" in official.last.text


async def test_a_person_asked_for_takes_nothing_away_that_waits(town: Town) -> None:
    """Neither the second of two matters nor a form that was left for another one."""
    resident = await _begun(town, "楼道灯坏了好几天了 还有幸福里3号楼2单元水管漏水")
    await resident.says("转人工")
    assert "真人会在这里回您" in "".join(resident.news())
    assert "水管漏水" in resident.last.text
    await resident.says("/suggest 多办几场报税讲座")
    await resident.says("转人工")
    assert "水管漏水" in resident.last.text
    await resident.presses("登记")
    assert "登记好了" in resident.last.text


async def test_a_complaint_about_staff_dropped_at_the_reminder_is_taken_out_too(town: Town) -> None:
    resident = await _begun(town, "我要投诉窗口姓刘的工作人员收了我200块加急费")
    await resident.presses("匿名，不留账号")
    await town.becomes(town.clock.now() + timedelta(days=2))
    await resident.presses("算了")
    assert "您写的这边也清掉了" in resident.last.text


async def _begun(town: Town, words: str = "楼道灯坏了") -> Someone:
    resident = town.resident()
    for said in ("/start", "好", words):
        await resident.says(said)
    return resident
