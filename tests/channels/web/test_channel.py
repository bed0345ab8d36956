"""One side of the web chat against visitors who speak its protocol: acknowledgements, order, history, edits."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from bot.channels.web import channel as web_channel
from bot.channels.web import routes
from bot.channels.web.sides import OFFICE
from bot.delivery.channel import Channel, Outgoing, Sent
from bot.dialogue.event import Linked, Pressed, Said, Spot, Who
from bot.dialogue.screen import Button, Mode, Screen
from bot.errors import NotSent, StoreError, Undecodable
from bot.text import Text, as_text
from tests.channels.web.house import COMMANDS, House, Visitor, a_house, a_visitor, out, talkative, until

pytestmark = pytest.mark.sockets


def words(shown: dict[str, Any]) -> str:
    return "".join(piece[0] for piece in shown.get("text", ()))


async def test_what_is_said_becomes_an_event_and_is_acknowledged(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        plain: Channel = house.resident.channel
        assert plain.name == "web:resident"
        welcome = await alice.opens()
        assert welcome["messages"] == []
        assert welcome["commands"] == [list(command) for command in COMMANDS]
        await alice.says("楼道灯坏了", reply="77")
        taken = await alice.hears("taken")
        event = house.resident.events[0]
        assert taken["id"] == "m1"
        assert event.what == Said(text="楼道灯坏了", reply_to="77")
        assert event.who == Who(alice.chat, alice.chat, "zh-CN")
        assert event.message == "m1"


async def test_presses_links_and_places_are_events(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        await alice.tells({"t": "press", "id": "p1", "message": "12", "action": "form.submit~3"})
        await alice.tells({"t": "start", "id": "s1", "code": "abc"})
        await alice.says("", "m2", spot={"latitude": 30.5, "longitude": 114.3})
        await until(lambda: len(house.resident.events) == 3)
        press, start, place = house.resident.events
        assert (press.what, press.message) == (Pressed("form.submit~3", "p1"), "12")
        assert start.what == Linked("abc")
        assert place.what == Said(spot=Spot(30.5, 114.3))


async def test_what_is_sent_again_is_taken_once(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        for _ in range(3):
            await alice.says("在吗")
            assert (await alice.hears("taken"))["id"] == "m1"
        assert len(house.resident.raws) == 3
        assert len({raw.key for raw in house.resident.raws}) == 1
        assert [words(shown) for shown in (await alice.opens())["messages"]] == ["在吗"]


async def test_a_stored_key_tells_nothing_of_the_person(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        await alice.says("一", "m1")
        await alice.says("二", "m2")
        await until(lambda: len(house.resident.raws) == 2)
        one, two = (raw.key for raw in house.resident.raws)
        assert one[:8] != two[:8]
        assert alice.chat[:8] not in one


async def test_nothing_is_acknowledged_that_was_not_stored(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        house.resident.faults = [StoreError("full")]
        await alice.says("楼道灯坏了")
        assert (await alice.hears("later"))["id"] == "m1"
        assert (await alice.opens())["messages"] == []
        await alice.says("楼道灯坏了")
        assert (await alice.hears("taken"))["id"] == "m1"
        assert len(house.resident.events) == 1


async def test_a_page_waits_for_the_office_to_open(tmp_path: Path) -> None:
    async with a_house(tmp_path, talkative, receiving=False) as house, a_visitor(house) as alice:
        await alice.opens()
        await alice.says("在吗")
        house.opened.clear()
        house.resident.start()
        await alice.hears("taken")
        assert house.opened[0][0] == "web:resident"  # said again: nobody listened when the page opened


async def test_sent_means_seen(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        sending = asyncio.create_task(house.resident.channel.send(out("您好", alice.chat, 5)))
        shown = (await alice.hears("show"))["message"]
        assert words(shown) == "您好"
        assert not sending.done()
        await alice.tells({"t": "seen", "id": shown["id"]})
        assert await sending == Sent(("5",))


async def test_a_closed_page_is_told_of_when_it_opens(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        chat = alice.chat
        await alice.goes()
        await until(lambda: not house.resident.channel._connections.is_open(chat))
        house.opened.clear()
        with pytest.raises(NotSent) as closed:
            await house.resident.channel.send(out("您好", chat))
        assert (closed.value.cause, closed.value.retry_in.days) == ("closed", 1)
        assert (await alice.opens())["messages"] == []  # it has not arrived, so it is not there
        assert house.opened == [("web:resident", chat)]


async def test_a_page_that_opens_before_its_closing_was_written_down_is_told_of_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_channel, "WAKE_AGAIN", (0.01,))
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        chat = alice.chat
        await alice.goes()
        await until(lambda: not house.resident.channel._connections.is_open(chat))
        with pytest.raises(NotSent):
            await house.resident.channel.send(out("您好", chat))
        house.opened.clear()
        await alice.opens()
        await until(lambda: house.opened == [("web:resident", chat)] * 2)


async def test_a_page_that_goes_away_under_way_has_not_got_it(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        sending = asyncio.create_task(house.resident.channel.send(out("您好", alice.chat)))
        await alice.hears("show")
        await alice.goes()
        with pytest.raises(NotSent, match="closed"):
            await sending


async def test_a_page_that_does_not_answer_is_tried_again_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_channel, "SEEN_WITHIN", 0.01)
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        with pytest.raises(NotSent, match="not_seen"):
            await house.resident.channel.send(out("您好", alice.chat))


async def test_a_second_page_gets_what_is_under_way_to_the_first(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        first = alice.socket
        sending = asyncio.create_task(house.resident.channel.send(out("您好", alice.chat)))
        await alice.hears("show")
        await alice.opens()
        assert alice.socket is not first
        assert words(await alice.sees()) == "您好"
        await sending


async def test_what_one_page_says_the_other_shows(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        other = Visitor(house)
        await other.session.close()
        other.session = alice.session
        await other.opens()
        await alice.says("在吗")
        shown = (await other.hears("show"))["message"]
        assert (shown["id"], shown["mine"], words(shown)) == ("m1", True, "在吗")


async def test_the_talk_is_there_again_in_its_order(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        await alice.says("一", "m1")
        await alice.hears("taken")
        sending = asyncio.create_task(house.resident.channel.send(out("二", alice.chat, house.ids())))
        await alice.sees()
        await sending
        await alice.says("三", "m3")
        await alice.hears("taken")
        messages = (await alice.opens())["messages"]
        assert [words(shown) for shown in messages] == ["一", "二", "三"]
        assert [shown.get("mine", False) for shown in messages] == [True, False, True]


async def test_what_lies_further_up_comes_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_channel, "RECENT", 3)
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        for number in range(5):
            await alice.says(str(number), f"m{number}")
            await alice.hears("taken")
        welcome = await alice.opens()
        assert [words(shown) for shown in welcome["messages"]] == ["2", "3", "4"]
        assert welcome["more"]
        await alice.tells({"t": "before", "pos": welcome["messages"][0]["pos"]})
        earlier = await alice.hears("earlier")
        assert [words(shown) for shown in earlier["messages"]] == ["0", "1"]
        assert not earlier["more"]


async def test_an_edit_takes_the_place_of_the_message(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        channel, question = house.resident.channel, house.ids()
        asked = Screen(as_text("登记吗？"), ((Button("登记", "yes"),),), prompt=True)
        for outgoing in (
            out(asked, alice.chat, question),
            out("另一句", alice.chat, house.ids()),
            out(Screen(as_text("登记好了"), mode=Mode.IN_PLACE), alice.chat, house.ids(), edits=str(question)),
        ):
            sending = asyncio.create_task(channel.send(outgoing))
            shown = await alice.sees()
            sent = await sending
        assert shown["id"] == str(question)
        assert sent == Sent((str(question),))
        messages = (await alice.opens())["messages"]
        assert [words(shown) for shown in messages] == ["登记好了", "另一句"]
        assert "rows" not in messages[0]


async def test_a_press_is_remembered_and_answered(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        asked = Screen(as_text("登记吗？"), ((Button("登记", "yes"),),))
        sending = asyncio.create_task(house.resident.channel.send(out(asked, alice.chat, 7)))
        await alice.sees()
        await sending
        await alice.tells({"t": "press", "id": "p1", "message": "7", "action": "yes"})
        assert await alice.hears("chosen") == {"t": "chosen", "message": "7", "action": "yes"}
        answer = out(Screen(Text(), toast="好了"), alice.chat, 8, answers="p1")
        assert await house.resident.channel.send(answer) == Sent()
        assert await alice.hears("answered") == {"t": "answered", "press": "p1", "toast": "好了"}
        assert (await alice.opens())["messages"][0]["chosen"] == "yes"


async def test_nobody_waits_for_the_answer_to_a_press_of_a_closed_page(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        assert await house.resident.channel.send(out(Screen(Text()), "nobody", answers="p1")) == Sent()


async def test_a_new_process_shows_the_same_talk(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        await alice.says("在吗")
        await alice.hears("taken")
        await house.stop()
        await house.start()
        assert [words(shown) for shown in (await alice.opens())["messages"]] == ["在吗"]


async def test_a_forgotten_talk_is_gone_here_and_on_the_page(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        await alice.says("别人不能知道")
        await alice.hears("taken")
        await house.resident.channel.forget(alice.chat)
        assert await alice.hears("cleared") == {"t": "cleared"}
        assert (await alice.opens())["messages"] == []


async def test_both_sides_of_one_browser_are_two_people(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice, a_visitor(house, OFFICE) as clerk:
        await clerk.session.close()
        clerk.session = alice.session
        await alice.opens()
        await clerk.opens()
        assert alice.chat != clerk.chat
        await clerk.says("待办")
        await clerk.hears("taken")
        assert [event.what for event in house.office.events] == [Said(text="待办")]
        assert house.resident.events == []
        assert (await alice.opens())["messages"] == []


def links(house: House) -> list[str]:
    return [clerk.channel.say_link(code) for clerk in (house.resident, house.office) for code in ("", "a-b_c")]


async def test_links_lead_to_the_sides(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        url = house.url
        assert links(house) == [f"{url}/", f"{url}/?start=a-b_c", f"{url}/office", f"{url}/office?start=a-b_c"]


async def test_odd_bodies_are_undecodable(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        for odd in (b"", b"{}", b"\xff", b'{"chat":"a"}', b"[" * 100_000):
            with pytest.raises(Undecodable):
                house.resident.channel.decode(odd)


async def test_what_is_shown_once_is_not_shown_again(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        once = Screen(as_text("查询码 482 913"), is_fleeting=True)
        sending = asyncio.create_task(house.resident.channel.send(Outgoing(5, alice.chat, once)))
        shown = (await alice.hears("show"))["message"]
        assert (words(shown), shown["fleeting"]) == ("查询码 482 913", True)
        await alice.tells({"t": "seen", "id": shown["id"]})
        assert await sending == Sent(("5",))
        assert (await alice.opens())["messages"] == []


async def test_a_talk_is_deleted_here_and_on_the_page(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        await alice.says("我要投诉")
        await alice.hears("taken")
        assert await house.resident.channel.delete(alice.chat, ["m1"])
        await alice.hears("cleared")
        assert (await alice.opens())["messages"] == []


async def test_a_message_is_in_the_history_before_anybody_handles_it(tmp_path: Path) -> None:
    """What a handler takes out of the history must not come back after it."""
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        await alice.says("外来人口窗口姓刘的")
        await until(lambda: house.resident.events)
        assert [words(shown) for shown in (await alice.opens())["messages"]] == ["外来人口窗口姓刘的"]


async def test_open_pages_do_not_take_all_that_a_process_may_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_most_talks", lambda: 1)
    async with a_house(tmp_path) as house, a_visitor(house) as alice, a_visitor(house) as bob:
        await alice.opens()
        with pytest.raises(WSServerHandshakeError) as refused:
            await bob.opens()
        assert refused.value.status == 503
        await alice.socket.close()
        await until(lambda: not house.resident.channel._connections.chats)
        await bob.opens()


async def test_pages_are_let_in_only_where_somebody_speaks_to_them(tmp_path: Path) -> None:
    """Another process holds the pages: this one sends them away, and they come in again when it takes over."""
    async with a_house(tmp_path) as house, a_visitor(house) as alice, a_visitor(house) as bob:
        await alice.opens()
        await house.resident.channel.shut()
        assert (await alice.socket.receive()).type is WSMsgType.CLOSE
        with pytest.raises(WSServerHandshakeError) as refused:
            await bob.opens()
        assert refused.value.status == 503
        house.resident.channel.open()
        await bob.opens()
