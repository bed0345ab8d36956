"""The methods by name, with the parameters that the Bot API documents for them; it runs none.

Source: https://core.telegram.org/bots/api#available-methods (Bot API 9).
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from tests.fakebotapi.accounts import Account
from tests.fakebotapi.query import Query

Run = Callable[[Account, Query], Any] | Callable[[Account, Query], Awaitable[Any]]

TO = "business_connection_id chat_id message_thread_id direct_messages_topic_id"
HOW = (
    "disable_notification protect_content allow_paid_broadcast message_effect_id suggested_post_parameters "
    "reply_parameters reply_markup"
)
CAPTION = "caption parse_mode caption_entities show_caption_above_media"
EDITED = "business_connection_id chat_id message_id inline_message_id reply_markup"


class Method(NamedTuple):
    name: str
    run: Run
    known: frozenset[str]


class Raw(bytes):
    """A result that is JSON already."""


METHODS: dict[str, Method] = {}  # by the name in small letters: the Bot API does not mind which it gets


def method(name: str, *known: str) -> Callable[[Run], Run]:
    """Makes a function the Bot API's method of this name."""

    def register(run: Run) -> Run:
        METHODS[name.lower()] = Method(name, run, frozenset(" ".join(known).split()))
        return run

    return register
