"""From an event to its handler: the order in which a message is understood. It knows no words of any language."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from bot.dialogue.context import Context, listed
from bot.dialogue.conversation import REVIEW
from bot.dialogue.event import (
    Blocked,
    Due,
    Finished,
    Flooded,
    Ignored,
    Linked,
    Membership,
    Moved,
    Pressed,
    Said,
    Unblocked,
)
from bot.dialogue.form import Choice, Form, Place, Question, Words
from bot.dialogue.router import Route, Router
from bot.dialogue.screen import Button, Screen, decode_action
from bot.errors import NotFound

Ctx = Context[Any, Any]
ReadCommand = Callable[[str, bool], str | None]
"""The command that a whole message means, or None; the flag tells whether an official speaks."""

YES = "yes"
FORM_WORDS = frozenset(("back", "skip", "cancel"))
NOT_BY_YES = frozenset(f"form.{step}" for step in (*FORM_WORDS, "choose"))  # ways out, and one of several equals
_BREAK = re.compile(r"[，,（(]")


class Talk:
    """Routes events; the routes do the work."""

    def __init__(self, router: Router[Any], read_command: ReadCommand) -> None:
        self._router = router
        self._read_command = read_command
        self._officials = frozenset(role for route in router.commands.values() for role in route.roles)

    def handle(self, ctx: Ctx) -> list[Screen]:
        """The screens for an event's own chat, in order."""
        ctx.hear = lambda said: self._understood(ctx, said)
        screens = [screen for hook in self._hooks("before") for screen in listed(hook(ctx))]
        screens += self._routed(ctx)
        if screens:
            shown = next((screen for screen in reversed(screens) if screen.buttons), None)
            ctx.conversation.shows(shown.buttons if shown else ())
            asks = shown is not None and shown.prompt and self._asks_words(ctx)
            ctx.conversation.wordy = asks or ctx.awaits_number
        return screens

    def handle_group(self, ctx: Ctx) -> list[Screen]:
        """The same in a group, where only what is made for groups is heard; the rest is as if nobody had said it."""
        match ctx.event.what:
            case Said(edited=False, foreign=False, text=text) if found := self._group_command(text.strip()):
                route, rest = found
                if route.admits(ctx.roles):
                    return listed(route.handler(ctx, rest))
            case Pressed(action=action):
                name, args, _revision = decode_action(action)
                pressed = self._router.group_actions.get(name)
                if pressed is None or not pressed.admits(ctx.roles):
                    return self._hooked(ctx, "pressed in group")
                return self._called(pressed, ctx, args, lambda: self._hooked(ctx, "pressed in group"))
            case Membership() as change:
                return self._hooked(ctx, "group membership", change)
            case Moved() as change:
                return self._hooked(ctx, "group moved", change)
            case Flooded() | Ignored():
                return []
        return self._hooked(ctx, "said in group")

    def _group_command(self, text: str) -> tuple[Route, str] | None:
        """The command made for groups that a message is, and the words behind it."""
        name, _space, rest = text.removeprefix("/").partition(" ")
        route = self._router.group_commands.get(name.lower()) if text.startswith("/") else None
        if route is not None:
            return route, rest.strip()
        route = self._router.group_commands.get(self._read_command(text, True) or "")
        return (route, "") if route is not None else None

    def _routed(self, ctx: Ctx) -> list[Screen]:
        match ctx.event.what:
            case Said() as said:
                return self._said(ctx, said)
            case Pressed(action=action):
                return self._pressed(ctx, action)
            case Linked(code=code):
                return self._linked(ctx, code)
            case Due() as due:
                return listed(self._named(self._router.timers, due.kind).handler(ctx, due))
            case Finished() as finished:
                return listed(self._named(self._router.jobs, finished.kind).handler(ctx, finished))
            case Blocked():
                return self._hooked(ctx, "left")
            case Unblocked():
                return self._hooked(ctx, "came")
            case Flooded():
                return self._hooked(ctx, "flooded")
            case Ignored() | Membership() | Moved():
                return []

    def urgent(self, ctx: Ctx) -> list[Screen]:
        """What must be said before anything else, whatever becomes of the event."""
        said = ctx.event.what
        if not isinstance(said, Said) or said.edited:
            return []
        return [screen for hook in self._hooks("first") for screen in listed(hook(ctx, said))]

    def _said(self, ctx: Ctx, said: Said) -> list[Screen]:
        if said.edited:
            return self._hooked(ctx, "edited", said)
        urgent = self.urgent(ctx)
        if said.album is not None and self._hooks("part"):
            return urgent + self._hooked(ctx, "part", said)
        return urgent + self._understood(ctx, said)

    def _understood(self, ctx: Ctx, said: Said) -> list[Screen]:
        text = said.text.strip()
        if said.foreign:
            return self._free(ctx, said)
        if text.startswith("/") and len(text) > 1:
            name, _space, rest = text[1:].partition(" ")
            return self._command(ctx, name.partition("@")[0].lower(), rest.strip())
        word = self._read_command(text, self._speaks_officially(ctx)) if text and not said.files else None
        is_known = word in self._router.commands and word not in FORM_WORDS
        if said.reply_to is not None and not is_known and (quoted := self._first_hook(ctx, "quoted", said)) is not None:
            return quoted
        if text and not said.files:
            if (button := self._meant(ctx, text, is_command=word is not None)) is not None:
                return self._pressed(ctx, button.action)
            if word == YES:
                if (main := self._main_button(ctx)) is not None:
                    return self._pressed(ctx, main.action)
                if "expects" in ctx.memory:
                    return self._free(ctx, said)  # words are waited for, and these are some
                if (agreed := self._first_hook(ctx, "yes")) is not None:
                    return agreed
                if ctx.conversation.filling is not None:
                    return self._current(ctx)  # it answers no question; they mean to go on
            if word in FORM_WORDS and ctx.conversation.filling is not None:
                return self._command(ctx, str(word), "")
            if word is not None and (word in self._router.commands or word not in (YES, *FORM_WORDS)):
                return self._command(ctx, word, "")  # also one that this office does not have: that is said
        return self._free(ctx, said)

    def _speaks_officially(self, ctx: Ctx) -> bool:
        return not ctx.roles.isdisjoint(self._officials)

    def _free(self, ctx: Ctx, said: Said) -> list[Screen]:
        """Words that are no command: what was last asked for, an answer to the open question, or something new."""
        is_awaited = "expects" in ctx.memory
        if not is_awaited and ctx.conversation.filling is not None:
            screens = self._answered(ctx, said)
            if screens is not None:
                return screens
        return self._hooked(ctx, "said", said)

    def _command(self, ctx: Ctx, name: str, rest: str) -> list[Screen]:
        ctx.end_waiting()
        if name == "cancel" and (left := self._first_hook(ctx, "cancel")) is not None:
            return left
        if name in FORM_WORDS and ctx.conversation.filling is not None:
            return self._form_word(ctx, name)
        route = self._router.commands.get(name)
        if route is None or not route.admits(ctx.roles):
            return self._hooked(ctx, "unknown command")
        return listed(route.handler(ctx, rest))

    def _pressed(self, ctx: Ctx, action: str) -> list[Screen]:
        name, args, revision = decode_action(action)
        ctx.expect(None)
        if revision and revision != ctx.conversation.revision:
            return self._current(ctx)
        if name.startswith("form."):
            return self._form_action(ctx, name.removeprefix("form."), args) if revision else self._current(ctx)
        route = self._router.actions.get(name)
        if route is None or not route.admits(ctx.roles):
            return self._current(ctx)
        return self._called(route, ctx, args, lambda: self._current(ctx))

    def _called(
        self, route: Route, ctx: Ctx, args: Sequence[str], otherwise: Callable[[], list[Screen]]
    ) -> list[Screen]:
        """What a button's handler shows; a forged number of arguments gets what is shown otherwise."""
        if not route.takes(args):
            return otherwise()
        return listed(route.handler(ctx, *args)) or self._hooked(ctx, "nothing open")

    def _linked(self, ctx: Ctx, code: str) -> list[Screen]:
        links = self._router.links
        prefix = max((prefix for prefix in links if code.startswith(prefix)), key=len, default=None)
        if prefix is None:
            raise NotFound("link")
        return listed(links[prefix].handler(ctx, code))

    def _current(self, ctx: Ctx) -> list[Screen]:
        """What an old or odd button gets: the screen that counts now, never an error."""
        return ctx.ask() or self._hooked(ctx, "nothing open")

    def _form_action(self, ctx: Ctx, name: str, args: tuple[str, ...]) -> list[Screen]:
        filling = ctx.conversation.filling
        form = self._router.forms.get(filling.form) if filling else None
        if filling is None or form is None:
            return self._current(ctx)
        question = form.question(filling.at)
        match name, args:
            case "choose", (value,) if isinstance(question, Choice) and question.choose(filling.answers, value):
                filling.again = ""
                return ctx.ask()
            case "submit", () if filling.at == REVIEW:
                return ctx.submit()
            case (("back" | "skip" | "cancel"), ()):
                return self._form_word(ctx, name)
        return self._current(ctx)

    def _form_word(self, ctx: Ctx, word: str) -> list[Screen]:
        filling = ctx.conversation.filling
        form = self._router.forms.get(filling.form) if filling else None
        if filling is None or form is None:
            return self._current(ctx)
        question = form.question(filling.at)
        if word == "cancel":
            return self._hooked(ctx, "cancel form")
        if word == "back":
            earlier = form.before(filling.at, ctx, filling.answers)
            filling.again = earlier.name if earlier is not None else filling.again
        elif question is not None:
            if question.optional:
                filling.answers[question.name] = None
            filling.again = ""
        return ctx.ask()

    def _answered(self, ctx: Ctx, said: Said) -> list[Screen] | None:
        filling = ctx.conversation.filling
        form = self._router.forms.get(filling.form) if filling else None
        if filling is None or form is None:
            ctx.conversation.filling = None
            return None
        question = form.question(filling.at)
        if self._chosen(ctx, form, said):
            return ctx.ask()
        for instead in (form.instead, question.instead if question is not None else None):
            if instead is not None and (screens := instead(ctx, filling.answers, said)) is not None:
                return [*listed(screens), *ctx.ask()]
        if question is None:  # at the review: what is said now is added, never lost
            self._keep(ctx, form.questions, said)
        if question is not None:
            if question.name == filling.again:
                filling.again = "" if question.retake(filling.answers, said) else filling.again
            elif not question.take(filling.answers, said):
                self._keep(ctx, form.questions, said)
        return ctx.ask() if form.holds(filling.answers, said) else [ctx.full(), *ctx.ask()]

    def _chosen(self, ctx: Ctx, form: Form[Any], said: Said) -> bool:
        """Whether the words name a value of the choice that is asked, or at the review of one that was made."""
        filling = ctx.conversation.filling
        assert filling is not None
        for question in form.questions:
            is_open = filling.at == question.name or (filling.at == REVIEW and question.is_answered(filling.answers))
            if not isinstance(question, Choice) or not is_open or said.files:
                continue
            for value, label in question.options:
                if said.text.strip().casefold() in _spoken(ctx.say.plain(label)):
                    return question.choose(filling.answers, value)
        return False

    def _keep(self, ctx: Ctx, questions: Sequence[Question[Any]], said: Said) -> None:
        """What does not answer this question answers another one; nothing that is said gets lost."""
        assert ctx.conversation.filling is not None
        answers = ctx.conversation.filling.answers
        for kind in (Place,) if said.spot else (Words,):
            for question in questions:
                if isinstance(question, kind) and question.take(answers, said):
                    return

    def _asks_words(self, ctx: Ctx) -> bool:
        """Whether the open question is answered by words, so that “3” is an answer and not the third button."""
        filling = ctx.conversation.filling
        form = self._router.forms.get(filling.form) if filling else None
        question = form.question(filling.at) if filling and form else None
        return question is not None and not isinstance(question, Choice)

    def _meant(self, ctx: Ctx, text: str, *, is_command: bool) -> Button | None:
        """The button that a typed label or its beginning means, of the last screen or the prompt; a number, of the
        last screen alone."""
        pressable = [button for button in ctx.conversation.choices if button.action]
        if text.isascii() and text.isdigit() and len(text) <= 2:
            if ctx.conversation.wordy:
                return None
            number = int(text)
            return pressable[number - 1] if 0 < number <= len(pressable) else None
        pressable += ctx.conversation.asked
        plain = text.casefold()
        whole = next((button for button in pressable if button.label.casefold() == plain), None)
        if whole is not None or is_command:
            return whole
        begun = [button for button in pressable if plain in _spoken(button.label)]
        return begun[0] if len({button.label for button in begun}) == 1 else None

    def _main_button(self, ctx: Ctx) -> Button | None:
        """The first button of the last screen, unless it needs a finger of its own."""
        main = next(iter(ctx.conversation.choices), None)
        if main is None or not main.action:
            return None  # nothing, or something that only the person's own device can do
        name = decode_action(main.action)[0]
        route = self._router.actions.get(name)
        may = name not in NOT_BY_YES if route is None else route.by_yes
        return main if may else None

    def _hooks(self, moment: str) -> list[Callable[..., Any]]:
        return self._router.hooks.get(moment, [])

    def _hooked(self, ctx: Ctx, moment: str, *args: Any) -> list[Screen]:
        return self._first_hook(ctx, moment, *args) or []

    def _first_hook(self, ctx: Ctx, moment: str, *args: Any) -> list[Screen] | None:
        """The first hook of a moment that has an answer decides."""
        for hook in self._hooks(moment):
            screens = hook(ctx, *args)
            if screens is not None:
                return listed(screens)
        return None

    def _named(self, table: dict[str, Route], name: str) -> Route:
        return table[name]


def _spoken(label: str) -> tuple[str, str]:
    """How a button is said: whole, or up to its first comma (“anonymous” for “Anonymous, no account kept”)."""
    plain = label.casefold()
    return plain, _BREAK.split(plain, maxsplit=1)[0].strip()
