"""The question for the place: what is no place is answered, and the question stays."""

import pytest

from tests.rig import Someone, Town


async def asked_for_place(town: Town) -> Someone:
    wang = town.resident()
    await wang.opens()
    await wang.says("好")
    await wang.says("楼道灯坏了好几天了")
    assert "在哪个小区" in wang.last.text
    return wang


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("谢谢", "不客气"),
        ("发位置", "点下面的"),
        ("住院的钱怎么报？", "一句话"),
        ("还有下水道堵了", "这件也记下了"),
    ],
)
async def test_what_is_no_place_is_answered_and_the_question_stays(town: Town, words: str, answer: str) -> None:
    wang = await asked_for_place(town)
    before = len(wang.heard)
    await wang.says(words)
    assert any(answer in heard.text for heard in wang.heard[before:])
    assert "在哪个小区" in wang.last.text
    await wang.says("幸福里3号楼2单元")
    assert "我这样登记" in wang.last.text
    assert words not in wang.last.text


@pytest.mark.parametrize(
    "words", ["就在菜市场旁边那个垃圾站", "三单元门口", "我家楼下", "村口", "不知道怎么说，就是老粮站对面"]
)
async def test_a_place_in_any_words_is_one(town: Town, words: str) -> None:
    wang = await asked_for_place(town)
    await wang.says(words)
    assert "我这样登记" in wang.last.text
    assert words in wang.last.text


async def test_the_further_fault_comes_next(town: Town) -> None:
    wang = await asked_for_place(town)
    await wang.says("还有下水道堵了")
    await wang.says("幸福里3号楼2单元")
    await wang.says("登记")
    assert "第 2 件" in wang.last.text
    assert "下水道堵了" in wang.last.text
