"""Consent on one screen, and the message that waits for it. Policies and emergencies never need it."""

from datetime import timedelta

from bot.dialogue.context import Screens, listed
from bot.dialogue.event import Due, Said
from bot.dialogue.screen import Screen
from bot.text import join
from bot.words import Message, _
from handlers.context import CATCHING_UP, RESIDENTS, Ctx, Router, missed_its_moment
from handlers.residents import held, tidy
from handlers.residents.menu import menu_screen

HELD_FOR = timedelta(hours=24)
A_YEAR = 365
# of what somebody does without registering anything: wrong look-ups, and what is to be tidied away in a quarter hour
STAYS = frozenset(("misses", tidy.READING, tidy.LOOKING, tidy.LEFT))

NO = ("不同意", "不同意，只看政策", "不", "不要", "不行", "no")

router = Router("consent", who=RESIDENTS)


@router.link("")
def start(ctx: Ctx, code: str) -> Screens:
    """Somebody opened the chat; a code that nothing else claims is an invitation."""
    if code:
        return join_office(ctx, code)
    return menu_screen(ctx) if ctx.person.has_consented else consent_screen(ctx)


@router.command("start")
def typed_start(ctx: Ctx, code: str) -> Screens:
    return start(ctx, code)


def join_office(ctx: Ctx, code: str) -> Screens:
    grant = ctx.office.people.join(code, ctx.person)
    ctx.office.show_menu(ctx.person)
    where = ctx.office.departments.name(grant.department, ctx.say.language) or ctx.office.name
    return ctx.screen(
        _("You now work here for {where}. Write “to do” for what waits, /help for the rest.", where=where),
        [ctx.button(_("To do"), "queue")],
    )


def consent_screen(ctx: Ctx, *, holding: bool = False) -> Screen:
    """Five short lines: who, what for, who reads it, how long, through whom."""
    lines = [
        ctx.say(
            _("Hello, I am the automatic assistant of {office}, a program and not a person.", office=ctx.office.name)
        ),
        ctx.say(_("Something broken, a question: type, speak or send a photo.")),
        ctx.say(_kept(ctx)),
        ctx.say(ctx.office.platform_words(ctx.person.channel)),
    ]
    if holding:
        lines.append(ctx.say(_("I am keeping what you just said, no need to type it again. Say “yes” and I go on.")))
    ctx.memory["asked_consent"] = True
    return ctx.screen(
        join(lines),
        [ctx.button(_("Yes, go ahead"), "consent.yes"), ctx.button(_("No, policies only"), "consent.no")],
        [ctx.button(_("Tell me more"), "consent.more")],
    )


def _kept(ctx: Ctx) -> Message:
    """Who reads it and for how long; the office may have chosen another term than a year."""
    days = ctx.office.house.retention.cases
    if days == A_YEAR:
        return _("Only those who deal with it read what you say. A year after it is done your details are deleted; "
                 "you can have them deleted at any time.")  # fmt: skip
    return _("Only those who deal with it read what you say. {days} days after it is done your details are deleted; "
             "you can have them deleted at any time.", days=days)  # fmt: skip


def first(ctx: Ctx, action: str, *args: str) -> Screen:
    """Asks for consent; once it is given, the action goes on."""
    ctx.memory["after_consent"] = [action, *args]
    return consent_screen(ctx)


def hold(ctx: Ctx, said: Said) -> Screens:
    """Keeps a message, sealed, until consent is given; at most a day."""
    held.keep(ctx, said)
    ctx.office.remember(f"held:{ctx.arrival.lane}", "held.expired", ctx.now + HELD_FOR, lane=ctx.arrival.lane)
    if not ctx.memory.get("asked_consent"):
        return consent_screen(ctx, holding=True)
    return ctx.screen(
        _("I am keeping what you just said, no need to type it again. Say “yes” and I go on."),
        [ctx.button(_("Yes, go ahead"), "consent.yes"), ctx.button(_("No"), "consent.no")],
    )


@router.action("consent.yes")
def agree(ctx: Ctx) -> Screens:
    """Consent is given; what was held goes on as if just said."""
    if not ctx.person.has_consented:
        ctx.person = ctx.office.people.agree(ctx.person)
    ctx.office.forget(f"held:{ctx.arrival.lane}")
    ctx.memory.pop("asked_consent", None)
    if going_on := ctx.memory.pop("after_consent", None):
        action, *args = going_on
        screens = listed(ctx.router.actions[action].handler(ctx, *args))
        said = held.take(ctx)
        if said is None:
            return screens
        return [*(one for one in screens if not one.prompt), *ctx.hear(said)]  # the first answer to what was asked
    said = held.take(ctx)
    if said is None:
        return ctx.screen(_("Good. Just write, speak or send a photo."))
    for hook in ctx.router.hooks["said"]:
        if (screens := hook(ctx, said)) is not None:
            return listed(screens)
    return menu_screen(ctx)


@router.hook("said")
def typed_no(ctx: Ctx, said: Said) -> Screens:
    """“No” in words is as good as the button."""
    word = said.text.strip().rstrip("。.!！").casefold()
    is_no = word in NO and bool(ctx.memory.get("asked_consent")) and not said.files
    return decline(ctx) if is_no and not ctx.person.has_consented else None


@router.hook("yes")
def typed_yes(ctx: Ctx) -> Screens:
    """A “yes” some messages later still is the answer to the question for consent."""
    return agree(ctx) if ctx.memory.get("asked_consent") else None


@router.action("consent.no", by_yes=False)
def decline(ctx: Ctx) -> Screen:
    if ctx.person.has_consented:
        return menu_screen(ctx)  # an old button: what was agreed to stands until it is taken back
    ctx.office.forget(f"held:{ctx.arrival.lane}")
    for name in ctx.memory.keys() - STAYS:
        del ctx.memory[name]
    return ctx.screen(
        _("All right, nothing is kept. Policies and phone numbers are there for you at any time; "
          "if you change your mind, just write."),
        [ctx.button(_("Policies"), "policy.list")],
    )  # fmt: skip


@router.action("consent.more")
def more(ctx: Ctx) -> Screen:
    return ctx.screen(
        _("What is kept: what you say about a matter, its photos, and how to reach you here. What for: to deal with it "
          "and to answer you. Who reads it: those who deal with it and those who check them. Your rights: to see it, "
          "to have it corrected or deleted: write “my data” or “delete my data” here, or come to the hall. Nobody is "
          "scored, and no matter of yours counts for or against another."),
        [ctx.button(_("Yes, go ahead"), "consent.yes"), ctx.button(_("No, policies only"), "consent.no")],
    )  # fmt: skip


@router.timed("held.expired")
def expire(ctx: Ctx, due: Due) -> Screens:
    """A day without consent: what was held is deleted; at night that is told in the morning."""
    if missed_its_moment(due):
        ctx.office.remember(f"held:{ctx.arrival.lane}", "held.expired", ctx.now + CATCHING_UP, lane=ctx.arrival.lane)
        return None
    if not held.drop(ctx):
        return None
    morning = ctx.office.calendar.quiet_until(ctx.now)
    if morning is None:
        return told(ctx, due)
    ctx.office.remember(f"held-told:{ctx.arrival.lane}", "held.told", morning, lane=ctx.arrival.lane)
    return None


@router.timed("held.told")
def told(ctx: Ctx, _due: Due) -> Screens:
    return ctx.screen(_("You have not said yes, so I have deleted what I kept for you. Write again whenever you like."))
