"""Keyboards as the server checks them; it never mends one.

Source: tdlib/telegram-bot-api, Client.cpp (get_reply_markup, get_inline_keyboard_button); tdlib/td, ReplyMarkup.cpp.
"""

from typing import Any

from tests.fakebotapi.chats import Json
from tests.fakebotapi.query import Query
from tests.fakebotapi.refusals import TEXT_BUTTON, bad

MOST_BUTTONS = 100
LONGEST_DATA = 64  # bytes
_ACTIONS = frozenset(
    [
        "url",
        "callback_data",
        "web_app",
        "login_url",
        "switch_inline_query",
        "switch_inline_query_current_chat",
        "switch_inline_query_chosen_chat",
        "copy_text",
        "callback_game",
        "pay",
    ]
)
_KINDS = ("inline_keyboard", "keyboard", "remove_keyboard", "force_reply")


def markup(query: Query, *, edit: bool = False) -> Json | None:
    """A keyboard of any kind, or of an edit the inline one; None where there is none."""
    given = query.structure("reply_markup")
    if given is None or given == {}:
        return None
    if not isinstance(given, dict):
        raise bad("object expected as reply markup")
    kind = next((kind for kind in _KINDS if kind in given), None)
    if kind is None:
        raise bad("object expected as reply markup")
    if edit and kind != "inline_keyboard":
        raise bad("inline keyboard expected")
    if kind == "inline_keyboard":
        rows = [[_inline(button) for button in row] for row in _rows(given[kind], "inline keyboard")]
        return {"inline_keyboard": [row for row in rows if row]} if any(rows) else None
    if kind == "keyboard":
        rows = [[_typed(button) for button in row] for row in _rows(given[kind], "keyboard")]
        if not any(rows):
            raise bad("reply keyboard must be non-empty")  # not the server's very words
        return given | {"keyboard": [row for row in rows if row]}
    return dict(given)


def apply(keyboard: Json | None, given: Json | None) -> tuple[Json | None, Json | None]:
    """What the message keeps, and the chat's reply keyboard from now on."""
    if given is None or "inline_keyboard" in given:
        return given, keyboard
    if "keyboard" in given:
        return None, given
    return None, None if given.get("remove_keyboard") else keyboard


def _rows(rows: Any, name: str) -> list[list[Any]]:
    if not isinstance(rows, list):
        raise bad(f'field "{name.replace(" ", "_")}" of the ReplyMarkup must be an Array')
    if not all(isinstance(row, list) for row in rows):
        raise bad(f'field "{name.replace(" ", "_")}" must be an Array of Arrays')
    if sum(map(len, rows)) > MOST_BUTTONS:
        raise bad("REPLY_MARKUP_TOO_LONG")
    return rows


def _inline(button: Any) -> Json:
    if not isinstance(button, dict):
        raise bad("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    text = _label(button, "inline keyboard button")
    actions = button.keys() & _ACTIONS
    if not actions:
        raise bad(TEXT_BUTTON)
    if len(actions) > 1:
        raise bad("can't parse inline keyboard button: exactly one of the optional fields must be used")
    if "callback_data" in button:
        data = button["callback_data"]
        if not isinstance(data, str) or not 1 <= len(data.encode("utf-8", "surrogatepass")) <= LONGEST_DATA:
            raise bad("BUTTON_DATA_INVALID")
    if "url" in button and not str(button["url"]).startswith(("http://", "https://", "tg://")):
        raise bad(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    return {**button, "text": text}


def _typed(button: Any) -> Json:
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict):
        raise bad("can't parse keyboard button: KeyboardButton must be an Object")
    text = _label(button, "keyboard button")
    return {**button, "text": text}


def _label(button: Json, name: str) -> str:
    if "text" not in button:
        raise bad(f"can't parse {name}: Can't find field \"text\"")
    text = button["text"]
    if not isinstance(text, str):
        raise bad(f'can\'t parse {name}: Field "text" must be of type String')
    if not text.strip():
        raise bad(f"{name} text must be non-empty")
    return text
