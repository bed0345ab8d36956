"""An anonymous complaint leaves nothing behind that leads to its sender: every table, every byte, every crash."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.channels.web import history  # noqa: F401  its table is looked at too
from bot.delivery.jobs import LEASE
from bot.dialogue.event import FileKind
from bot.office.cases.tables import attachment, case, case_event, entry
from bot.office.people.model import Role
from bot.store.queues import conversation, inbox, job, outbox
from tests.handlers.fuse import Crash, Fuse
from tests.handlers.talks import PAIR, PHOTO
from tests.handlers.traces import Row, everything, legible, read
from tests.rig import Someone, Town
from tests.unsealed import opened

CHAT = "chat-5550199-canary"
CANARY = "外来人口窗口姓刘的，绿皮收据本上写着壹佰捌拾柒，canary"
HOUR = timedelta(hours=1)
HOUR_OF_IDS = 3_600_000 << 22
CASE_TABLES = ("case", "case_round", "entry", "attachment", "case_event", "assignment")


async def drafted(town: Town) -> Someone:
    """Everything said, a photo with it, nothing handed in yet."""
    await town.official("du", Role.SUPERVISOR)
    resident = town.resident(CHAT)
    await resident.opens()
    await resident.says("好")
    town.clock.advance(minutes=31)
    message = await resident.says("我要投诉窗口一个人，不能让他知道是我")
    await resident.presses("匿名，不留账号")
    await resident.says(CANARY)
    await resident.edits(message, f"{CANARY}改过")
    await resident.presses("加照片")
    await resident.sends(FileKind.PHOTO, PHOTO)
    town.clock.advance(seconds=7)
    return resident


async def test_no_words_of_it_stay_outside_the_case(town: Town) -> None:
    resident = await drafted(town)
    before = await everything(town)
    assert any("canary" in words for name, words in legible(town, before) if name == "conversation")
    await resident.presses("用这张，交上去")
    pair = PAIR.search(resident.last.text)
    assert pair
    after = await everything(town)
    assert told_of(town, after) <= {
        "case",
        "entry",
        "outbox",
    }  # in the outbox: the supervisor's card, which waits for its hour
    for row in after["outbox"]:
        if row["body"] is not None and "绿皮收据本" in opened(town.store.keys, row["body"]):
            assert row["not_before"] > town.clock.now()
            assert row["created_at"] == row["not_before"]
    assert {name for name, words in legible(town, after) if pair[1] in words} <= {"case", "outbox"}
    digits = pair[2].replace(" ", "")
    assert not [name for name, words in legible(town, after) if digits in words or pair[2] in words]
    assert not [name for name, words in legible(town, after) if "file0" in words]  # the platform's handle of the photo


def sides(tables: dict[str, list[Row]], the_case: int) -> tuple[list[tuple[str, Row]], list[tuple[str, Row]]]:
    """Rows that lead to the case, and rows that lead to the chat."""
    ids = {row["id"] for name in CASE_TABLES for row in tables[name] if the_case in (row["id"], row.get("case"))}
    officials = {row["person"] for row in tables["role_grant"]}
    homes = [row for row in tables["address"] if row["person"] not in officials]
    people = {row["person"] for row in homes} | {row["id"] for row in homes} | {row["lane"] for row in homes}
    every = [(name, row) for name, rows in tables.items() for row in rows]
    return [one for one in every if leads(one[1], ids)], [one for one in every if leads(one[1], people)]


def leads(row: Row, ids: set[int]) -> bool:
    return any(
        value in ids or (isinstance(value, str) and ids & {int(number) for number in re.findall(r"\d{5,}", value)})
        for value in row.values()
        if not isinstance(value, bytes | datetime)
    )


async def test_no_row_joins_the_chat_and_the_case(town: Town) -> None:
    resident = await drafted(town)
    await resident.presses("用这张，交上去")
    (found,) = await read(town, select(case.c.id))
    of_case, of_chat = sides(await everything(town), found[0])
    assert {name for name, _row in of_case} >= {"case", "entry", "attachment", "case_event", "timer", "outbox"}
    assert {name for name, _row in of_chat} >= {"inbox", "outbox", "conversation", "address", "person"}
    assert [name for name, row in of_case if (name, row) in of_chat] == []
    moments = {value for _name, row in of_chat for value in row.values() if isinstance(value, datetime)}
    for name, row in of_case:
        for column, value in row.items():
            if isinstance(value, datetime):
                assert all(abs(value - moment) > HOUR for moment in moments), (name, column, value)
    near = {row["id"] for _name, row in of_chat if row.get("id")}
    for name, row in of_case:
        assert all(abs(row["id"] - id_) > HOUR_OF_IDS for id_ in near), name
    assert [row for row in (await everything(town))["case_party"] if row["case"] == found[0]] == []


async def test_nothing_of_the_fetching_of_a_file_stays(town: Town) -> None:
    resident = await drafted(town)
    await resident.presses("用这张，交上去")
    (file,) = await read(town, select(attachment))
    assert (file.state, file.name, file.seconds) == ("stored", None, None)
    assert await read(town, select(job.c.id).where(job.c.kind == "file.fetch")) == []
    menus = {str(row.id) for row in await read(town, select(job.c.id))}
    assert {row.key for row in await read(town, select(inbox.c.key).where(inbox.c.channel == "job"))} <= menus
    (stored,) = list((town.folder / "files").rglob(file.digest))
    midnight = town.clock.now().astimezone(town.house.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    assert stored.stat().st_mtime == midnight.timestamp()


async def test_no_byte_of_what_was_sealed_for_the_talk_stays_in_the_files(tmp_path: Path) -> None:
    town = await Town(tmp_path, f"sqlite:///{tmp_path}/huiyin.db").open()
    resident = await drafted(town)
    sealed = [
        value
        for column in (conversation.c.state, outbox.c.body, inbox.c.raw)
        for (value,) in await read(town, select(column))
        if value is not None and "canary" in opened(town.store.keys, value)
    ]
    assert sealed
    assert any(value in raw_bytes(tmp_path) for value in sealed)
    await resident.presses("用这张，交上去")
    await resident.presses("抄好了，清掉聊天")
    data = raw_bytes(tmp_path)
    assert [value for value in sealed if value in data] == []
    for canary in (CANARY, "canary", "绿皮收据本", CHAT, "5550199"):
        assert canary.encode() not in data
    await town.close()


def raw_bytes(folder: Path) -> bytes:
    """The database, its log, and whatever else lies beside it."""
    return b"".join(path.read_bytes() for path in folder.glob("huiyin.db*") if path.is_file())


async def test_what_is_read_and_answered_by_code_leaves_nothing_either(town: Town) -> None:
    resident = await drafted(town)
    await resident.presses("用这张，交上去")
    pair = PAIR.search(resident.last.text)
    assert pair
    town.clock.advance(days=2)
    reader = town.resident("reader-canary")
    await reader.says(f"查进度 {pair[1]} {pair[2]}")
    await reader.presses("打字补一句")
    await reader.says("还有一次收了壹佰陆拾陆")
    (found,) = await read(town, select(case.c.id))
    tables = await everything(town)
    assert {name for name, words in legible(town, tables) if "壹佰陆拾陆" in words} <= {"entry", "outbox"}
    assert not [name for name, words in legible(town, tables) if name != "case" and pair[2].replace(" ", "") in words]
    of_case, of_chat = sides(tables, found[0])
    assert [name for name, row in of_case if (name, row) in of_chat] == []
    entries = [row for name, row in of_case if name == "entry"]
    assert {row["author"] for row in entries} == {None}
    assert {row["happened_at"].astimezone(town.house.zone).hour for row in entries} == {0}


async def test_the_words_stand_in_their_order_though_their_ids_are_by_chance(town: Town) -> None:
    supervisor = await town.official("first", Role.SUPERVISOR)
    resident = await drafted(town)
    await resident.presses("用这张，交上去")
    pair = PAIR.search(resident.last.text)
    assert pair
    await supervisor.says(f"/note {pair[1]} 备注一")
    await resident.says(f"查进度 {pair[1]} {pair[2]}")
    await resident.presses("打字补一句")
    await resident.says("补充二")
    await supervisor.says(f"/note {pair[1]} 备注三")
    await supervisor.says(f"/case {pair[1]}")
    places = [supervisor.last.text.index(words) for words in ("绿皮收据本", "备注一", "补充二", "备注三")]
    assert places == sorted(places)
    chain = await read(town, select(case_event.c.number).order_by(case_event.c.number))
    assert [row.number for row in chain] == [*range(1, len(chain) + 1)]


class Death:
    """Blows at a point once an event has been handled: the commit at hand is the event's own."""

    def __init__(self, town: Town, point: str) -> None:
        self._point = point
        self._handled = False
        town.app.dispatcher._failpoint = town.app.store.writer._failpoint = self

    def __call__(self, name: str) -> None:
        self._handled = self._handled or name == "mid-batch"
        if self._handled and name == self._point:
            raise Crash(name)


