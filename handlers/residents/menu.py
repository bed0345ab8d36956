"""The menu, help, cancel and language: four entries, at most two turns from anything (M06)."""

import msgspec

from bot.dialogue.context import Screens
from bot.dialogue.event import Finished, Said
from bot.dialogue.router import own_commands
from bot.dialogue.screen import Mode, Screen
from bot.office.people.model import Role
from bot.telling import Telling
from bot.text import Text, join
from bot.words import Message, _
from handlers.context import RESIDENTS, Ctx, Router, my_cases_button

router = Router("menu", who=RESIDENTS)

ENTRIES = (
    (_("Trouble, repairs"), _("Complain")),
    (_("Suggest"), _("Errands")),
)


LEFT = _("All right. Nothing was added or sent.")  # what somebody was about to say, and does not


def with_entries(ctx: Ctx, screens: list[Screen]) -> list[Screen]:
    """The four entries stay under the input field; they go along with whatever message has room for them."""
    if ctx.person.is_official or not ctx.person.has_consented:
        return screens
    return [
        msgspec.structs.replace(screen, lasting=_labels(ctx))
        if screen.text and not screen.rows and screen.mode is Mode.NEW
        else screen
        for screen in screens
    ]


def _labels(ctx: Ctx) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(ctx.say.plain(label) for label in row) for row in ENTRIES)


def menu_screen(ctx: Ctx, words: Message | None = None) -> Screen:
    return ctx.screen(
        words or _("What is it? Just write, speak or send a photo; or press one of these."),
        [
            ctx.button(_("Trouble, repairs"), "matter.kind", "help"),
            ctx.button(_("Complain"), "matter.kind", "complaint"),
        ],
        [ctx.button(_("Suggest"), "matter.kind", "suggestion"), ctx.button(_("Errands"), "matter.kind", "errand")],
        [ctx.button(_("Policies"), "policy.list"), my_cases_button(ctx), ctx.button(_("A person"), "human")],
    )


@router.command("menu", about=_("What I can do"))
def menu(ctx: Ctx, _rest: str) -> Screens:
    return staff_help(ctx) if ctx.person.is_official else menu_screen(ctx)


@router.action("menu")
def pressed_menu(ctx: Ctx) -> Screens:
    return menu_screen(ctx)


@router.command("help", about=_("Help"))
def help_(ctx: Ctx, _rest: str) -> Screen:
    if ctx.person.is_official:
        return staff_help(ctx)
    return ctx.screen(
        _("Just say what it is, in your own words; a voice note or a photo is enough. "
          "“My cases” shows what became of it, “a person” brings you to somebody. Everything gets an answer."),
        [my_cases_button(ctx), ctx.button(_("A person"), "human")],
        [ctx.button(_("Notices"), "subscribe"), ctx.button(_("Language"), "language")],
        [ctx.button(_("What is kept of me"), "mydata"), ctx.button(_("Delete my data"), "forget")],
        [ctx.button(_("Opening hours"), "hours")],
    )  # fmt: skip


def staff_help(ctx: Ctx) -> Screen:
    """What this very person may do, as words to type and as buttons; nothing else."""
    own = own_commands(ctx.router, ctx.roles)
    lines = [ctx.say(_("What you can write or press:"))]
    for name, about in own.items():
        words = " ".join((f"/{name}", *ctx.office.command_words(name)[:1]))
        lines.append(Text() + words + " " + ctx.say(about))
    lines.append(
        ctx.say(_("Without a number it is about the card you saw last. What goes to a resident is shown to you first."))
    )
    buttons = [ctx.button(about, "do", name) for name, about in own.items()]
    return ctx.screen(join(lines), *(buttons[start : start + 3] for start in range(0, len(buttons), 3)))


@router.action("do", who=tuple(Role), by_yes=False)
def do(ctx: Ctx, name: str) -> Screens:
    """A command of officials as a button, with the rights of the command."""
    if name not in own_commands(ctx.router, ctx.roles):
        return menu_screen(ctx)
    screens: Screens = ctx.router.commands[name].handler(ctx, "")
    return screens


@router.command("cancel", about=_("Stop what is open"))
def cancel(ctx: Ctx, _rest: str) -> Screens:
    """Words that were waited for are waited for no more. Nothing is open: asks what is meant."""
    if ctx.awaited:
        return ctx.screen(LEFT)
    words = _("Nothing is open just now. What would you like to stop?")
    if ctx.person.works_on_cases:
        return ctx.screen(words, [ctx.button(_("To do"), "queue"), ctx.button(_("Nothing"), "menu")])
    return ctx.screen(words, [ctx.button(_("Take back a case"), "cases"), ctx.button(_("Nothing"), "menu")])


