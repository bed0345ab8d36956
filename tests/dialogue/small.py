"""A tiny office with one form, for the dialogue engine alone: no database, no channel."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from bot.dialogue.context import Context
from bot.dialogue.conversation import Arrival, Conversation
from bot.dialogue.event import Event, Pressed, Said, What, Who
from bot.dialogue.form import Choice, Form, Place, Question, Words
from bot.dialogue.router import ANYONE, Router
from bot.dialogue.screen import Button, Screen
from bot.dialogue.talk import Talk
from bot.words import Translator, _

NOW = datetime(2026, 9, 15, 1, 12, tzinfo=UTC)


class Role(StrEnum):
    HANDLER = "handler"


class Office:
    """Keeps what was handed in."""

    def __init__(self) -> None:
        self.matters: list[dict[str, Any]] = []
        self.taken: list[str] = []
        self.said: list[str] = []


Ctx = Context[Office, None]

WORDS = {"back": "back", "skip": "skip", "cancel": "cancel", "yes": "yes", "my cases": "mine"}


def questions() -> list[Question[Ctx]]:
    return [
        Words(name="text", ask=_("What happened?")),
        Place(name="place", ask=_("Where?"), optional=True),
        Choice(name="identity", ask=_("May they know who you are?"),
               options=(("named", _("Yes, they may")), ("hidden", _("No")))),
    ]  # fmt: skip


def a_form(version: int = 1, asked: Sequence[Question[Ctx]] = ()) -> Form[Ctx]:
    form: Form[Ctx] = Form("matter", list(asked) or questions(), version)

    @form.reviewed
    def review(ctx: Ctx, answers: dict[str, Any]) -> Screen:
        lines = ", ".join(f"{name}={value}" for name, value in answers.items())
        return ctx.screen(f"review: {lines}", [ctx.step(_("Register"), "form.submit")])

    @form.submitted
    def register(ctx: Ctx, answers: dict[str, Any]) -> Screen:
        ctx.office.matters.append(dict(answers))
        return ctx.screen(f"case {len(ctx.office.matters)}", [ctx.button(_("Withdraw"), "case.withdraw", "1")])

    return form


def a_router(form: Form[Ctx]) -> Router[Ctx]:
    router: Router[Ctx] = Router("small", who=ANYONE)
    router.form(form)

    @router.command("report")
    def report(ctx: Ctx, rest: str) -> list[Screen]:
        return ctx.fill(form, **({"text": rest} if rest else {}))

    @router.command("mine")
    def mine(ctx: Ctx, rest: str) -> Screen:
        return ctx.screen(
            "your cases", [ctx.button("Open 1", "case.open", "1"), ctx.button("Open 2", "case.open", "2")]
        )

    @router.command("staff", who=Role.HANDLER)
    def staff(ctx: Ctx, rest: str) -> Screen:
        return ctx.screen("to do")

    @router.action("case.open")
    def open_case(ctx: Ctx, number: str) -> Screen:
        return ctx.screen(f"case {number} opened")

    @router.action("case.broken")
    def break_down(ctx: Ctx) -> Screen:
        raise TypeError("broken() missing 1 required positional argument: 'x'")

    @router.action("case.withdraw", by_yes=False)
    def withdraw(ctx: Ctx, number: str) -> Screen:
        ctx.office.taken.append(f"withdrawn {number}")
        return ctx.screen("withdrawn")

    @router.action("case.take", who=Role.HANDLER)
    def take(ctx: Ctx, number: str) -> Screen:
        ctx.office.taken.append(number)
        return ctx.screen(f"taken {number}")

    @router.link("check-")
    def check(ctx: Ctx, code: str) -> Screen:
        return ctx.screen(f"check {code}")

    @router.link("")
    def start(ctx: Ctx, code: str) -> Screen:
        return ctx.screen(f"welcome {code}")

    @router.hook("said")
    def said(ctx: Ctx, said: Said) -> Screen:
        ctx.office.said.append(said.text)
        return ctx.screen(f"heard {said.text}")

    @router.hook("cancel form")
    def cancel(ctx: Ctx) -> Screen:
        ctx.leave_form()
        return ctx.screen("cancelled")

    @router.hook("nothing open")
    def nothing(ctx: Ctx) -> Screen:
        return ctx.screen("nothing is open")

    @router.hook("unknown command")
    def unknown(ctx: Ctx) -> Screen:
        return ctx.screen("unknown command")

    return router


class Chat:
    """One chat with the small office; its conversation is stored and read between two events as the real one is."""

    def __init__(self, form: Form[Ctx] | None = None, *roles: Role) -> None:
        self.office = Office()
        self.roles = frozenset(roles)
        self.conversation = Conversation()
        self.screens: list[Screen] = []
        self.shown: list[Button] = []
        self.runs(form or a_form())

    def runs(self, form: Form[Ctx]) -> None:
        """From now on the program is one with this form."""
        self.router = a_router(form)
        self.talk = Talk(self.router, lambda text, _official: WORDS.get(text.lower()))

    @property
    def last(self) -> str:
        return str(self.screens[-1].text)

    @property
    def texts(self) -> list[str]:
        return [str(screen.text) for screen in self.screens]

    @property
    def answers(self) -> dict[str, Any]:
        """What the open form holds so far."""
        assert self.conversation.filling is not None, "no form is open"
        return self.conversation.filling.answers

    def does(self, what: What) -> str:
        stored = msgspec.msgpack.encode(self.conversation)
        self.conversation = msgspec.msgpack.decode(stored, type=Conversation)
        arrival = Arrival(1, "silent", 7, Event(what, NOW, Who("wang", "wang")), self.conversation)
        say = Translator("en", {}, ZoneInfo("Asia/Shanghai"))
        ctx: Ctx = Context(
            arrival=arrival, office=self.office, person=None, roles=self.roles, say=say, now=NOW, router=self.router
        )
        self.screens = self.talk.handle(ctx)
        self.shown += [button for screen in self.screens for button in screen.buttons]
        return self.last if self.screens else ""

    def says(self, text: str, **more: Any) -> str:
        return self.does(Said(text, **more))

    def presses(self, label: str) -> str:
        """Presses the newest button of that label."""
        return self.does(Pressed(self.action(label), "press"))

    def action(self, label: str) -> str:
        return next(button.action for button in reversed(self.shown) if button.label == label)

    def forges(self, action: str) -> str:
        return self.does(Pressed(action, "press"))
