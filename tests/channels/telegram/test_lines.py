"""Connections that stay open: how an answer comes, or does not, and whether the request may have left."""

import asyncio
import gc
import os
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import aiohappyeyeballs
import pytest

from bot.channels.telegram import lines
from bot.channels.telegram.lines import ConnectionBroken, Lines, NoConnection
from tests.channels.telegram.bare import OK, asks, certificate, lines_to, serving

pytestmark = pytest.mark.sockets


async def test_what_a_request_looks_like() -> None:
    async with serving(OK) as server, lines_to(server.url) as to:
        assert await asks(to, server.url, b'{"a":1}') == (200, b"ok")
    host = server.url.partition("//")[2].partition("/")[0]
    assert server.requests == [
        f"POST /bot1:a/getMe HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n"
        '{"a":1}'.encode()
    ]


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", 429, b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, b"abcde"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
    ],
)
async def test_one_connection_serves_one_request_after_another(answer: bytes, status: int, body: bytes) -> None:
    async with serving(answer, OK) as server, lines_to(server.url) as to:
        assert await asks(to, server.url) == (status, body)
        assert await asks(to, server.url) == (200, b"ok")
    assert server.connections == 1


async def test_an_answer_in_pieces() -> None:
    async with serving(b"") as server, lines_to(server.url) as to:
        asking = asyncio.create_task(asks(to, server.url))
        while not server.requests:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0)
        for byte in OK:
            server.writers[0].write(bytes([byte]))
            await server.writers[0].drain()
            await asyncio.sleep(0)
        assert await asking == (200, b"ok")


async def test_a_server_that_ends_the_connection_with_its_answer() -> None:
    close = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    async with serving(close, OK) as server, lines_to(server.url) as to:
        assert [await asks(to, server.url), await asks(to, server.url)] == [(200, b"ok")] * 2
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: cl",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhalf",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    ],
)
async def test_an_answer_that_does_not_come_whole_may_mean_that_the_request_arrived(answer: bytes | None) -> None:
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, fault: faults.append(fault))
    async with serving(answer, OK) as server, lines_to(server.url) as to:
        asking = asyncio.create_task(asks(to, server.url))
        while not server.requests:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0)
        server.writers[0].close()
        with pytest.raises(ConnectionBroken):
            await asking
        assert await asks(to, server.url) == (200, b"ok")
    assert server.connections == 2
    assert faults == []


UNTIL_THE_END = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok"


@pytest.mark.parametrize(
    "answer", [UNTIL_THE_END, UNTIL_THE_END.replace(b"1.1", b"1.0"), b"HTTP/1.1 100 Continue\r\n\r\n" + UNTIL_THE_END]
)
async def test_an_answer_without_a_length_is_whole_when_its_connection_ends(answer: bytes) -> None:
    """RFC 9112 §6.3 and §8: whole if the head came whole and the connection itself tells of no fault."""
    async with serving(answer, OK) as server, lines_to(server.url) as to:
        asking = asyncio.create_task(asks(to, server.url))
        while not server.requests:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0)
        server.writers[0].close()
        assert await asking == (200, b"ok")
        assert await asks(to, server.url) == (200, b"ok")
    assert server.connections == 2


async def test_it_is_not_where_the_connection_breaks_off() -> None:
    async with serving(UNTIL_THE_END) as server, lines_to(server.url) as to:
        asking = asyncio.create_task(asks(to, server.url))
        while not any(line._body for line in to._lines):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)
        reset = server.writers[0].get_extra_info("socket")
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.writers[0].transport.abort()
        with pytest.raises(ConnectionBroken):
            await asking


async def test_a_server_that_says_no_more_is_not_asked_again() -> None:
    """It has closed its half alone. What is written to it from now on it will never answer; yet nothing had left."""
    async with serving(OK, OK) as server, lines_to(server.url) as to:
        await asks(to, server.url)
        (line,) = to._lines
        line.eof_received()
        assert await asks(to, server.url) == (200, b"ok")
    assert server.connections == 2


async def test_an_answer_that_comes_too_late_is_not_taken_for_the_next() -> None:
    async with serving(b"", OK) as server, lines_to(server.url) as to:
        with pytest.raises(TimeoutError):
            await asks(to, server.url, read=0.05)
        server.writers[0].write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")
        assert await asks(to, server.url) == (200, b"ok")


async def test_whoever_breaks_off_leaves_nothing_to_the_next() -> None:
    async with serving(b"", OK) as server, lines_to(server.url, connections=1) as to:
        asking = asyncio.create_task(asks(to, server.url))
        while not server.requests:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0)
        asking.cancel()
        assert await asks(to, server.url) == (200, b"ok")
    assert server.connections == 2


FAKE = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfake"


async def test_what_nobody_asked_for_is_no_answer() -> None:
    async with serving(OK, OK) as server, lines_to(server.url) as to:
        await asks(to, server.url)
        server.writers[0].write(FAKE)
        (line,) = to._lines
        await line.gone
        assert await asks(to, server.url) == (200, b"ok")


async def test_nor_is_what_comes_right_behind_an_answer() -> None:
    async with serving(OK + FAKE, OK) as server, lines_to(server.url) as to:
        assert [await asks(to, server.url), await asks(to, server.url)] == [(200, b"ok")] * 2
    assert server.connections == 2


async def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(OK, OK) as server, lines_to(server.url) as to:
        await asks(to, server.url)
        monkeypatch.setattr(lines, "IDLE", -1.0)
        await asks(to, server.url)
    assert server.connections == 2


