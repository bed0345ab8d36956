"""The product's own channel against the server: it sends nothing that the real one would mend or refuse."""

import asyncio
from collections.abc import Sequence

import pytest

from bot.delivery.channel import Menu, Outgoing, Raw
from bot.dialogue.event import Pressed, Said
from bot.dialogue.screen import Button, Mode, Request, Screen, Shown
from bot.errors import NotSent, Refused, Uncertain
from bot.text import as_text, bold
from tests.channels.telegram import tiny
from tests.fakebotapi import FakeBotApi, Fault

pytestmark = pytest.mark.sockets


async def test_a_whole_talk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tiny.FILES, "photo", b"\xff\xd8picture")
    got: list[Raw] = []

    async def intake(batch: Sequence[Raw]) -> None:
        got.extend(batch)

    async with FakeBotApi(tiny.TOKEN) as api, tiny.channel_of(api.url) as channel:
        alice = api.person("Alice")
        running = asyncio.create_task(channel.receive(intake))
        alice.starts()
        screen = Screen(as_text("做什么？"), rows=((Button("登记", "r"),),), lasting=(("菜单",),))
        sent = await channel.send(Outgoing(1, str(alice.id), screen))
        press = alice.presses("登记")
        await api.until(lambda: len(got) == 2)
        assert isinstance(channel.decode(got[1].body).what, Pressed)
        edit = Screen(bold("请说"), mode=Mode.IN_PLACE, toast="好")
        await channel.send(Outgoing(2, str(alice.id), edit, edits=sent.messages[0], answers=press.id))
        assert (await press.answered()).text == "好"
        assert (await alice.sees("请说")).entities[0]["type"] == "bold"
        photo = Screen(as_text("附件"), files=(Shown("photo", "photo", "a.jpg"),))
        await channel.send(Outgoing(3, str(alice.id), photo))
        assert alice.screen is not None
        assert alice.file(alice.screen) == b"\xff\xd8picture"
        place = Screen(as_text("在哪里？"), rows=((Button("发送位置", "p", request=Request.PLACE),),))
        await channel.send(Outgoing(4, str(alice.id), place))
        alice.taps("发送位置")
        said = alice.sends_document(b"%PDF", "诉求.pdf")
        await api.until(lambda: len(got) == 4 and api.is_drained)
        what = channel.decode(got[3].body).what
        assert isinstance(what, Said)
        assert await channel.fetch(what.files[0].ref, 1000) == b"%PDF"
        await channel.publish(Menu((("menu", "菜单"),), language="zh-hans", chat=str(alice.id)))
        assert alice.commands == [("menu", "菜单")]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert said.update_id is not None
        assert api.complaints == []


@pytest.mark.parametrize(
    "kind, error, arrived",
    [
        (Fault.RESET_BEFORE, Uncertain, 0),
        (Fault.RESET_AFTER, Uncertain, 1),
        (Fault.HALF, Uncertain, 1),
        (Fault.BAD_GATEWAY, Uncertain, 0),
        (Fault.BAD_JSON, Uncertain, 1),
        (Fault.FLOOD, NotSent, 0),
        (Fault.REFUSE, NotSent, 0),
        (Fault.FORBIDDEN, Refused, 0),
        (Fault.MIGRATE, Refused, 0),
    ],
)
async def test_what_a_fault_means(kind: Fault, error: type[Exception], arrived: int) -> None:
    async with FakeBotApi(tiny.TOKEN) as api, tiny.channel_of(api.url) as channel:
        alice = api.person("Alice")
        alice.starts()
        api.faults.add(kind, method="sendMessage")
        with pytest.raises(error):
            await channel.send(Outgoing(1, str(alice.id), Screen(as_text("x"))))
        assert len(alice.received) == arrived
