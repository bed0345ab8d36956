"""Changed messages: a further version in the case, new words in what waits, and never silence."""

import pytest

from bot.dialogue.event import FileKind, FileRef, Said
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
