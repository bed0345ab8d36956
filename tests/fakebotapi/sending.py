"""The methods that put a message into a chat; they never touch one that is there.

Source: https://core.telegram.org/bots/api#available-methods; tdlib/telegram-bot-api, Client.cpp.
"""

from collections.abc import Callable
from typing import Any

from tests.fakebotapi import markup
from tests.fakebotapi.accounts import Account
from tests.fakebotapi.chats import MEDIA, Chat, Json, Message
from tests.fakebotapi.files import media
from tests.fakebotapi.query import Query
from tests.fakebotapi.refusals import bad
from tests.fakebotapi.registry import CAPTION, HOW, TO, Run, method
from tests.fakebotapi.wording import words

Make = Callable[[Account, Query], Json]


def target(account: Account, query: Query) -> tuple[Chat, Json]:
    """Where a message goes and what it answers; raises Refusal."""
    chat = account.open_chat(query.values.get("chat_id"))
    return chat, _quoted(account, chat, query)


def deliver(account: Account, query: Query, chat: Chat, contents: list[Json]) -> list[Message]:
    """Counts the messages, then puts them into the chat; the keyboard goes to the last."""
    given = markup.markup(query)
    account.limits.charge(chat, messages=len(contents), paid=query.flag("allow_paid_broadcast"))
    kept, chat.keyboard = markup.apply(chat.keyboard, given)
    if kept is not None:
        contents[-1]["reply_markup"] = kept
    if query.flag("protect_content"):
        for content in contents:
            content["has_protected_content"] = True
    return [account.post(chat, content) for content in contents]


def _quoted(account: Account, chat: Chat, query: Query) -> Json:
    wanted = query.structure("reply_parameters")
    if not wanted:
        return {}
    if not isinstance(wanted, dict) or not isinstance(wanted.get("message_id"), int):
        raise bad("can't parse ReplyParameters: Can't find field \"message_id\"")
    there = account.find(wanted["chat_id"]) if wanted.get("chat_id") else chat
    message = there.messages.get(wanted["message_id"])
    if message is None:
        if wanted.get("allow_sending_without_reply"):
            return {}
        raise bad("message to be replied not found")
    return {"reply_to_message": without_reply(message.body)}


def without_reply(body: Json) -> Json:
    """A quoted message does not show what it quotes itself."""
    return {key: value for key, value in body.items() if key != "reply_to_message"}


def _sends(make: Make) -> Run:
    def run(account: Account, query: Query) -> Json:
        chat, quoted = target(account, query)
        return deliver(account, query, chat, [{**quoted, **make(account, query)}])[0].body

    return run


def _with_file(kind: str) -> Make:
    def make(account: Account, query: Query) -> Json:
        given: Any = query.files.get(kind, query.values.get(kind))
        found = media(account.hub.files, account.id, query, kind, given, most=account.hub.largest_upload)
        return {kind: found, **words(account.hub, query, "caption")}

    return make


def _text(account: Account, query: Query) -> Json:
    options = query.structure("link_preview_options")
    shown = words(account.hub, query)
    return shown | {"link_preview_options": options} if options else shown


def _location(_account: Account, query: Query) -> Json:
    latitude, longitude = query.decimal("latitude"), query.decimal("longitude")
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise bad("wrong latitude or longitude specified")
    return {"location": {"latitude": latitude, "longitude": longitude}}


def _contact(_account: Account, query: Query) -> Json:
    phone, first = query.text("phone_number"), query.text("first_name")
    if not phone or not first:
        raise bad("phone number is empty" if not phone else "first name is empty")
    return {"contact": {"phone_number": phone, "first_name": first}}


method("sendMessage", TO, HOW, "text parse_mode entities link_preview_options")(_sends(_text))
method("sendPhoto", TO, HOW, CAPTION, "photo has_spoiler")(_sends(_with_file("photo")))
method("sendDocument", TO, HOW, CAPTION, "document thumbnail disable_content_type_detection")(
    _sends(_with_file("document"))
)
method("sendVoice", TO, HOW, CAPTION, "voice duration")(_sends(_with_file("voice")))
method("sendAudio", TO, HOW, CAPTION, "audio duration performer title thumbnail")(_sends(_with_file("audio")))
method("sendVideo", TO, HOW, CAPTION, "video duration width height thumbnail cover start_timestamp has_spoiler "
       "supports_streaming")(_sends(_with_file("video")))  # fmt: skip
method("sendLocation", TO, HOW, "latitude longitude horizontal_accuracy live_period heading proximity_alert_radius")(
    _sends(_location)
)
method("sendContact", TO, HOW, "phone_number first_name last_name vcard")(_sends(_contact))


def source(account: Account, query: Query) -> Message:
    """The message to copy or forward."""
    message = account.find(query.values.get("from_chat_id")).messages.get(query.integer("message_id"))
    if message is None:
        raise bad("message to copy not found" if query.method == "copyMessage" else "message to forward not found")
    return message


@method("copyMessage", TO, HOW, CAPTION, "from_chat_id message_id video_start_timestamp")
def copy_message(account: Account, query: Query) -> Json:
    chat, quoted = target(account, query)
    original = source(account, query).body
    kept = ("text", "entities", "caption", "caption_entities", "location", "contact", *MEDIA)
    content = quoted | {key: original[key] for key in kept if key in original}
    if "caption" in query.values:
        content = {key: value for key, value in content.items() if not key.startswith("caption")}
        content |= words(account.hub, query, "caption")
    return {"message_id": deliver(account, query, chat, [content])[0].id}


@method("forwardMessage", TO, "from_chat_id message_id disable_notification protect_content message_effect_id "
        "video_start_timestamp suggested_post_parameters")  # fmt: skip
def forward_message(account: Account, query: Query) -> Json:
    chat = account.open_chat(query.values.get("chat_id"))
    original = source(account, query).body
    content = {key: value for key, value in original.items() if key in ("text", "entities", "caption", *MEDIA)}
    content["forward_origin"] = {"type": "user", "sender_user": original.get("from"), "date": original["date"]}
    return deliver(account, query, chat, [content])[0].body
