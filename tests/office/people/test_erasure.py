"""A forgotten person leaves no trace in any byte: rows opened with every key, the file, its log, the store (T16)."""

import asyncio
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, select

from bot import upkeep
from bot.dialogue.event import FileKind, FileRef, Said
from bot.office.cases.erasing import AT_ONCE, without
from bot.office.cases.model import Kind
from bot.office.cases.service import Matter
from bot.office.cases.tables import case, case_party
from bot.office.people.erasure import others
from bot.office.people.records import person
from bot.store import wiping
from bot.store.schema import metadata
from bot.store.transaction import Transaction
from tests.handlers.fuse import Crash, Fuse
from tests.handlers.talks import PHOTO, answered, code_in, deletes_all, registered
from tests.rig import SHANGHAI, Someone, Town
from tests.unsealed import opened

NAME, PHONE, PLACE, FILE, CHAT = (
    "王秀英canary",
    "13912345678",
    "幸福里77号楼9单元",
    "遗嘱canary.pdf",
    "chat-canary-4711",
)
WORDS = f"我叫{NAME}，电话{PHONE}，{PLACE}的灯坏了"
CANARIES = (NAME, PHONE, PLACE, "幸福里77", FILE, CHAT)
PDF = b"%PDF-1.4 canary\n" + b"x" * 200
BLOBS = {
    table.name: [column for column in table.c if isinstance(column.type, LargeBinary)]
    for table in metadata.sorted_tables
}


class Ever:
    """Every sealed value that ever stood in a row when a transaction had been committed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.values: set[bytes] = set()

    def __call__(self, point: str) -> None:
        if point == "after commit":
            self.values |= self.now()

    def now(self) -> set[bytes]:
        found: set[bytes] = set()
        with sqlite3.connect(f"file:{self._file}?mode=ro", uri=True) as database:
            for table, columns in BLOBS.items():
                for column in columns:
                    found |= {row[0] for row in database.execute(f'SELECT "{column.name}" FROM "{table}"') if row[0]}
        database.close()
        return found


async def a_life(town: Town, chat: str = CHAT) -> tuple[Someone, Someone, str]:
    """Somebody who has left something in every corner."""
    official = await town.official()
    resident, number = await registered(town, WORDS, chat=chat)
    await resident.sends(FileKind.PHOTO, PHOTO, text=f"/add {number} {NAME}补充")
    town.channel.files["will"] = PDF
    await resident.does(Said(f"/add {number}", (FileRef(FileKind.DOCUMENT, "will", len(PDF), FILE),)))
    message = await resident.says(f"/add {number} {PLACE}门口")
    await resident.edits(message, f"{PLACE}门口，{NAME}")
    await resident.presses("给家人看进度")
    daughter = town.resident("daughter")
    await daughter.opens()
    await daughter.says("好")
    await daughter.says(code_in(resident))
    await daughter.presses("一起收")
    await daughter.says("我的事")
    await official.says("好")  # officials consent too, when they bring something of their own
    await official.says(f"/take {number}")
    await official.says(f"/note {number} {NAME}住{PLACE}，{PHONE}")
    await official.says(f"/ask {number} 几楼？")
    await official.says("发送")
    await resident.says(f"/add {number} 九楼，{NAME}")
    await official.says(f"/tell {number} {PLACE}的灯")  # shown and never sent
    await answered(town, official, number, f"{PLACE}的灯修好了")
    await daughter.says("我的事")
    await resident.says("没解决 " + NAME)
    await resident.says("/mydata")
    await resident.says(f"/request {PLACE}的井盖丢了")  # an open form
    return official, resident, number


async def opened_rows(town: Town) -> str:
    """Whatever the office's own keys open in whatever row, and all that stands there openly."""
    seen: list[str] = []
    for table in metadata.sorted_tables:
        for row in await town.rows(select(table)):
            for value in row:
                seen.append(opened(town.store.keys, value) if isinstance(value, bytes) else str(value))
    return "\n".join(seen)


def is_of_the_wiping(text: str) -> bool:
    """The last job's own row and its result: nonces, and the id of the job."""
    return text.startswith('{"marks":') or "erasure.wipe" in text


def kept_files(town: Town) -> list[bytes]:
    return [town.store.files.get(path.name) for path in (town.folder / "files").rglob("?" * 64)]


async def test_no_row_and_no_file_speaks_of_the_person(town: Town) -> None:
    _official, resident, _number = await a_life(town)
    before = await opened_rows(town)
    assert all(canary in before for canary in CANARIES)
    assert len(kept_files(town)) == 3
    await deletes_all(town, resident, taking_back=False)
    after = await opened_rows(town)
    assert [canary for canary in CANARIES if canary in after] == []
    assert kept_files(town) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_byte_of_what_was_sealed_is_left(tmp_path: Path, seed: int) -> None:
    """Among thirty others, so that pages were filled, split and joined."""
    file = tmp_path / "huiyin.db"
    ever = Ever(file)
    town = await Town(tmp_path, f"sqlite:///{file}", failpoint=ever, seed=seed).open()
    for other in range(20):
        await registered(town, f"幸福里3号楼{other + 1}单元的灯坏了", chat=f"other{other}")
    _official, resident, _number = await a_life(town)
    for other in range(20, 30):
        await registered(town, f"幸福里3号楼{other + 1}单元的灯坏了", chat=f"other{other}")
    assert len(ever.values) > 500
    ever(point="after commit")
    await deletes_all(town, resident)
    gone = ever.values - ever.now()
    assert len(gone) > 300
    content = file.read_bytes() + file.with_name("huiyin.db-wal").read_bytes()
    left = [value for value in gone if value[:12] in content]
    assert [value for value in left if not is_of_the_wiping(opened(town.store.keys, value))] == []
    for canary in CANARIES:
        assert canary.encode() not in content
    await town.close()


