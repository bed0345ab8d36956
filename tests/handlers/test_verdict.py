"""“Not solved” is a promise to decide by a day: it is kept, or somebody is reminded of it (M33)."""

from datetime import datetime

from bot.office.people.model import Role
from tests.handlers.test_twice import answered
from tests.rig import SHANGHAI, Someone, Town


async def unsolved(town: Town) -> tuple[Someone, Someone, str]:
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident, _daughter, number = await answered(town)
    await resident.presses("没解决")
    assert "9 月 16 日" in resident.last.text
    return supervisor, resident, number


async def test_an_undecided_case_is_called_to_mind_on_the_promised_day(town: Town) -> None:
    head = await town.official("chen", Role.HEAD)
    supervisor, _resident, number = await unsolved(town)
    supervisor.news(), head.news()
    await town.becomes(datetime(2026, 9, 16, 9, 30, tzinfo=SHANGHAI))
    assert [number in words for words in supervisor.news()] == [True]
    assert [number in words for words in head.news()] == [True]


async def test_leaving_it_as_it_is_needs_a_reason_that_the_resident_reads(town: Town) -> None:
    supervisor, resident, number = await unsolved(town)
    await supervisor.presses("不重办")
    await supervisor.says("灯是好的，闪是电压不稳，已报供电所")
    resident.news()
    await supervisor.presses("发送")
    (told,) = resident.news()
    assert "已报供电所" in told
    assert "12388" in told
    supervisor.news()
    await town.becomes(datetime(2026, 9, 16, 12, 0, tzinfo=SHANGHAI))
    assert not [words for words in supervisor.news() if number in words]


async def test_done_again_needs_no_reminder(town: Town) -> None:
    supervisor, _resident, number = await unsolved(town)
    await supervisor.presses("重办")
    supervisor.news()
    await town.becomes(datetime(2026, 9, 16, 12, 0, tzinfo=SHANGHAI))
    assert not [words for words in supervisor.news() if "没解决" in words and number in words]


async def test_a_handler_decides_neither(town: Town) -> None:
    _supervisor, resident, number = await unsolved(town)
    handler = town.resident("zhou")
    resident.news()
    await handler.says(f"/keep {number} 就这样")
    await handler.says("发送")
    assert resident.news() == []
