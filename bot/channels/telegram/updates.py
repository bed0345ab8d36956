"""The fields of Bot API updates that are in use, as structs; it decides nothing and leaves out every other field.

Source: https://core.telegram.org/bots/api#getting-updates and the types below it.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct, field

Id = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Unix = Annotated[int, Meta(ge=0, le=2**31 - 1)]  # seconds; the Bot API's dates are 32 bits wide
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class Present(Struct):
    """Something whose being there is all that counts."""


class User(Struct):
    id: Id
    language_code: str | None = None


class Chat(Struct):
    id: Id
    type: str

    @property
    def is_private(self) -> bool:
        return self.type == "private"


class PhotoSize(Struct):
    file_id: str
    width: Count
    height: Count
    file_size: Count | None = None


class Media(Struct):
    """Voice, Audio, Video, VideoNote, Animation and Document: each has some of these fields."""

    file_id: str
    file_size: Count | None = None
    file_name: str | None = None
    mime_type: str | None = None
    duration: Count | None = None  # seconds


class Location(Struct):
    latitude: Latitude
    longitude: Longitude


class Venue(Struct):
    location: Location
    title: str
    address: str = ""


class Contact(Struct):
    phone_number: str
    user_id: Id | None = None


class Quoted(Struct):
    message_id: Id


class Message(Struct):
    message_id: Id
    date: Unix
    chat: Chat
    sender: User | None = field(default=None, name="from")
    edit_date: Unix | None = None
    text: str | None = None
    caption: str | None = None
    media_group_id: str | None = None
    reply_to_message: Quoted | None = None

    photo: list[PhotoSize] | None = None
    voice: Media | None = None
    audio: Media | None = None
    video: Media | None = None
    video_note: Media | None = None
    animation: Media | None = None
    document: Media | None = None
    location: Location | None = None
    venue: Venue | None = None
    contact: Contact | None = None
    sticker: Present | None = None

    # what people send and nobody here can read: they get an answer all the same
    poll: Present | None = None
    dice: Present | None = None
    game: Present | None = None
    story: Present | None = None
    checklist: Present | None = None
    paid_media: Present | None = None

    # the same group under another id: said in the old one and in the new one
    migrate_to_chat_id: Id | None = None
    migrate_from_chat_id: Id | None = None

    # somebody else's words: they never give authority
    sender_chat: Present | None = None
    via_bot: Present | None = None
    forward_origin: Present | None = None


class PressedMessage(Struct):
    """The message under a button; an inaccessible one (too old) has these fields too."""

    message_id: Id
    chat: Chat


class CallbackQuery(Struct):
    id: str
    sender: User = field(name="from")
    message: PressedMessage | None = None
    data: str | None = None


class Member(Struct):
    status: str
    is_member: bool | None = None  # of a restricted one


class ChatMemberUpdated(Struct):
    chat: Chat
    sender: User = field(name="from")
    date: Unix
    new_chat_member: Member


class Update(Struct):
    """One element of what getUpdates answers; of the kinds below at most one is there."""

    update_id: Id
    message: Message | None = None
    edited_message: Message | None = None
    callback_query: CallbackQuery | None = None
    my_chat_member: ChatMemberUpdated | None = None


KINDS = ("message", "edited_message", "callback_query", "my_chat_member")


class Placed(Struct):
    """As much of a message as its order needs, and as tells whether it is meant for the bot."""

    chat: Chat
    date: Any = None  # of any shape: it must not keep the chat from being known
    edit_date: Any = None
    text: str | None = None
    migrate_to_chat_id: Id | None = None
    migrate_from_chat_id: Id | None = None

    @property
    def said_at(self) -> int | None:
        """Seconds since 1970."""
        at = self.edit_date or self.date
        return at if isinstance(at, int) and 0 <= at < 2**31 else None

    @property
    def is_meant(self) -> bool:
        """A command, words with a mention in front, or a group's move; all else in a group is talk among people."""
        moved = self.migrate_to_chat_id is not None or self.migrate_from_chat_id is not None
        return moved or (self.text or "").lstrip().startswith(("/", "@"))


class PlacedPress(Struct):
    sender: User = field(name="from")
    message: Placed | None = None


class Placing(Struct):
    """As much of an update as is read before it is stored: its key and its chat."""

    update_id: Id
    message: Placed | None = None
    edited_message: Placed | None = None
    callback_query: PlacedPress | None = None
    my_chat_member: Placed | None = None
