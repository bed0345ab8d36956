"""What a failed call of the Bot API means for the message, told by cause; it never retries and never keeps a URL.

Certainly not sent is whatever the Bot API refused and whatever never got a connection. What was lost on the way, hung
or got a 5xx is uncertain: messages whose call timed out often arrive (python-telegram-bot issue 1045).
Sources: https://core.telegram.org/bots/api#making-requests, #responseparameters; tdlib/telegram-bot-api, Client.cpp.
"""

import re
from datetime import timedelta

import aiohttp
import msgspec
from msgspec import Raw, Struct, field

from bot.channels.telegram.lines import NoConnection
from bot.errors import ChannelDown, DeliveryError, NotSent, Refused, Uncertain

AGAIN_SOON = timedelta(seconds=2)
AGAIN_LATER = timedelta(seconds=30)
_QUOTED = re.compile(r"""["“]|\s'""")
_LONGEST_CAUSE = 120
_NO_CONNECTION = (
    NoConnection, aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError,
)  # fmt: skip
_UNREACHABLE = ("chat not found", "user not found", "peer_id_invalid", "chat_id_invalid")


class Parameters(Struct):
    migrate_to_chat_id: int | None = None
    retry_after: int | None = None  # seconds


class Answer(Struct):
    """What every call answers."""

    ok: bool
    result: Raw = Raw(b"null")
    error_code: int = 0
    description: str = ""
    parameters: Parameters = field(default_factory=Parameters)


_decode = msgspec.json.Decoder(Answer).decode


def read(status: int, payload: bytes) -> Raw:
    """The result in an HTTP answer; raises the DeliveryError that it stands for."""
    try:
        answer = _decode(payload)
    except (ValueError, RecursionError):
        answer = None
    if answer is None:
        raise unreadable(status)
    if answer.ok:
        return answer.result
    raise refusal(answer.error_code or status, answer.description, answer.parameters)


def refusal(code: int, description: str, parameters: Parameters | None = None) -> DeliveryError:
    """What the Bot API's own words mean."""
    more = parameters or Parameters()
    cause = _cause(code, description)
    if code == 429:
        return NotSent(cause, timedelta(seconds=max(1, more.retry_after or AGAIN_LATER.seconds)))
    if more.migrate_to_chat_id is not None:
        return Refused(cause, moved_to=str(more.migrate_to_chat_id))
    if code in (401, 404, 409):
        return ChannelDown(cause)
    if code == 403:  # blocked by the user, user is deactivated, kicked, never started
        return Refused(cause, gone=True)
    if 400 <= code < 500:
        return Refused(cause, gone=any(words in description.lower() for words in _UNREACHABLE))
    return Uncertain(cause)


def unreadable(status: int) -> DeliveryError:
    """What an answer means that is not the Bot API's JSON: somebody else's page, or the half of an answer."""
    cause = f"unreadable {status}"
    if status == 408:  # no whole request came in time (RFC 9110 §15.5.9): this line's fault, not everybody's
        return NotSent(cause, AGAIN_SOON)
    if 300 <= status < 500:  # a proxy or a portal: the Bot API has not seen the call
        return NotSent(cause, AGAIN_LATER, whole=True)
    return Uncertain(cause)


def broken(error: Exception) -> DeliveryError:
    """What a fault on the way means. aiohttp's errors may hold the URL and so the token: only their type is kept."""
    cause = type(error).__name__
    if isinstance(error, NoConnection):
        cause = f"{cause} {error}".strip()  # of ours, and says the type of what was in the way
    if isinstance(error, _NO_CONNECTION):
        return NotSent(cause, AGAIN_SOON, whole=True)
    return Uncertain(cause)


def harmless(error: DeliveryError) -> DeliveryError:
    """For calls that may be repeated freely (edits, answers, reads): uncertain is as good as not sent."""
    return NotSent(error.cause, AGAIN_SOON) if isinstance(error, Uncertain) else error


def is_done(error: DeliveryError) -> bool:
    """Whether the refusal says that there is nothing left to do."""
    return isinstance(error, Refused) and any(
        words in error.cause for words in ("message is not modified", "query is too old", "query ID is invalid")
    )


def _cause(code: int, description: str) -> str:
    """The Bot API's words up to the first quotation: what it quotes are ours or somebody's own."""
    return f"{code} {_QUOTED.split(description, maxsplit=1)[0][:_LONGEST_CAUSE]}".strip()
