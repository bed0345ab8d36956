"""What a bot asks and sets about itself; nobody gets a message from it.

Source: https://core.telegram.org/bots/api#setmycommands and around; tdlib/td, BotCommand.cpp.
"""

import json
import re
from typing import Any

from tests.fakebotapi.accounts import Account
from tests.fakebotapi.chats import Json
from tests.fakebotapi.query import Query
from tests.fakebotapi.refusals import bad
from tests.fakebotapi.registry import method

MOST_COMMANDS = 100
_COMMAND = re.compile(r"/?[a-z0-9_]{1,32}")
_LANGUAGE = re.compile(r"([a-z]{2})?")
_SCOPES = frozenset(
    [
        "default",
        "all_private_chats",
        "all_group_chats",
        "all_chat_administrators",
        "chat",
        "chat_administrators",
        "chat_member",
    ]
)


@method("getMe")
def get_me(account: Account, _query: Query) -> Json:
    return account.me


@method("logOut")
def log_out(account: Account, _query: Query) -> bool:
    account.settings.logged_out = True
    return True


@method("close")
def close(_account: Account, _query: Query) -> bool:
    return True


@method("setMyCommands", "commands scope language_code")
def set_my_commands(account: Account, query: Query) -> bool:
    commands = query.structure("commands")
    if not isinstance(commands, list):
        raise bad("expected an Array of BotCommand")
    if len(commands) > MOST_COMMANDS:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    account.settings.commands[_scope(account, query), _language(query)] = [_command(each) for each in commands]
    account.hub.changes.notify()
    return True


@method("getMyCommands", "scope language_code")
def get_my_commands(account: Account, query: Query) -> list[Json]:
    return account.settings.commands.get((_scope(account, query), _language(query)), [])


@method("deleteMyCommands", "scope language_code")
def delete_my_commands(account: Account, query: Query) -> bool:
    account.settings.commands.pop((_scope(account, query), _language(query)), None)
    return True


@method("setMyDescription", "description language_code")
def set_my_description(account: Account, query: Query) -> bool:
    return _describe(account, query, "description", 512)


@method("setMyShortDescription", "short_description language_code")
def set_my_short_description(account: Account, query: Query) -> bool:
    return _describe(account, query, "short_description", 120)


@method("setChatMenuButton", "chat_id menu_button")
def set_chat_menu_button(account: Account, query: Query) -> bool:
    button = query.structure("menu_button") or {"type": "default"}
    if not isinstance(button, dict) or button.get("type") not in ("commands", "web_app", "default"):
        raise bad("can't parse menu button: MenuButton must be an Object")
    if query.values.get("chat_id"):
        account.open_chat(query.values["chat_id"]).menu_button = button
    else:
        account.settings.menu_button = button
    return True


def shown_commands(account: Account, chat: int, language: str | None) -> list[tuple[str, str]]:
    """The menu that somebody sees in the private chat: the most fitting scope, there the own language first."""
    code = (language or "")[:2]
    for scope in (_key({"type": "chat", "chat_id": chat}), _key({"type": "all_private_chats"}), _key({})):
        for wanted in dict.fromkeys((code, "")):
            found = account.settings.commands.get((scope, wanted))
            if found:
                return [(command["command"], command["description"]) for command in found]
    return []


def _describe(account: Account, query: Query, kind: str, longest: int) -> bool:
    text = query.text(kind)
    if len(text) > longest:
        raise bad(f"{kind.replace('_', ' ')} is too long")  # not the server's very words
    account.settings.descriptions[kind, _language(query)] = text
    return True


def _scope(account: Account, query: Query) -> str:
    scope = query.structure("scope") or {}
    if not isinstance(scope, dict) or scope.get("type", "default") not in _SCOPES:
        raise bad("can't parse BotCommandScope: Unsupported type specified")
    if "chat_id" in scope:
        return _key(scope | {"chat_id": account.find(scope["chat_id"]).id})
    return _key(scope)


def _key(scope: Json) -> str:
    return json.dumps({"type": "default"} | scope, sort_keys=True)


def _language(query: Query) -> str:
    language = query.text("language_code")
    if not _LANGUAGE.fullmatch(language):
        raise bad("invalid language code specified")
    return language


def _command(command: Any) -> Json:
    if not isinstance(command, dict) or not {"command", "description"} <= command.keys():
        raise bad("can't parse BotCommand: BotCommand must be an Object")
    name, description = str(command["command"]), str(command["description"])
    if not _COMMAND.fullmatch(name):
        raise bad("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name.removeprefix("/"), "description": description}
