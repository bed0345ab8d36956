"""What is begun and not finished: a resident's form, an official's preview."""

from datetime import datetime

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
