"""Whoever agrees types a number of people, and no more than those get it: who comes back later gets the next one."""

import pytest
from sqlalchemy import select, update

from bot.office.notices.tables import notice
from bot.office.people.records import role_grant
from tests.handlers.notices import NIGHT, WORDS, agreed, asked, office, presses, residents
from tests.rig import Someone, Town

OFFICE = "青石街道的通知"


async def follows(person: Someone, name: str) -> None:
    """Presses what stands for the office, an area or a topic, once."""
    await person.says("/subscribe")
    await presses(person, name)


async def got(town: Town, people: list[Someone]) -> list[bool]:
    for person in people:
        person.news()
    await town.passes(minutes=5)
    await town.passes(seconds=10)
    return [any(WORDS in words for words in person.news()) for person in people]


@pytest.mark.parametrize("leaves, comes_back", [
    ("blocks", "unblocks"),
    ("TD", OFFICE),
    (f"✓ {OFFICE}", OFFICE),
])  # fmt: skip
async def test_whoever_comes_back_after_it_was_asked_for_is_not_added(town: Town, leaves: str, comes_back: str) -> None:
    people = await residents(town)
    if leaves == "blocks":
        await people[0].blocks()
    elif leaves == "TD":
        await people[0].says("TD")
    else:
        await follows(people[0], leaves)
    chen, li = await office(town)
    await asked(town, chen)
    assert "发给全青石街道，2 人。" in li.last.text
    await town.passes(seconds=5)
    await (people[0].unblocks() if comes_back == "unblocks" else follows(people[0], comes_back))
    await li.presses("看过了，我来批")
    assert "2 人马上收到" in li.last.text
    await li.says("2")
    assert await got(town, people) == [False, True, True]
    assert "已送出 2" in chen.last.text
    await asked(town, chen)  # the next one is for them too
    assert "发给全青石街道，3 人。" in li.last.text


async def test_whoever_follows_an_area_again_is_not_added(town: Town) -> None:
    people = await residents(town)
    for person in people:
        await follows(person, "上河村")
    await follows(people[0], "✓ 上河村")
    chen, li = await office(town)
    await chen.says(f"/notice {WORDS}")
    await presses(chen, "上河村 2")
    await presses(chen, "就发这些")
    await chen.presses("送批")
    await town.passes(seconds=5)
    await follows(people[0], "上河村")
    await agreed(li, 2)
    assert await got(town, people) == [False, True, True]


async def test_what_is_urgent_finds_whoever_only_wanted_more_meanwhile(town: Town) -> None:
    """They were counted; that they choose something beside it must not cost them the warning."""
    people = await residents(town, 4)
    await follows(people[0], f"✓ {OFFICE}")
    for number in (1, 2):
        await follows(people[number], "上河村")
    await follows(people[1], "✓ 上河村")
    await people[3].says("TD")
    chen, li = await office(town)
    town.clock.set(NIGHT)
    await chen.says(f"通知 上河村：{WORDS}")
    await chen.presses("紧急，今晚发")
    await presses(chen, "上河村 2")
    await presses(chen, "就发这些")
    await presses(chen, "1 我自己")
    await chen.presses("送批")
    await town.passes(seconds=5)
    await follows(people[1], "上河村")
    await follows(people[2], f"✓ {OFFICE}")
    await follows(people[0], "上河村")
    await agreed(li, 2)
    assert await got(town, people) == [False, True, True, False]


async def test_the_whole_office_is_warned_whatever_else_is_chosen_meanwhile(town: Town) -> None:
    people = await residents(town, 4)
    await follows(people[0], f"✓ {OFFICE}")
    await people[3].says("TD")
    chen, li = await office(town)
    town.clock.set(NIGHT)
    await chen.says(f"通知 {WORDS}")
    await chen.presses("紧急，今晚发")
    await presses(chen, "全青石街道 3")
    await presses(chen, "1 我自己")
    await chen.presses("送批")
    await town.passes(seconds=5)
    await follows(people[0], OFFICE)
    await follows(people[1], f"✓ {OFFICE}")
    await follows(people[3], OFFICE)
    await agreed(li, 3)
    assert await got(town, people) == [True, True, True, False]


@pytest.mark.parametrize("change", [{"count": 4}, {"audience": '{"areas":["shanghe"]}'}, {"urgent": True}], ids=str)
async def test_what_is_not_what_was_agreed_to_does_not_start(town: Town, change: dict[str, object]) -> None:
    """However it came about: a hand in the database, a fault of ours."""
    people = await residents(town)
    chen, li = await office(town)
    await asked(town, chen)
    await agreed(li, 3)
    town.store.writer.run(lambda tx: tx.write(update(notice).values(**change)))
    assert await got(town, people) == [False, False, False]
    assert "和批的时候不一样，没有发" in chen.last.text


async def test_whoever_a_stop_spared_is_counted(town: Town) -> None:
    """Also those for whom nothing had been written down yet: the figures add up to the number agreed to."""
    await residents(town, 60)
    chen, li = await office(town)
    await asked(town, chen)
    await agreed(li, 60)
    await town.passes(seconds=61)
    await chen.says("停")
    assert "已送出 50" in chen.last.text
    assert "停掉的 10" in chen.last.text
    await town.passes(seconds=10)
    await chen.says("/notices")
    assert "停掉的 10" in chen.last.text


async def test_nobody_agrees_to_a_notice_of_a_former_official(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await asked(town, chen)
    await li.presses("看过了，我来批")
    former = select(notice.c.author).scalar_subquery()
    revoked = update(role_grant).where(role_grant.c.person == former)
    town.store.writer.run(lambda tx: tx.write(revoked.values(revoked_at=tx.now)))
    await li.says("3")
    assert "写这条的人现在不能发通知了" in li.last.text
    assert await got(town, people) == [False, False, False]
