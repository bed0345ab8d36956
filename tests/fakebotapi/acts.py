"""What people do with their phones, as updates of the real shape; nothing here looks at what the bot answered.

Source: https://core.telegram.org/bots/api#update, #message, #callbackquery, #chatmemberupdated.
"""

from typing import TYPE_CHECKING, Any

from tests.fakebotapi.accounts import Account
from tests.fakebotapi.answering import member
from tests.fakebotapi.chats import MEDIA, Chat, Json, Message
from tests.fakebotapi.hub import Hub
from tests.fakebotapi.presses import Press
from tests.fakebotapi.sending import without_reply
from tests.fakebotapi.wording import noticed

if TYPE_CHECKING:
    from tests.fakebotapi.groups import Group

LONGEST_SAID = 4096


class Acts:
    """The verbs. `into` names the group where it happens, else it is the chat with the bot."""

    hub: Hub
    account: Account
    id: int
    name: str
    phone: str
    json: Json
    chat_json: Json
    deactivated: bool

    def starts(self, payload: str | None = None) -> Message:
        """Opens the bot and presses Start, perhaps by a link with something in it."""
        chat = self.account.private(self)
        if chat.status == "kicked":
            self.unblocks()
        return self.says(f"/start {payload}" if payload else "/start")

    def says(
        self, text: str, *, reply_to: Message | int | None = None, entities: list[Json] | None = None,
        into: "Group | None" = None, via_bot: str | None = None, **more: Any,
    ) -> Message:  # fmt: skip
        """Writes. `more` goes into the message as it is."""
        found = noticed(text) if entities is None else entities
        content: Json = {"text": text, **({"entities": found} if found else {}), **more}
        if via_bot:
            content["via_bot"] = {"id": 987654, "is_bot": True, "first_name": via_bot, "username": via_bot}
        return self._write(content, into, reply_to)

    def presses(self, label: str, *, message: Message | None = None, into: "Group | None" = None) -> Press:
        """A button under the newest message that has one with this in its label."""
        found, button = self._found_button(label, message) if into is None else into.button(label)
        if "callback_data" not in button:
            return Press(self.hub.changes, None, url=str(button.get("url", "")))
        return self.sends_press(button["callback_data"], found)

    def sends_press(self, data: str, message: Message) -> Press:
        """A press with any data: also what no button says."""
        self._act()
        body = {"from": self.json, "message": message.body, "chat_instance": str(message.chat.id * 7), "data": data}
        return Press(self.hub.changes, self.account.tell_press(body, message.chat.id), data=data)

    def taps(self, label: str, *, latitude: float = 31.23, longitude: float = 121.47) -> Message:
        """An entry of the reply keyboard: it sends its words, or the place or phone number that it asks for."""
        chat = self.account.private(self)
        keyboard = chat.keyboard or {}
        buttons = [button for row in keyboard.get("keyboard", []) for button in row]
        found = next((each for each in buttons if each["text"] == label), None) or next(
            (each for each in buttons if label in each["text"]), None
        )
        assert found is not None, f"{self.name} has no key {label!r} but {[each['text'] for each in buttons]}"
        if keyboard.get("one_time_keyboard"):
            chat.keyboard = None
        if found.get("request_location"):
            return self.sends_location(latitude, longitude)
        if found.get("request_contact"):
            return self.sends_contact()
        return self.says(found["text"])

    def sends_photo(self, data: bytes, caption: str | None = None, **more: Any) -> Message:
        """`more`: size (pretended), into, reply_to, media_group_id."""
        return self._send_file("photo", data, caption, more)

    def sends_document(
        self,
        data: bytes,
        name: str = "file.pdf",
        mime: str = "application/pdf",
        caption: str | None = None,
        **more: Any,
    ) -> Message:
        return self._send_file("document", data, caption, more, name=name, mime=mime)

    def sends_voice(self, data: bytes = b"OggS", duration: int = 3, caption: str | None = None, **more: Any) -> Message:
        return self._send_file("voice", data, caption, more, mime="audio/ogg", duration=duration)

    def sends_video(
        self, data: bytes = b"video", duration: int = 3, caption: str | None = None, **more: Any
    ) -> Message:
        return self._send_file("video", data, caption, more, mime="video/mp4", duration=duration, width=640, height=480)

    def sends_sticker(self, emoji: str = "👍") -> Message:
        details: Json = {"emoji": emoji, "type": "regular", "width": 512, "height": 512}
        details |= {"is_animated": False, "is_video": False}
        return self._send_file("sticker", b"RIFF", None, {}, **details)

    def sends_album(self, pictures: list[bytes], caption: str | None = None, kind: str = "photo") -> list[Message]:
        """Separate messages with one media_group_id, the caption at the first."""
        group = self.hub.token_number()
        words = [caption, *([None] * (len(pictures) - 1))]
        return [
            self._send_file(kind, data, text, {"media_group_id": group})
            for data, text in zip(pictures, words, strict=True)
        ]

    def sends_location(self, latitude: float, longitude: float, **more: Any) -> Message:
        return self._write({"location": {"latitude": latitude, "longitude": longitude}, **more}, None, None)

    def sends_contact(self, phone: str | None = None, *, of: "Acts | None" = None) -> Message:
        """The own number, or somebody else's card; a number of nobody has no user_id."""
        who = of or self
        contact: Json = {"phone_number": phone or who.phone, "first_name": who.name}
        if phone is None or phone == who.phone:
            contact["user_id"] = who.id
        return self._write({"contact": contact}, None, None)

    def edits(self, message: Message | int, text: str, into: "Group | None" = None) -> Message:
        """A message of one's own; the bot gets an edited_message."""
        chat = into.chat if into is not None else self.account.private(self)
        found = chat.messages[message.id if isinstance(message, Message) else message]
        self._act()
        key = "text" if "text" in found.body else "caption"
        found.body[key] = text
        found.body.pop("entities", None)
        if key == "text" and (entities := noticed(text)):
            found.body["entities"] = entities
        found.body["edit_date"] = self.hub.now()
        chat.touch(found)
        found.update_id = self.account.tell("edited_message", found.body, chat.id, dated=found.body["edit_date"])
        return found

    def deletes(self, message: Message | int) -> None:
        """The bot never hears of it."""
        self.account.private(self).messages.pop(message.id if isinstance(message, Message) else message, None)

    def forwards(
        self, message: Message | None = None, *, text: str = "", of: "Acts | None" = None, hidden: str | None = None,
        into: "Group | None" = None,
    ) -> Message:  # fmt: skip
        """Something written before, or somebody else's words: `of` a person, or `hidden`, a name without an account."""
        kept = ("text", "entities", "caption", "caption_entities", *MEDIA)
        content = {key: message.body[key] for key in kept if key in message.body} if message else {"text": text}
        date = message.body["date"] if message else self.hub.now() - 60
        sender = message.body.get("from", self.json) if message else (of or self).json
        origin: Json = {"type": "user", "sender_user": sender, "date": date}
        if hidden is not None:
            origin = {"type": "hidden_user", "sender_user_name": hidden, "date": date}
        return self._write({**content, "forward_origin": origin}, into, None)

    def blocks(self) -> int | None:
        """Stops the bot; gives the update's id."""
        return self._membership("kicked")

    def unblocks(self) -> int | None:
        return self._membership("member")

    def leaves_telegram(self) -> None:
        """A deleted account: the bot is only told when it writes."""
        self.deactivated = True
        for account in self.hub.accounts.values():
            account.private(self)

    def reacts(self, message: Message, emoji: str = "👍") -> int | None:
        """Only bots that asked for message_reaction hear of it."""
        self._act()
        body = {"chat": message.chat.json, "message_id": message.id, "user": self.json, "date": self.hub.now(),
                "old_reaction": [], "new_reaction": [{"type": "emoji", "emoji": emoji}]}  # fmt: skip
        return self.account.tell("message_reaction", body, message.chat.id)

    def joins(self, group: "Group") -> Message:
        return group.join(self)

    def leaves(self, group: "Group") -> Message:
        return group.part(self)

    def _send_file(
        self, kind: str, data: bytes, caption: str | None, more: Json, *, name: str = "", mime: str = "", **details: Any
    ) -> Message:
        size, into, reply_to = more.pop("size", None), more.pop("into", None), more.pop("reply_to", None)
        file = self.hub.files.keep(self.account.id, kind, data, name=name, mime=mime, size=size, **details)
        content: Json = {kind: file, **more}
        if caption is not None:
            content["caption"] = caption
        return self._write(content, into, reply_to)

    def _write(self, content: Json, into: "Group | None", reply_to: Message | int | None) -> Message:
        if into is not None:
            self._act()
            return into.write(self, content, reply_to)
        chat = self.account.private(self)
        assert chat.status != "kicked", f"{self.name} has blocked the bot"
        chat.status = "member"
        self._act()
        body = self.account.compose(chat, content | quoting(chat, reply_to), sender=self.json)
        message = chat.put(body, by_bot=False)
        message.update_id = self.account.tell("message", message.body, chat.id, dated=message.body["date"])
        return message

    def _membership(self, status: str) -> int | None:
        chat = self.account.private(self)
        old, chat.status = chat.status, status
        self._act()
        body = {"chat": chat.json, "from": self.json, "date": self.hub.now(),
                "old_chat_member": member(self.account.json, "member" if old == "left" else old),
                "new_chat_member": member(self.account.json, status)}  # fmt: skip
        return self.account.tell("my_chat_member", body, chat.id)

    def _act(self) -> None:
        raise NotImplementedError

    def _found_button(self, label: str, message: Message | None) -> tuple[Message, Json]:
        raise NotImplementedError


def quoting(chat: Chat, reply_to: Message | int | None) -> Json:
    """The fields of a message that answers another."""
    if reply_to is None:
        return {}
    number = reply_to.id if isinstance(reply_to, Message) else reply_to
    quoted = chat.messages.get(number)
    return {"reply_to_message": without_reply(quoted.body)} if quoted else {}
