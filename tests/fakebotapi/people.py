"""People with a phone: who they are and what they see; what they do stands in acts.py.

Nobody here knows what a bot is for. Everything goes through the chat with one bot, `at` gives the chat with another.
"""

from tests.fakebotapi.accounts import Account
from tests.fakebotapi.acts import Acts
from tests.fakebotapi.chats import Chat, Json, Message
from tests.fakebotapi.hub import Hub
from tests.fakebotapi.settings import shown_commands


class Person(Acts):
    def __init__(
        self,
        hub: Hub,
        account: Account,
        name: str,
        language: str | None,
        *,
        last_name: str | None = None,
        username: str | None = None,
        id: int | None = None,
    ) -> None:
        self.hub = hub
        self.account = account
        self.name = name
        self.id = hub.next_person() if id is None else id
        self.phone = f"+86139{self.id % 10**8:08d}"
        self.deactivated = False
        names = {key: value for key, value in (("last_name", last_name), ("username", username)) if value}
        self.json: Json = {"id": self.id, "is_bot": False, "first_name": name, **names}
        if language:
            self.json["language_code"] = language
        self.chat_json: Json = {"id": self.id, "type": "private", "first_name": name, **names}
        self.acted = 0  # what changed later is an answer to what was done last
        hub.people[self.id] = hub.named[name] = self

    def __repr__(self) -> str:
        return f"<{self.name} {self.id}>"

    def at(self, account: Account) -> "Person":
        """The same person in the chat with another bot."""
        other = object.__new__(Person)
        other.__dict__.update(self.__dict__, account=account)
        return other

    @property
    def language(self) -> str | None:
        return self.json.get("language_code")

    @language.setter
    def language(self, language: str | None) -> None:
        self.json = {key: value for key, value in self.json.items() if key != "language_code"}
        if language:
            self.json["language_code"] = language

    @property
    def chat(self) -> Chat:
        """The chat with the bot."""
        return self.account.private(self)

    @property
    def messages(self) -> list[Message]:
        """What is in the chat now, oldest first: after edits and deletions, of both."""
        return list(self.chat.messages.values())

    @property
    def received(self) -> list[Message]:
        """What of it the bot wrote."""
        return [message for message in self.chat.messages.values() if message.by_bot]

    @property
    def screen(self) -> Message | None:
        """The bot's newest message, as it is shown now."""
        return next((message for message in self.chat.newest() if message.by_bot), None)

    @property
    def keyboard(self) -> list[list[str]]:
        """The labels of the reply keyboard under the input field."""
        rows = (self.chat.keyboard or {}).get("keyboard", [])
        return [[str(button["text"]) for button in row] for row in rows]

    @property
    def commands(self) -> list[tuple[str, str]]:
        """The menu of commands as it is shown to this person."""
        return shown_commands(self.account, self.id, self.language)

    def file(self, message: Message) -> bytes:
        """The bytes of a message's file."""
        assert message.file_id is not None, f"{message} has no file"
        return self.hub.files.data(message.file_id)

    async def sees(
        self, part: str = "", timeout: float = 60.0, *, ever: bool = False  # noqa: ASYNC109 - the vocabulary
    ) -> Message:  # fmt: skip
        """The newest message of the bot with this in its text or on its buttons.

        It must have come or changed since this person's last act, unless `ever`; raises AssertionError with the chat.
        """
        try:
            return await self.hub.changes.until(lambda: self.find(part, ever=ever), timeout)
        except TimeoutError:
            raise AssertionError(f"{self.name} does not see {part!r} but {self._shown(8)}") from None

    def find(self, part: str = "", *, ever: bool = True) -> Message | None:
        """As `sees`, without waiting."""
        since = 0 if ever else self.acted
        for message in sorted(self.received, key=lambda each: each.changed, reverse=True):
            if message.changed <= since:
                return None
            if part in message.text or any(part in label for label in message.buttons):
                return message
        return None

    def _shown(self, most: int) -> str:
        return "; ".join(repr(message) for message in self.messages[-most:]) or "an empty chat"

    def _act(self) -> None:
        self.acted = self.hub.changes.count()

    def _found_button(self, label: str, message: Message | None) -> tuple[Message, Json]:
        """A button of the newest message that has one with this in its label."""
        candidates = [message] if message is not None else [each for each in self.chat.newest() if each.by_bot]
        for each in candidates:
            fitting = [button for row in each.rows for button in row if label in button["text"]]
            if fitting:
                return each, next((button for button in fitting if button["text"] == label), fitting[0])
        raise AssertionError(f"{self.name} has no button {label!r} but {self._shown(8)}")
