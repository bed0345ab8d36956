"""Backups and their way back: whole or not there, sound or said, and nothing sent twice after a restore."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from bot import keeping
from bot.dialogue.event import FileKind
from bot.errors import ConfigError, NotSent
from bot.keeping import back_up, restore, verify
from bot.office.people.records import audit
from bot.outbox import answer_outbox
from bot.outside import Outside
from bot.sealing import make_keys
from bot.store import backup, held, queues
from bot.store.queues import RESTORED, Owed, Policy
from bot.store.transaction import Transaction
from bot.telling import Lane
from tests.handlers.notices import WORDS, agreed, asked, office, residents
from tests.handlers.talks import PHOTO, registered
from tests.postgres import EMPTY, a_database
from tests.rig import Town

DYING = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.store import backup
from bot.store.engine import read_url, watching_engine

address, files, folder, left = sys.argv[1:]
real, calls, fatal = os.fsync, 0, None

def counted(handle):
    global calls
    calls += 1
    if calls == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    real(handle)

os.fsync = counted
with backup.snapshot(watching_engine(read_url(address))) as connection:
    for day in (1, 2):
        backup.make(connection, Path(files), Path(folder), now=datetime(2026, 9, day, tzinfo=UTC),
                    version="0", revision="0", keys="0")
        fatal = calls + 1 if left == "None" else 2 * calls + 1 - int(left)
"""  # makes a backup, and dies in the next


async def kept(town: Town, folder: Path, keep: int | None = None) -> Path:
    await asyncio.to_thread(back_up, town.settings, folder, keep)
    return max(folder.glob("huiyin-*"))  # noqa: ASYNC240 - nobody else is waiting


async def with_a_case(town: Town) -> tuple[str, str]:
    """A case with a photo, an answer that went out, and one that waits for the night to end."""
    official = await town.official()
    resident, number = await registered(town)
    await resident.presses("加照片")
    await resident.sends(FileKind.PHOTO, PHOTO)
    await official.says(f"/tell {number} 今天去看")
    await official.says("发送")
    return number, resident.last.text


@asynccontextmanager
async def closed(town: Town) -> AsyncIterator[None]:
    """The office is down for the time of the block; it comes up again whatever happens there."""
    await town.close()
    try:
        yield
    finally:
        await town.open()


async def restored(town: Town, made: Path) -> list[str]:
    """The office destroyed, and brought back from the backup."""
    async with closed(town):
        shutil.rmtree(town.folder / "files", ignore_errors=True)
        outside = Outside(town.clock)
        return await asyncio.to_thread(restore, town.settings, made, replace=True, outside=outside)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that is moved aside is a file; the server's is restored into an empty one, below."""
    return f"sqlite:///{tmp_path}/huiyin.db"


async def test_an_office_comes_back_with_its_cases_files_and_chains(town: Town, tmp_path: Path) -> None:
    number, _last = await with_a_case(town)
    made = await kept(town, tmp_path / "backups")
    assert await asyncio.to_thread(verify, town.settings, made) == []
    await town.resident("later").opens()
    await restored(town, made)
    assert await asyncio.to_thread(verify, town.settings, None) == []
    official = await town.official()
    await official.says(f"/case {number}")
    assert "今天去看" in official.last.text
    await official.presses("看文件（1）")
    assert town.store.files.get(official.last.screen.files[0].digest).startswith(b"\xff\xd8")


async def test_what_was_owed_is_held_until_somebody_releases_it(town: Town, tmp_path: Path) -> None:
    number, _last = await with_a_case(town)
    await town.becomes(town.clock.now().replace(hour=13, minute=45))  # 21:45 there: officials hear in the morning
    resident = town.resident()
    await resident.says(f"/add {number} 灯还在闪")
    made = await kept(town, tmp_path / "backups")
    lines = await restored(town, made)
    assert "1 messages were owed" in "\n".join(lines)
    official = town.resident("zhou")
    before = len(official.heard)
    await town.passes(days=1)
    assert not [heard for heard in official.heard[before:] if "居民补充了" in heard.text]
    waiting = town.store.writer.run(held.listed)
    assert [row.cause for row in waiting] == [RESTORED]
    town.store.writer.run(lambda tx: held.release(tx, None))
    await town.settle()
    assert [heard for heard in official.heard[before:] if "居民补充了" in heard.text]


