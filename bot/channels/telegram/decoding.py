"""From an update's bytes to an Event; it never asks the network and trusts no field.

Who somebody is comes from the numeric `from.id` alone. What was forwarded, written through another bot or in a chat's
name is passed on as text and never as a link that somebody followed.
"""

import hashlib
import json
import re
import struct
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from bot.channels.telegram.updates import (
    CallbackQuery,
    Chat,
    ChatMemberUpdated,
    Location,
    Media,
    Member,
    Message,
    PhotoSize,
    Placing,
    Update,
    User,
)
from bot.delivery.channel import Raw
from bot.dialogue.event import (
    Blocked,
    Event,
    FileKind,
    FileRef,
    Ignored,
    Linked,
    Membership,
    Moved,
    Pressed,
    Said,
    Spot,
    Standing,
    Unblocked,
    What,
    Who,
)
from bot.errors import Undecodable
from bot.text import mended

LARGEST_FETCH = 20 * 1024 * 1024  # bytes that getFile hands out, https://core.telegram.org/bots/api#getfile
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ARRIVAL = struct.Struct(">Q")  # a stored body is the arrival in milliseconds since 1970, then the update's own JSON
_NUMBER = re.compile(rb'"update_id"\s*:\s*(\d{1,18})\b')
_ADDRESSED = re.compile(r"(/\w+)@(\w+)(?!\S)")
_MEDIA = {
    "voice": FileKind.VOICE,
    "video": FileKind.VIDEO,
    "video_note": FileKind.VIDEO,
    "animation": FileKind.VIDEO,
    "audio": FileKind.DOCUMENT,  # a recording with a name and a type of its own, not a voice note
    "document": FileKind.DOCUMENT,
}
_UNREADABLE = ("poll", "dice", "game", "story", "checklist", "paid_media")

T = TypeVar("T")


