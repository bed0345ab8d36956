"""The methods that change or delete what is there; they never make a message.

Source: https://core.telegram.org/bots/api#updating-messages; tdlib/td, MessagesManager.cpp.
"""

from collections.abc import Callable

from tests.fakebotapi import markup
from tests.fakebotapi.accounts import Account
from tests.fakebotapi.albums import content
from tests.fakebotapi.chats import MEDIA, Chat, Json, Message
from tests.fakebotapi.query import Query
from tests.fakebotapi.refusals import NOT_MODIFIED, bad
from tests.fakebotapi.registry import CAPTION, EDITED, Run, method
from tests.fakebotapi.wording import words

DELETABLE = 48 * 3600  # seconds
MOST_DELETED = 100

Change = Callable[[Account, Query, Message], Json]


def _edits(keys: tuple[str, ...], change: Change) -> Run:
    """`keys` are replaced by what `change` gives."""

    def run(account: Account, query: Query) -> Json:
        message = _own(account, query)
        new = change(account, query, message)
        keyboard = markup.markup(query, edit=True)
        old = {key: message.body[key] for key in keys if key in message.body}
        if old == new and message.markup == keyboard:
            raise bad(NOT_MODIFIED)
        for key in (*keys, "reply_markup"):
            message.body.pop(key, None)
        message.body.update(new)
        if keyboard is not None:
            message.body["reply_markup"] = keyboard
        if keys:  # a keyboard alone leaves no mark
            message.body["edit_date"] = account.hub.now()
        message.chat.touch(message)
        return message.body

    return run


def _own(account: Account, query: Query) -> Message:
    if query.text("inline_message_id"):
        raise bad("MESSAGE_ID_INVALID")
    chat = account.open_chat(query.values.get("chat_id"))
    if "message_id" not in query.values:
        raise bad("message identifier is not specified")
    message = chat.messages.get(query.integer("message_id"))
    if message is None:
        raise bad("message to edit not found")
    if not message.by_bot:
        raise bad("message can't be edited")
    return message


def _new_text(account: Account, query: Query, message: Message) -> Json:
    shown = words(account.hub, query)
    if "text" not in message.body:
        raise bad("there is no text in the message to edit")
    options = query.structure("link_preview_options")
    return shown | {"link_preview_options": options} if options else shown


def _new_caption(account: Account, query: Query, message: Message) -> Json:
    if not any(kind in message.body for kind in MEDIA):
        raise bad("there is no caption in the message to edit")
    return words(account.hub, query, "caption")


def _new_media(account: Account, query: Query, _message: Message) -> Json:
    return content(account, query, query.structure("media"))


def _same(_account: Account, _query: Query, _message: Message) -> Json:
    return {}


method("editMessageText", EDITED, "text parse_mode entities link_preview_options")(
    _edits(("text", "entities", "link_preview_options"), _new_text)
)
method("editMessageCaption", EDITED, CAPTION)(_edits(("caption", "caption_entities"), _new_caption))
method("editMessageMedia", EDITED, "media")(
    _edits(("text", "entities", "caption", "caption_entities", *MEDIA), _new_media)
)
method("editMessageReplyMarkup", EDITED)(_edits((), _same))


@method("deleteMessage", "chat_id message_id")
def delete_message(account: Account, query: Query) -> bool:
    chat = account.open_chat(query.values.get("chat_id"))
    message = chat.messages.get(query.integer("message_id"))
    if message is None:
        raise bad("message to delete not found")
    if account.hub.ticker.now() - message.body["date"] > DELETABLE:
        raise bad("message can't be deleted for everyone")
    if not _may_delete(chat, message):
        raise bad("message can't be deleted")
    del chat.messages[message.id]
    return True


@method("deleteMessages", "chat_id message_ids")
def delete_messages(account: Account, query: Query) -> bool:
    """What is not found is skipped; one that may not be deleted refuses them all (tdlib/td, MessagesManager.cpp)."""
    chat = account.open_chat(query.values.get("chat_id"))
    numbers = query.structure("message_ids")
    if numbers is not None and not isinstance(numbers, list):
        raise bad("expected an Array of message identifiers")
    if not numbers:
        raise bad("message identifiers are not specified")
    if len(numbers) > MOST_DELETED:
        raise bad("too many message identifiers specified")
    if any(isinstance(number, bool) or not isinstance(number, int) or number <= 0 for number in numbers):
        raise bad("invalid message identifier specified")
    found = [chat.messages[number] for number in numbers if number in chat.messages]
    oldest = account.hub.ticker.now() - DELETABLE
    if any(message.body["date"] < oldest or not _may_delete(chat, message) for message in found):
        raise bad("message can't be deleted for everyone")
    for number in numbers:
        chat.messages.pop(number, None)
    return True


def _may_delete(chat: Chat, message: Message) -> bool:
    return message.by_bot or chat.is_private or chat.status in ("administrator", "creator")
