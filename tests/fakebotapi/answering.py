"""Small methods around a talk: answers to presses, "typing", files, chats; they send no message.

Source: https://core.telegram.org/bots/api#answercallbackquery, #sendchataction, #getfile, #getchat.
"""

from typing import Any

from tests.fakebotapi.accounts import Account
from tests.fakebotapi.chats import Json
from tests.fakebotapi.query import Query
from tests.fakebotapi.refusals import QUERY_TOO_OLD, bad
from tests.fakebotapi.registry import method
from tests.fakebotapi.wording import units

LONGEST_TOAST = 200
RIGHTS = (
    "can_be_edited",
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_pin_messages",
)
ACTIONS = frozenset(
    [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    ]
)


@method("answerCallbackQuery", "callback_query_id text show_alert url cache_time")
def answer_callback_query(account: Account, query: Query) -> bool:
    state = account.presses.get(query.text("callback_query_id"))
    if state is None or account.hub.ticker.now() > state.at + account.hub.press_life:
        raise bad(QUERY_TOO_OLD)
    text = query.text("text")
    if units(text) > LONGEST_TOAST:
        raise bad("MESSAGE_TOO_LONG")
    state.answer = {"text": text, "show_alert": query.flag("show_alert"), "url": query.text("url")}
    return True


@method("sendChatAction", "business_connection_id chat_id message_thread_id action")
def send_chat_action(account: Account, query: Query) -> bool:
    account.open_chat(query.values.get("chat_id"))
    if query.text("action") not in ACTIONS:
        raise bad("wrong parameter action in request")
    return True


@method("getFile", "file_id")
def get_file(account: Account, query: Query) -> Json:
    return account.hub.files.link(account.id, query.text("file_id"))


@method("getChat", "chat_id")
def get_chat(account: Account, query: Query) -> Json:
    chat = account.find(query.values.get("chat_id"))
    gifts = dict.fromkeys(("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription",
                           "gifts_from_channels"), True)  # fmt: skip
    found: Json = {**chat.json, "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}
    if chat.pinned in chat.messages:
        found["pinned_message"] = chat.messages[chat.pinned].body
    return found


@method("getChatMember", "chat_id user_id")
def get_chat_member(account: Account, query: Query) -> Json:
    chat = account.open_chat(query.values.get("chat_id"))
    number = query.integer("user_id")
    if number == account.id:
        return member(account.json, chat.status)
    person = account.hub.people.get(number)
    group = account.hub.groups.get(chat.id)
    if person is None:
        raise bad("user not found")
    if group is None:
        return member(person.json, "member" if number == chat.id or chat.is_private else "left")
    return member(person.json, group.members.get(number, "left"), **group.details(number))


@method("leaveChat", "chat_id")
def leave_chat(account: Account, query: Query) -> bool:
    chat = account.open_chat(query.values.get("chat_id"))
    if chat.is_private:
        raise bad("chat member status can't be changed in private chats")
    old, chat.status = chat.status, "left"
    body = {"chat": chat.json, "from": account.json, "date": account.hub.now(),
            "old_chat_member": member(account.json, old), "new_chat_member": member(account.json, "left")}  # fmt: skip
    account.tell("my_chat_member", body, chat.id)
    return True


@method("pinChatMessage", "business_connection_id chat_id message_id disable_notification")
def pin_chat_message(account: Account, query: Query) -> bool:
    chat = account.open_chat(query.values.get("chat_id"))
    if not chat.is_private and chat.status not in ("administrator", "creator"):
        raise bad("not enough rights to manage pinned messages in the chat")
    if query.integer("message_id") not in chat.messages:
        raise bad("message to pin not found")
    chat.pinned = query.integer("message_id")
    return True


def member(user: Json, status: str, **more: Any) -> Json:
    """A ChatMember of this status, with the fields that go with it."""
    found: Json = {"status": status, "user": user}
    if status == "administrator":
        found |= {"is_anonymous": False, **dict.fromkeys(RIGHTS, True)}
    elif status == "creator":
        found["is_anonymous"] = False
    elif status == "kicked":
        found["until_date"] = 0
    return found | more
