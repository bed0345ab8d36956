"""The token is a canary: it must not come out of anything, even with every logger at DEBUG."""

import asyncio
import io
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from bot.channels.telegram.transport import proxy_for
from bot.delivery.channel import Menu, Outgoing
from bot.dialogue.screen import Screen, Shown
from bot.errors import ConfigError, HuiyinError
from bot.logs import Redacting, redact, redact_event
from bot.text import as_text
from tests.channels.telegram.tiny import HALF, NOW, RESET, TOKEN, channel_of, fails, serving

SECRET = TOKEN.partition(":")[2]
WORDS = "住在三号楼的证人"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.sockets
@pytest.mark.parametrize(
    "trouble",
    [
        RESET,
        HALF,
        fails(401, "Unauthorized"),
        fails(400, "Bad Request: odd"),
        fails(502, "Bad Gateway"),
        (200, WORDS.encode()),
        (200, b"\x00"),
        (302, b""),
    ],
)
async def test_neither_token_nor_words_come_out_of_any_failure(trouble: Any, everything_logged: io.StringIO) -> None:
    file = Screen(as_text(WORDS), files=(Shown("photo", "photo", "a.jpg"),))
    async with serving() as api, channel_of(api.url) as channel:
        attempts: list[Callable[[], Awaitable[object]]] = [
            channel.check,
            lambda: channel.send(Outgoing(1, "1", Screen(as_text(WORDS)))),
            lambda: channel.send(Outgoing(2, "1", file)),
            lambda: channel.fetch("f", 1),
            lambda: channel.publish(Menu(())),
        ]
        for method in ("getMe", "sendMessage", "sendPhoto", "getFile", "setMyCommands", "getUpdates"):
            api.lay_down(method, trouble)
        errors = []
        for attempt in attempts:
            try:
                await attempt()
            except HuiyinError as error:
                errors.append(error)
        task = asyncio.create_task(channel.receive(lambda _raws: asyncio.sleep(0)))
        await api.until("getUpdates", 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        shown = repr(channel) + repr(channel._client) + str(channel._client) + repr(vars(channel))
    assert errors
    for failed in errors:
        shown += "".join(repr(link) + str(link) for link in chain(failed)) + "".join(traceback.format_exception(failed))
    shown += everything_logged.getvalue()
    assert SECRET not in shown
    assert WORDS not in shown


@pytest.mark.parametrize("address", ["http://[broken", "ftp://host", "", "http:///x"])
async def test_an_unusable_address_stops_the_start(address: str) -> None:
    with pytest.raises(ConfigError, match=r"telegram\.base_url"):
        async with channel_of(address):
            raise AssertionError


def test_redaction() -> None:
    assert redact(f"GET https://api.telegram.org/bot{TOKEN}/getMe") == "GET https://api.telegram.org/bot<token>/getMe"
    assert redact(TOKEN.replace(":", "%3A")) == "<token>"
    assert redact("2026-09-15 10:12:13 case 123456:short") == "2026-09-15 10:12:13 case 123456:short"


def test_the_filter_cleans_messages_arguments_and_tracebacks() -> None:
    sink = io.StringIO()
    handler = logging.StreamHandler(sink)
    handler.addFilter(Redacting())
    logger = logging.getLogger("tests.redaction")
    logger.propagate = False
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        raise ValueError(TOKEN)
    except ValueError:
        logger.exception("calling %s at %s", TOKEN, NOW)
    logger.removeHandler(handler)
    assert sink.getvalue().count("<token>") == 2
    assert SECRET not in sink.getvalue()


def test_the_processor_cleans_values() -> None:
    assert redact_event(None, "info", {"event": "x", "url": TOKEN, "n": 1}) == {"event": "x", "url": "<token>", "n": 1}


def test_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for("https://api.telegram.org/bot") is None
    monkeypatch.setenv("HTTPS_PROXY", "http://user:pass@proxy:3128")
    assert proxy_for("https://api.telegram.org/bot") == "http://user:pass@proxy:3128"
    monkeypatch.setenv("NO_PROXY", "api.telegram.org")
    assert proxy_for("https://api.telegram.org/bot") is None
    monkeypatch.setenv("NO_PROXY", "elsewhere")
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:pass@proxy:1080")
    with pytest.raises(ConfigError) as caught:
        proxy_for("https://api.telegram.org/bot")
    assert "pass" not in str(caught.value)
