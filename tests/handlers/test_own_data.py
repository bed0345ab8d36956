"""A person's own data: the whole of it in a file, and deleted so that the next word is a stranger's."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from bot.dialogue.event import FileKind, FileRef, Pressed, Said
from bot.dialogue.screen import encode_action
from bot.errors import NotSent
from bot.office.cases.tables import attachment, case, case_party, entry
from bot.office.people.model import Role
from bot.office.people.records import address, person
from bot.store.expiring import passing_file
from bot.store.queues import conversation, job, outbox, timer
from bot.store.transaction import Transaction
from tests.handlers.talks import LAMP, PHOTO, answered, code_in, confidentially, deletes_all, registered
from tests.handlers.traces import everything, legible
from tests.rig import SHANGHAI, Someone, Town

MARK = "（已应本人要求删除）"


def data_of(town: Town, resident: Someone) -> str:
    """The text of the file that somebody got last."""
    return town.store.files.get(resident.last.screen.files[0].digest).decode()


async def test_my_data_is_all_of_mine_and_nothing_of_others(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.sends(FileKind.PHOTO, PHOTO, text=f"/add {number} 就是这盏")
    daughter = town.resident("daughter")
    await resident.presses("给家人看进度")
    await daughter.opens()
    await daughter.says("好")
    await daughter.says(code_in(resident))
    await daughter.presses("一起收")
    await daughter.says(f"/add {number} 我妈腿不好")
    await official.says(f"/note {number} 这家老闹")
    await answered(town, official, number)
    await resident.says("我的资料")
    assert "理好了就发个文件给您" in resident.heard[-2].text
    text = data_of(town, resident)
    for words in (LAMP, "就是这盏", "照片", "修好了，换了新灯头", number, "zh_CN", "silent"):
        assert words in text
    for words in ("老闹", "腿不好", "wang", "zhou", "daughter"):
        assert words not in text
    await daughter.says("/mydata")
    followed = data_of(town, daughter)
    assert "我妈腿不好" in followed
    assert number in followed
    assert "楼道" not in followed.replace("我妈腿不好", "")
    assert LAMP not in followed
    assert "换了新灯头" not in followed


async def test_my_data_has_what_waits_to_be_registered(town: Town) -> None:
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.says("/request 井盖丢了一个")
    await resident.says("/mydata")
    assert "井盖丢了一个" in data_of(town, resident)
    assert resident.last.screen.files[0].name == "我的资料.txt"


async def test_the_file_is_sealed_and_goes_after_a_day(town: Town) -> None:
    resident, _number = await registered(town)
    await resident.says("/mydata")
    digest = resident.last.screen.files[0].digest
    stored = next((town.folder / "files").rglob(digest))
    assert LAMP.encode() not in stored.read_bytes()
    await town.becomes(town.clock.now() + timedelta(hours=23, minutes=59))
    assert stored.exists()
    await town.becomes(town.clock.now() + timedelta(minutes=2))
    assert not stored.exists()
    assert await town.counted(passing_file) == 0


async def test_asked_twice_within_a_minute_it_is_made_once(town: Town) -> None:
    resident, _number = await registered(town)
    for _time in range(2):
        await resident.says("/mydata")
    assert sum(bool(heard.screen.files) for heard in resident.heard) == 1
    await town.passes(minutes=1)
    await resident.says("/mydata")
    assert sum(bool(heard.screen.files) for heard in resident.heard) == 2


async def test_yes_deletes_nothing_and_neither_does_a_button_of_before(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await answered(town, official, number)
    await resident.says("删掉我的信息")
    await resident.says("好")
    await resident.presses("删掉我的信息")
    assert "真的全部删掉" in resident.last.text
    await resident.says("是")
    await resident.forges("forget.now")
    assert "可以，我把您的信息删掉" in resident.last.text  # "yes" pressed “no”, which is the main button there
    await resident.presses("删掉我的信息")
    await town.passes(minutes=11)
    await resident.presses("全部删除")
    assert "可以，我把您的信息删掉" in resident.last.text
    assert await town.counted(case_party) == 1


async def test_a_typed_word_is_as_good_as_the_button(town: Town) -> None:
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.says("删掉我的信息")
    await resident.presses("删掉我的信息")
    await resident.says("全部删除")
    assert "都删了" in resident.last.text


async def test_what_was_not_shown_is_not_taken_back(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await answered(town, official, number)
    await resident.says("删掉我的信息")
    await resident.presses("删掉我的信息")
    await resident.says("/request 井盖丢了，幸福里3号楼2单元门口")
    await resident.presses("登记")
    await resident.presses("全部删除")
    assert "您还有 1 件没有答复" in resident.last.text


async def test_the_case_stays_without_the_person(town: Town) -> None:
    official, head = await town.official(), await town.official("chen", Role.HEAD)
    resident, number = await registered(town)
    await resident.sends(FileKind.PHOTO, PHOTO, text=f"/add {number} 我电话13800138000")
    await official.says(f"/take {number}")
    await official.says(f"/note {number} 她家在502")
    await answered(town, official, number, "您说的“幸福里3号楼2单元的灯坏了”，修好了")
    await head.says("统计")
    figures = head.last.text
    await deletes_all(town, resident)
    assert "都删了" in resident.last.text
    await official.says(f"/case {number}")
    card = official.last.text
    for words in (LAMP, "13800138000", "502", "幸福里3号楼"):
        assert words not in card
    assert MARK in card
    assert "修好了" in card
    assert "看文件" not in "".join(official.last.labels)
    await head.says("统计")
    assert head.last.text == figures
    assert not list((town.folder / "files").rglob("?" * 64))
    assert await town.counted(case, case.c.number == number, case.c.erased_at.is_not(None)) == 1
    assert await town.counted(entry, entry.c.source.is_not(None)) == 0
    assert await town.counted(attachment) == 0


async def test_nothing_is_left_that_leads_to_the_person(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await answered(town, official, number)
    lane = town.store.keys.lookup.lane("silent", resident.chat)
    known = (await town.rows(select(address.c.id, address.c.person).where(address.c.lane == lane)))[0]
    await deletes_all(town, resident)
    assert await town.counted(person, person.c.id == known.person) == 0
    assert await town.counted(address, address.c.lane == lane) == 0
    assert await town.counted(outbox, outbox.c.address == known.id) == 0
    assert await town.counted(case_party, case_party.c.person == known.person) == 0
    assert await town.counted(conversation, conversation.c.id == lane) == 0
    assert await town.counted(timer, timer.c.lane == lane) == 0
    assert await town.counted(timer, timer.c.kind == "erasure.rest") == 0
    assert await town.counted(job, job.c.subject == known.person) == 0
    assert await town.counted(job, job.c.kind == "erasure.wipe", job.c.state != "done") == 0
    await town.becomes(town.clock.now() + timedelta(days=40))
    assert resident.last.text.startswith("都删了")  # the last message


async def test_whoever_writes_again_is_a_stranger(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await answered(town, official, number)
    await resident.says("删掉我的信息")
    await resident.presses("删掉我的信息")
    await resident.presses("全部删除")
    await resident.says(LAMP)  # before the last trace is gone
    assert "先给您留着" in resident.last.text
    await town.passes(seconds=3)
    await town.passes(seconds=3)
    await resident.says("好")
    await resident.presses("登记")
    second = resident.number()
    assert second != number
    await resident.says("我的事")
    assert number not in resident.last.text
    assert second in resident.last.text
    await official.says(f"/case {second}")
    assert LAMP in official.last.text


async def test_open_cases_are_taken_back_or_waited_for(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.says("删掉我的信息")
    assert "您还有 1 件没有答复" in resident.last.text
    await resident.says("好")
    assert "什么都没删" in resident.last.text
    official.news()
    await deletes_all(town, resident, taking_back=True)
    news = "\n".join(official.news())
    assert "居民撤回了" in news or "撤回" in news
    assert LAMP not in news
    assert MARK in news
    await official.says(f"/case {number}")
    assert LAMP not in official.last.text


async def test_what_was_queued_is_cancelled_for_everybody(town: Town) -> None:
    """At night a card waits for the official: with the person's words it does not go out any more."""
    official = await town.official("zhou", Role.HANDLER, "xingfuli")
    town.clock.set(datetime(2026, 9, 15, 20, 0, tzinfo=SHANGHAI))
    resident, number = await registered(town)
    assert LAMP not in "".join(heard.text for heard in official.heard)
    await deletes_all(town, resident, taking_back=True)
    await town.becomes(datetime(2026, 9, 16, 9, 0, tzinfo=SHANGHAI))
    told = "\n".join(heard.text for heard in official.heard)
    assert LAMP not in told
    assert number in told


