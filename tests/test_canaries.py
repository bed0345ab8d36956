"""One long mixed talk with a canary in every field; whatever leaves is read for canaries that its reader must not see.

Threats T2, T5, T12. Once over the channel without a network, which shows screens as they are, and once over a strict
fake of the Bot API, which shows requests as they are made.
"""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from bot.app import App
from bot.channels.telegram.channel import TelegramChannel
from bot.database import open_store
from bot.delivery.channel import Outgoing, Raw
from bot.dialogue.event import Event, FileKind, FileRef, Said, Who
from bot.health.metrics import exposition
from bot.health.table import show
from bot.house import read_house
from bot.office.people.model import Role
from bot.outside import Outside
from bot.words import Message
from tests.channels.telegram.conftest import everything_logged
from tests.fakebotapi import FakeBotApi, Person
from tests.rig import Someone, Town

assert everything_logged  # a fixture
ADDRESSES = ("chat_id", "scope")  # where a request goes: its reader's own number
PDF = b"%PDF-1.4\n" + b"x" * 200
SHARED = re.compile(r"查进度 \S+ \d{3} ?\d{3}")
NUMBER = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b")

# what is said: canary → who may read it again
OFFICE = {"head", "supervisor"}
XINGFULI = {"clerk", *OFFICE}
MAY_READ: dict[str, set[str]] = {
    "灯canaryLAMP": {"wang", "daughter", *XINGFULI},  # the title: whoever has number and code may see it
    "13912340001": {"wang", *XINGFULI},
    "9单元canaryPLACE": {"wang", *XINGFULI},
    "补canaryADD": {"wang", *XINGFULI},
    "改canaryEDIT": {"wang", *XINGFULI},
    "遗嘱canaryFILE": {"wang"},  # a stored file is named by its case
    "又灭canaryAGAIN": {"wang", *XINGFULI},
    "女儿canaryDAUGHTER": {"daughter", *XINGFULI},
    "便条canaryNOTE": XINGFULI,
    "答复canaryANSWER": {"wang", "daughter", *XINGFULI},
    "钱canarySTAFF": {"li", "supervisor"},
    "刘canaryNAMED": {"li", "supervisor"},
    "吵canaryNOISE": {"zhao", *XINGFULI},
    "移交canaryPASS": {"qian", "desk", *XINGFULI},
    "理由canaryREASON": {"desk", *XINGFULI},
    "没同意canaryGUEST": {"guest"},
    "群里canaryGROUP": set(),
}
PEOPLE = ("wang", "daughter", "li", "zhao", "qian", "guest", "clerk", "desk", "head", "supervisor", "administrator")
NOBODY_READS = [f"{part}canary{who}" for who in PEOPLE for part in ("first", "last", "user")]


class Voice(Protocol):
    """Somebody who takes part in the talk."""

    async def says(self, text: str) -> Any: ...
    async def presses(self, label: str) -> Any: ...
    async def hands_in(self, name: str, caption: str) -> None: ...
    async def changes_last(self, text: str) -> None: ...
    def read(self) -> list[str]: ...


class Stage(Protocol):
    async def person(self, who: str) -> Voice: ...
    async def code(self, role: Role, department: str | None) -> str: ...
    async def passes(self, **span: float) -> None: ...
    async def group_talks(self, words: str) -> None: ...


def number_in(voice: Voice) -> str:
    return next(found[0] for words in reversed(voice.read()) if (found := NUMBER.search(words)))


