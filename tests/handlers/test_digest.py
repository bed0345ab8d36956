"""The morning's message: for each official with something in hand, once a day; and the walk through what is urgent."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.errors import NotSent
from bot.office.people.model import Role
from bot.store.queues import timer
from tests.handlers.talks import LAMP, registered
from tests.rig import SHANGHAI, Someone, Town

LAST_DAY = datetime(2026, 9, 21, 8, 30, tzinfo=SHANGHAI)  # of what is registered on 9-15


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 9, day, hour, minute, tzinfo=SHANGHAI)


def mornings(person: Someone) -> list[str]:
    return [heard.text for heard in person.heard if "早上好" in heard.text]


async def three_cases(town: Town, *, taken: int = 3) -> tuple[Someone, list[str]]:
    """Three cases due on 9-21, so many of them Zhou's."""
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    numbers = [(await registered(town, LAMP, chat))[1] for chat in ("a", "b", "c")]
    for number in numbers[:taken]:
        await clerk.says(f"/take {number}")
    return clerk, numbers


async def test_each_working_morning_one_message_to_whoever_has_something_in_hand(town: Town) -> None:
    clerk, _numbers = await three_cases(town)
    idle = await town.official("bob", Role.HANDLER, "housing")
    await town.becomes(at(18, 8, 29))
    assert len(mornings(clerk)) == 2  # Wednesday, Thursday
    await town.becomes(at(18, 8, 30))
    assert mornings(clerk)[-1] == "早上好。您手上 3 件，都没到日子。"
    await town.becomes(at(20, 8, 29))
    assert len(mornings(clerk)) == 3  # no Saturday
    await town.becomes(at(20, 8, 30))  # a Sunday that is worked
    assert mornings(clerk)[-1].startswith("早上好。您手上 3 件：下一个工作日到期 3。")
    assert mornings(idle) == []


async def test_how_they_stand_adds_up(town: Town) -> None:
    clerk, numbers = await three_cases(town, taken=2)
    await clerk.says(f"/ask {numbers[1]} 几楼？")
    await clerk.says("发送")
    await town.becomes(at(16, 9))
    assert "您手上 3 件：等居民回话 1，其余 2 件没到日子。" in mornings(clerk)[-1]
    assert "其中 1 件还没人接" in mornings(clerk)[-1]
    await town.becomes(LAST_DAY)
    assert "您手上 3 件：今天到期 3。" in mornings(clerk)[-1]
    assert clerk.last.labels[:2] == ["先办急的 3 件", "全部"]
    await town.becomes(at(22, 8, 30))
    assert "您手上 3 件：超期 3。" in mornings(clerk)[-1]


async def test_nothing_else_comes_that_day_about_the_same_matters(town: Town) -> None:
    clerk, _numbers = await three_cases(town)
    clerk.news()
    await town.becomes(at(22, 17))
    told = clerk.news()
    assert len(told) == 6  # 16, 17, 18, 20, 21, 22
    assert all("早上好" in text for text in told)


async def test_the_head_hears_what_is_overdue_where_they_answer(town: Town) -> None:
    clerk, numbers = await three_cases(town)
    head, other = await town.official("chen", Role.HEAD, "xingfuli"), await town.official("he", Role.HEAD, "housing")
    await town.becomes(at(21, 17))
    assert mornings(head) == []
    await town.becomes(at(22, 8, 30))
    assert "一共超期 3 件" in mornings(head)[-1]
    assert mornings(other) == []
    await head.presses("超期（3）")
    assert all(number in head.last.text for number in numbers)
    assert "一共" not in mornings(clerk)[-1]


async def test_a_case_that_comes_on_its_day_is_still_reminded_of(town: Town) -> None:
    clerk, numbers = await three_cases(town)
    taker = await town.official("bob", Role.HANDLER, "housing")
    await town.becomes(at(21, 8, 45))
    assert mornings(taker) == []
    await clerk.says(f"/transfer {numbers[0]} housing 是他们的")
    await taker.presses("接")
    await town.becomes(at(21, 9, 5))
    assert "您手上 1 件：今天到期 1" in mornings(taker)[-1]
    assert len(mornings(taker)) == 1


async def test_an_office_that_was_away_at_half_past_eight_says_it_later_the_same_morning_once(tmp_path: Path) -> None:
    town = await Town(tmp_path, f"sqlite:///{tmp_path}/huiyin.db").open()
    clerk, _numbers = await three_cases(town)
    town.crash()
    town.clock.set(at(16, 10))
    await town.open()
    await town.settle()
    assert len(mornings(clerk)) == 1
    town.crash()
    await town.open()
    await town.passes(hours=1)
    assert len(mornings(clerk)) == 1
    await town.becomes(at(17, 8, 30))
    assert len(mornings(clerk)) == 2
    await town.close()


