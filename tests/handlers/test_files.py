"""Files of residents: fetched, checked, sealed, handed to officials; killed in between, too large, refused, gone."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from bot.delivery.jobs import LEASE
from bot.dialogue.event import FileKind, FileRef, Said
from bot.errors import Refused
from bot.fetching import Fetching
from bot.store.writer import no_failpoint
from tests.handlers.fuse import Crash, Fuse
from tests.handlers.talks import LAMP, PHOTO, registered
from tests.rig import Someone, Town


async def with_photo(town: Town) -> tuple[Someone, Someone, str]:
    official = await town.official()
    resident, number = await registered(town)
    await resident.presses("加照片")
    await resident.sends(FileKind.PHOTO, PHOTO)
    return official, resident, number


async def test_an_official_gets_the_stored_copy_without_its_metadata(town: Town) -> None:
    official, _resident, number = await with_photo(town)
    assert "文件到了" in official.last.text
    await official.presses("看文件（1）")
    shown = official.last.screen.files[0]
    stored = town.store.files.get(shown.digest)
    assert stored.startswith(b"\xff\xd8")
    assert number in official.last.text


async def test_a_file_of_a_channel_that_is_not_here_is_fetched_when_it_is(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A talk in the terminal works on the database of a stopped office: its files are not lost for that."""
    elsewhere = Fetching({}, town.store.files, town.store.space, no_failpoint)
    with monkeypatch.context() as patch:
        patch.setitem(town.app.worker._works, "file.fetch", elsewhere.fetch)
        official, _resident, _number = await with_photo(town)
    assert "文件到了" not in official.last.text
    await town.passes(minutes=2)
    assert "文件到了" in official.last.text


