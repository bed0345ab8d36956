"""Who is let in at the webhook's door, and who is not: what is refused leaves no row."""

import asyncio
import io
import json
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from bot.channels.telegram.endpoint import LARGEST, SECRET_HEADER
from bot.errors import ConfigError
from tests.channels.telegram.hooked import UPDATE, Hooked, hooked
from tests.channels.telegram.tiny import TOKEN, channel_of, serving

pytestmark = pytest.mark.sockets

OTHER = "A" * 43
SECRET = TOKEN.partition(":")[2]


def padded(size: int) -> bytes:
    """An update with so many bytes of JSON."""
    raw = json.dumps(UPDATE).encode()
    return raw + b" " * (size - len(raw))


async def test_what_is_not_telegrams_is_refused_and_leaves_no_row(tmp_path: Path) -> None:
    async with serving() as api, hooked(tmp_path, api.url) as hook:
        secret = hook.secret
        forged: list[tuple[int, dict[str, Any]]] = [
            (403, {SECRET_HEADER: None}),
            (403, {SECRET_HEADER: ""}),
            (403, {SECRET_HEADER: OTHER}),
            (403, {SECRET_HEADER: secret[:-1]}),
            (403, {SECRET_HEADER: secret + "A"}),
            (403, {SECRET_HEADER: secret * 50}),
            (403, {SECRET_HEADER: secret.swapcase()}),
            (403, {SECRET_HEADER: "密钥"}),
            (403, {SECRET_HEADER: TOKEN}),
            (404, {"path": ""}),
            (404, {"path": OTHER}),
            (404, {"path": hook.path + "/"}),
            (404, {"path": hook.path[:-1]}),
            (404, {"path": TOKEN}),
            (404, {"path": "%00"}),
            (405, {"method": "GET"}),
            (405, {"method": "PUT"}),
            (415, {"Content-Type": "application/x-www-form-urlencoded"}),
            (415, {"Content-Type": "text/plain"}),
            (415, {"Content-Encoding": "gzip"}),
            (413, {"update": padded(LARGEST + 1)}),
            (413, {"update": padded(1024 * 1024)}),
        ]
        for status, how in forged:
            assert await hook.call(**how) == status, how
        assert hook.webhook.endpoint.refused == len(forged)
        assert hook.rows == 0
        assert await hook.call(padded(LARGEST)) == 200
        assert await hook.call(path=f"bots/{hook.path}", update=UPDATE | {"update_id": 11}) == 200
        assert hook.rows == 2


async def test_a_large_body_of_no_told_length_is_cut_off(tmp_path: Path) -> None:
    async def endless() -> Any:
        for _ in range(64):
            yield b" " * 16384

    async with serving() as api, hooked(tmp_path, api.url) as hook:
        assert await hook.call(endless()) == 413
        assert hook.rows == 0


async def raw_call(hook: Hooked, length: int, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", hook.webhook.endpoint.port)
    head = f"POST /{hook.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    writer.write(f"{head}{SECRET_HEADER}: {hook.secret}\r\n\r\n".encode() + body)
    await writer.drain()
    return reader, writer


async def test_a_slow_body_is_cut_off(tmp_path: Path) -> None:
    async with serving() as api, hooked(tmp_path, api.url, body_within=0.05) as hook:
        reader, writer = await raw_call(hook, 1000, b'{"update_id":')
        async with asyncio.timeout(60):
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert hook.rows == 0
        assert await hook.call() == 200


async def test_half_a_body_is_nothing(tmp_path: Path) -> None:
    async with serving() as api, hooked(tmp_path, api.url) as hook:
        _reader, writer = await raw_call(hook, 1000, json.dumps(UPDATE).encode())
        writer.transport.abort()
        assert await hook.call(UPDATE | {"update_id": 11}) == 200
        assert hook.rows == 1


async def test_a_thousand_replays_are_one_row_each(tmp_path: Path) -> None:
    updates = [UPDATE | {"update_id": number} for number in range(10)]
    async with serving() as api, hooked(tmp_path, api.url) as hook:
        statuses = await asyncio.gather(*(hook.call(update) for update in updates * 100))
        assert set(statuses) == {200}
        assert hook.rows == 10


async def test_what_cannot_be_read_is_stored_and_confirmed(tmp_path: Path) -> None:
    """Telegram would bring it again for a day, and the person's other messages would wait behind it."""
    async with serving() as api, hooked(tmp_path, api.url) as hook:
        for body in (b'{"update_id":11,"message":{"text":5}}', b"nonsense", b"nonsense", b"[" * 5000, b""):
            assert await hook.call(body) == 200
        assert hook.rows == 4


async def test_only_the_allowed_networks_may_call(tmp_path: Path) -> None:
    telegram, here = (ip_network("192.0.2.0/24"),), (ip_network("127.0.0.0/8"),)
    async with serving() as api:
        async with hooked(tmp_path, api.url, networks=telegram) as hook:
            assert await hook.call() == 403
            assert await hook.call(X_Forwarded_For="192.0.2.7") == 403  # no proxy is named: anyone can say this
        async with hooked(tmp_path, api.url, networks=telegram, proxies=here) as hook:
            for told in ("203.0.113.1", "192.0.2.7, 203.0.113.1", "nonsense", "", None):
                assert await hook.call(X_Forwarded_For=told) == 403, told
            assert hook.rows == 0
            assert await hook.call(X_Forwarded_For="203.0.113.1, 192.0.2.7") == 200
            assert await hook.call(X_Forwarded_For="::ffff:192.0.2.7, 127.0.0.1") == 200
        async with hooked(tmp_path, api.url, networks=here) as hook:
            assert await hook.call() == 200


async def test_a_port_in_use_stops_the_start(tmp_path: Path) -> None:
    async with serving() as api, hooked(tmp_path, api.url) as hook, channel_of(api.url) as second:
        second.webhook = hook.webhook
        with pytest.raises(ConfigError, match=r"telegram\.webhook_port: \d+ is in use"):
            await second.listen()


async def test_nothing_of_the_doors_secrets_is_logged(tmp_path: Path, everything_logged: io.StringIO) -> None:
    async with serving() as api, hooked(tmp_path, api.url) as hook:
        for how in ({"path": TOKEN}, {SECRET_HEADER: TOKEN}, {"method": "GET"}, {}):
            await hook.call(**how)
        reader, writer = await asyncio.open_connection("127.0.0.1", hook.webhook.endpoint.port)
        writer.write(f"POST /{hook.path} {TOKEN}\r\n{SECRET_HEADER} {hook.secret}\r\n\r\n".encode())
        assert b" 400 " in await reader.readline()
        writer.close()
        shown = repr(hook.channel) + everything_logged.getvalue()
        for canary in (SECRET, hook.path, hook.secret):
            assert canary not in shown
