"""Changed messages: a further version in the case, new words in what waits, and never silence."""

import pytest

from bot.dialogue.event import FileKind, FileRef, Said
from tests.handlers.talks import consented
from tests.rig import Town

LAMP = "楼道灯坏了 幸福里3号楼2单元"


async def test_an_edit_before_the_review_is_pressed_changes_the_words(town: Town) -> None:
    resident = town.resident()
    await resident.says("/start")
    await resident.says("好")
    message = await resident.says(LAMP)
    await resident.edits(message, "楼道灯坏了 幸福里5号楼1单元")
    assert "5号楼1单元" in resident.last.text
    assert "3号楼" not in resident.last.text


async def test_an_edit_of_words_that_wait_for_consent_is_kept(town: Town) -> None:
    resident = town.resident()
    message = await resident.says(LAMP)
    await resident.edits(message, "楼道灯坏了 幸福里5号楼1单元")
    await resident.says("好")
    assert "5号楼1单元" in resident.last.text


@pytest.mark.parametrize("consents_first", [True, False])
async def test_an_edit_after_registration_is_a_further_version(town: Town, consents_first: bool) -> None:
    resident, official = town.resident(), await town.official()
    words = ("/start", "好") if consents_first else ("/start",)
    for line in words:
        await resident.says(line)
    message = await resident.says(LAMP)
    if not consents_first:
        await resident.says("好")
    await resident.presses("登记")
    await resident.edits(message, LAMP + " 十几天了")
    assert "改的" in resident.last.text or "加到" in resident.last.text or "补" in resident.last.text
    await official.says(f"/case {resident.number()}")
    assert "十几天了" in official.last.text
    assert f"{LAMP}\n" in official.last.text


async def test_an_edit_of_something_else_is_not_met_with_silence(town: Town) -> None:
    resident = town.resident()
    await resident.says("/start")
    await resident.says("好")
    await resident.edits("m-unknown", "别的话")
    assert "直接说" in resident.last.text


async def test_none_of_many_messages_before_consent_is_dropped(town: Town) -> None:
    resident = town.resident()
    for number in range(14):
        await resident.says(f"第{number}样，楼道灯不亮")
    await resident.says("好")
    await resident.says("幸福里3号楼")
    told = "".join(resident.news())
    assert all(f"第{number}样" in told for number in range(14))


async def test_a_photo_that_was_changed_afterwards_is_asked_for_again(town: Town) -> None:
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    message = await resident.sends(FileKind.PHOTO, b"first", text="幸福里3号楼2单元的灯坏了")
    await resident.presses("登记")
    resident.news()
    for caption in ("", "幸福里3号楼2单元的灯坏了"):
        changed = Said(caption, (FileRef(FileKind.PHOTO, "other", 5),), edited=True)
        await resident.does(changed, message)
        assert any("再发一次" in words for words in resident.news())


async def test_an_edit_changes_its_own_words_and_no_others(town: Town) -> None:
    """One letter that stands everywhere, changed to a whole message, would else fill the memory in two steps."""
    resident = await consented(town)
    await resident.says(LAMP)
    message = await resident.says("急")
    await resident.says("急" * 300)
    await resident.edits(message, "很急" * 2000)
    await resident.edits(message, "特别急")
    assert resident.last.text.count("特别急") == 1
    assert "急" * 300 in resident.last.text


async def test_an_edit_that_does_not_fit_is_said_and_the_old_words_stay(town: Town) -> None:
    resident = await consented(town)
    await resident.says(LAMP)
    for _time in range(16):
        await resident.says("很急" * 2045)
    message = await resident.says("急")
    await resident.says("很急" * 2045)
    assert "放得下这么多" not in "".join(resident.news())
    await resident.edits(message, "急" * 4000)
    assert any("放得下这么多" in words for words in resident.news())
    await resident.presses("登记")
    assert "登记好了" in resident.last.text


async def test_an_edit_of_the_first_of_many_takes_no_others_with_it(town: Town) -> None:
    resident = town.resident()
    first = await resident.says("第0样，楼道灯不亮")
    for number in range(1, 14):
        await resident.says(f"第{number}样，楼道灯不亮")
    await resident.edits(first, "第0样，改成水管漏了")
    await resident.says("好")
    await resident.says("幸福里3号楼")
    told = "".join(resident.news())
    assert "改成水管漏了" in told
    assert all(f"第{number}样" in told for number in range(14))


async def test_an_edit_of_what_waits_has_no_more_room_than_words_have(town: Town) -> None:
    resident = town.resident()
    first = await resident.says("灯")
    for _time in range(4):
        await resident.says("很急" * 2400)
    resident.news()
    await resident.edits(first, "灯" * 4000)
    assert any("这条放不下了" in words for words in resident.news())