async def test_files_sent_together_that_do_not_come_through_are_one_message(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.presses("加照片")
    resident.news()
    town.channel.files["whole"] = PHOTO
    sent = [("lost1", 1000), ("large", 30 << 20), ("whole", len(PHOTO)), ("lost2", 1000)]
    await resident.does(Said(files=tuple(FileRef(FileKind.PHOTO, ref, size) for ref, size in sent)))
    (missing,) = [text for text in resident.news() if "没" in text and "文件" in text]
    assert "有 3 个文件没收到" in missing
    assert "超过 20 MB" in missing
    assert "没取到，请再发一次" in missing
    assert "文件到了" in official.last.text
    await official.says(f"/case {number}")
    assert "看文件（1）" in official.last.labels


async def test_a_file_is_named_and_shown_by_its_bytes_not_by_its_sender(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.presses("加照片")
    town.channel.files["trick"] = PHOTO
    await resident.does(Said(files=(FileRef(FileKind.DOCUMENT, "trick", len(PHOTO), "账单\u202egpj.exe"),)))
    await official.presses("看文件（1）")
    shown = official.last.screen.files[0]
    assert (shown.kind, shown.name) == ("photo", f"{number}-1.jpg")


async def test_what_a_device_says_of_a_file_keeps_no_matter_from_being_registered(town: Town) -> None:
    official = await town.official()
    resident = town.resident()
    for words in ("/start", "好"):
        await resident.says(words)
    town.channel.files["odd"] = PHOTO
    await resident.does(Said(LAMP, (FileRef(FileKind.DOCUMENT, "odd", len(PHOTO), mime="image/" + "x" * 90),)))
    await resident.presses("登记")
    assert "登记好了" in "".join(resident.news())
    assert "文件到了" in official.last.text


async def test_a_file_whose_platform_gives_a_long_reason_is_asked_for_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fetch(_ref: str, _at_most: int) -> bytes:
        raise Refused("400 Bad Request: wrong file_id or the file is temporarily unavailable")

    monkeypatch.setattr(town.channel, "fetch", fetch)
    _official, resident, _number = await with_photo(town)
    assert resident.last.labels == ["再发一次"]


async def test_a_file_lies_sealed_on_the_disk(town: Town) -> None:
    await with_photo(town)
    stored = [path for path in (town.folder / "files").rglob("*") if path.is_file()]
    assert stored
    assert all(PHOTO[:64] not in path.read_bytes() for path in stored)


@pytest.mark.parametrize("point", ["file stored", "job"])
async def test_killed_between_download_and_record_nothing_is_lost(tmp_path: Path, point: str) -> None:
    fuse = Fuse()
    town = await Town(tmp_path, f"sqlite:///{tmp_path}/huiyin.db", failpoint=fuse).open()
    official = await town.official()
    resident, _number = await registered(town)
    await resident.presses("加照片")
    fuse.name = point
    with pytest.raises(Crash):
        await resident.sends(FileKind.PHOTO, PHOTO)
    town.crash()
    town.clock.advance(seconds=LEASE.total_seconds() + 1)
    await town.open()
    await asyncio.sleep(0)
    await town.settle()
    assert "文件到了" in official.last.text
    await town.close()


async def test_a_full_disk_loses_no_file_however_long_it_lasts(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.presses("加照片")
    resident.news()
    sound, is_full = tempfile.mkstemp, True

    def draft(**where: Any) -> tuple[int, str]:
        handle, name = sound(**where)
        if is_full:
            os.close(handle)
            handle = os.open("/dev/full", os.O_WRONLY)  # every write fails: no space left on device
        return handle, name

    monkeypatch.setattr("bot.store.files.tempfile.mkstemp", draft)
    await resident.sends(FileKind.PHOTO, PHOTO)
    for _hour in range(12):
        await town.passes(hours=1)
    assert not any("再发一次" in words for words in resident.news())
    assert not [path for path in (town.folder / "files").rglob("*") if path.is_file()]  # no half files fill it up
    is_full = False
    await town.passes(hours=3)
    await official.says(f"/case {number}")
    assert "看文件（1）" in official.last.labels


async def test_a_file_that_is_too_large_is_said_at_once(town: Town) -> None:
    resident, number = await registered(town)
    await resident.presses("加照片")
    await resident.does(Said("", (FileRef(FileKind.PHOTO, "big", 21 * 1024 * 1024),)))
    assert "超过 20 MB" in resident.last.text
    assert number


async def test_a_file_that_is_gone_is_asked_for_again(town: Town) -> None:
    resident, _number = await registered(town)
    await resident.presses("加照片")
    await resident.does(Said("", (FileRef(FileKind.PHOTO, "expired", 1000),)))
    assert "再发一次" in resident.last.text


async def test_a_file_of_a_kind_that_is_not_taken_is_said(town: Town) -> None:
    resident, _number = await registered(town)
    await resident.presses("加照片")
    await resident.sends(FileKind.DOCUMENT, b"MZ" + bytes(200))
    assert "收不了" in resident.last.text


async def test_words_stay_when_their_photo_is_lost(town: Town) -> None:
    official = await town.official()
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.does(Said(LAMP, (FileRef(FileKind.PHOTO, "expired", 1000),)))
    await resident.presses("登记")
    await official.says(f"/case {resident.number()}")
    assert LAMP in official.last.text


@pytest.mark.parametrize("command", ["/add {number} 就是这盏", "/add {number}"])
async def test_a_photo_under_a_command_goes_where_the_command_says(town: Town, command: str) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.sends(FileKind.PHOTO, PHOTO, text=command.format(number=number))
    assert "补到“" in resident.last.text
    await official.says(f"/case {number}")
    assert "看文件（1）" in official.last.labels


async def test_a_photo_under_a_request_is_registered_with_it(town: Town) -> None:
    official, resident = await town.official(), town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.sends(FileKind.PHOTO, PHOTO, text="/request 幸福里3号楼2单元的灯坏了")
    await resident.presses("登记")
    await official.says(f"/case {resident.number()}")
    assert "看文件（1）" in official.last.labels


@pytest.mark.parametrize("words", ["您好", "谢谢", "。。。", "👍", "hello"])
@pytest.mark.parametrize("has_agreed", [True, False])
async def test_a_photo_with_a_greeting_is_a_matter_like_a_photo_alone(town: Town, words: str, has_agreed: bool) -> None:
    official, resident = await town.official(), town.resident()
    await resident.opens()
    if has_agreed:
        await resident.says("好")
    await resident.sends(FileKind.PHOTO, PHOTO, text=words)
    if not has_agreed:
        await resident.says("好")
    assert "照片收到" in resident.last.text
    await resident.presses("登记")
    await official.says(f"/case {resident.number()}")
    assert "看文件（1）" in official.last.labels


@pytest.mark.parametrize("words", ["", "您好"])
async def test_a_photo_that_was_asked_for_is_not_taken_for_another_matter(town: Town, words: str) -> None:
    official, (resident, number) = await town.official(), await registered(town)
    for said in (f"/take {number}", f"/ask {number} 能拍张照片吗", "发送"):
        await official.says(said)
    await resident.sends(FileKind.PHOTO, PHOTO, text=words)
    assert "另一件事" in resident.last.labels
    await resident.presses(resident.last.labels[0])
    assert number in resident.last.text
    await official.says(f"/case {number}")
    assert "看文件（1）" in official.last.labels


async def test_an_officials_photo_is_not_silently_left_out(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    card = official.last
    resident.news()
    await official.does(Said("修好了", (FileRef(FileKind.PHOTO, "p", 1),), reply_to=card.message))
    assert "文件不会一起发" in official.last.text
    await official.does(Said("", (FileRef(FileKind.PHOTO, "p", 1),), reply_to=card.message))
    assert "只能给居民发文字" in official.last.text
    assert (resident.news(), number) == ([], number)