def wrap(raw: bytes, at: datetime) -> bytes:
    """An update as it is stored. A press has no date of its own, so the moment of arrival goes with it."""
    return _ARRIVAL.pack((at - _EPOCH) // timedelta(milliseconds=1)) + raw


def place(raw: bytes) -> tuple[int | None, str, bool]:
    """Update id, chat and whether that is a group; what cannot be read has no chat, and in the worst case no id."""
    number, chat, group, _said_at = _placed(raw)
    return number, chat, group


def _placed(raw: bytes) -> tuple[int | None, str, bool, datetime | None]:
    """The same, and when it was said; a press, and whatever cannot be read, does not tell."""
    try:
        placing = _read(raw, Placing)
    except Undecodable:
        number = _NUMBER.search(raw)
        return int(number[1]) if number else None, "", False, None
    press = placing.callback_query
    said = placing.message or placing.edited_message or placing.my_chat_member
    about = said or (press.message if press else None)
    if about is None:
        return placing.update_id, str(press.sender.id) if press else "", False, None
    at = said.said_at if said is not None else None
    return placing.update_id, str(about.chat.id), not about.chat.is_private, None if at is None else _moment(at)


def as_raw(update: bytes, at: datetime) -> tuple[Raw | None, int | None]:
    """An update as the inbox takes it, and its number if it has one. One that cannot be read is stored all the same.

    What people say to each other in a group is not stored, not for a moment: there is no Raw of it.
    """
    number, chat, group, said_at = _placed(update)
    if group and _is_chatter(update):
        return None, number
    key = str(number) if number is not None else hashlib.sha256(update).hexdigest()
    return Raw(key, chat, wrap(update, at), at, group, said_at=said_at), number


def _is_chatter(update: bytes) -> bool:
    placing = _read(update, Placing)
    return placing.edited_message is not None or (placing.message is not None and not placing.message.is_meant)


def decode(body: bytes, username: str) -> Event:
    """The event in a stored update. `username` is the bot's own, for commands addressed to it; raises Undecodable."""
    if len(body) < _ARRIVAL.size:
        raise Undecodable("no arrival")
    try:
        arrived = _EPOCH + timedelta(milliseconds=_ARRIVAL.unpack_from(body)[0])
    except OverflowError:
        raise Undecodable("arrival out of range") from None
    update = _read(body[_ARRIVAL.size :], Update)
    if update.message is not None:
        return _message(update.message, username)
    if update.edited_message is not None:
        return _edited(update.edited_message)
    if update.callback_query is not None:
        return _press(update.callback_query, arrived)
    if update.my_chat_member is not None:
        return _membership(update.my_chat_member)
    return Event(Ignored("unknown"), arrived)


def _read(raw: bytes, shape: type[T]) -> T:
    """The JSON as `shape`. What msgspec refuses (half a surrogate pair, say) is mended and read once more."""
    try:
        if b"\\u0000" not in raw:
            return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        raise Undecodable(str(error)) from None  # names the field and the types, never the value
    except (ValueError, RecursionError):
        pass  # malformed for msgspec, bytes that are not UTF-8, or too deep
    try:
        return msgspec.convert(mended(json.loads(raw.decode("utf-8", "replace"), strict=False)), shape)
    except msgspec.ValidationError as error:
        raise Undecodable(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise Undecodable(type(error).__name__) from None


def _message(message: Message, username: str) -> Event:
    if not message.chat.is_private and (moved := _moved(message)) is not None:
        return Event(moved, _moment(message.date), Who(str(message.chat.id), "", None, False))
    if message.sender is None:
        return Event(Ignored("no sender"), _moment(message.date))
    what = _link(message, username) or _said(message, username) or Ignored("service message")
    return Event(what, _moment(message.date), _who(message.sender, message.chat), str(message.message_id))


def _edited(message: Message) -> Event:
    at = _moment(message.edit_date or message.date)
    if message.sender is None:
        return Event(Ignored("no sender"), at)
    who = _who(message.sender, message.chat)
    if message.location is not None:  # a live place moves every few seconds; its first point is the one that was sent
        return Event(Ignored("live location"), at, who)
    said = _said(message, "")
    what = msgspec.structs.replace(said, edited=True) if said else Ignored("service message")
    return Event(what, at, who, str(message.message_id))


def _press(query: CallbackQuery, arrived: datetime) -> Event:
    if query.message is None or query.data is None:
        return Event(Ignored("press elsewhere"), arrived)
    who = _who(query.sender, query.message.chat)
    return Event(Pressed(query.data, query.id), arrived, who, str(query.message.message_id))


def _moved(message: Message) -> Moved | None:
    """https://core.telegram.org/bots/api#message: migrate_to_chat_id, migrate_from_chat_id."""
    if message.migrate_to_chat_id is not None:
        return Moved(str(message.chat.id), str(message.migrate_to_chat_id))
    if message.migrate_from_chat_id is not None:
        return Moved(str(message.migrate_from_chat_id), str(message.chat.id))
    return None


def _membership(change: ChatMemberUpdated) -> Event:
    standing = _standing(change.new_chat_member)
    what: What = Membership(standing)
    if change.chat.is_private:
        what = Blocked() if standing is Standing.OUT else Unblocked()
    return Event(what, _moment(change.date), _who(change.sender, change.chat))


def _standing(member: Member) -> Standing:
    """https://core.telegram.org/bots/api#chatmember"""
    if member.status in ("kicked", "left") or (member.status == "restricted" and member.is_member is False):
        return Standing.OUT
    if member.status in ("administrator", "creator"):
        return Standing.ADMINISTRATOR
    return Standing.SILENCED if member.status == "restricted" else Standing.MEMBER


def _who(sender: User, chat: Chat) -> Who:
    return Who(str(chat.id), str(sender.id), sender.language_code, chat.is_private)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _link(message: Message, username: str) -> Linked | None:
    """`/start CODE` (https://core.telegram.org/bots/features#deep-linking), only as somebody's own words."""
    if not message.text or message.forward_origin or message.via_bot or message.sender_chat:
        return None
    command, *code = _own_command(message.text, username).split(maxsplit=1) or [""]
    return Linked("".join(code).strip()) if command == "/start" else None


def _own_command(text: str, username: str) -> str:
    """`/help@our_bot` as `/help`; a command for another bot stays as it is."""
    if not (username and text.startswith("/")):
        return text
    addressed = _ADDRESSED.match(text)
    if addressed is None or addressed[2].lower() != username.lower():
        return text
    return addressed[1] + text[addressed.end() :]


def _unaddressed(text: str, username: str) -> str:
    """`@our_bot 登记本群` without the mention in front; words to somebody else stay as they are."""
    mention, _space, rest = text.strip().partition(" ")
    return rest.strip() if username and mention.lower() == f"@{username.lower()}" else text


def _said(message: Message, username: str) -> Said | None:
    """What a message says; none for a service message."""
    files = _files(message)
    spot = _spot(message)
    text = message.text or message.caption or ""
    odd = any(getattr(message, name) is not None for name in _UNREADABLE)
    if not (text or files or spot or message.contact or message.sticker or odd):
        return None
    quoted = message.reply_to_message
    if not message.chat.is_private:
        text = _unaddressed(text, username)
    return Said(
        text=_own_command(text, username),
        files=files,
        spot=spot,
        phone=_own_phone(message),
        reply_to=str(quoted.message_id) if quoted else None,
        album=message.media_group_id,
        sticker=message.sticker is not None,
        foreign=bool(message.forward_origin or message.via_bot or message.sender_chat),
    )


def _files(message: Message) -> tuple[FileRef, ...]:
    if message.photo:
        return (_photo(message.photo),)
    for name, kind in _MEDIA.items():  # an animation also fills `document`, so it comes first
        media: Media | None = getattr(message, name)
        if media is not None:
            file = FileRef(kind, media.file_id, media.file_size, media.file_name, media.mime_type, media.duration)
            return (file,)
    return ()


def _photo(sizes: list[PhotoSize]) -> FileRef:
    """The largest size that can be fetched."""
    fetchable = [size for size in sizes if (size.file_size or 0) <= LARGEST_FETCH]
    best = max(fetchable or sizes, key=lambda size: size.width * size.height)
    return FileRef(FileKind.PHOTO, best.file_id, best.file_size)


def _spot(message: Message) -> Spot | None:
    if message.venue is not None:
        place, title = message.venue.location, ", ".join(filter(None, (message.venue.title, message.venue.address)))
        return _point(place, title or None)
    return _point(message.location, None) if message.location is not None else None


def _point(location: Location, title: str | None) -> Spot:
    return Spot(location.latitude, location.longitude, title)


def _own_phone(message: Message) -> str | None:
    """A phone number only if Telegram says it is the sender's own; anybody can send anybody's card."""
    contact, sender = message.contact, message.sender
    own = contact is not None and sender is not None and contact.user_id == sender.id and not message.forward_origin
    return contact.phone_number if contact is not None and own else None