@router.command("back")
@router.command("skip")
def nowhere(ctx: Ctx, _rest: str) -> Screens:
    """Words of a form where none is open: nothing to go back to, nothing to leave out."""
    if ctx.awaited:
        return ctx.screen(LEFT)
    return menu_screen(ctx, _("Nothing is open just now. What is it?"))


@router.hook("cancel form")
def cancel_form(ctx: Ctx) -> Screens:
    """Leaves the open form; a draft that waited behind it comes back."""
    ctx.leave_form()
    if ctx.conversation.drafts:
        ctx.conversation.filling = ctx.conversation.drafts.pop()
        return [ctx.screen(_("All right, this one is not registered. Back to the one before.")), *ctx.ask()]
    waiting = ctx.memory.pop("waiting", None)
    words = _("All right, nothing is registered.")
    if waiting:
        words = _(
            "All right, nothing is registered. You also mentioned something else; just write it again if it matters."
        )
    return ctx.screen(words)


@router.hook("unknown command")
def unknown(ctx: Ctx) -> Screen:
    if ctx.person.is_official:
        own = staff_help(ctx)
        return Screen(join([ctx.say(_("That is not among what you may do here.")), own.text]), own.rows)
    return menu_screen(ctx, _("I do not know that command. Just write what it is; or press one of these."))


@router.hook("nothing open")
def nothing_open(ctx: Ctx) -> Screen:
    return menu_screen(ctx, _("That button is from before. What is it now?"))


@router.command("language", about=_("Language"))
def language(ctx: Ctx, _rest: str) -> Screen:
    names = ctx.office.languages
    return ctx.screen(_("Which language?"), [ctx.button(name, "language", code) for code, name in names.items()])


@router.action("language")
def choose_language(ctx: Ctx, code: str = "") -> Screens:
    """In the language at once, with what counts now: the open form's question, or the menu of whoever it is."""
    if code not in ctx.office.languages:
        return language(ctx, "")
    ctx.office.people.speak(ctx.person, code)
    ctx.say = ctx.office.speak(code)
    ctx.office.show_menu(ctx.person)
    good = _("Good, English it is.")
    if ctx.conversation.filling is not None:
        return [ctx.screen(good), *ctx.ask()]
    return [ctx.screen(good), staff_help(ctx)] if ctx.person.is_official else menu_screen(ctx, good)


@router.hook("left")
def left(ctx: Ctx) -> None:
    """Blocked the bot: nothing can be sent until they come back; cases go on."""
    ctx.office.people.lost(ctx.person.address)


@router.hook("came")
def came(ctx: Ctx) -> None:
    """Unblocked the bot. What waited goes out by itself; that something failed meanwhile is said beside the talk."""
    who = ctx.person
    if ctx.office.people.found_again(who.address):
        ctx.office.tell(Telling(kind="missed", subject=0, recipient=who.id, address=who.address,
                                key=f"missed:{ctx.arrival.id}"))  # fmt: skip


@router.telling("missed")
def tell_missed(ctx: Ctx, _telling: Telling) -> Screen:
    """Without a word of what it was: a telephone shows it to whoever holds it."""
    if ctx.person.works_on_cases:
        return ctx.screen(_("While you were away something did not reach you here. Write “to do” to see what waits."))
    return ctx.screen(_("While you were away something did not reach you here. Write “my cases” to see it."))


@router.hook("flooded")
def flooded(ctx: Ctx) -> Screen:
    """More than the limit of one chat: said once, the rest is not kept."""
    return ctx.screen(
        _("That was a lot at once, and I could not keep what you sent just now. "
          "Please wait two minutes and send it once more; what you sent before is safe.")
    )  # fmt: skip


@router.hook("first")
def emergency(ctx: Ctx, said: Said) -> Screens:
    """Danger comes first: what to do and whom to call, then the talk goes on (N01)."""
    if not said.text:
        return None
    danger = ctx.office.danger_in(said.text)
    if danger is None:
        return None
    offers = [row for hook in ctx.router.hooks.get("danger", []) for row in hook(ctx, danger, said)]
    return ctx.screen(ctx.office.emergencies.words(danger, ctx.say.language), *offers)


@router.job("menu.show")
def menu_shown(ctx: Ctx, _finished: Finished) -> None:
    """The platform's own menu shows what this person may do; nothing is left to do here."""
