"""The place of one chat in the dialogue, and what arrives in it. Plain data; stored sealed."""

from datetime import datetime
from typing import Any

from msgspec import Struct, field

from bot.dialogue.event import Event
from bot.dialogue.screen import Button, Screen, decode_action

REVIEW = "review"


class Filling(Struct):
    """A form being filled: its answers so far and the question it stands at."""

    form: str
    version: int
    answers: dict[str, Any] = field(default_factory=dict)
    at: str = REVIEW
    recalled: bool = False  # it was called to mind once, and is not again
    again: str = ""  # the question asked once more by "back"; its answer stands until a new one comes
    watched: float = 0.0  # when its moments (recalled, ended) were last set, in seconds since 1970


class Conversation(Struct, omit_defaults=True):
    """Everything the bot remembers of one private chat. `revision` grows with every prompt."""

    revision: int = 0
    filling: Filling | None = None
    drafts: list[Filling] = field(default_factory=list)  # left for another form, taken up again after it
    choices: tuple[Button, ...] = ()  # the buttons of the last screen: typed labels and numbers mean these
    asked: tuple[Button, ...] = ()  # of the open form's prompt, where more was shown since: their labels can be typed
    wordy: bool = False  # the last screen asks for words: a number is an answer there, not a button
    apologised_at: datetime | None = None  # when an update of this chat last had to be set aside
    prompt: int = 0  # outbox row of the last prompt: superseded by the next if it is still waiting
    memory: dict[str, Any] = field(default_factory=dict)  # what handlers keep between two messages
    messages: dict[str, int] = field(default_factory=dict)  # bare ids of the last two days: when, in seconds since 1970

    def shows(self, buttons: tuple[Button, ...]) -> None:
        """These are on the last screen now. A prompt above it still waits: its own steps can be said, not numbered."""
        before = (*self.choices, *self.asked) if self.filling is not None else ()
        self.asked = tuple(button for button in before if decode_action(button.action)[2] == self.revision)
        self.choices = buttons


class Arrival(Struct):
    """An event on its way to a handler, with the chat it happened in."""

    id: int  # of the inbox row or the timer: keys of messages come from it
    channel: str
    lane: int | None  # the conversation's id; none for a timer about no chat
    event: Event
    conversation: Conversation


class Reply(Struct):
    """What an event leads to in its own chat. `address` is where; none when there is nobody to answer."""

    address: int | None
    person: int | None
    screens: list[Screen]
    channel: str = ""  # the address's channel
    subject: int | None = None  # the case the screens speak of
    audience: str | None = None  # of a group's address: who may read it