async def test_an_answer_without_end_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_ANSWER", 100)
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + b"x" * 500
    async with serving(long) as server, lines_to(server.url) as to:
        with pytest.raises(ConnectionBroken):
            await asks(to, server.url)


async def test_without_a_connection_nothing_has_left() -> None:
    async with serving() as server:
        url = server.url
    async with lines_to(url) as to:
        with pytest.raises(NoConnection):
            await asks(to, url)
        with pytest.raises(NoConnection):  # nor has the failure used up a place
            await asks(to, url)


async def test_nor_has_it_over_one_that_is_gone_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that spreads the load takes every connection, and ends it where no server stands behind it."""
    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def slowly(*how: Any, **more: Any) -> Any:
        made = await connect(*how, **more)
        await made[1].gone
        return made

    async def ends(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    monkeypatch.setattr(loop, "create_connection", slowly)
    async with await asyncio.start_server(ends, "127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/bot1:a/getMe"
        async with lines_to(url, connections=1) as to:
            for _time in range(2):  # its place is free again
                with pytest.raises(NoConnection):
                    await asks(to, url)


async def test_whoever_gets_no_place_in_time_has_sent_nothing() -> None:
    async with serving(b"") as server, lines_to(server.url, connections=1) as to:
        first = asyncio.create_task(asks(to, server.url))
        while not server.requests:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0)
        with pytest.raises(NoConnection):
            await to.post(server.url, b"{}", connect=0.05, read=30.0)
        first.cancel()
    assert len(server.requests) == 1


async def test_closing_breaks_off_a_connecting_and_whoever_waits_for_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever came of it later would be nobody's, and its request would leave after the end."""
    began = asyncio.Event()

    async def never(*_how: Any, **_more: Any) -> Any:
        began.set()
        await asyncio.Event().wait()

    async with serving(OK) as server:
        monkeypatch.setattr(aiohappyeyeballs, "start_connection", never)
        to = Lines(server.url, connections=1)
        asking = [asyncio.create_task(to.post(server.url, b"{}", connect=3600, read=3600)) for _time in range(2)]
        await began.wait()
        await to.close()
        async with asyncio.timeout(60):
            for one in await asyncio.gather(*asking, return_exceptions=True):
                assert isinstance(one, NoConnection)
        with pytest.raises(NoConnection):
            await asks(to, server.url)
    assert server.requests == []


async def test_a_name_is_looked_up_once_for_all_who_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no name server answers, each would take one of few threads for long, and the next would stand behind it."""
    loop, asked, go_on = asyncio.get_running_loop(), 0, asyncio.Event()
    look_up = loop.getaddrinfo

    async def slowly(*what: Any, **more: Any) -> Any:
        nonlocal asked
        asked += 1
        await go_on.wait()
        return await look_up(*what, **more)

    async with serving(OK, OK) as server, lines_to(server.url) as to:
        monkeypatch.setattr(loop, "getaddrinfo", slowly)
        with pytest.raises(NoConnection):
            await to.post(server.url, b"{}", connect=0.05, read=30.0)
        asking = [asyncio.create_task(asks(to, server.url)) for _time in range(2)]
        await asyncio.sleep(0)
        go_on.set()
        assert await asyncio.gather(*asking) == [(200, b"ok")] * 2
    assert asked == 1


async def test_what_came_of_a_lookup_that_nobody_waits_for_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[Any] = []
    loop, go_on = asyncio.get_running_loop(), asyncio.Event()
    loop.set_exception_handler(lambda _loop, fault: faults.append(fault))

    async def in_vain(*_what: Any, **_more: Any) -> Any:
        await go_on.wait()
        raise socket.gaierror

    monkeypatch.setattr(loop, "getaddrinfo", in_vain)
    async with lines_to("http://nowhere.invalid/bot1:a/getMe") as to:
        with pytest.raises(NoConnection):
            await to.post("http://nowhere.invalid/bot1:a/getMe", b"{}", connect=0.05, read=30.0)
        go_on.set()
        with pytest.raises(NoConnection):
            await asks(to, "http://nowhere.invalid/bot1:a/getMe")
    gc.collect()
    assert faults == []


async def test_only_a_server_with_a_known_certificate_is_spoken_to(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    here.load_cert_chain(file)
    async with serving(OK, tls=here) as server:
        async with lines_to(server.url, tls=ssl.create_default_context(cafile=str(file))) as to:
            assert await asks(to, server.url) == (200, b"ok")
        async with lines_to(server.url) as to:
            with pytest.raises(NoConnection):
                await asks(to, server.url)
    assert len(server.requests) == 1


@pytest.mark.parametrize("says_so", [True, False])
async def test_behind_tls_an_answer_without_a_length_is_whole_if_the_server_says_so(
    tmp_path: Path, says_so: bool
) -> None:
    """RFC 9112 §9.8: without the closing alert anybody on the way may have cut it."""
    file = certificate(tmp_path)
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    here.load_cert_chain(file)
    known = ssl.create_default_context(cafile=str(file))
    async with serving(UNTIL_THE_END, tls=here) as server, lines_to(server.url, tls=known) as to:
        asking = asyncio.create_task(asks(to, server.url))
        while not any(line._body for line in to._lines):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)
        if says_so:
            server.writers[0].close()
            assert await asking == (200, b"ok")
        else:
            below = server.writers[0].get_extra_info("socket").fileno()
            with socket.socket(fileno=os.dup(below)) as cut:
                cut.shutdown(socket.SHUT_WR)
            with pytest.raises(ConnectionBroken):
                await asking
