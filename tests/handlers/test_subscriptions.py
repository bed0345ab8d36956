"""What residents follow and leave: at once, also what is on its way; what is urgent stays until everything is left."""

from bot.office.people.model import Role
from bot.store.transaction import Transaction
from tests.handlers.notices import NIGHT, WORDS, agreed, asked, office, presses, residents
from tests.rig import Someone, Town


async def sends(town: Town, chen: Someone, li: Someone, whom: str, people: int) -> None:
    """A notice to one choice, agreed to and gone out."""
    await chen.says(f"/notice {WORDS}")
    await presses(chen, whom)
    if not whom.startswith("全"):
        await presses(chen, "就发这些")
    await chen.presses("送批")
    await agreed(li, people)
    await town.passes(minutes=5)


async def urgently(town: Town, chen: Someone, li: Someone, whom: str, people: int) -> None:
    town.clock.set(NIGHT)
    await chen.says(f"/notice {WORDS}")
    await chen.presses("紧急，今晚发")
    await presses(chen, whom)
    if not whom.startswith("全"):
        await presses(chen, "就发这些")
    await presses(chen, "1 ")
    await chen.presses("送批")
    await agreed(li, people)
    await town.passes(minutes=5)


async def test_what_is_followed_is_shown_and_changed_by_a_press(town: Town) -> None:
    wang, *_others = await residents(town, 1)
    await wang.says("订阅")
    assert "✓ 青石街道的通知" in wang.last.labels
    assert "上河村" in wang.last.labels
    before = len(wang.heard)
    await wang.presses("上河村")
    await wang.presses("停水停电")
    assert len(wang.heard) == before  # changed in place
    assert {"✓ 上河村", "✓ 停水停电"} <= set(wang.last.labels)
    await wang.presses("✓ 上河村")
    assert "上河村" in wang.last.labels


async def test_before_consent_nothing_is_kept(town: Town) -> None:
    wang = town.resident()
    await wang.says("/subscribe")
    assert "好，开始" in wang.last.labels
    await wang.forges("follow:area:shanghe")
    assert "好，开始" in wang.last.labels
    await wang.presses("好，开始")
    assert "上河村" in wang.last.labels


async def test_a_notice_reaches_those_who_follow_and_nobody_twice(town: Town) -> None:
    people = await residents(town)
    for label in ("上河村", "下河村", "停水停电"):
        await people[0].says("/subscribe")
        await people[0].presses(label)
    await people[1].says("/subscribe")
    await people[1].presses("停水停电")
    chen, li = await office(town)
    for person in people:
        person.news()
    await sends(town, chen, li, "沿河三村 1", 1)
    assert [len(person.news()) for person in people] == [1, 0, 0]
    await chen.says(f"/notice {WORDS}")
    await presses(chen, "上河村")
    await presses(chen, "下河村")
    await presses(chen, "停水停电")
    await presses(chen, "就发这些：2 人")
    await chen.presses("送批")
    await agreed(li, 2)
    await town.passes(minutes=5)
    assert [len(person.news()) for person in people] == [1, 1, 0]


async def test_after_td_nothing_more_arrives_not_even_what_is_urgent(town: Town) -> None:
    people = await residents(town)
    for words in ("TD", "退订", "停"):
        person = people.pop()
        await person.says(words)
        assert "紧急的（台风、涨水、停水）也不发" in person.last.text
        people.insert(0, person)
    chen, _li = await office(town)
    town.clock.set(NIGHT)
    await chen.says(f"/notice {WORDS}")
    await chen.presses("紧急，今晚发")
    assert "全青石街道 0 人" in chen.last.labels


