"""What tells who somebody is, in words that come later: pointed out before they go in, as in the first ones."""

from datetime import datetime

import pytest

from bot.office.people.model import Role
from tests.handlers.talks import LAMP, STAFF, anonymously, confidentially, consented, registered
from tests.rig import SHANGHAI, Someone, Town

NUMBER = "13800138000"
IDENTITY = "11010519491231002X"


async def confidential(town: Town) -> tuple[Someone, Someone, str]:
    boss = await town.official("du", Role.SUPERVISOR)
    resident, number = await confidentially(town)
    return boss, resident, number


async def asked(town: Town) -> tuple[Someone, Someone]:
    """An anonymous complaint with a question of the supervisor's, being read."""
    boss = await town.official("du", Role.SUPERVISOR)
    resident, number, code = await anonymously(town)
    await boss.says(f"/ask {number} 还有别人吗")
    await boss.says("发送")
    await resident.says(f"查进度 {number} {code}")
    await resident.presses("答一句")
    return boss, resident


@pytest.mark.parametrize(("tells", "seen"), [(NUMBER, "电话号码"), (IDENTITY, "身份证号")])
async def test_a_number_added_to_a_confidential_case_is_pointed_out_first(town: Town, tells: str, seen: str) -> None:
    boss, resident, number = await confidential(town)
    boss.news()
    await resident.says(f"/add {number} 还收了别人的，找我 {tells}")
    assert f"里面有{seen}" in resident.last.text
    assert boss.news() == []
    await resident.presses("改一改")
    await resident.says("还收了别人的")
    await resident.presses("就这样补上")
    assert "补到" in resident.last.text
    (card,) = boss.news()
    assert "还收了别人的" in card
    assert tells not in card


async def test_whoever_wants_to_be_called_may_say_the_number(town: Town) -> None:
    boss, resident, number = await confidential(town)
    await resident.says(f"/add {number} 打我电话 {NUMBER}")
    await resident.says("就这样补上")
    assert NUMBER in boss.last.text


async def test_so_it_is_in_answer_to_a_question(town: Town) -> None:
    boss, resident, number = await confidential(town)
    await boss.says(f"/ask {number} 还有别人吗")
    await boss.says("发送")
    await resident.presses("看看")
    await resident.presses("打字补一句")
    await resident.says(f"有，电话{NUMBER}")
    assert "里面有电话号码" in resident.last.text
    await resident.says("不补了")
    assert "没有" in resident.last.text
    assert NUMBER not in boss.last.text


async def test_what_is_left_lying_is_called_to_mind(town: Town) -> None:
    boss, resident, number = await confidential(town)
    await resident.says(f"/add {number} 打我电话 {NUMBER}")
    resident.news()
    await town.becomes(datetime(2026, 9, 16, 12, 0, tzinfo=SHANGHAI))
    assert any("还没登记" in words for words in resident.news())
    await resident.presses("接着登记")
    await resident.presses("就这样补上")
    assert NUMBER in boss.last.text


async def test_a_person_asked_for_meanwhile_hears_it_without_a_name(town: Town) -> None:
    boss, resident, number = await confidential(town)
    await resident.says(f"/add {number} 打我电话 {NUMBER}")
    await resident.says("找真人")
    await boss.says(f"/case {resident.number()}")
    assert "保密件" in boss.last.text


async def test_a_named_case_takes_a_number_at_once(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.says(f"/add {number} 打我电话 {NUMBER}")
    assert NUMBER in official.last.text


@pytest.mark.parametrize(("tells", "seen"), [(NUMBER, "电话号码"), (IDENTITY, "身份证号")])
async def test_an_anonymous_answer_with_a_number_waits_for_a_second_look(town: Town, tells: str, seen: str) -> None:
    boss, resident = await asked(town)
    boss.news()
    await resident.says(f"有，找我 {tells}")
    assert f"里面有{seen}" in resident.last.text
    assert boss.news() == []
    await resident.says("有，还有两家")
    assert "转过去了" in resident.last.text
    await town.passes(days=2)
    (card,) = [words for words in boss.news() if "还有两家" in words]
    assert tells not in card


async def test_an_anonymous_answer_goes_as_it_is_where_that_is_wanted(town: Town) -> None:
    boss, resident = await asked(town)
    await resident.says(f"有，找我 {NUMBER}")
    await resident.presses("就这样转过去")
    assert "转过去了" in resident.last.text
    await town.passes(days=2)
    assert any(NUMBER in words for words in boss.news())


async def test_a_quarter_of_an_hour_later_nothing_of_it_is_there(town: Town) -> None:
    boss, resident = await asked(town)
    boss.news()
    await resident.says(f"有，找我 {NUMBER}")
    held = resident.last
    await town.passes(minutes=16)
    await resident.presses("就这样转过去", on=held)
    assert "再发一次" in resident.last.text
    assert boss.news() == []


async def test_not_solved_counts_at_once_and_its_number_waits(town: Town) -> None:
    boss, resident, number = await confidential(town)
    await boss.says(f"/answer {number} 查过了，已退款")
    await boss.says("发送")
    boss.news()
    await resident.says(f"没解决 打我电话{NUMBER}")
    assert "里面有电话号码" in resident.last.text
    news = boss.news()
    assert any("没解决" in words for words in news)
    assert not any(NUMBER in words for words in news)


async def test_a_number_that_an_edit_brings_is_pointed_out_first(town: Town) -> None:
    boss, resident, number = await confidential(town)
    message = await resident.says(f"/add {number} 还收了别人的")
    boss.news()
    await resident.edits(message, f"/add {number} 还收了别人的，找我 {NUMBER}")
    assert "里面有电话号码" in resident.last.text
    assert boss.news() == []
    await resident.presses("就这样补上")
    (card,) = boss.news()
    assert NUMBER in card


async def test_an_edit_that_changes_no_words_asks_nothing(town: Town) -> None:
    """Platforms tell of one also where only a preview of a link was added."""
    _boss, resident, number = await confidential(town)
    message = await resident.says(f"/add {number} 打我电话 {NUMBER}")
    await resident.says("就这样补上")
    await resident.edits(message, f"打我电话 {NUMBER}")
    assert "里面有电话号码" not in resident.last.text


async def test_an_edit_that_complains_of_staff_goes_to_none_of_those_it_may_be_about(town: Town) -> None:
    clerk = await town.official()
    resident = await consented(town)
    message = await resident.says(LAMP)
    await resident.presses("登记")
    clerk.news()
    await resident.edits(message, STAFF)
    assert "只有督办员" in "".join(resident.news()[-2:]) or "督办" in resident.last.text
    assert clerk.news() == []
    await clerk.says(f"/case {resident.number()}")
    assert "200" not in clerk.last.text
