"""From a Screen to calls of the Bot API; it never sends and never uses parse_mode, so no words can be taken for markup.

What a resident typed stands in `text` as it is and gets no entity but the quotation around it.
Sources: https://core.telegram.org/bots/api#sendmessage, #replykeyboardmarkup, #inlinekeyboardbutton, #sending-files.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bot.channels.telegram import spans
from bot.channels.telegram.spans import Part
from bot.delivery.channel import Outgoing
from bot.dialogue.screen import Button, Mode, Request, Screen, Shown
from bot.text import Piece, Text, join, link, shorten, utf16_length

MOST_CAPTION = 1024
MOST_TOAST = 200
_METHODS = {"photo": "sendPhoto", "voice": "sendVoice"}
_REQUESTS = {Request.PLACE: "request_location", Request.PHONE: "request_contact"}
_NO_WORDS = Part("…")  # a message must have some

Parameters = dict[str, Any]


class Call(Struct, frozen=True):
    """One call; `file` goes up with it as multipart."""

    method: str
    parameters: Parameters
    file: Shown | None = None


def leave(outgoing: Outgoing) -> Call:
    return Call("leaveChat", {"chat_id": chat_id(outgoing.chat)})


def answer(outgoing: Outgoing, way: str = "") -> Call:
    """What makes a pressed button stop waiting, with the short word on it, if there is one; or it leads to `way`."""
    parameters: Parameters = {"callback_query_id": outgoing.answers}
    if outgoing.screen.toast:
        parameters["text"] = shorten(outgoing.screen.toast, MOST_TOAST)
    if outgoing.screen.alert:
        parameters["show_alert"] = True
    if way:
        parameters["url"] = way
    return Call("answerCallbackQuery", parameters)


def edit(outgoing: Outgoing) -> Call | None:
    """The change in place; none where the screen does not fit into a message that is already there."""
    screen = outgoing.screen
    if screen.mode is not Mode.IN_PLACE or not _number(outgoing.edits) or screen.files or _asks_device(screen):
        return None
    found = spans.parts(screen.text)
    if len(found) > 1:
        return None
    parameters = {"chat_id": chat_id(outgoing.chat), "message_id": _number(outgoing.edits), **_words(_first(found))}
    if screen.rows:
        parameters["reply_markup"] = _inline(screen)
    return Call("editMessageText", parameters)


def calls(outgoing: Outgoing, repeat_mark: str, *, pays: bool = False) -> list[Call]:
    """The messages that show the screen, in order; the buttons are on the last."""
    screen = outgoing.screen
    found = spans.parts(_marked(outgoing, repeat_mark))
    made = [*_file_calls(screen, found), *(Call("sendMessage", _words(part)) for part in found)]
    if not made:
        made = [Call("sendMessage", _words(_NO_WORDS))]
    common: Parameters = {"chat_id": chat_id(outgoing.chat)}
    if screen.silent:
        common["disable_notification"] = True
    if outgoing.group:
        common["protect_content"] = True
    if pays:
        common["allow_paid_broadcast"] = True  # up to 30 a second stay free, says the FAQ on broadcasting
    for call in made:
        call.parameters.update(common)
    _put_keyboards(screen, made)
    return made


def plain(call: Call) -> Call | None:
    """The same words with nothing that could be refused: no entities, no web addresses on buttons, a file as it is.

    The last resort for a message of ours that the Bot API refuses; none where nothing is left to take away.
    """
    parameters = {key: value for key, value in call.parameters.items() if key not in ("entities", "caption_entities")}
    rows = parameters.get("reply_markup", {}).get("inline_keyboard", [])
    addresses = [f"{button['text']}: {button['url']}" for row in rows for button in row if "url" in button]
    if addresses:
        kept = [[button for button in row if "url" not in button] for row in rows]
        parameters["reply_markup"] = {"inline_keyboard": [row for row in kept if row]}
        key = "caption" if call.file else "text"
        parameters[key] = "\n".join(filter(None, (parameters.get(key), *addresses)))
    method = "sendDocument" if call.file else call.method
    found = replace(call, method=method, parameters=parameters)
    return found if found != call else None


def _marked(outgoing: Outgoing, repeat_mark: str) -> Text:
    """The words to send: after the repeat mark, and with the addresses that a reply keyboard cannot hold."""
    screen = outgoing.screen
    addresses = [link(button.label, button.url) for button in screen.buttons if button.url]
    text = join([screen.text, *addresses]) if addresses and _asks_device(screen) else screen.text
    return Text((Piece(f"{repeat_mark}\n"),)) + text if outgoing.repeat else text


def _file_calls(screen: Screen, found: list[Part]) -> list[Call]:
    """One call a file; the last takes the words as its caption, out of `found`, where they are short enough."""
    made = [Call(_METHODS.get(file.kind, "sendDocument"), {}, file) for file in screen.files]
    if made and len(found) == 1 and utf16_length(found[0].words) <= MOST_CAPTION:
        part = found.pop()
        made[-1].parameters["caption"] = part.words
        if part.entities:
            made[-1].parameters["caption_entities"] = part.entities
    return made


def _words(part: Part) -> Parameters:
    parameters: Parameters = {"text": part.words, "link_preview_options": {"is_disabled": True}}
    if part.entities:
        parameters["entities"] = part.entities
    return parameters


def _first(found: list[Part]) -> Part:
    return found[0] if found else _NO_WORDS


def _put_keyboards(screen: Screen, made: list[Call]) -> None:
    """A message has one keyboard. The entries under the input field go where no other is; buttons win."""
    if _asks_device(screen):
        made[-1].parameters["reply_markup"] = _requests(screen)
        return
    if screen.buttons:
        made[-1].parameters["reply_markup"] = _inline(screen)
    if screen.lasting and "reply_markup" not in made[0].parameters:
        made[0].parameters["reply_markup"] = _lasting(screen)


def _asks_device(screen: Screen) -> bool:
    return any(button.request is not None for button in screen.buttons)


def _inline(screen: Screen) -> Parameters:
    return {"inline_keyboard": [[_inline_button(button) for button in row] for row in screen.rows if row]}


def _inline_button(button: Button) -> Parameters:
    if button.url:
        return {"text": button.label, "url": button.url}
    return {"text": button.label, "callback_data": button.action or "nothing"}


def _requests(screen: Screen) -> Parameters:
    """The whole screen as a keyboard that goes away with its first use; its labels are typed words then."""
    rows = [[_typed_button(button) for button in row if not button.url] for row in screen.rows]
    return {"keyboard": [row for row in rows if row], "resize_keyboard": True, "one_time_keyboard": True}


def _typed_button(button: Button) -> Parameters:
    if button.request is None:
        return {"text": button.label}
    return {"text": button.label, _REQUESTS[button.request]: True}


def _lasting(screen: Screen) -> Parameters:
    rows = [[{"text": label} for label in row] for row in screen.lasting if row]
    return {"keyboard": rows, "resize_keyboard": True, "is_persistent": True}


def numbers(messages: Sequence[str]) -> list[int]:
    """Message ids as the Bot API counts them."""
    return [number for message in messages if (number := _number(message)) is not None and number > 0]


def chat_id(chat: str) -> int | str:
    number = _number(chat)
    return chat if number is None else number


def _number(words: str | None) -> int | None:
    """An id that the Bot API counts as a number; ours are strings."""
    digits = (words or "").removeprefix("-")
    return int(words or "") if digits.isascii() and digits.isdigit() else None