async def test_whoever_leaves_an_area_still_hears_of_what_is_urgent_there(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await people[0].says("/subscribe")
    for label in ("上河村", "✓ 上河村", "✓ 青石街道的通知"):
        await people[0].presses(label)
    for person in people:
        person.news()
    await sends(town, chen, li, "全青石街道", 2)
    assert [len(person.news()) for person in people] == [0, 1, 1]
    await urgently(town, chen, li, "上河村 1", 1)
    assert [len(person.news()) for person in people] == [1, 0, 0]


async def test_only_what_is_urgent_again_after_leaving_everything(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await people[0].says("TD")
    await people[0].presses("紧急的还要")
    for person in people:
        person.news()
    await sends(town, chen, li, "全青石街道", 2)
    assert [len(person.news()) for person in people] == [0, 1, 1]
    await urgently(town, chen, li, "全青石街道", 3)
    assert [len(person.news()) for person in people] == [1, 1, 1]


async def test_what_is_followed_is_among_the_data_that_is_kept(town: Town) -> None:
    wang, *_others = await residents(town, 1)
    await wang.says("/subscribe")
    await wang.presses("上河村")
    assert await followed(town, wang) == ["上河村"]
    await wang.presses("✓ 上河村")
    assert await followed(town, wang) == []


async def followed(town: Town, whom: Someone) -> list[str]:
    def read(tx: Transaction) -> list[str]:
        office = town.app.office(tx)
        held = office.holdings(office.people.meet(town.channel.name, whom.chat).id)
        return list(held.subscriptions) if held is not None else ["nobody"]

    return await town.store.writer.submit(read)


async def test_as_it_was_before_leaving(town: Town) -> None:
    wang, *_others = await residents(town, 1)
    await wang.says("/subscribe")
    await wang.presses("上河村")
    await wang.says("退订")
    await wang.presses("还照原来的收")
    assert {"✓ 青石街道的通知", "✓ 上河村"} <= set(wang.last.labels)


async def test_leaving_takes_back_what_waits_to_go_out(town: Town) -> None:
    """Held back by a platform that is away: after TD it does not go out, and the figures say so."""
    from datetime import timedelta

    from bot.errors import NotSent

    people = await residents(town, 1)
    chen, li = await office(town)
    await asked(town, chen)
    await agreed(li, 1)
    town.channel.fault = NotSent("away", timedelta(minutes=10))
    await town.passes(seconds=61)
    assert not people[0].news()
    await town.passes(seconds=10)
    assert "在重试 1" in chen.last.text
    await people[0].says("TD")
    await town.passes(minutes=30)
    assert [WORDS in words for words in people[0].news()] == [False]  # the answer alone, once the platform is back
    assert "停掉的 1" in chen.last.text
    assert "发完了" in chen.last.text


async def test_leaving_between_the_slices_leaves_out(town: Town) -> None:
    people = await residents(town, 60)
    chen, li = await office(town)
    await asked(town, chen)
    await agreed(li, 60)
    await town.passes(seconds=61)
    waiting = [person for person in people if not person.news()]
    assert len(waiting) == 10
    await waiting[0].says("TD")
    waiting[0].news()
    await town.passes(minutes=5)
    assert [len(person.news()) for person in waiting] == [0, *[1] * 9]


async def test_stop_in_a_form_ends_the_form_only(town: Town) -> None:
    wang, *_others = await residents(town, 1)
    await wang.says("楼道灯坏了")
    await wang.says("停")
    assert "什么都没登记" in wang.last.text or "没有登记" in wang.last.text or "不登记" in wang.last.text
    await wang.says("/subscribe")
    assert "✓ 青石街道的通知" in wang.last.labels


async def test_stop_from_an_official_with_nothing_on_its_way_leaves_nothing(town: Town) -> None:
    chen = await town.official("chen", Role.HEAD)
    await chen.opens()
    await chen.says("好")
    await chen.says("停")
    assert "想停什么" in chen.last.text or "没有开着" in chen.last.text or "现在没有" in chen.last.text
    await chen.says("/subscribe")
    assert "✓ 青石街道的通知" in chen.last.labels


async def test_a_button_of_something_that_is_no_more_changes_nothing(town: Town) -> None:
    wang, *_others = await residents(town, 1)
    await wang.says("/subscribe")
    labels = wang.last.labels
    for action in ("follow:area:atlantis", "follow:topic:atlantis", "follow:nothing:x"):
        await wang.forges(action)
    assert wang.last.labels == labels
