"""What residents and officials of tests do again and again, up to the point where a test begins."""

import re
from pathlib import Path

from tests.rig import Someone, Town

LAMP = "幸福里3号楼2单元的灯坏了"
STAFF = "窗口姓刘的工作人员收了我200块加急费，不给票"
PHOTO = (Path(__file__).parents[1] / "dialogues" / "lamp.jpg").read_bytes()
PAIR = re.compile(r"编号 ([0-9A-Z]{4}-[0-9A-Z]{4})，查询码 (\d{3} \d{3})")


async def registered(town: Town, words: str = LAMP, chat: str = "wang") -> tuple[Someone, str]:
    """A resident with one registered case."""
    resident = town.resident(chat)
    await resident.opens()
    await resident.says("好")
    await resident.says(words)
    await resident.presses("登记")
    return resident, resident.number()


async def consented(town: Town, chat: str = "wang") -> Someone:
    resident = town.resident(chat)
    await resident.opens()
    await resident.says("好")
    return resident


async def complains(town: Town, way: str, words: str = STAFF, chat: str = "he") -> Someone:
    resident = await consented(town, chat)
    await resident.says(words)
    await resident.presses(way)
    await resident.presses("交上去")
    return resident


async def anonymously(town: Town, words: str = STAFF) -> tuple[Someone, str, str]:
    resident = await complains(town, "匿名，不留账号", words)
    found = PAIR.search(resident.last.text)
    assert found, resident.last.text
    return resident, found[1], found[2]


async def confidentially(town: Town) -> tuple[Someone, str]:
    resident = await complains(town, "保密，能传话")
    return resident, resident.number()


async def deletes_all(town: Town, resident: Someone, *, taking_back: bool = False) -> None:
    """Both questions answered, and the time it takes."""
    await resident.says("删掉我的信息")
    await resident.presses("撤回，全部删掉" if taking_back else "删掉我的信息")
    await resident.presses("全部删除")
    await town.passes(seconds=3)
    await town.passes(seconds=3)


def code_in(resident: Someone) -> str:
    """What the family has to send."""
    found = re.search(r"查进度 \S+ \d{3} ?\d{3}", resident.last.text)
    assert found
    return found[0]


async def answered(town: Town, official: Someone, number: str, words: str = "修好了，换了新灯头") -> None:
    await official.says(f"/answer {number} {words}")
    await official.says("发送")
