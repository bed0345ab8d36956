"""What is pressed or said a second time, later, or about what is over: said in words, and nothing dropped."""

import re
from zoneinfo import ZoneInfo

from tests.handlers.talks import registered
from tests.rig import Town


async def test_a_second_code_is_asked_for_before_it_ends_the_first(town: Town) -> None:
    wang, number = await registered(town)
    await wang.presses("给家人看进度")
    code = re.search(r"\d{3} \d{3}", wang.last.text)
    assert code
    await wang.says(number)
    await wang.forges(f"case.share:{number}")
    assert "旧的就不能用了" in wang.last.text
    assert wang.last.labels == ["换新的", "不换"]
    daughter = town.resident("daughter")
    await daughter.says(f"查进度 {number} {code[0]}")
    assert "已登记" in daughter.last.text
    await wang.presses("换新的")
    assert code[0] not in wang.last.text
    await daughter.says(f"查进度 {number} {code[0]}")
    assert "对不上" in daughter.last.text


async def test_a_second_press_on_send_says_that_it_went_out(town: Town) -> None:
    official = await town.official()
    wang, number = await registered(town)
    await official.says(f"/tell {number} 今天去看")
    preview = official.last
    await official.presses("发送", on=preview)
    await official.presses("发送", on=preview)
    assert "已经发过了" in official.last.text
    assert len([words for words in wang.news() if "今天去看" in words]) == 1


async def test_words_for_a_case_that_was_taken_back_begin_anew(town: Town) -> None:
    wang, number = await registered(town, "幸福里3号楼2单元的灯坏了")
    await wang.says(f"/withdraw {number}")
    await wang.presses("是，撤回")
    await wang.says(f"/add {number} 灯又坏了，在幸福里3号楼2单元")
    assert any("当新的事办" in heard.text for heard in wang.heard)
    assert "我这样登记" in wang.last.text
    assert "灯又坏了" in wang.last.text


async def test_words_for_an_answered_case_ask_whether_it_is_solved(town: Town) -> None:
    official = await town.official()
    wang, number = await registered(town)
    await official.says(f"/answer {number} 换好了")
    await official.presses("发送")
    await wang.says(f"/add {number} 灯罩还是歪的")
    assert "已经答复过" in wang.last.text
    assert "没解决" in wang.last.labels
    assert "灯罩还是歪的" in official.last.text


async def test_a_person_asked_for_at_the_review_gets_everything_that_was_settled(town: Town) -> None:
    official = await town.official()
    wang = town.resident()
    await wang.opens()
    await wang.says("好")
    await wang.says("/complain 楼下饭店油烟往我家飘")
    await wang.says("幸福里3号楼2单元")
    await wang.presses("保密，能传话")
    await wang.says("转人工")
    assert "真人会在这里回您" in wang.last.text
    card = official.last.text
    assert "投诉" in card
    assert "幸福里3号楼2单元" in card
    assert "保密件" in card


async def test_a_draft_is_called_to_mind_once_and_never_at_night(town: Town) -> None:
    wang = town.resident()
    await wang.opens()
    await wang.says("好")
    await wang.says("楼道灯坏了好几天了")
    wang.news()
    heard = []
    for _hour in range(24 * 4):
        await town.passes(hours=1)
        if any("说了一半" in words for words in wang.news()):
            heard.append(town.clock.now().astimezone(ZoneInfo("Asia/Shanghai")).hour)
    assert len(heard) == 1
    assert 8 <= heard[0] < 22


async def test_a_page_of_days_ago_takes_no_question(town: Town) -> None:
    wang = town.resident()
    await wang.opens()
    await wang.says("好")
    await wang.says("住院的钱怎么报？")
    await town.passes(days=3)
    await wang.says("能报多少啊")
    assert "不敢替您算" not in wang.last.text
