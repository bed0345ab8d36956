"""What a preview says, and where there is none: a case that is over is refused before anybody reads a preview."""

import pytest

from bot.office.people.model import Role
from tests.handlers.talks import anonymously, confidentially, registered
from tests.rig import Someone, Town

CAREFUL = "别问姓名、电话、住址"


@pytest.mark.parametrize("way", ["confidential", "anonymous"])
async def test_a_question_typed_in_one_line_is_warned_like_one_that_is_asked_for(town: Town, way: str) -> None:
    boss = await town.official("du", Role.SUPERVISOR)
    number = (await confidentially(town))[1] if way == "confidential" else (await anonymously(town))[1]
    await boss.says(f"/ask {number} 哪一天的事")
    assert CAREFUL in boss.last.text
    assert "发送" in boss.last.labels
    await boss.says(f"/tell {number} 在查")
    assert CAREFUL not in boss.last.text


async def test_a_question_to_somebody_who_is_known_has_no_such_line(town: Town) -> None:
    official = await town.official()
    _resident, number = await registered(town)
    await official.says(f"/ask {number} 哪一天的事")
    assert CAREFUL not in official.last.text


async def closed(town: Town) -> tuple[Someone, str]:
    official = await town.official()
    resident, number = await registered(town)
    await official.says(f"/answer {number} 修好了")
    await official.says("发送")
    resident.news()
    return official, number


@pytest.mark.parametrize("command", ["tell", "ask", "answer"])
async def test_words_about_a_case_that_is_over_get_no_preview(town: Town, command: str) -> None:
    official, number = await closed(town)
    await official.says(f"/{command} {number} 还有一句")
    assert "这件已经了结了" in official.last.text
    assert "发送" not in official.last.labels
    await official.presses("只作备注")
    assert "记下了" in official.last.text


@pytest.mark.parametrize("command", ["tell", "ask", "answer", "contacted", "close"])
async def test_no_words_are_asked_for_about_a_case_that_is_over(town: Town, command: str) -> None:
    official, number = await closed(town)
    await official.says(f"/{command} {number}")
    assert "这件已经了结了" in official.last.text
    assert official.last.labels == []


async def test_a_reply_to_the_card_of_a_case_that_is_over_can_be_a_note(town: Town) -> None:
    official, number = await closed(town)
    await official.says(f"/case {number}")
    await official.says("还有一句", reply_to=official.last)
    assert official.last.labels == ["只作备注", "不发"]


async def test_what_is_not_answered_yet_is_not_kept_as_it_is(town: Town) -> None:
    head = await town.official("chen", Role.HEAD)
    _resident, number = await registered(town)
    for words in ("", " 灯是好的"):
        await head.says(f"/keep {number}{words}")
        assert "还没有答复" in head.last.text
        assert "发送" not in head.last.labels