async def test_what_came_due_since_the_backup_is_held_too(town: Town, tmp_path: Path) -> None:
    """It may have gone out in that time: nobody hears it a second time before somebody says so."""
    official = await town.official()
    await registered(town)
    made = await kept(town, tmp_path / "backups")
    await town.passes(days=2)
    told = official.news()
    assert any("手上 1 件" in words for words in told)  # the morning message
    await restored(town, made)
    await town.passes(minutes=1)
    assert official.news() == []
    waiting = town.store.writer.run(held.listed)
    assert waiting
    assert {row.cause for row in waiting} == {RESTORED}
    await town.passes(days=1)  # what comes due from now on is said
    assert any("手上 1 件" in words for words in official.news())
    town.store.writer.run(lambda tx: held.release(tx, None))
    await town.settle()
    assert any("手上 1 件" in words for words in official.news())


async def test_a_notice_that_was_under_way_is_stopped_by_a_restore(town: Town, tmp_path: Path) -> None:
    people = await residents(town, 60)
    chen, li = await office(town)
    await asked(town, chen)
    await agreed(li, 60)
    await town.passes(seconds=61)
    assert sum(len(person.news()) for person in people) == 50  # the first; the others follow
    made = await kept(town, tmp_path / "backups")
    await town.passes(seconds=30)
    assert sum(len(person.news()) for person in people) == 10
    lines = await restored(town, made)
    assert "1 notice was under way" in "\n".join(lines)
    await town.passes(hours=3)
    assert all(person.news() == [] for person in people)
    await chen.says("/notices")
    assert "停了 · 全青石街道 60 人 · 已送出 50" in chen.last.text


async def test_a_notice_that_a_restore_has_stopped_is_not_released(town: Town, tmp_path: Path) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await asked(town, chen)
    await agreed(li, 3)
    town.channel.faults[people[0].chat] = NotSent("429", timedelta(hours=1))
    await town.passes(seconds=61)
    assert sum(len(person.news()) for person in people) == 2
    made = await kept(town, tmp_path / "backups")
    await restored(town, made)
    town.store.writer.run(lambda tx: held.release(tx, None))
    await town.passes(hours=2)
    assert people[0].news() == []


async def test_a_notice_whose_time_has_not_come_still_goes_out(town: Town, tmp_path: Path) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await asked(town, chen)
    await agreed(li, 3)
    made = await kept(town, tmp_path / "backups")
    await restored(town, made)
    await town.passes(minutes=3)
    assert [len(person.news()) for person in people] == [1, 1, 1]
    assert WORDS in people[0].last.text


def owe_many(tx: Transaction, count: int) -> None:
    for number in range(1, count + 1):
        queues.owe(tx, Owed(id=number, channel="silent", address=number, key="x", lane=Lane.REPLY,
                            policy=Policy.RESEND, body=b"sealed", not_before=tx.now))  # fmt: skip
    held.hold_all(tx)


async def test_thousands_are_released_and_only_the_first_are_named(town: Town) -> None:
    town.store.writer.run(lambda tx: owe_many(tx, 2500))
    lines = town.store.writer.run(lambda tx: answer_outbox(tx, town.house.means.ids, {"verb": "release", "ids": None}))
    assert len(lines) == held.MOST_LISTED + 2
    assert lines[-2:] == ["… and 2300 more", "2500 in all"]
    assert town.store.writer.run(held.listed) == []
    noted = select(func.count()).select_from(audit).where(audit.c.code == "outbox.released")
    assert town.store.writer.run(lambda tx: tx.read(noted).scalar()) == 2500


async def test_a_list_that_is_cut_says_how_much_is_left_out(town: Town) -> None:
    town.store.writer.run(lambda tx: owe_many(tx, 205))
    lines = town.store.writer.run(lambda tx: answer_outbox(tx, town.house.means.ids, {"verb": "list"}))
    assert len(lines) == 201
    assert lines[-1] == "… and 5 more"


async def test_whoever_writes_after_the_restore_is_answered_at_once(town: Town, tmp_path: Path) -> None:
    number, _last = await with_a_case(town)
    made = await kept(town, tmp_path / "backups")
    await restored(town, made)
    resident = town.resident()
    await resident.says("我的事")
    assert number in resident.last.text


async def test_the_keys_and_the_words_are_not_in_it(town: Town, tmp_path: Path) -> None:
    await with_a_case(town)
    made = await kept(town, tmp_path / "backups")
    keys = town.settings.security.key_file.read_text("ascii").encode()
    everything = b"".join(path.read_bytes() for path in made.rglob("*") if path.is_file())
    for secret in ("今天去看".encode(), "楼道灯".encode(), keys, PHOTO[:64]):
        assert secret not in everything
    assert {oct(path.stat().st_mode & 0o777) for path in made.rglob("*") if path.is_file()} == {"0o600"}


def cut(made: Path) -> None:
    path = made / "tables" / "case.rows"
    path.write_bytes(path.read_bytes()[:-3])


