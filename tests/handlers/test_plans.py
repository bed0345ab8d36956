"""Every statement of the main talk finds its rows by an index: cost grows with the work, not with the years."""

import re
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.dialogue.event import FileKind
from bot.office.people.model import Role
from tests.handlers.talks import PAIR, PHOTO, registered
from tests.rig import Town

SMALL = {  # as large as the staff, or of one row
    "role_grant", "fact", "invite", "staff_group", "alembic_version", "sqlite_master",
}  # fmt: skip


async def said_and_done(town: Town) -> None:
    """As many acts as one talk can hold."""
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    head = await town.official("chen", Role.HEAD)
    room = await town.staff_group(await town.official("ada", Role.ADMINISTRATOR))
    resident, number = await registered(town, "幸福里3号楼2单元的灯坏了")
    await resident.sends(FileKind.PHOTO, PHOTO, text=f"/add {number}")
    message = await resident.says(f"/add {number} 还是不亮")
    await resident.edits(message, "还是不亮，三天了")
    for words in ("待办", f"/take {number}", f"/ask {number} 几楼？", "发送", f"/note {number} 三楼"):
        await clerk.says(words)
    await resident.presses("答一句")
    await resident.says("三楼")
    for words in (f"/transfer {number} 住建办 是他们的", f"/answer {number} 修好了", "发送", "统计", "超期"):
        await clerk.says(words)
    for words in ("没解决 又灭了", "我的事", f"查进度 {number} 000000", "转人工", "政策"):
        await resident.says(words)
    await head.says(f"/redo {number}")
    await head.says("答复")
    await room.pressed_by(clerk, "回话")
    await town.passes(days=12)


async def complained(town: Town) -> None:
    """A complaint about a clerk from its first word to its result, and a supervisor who steps back."""
    first, second = await town.official("du", Role.SUPERVISOR), await town.official("fang", Role.SUPERVISOR)
    resident = town.resident("he")
    for words in ("/start", "好", "我要投诉窗口一个人，不能让他知道是我", "匿名，不留账号"):
        await resident.says(words)
    await resident.says("外来人口窗口姓刘的，办居住证收了我200块加急费，不给票")
    await resident.sends(FileKind.PHOTO, PHOTO)
    await resident.presses("用这张，交上去")
    ((number, code),) = PAIR.findall(resident.last.text)
    await resident.presses("抄好了，清掉聊天")
    await first.says(f"/ask {number} 还有谁？")
    await first.says("发送")
    await resident.says(f"查进度 {number} {code}")
    await resident.presses("答一句")
    await resident.says("没有了")
    await resident.says(f"查进度 {number} {code}")
    await resident.presses("有人为难我")
    await second.says(f"/subject {number}")
    await second.presses(second.last.labels[0])
    await second.says(f"/recuse {number}")
    await second.presses("是，回避")
    await town.passes(days=3)


@pytest.mark.parametrize("acts", [said_and_done, complained])
async def test_no_statement_of_a_talk_reads_a_whole_table(
    tmp_path: Path, acts: Callable[[Town], Awaitable[None]]
) -> None:
    town = await Town(tmp_path, f"sqlite:///{tmp_path}/huiyin.db").open()
    asked: set[str] = set()
    connection: Any = town.store.writer._connected().connection.dbapi_connection
    connection.set_trace_callback(lambda sql: asked.add(re.sub(r"\s+", " ", sql)))
    await acts(town)
    connection.set_trace_callback(None)
    scanned = {
        (table, sql[:300])
        for sql in asked
        if sql.startswith(("SELECT", "UPDATE", "DELETE"))
        for table in scans(tmp_path / "huiyin.db", sql)
    }
    await town.close()
    assert len(asked) > 100
    assert scanned == set()


def scans(file: Path, sql: str) -> set[str]:
    """The tables that the statement reads from end to end."""
    with sqlite3.connect(file) as database:
        steps = [str(step[-1]) for step in database.execute(f"EXPLAIN QUERY PLAN {sql}")]
    database.close()
    found = {match[1] for step in steps if (match := re.match(r"SCAN (\w+)\b(?! USING)", step))}
    return {table for table in found if table not in SMALL}
