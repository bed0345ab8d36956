"""Photos sent together are one message, whenever their parts arrive."""

import msgspec
import pytest

from bot.dialogue.event import FileKind, FileRef, Said
from bot.office.people.model import Person
from bot.store.transaction import Transaction
from tests.rig import Someone, Town


async def consented(town: Town) -> Someone:
    resident = town.resident()
    await resident.says("/start")
    await resident.says("好")
    resident.news()
    return resident


def part(number: int, album: str = "a1", text: str = "") -> Said:
    return Said(text, (FileRef(FileKind.PHOTO, f"photo{number}", 10),), album=album)


async def test_an_album_is_shown_for_review_once(town: Town) -> None:
    resident = await consented(town)
    for number in range(3):
        await resident.does(part(number, text="楼道灯坏了 幸福里3号楼2单元" if number == 0 else ""))
    assert resident.news() == []
    await town.passes(seconds=2)
    (review,) = resident.news()
    assert "我这样登记" in review
    for number in range(3):
        town.channel.files[f"photo{number}"] = b""
    await resident.presses("登记")
    case = await town.store.writer.submit(lambda tx: town.app.office(tx).cases.mine(_person(town, tx))[0])
    files = await town.store.writer.submit(
        lambda tx: town.app.office(tx).cases._records.attachments(case.id, viewer=_person(town, tx))
    )
    assert len(files) == 3


async def test_a_press_right_after_an_album_does_not_lose_it(town: Town) -> None:
    resident = await consented(town)
    await resident.says("楼道灯坏了 幸福里3号楼2单元")
    await resident.does(part(1))
    await resident.does(part(2))
    await resident.presses("登记")  # pressed before the photos were seen: the review comes once more, with them
    assert any("照片收到" in words for words in resident.news())
    await town.passes(seconds=5)
    assert resident.news() == []


async def test_two_albums_in_a_row_are_two_messages(town: Town) -> None:
    resident = await consented(town)
    await resident.says("楼道灯坏了 幸福里3号楼2单元")
    await resident.does(part(1))
    await resident.does(part(2, album="a2"))
    await town.passes(seconds=2)
    reviews = [words for words in resident.news() if "照片收到" in words]
    assert len(reviews) == 2


async def test_an_album_waits_through_a_crash(town: Town) -> None:
    resident = await consented(town)
    await resident.does(part(1, text="楼道灯坏了 幸福里3号楼2单元"))
    town.crash()
    await town.open()
    await town.passes(seconds=2)
    assert any("我这样登记" in words for words in resident.news())


async def test_an_album_is_whole_though_its_moment_passes_while_nobody_is_there(town: Town) -> None:
    resident = await consented(town)
    await resident.does(part(1, text="楼道灯坏了 幸福里3号楼2单元"))
    await town.channel.say(resident.chat, part(2), town.clock.now())  # taken in, and then nothing more is done
    town.clock.advance(minutes=1)
    await town.settle()
    await town.passes(seconds=2)
    (review,) = resident.news()
    assert "我这样登记" in review


@pytest.mark.parametrize("caption", ["/withdraw 7K3M-9QX1", "/add 7K3M-9QX1 又灭了"])
async def test_an_album_that_cannot_be_heard_takes_nothing_else_with_it(town: Town, caption: str) -> None:
    """Its words name no case of theirs: that is said once, and what comes after it is heard."""
    resident = await consented(town)
    await resident.does(part(1, text=caption))
    await resident.does(part(2))
    await resident.says("楼道灯坏了 幸福里3号楼2单元")
    miss, review = resident.news()
    assert "没有这个编号" in miss
    assert "我这样登记" in review
    await resident.does(part(3, text=caption, album="a2"))
    await town.passes(seconds=5)
    assert "没有这个编号" in resident.news()[0]
    await resident.presses("登记")
    assert "登记好了" in resident.last.text


async def test_an_album_is_heard_as_it_was_changed(town: Town) -> None:
    resident = await consented(town)
    first = await resident.does(part(1, text="楼道灯坏了 幸福里3号楼2单元"))
    changed = part(1, text="楼道灯坏了 幸福里5号楼2单元")
    await resident.does(msgspec.structs.replace(changed, edited=True), first)
    await town.passes(seconds=5)
    assert "幸福里5号楼" in resident.last.text
    assert "幸福里3号楼" not in resident.last.text


def _person(town: Town, tx: Transaction) -> Person:
    """The resident as the office knows them."""
    return town.app.office(tx).people.meet(town.channel.name, "wang")
