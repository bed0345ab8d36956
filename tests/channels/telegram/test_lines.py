"""Connections that stay open: how an answer comes, or does not, and whether the request may have left."""

import asyncio
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.channels.telegram import lines
from bot.channels.telegram.lines import ConnectionBroken, Lines, NoConnection

pytestmark = pytest.mark.sockets

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Answers each request with the next of what was laid down; None: closes without a word."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.requests: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.url = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(size))
                if (answer := self.answers.pop(0)) is None:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


@asynccontextmanager
async def serving(*answers: bytes | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(*answers)
    listener = await asyncio.start_server(server.talk, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/bot1:a/getMe"
    try:
        yield server
    finally:
        for writer in server.writers:
            writer.transport.abort()
        listener.close()
        await listener.wait_closed()


@asynccontextmanager
async def lines_to(url: str, connections: int = 4, tls: ssl.SSLContext | None = None) -> AsyncIterator[Lines]:
    open_ = Lines(url, connections=connections, tls=tls)
    try:
        yield open_
    finally:
        await open_.close()


async def asks(to: Lines, url: str, body: bytes = b"{}", *, read: float = 30.0) -> tuple[int, bytes]:
    return await to.post(url, body, connect=30.0, read=read)


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


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1, signed by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed.public_bytes(Encoding.PEM)
    )
    return file


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
