"""Who blocks the bot and comes back: what is owed to them waits for its time, and is not forgotten (M31)."""

from datetime import timedelta

from bot.errors import NotSent, Refused
from tests.handlers.talks import registered
from tests.rig import Someone, Town

AWAY = timedelta(minutes=10)


async def answered_while_the_network_is_away(town: Town) -> tuple[Someone, Someone]:
    """The resident, whose answer waits, and the clerk who gave it."""
    clerk = await town.official()
    resident, number = await registered(town)
    await clerk.says(f"/take {number}")
    town.channel.faults[resident.chat] = NotSent("network", AWAY)
    await clerk.says(f"/answer {number} 修好了，换了新灯头")
    await clerk.says("发送")
    assert not any("换了新灯头" in text for text in resident.news())
    await resident.blocks()
    return resident, clerk


async def test_an_answer_waits_for_whoever_blocked_the_bot_and_comes_back(town: Town) -> None:
    resident, clerk = await answered_while_the_network_is_away(town)
    await resident.unblocks()
    await town.passes(seconds=AWAY.total_seconds())
    assert any("换了新灯头" in text for text in resident.news())
    assert not any("没送到" in text or "送不到" in text for text in clerk.news())


async def test_whoever_does_not_come_back_is_told_otherwise_by_the_clerk(town: Town) -> None:
    """The platform takes nothing for a chat that has blocked the bot; each such row is failed, and somebody hears."""
    resident, clerk = await answered_while_the_network_is_away(town)
    clerk.news()
    town.channel.faults[resident.chat] = Refused("403 Forbidden: bot was blocked by the user", gone=True)
    await town.passes(seconds=AWAY.total_seconds())
    assert resident.news() == []
    (told,) = clerk.news()
    assert "没送到，请换个办法联系" in told


async def test_whoever_comes_back_later_hears_that_something_did_not_arrive(town: Town) -> None:
    resident, _clerk = await answered_while_the_network_is_away(town)
    town.channel.faults[resident.chat] = Refused("403 Forbidden: bot was blocked by the user", gone=True)
    await town.passes(seconds=AWAY.total_seconds())
    await town.passes(days=1)
    await resident.unblocks()
    (missed,) = resident.news()
    assert "有消息没送到" in missed
    assert "灯" not in missed
    await resident.unblocks()
    assert resident.news() == []
    await resident.blocks()
    await town.passes(days=1)
    resident.news()
    await resident.unblocks()
    assert resident.news() == []  # it is said once


async def test_whoever_missed_nothing_hears_nothing(town: Town) -> None:
    resident, _number = await registered(town)
    resident.news()
    await resident.blocks()
    await town.passes(minutes=1)
    await resident.unblocks()
    assert resident.news() == []