async def test_a_followers_words_stay_and_the_others_go(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.presses("给家人看进度")
    daughter = town.resident("daughter")
    await daughter.opens()
    await daughter.says("好")
    await daughter.says(code_in(resident))
    await daughter.presses("一起收")
    await daughter.says(f"/add {number} 晚上看不见路")
    await answered(town, official, number)
    await deletes_all(town, daughter)
    await official.says(f"/case {number}")
    assert LAMP in official.last.text
    assert "晚上看不见路" not in official.last.text
    await deletes_all(town, resident)
    await official.says(f"/case {number}")
    assert LAMP not in official.last.text


async def test_an_official_stays_one_and_only_the_resident_goes(town: Town) -> None:
    official = await town.official()
    other, theirs = await registered(town, chat="li")
    await official.says("/request 我家井盖丢了，幸福里3号楼")
    await official.says("好")
    await official.presses("登记")
    own = official.number()
    await answered(town, official, theirs)
    assert own != theirs
    await official.says("删掉我的信息")
    assert "单位的记录" in official.last.text
    await official.presses("撤回，全部删掉")
    await official.presses("全部删除")
    await town.passes(seconds=3)
    await town.passes(seconds=3)
    assert "作为居民的信息都删了" in official.last.text
    await official.says("我的事")
    assert own not in official.last.text
    await official.says(f"/case {theirs}")
    assert "换了新灯头" in official.last.text
    await official.says("待办")
    assert "没有待办" in official.last.text
    assert other.number() == theirs


async def test_the_same_photo_of_somebody_else_stays(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    other, theirs = await registered(town, chat="li")
    await resident.sends(FileKind.PHOTO, PHOTO, text=f"/add {number}")
    await other.sends(FileKind.PHOTO, PHOTO, text=f"/add {theirs}")
    await answered(town, official, number)
    await deletes_all(town, resident)
    await official.says(f"/case {theirs}")
    await official.presses("看文件（1）")
    assert town.store.files.get(official.last.screen.files[0].digest)


async def test_a_file_that_is_being_fetched_goes_too(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await answered(town, official, number)
    town.channel.files["late"] = PHOTO
    leased: list[str] = []
    fetch = town.channel.fetch

    async def slow(ref: str, at_most: int) -> bytes:
        """While the file is on its way, its person is forgotten."""
        if ref == "late" and not leased:
            leased.append(ref)
            await resident_is_forgotten()
        return await fetch(ref, at_most)

    async def resident_is_forgotten() -> None:
        town.channel.fetch = fetch  # type: ignore[method-assign]  # the usual one again
        for name in ("forget.sure", "forget.now"):
            await town.channel.say(resident.chat, Pressed(encode_action(name), name), town.clock.now())
            await town.app.dispatcher.step()

    town.channel.fetch = slow  # type: ignore[method-assign]  # the person is forgotten meanwhile
    await resident.does(Said(f"/add {number}", (FileRef(FileKind.PHOTO, "late", len(PHOTO)),)))
    assert leased
    for _time in range(3):
        await town.passes(seconds=3)
    assert not list((town.folder / "files").rglob("?" * 64))
    assert await town.counted(job, job.c.kind == "file.fetch") == 0
    assert "都删了" in resident.last.text


async def test_nobody_to_say_farewell_to_does_not_keep_anything(town: Town) -> None:
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.says("删掉我的信息")
    await resident.presses("删掉我的信息")
    town.channel.send = closed_for_good  # type: ignore[method-assign,assignment]  # a page that nobody opens again
    await resident.presses("全部删除")
    await town.becomes(town.clock.now() + timedelta(hours=1, minutes=1))
    assert await town.counted(person) == 0
    assert await town.counted(outbox) == 0


async def closed_for_good(_outgoing: object) -> None:
    raise NotSent("closed", timedelta(days=1))


async def test_forgetting_is_no_way_to_go_on_guessing_codes(town: Town) -> None:
    _resident, number = await registered(town)
    thief = town.resident("thief")
    await thief.opens()
    for code in range(5):
        await thief.says(f"查进度 {number} 00000{code}")
    await deletes_all(town, thief)
    right = await town.store.writer.submit(lambda tx: _shared(town, tx, number))
    await thief.says(f"查进度 {number} {right}")
    assert "对不上" in thief.last.text
    await town.becomes(town.clock.now() + timedelta(hours=1, minutes=1))
    await thief.says(f"查进度 {number} {right}")
    assert "对不上" not in thief.last.text


def _shared(town: Town, tx: Transaction, number: str) -> str:
    office = town.app.office(tx)
    return office.cases.share(number, by=office.people.meet("silent", "wang"))


@pytest.mark.parametrize("command", ["/mydata", "/forget"])
async def test_strangers_may_ask_too(town: Town, command: str) -> None:
    stranger = town.resident("stranger")
    await stranger.says(command)
    assert stranger.last.text


async def test_a_preview_about_another_case_stays_a_draft(town: Town) -> None:
    wang, lamp = await registered(town)
    li, pipe = await registered(town, "幸福里5号楼水管漏水", "li")
    official = await town.official()
    for number, words in ((lamp, "灯周三去换"), (pipe, "水管周四去修")):
        await official.says(f"/take {number}")
        await official.says(f"/tell {number} {words}")
    preview = official.last
    await deletes_all(town, wang, taking_back=True)
    li.news()
    await official.presses("发送", on=preview)
    assert any("水管周四去修" in words for words in li.news())


async def harassed(town: Town) -> Someone:
    await town.official("du", Role.SUPERVISOR)
    resident, _number = await confidentially(town)
    await resident.says("我的事")
    await resident.presses(next(label for label in resident.last.labels if label.startswith("1 ")))
    await resident.presses("有人为难我")
    await resident.says("他昨晚堵在我家楼下骂canary")
    assert "这句也交给督办员了" in resident.last.text
    return resident


async def test_what_was_said_of_being_harassed_is_theirs_too(town: Town) -> None:
    resident = await harassed(town)
    await resident.says("/mydata")
    assert "他昨晚堵在我家楼下骂canary" in data_of(town, resident)


async def test_and_goes_with_the_rest(town: Town) -> None:
    resident = await harassed(town)
    await deletes_all(town, resident, taking_back=True)
    tables = [(name, words) for name, words in legible(town, await everything(town)) if "canary" in words]
    assert tables == []
