"""What a handler gets: the event, the chat's place, the office, a translator. It sends and commits nothing."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec

from bot.dialogue.conversation import REVIEW, Arrival, Conversation, Filling
from bot.dialogue.event import Said
from bot.dialogue.form import FILES, PHONE, TEXT, Answers, Choice, Form, Question, Words_
from bot.dialogue.router import Router
from bot.dialogue.screen import Button, Mode, Request, Screen, encode_action
from bot.errors import Invalid
from bot.text import Text
from bot.words import Message, Translator, _

O = TypeVar("O")  # noqa: E741  the office: what handlers act on
P = TypeVar("P")  # the person who spoke

EXPECTED_FOR = 3600.0  # seconds: words of tomorrow are something new
MOST_LEFT = 10  # forms left for another one: the whole chat is read and written with every message

Screens = Screen | Sequence[Screen] | None


class Context(Generic[O, P]):
    """One event in one chat. `roles` were read in this very transaction."""

    def __init__(
        self,
        *,
        arrival: Arrival,
        office: O,
        person: P,
        roles: frozenset[StrEnum],
        say: Translator,
        now: datetime,
        router: Router[Any],
    ) -> None:
        self.arrival = arrival
        self.event = arrival.event
        self.conversation: Conversation = arrival.conversation
        self.office = office
        self.person = person
        self.roles = roles
        self.say = say
        self.now = now
        self.router = router
        self.group: int | None = None  # where it happened, if not in a private chat
        self.awaited: dict[str, Any] = {}  # what the words before this command were waited for
        self.subject: int | None = None  # the case that the screens speak of: a reply to them finds it
        self.hear: Callable[[Said], list[Screen]] = lambda _said: []  # for words that waited: as if just said

    @property
    def memory(self) -> dict[str, Any]:
        """What handlers keep between two messages of this chat."""
        return self.conversation.memory

    def expect(self, what: dict[str, Any] | None, *, number: bool = False) -> None:
        """What the next free words are for; any command or button ends it. `number`: “2” is no button meanwhile."""
        if what is None:
            self.memory.pop("expects", None)
        else:
            self.memory["expects"] = {**what, "until": self.now.timestamp() + EXPECTED_FOR, "number": number}

    @property
    def awaits_number(self) -> bool:
        return bool(self.memory.get("expects", {}).get("number"))

    def end_waiting(self) -> None:
        """A command: free words are not waited for any more; `awaited` says what for they were."""
        expects: dict[str, Any] = self.memory.pop("expects", {})
        self.awaited = expects if self._is_in_time(expects) else {}

    def awaits(self, name: str) -> bool:
        """Whether the next words are waited for under this name; asking changes nothing."""
        expects: dict[str, Any] = self.memory.get("expects", {})
        return name in expects and self._is_in_time(expects)

    def expected(self, name: str) -> Any:
        """What the words at hand were waited for, if under this name; asked once."""
        expects: dict[str, Any] | None = self.memory.get("expects")
        if expects is None:
            return None
        if not self._is_in_time(expects):
            self.expect(None)
            return None
        if name not in expects:
            return None
        self.expect(None)
        return expects[name]

    def _is_in_time(self, expects: dict[str, Any]) -> bool:
        """By when they were said: an outage may lie between that and now."""
        return bool(expects.get("until", 0.0) >= min(self.event.happened_at, self.now).timestamp())

    def screen(
        self,
        words: Message | Text | str,
        *rows: Sequence[Button],
        in_place: bool = False,
        prompt: bool = False,
        silent: bool = False,
        fleeting: bool = False,
    ) -> Screen:
        return Screen(
            text=self.say(words),
            rows=tuple(tuple(row) for row in rows if row),
            mode=Mode.IN_PLACE if in_place else Mode.NEW,
            prompt=prompt,
            silent=silent,
            is_fleeting=fleeting,
        )

    def button(self, label: Message | str, action: str, *args: str | int) -> Button:
        return button(self.say, label, action, *args)

    def step(self, label: Message | str, action: str, *args: str | int) -> Button:
        """A button of the current prompt only: pressed later it shows the current screen instead."""
        return Button(self.say.plain(label), encode_action(action, *args, revision=self.conversation.revision))

    def asks_device(self, label: Message, request: Request) -> Button:
        return Button(self.say.plain(label), request=request)

    def fill(self, form: Form[Any], **answers: Any) -> list[Screen]:
        """Starts a form with what is known already; an open one waits as a draft. Raises Invalid where many do."""
        talk = self.conversation
        if talk.filling is not None and form_of_words(talk.filling):
            if len(talk.drafts) >= MOST_LEFT:
                raise Invalid("drafts.full")
            talk.drafts.append(talk.filling)
        talk.filling = Filling(form.name, form.version, dict(answers))
        return self.ask()

    def leave_form(self) -> None:
        self.conversation.filling = None

    def ask(self) -> list[Screen]:
        """The screen of the open form: its next question, its review, or what its submission shows."""
        filling = self.conversation.filling
        form = self.router.forms.get(filling.form) if filling else None
        if filling is None or form is None:
            self.conversation.filling = None
            return []
        changed = filling.version != form.version
        if changed:
            filling.answers, filling.version = form.fitting(filling.answers), form.version
        question = form.question(filling.again) if filling.again else None
        if question is None:
            filling.again = ""
            question = next((item for item in form.questions if item.is_needed(self, filling.answers)), None)
        self.expect(None)
        self.conversation.revision += 1
        if question is not None:
            filling.at = question.name
            screens = [self._asked(question, filling.answers)]
        else:
            filling.at = REVIEW
            screens = self._reviewed(form, filling.answers)
        if changed:
            screens.insert(0, self.screen(_("The questions have changed since. What you said is kept.")))
        return screens

    def full(self) -> Screen:
        """What was said last is not, or not wholly, among the answers."""
        return self.screen(
            _("No more than this fits at one time, and what you sent last is not all in it. "
              "Hand this in first, then send the rest once more: it can be added to it.")
        )  # fmt: skip

    def submit(self) -> list[Screen]:
        """Hands the form in; the form is over, whatever its handler shows."""
        filling = self.conversation.filling
        form = self.router.forms.get(filling.form) if filling else None
        if filling is None or form is None:
            return []
        self.conversation.filling = None
        screens = listed(form.submit(self, filling.answers))
        if self.conversation.filling is None and self.conversation.drafts:
            self.conversation.filling = self.conversation.drafts.pop()  # what was left for this one goes on
            screens += self.ask()
        return screens

    def _asked(self, question: Question[Any], answers: Answers) -> Screen:
        rows = [list(row) for row in question.rows(self, answers)] if question.rows else []
        if isinstance(question, Choice):
            choices = [[self.step(label, "form.choose", value)] for value, label in question.options]
            rows = [*choices, *rows]
        if question.optional:
            rows.append([self.step(_("Skip"), "form.skip")])
        words: Words_ = question.words(self, answers)
        return self.screen(words, *rows, prompt=True)

    def _reviewed(self, form: Form[Any], answers: Answers) -> list[Screen]:
        if form.review is None:
            return self.submit()
        return [_as_prompt(screen) for screen in listed(form.review(self, answers))]


def button(say: Translator, label: Message | str, action: str, *args: str | int) -> Button:
    """A button that means the same whenever it is pressed."""
    return Button(say.plain(label), encode_action(action, *args))


def form_of_words(filling: Filling) -> bool:
    """Whether somebody has said something in it that must not get lost."""
    return any(filling.answers.get(name) for name in (TEXT, FILES, PHONE, "place"))


def listed(screens: Screens) -> list[Screen]:
    """What a handler returned, as a list."""
    if screens is None:
        return []
    return [screens] if isinstance(screens, Screen) else list(screens)


def joined(*parts: Screens | Iterable[Screen]) -> list[Screen]:
    """Several handlers' screens, in order."""
    return [screen for part in parts for screen in (listed(part) if part is None or isinstance(part, Screen) else part)]


def _as_prompt(screen: Screen) -> Screen:
    return msgspec.structs.replace(screen, prompt=True)
