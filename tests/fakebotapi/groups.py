"""Groups, supergroups and channels with one bot in them; it decides nothing for the bot.

Source: https://core.telegram.org/bots/api#chatmemberupdated; https://core.telegram.org/bots/features#privacy-mode.
"""

import re
from typing import Any

from tests.fakebotapi.accounts import Account
from tests.fakebotapi.acts import Acts, quoting
from tests.fakebotapi.answering import member
from tests.fakebotapi.chats import MEMBERS, Chat, Json, Message
from tests.fakebotapi.hub import Hub
from tests.fakebotapi.wording import noticed

ANONYMOUS: Json = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
_SERVICE = ("new_chat_members", "left_chat_member", "migrate_to_chat_id", "migrate_from_chat_id", "group_chat_created")


class Group:
    def __init__(
        self, hub: Hub, account: Account, title: str, kind: str, *, username: str | None = None, bot: str = "member"
    ) -> None:
        self.hub = hub
        self.account = account
        self.members: dict[int, str] = {}  # status by person
        self.titles: dict[int, str] = {}
        self.anonymous: set[int] = set()
        number = hub.next_group()
        own = -number if kind == "group" else -1_000_000_000_000 - number
        self.json: Json = {"id": own, "title": title, "type": kind}
        if username:
            self.json["username"] = username
        self.chat = self._chat(bot)

    @property
    def id(self) -> int:
        return self.chat.id

    @property
    def messages(self) -> list[Message]:
        return list(self.chat.messages.values())

    @property
    def received(self) -> list[Message]:
        """What the bot wrote here."""
        return [message for message in self.chat.messages.values() if message.by_bot]

    async def sees(self, part: str = "", timeout: float = 60.0) -> Message:  # noqa: ASYNC109 - the vocabulary
        """The newest message of the bot here with this in its text or on its buttons."""

        def look() -> Message | None:
            newest = sorted(self.received, key=lambda each: each.changed, reverse=True)
            return next((each for each in newest if part in each.text or part in " ".join(each.buttons)), None)

        try:
            return await self.hub.changes.until(look, timeout)
        except TimeoutError:
            raise AssertionError(f"the group does not see {part!r} but {self.messages[-8:]}") from None

    def button(self, label: str) -> tuple[Message, Json]:
        for message in self.chat.newest():
            for row in message.rows:
                for button in row:
                    if label in button["text"]:
                        return message, button
        raise AssertionError(f"no button {label!r} in the group but {self.messages[-8:]}")

    def details(self, person: int) -> Json:
        """What getChatMember adds for an administrator."""
        if self.members.get(person) not in ("administrator", "creator"):
            return {}
        title = self.titles.get(person)
        return {"is_anonymous": person in self.anonymous, **({"custom_title": title} if title else {})}

    def promote(
        self, person: Acts, *, title: str | None = None, anonymous: bool = False, creator: bool = False
    ) -> None:
        self.members[person.id] = "creator" if creator else "administrator"
        if title:
            self.titles[person.id] = title
        (self.anonymous.add if anonymous else self.anonymous.discard)(person.id)

    def join(self, person: Acts) -> Message:
        self._member_changed(person, "member")
        return self._put(person.json, {"new_chat_members": [person.json]})

    def part(self, person: Acts) -> Message:
        self._member_changed(person, "left")
        return self._put(person.json, {"left_chat_member": person.json})

    def write(self, person: Acts, content: Json, reply_to: Message | int | None = None) -> Message:
        """Somebody's message; an anonymous administrator's comes from the group itself."""
        self.members.setdefault(person.id, "member")
        content = content | quoting(self.chat, reply_to)
        if person.id in self.anonymous:
            return self._put(ANONYMOUS, {"sender_chat": self.json, **content})
        return self._put(person.json, content)

    def posts(self, text: str, **more: Any) -> Message:
        """A channel's post: it has no sender."""
        found = noticed(text)
        content: Json = {"sender_chat": self.json, "text": text, **({"entities": found} if found else {}), **more}
        message = self.chat.put(self.account.compose(self.chat, content, sender=None), by_bot=False)
        message.update_id = self.account.tell("channel_post", message.body, self.id, dated=message.body["date"])
        return message

    def add_bot(self, by: Acts, *, admin: bool = False) -> int | None:
        """Puts the bot in, or makes an administrator of it; gives the update's id."""
        was_in = self.chat.status in MEMBERS
        number = self._bot_changed(by, "administrator" if admin else "member")
        if not was_in and self.chat.kind != "channel":
            self._put(by.json, {"new_chat_members": [self.account.json]})
        return number

    def remove_bot(self, by: Acts) -> int | None:
        return self._bot_changed(by, "kicked")

    def migrate(self) -> int:
        """Makes a supergroup of a group; gives its id. The old chat's id is refused from now on."""
        assert self.chat.kind == "group", "only basic groups migrate"
        old = self.chat
        new_id = -1_000_000_000_000 - self.hub.next_group()
        sender = {"from": ANONYMOUS, "sender_chat": old.json}
        self._put(None, {**sender, "migrate_to_chat_id": new_id})
        old.migrated_to = new_id
        self.hub.groups.pop(old.id)
        self.json = self.json | {"id": new_id, "type": "supergroup"}
        self.chat = self._chat(old.status)
        self._put(None, {**sender, "sender_chat": self.json, "migrate_from_chat_id": old.id})
        return new_id

    def _chat(self, status: str) -> Chat:
        chat = Chat(self.json["id"], self.json["type"], self.json, self.hub.changes)
        chat.status = status
        self.account.chats[chat.id] = chat
        self.hub.groups[chat.id] = self
        return chat

    def _put(self, sender: Json | None, content: Json) -> Message:
        message = self.chat.put(self.account.compose(self.chat, content, sender=sender), by_bot=False)
        if self.chat.status in MEMBERS and self._is_heard(message):
            message.update_id = self.account.tell("message", message.body, self.id, dated=message.body["date"])
        return message

    def _is_heard(self, message: Message) -> bool:
        """Privacy mode: an ordinary member hears commands, mentions, replies to it and service messages."""
        body = message.body
        if not self.account.privacy or self.chat.status in ("administrator", "creator"):
            return True
        if any(name in body for name in _SERVICE):
            return True
        quoted = body.get("reply_to_message", {}).get("from", {})
        if quoted.get("id") == self.account.id:
            return True
        command = re.match(r"/\w+(@\w+)?", message.text)
        if command:
            return command[1] is None or command[1].lower() == f"@{self.account.username.lower()}"
        return f"@{self.account.username}".lower() in message.text.lower()

    def _member_changed(self, person: Acts, status: str) -> None:
        old = self.members.get(person.id, "left")
        self.members[person.id] = status
        body = {"chat": self.json, "from": person.json, "date": self.hub.now(),
                "old_chat_member": member(person.json, old),
                "new_chat_member": member(person.json, status)}  # fmt: skip
        if self.chat.status in ("administrator", "creator"):
            self.account.tell("chat_member", body, self.id)

    def _bot_changed(self, by: Acts, status: str) -> int | None:
        old, self.chat.status = self.chat.status, status
        body = {"chat": self.json, "from": by.json, "date": self.hub.now(),
                "old_chat_member": member(self.account.json, old),
                "new_chat_member": member(self.account.json, status)}  # fmt: skip
        return self.account.tell("my_chat_member", body, self.id)
