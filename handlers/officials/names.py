"""What colleagues call an official: on cards, and where somebody was faster. Residents never read it."""

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.screen import Screen
from bot.office.people.model import Role
from bot.text import clean, quote
from bot.words import _
from handlers.context import Ctx, Router

LONGEST = 16

router = Router("names", who=tuple(Role))


@router.command("name", about=_("What colleagues call you"))
def name_command(ctx: Ctx, rest: str) -> Screen:
    if rest:
        return called(ctx, rest)
    ctx.expect({"name": True})
    now = ctx.office.people.name_of(ctx.person.id)
    if now:
        return ctx.screen(_("Colleagues see you as {name}. Type another name to change it.", name=quote(now)))
    return ctx.screen(_("What do colleagues call you? Type it. Only they see it, residents never do."))


@router.hook("said")
def typed(ctx: Ctx, said: Said) -> Screens:
    if not said.text or not ctx.person.is_official or ctx.expected("name") is None:
        return None
    return called(ctx, said.text)


def called(ctx: Ctx, words: str) -> Screen:
    name = " ".join(clean(words).split())
    if not 0 < len(name) <= LONGEST:
        ctx.expect({"name": True})
        return ctx.screen(_("A name of at most {at_most} characters, please.", at_most=LONGEST))
    ctx.office.people.call(ctx.person, name)
    return ctx.screen(_("Good. Colleagues see you as {name} from now on.", name=quote(name)))
