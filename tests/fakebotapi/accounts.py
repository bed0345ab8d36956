"""One bot as the server keeps it: its updates, chats, presses and settings; it neither listens nor answers."""

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from tests.fakebotapi.chats import Chat, Json, Message
from tests.fakebotapi.hub import Hub
from tests.fakebotapi.limits import Limits
from tests.fakebotapi.refusals import bad, forbidden
from tests.fakebotapi.updates import KEPT, PRESS_KEPT, UpdateQueue

if TYPE_CHECKING:
    from tests.fakebotapi.acts import Acts
    from tests.fakebotapi.polling import Poll
    from tests.fakebotapi.webhook import Webhook


class PressState(Struct):
    """A callback query and what the bot answered."""

    id: str
    at: float
    answer: Json | None = None


class Settings(Struct):
    """What a bot set about itself."""

    commands: dict[tuple[str, str], list[Json]] = field(default_factory=dict)  # by scope and language
    descriptions: dict[tuple[str, str], str] = field(default_factory=dict)  # by kind and language
    menu_button: Json = field(default_factory=lambda: {"type": "commands"})
    logged_out: bool = False


class Account:
    def __init__(self, hub: Hub, token: str, username: str, *, limits: bool) -> None:
        self.hub = hub
        self.token = token
        self.id = int(token.partition(":")[0])
        self.username = username
        self.privacy = True  # in groups only commands, mentions and replies reach it
        self.queue = UpdateQueue(self.id, hub.journal, hub.ticker.now, hub.chance)
        self.limits = Limits(hub.ticker.now, on=limits)
        self.chats: dict[int, Chat] = {}
        self.presses: dict[str, PressState] = {}
        self.settings = Settings()
        self.poll: Poll | None = None
        self.webhook: Webhook | None = None
        self.json: Json = {"id": self.id, "is_bot": True, "first_name": "回音", "username": username}
        self._last_message = 100

    @property
    def me(self) -> Json:
        return self.json | {
            "can_join_groups": True,
            "can_read_all_group_messages": not self.privacy,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def private(self, person: "Acts") -> Chat:
        """The chat with somebody, also one who has not started the bot."""
        chat = self.chats.get(person.id)
        if chat is None:
            chat = self.chats[person.id] = Chat(person.id, "private", person.chat_json, self.hub.changes)
        chat.deactivated = person.deactivated
        return chat

    def find(self, wanted: Any) -> Chat:
        """The chat that a request names; raises Refusal where it is unknown."""
        if wanted in (None, ""):
            raise bad("chat_id is empty")
        number = self._chat_number(wanted)
        chat = self.chats.get(number)
        if chat is None:
            if number in self.hub.people:
                raise forbidden("bot can't initiate conversation with a user")
            raise bad("chat not found")
        return chat

    def open_chat(self, wanted: Any) -> Chat:
        """As `find`, and the bot may write there."""
        chat = self.find(wanted)
        chat.let_in()
        return chat

    def compose(self, chat: Chat, content: Json, *, sender: Json | None, at: int | None = None) -> Json:
        """A message's JSON with the next number."""
        if chat.counts_itself:
            number = chat.next_id()
        else:
            self._last_message += 1
            number = self._last_message
        body: Json = {"message_id": number}
        if sender is not None:
            body["from"] = sender
        body["chat"] = chat.json
        body["date"] = self.hub.now() if at is None else at
        body.update(content)
        return body

    def post(self, chat: Chat, content: Json) -> Message:
        """The bot's own message, on its way to everybody in the chat and never back to the bot."""
        sender = None if chat.kind == "channel" else self.json
        return chat.put(self.compose(chat, content, sender=sender), by_bot=True)

    def tell(self, kind: str, body: Any, chat: int | None, *, dated: int | None = None) -> int | None:
        """Queues an update; a message is kept for a day from its date."""
        kept = KEPT if dated is None else dated + KEPT - self.hub.ticker.now()
        number = self.queue.add(kind, body, chat=chat, kept=kept)
        self.hub.changes.notify()
        return number

    def tell_press(self, body: Json, chat: int) -> PressState:
        """Queues a callback query; its id is given here."""
        state = PressState(self.hub.token_number(), self.hub.ticker.now())
        self.presses[state.id] = state
        self.queue.add("callback_query", {"id": state.id, **body}, chat=chat, kept=PRESS_KEPT)
        self.hub.changes.notify()
        return state

    def _chat_number(self, wanted: Any) -> int:
        try:
            return int(wanted)
        except (TypeError, ValueError):
            name = str(wanted).removeprefix("@").lower()
            for chat in self.chats.values():
                if str(chat.json.get("username", "")).lower() == name and not chat.is_private:
                    return chat.id
            raise bad("chat not found") from None
