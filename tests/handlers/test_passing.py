"""Passing on: a reason, an owner at every moment, an end to being passed around (M15, M18)."""

from bot.office.people.model import Role
from tests.handlers.talks import registered
from tests.rig import Someone, Town


async def offered(town: Town) -> tuple[Someone, Someone, Someone, str]:
    """A case of the community that is offered to the housing office."""
    giver = await town.official("zhou", Role.HANDLER, "xingfuli")
    taker = await town.official("bob", Role.HANDLER, "housing")
    resident, number = await registered(town, "幸福里3号楼2单元的灯坏了")
    await giver.says(f"/take {number}")
    await giver.presses("转办")
    await giver.presses("住建办")
    await giver.says("这盏灯是住建办装的")
    return giver, taker, resident, number


async def test_an_offered_case_stays_with_its_owner_until_accepted(town: Town) -> None:
    giver, taker, resident, number = await offered(town)
    assert "还算您的" in giver.last.text
    assert "这盏灯是住建办装的" in taker.last.text
    resident.news()
    await giver.says(f"/tell {number} 在问住建办")
    await giver.says("发送")
    assert any("在问住建办" in words for words in resident.news())
    await taker.presses("接")
    assert "归您了" in taker.last.text
    assert "经办人换了，日期不变" in resident.last.text
    assert f"您转出的 {number}，对方接了" in giver.last.text
    await giver.says(f"/case {number}")
    assert "没有这个编号" in giver.last.text  # it is another department's now


async def test_a_declined_offer_leaves_the_owner_and_says_why(town: Town) -> None:
    giver, taker, _resident, number = await offered(town)
    await taker.presses("退回")
    await taker.says("灯是社区的")
    assert "灯是社区的" in giver.last.text
    await taker.says(f"/case {number}")
    assert "没有这个编号" in taker.last.text
    await giver.says(f"/answer {number} 换好了")
    await giver.says("发送")
    assert "已答复" in giver.last.text


async def test_after_two_moves_only_the_head_decides(town: Town) -> None:
    giver, _taker, _resident, number = await offered(town)
    await giver.says(f"/transfer {number} 医保窗口 试试")
    await giver.says(f"/transfer {number} 住建办 再试")
    assert "已经转过 2 次" in giver.last.text
    head = await town.official("chen", Role.HEAD)
    await head.says(f"/transfer {number} 住建办 就由住建办办")
    assert "已问住建办" in head.last.text


async def test_nothing_moves_without_a_reason_or_to_nowhere(town: Town) -> None:
    giver = await town.official("zhou", Role.HANDLER, "xingfuli")
    _resident, number = await registered(town, "幸福里3号楼2单元的灯坏了")
    await giver.says(f"/transfer {number} 幸福里社区 x")
    assert "本来就在" in giver.last.text
    await giver.says(f"/transfer {number} 外星办 x")
    assert "转给哪里" in giver.last.text
    await giver.forges(f"case.passto:{number}:nowhere")
    assert "没有这个科室" in giver.last.text


async def test_what_nobody_owns_moves_at_once(town: Town) -> None:
    dispatcher = await town.official("dai", Role.DISPATCHER)
    housing = await town.official("bob", Role.HANDLER, "housing")
    _resident, number = await registered(town, "幸福里3号楼2单元的灯坏了")
    await dispatcher.says(f"/transfer {number} housing 是他们装的")
    assert "转到住建办了" in dispatcher.last.text
    assert number in housing.last.text


async def test_a_colleagues_case_is_refused_before_a_reason_is_asked_for(town: Town) -> None:
    mine, other = await town.official("zhou"), await town.official("li")
    _resident, number = await registered(town)
    await mine.says(f"/take {number}")
    await other.says(f"/transfer {number}")
    assert "同事" in other.last.text
    assert not other.last.labels


async def test_passed_on_twice_to_the_same_department_counts_once(town: Town) -> None:
    giver, taker, _resident, number = await offered(town)
    taker.news()
    await giver.says(f"/transfer {number} 住建办 手滑又点了一次")
    assert "已经问过那边了" in giver.last.text
    await giver.forges(f"case.passto:{number}:housing")
    assert "已经问过那边了" in giver.last.text  # before a second reason is written
    assert taker.news() == []
    await giver.says(f"/transfer {number} 医保窗口 试试")
    assert "已问医保窗口" in giver.last.text


async def test_what_was_declined_can_be_offered_again(town: Town) -> None:
    giver, taker, _resident, number = await offered(town)
    await taker.presses("退回")
    await taker.says("灯是社区的")
    await giver.says(f"/transfer {number} 住建办 合同在这里")
    assert "已问住建办" in giver.last.text