async def mixed_talk(stage: Stage) -> None:
    """All kinds of residents and officials, from the first word to being forgotten."""
    people = {who: await stage.person(who) for who in PEOPLE}
    wang, li, zhao, qian = people["wang"], people["li"], people["zhao"], people["qian"]
    clerk, head, supervisor = people["clerk"], people["head"], people["supervisor"]
    for who, role, department in (
        ("clerk", Role.HANDLER, "xingfuli"), ("desk", Role.HANDLER, "medical-desk"), ("head", Role.HEAD, None),
        ("supervisor", Role.SUPERVISOR, None), ("administrator", Role.ADMINISTRATOR, None),
    ):  # fmt: skip
        await people[who].says(f"/start {await stage.code(role, department)}")
    for who in ("wang", "daughter", "li", "zhao", "qian"):
        await people[who].says("/start")
        await people[who].says("好")

    await people["guest"].says("/request 没同意canaryGUEST 幸福里3号楼的灯坏了")
    await people["guest"].says("不同意")
    await stage.group_talks("群里canaryGROUP 幸福里的灯坏了")
    await stage.group_talks("/cases 群里canaryGROUP")

    await wang.says("/request 灯canaryLAMP坏了好几天了" + "，" * 50 + "幸福里3号楼9单元canaryPLACE，电话13912340001")
    await wang.presses("登记")
    lamp = number_in(wang)
    await wang.says(f"/add {lamp} 补canaryADD")
    await wang.changes_last(f"/add {lamp} 改canaryEDIT")
    await wang.hands_in("遗嘱canaryFILE.pdf", f"/add {lamp}")
    await wang.says(f"/case {lamp}")
    await wang.says("我的事")
    await wang.presses("1 ")
    await wang.presses("给家人看进度")
    shared = next(found[0] for words in reversed(wang.read()) if (found := SHARED.search(words)))
    await people["daughter"].says(shared)
    await people["daughter"].presses("一起收")
    await people["daughter"].says(f"/add {lamp} 女儿canaryDAUGHTER")
    await people["qian"].says(f"查进度 {lamp} 000000")

    for words in ("待办", f"/take {lamp}", f"/note {lamp} 便条canaryNOTE", f"/case {lamp}"):
        await clerk.says(words)
    await clerk.presses("看文件")
    await clerk.says(f"/tell {lamp} 答复canaryANSWER 下午去")
    await clerk.says("发送")
    await clerk.says(f"/answer {lamp} 答复canaryANSWER 修好了")
    await clerk.says("发送")
    await wang.says("没解决 又灭canaryAGAIN")
    await head.says(f"/redo {lamp}")

    await li.says("/complain 窗口的工作人员刘canaryNAMED，办居住证收了我200块钱canarySTAFF")
    await li.presses("保密")
    await li.presses("交上去")
    sealed = number_in(li)
    await supervisor.says(f"/take {sealed}")
    await zhao.says("/complain 幸福里广场舞天天吵canaryNOISE到半夜")
    await zhao.presses("保密")
    await zhao.presses("登记")
    noise = number_in(zhao)
    await qian.says("/request 移交canaryPASS 幸福里3号楼的水管漏水")
    await qian.presses("登记")
    moved = number_in(qian)
    await clerk.says(f"/take {moved}")
    await clerk.says(f"/transfer {moved} 医保窗口 理由canaryREASON")
    await people["desk"].says(f"/take {moved}")
    for who in ("clerk", "desk", "head", "supervisor", "administrator", "qian"):
        for words in (
            "待办",
            "超期",
            "统计",
            f"/case {lamp}",
            f"/case {sealed}",
            f"/case {noise}",
            "/roles",
            "/mydata",
        ):
            await people[who].says(words)
    await wang.says("我的资料")
    await zhao.says("语言")
    await zhao.says("删掉我的信息")
    await zhao.presses("撤回，全部删掉")
    await zhao.presses("全部删除")
    await stage.passes(seconds=3)
    await stage.passes(seconds=3)
    await stage.passes(days=9)  # reminders, and what has become overdue
    await head.says(f"/case {noise}")


def leaks(journal: list[tuple[str, str]], identities: list[str]) -> list[tuple[str, str]]:
    """(reader, canary) of everything that reached somebody whom it must not reach."""
    found = []
    for reader, words in journal:
        found += [(reader, canary) for canary, readers in MAY_READ.items() if canary in words and reader not in readers]
        found += [(reader, canary) for canary in identities if canary in words]
    return found


def everything(journal: list[tuple[str, str]]) -> set[str]:
    """The canaries that reached somebody: a talk in which nothing is said would leak nothing."""
    return {canary for canary in MAY_READ for _reader, words in journal if canary in words}


async def said_by_the_machine(app: App) -> str:
    """What a monitor and an operator are shown."""
    report = await app.look()
    table = io.StringIO()
    show(report, table)
    await app.stop_looking()
    return table.getvalue() + exposition(report, app.counts()) + msgspec.json.encode(report).decode()


