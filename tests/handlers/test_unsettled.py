"""Words that the bot could not place are kept together, called to mind once, and go where the resident says."""

from tests.handlers.talks import registered
from tests.rig import Someone, Town


async def unclear(town: Town) -> Someone:
    wang = town.resident()
    await wang.opens()
    await wang.says("好")
    await wang.says("那个公园")
    assert "您想让我怎么办" in wang.last.text
    return wang


async def test_a_second_unclear_message_joins_the_first(town: Town) -> None:
    wang = await unclear(town)
    await wang.says("就是那个亭子")
    await wang.presses("帮我登记")
    await wang.says("就在公园里")
    assert "那个公园" in wang.last.text
    assert "就是那个亭子" in wang.last.text


async def test_what_was_never_chosen_for_is_called_to_mind_once(town: Town) -> None:
    wang = await unclear(town)
    wang.news()
    await town.passes(hours=5)
    assert [words for words in wang.news() if "那个公园" in words]
    await town.passes(days=3)
    assert not wang.news()
    await wang.presses("找真人")
    assert "真人会在这里回您" in wang.last.text


async def test_every_open_case_can_be_chosen(town: Town) -> None:
    numbers = [(await registered(town, f"幸福里{building}号楼2单元的灯坏了"))[1] for building in (1, 2, 3, 4, 5)]
    wang = town.resident()
    await wang.says("灯还在闪，晚上没法走路")
    seen = set(wang.last.labels)
    while "我的其他几件" in wang.last.labels:
        await wang.presses("我的其他几件")
        seen |= set(wang.last.labels)
    assert len([label for label in seen if label.startswith("补到：")]) == len(numbers)
