"""Odd and hostile input: handled or set aside, and nobody else waits for it."""

from datetime import UTC, datetime

import msgspec
import pytest

from bot.delivery.channel import Raw
from bot.dialogue.event import Event, Ignored, Pressed, Said, Who
from bot.store.transaction import Transaction
from tests.handlers.talks import LAMP, registered
from tests.rig import Town


async def test_sixty_four_kibibytes_of_text_are_kept_whole(town: Town) -> None:
    official = await town.official()
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    words = LAMP + "，" + "很黑" * 32_000
    await resident.says(words)
    await resident.presses("登记")
    number = resident.number()
    await official.says(f"/case {number}")
    assert f"({len(words)})" in official.last.text
    case = await town.store.writer.submit(lambda tx: _story(town, tx, number))
    assert case == words


def _story(town: Town, tx: Transaction, number: str) -> str:
    office = town.app.office(tx)
    by = office.people.meet("silent", "wang")
    return office.cases.story(office.cases.find(number, by), by)[0].words


@pytest.mark.parametrize(
    "text", ["\ud83d", "a\0b", "\u202e灯坏了", "\u200b", "/", "/@bot", "//", "‍" * 500, "【登记】", "%s{x}"]
)
async def test_no_text_breaks_the_talk(town: Town, text: str) -> None:
    resident = town.resident()
    await resident.says(text.encode("utf-8", "replace").decode())
    await resident.says("谢谢")
    assert resident.last.text == "不客气。"


@pytest.mark.parametrize(
    ("tag", "thanked"),
    [("ca-ES-valencia", "不客气。"), ("en-US-u-nu-latn", "You are welcome."), ("x" * 35, "不客气。")],
)
async def test_whatever_language_a_device_tells_its_owner_is_answered(town: Town, tag: str, thanked: str) -> None:
    resident, next_one = town.resident(language=tag), town.resident("li")
    await resident.says("谢谢")
    await next_one.says("谢谢")
    assert [resident.last.text, next_one.last.text] == [thanked, "不客气。"]


async def test_unknown_kinds_of_update_are_done_and_say_nothing(town: Town) -> None:
    resident = town.resident()
    await resident.does(Ignored("poll"))
    assert resident.heard == []


async def test_an_update_that_cannot_be_read_is_set_aside_and_others_go_on(town: Town) -> None:
    receiver = town.app.receivers[town.channel.name]
    await receiver.take_in([Raw("odd", "wang", b"\xff\xff not ours", datetime.now(UTC))])
    resident = town.resident()
    await resident.says("谢谢")
    assert resident.last.text == "不客气。"


async def test_ten_thousand_presses_of_one_delay_no_other(town: Town) -> None:
    flooder, other = town.resident("flood"), town.resident("other")
    await flooder.opens()
    receiver, now = town.app.receivers[town.channel.name], town.clock.now()
    body = msgspec.msgpack.encode(Event(Pressed("menu", "p"), now, Who("flood", "flood", "zh_CN"), "out1"))
    presses = [Raw(f"f{number}", "flood", body, now) for number in range(10_000)]
    await receiver.take_in(presses)
    mine = msgspec.msgpack.encode(Event(Said("谢谢"), now, Who("other", "other", "zh_CN"), "m1"))
    await receiver.take_in([Raw("o1", "other", mine, now)])
    handled, sender = 0, town.app.senders[town.channel.name]
    town.app.dispatcher._longest = 60.0  # seconds: a busy machine would cut each batch after its first event
    while not other.heard and handled < 4:
        handled += (await town.app.dispatcher.step()).handled
        await sender.step()
        await sender.idle()
    assert other.last.text == "不客气。"


async def test_ten_people_pressing_at_once_one_wins(town: Town) -> None:
    officials = [await town.official(f"o{number}") for number in range(10)]
    _resident, number = await registered(town)
    receiver, now = town.app.receivers[town.channel.name], town.clock.now()
    await receiver.take_in(
        [
            Raw(f"t{position}", person.chat,
                msgspec.msgpack.encode(Event(Pressed(f"case.take:{number}", "p"), now,
                                             Who(person.chat, person.chat, "zh_CN"), "out1")), now)
            for position, person in enumerate(officials)
        ]
    )  # fmt: skip
    await town.settle()
    texts = [person.last.text for person in officials]
    assert sum("这件归您了" in text for text in texts) == 1
    assert sum("已经有同事接了" in text for text in texts) == 9


async def test_after_a_refusal_older_numbers_press_nothing(town: Town) -> None:
    """A typed number means a button of the last screen, and what was not possible has none."""
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.says(LAMP)
    assert resident.last.labels[0] == "登记"
    await resident.opens("nonsense")  # a link of nobody
    assert not resident.last.labels
    await resident.says("1")
    assert not any("登记好了" in heard.text for heard in resident.heard)