@pytest.mark.parametrize("point", ["mid-batch", "before commit", "after commit", "job", "wipe", "timer", "after claim"])
@pytest.mark.parametrize("turn", [0, 1])
async def test_killed_midway_it_goes_on_after_the_restart(tmp_path: Path, point: str, turn: int) -> None:
    fuse = Fuse()
    town = await Town(tmp_path, f"sqlite:///{tmp_path}/huiyin.db", failpoint=fuse).open()
    _official, resident, _number = await a_life(town)
    await resident.says("删掉我的信息")
    await resident.presses("删掉我的信息")
    if turn == 0:
        fuse.name = point
    try:
        await resident.presses("全部删除")
        fuse.name = point  # then a later step dies
        await town.passes(seconds=3)
    except Crash:
        town.crash()
        town.clock.advance(minutes=6)  # a lease ends
        await town.open()
        await asyncio.sleep(0)
        await town.store.writer.submit(town.app.senders[town.channel.name].ledger.settle_orphans)
        if point == "before commit" and turn == 0:
            await resident.presses("全部删除")  # it was never acknowledged: the platform hands it over again
    fuse.name = ""
    for _time in range(6):
        await town.passes(seconds=20)
    after = await opened_rows(town)
    assert [canary for canary in CANARIES if canary in after] == []
    assert kept_files(town) == []
    assert "都删了" in resident.last.text
    assert await town.counted(person) == 2  # the official, the daughter
    await town.close()


async def test_a_large_database_is_built_anew_by_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By day only where something is found; by night in any case, once."""
    rebuilt: list[datetime] = []
    rebuild = wiping.rebuild

    def noted(connection: sqlite3.Connection) -> None:
        rebuilt.append(town.clock.now())
        rebuild(connection)

    monkeypatch.setattr(upkeep, "SMALL", 0)
    town = await Town(tmp_path, f"sqlite:///{tmp_path}/huiyin.db").open()
    monkeypatch.setattr(wiping, "rebuild", noted)
    monkeypatch.setattr(wiping, "residue", lambda _file, _marks: 0)
    for chat in ("one", "two"):
        resident = town.resident(chat)
        await resident.says("你好")
        await deletes_all(town, resident)
    assert rebuilt == []
    await town.becomes(town.clock.now() + timedelta(days=2))
    assert [moment.astimezone(SHANGHAI).strftime("%d %H:%M") for moment in rebuilt] == ["16 03:40"]
    monkeypatch.setattr(wiping, "residue", lambda _file, _marks: 1)
    await town.resident("three").says("你好")
    await deletes_all(town, town.resident("three"))
    assert len(rebuilt) > 1
    await town.close()


async def test_a_person_with_many_cases_goes_in_slices(town: Town) -> None:
    """More than one transaction takes; what is taken back and told is so for each."""
    resident = town.resident(CHAT)
    await resident.opens()
    await resident.says("好")

    def brings(tx: Transaction) -> None:
        office = town.app.office(tx)
        by = office.people.meet(town.channel.name, CHAT)
        for number in range(AT_ONCE + 5):
            office.cases.register(Matter(kind=Kind.HELP, words=f"{NAME} {number}"), by=by, said_at=tx.now)
        office.told()

    await town.store.writer.submit(brings)
    await deletes_all(town, resident, taking_back=True)
    await town.passes(seconds=3)
    after = await opened_rows(town)
    assert NAME not in after
    assert await town.counted(case, case.c.status == "withdrawn") == AT_ONCE + 5
    assert await town.counted(case_party) == 0


def test_every_table_that_names_a_person_is_known_to_forgetting() -> None:
    """A table that comes later either goes with the person by its column `person`, or is named here with a reason."""
    handled = {
        "person", "address", "conversation", "inbox", "outbox", "timer", "job", "web_message", "passing_file",
        "case", "case_party", "entry", "attachment",
        "role_grant", "invite", "audit", "assignment", "case_event",  # the office's own acts, in ids and codes
        "case_round", "case_link", "fact", "look_up_miss", "staff_group", "group_card", "lease",  # nobody is named
        "notice",  # written and agreed to by officials
    }  # fmt: skip
    assert {table.name for table in metadata.sorted_tables} - handled - {table.name for table in others()} == set()


@pytest.mark.parametrize(
    "words, said, left",
    [
        ("修好了", ["灯坏了"], "修好了"),
        ("您说的“幸福里3号楼2单元灯坏了”已修", ["幸福里3号楼2单元灯坏了，快来"], "您说的“×”已修"),
        ("打13912345678没人接", ["我的电话 13912345678"], "打×没人接"),
        ("1234567890", ["x1234567890y"], "×"),
        ("一二三四五六七", ["一二三四五六七"], "一二三四五六七"),  # seven are no quotation
        ("", [""], ""),
    ],
)
def test_an_answer_keeps_all_but_what_it_repeats(words: str, said: list[str], left: str) -> None:
    assert without(words, said, "×") == left
