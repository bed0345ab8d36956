"""The web server from outside: origins, cookies, floods, files up and down, headers."""

import io
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError

from bot.channels.web.server import WebServer
from bot.channels.web.sides import OFFICE, RESIDENT
from bot.channels.web.spool import Spool
from bot.dialogue.event import Said
from bot.dialogue.screen import Screen, Shown
from bot.errors import ConfigError, NotSent, Refused
from bot.text import as_text
from tests.channels.web.house import PICTURE, Visitor, a_house, a_visitor, talkative, until

pytestmark = pytest.mark.sockets

LARGE = 20 * 1024 * 1024 + 1


async def refused(visitor: Visitor, **headers: str) -> int:
    with pytest.raises(WSServerHandshakeError) as error:
        await visitor.session.ws_connect(visitor.root, headers=headers)
    return error.value.status


def lying_in(folder: Path, pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob(pattern)]


async def uploaded(visitor: Visitor, data: bytes) -> Any:
    async with visitor.session.post(f"{visitor.root}/files", data=io.BytesIO(data), headers=visitor.origin) as answer:
        return answer.status, await answer.json()


async def test_only_our_own_pages_are_let_in(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        port = house.port
        for origin in (
            "https://evil.example",
            "null",
            "",
            f"http://127.0.0.1:{port + 1}",
            f"http://evil@127.0.0.1:{port}",
        ):
            assert await refused(alice, Origin=origin) == 403
            for door in ("session", "files"):
                async with alice.session.post(f"{alice.root}/{door}", headers={"Origin": origin}) as answer:
                    assert answer.status == 403
        with pytest.raises(WSServerHandshakeError):
            await alice.session.ws_connect(alice.root)  # no Origin at all: no browser does that


async def test_nobody_talks_without_a_cookie(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        assert await refused(alice, **alice.origin) == 401
        assert await refused(alice, **alice.origin, Cookie="huiyin_resident=short") == 401
        async with alice.session.get(f"{alice.root}/files/{'a' * 64}") as answer:
            assert answer.status == 401


@pytest.mark.parametrize("mine, other", [(RESIDENT, OFFICE), (OFFICE, RESIDENT)])
async def test_one_sides_cookie_opens_only_that_side(tmp_path: Path, mine: Any, other: Any) -> None:
    async with a_house(tmp_path) as house, a_visitor(house, mine) as alice:
        await alice.opens()
        token = next(cookie.value for cookie in alice.session.cookie_jar)
        alice.side = other
        assert await refused(alice, **alice.origin) == 401
        assert await refused(alice, **alice.origin, Cookie=f"{mine.cookie}={token}") == 401


async def test_a_cookie_is_for_its_own_path_and_no_script(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        async with alice.session.post(f"{alice.root}/session", headers=alice.origin) as answer:
            cookie = answer.cookies["huiyin_resident"]
        assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/chat", "Strict", True)
        assert len(cookie.value) == 43
        async with alice.session.post(f"{alice.root}/session", headers=alice.origin) as answer:
            assert answer.cookies["huiyin_resident"].value == cookie.value  # a visitor stays who they are


async def test_the_token_itself_is_kept_nowhere(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        token = next(cookie.value for cookie in alice.session.cookie_jar)
        await alice.says("在吗")
        await alice.hears("taken")
        assert re.fullmatch("[a-z2-7]{52}", alice.chat)
        stored = [*lying_in(tmp_path, "huiyin.db*"), *(raw.body for raw in house.resident.raws)]
        assert all(token.encode() not in data for data in stored)


@pytest.mark.parametrize(
    "odd",
    ["", "{", "[]", '{"t":"nothing"}', '{"t":"say"}', '{"t":"say","id":5}', '{"t":"say","id":"../x"}',
     '{"t":"say","id":"a","files":[{"kind":"photo","ref":"../../keys"}]}', "[" * 50_000],
)  # fmt: skip
async def test_who_does_not_speak_the_protocol_is_hung_up_on(tmp_path: Path, odd: str) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        await alice.socket.send_str(odd)
        message = await alice.socket.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1008)
        assert house.resident.raws == []


async def test_half_a_character_is_taken_as_a_replacement(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        await alice.socket.send_str('{"t":"say","id":"m1","text":"好\\ud83d\\u0000"}')
        await alice.hears("taken")
        assert getattr(house.resident.events[0].what, "text", "") == "好?\ufffd"


async def test_a_frame_too_large_hangs_up(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        await alice.socket.send_str("x" * 200_000)
        message = await alice.socket.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1009)


async def test_a_flood_is_cut_off(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        for _ in range(120):
            await alice.tells({"t": "ping"})
        messages = [message async for message in alice.socket]
        assert len(messages) <= 101  # at most fifty in either of two seconds
        assert alice.socket.close_code == 1008


async def test_a_file_goes_up_and_is_fetched(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        data = PICTURE * 20_000
        status, answer = await uploaded(alice, data)
        assert (status, answer["size"]) == (201, len(data))
        file = {"kind": "photo", "ref": answer["ref"], "name": "灯.png", "mime": "image/png", "size": answer["size"]}
        await alice.says("", files=[file])
        await alice.hears("taken")
        said = house.resident.events[0].what
        assert isinstance(said, Said)
        (got,) = said.files
        assert (got.kind, got.name, got.size) == ("photo", "灯.png", len(data))
        assert await house.resident.channel.fetch(got.ref, len(data)) == data
        with pytest.raises(Refused, match="too_large"):
            await house.resident.channel.fetch(got.ref, 100)
        lying = lying_in(tmp_path / "spool", "*")
        assert len(lying) == 1
        assert PICTURE not in lying[0]


@pytest.mark.parametrize("ref", ["", "../../huiyin.db", "0" * 96, "g" * 96])
async def test_what_was_never_sent_up_is_gone(tmp_path: Path, ref: str) -> None:
    async with a_house(tmp_path) as house:
        with pytest.raises(Refused, match="gone"):
            await house.resident.channel.fetch(ref, 10)


@pytest.mark.parametrize("length", [LARGE, None])
async def test_a_file_over_twenty_megabytes_is_refused(tmp_path: Path, length: int | None) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()

        async def pieces() -> Any:
            for _ in range(LARGE // 100_000 + 1):
                yield bytes(100_000)

        data = io.BytesIO(bytes(LARGE)) if length else pieces()
        try:
            async with alice.session.post(f"{alice.root}/files", data=data, headers=alice.origin) as answer:
                assert (answer.status, (await answer.json())["why"]) == (413, "too_large")
        except ConnectionError:
            assert length is None  # it hung up on what did not end
        assert list((tmp_path / "spool").iterdir()) == []


async def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        assert await uploaded(alice, b"") == (400, {"why": "empty"})


async def test_a_full_spool_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path, most=100)

    async def data() -> Any:
        yield b"x"

    with pytest.raises(NotSent, match="full"):
        await spool.put(data(), 101)


async def test_a_full_disk_takes_no_file_and_the_page_hears_why(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_visitor(house) as alice:
        await alice.opens()
        assert (await uploaded(alice, b"x"))[0] == 201
        house.has_room = False
        assert await uploaded(alice, b"x") == (507, {"why": "no_room"})


async def test_a_damaged_file_is_gone(tmp_path: Path) -> None:
    spool = Spool(tmp_path)

    async def data() -> Any:
        for _ in range(3):
            yield bytes(512 * 1024)

    ref, _size = await spool.put(data(), LARGE)
    path, whole = tmp_path / ref[:32], lying_in(tmp_path, "*")[0]
    for damaged in (whole[:-1], whole[: len(whole) // 3], whole[:100] + b"x" + whole[101:], b""):
        path.write_bytes(damaged)
        with pytest.raises(Refused, match="gone"):
            await spool.get(ref, LARGE)


async def test_old_files_are_deleted_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    for name, days in (("old", 10), ("new", 8)):  # a draft waits for seven
        (tmp_path / "spool" / name).write_bytes(b"x")
        os.utime(tmp_path / "spool" / name, (time.time() - days * 86400,) * 2)
    async with a_house(tmp_path):
        assert [path.name for path in (tmp_path / "spool").iterdir()] == ["new"]


async def test_a_file_is_shown_only_where_it_was_shown(tmp_path: Path) -> None:
    async with a_house(tmp_path, talkative) as house, a_visitor(house) as alice, a_visitor(house) as bob:
        await bob.opens()
        await alice.opens()
        await alice.says("照片")
        await alice.sees()
        url = f"{alice.root}/files/{'a' * 64}"
        async with alice.session.get(url) as answer:
            assert await answer.read() == PICTURE
            assert answer.headers["Content-Disposition"] == "attachment"
            assert answer.headers["Content-Type"] == "image/png"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "no-store" in answer.headers["Cache-Control"]
        async with alice.session.get(url, headers={"Range": "bytes=1-3"}) as answer:
            assert (answer.status, await answer.read()) == (206, PICTURE[1:4])
            assert answer.headers["Content-Range"] == f"bytes 1-3/{len(PICTURE)}"
        for session, digest in ((bob.session, "a" * 64), (alice.session, "b" * 64), (alice.session, "..%2Fkeys")):
            async with session.get(f"{alice.root}/files/{digest}") as answer:
                assert answer.status == 404
        await until(lambda: not house.resident.owed)
        await house.stop()
        await house.start()
        async with alice.session.get(url) as answer:  # found in the history, by a process that never showed it
            assert answer.status == 200


async def test_what_is_no_picture_or_sound_is_only_bytes(tmp_path: Path) -> None:
    page = Screen(as_text("看"), files=(Shown("c" * 64, "document", "x.html"),))
    async with a_house(tmp_path, lambda _clerk, _event: [page]) as house, a_visitor(house) as alice:
        house.files["c" * 64] = b"<script>alert(1)</script>"
        await alice.opens()
        await alice.says("看")
        await alice.sees()
        async with alice.session.get(f"{alice.root}/files/{'c' * 64}") as answer:
            assert answer.headers["Content-Type"] == "application/octet-stream"
            assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_every_answer_is_guarded(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, ClientSession() as session:
        for path in ("/", "/office", "/page/chat.js", "/page/chat.css", "/nothing", "/chat"):
            async with session.get(f"{house.url}{path}") as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'self'")
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                assert answer.headers["Referrer-Policy"] == "no-referrer"
        for path in ("/page/../server.py", "/page/..%2Fserver.py", "/page/index.html", "/page/"):
            async with session.get(f"{house.url}{path}") as answer:
                assert answer.status == 404


async def test_the_page_has_nothing_inline_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, ClientSession() as session:
        async with session.get(f"{house.url}/office", headers={"Accept-Language": "en-GB,zh;q=0.5"}) as answer:
            text = await answer.text()
        assert 'lang="en" data-side="office"' in text
        assert not re.search(r"<style|style=|\son\w+=|javascript:|https?://", text)
        assert re.findall(r"<script[^>]*>(.*?)</script>", text) == [""]
        async with session.get(f"{house.url}/page/chat.js") as answer:
            tag = answer.headers["ETag"]
        async with session.get(f"{house.url}/page/chat.js", headers={"If-None-Match": tag}) as answer:
            assert answer.status == 304


@pytest.mark.parametrize(("own", "page"), [("en", "en"), ("zh_CN", "zh-CN")])
async def test_whoever_reads_neither_language_gets_the_offices_own(tmp_path: Path, own: str, page: str) -> None:
    async with a_house(tmp_path) as house, ClientSession() as session:
        server = WebServer(house.resident.channel, house.office.channel, host="127.0.0.1", port=0, name="x",
                           spool=tmp_path, read_file=house._read, language=own)  # fmt: skip
        await server.start()
        async with session.get(f"{server.url}/", headers={"Accept-Language": "de"}) as answer:
            assert f'<html lang="{page}"' in await answer.text()
        await server.stop()


async def test_an_offices_name_is_never_taken_for_html(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, ClientSession() as session:
        channels = house.resident.channel, house.office.channel
        evil = '<b>"&'
        server = WebServer(*channels, host="127.0.0.1", port=0, name=evil, spool=tmp_path, read_file=house._read)
        await server.start()
        async with session.get(f"{server.url}/") as answer:
            text = await answer.text()
        await server.stop()
        assert "<b>" not in text
        assert "&lt;b&gt;&quot;&amp;" in text


async def test_a_busy_port_stops_the_start_in_words(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        channels = house.resident.channel, house.office.channel
        for host, port, words in (("127.0.0.1", house.port, "web.port: "), ("203.0.113.1", 0, "web.host: ")):
            server = WebServer(*channels, host=host, port=port, name="x", spool=tmp_path, read_file=house._read)
            with pytest.raises(ConfigError, match=re.escape(words)):
                await server.start()


async def test_an_address_behind_a_proxy_is_the_one_told(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, ClientSession() as session:
        channels = house.resident.channel, house.office.channel
        server = WebServer(*channels, host="127.0.0.1", port=0, name="x", url="https://hall.example/",
                           spool=tmp_path, read_file=house._read)  # fmt: skip
        await server.start()
        assert channels[1].say_link("c") == "https://hall.example/office?start=c"
        local = f"http://127.0.0.1:{server.port}/chat/session"
        async with session.post(local, headers={"Origin": "https://hall.example"}) as answer:
            assert answer.status == 204
            assert answer.cookies["huiyin_resident"]["secure"]
        await server.stop()
