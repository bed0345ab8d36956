"""Chats and their messages as one bot and the people in them see them; nothing here sends or refuses anything else.

Source: https://core.telegram.org/bots/api#chat, #message.
"""

from collections.abc import Iterator
from typing import Any

from tests.fakebotapi.changes import Changes
from tests.fakebotapi.refusals import bad, forbidden

Json = dict[str, Any]
MEDIA = ("photo", "document", "voice", "audio", "video", "sticker")
MEMBERS = ("member", "administrator", "creator")


class Message:
    """A message as it is shown now; `changed` is higher the later it came or was edited."""

    __slots__ = ("body", "by_bot", "changed", "chat", "update_id")

    def __init__(self, chat: "Chat", body: Json, *, by_bot: bool, changed: int) -> None:
        self.chat = chat
        self.body = body
        self.by_bot = by_bot
        self.changed = changed
        self.update_id: int | None = None  # of what somebody wrote: the update that told the bot

    @property
    def id(self) -> int:
        return int(self.body["message_id"])

    @property
    def text(self) -> str:
        """What can be read: the text or the caption."""
        return str(self.body.get("text", self.body.get("caption", "")))

    @property
    def entities(self) -> list[Json]:
        found: list[Json] = self.body.get("entities") or self.body.get("caption_entities") or []
        return found

    @property
    def markup(self) -> Json | None:
        return self.body.get("reply_markup")

    @property
    def rows(self) -> list[list[Json]]:
        found: list[list[Json]] = (self.markup or {}).get("inline_keyboard", [])
        return found

    @property
    def buttons(self) -> list[str]:
        """The labels of the buttons under it, row by row."""
        return [str(button["text"]) for row in self.rows for button in row]

    @property
    def edited(self) -> bool:
        return "edit_date" in self.body

    @property
    def kind(self) -> str:
        """photo, document, voice …, or text, location, contact; service for everything else."""
        return next((name for name in (*MEDIA, "text", "location", "contact") if name in self.body), "service")

    @property
    def file_id(self) -> str | None:
        media = self.body.get(self.kind) if self.kind in MEDIA else None
        if isinstance(media, list):
            media = media[-1]
        return str(media["file_id"]) if media else None

    def __repr__(self) -> str:
        return f"<{self.id} {self.kind} {self.text!r} {self.buttons}>"


class Chat:
    """One chat of one bot. `json` is shared by all its messages."""

    def __init__(self, chat_id: int, kind: str, json: Json, changes: Changes) -> None:
        self.id = chat_id
        self.kind = kind
        self.json = json
        self.messages: dict[int, Message] = {}
        self.keyboard: Json | None = None  # the reply keyboard as it stands
        self.pinned: int | None = None
        self.status = "left" if kind == "private" else "member"  # the bot's; in private: member, left (not yet), kicked
        self.deactivated = False
        self.migrated_to: int | None = None
        self.menu_button: Json = {"type": "default"}
        self._changes = changes
        self._last_id = 0

    @property
    def is_private(self) -> bool:
        return self.kind == "private"

    @property
    def counts_itself(self) -> bool:
        """Supergroups and channels number their messages; in other chats the bot's numbers go through all of them."""
        return self.kind in ("supergroup", "channel")

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def put(self, body: Json, *, by_bot: bool) -> Message:
        message = Message(self, body, by_bot=by_bot, changed=self._changes.count())
        self.messages[message.id] = message
        return message

    def touch(self, message: Message) -> None:
        message.changed = self._changes.count()

    def newest(self) -> Iterator[Message]:
        return reversed(self.messages.values())

    def let_in(self) -> None:
        """Raises Refusal where the bot may not write."""
        if self.status in MEMBERS and not self.deactivated and self.migrated_to is None:
            return
        if self.migrated_to is not None:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=self.migrated_to)
        if self.is_private:
            if self.deactivated:
                raise forbidden("user is deactivated")
            if self.status == "kicked":
                raise forbidden("bot was blocked by the user")
            raise forbidden("bot can't initiate conversation with a user")
        if self.status == "kicked":
            raise forbidden(f"bot was kicked from the {self.kind} chat")
        raise forbidden(f"bot is not a member of the {self.kind} chat")
