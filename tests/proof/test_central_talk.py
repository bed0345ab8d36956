"""The main talk from outside: `huiyin run` as a process, a strict Bot API over HTTP, kill -9 in the middle."""

import asyncio
import re
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.config import read_settings
from bot.office.cases.tables import attachment
from tests.fakebotapi import FakeBotApi, Message, Person
from tests.proof.outside import HUIYIN, PATIENCE, PHOTO, configured, rows, started, stopped, until

RECEIPT_WITHIN = 2.0  # seconds from the confirming press to the call that sends the receipt

pytestmark = [pytest.mark.sockets, pytest.mark.slow]


class Office:
    """The process, which may die and be started again."""

    def __init__(self, config: Path, log: Path) -> None:
        self._config = config
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    async def starts(self) -> None:
        self._process = await started(HUIYIN, "run", "--config", self._config, log=self.log)

    async def dies(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stops(self) -> None:
        assert self._process is not None
        await stopped(self._process)
        assert self._process.returncode == 0

    async def invites(self, *options: str) -> str:
        """The code in the link that the command prints."""
        process = await asyncio.create_subprocess_exec(
            HUIYIN, "invite", *options, "--config", self._config, stdout=asyncio.subprocess.PIPE
        )
        out, _err = await asyncio.wait_for(process.communicate(), PATIENCE)
        found = re.search(rb"start=(\S+)", out)
        assert found, out
        return found[1].decode()


async def sees(person: Person, part: str) -> Message:
    return await person.sees(part, timeout=60)


async def a_registered_lamp(api: FakeBotApi, alice: Person) -> tuple[str, Message]:
    """From the first word to the receipt; the case number, and the message that told of the lamp."""
    alice.starts()
    await sees(alice, "是程序，不是真人")
    told = alice.says("楼道灯坏了好几天了")
    await sees(alice, "先给您留着")
    alice.says("好")
    await sees(alice, "哪个小区")
    alice.says("幸福里3号楼2单元")
    await sees(alice, "我这样登记")
    alice.presses("登记")
    pressed = api.journal.entries[-1]
    receipt = await sees(alice, "登记好了")
    sent = next(entry for entry in api.journal.sent(alice.id) if entry.message_id == receipt.id)
    assert sent.at - pressed.at <= RECEIPT_WITHIN
    number = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", receipt.text or "")
    assert number
    return number[0], told


async def test_a_lamp_is_reported_answered_and_looked_up(tmp_path: Path) -> None:
    async with FakeBotApi() as api:
        office = Office(configured(tmp_path, api), tmp_path / "log")
        alice, zhou, daughter = api.person("王阿姨"), api.person("小周"), api.person("女儿")
        await office.starts()
        number, told = await a_registered_lamp(api, alice)
        assert "menu" in dict(alice.commands)

        alice.says(f"/add {number}")
        await sees(alice, "我补到编号")
        alice.sends_album([PHOTO, PHOTO + b"2"], caption="就是这盏")
        await api.until(lambda: api.is_drained, PATIENCE)
        await office.dies()  # the album has not been heard as a whole yet
        await office.starts()
        await sees(alice, f"里了（编号 {number}）")

        stored = select(attachment.c.id).where(attachment.c.state == "stored")
        await until(lambda: len(rows(read_settings(tmp_path / "config.toml"), stored)) == 2)

        zhou.starts(await office.invites("--role", "handler", "--department", "xingfuli"))
        await sees(zhou, "幸福里社区")
        await api.until(lambda: "queue" in dict(zhou.commands) or None, PATIENCE)
        zhou.says("待办")
        await sees(zhou, number)
        zhou.says(f"/take {number}")
        card = await sees(zhou, "就是这盏")
        await sees(alice, "幸福里社区在办了")
        zhou.presses("看文件（2）", message=card)
        await sees(zhou, "第 2 个文件，共 2 个")
        zhou.says("今天下午 3 点去换", reply_to=card)
        await sees(zhou, "还没发")
        zhou.presses("先回个话")
        await sees(alice, "今天下午 3 点去换")

        alice.edits(told, "楼道灯坏了十几天了")
        await sees(alice, "改")

        zhou.says(f"/answer {number} 修好了，换了新灯头")
        await sees(zhou, "还没发")
        zhou.says("发送")
        await office.dies()
        await office.starts()
        await sees(alice, "解决了吗")
        answers = [message for message in alice.received if "换了新灯头" in (message.text or "")]
        assert len([message for message in answers if "重发" not in (message.text or "")]) == 1

        alice.presses("给家人看进度", message=alice.find("登记好了"))
        shared = await sees(alice, "查进度")
        words = re.search(r"查进度 (\S+) (\d{3} ?\d{3})", shared.text or "")
        assert words
        daughter.says(words[0])
        await sees(daughter, "已答复")
        daughter.says(f"查进度 {number} 000000")
        await sees(daughter, "对不上")

        alice.says("没解决 又灭了")
        await sees(alice, "对不住")
        alice.blocks()
        alice.unblocks()
        alice.says("我的事")
        await sees(alice, number)
        await office.stops()
        assert api.complaints == []
    secret = api.token.partition(":")[2]
    assert secret not in office.log.read_text("utf-8")
    assert "楼道灯" not in office.log.read_text("utf-8")
