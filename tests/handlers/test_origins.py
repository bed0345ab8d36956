"""Every command from every place a Telegram update can come from: only one's own new words command (threat T4).

The commands are the router's own, the updates are JSON as the platform sends it.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.channels.telegram.decoding import as_raw, decode
from bot.delivery.channel import Raw
from bot.office.people.model import Role
from tests.handlers.test_rights import Spied
from tests.rig import Town

WHO = (None, Role.HANDLER, Role.HEAD, Role.ADMINISTRATOR)  # for every role the same: test_rights has them all
BOT = "huiyin_bot"
ME = {"id": 4242, "is_bot": False, "first_name": "周", "username": "zhou"}
IMPOSTOR = {"id": 777, "is_bot": False, "first_name": "周", "username": "zhou"}  # same names, another number
NOBODY = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
CHANNEL_BOT = {"id": 136817688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}
PRIVATE = {"id": 4242, "type": "private", "first_name": "周"}
GROUP = {"id": -1009, "type": "supergroup", "title": "青石街道办事处管理员"}
CHANNEL = {"id": -1008, "type": "channel", "title": "青石街道"}
PHOTO = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1, "file_size": 9}]

Update = dict[str, Any]


def message(kind: str, text: str, sender: Update | None, chat: Update, **more: Any) -> Update:
    body = {"message_id": 5, "date": 1789434720, "chat": chat, "text": text, **more}
    return {kind: body if sender is None else body | {"from": sender}}


OWN: dict[str, Callable[[str], Update]] = {
    "typed in private": lambda text: message("message", text, ME, PRIVATE),
    "addressed to the bot": lambda text: message("message", f"{text}@{BOT}", ME, PRIVATE),
}
OTHERS: dict[str, Callable[[str], Update]] = {
    "forwarded": lambda text: message("message", text, ME, PRIVATE, forward_origin={"type": "user"}),
    "through another bot": lambda text: message("message", text, ME, PRIVATE, via_bot={"id": 3, "is_bot": True}),
    "in a channel's name": lambda text: message("message", text, ME, PRIVATE, sender_chat=CHANNEL),
    "edited": lambda text: message("edited_message", text, ME, PRIVATE, edit_date=1789434721),
    "same names, other number": lambda text: message("message", text, IMPOSTOR, PRIVATE | {"id": 777}),
    "in a group": lambda text: message("message", text, ME, GROUP),
    "to another bot in a group": lambda text: message("message", f"{text}@other_bot", ME, GROUP),
    "as the group": lambda text: message("message", text, NOBODY, GROUP, sender_chat=GROUP),
    "linked channel in a group": lambda text: message("message", text, CHANNEL_BOT, GROUP, sender_chat=CHANNEL),
    "forwarded into a group": lambda text: message("message", text, ME, GROUP, forward_origin={"type": "user"}),
    "edited in a group": lambda text: message("edited_message", text, ME, GROUP, edit_date=1789434721),
    "in a channel": lambda text: message("channel_post", text, None, CHANNEL, sender_chat=CHANNEL),
    "edited in a channel": lambda text: message("edited_channel_post", text, None, CHANNEL, sender_chat=CHANNEL),
    "by a business account": lambda text: message("business_message", text, ME, PRIVATE),
    "inline question": lambda text: {"inline_query": {"id": "1", "from": ME, "query": text, "offset": ""}},
}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One is enough: where words come from is decided before any statement."""
    return f"sqlite:///{tmp_path}/huiyin.db"


async def arrive(town: Town, updates: Iterable[tuple[str, Update]]) -> None:
    """Placed and decoded as the platform's own channel does it, handled as whatever came."""
    raws = []
    for number, (key, update) in enumerate(updates):
        raw, _number = as_raw(json.dumps({"update_id": number, **update}).encode(), town.clock.now())
        if raw is not None:  # what people say to each other in a group is not even stored
            event = msgspec.msgpack.encode(decode(raw.body, BOT))
            raws.append(Raw(key, raw.chat, event, town.clock.now(), raw.group))
    await town.app.receivers[town.channel.name].take_in(raws)
    await town.settle()


@pytest.mark.parametrize("role", WHO, ids=lambda role: role or "resident")
async def test_only_ones_own_new_words_in_private_command(town: Town, role: Role | None) -> None:
    if role is not None:
        await town.official("4242", role)
    else:
        await town.resident("4242").says("你好")
    for chat in ("777", "-1009", "-1008"):
        town.room(chat) if chat.startswith("-") else town.resident(chat)
    routes = {name: route for name, route in town.app.router.commands.items() if name != "start"}  # that is a link
    for_groups = dict(town.app.router.group_commands)
    roles = frozenset((role,)) if role is not None else frozenset()
    spied = Spied(town)
    for origin, update in (OWN | OTHERS).items():
        spied.reached.clear()
        await arrive(town, ((f"{origin} {name}", update(f"/{name}")) for name in routes))
        expected = {name for name, route in routes.items() if origin in OWN and route.admits(roles)}
        if origin == "in a group":
            expected = {name for name, route in for_groups.items() if name in routes and route.admits(roles)}
        if origin == "same names, other number":  # a resident like any other
            expected = {name for name, route in routes.items() if route.admits(())}
        if origin in ("as the group", "linked channel in a group"):
            expected = {name for name, route in for_groups.items() if name in routes and route.admits(())}
        assert set(spied.reached) == expected, origin