async def dies_at_the_submit(town: Town, resident: Someone, point: str) -> None:
    Death(town, point)
    with pytest.raises(Crash):
        await resident.presses("用这张，交上去")
    town.crash()
    await town.open()


@pytest.mark.parametrize("point", ["mid-batch", "before commit"])
async def test_killed_before_the_commit_nothing_is_registered_and_the_draft_waits(
    tmp_path: Path, database_url: str, point: str
) -> None:
    town = await Town(tmp_path, database_url).open()
    resident = await drafted(town)
    await dies_at_the_submit(town, resident, point)
    assert await read(town, select(case.c.id)) == []
    assert "conversation" in told_of(town, await everything(town))
    await town.settle()  # the press stood in the inbox
    assert len(await read(town, select(case.c.id))) == 1
    assert PAIR.search(resident.last.text)
    assert told_of(town, await everything(town)) <= {"case", "entry", "outbox"}
    await town.close()


async def test_killed_after_the_commit_it_is_registered_and_blanked(tmp_path: Path, database_url: str) -> None:
    town = await Town(tmp_path, database_url).open()
    resident = await drafted(town)
    await dies_at_the_submit(town, resident, "after commit")
    assert len(await read(town, select(case.c.id))) == 1
    assert told_of(town, await everything(town)) <= {"case", "entry", "outbox"}
    await town.settle()
    assert PAIR.search(resident.last.text)
    await town.close()