def lose(made: Path) -> None:
    next(path for path in (made / "files").rglob("*") if path.is_file()).unlink()


def add(made: Path) -> None:
    (made / "tables" / "more.rows").write_bytes(b"")


@pytest.mark.parametrize(("damage", "said"), [(cut, "changed"), (lose, "missing"), (add, "added")])
async def test_a_damaged_backup_is_said_and_not_restored(
    town: Town, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    await with_a_case(town)
    made = await kept(town, tmp_path / "backups")
    damage(made)
    assert any(said in line for line in await asyncio.to_thread(verify, town.settings, made))
    async with closed(town):
        with pytest.raises(ConfigError, match=said):
            restore(town.settings, made, replace=True)
    await town.resident().says("我的事")
    assert "您的事" in town.resident().last.text  # what was here is untouched


async def test_a_changed_act_is_found_in_its_chain(town: Town) -> None:
    await with_a_case(town)
    town.store.writer.run(lambda tx: tx.write(text("UPDATE case_event SET code = 'withdraw' WHERE number = 2")))
    assert any("was changed" in line for line in await asyncio.to_thread(verify, town.settings, None))
    town.store.writer.run(lambda tx: tx.write(text("DELETE FROM case_event WHERE number = 1")))
    assert any("missing" in line for line in await asyncio.to_thread(verify, town.settings, None))


async def test_only_the_newest_are_kept(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "Outside", lambda: Outside(town.clock))
    folder = tmp_path / "backups"
    made = [await kept(town, folder)]
    for _time in range(2):
        town.clock.advance(seconds=1)  # a backup is named by its second
        made.append(await kept(town, folder, 2))
    assert sorted(folder.glob("huiyin-*")) == made[1:]


async def test_other_keys_do_not_bring_it_back(town: Town, tmp_path: Path) -> None:
    made = await kept(town, tmp_path / "backups")
    file, ours = town.settings.security.key_file, tmp_path / "ours"
    async with closed(town):
        file.rename(ours)
        make_keys(file)
        with pytest.raises(ConfigError, match="not the key file"):
            restore(town.settings, made, replace=True)
        ours.rename(file)


async def test_a_restore_that_fails_leaves_nothing_half_done(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, say: the way is free for the next try."""
    await with_a_case(town)
    made = await kept(town, tmp_path / "backups")
    elsewhere = town.settings.model_copy(deep=True)
    elsewhere.database.url = f"sqlite:///{tmp_path}/elsewhere.db"

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(held, "hold_all", fail)
        with pytest.raises(OSError, match="No space"):
            restore(elsewhere, made, replace=False)
    assert not (tmp_path / "elsewhere.db").exists()
    restore(elsewhere, made, replace=False)


async def test_a_running_office_is_not_replaced(town: Town, tmp_path: Path) -> None:
    made = await kept(town, tmp_path / "backups")
    with pytest.raises(ConfigError, match="in use"):
        restore(town.settings, made, replace=True)


@pytest.mark.parametrize("left", [1, 2, 3, None])
async def test_a_killed_backup_leaves_nothing_that_looks_whole(town: Town, tmp_path: Path, left: int | None) -> None:
    """The second of two dies before as many calls to the disk as are left, or before its first: those say what is safe.

    With one left it has its name already, with two it lacks only that, with three its list has just been written.
    """
    await with_a_case(town)
    folder = tmp_path / "backups"
    arguments = (town.settings.database.url, str(town.folder / "files"), str(folder), str(left))
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", DYING, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL
    made, drafts = sorted(folder.glob("huiyin-*")), sorted(folder.glob(".partial-*"))
    assert (len(made), len(drafts)) == ((2, 0) if left == 1 else (1, 1))
    for whole in made:
        assert list(backup.faults(whole, backup.read_manifest(whole))) == []
    for draft in drafts:
        with pytest.raises(backup.Broken, match="never finished"):
            backup.read_manifest(draft)


async def test_a_backup_moves_from_one_database_to_the_other(town: Town, tmp_path: Path, postgres: str) -> None:
    number, _last = await with_a_case(town)
    made = await kept(town, tmp_path / "backups")
    with a_database(postgres, f"k12{os.getpid()}", like=EMPTY) as url:
        async with closed(town):
            other = Town(tmp_path, url)
            await asyncio.to_thread(restore, other.settings, made, replace=False)
            other.channel._run = "other"  # its updates are not those of the office before
            await other.open()
            resident = other.resident()
            await resident.says("我的事")
            assert number in resident.last.text
            back = await kept(other, tmp_path / "back")
            assert backup.read_manifest(back).rows["case"] == 1
            await other.close()