# --- screens as they are ---


class InTown:
    """Somebody on the channel without a network."""

    def __init__(self, town: Town, someone: Someone) -> None:
        self._town = town
        self._someone = someone
        self._last = ""

    async def says(self, text: str) -> None:
        self._last = await self._someone.says(text)

    async def presses(self, label: str) -> None:
        labels = [found for heard in self._someone.heard for found in heard.labels if found.startswith(label)]
        await self._someone.presses(labels[-1])

    async def hands_in(self, name: str, caption: str) -> None:
        self._town.channel.files[name] = PDF
        await self._someone.does(Said(caption, (FileRef(FileKind.DOCUMENT, name, len(PDF), name),)))

    async def changes_last(self, text: str) -> None:
        await self._someone.edits(self._last, text)

    def read(self) -> list[str]:
        return [heard.text for heard in self._someone.heard]


class TownStage:
    def __init__(self, town: Town) -> None:
        self.town = town
        self.journal: list[tuple[str, str]] = []
        self._names: dict[str, str] = {}
        heard = town._hear

        def hear(outgoing: Outgoing, message: str) -> None:
            screen = outgoing.screen
            files = "".join(self._shown(file.digest) for file in screen.files if file.name.endswith(".txt"))
            self.journal.append((self._names[outgoing.chat], repr(msgspec.to_builtins(screen)) + files))
            heard(outgoing, message)

        town.channel._heard = hear

    def _shown(self, digest: str) -> str:
        """The file of /mydata is read too."""
        return self.town.store.files.get(digest).decode()

    async def person(self, who: str) -> Voice:
        chat = f"usercanary{who}"
        self._names[chat] = who
        return InTown(self.town, self.town.resident(chat))

    async def code(self, role: Role, department: str | None) -> str:
        return await self.town.store.writer.submit(lambda tx: self.town.app.office(tx).people.invite(role, department))

    async def passes(self, **span: float) -> None:
        await self.town.becomes(_later(self.town, **span))

    async def group_talks(self, words: str) -> None:
        now = self.town.clock.now()
        event = Event(Said(words), now, Who("group", "usercanarywang", "zh_CN", False), f"g{words}")
        raw = Raw(f"g{words}", "group", msgspec.msgpack.encode(event), now, True)
        await self.town.app.receivers[self.town.channel.name].take_in([raw])
        await self.town.settle()


def _later(town: Town, **span: float) -> Any:
    return town.clock.now() + timedelta(**span)


async def test_no_screen_shows_anybody_what_is_not_theirs(town: Town, everything_logged: io.StringIO) -> None:
    stage = TownStage(town)
    await mixed_talk(stage)
    assert leaks(stage.journal, NOBODY_READS) == []
    assert set(MAY_READ) - everything(stage.journal) <= {"没同意canaryGUEST", "群里canaryGROUP", "遗嘱canaryFILE"}
    machine = await said_by_the_machine(town.app) + everything_logged.getvalue()
    assert [canary for canary in (*MAY_READ, *NOBODY_READS) if canary in machine] == []
    assert "person_erased" in machine


# --- requests as they are ---


class TelegramTown(Town):
    """The same office with one bot's token and no other channel."""

    def __init__(self, folder: Path, api: FakeBotApi) -> None:
        super().__init__(folder, f"sqlite:///{folder}/huiyin.db")
        self._api = api

    async def open(self) -> "TelegramTown":
        outside = Outside(self.clock, self._random, self._failpoint)
        self.store = open_store(self.settings, outside)
        channel = TelegramChannel(
            self._api.token, base_url=self._api.base_url, base_file_url=self._api.base_file_url, clock=self.clock,
            repeat_mark="（重发）", read_file=self.store.files.read,
        )  # fmt: skip
        channel.abilities = msgspec.structs.replace(channel.abilities, chat_spacing=0.0, per_second=1000)
        self.channel = channel  # type: ignore[assignment]  # in the place of the silent one
        await channel.check()
        platforms = {channel.name: Message("Nothing leaves this machine.")}
        self.house = read_house(self.settings, self.store.keys, outside, platforms)
        self.app = App(self.store, self.house, [channel], outside)
        await self.app.open()
        self._listening = asyncio.create_task(channel.receive(self.app.receivers[channel.name].take_in))
        return self

    async def settle(self) -> None:
        await self._api.until(lambda: self._api.is_drained or None, 60)
        await super().settle()


