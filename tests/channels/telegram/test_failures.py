"""The table of causes: what surely did not arrive, what never will, and what nobody can tell."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from bot.channels.telegram import failures
from bot.channels.telegram.lines import NoConnection
from bot.delivery.channel import Outgoing
from bot.dialogue.screen import Screen
from bot.errors import ChannelDown, DeliveryError, NotSent, Refused, Uncertain
from bot.text import as_text
from tests.channels.telegram.tiny import GARBAGE, HALF, RESET, channel_of, fails, serving

BLOCKED = fails(403, "Forbidden: bot was blocked by the user")
TABLE = [
    (fails(429, "Too Many Requests: retry after 7", retry_after=7), NotSent, {"retry_in": timedelta(seconds=7)}),
    (fails(429, "Too Many Requests"), NotSent, {"retry_in": timedelta(seconds=30)}),
    (BLOCKED, Refused, {"gone": True, "moved_to": None}),
    (fails(403, "Forbidden: user is deactivated"), Refused, {"gone": True}),
    (fails(403, "Forbidden: bot was kicked from the supergroup chat"), Refused, {"gone": True}),
    (fails(400, "Bad Request: chat not found"), Refused, {"gone": True}),
    (fails(400, "Bad Request: PEER_ID_INVALID"), Refused, {"gone": True}),
    (
        fails(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1001),
        Refused,
        {"gone": False, "moved_to": "-1001"},
    ),
    (fails(400, "Bad Request: message text is empty"), Refused, {"gone": False, "moved_to": None}),
    (fails(413, "Request Entity Too Large"), Refused, {"gone": False}),
    (fails(401, "Unauthorized"), ChannelDown, {}),
    (fails(404, "Not Found"), ChannelDown, {}),
    (fails(409, "Conflict: terminated by other getUpdates request"), ChannelDown, {}),
    (fails(500, "Internal Server Error"), Uncertain, {}),
    (fails(502, "Bad Gateway"), Uncertain, {}),
    ((502, b"<html>bad gateway</html>"), Uncertain, {}),
    ((504, b""), Uncertain, {}),
    (GARBAGE, Uncertain, {}),
    ((200, b'{"ok":tr'), Uncertain, {}),
    ((200, b"[1]"), Uncertain, {}),
    ((200, b'{"ok":false}'), Uncertain, {}),
    ((403, b"<html>forbidden by the proxy</html>"), NotSent, {"whole": True}),
    ((302, b""), NotSent, {"whole": True}),
    ((408, b"<html>your request did not come in time</html>"), NotSent, {"whole": False}),
    ((408, b""), NotSent, {"whole": False}),
]


@pytest.mark.parametrize(("answer", "kind", "facts"), TABLE)
def test_what_an_answer_means(answer: tuple[int, Any], kind: type[DeliveryError], facts: dict[str, Any]) -> None:
    status, body = answer
    with pytest.raises(kind) as caught:
        failures.read(status, body if isinstance(body, bytes) else json.dumps(body).encode())
    assert {name: getattr(caught.value, name) for name in facts} == facts


def test_a_good_answer_is_its_result() -> None:
    assert bytes(failures.read(200, b'{"ok":true,"result":[1]}')) == b"[1]"


def test_causes_keep_no_quotation() -> None:
    error = failures.refusal(400, "Bad Request: inline keyboard button URL 'http://secret' is invalid: Wrong HTTP URL")
    assert error.cause == "400 Bad Request: inline keyboard button URL"
    assert failures.refusal(400, 'Bad Request: can\'t parse "secret"').cause == "400 Bad Request: can't parse"


KEY = aiohttp.client_reqrep.ConnectionKey("h", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aiohttp.ClientConnectorError(KEY, OSError(111, "refused")), NotSent),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "unknown")), NotSent),
        (aiohttp.ClientConnectorSSLError(KEY, OSError(1, "ssl")), NotSent),
        (aiohttp.ClientProxyConnectionError(KEY, OSError(111, "refused")), NotSent),
        (aiohttp.ConnectionTimeoutError("to host secret"), NotSent),
        (aiohttp.SocketTimeoutError("reading"), Uncertain),
        (aiohttp.ServerDisconnectedError(), Uncertain),
        (aiohttp.ClientOSError(104, "reset"), Uncertain),
        (aiohttp.ClientPayloadError("half"), Uncertain),
        (TimeoutError(), Uncertain),
        (asyncio.IncompleteReadError(b"", 5), Uncertain),
        (ValueError("whatever"), Uncertain),
    ],
)
def test_what_a_fault_on_the_way_means(error: Exception, kind: type[DeliveryError]) -> None:
    found = failures.broken(error)
    assert type(found) is kind
    assert found.cause == type(error).__name__


def test_what_kept_a_connection_from_being_made_is_named() -> None:
    """An unknown name, a refusal and a bad certificate have other remedies."""
    found = failures.broken(NoConnection("gaierror"))
    assert isinstance(found, NotSent)
    assert found.whole
    assert found.cause == "NoConnection gaierror"


def test_what_may_be_repeated_is_never_uncertain() -> None:
    assert isinstance(failures.harmless(Uncertain("x")), NotSent)
    refused = Refused("x")
    assert failures.harmless(refused) is refused


@pytest.mark.sockets
@pytest.mark.parametrize(("answer", "kind", "facts"), [*TABLE, (RESET, Uncertain, {}), (HALF, Uncertain, {})])
@pytest.mark.parametrize("method", ["sendMessage", "sendDocument"])
async def test_both_ways_of_sending_tell_by_the_same_table(
    answer: Any, kind: type[DeliveryError], facts: dict[str, Any], method: str
) -> None:
    from bot.dialogue.screen import Shown

    files = (Shown("photo", "document", "a.bin"),) if method == "sendDocument" else ()
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down(method, answer)
        with pytest.raises(kind) as caught:
            await channel.send(Outgoing(1, "1", Screen(as_text("x"), files=files)))
    assert {name: getattr(caught.value, name) for name in facts} == facts
    assert caught.value.__cause__ is None


@pytest.mark.sockets
async def test_no_connection_is_not_sent() -> None:
    async with serving() as api:
        url = api.url
    async with channel_of(url) as channel:
        with pytest.raises(NotSent) as caught:
            await channel.send(Outgoing(1, "1", Screen(as_text("x"))))
    assert caught.value.whole


@pytest.mark.sockets
async def test_silence_after_the_request_is_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as api, channel_of(api.url) as channel:
        monkeypatch.setattr("bot.channels.telegram.transport.CONNECT", 0.2)
        monkeypatch.setattr(channel._client._calls, "_read", 0.0)
        api.lay_down("sendMessage", "hang")
        with pytest.raises(Uncertain):
            await channel.send(Outgoing(1, "1", Screen(as_text("x"))))


@pytest.mark.sockets
async def test_a_full_pool_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as api, channel_of(api.url) as channel:
        monkeypatch.setattr(channel._client._calls, "_connections", 1)
        api.lay_down("sendMessage", "hang")
        first = asyncio.create_task(channel.send(Outgoing(1, "1", Screen(as_text("x")))))
        await api.until("sendMessage", 1)
        monkeypatch.setattr("bot.channels.telegram.transport.CONNECT", 0.1)
        with pytest.raises(NotSent):
            await channel.send(Outgoing(2, "2", Screen(as_text("y"))))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