def told_of(town: Town, tables: dict[str, list[Row]]) -> set[str]:
    """The tables in which words of it stand."""
    return {name for name, words in legible(town, tables) if "绿皮收据本" in words}


async def test_killed_while_the_file_is_fetched_it_comes_all_the_same_and_leaves_nothing(
    tmp_path: Path, database_url: str
) -> None:
    fuse = Fuse()
    town = await Town(tmp_path, database_url, failpoint=fuse).open()
    resident = await drafted(town)
    fuse.name = "file stored"
    with pytest.raises(Crash):
        await resident.presses("用这张，交上去")
    town.crash()
    town.clock.advance(seconds=LEASE.total_seconds() + 1)
    await town.open()
    await town.settle()
    assert [row.state for row in await read(town, select(attachment.c.state))] == ["stored"]
    assert await read(town, select(job.c.id).where(job.c.kind == "file.fetch")) == []
    assert len(await read(town, select(entry.c.id))) == 1
    await town.close()


async def test_after_two_days_no_id_of_a_message_is_known(town: Town) -> None:
    resident = await drafted(town)
    await resident.presses("用这张，交上去")
    await resident.presses("抄好了，留着")

    async def known() -> list[str]:
        rows = await read(town, select(conversation.c.state))
        states = [opened(town.store.keys, row.state) for row in rows if row.state]
        return [state for state in states if re.search(r"in\d+", state)]

    assert await known()
    await town.becomes(town.clock.now() + timedelta(days=2, hours=12))
    assert await known() == []


@pytest.mark.parametrize("words", ["取消", "算了", "停", "/stop", "/cancel"])
async def test_not_handed_in_nothing_of_it_stays_by_whatever_word(town: Town, words: str) -> None:
    resident = await drafted(town)
    await resident.says(words)
    assert "没有交" in resident.last.text
    assert told_of(town, await everything(town)) == set()


async def test_a_draft_that_was_left_until_its_end_leaves_no_words(town: Town) -> None:
    await drafted(town)
    assert told_of(town, await everything(town)) == {"conversation"}
    await town.becomes(town.clock.now() + timedelta(days=10))
    assert told_of(town, await everything(town)) == set()
