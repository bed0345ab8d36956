"""Command words and a plain “yes” where nothing is open: they are no content and go into no case."""

import pytest

from tests.handlers.talks import registered
from tests.rig import Town


@pytest.mark.parametrize("word", ["上一步", "跳过", "back", "skip"])
async def test_back_and_skip_with_nothing_open_are_no_content(town: Town, word: str) -> None:
    wang, number = await registered(town)
    await wang.says(word)
    assert "现在没有说到一半的事" in wang.last.text
    await wang.says(f"/case {number}")
    assert not any("补到" in heard.text for heard in wang.heard)


@pytest.mark.parametrize("word", ["好", "好的", "是", "行", "可以", "要", "嗯", "对", "同意", "ok", "yes"])
async def test_a_yes_to_nothing_is_small_talk(town: Town, word: str) -> None:
    """“Today at three, no need to wait”, says the office; “yes”, says the resident."""
    zhou = await town.official()
    wang, number = await registered(town)
    await zhou.says(f"/tell {number} 下午三点去换")
    await zhou.says("发送")
    await wang.says(word)
    assert "补到" not in wang.last.text
    assert "怎么处理" not in wang.last.text


@pytest.mark.parametrize("word", ["好", "好的", "是的", "行", "可以", "嗯", "对", "不用", "ok", "yes"])
async def test_a_yes_may_be_the_answer_to_what_the_office_has_asked(town: Town, word: str) -> None:
    zhou = await town.official()
    wang, number = await registered(town)
    for said in (f"/take {number}", f"/ask {number} 是三单元吗", "发送"):
        await zhou.says(said)
    await wang.says(word)
    assert "另一件事" in wang.last.labels
    await wang.presses(wang.last.labels[0])
    assert number in wang.last.text
    await zhou.says(f"/case {number}")
    assert f"：\n{word}" in zhou.last.text