@pytest.mark.parametrize(("back", "next_day"), [(at(16, 15), 17), (at(16, 20), 17), (at(19, 10), 20)])
async def test_one_that_was_missed_for_good_is_not_made_up_for(
    tmp_path: Path, back: datetime, next_day: int
) -> None:  # fmt: skip
    town = await Town(tmp_path, f"sqlite:///{tmp_path}/huiyin.db").open()
    clerk, _numbers = await three_cases(town)
    town.crash()
    town.clock.set(back)
    await town.open()
    await town.settle()
    assert mornings(clerk) == []
    await town.becomes(at(next_day, 8, 29))
    assert mornings(clerk) == []
    await town.becomes(at(next_day, 8, 31))
    assert len(mornings(clerk)) == 1
    await town.close()


async def test_two_timers_say_it_once(town: Town) -> None:
    clerk, _numbers = await three_cases(town)
    await town.store.writer.submit(lambda tx: town.app.office(tx).remember("again", "day.digest", at(16, 8, 30)))
    await town.store.writer.submit(lambda tx: town.app.office(tx).remember("later", "day.digest", at(16, 9, 0)))
    await town.becomes(at(16, 12))
    assert len(mornings(clerk)) == 1


async def test_a_fault_in_it_does_not_end_the_series(town: Town) -> None:
    clerk, _numbers = await three_cases(town)
    route = town.app.router.timers["day.digest"]

    def fails(*_args: object) -> None:
        raise RuntimeError("no words")

    town.app.router.timers["day.digest"] = type(route)(route.name, fails, route.roles)
    await town.becomes(at(16, 12))
    assert mornings(clerk) == []
    town.app.router.timers["day.digest"] = route
    await town.becomes(at(17, 8, 31))
    assert len(mornings(clerk)) == 1


async def test_a_message_that_could_not_go_out_comes_later(town: Town) -> None:
    clerk, _numbers = await three_cases(town)
    town.channel.faults["zhou"] = NotSent("away", timedelta(minutes=10))
    await town.becomes(at(16, 8, 35))
    assert mornings(clerk) == []
    await town.becomes(at(16, 9))
    assert len(mornings(clerk)) == 1


async def test_whoever_left_hears_nothing(town: Town) -> None:
    clerk, _numbers = await three_cases(town)
    ada = await town.official("ada", Role.ADMINISTRATOR)
    await ada.says("/roles")
    position = next(line.split()[0] for line in ada.last.text.splitlines() if "经办人 · 幸福里社区" in line)
    await ada.presses(f"收回 {position}")
    await ada.presses("是，收回")
    await town.becomes(at(16, 12))
    assert mornings(clerk) == []


async def test_it_waits_as_one_timer(town: Town) -> None:
    waiting = select(timer.c.due_at).where(timer.c.kind == "day.digest", timer.c.state == "armed")
    for _time in range(2):
        due = await town.store.writer.submit(lambda tx: tx.flushed().execute(waiting).scalars().all())
        assert due == [at(16, 8, 30)]
        town.crash()
        await town.open()


# --- the walk ---


async def test_the_urgent_ones_one_after_another(town: Town) -> None:
    clerk, numbers = await three_cases(town)
    await town.becomes(LAST_DAY)
    await clerk.presses("先办急的 3 件")
    first = clerk.last
    assert first.text.startswith(f"1/3 今天 17:30 到期　{numbers[0]}　求助")
    assert "还没联系过居民" in first.text
    assert first.labels == ["回话", "问居民", "转出", "备注", "下一件"]
    await clerk.presses("下一件")
    assert clerk.last.text.startswith("2/3")
    await clerk.presses("下一件")
    await clerk.presses("下一件")
    assert "急的都看过了" in clerk.last.text


async def test_after_a_reply_the_next_one_comes_by_itself(town: Town) -> None:
    clerk, numbers = await three_cases(town)
    await town.becomes(LAST_DAY)
    await clerk.presses("先办急的 3 件")
    await clerk.says("石子拉到了", reply_to=clerk.last)
    await clerk.presses("先回个话")
    assert clerk.last.text.startswith("已发，算首次联系；这件还欠一个答复。\n2/3")
    await clerk.says("修好了", reply_to=clerk.last)
    await clerk.presses("作为答复")
    assert "3/3" in clerk.last.text
    assert numbers[2] in clerk.last.text


async def test_what_is_over_meanwhile_is_passed_by(town: Town) -> None:
    clerk, numbers = await three_cases(town)
    await town.becomes(LAST_DAY)
    await clerk.presses("先办急的 3 件")
    await town.resident("b").says(f"/withdraw {numbers[1]}")
    await town.resident("b").presses("是，撤回")
    await clerk.presses("下一件")
    assert clerk.last.text.startswith("3/3")


async def test_a_note_stays_with_its_card(town: Town) -> None:
    clerk, _numbers = await three_cases(town)
    await town.becomes(LAST_DAY)
    await clerk.presses("先办急的 3 件")
    await clerk.presses("备注")
    await clerk.says("老李去看")
    assert "2/3" not in clerk.last.text
