"""The web server from outside: origins, cookies, files, and what is not acknowledged."""

import io

import aiohttp
import msgspec
import pytest

from bot.running import Running

pytestmark = pytest.mark.sockets


def browser() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def test_a_foreign_origin_is_refused(office: Running) -> None:
    async with browser() as session:
        await session.get(f"{office.server.url}/")
        for origin in ("https://evil.example", "null"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"{office.server.url}/chat", origin=origin)
            assert refused.value.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{office.server.url}/chat")  # none at all: no browser does that


async def test_no_cookie_no_talk(office: Running) -> None:
    async with browser() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{office.server.url}/chat", origin=office.server.url)


async def test_one_sides_cookie_opens_only_that_side(office: Running) -> None:
    async with browser() as session:
        await session.get(f"{office.server.url}/")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{office.server.url}/office/chat", origin=office.server.url)


async def test_what_is_repeated_takes_effect_once(office: Running) -> None:
    async with browser() as session:
        await session.get(f"{office.server.url}/")
        async with session.ws_connect(f"{office.server.url}/chat", origin=office.server.url) as socket:
            for _time in range(3):
                await socket.send_str('{"t":"say","id":"one","text":"谢谢"}')
            answers, taken = [], 0
            while taken < 3 or not answers:
                message = msgspec.json.decode((await socket.receive(timeout=10)).data)
                if message["t"] == "taken":
                    taken += 1
                elif message["t"] == "message" and not message.get("mine"):
                    answers.append(message)
                    await socket.send_str(f'{{"t":"seen","id":"{message["id"]}"}}')
            assert len(answers) == 1


async def test_odd_messages_hurt_nobody(office: Running) -> None:
    async with browser() as session:
        await session.get(f"{office.server.url}/")
        async with session.ws_connect(f"{office.server.url}/chat", origin=office.server.url) as socket:
            for odd in ("", "{", '{"t":"nothing"}', '{"t":"say"}', '{"t":"say","id":5}', "[]", "\ud83d"):
                await socket.send_bytes(odd.encode("utf-8", "surrogatepass"))
                await socket.send_str(odd.encode("utf-8", "replace").decode())
            await socket.send_str('{"t":"say","id":"two","text":"你好"}')
            seen = [msgspec.json.decode((await socket.receive(timeout=10)).data)["t"] for _number in range(3)]
            assert "taken" in seen


async def test_a_file_is_shown_only_where_it_was_shown(office: Running) -> None:
    digest = office.app.store.files.put(b"a sample")
    async with browser() as session:
        await session.get(f"{office.server.url}/")
        async with session.get(f"{office.server.url}/chat/files/{digest}") as answer:
            assert answer.status == 404


async def test_a_file_over_twenty_megabytes_is_refused(office: Running) -> None:
    async with browser() as session:
        await session.get(f"{office.server.url}/")
        big = io.BytesIO(bytes(20 * 1024 * 1024 + 1))
        async with session.post(f"{office.server.url}/chat/files", data=big) as answer:
            assert answer.status == 413