class OnPhone:
    """Somebody with a phone, in front of the fake Bot API."""

    def __init__(self, town: TelegramTown, person: Person) -> None:
        self._town = town
        self._person = person
        self._last: Any = None

    async def says(self, text: str) -> None:
        self._last = self._person.says(text)
        await self._town.settle()

    async def presses(self, label: str) -> None:
        self._person.presses(label)
        await self._town.settle()

    async def hands_in(self, name: str, caption: str) -> None:
        self._person.sends_document(PDF, name, caption=caption)
        await self._town.settle()

    async def changes_last(self, text: str) -> None:
        self._person.edits(self._last, text)
        await self._town.settle()

    def read(self) -> list[str]:
        return [message.text or "" for message in self._person.received]


class TelegramStage:
    def __init__(self, town: TelegramTown, api: FakeBotApi) -> None:
        self.town = town
        self._api = api
        self._group = api.group("群canary")
        self.names: dict[int, str] = {}
        self.people: dict[str, Person] = {}

    async def person(self, who: str) -> Voice:
        person = self._api.person(f"firstcanary{who}", last_name=f"lastcanary{who}", username=f"usercanary{who}")
        self.names[person.id], self.people[who] = who, person
        return OnPhone(self.town, person)

    async def code(self, role: Role, department: str | None) -> str:
        return await self.town.store.writer.submit(lambda tx: self.town.app.office(tx).people.invite(role, department))

    async def passes(self, **span: float) -> None:
        await self.town.becomes(_later(self.town, **span))

    async def group_talks(self, words: str) -> None:
        self._group.join(self.people["wang"])
        self.people["wang"].says(words, into=self._group)
        await self.town.settle()

    def journal(self) -> list[tuple[str, str]]:
        """Every request, with its reader; the reader's own number stands in it as the address."""
        found = []
        for entry in self._api.journal.entries:
            if entry.what == "call" and entry.method not in ("getUpdates", "getFile"):
                parameters = {name: value for name, value in entry.parameters.items() if name not in ADDRESSES}
                reader = self.names.get(int(entry.chat)) if entry.chat is not None else None
                found.append((reader or f"chat {entry.chat}", json.dumps(parameters, ensure_ascii=False, default=repr)))
        return found


@asynccontextmanager
async def a_telegram_town(folder: Path) -> AsyncIterator[TelegramStage]:
    async with FakeBotApi(limits=False) as api:
        town = await TelegramTown(folder, api).open()
        yield TelegramStage(town, api)
        await town.close()
        assert town._listening is not None
        await asyncio.gather(town._listening, return_exceptions=True)
        await town.channel.close()


@pytest.mark.sockets
@pytest.mark.slow
async def test_no_request_carries_to_anybody_what_is_not_theirs(
    tmp_path: Path, everything_logged: io.StringIO
) -> None:  # fmt: skip
    async with a_telegram_town(tmp_path) as stage:
        await mixed_talk(stage)
        numbers = [str(number) for number in stage.names] + [person.phone for person in stage.people.values()]
        journal = stage.journal()
        assert leaks(journal, [*NOBODY_READS, *numbers, "群canary"]) == []
        assert set(MAY_READ) - everything(journal) <= {"没同意canaryGUEST", "群里canaryGROUP", "遗嘱canaryFILE"}
        readers = {reader for reader, _words in journal if not reader.startswith("chat -")}  # a group hears no canary
        assert readers <= {*PEOPLE, "chat None"}
        machine = await said_by_the_machine(stage.town.app) + everything_logged.getvalue()
        secret = stage.town.channel._client.token.partition(":")[2]  # type: ignore[attr-defined]  # a channel of Telegram
        hidden = [*MAY_READ, *NOBODY_READS, *numbers, secret]
        assert [canary for canary in hidden if canary in machine] == []
