"""What residents want to hear: chosen by buttons, left by a word, at once."""

from bot.dialogue.context import Screens
from bot.dialogue.screen import Button, Screen
from bot.text import Text, join
from bot.words import _
from handlers.context import RESIDENTS, Ctx, Router
from handlers.officials import approvals
from handlers.residents import consent, drafts, menu

router = Router("subscriptions", who=RESIDENTS)

OFFICE = "office"


@router.command("subscribe", about=_("Notices"))
def subscribe(ctx: Ctx, _rest: str) -> Screen:
    return choices(ctx)


@router.action("subscribe")
def choices(ctx: Ctx, *, in_place: bool = False) -> Screen:
    """Everything that can be followed, as it stands now; a press changes it."""
    if not ctx.person.has_consented:
        return consent.first(ctx, "subscribe")
    following, directory = ctx.office.subscriptions.of(ctx.person), ctx.office.notices.directory
    language = ctx.say.language

    def button(name: str, kind: str, slug: str) -> Button:
        key = OFFICE if kind == OFFICE else f"{kind}:{slug}"
        return ctx.button(f"✓ {name}" if following.follows(key) else name, "follow", kind, slug)

    areas = [button(directory.area_name(slug, language), "area", slug) for slug in directory.areas]
    topics = [button(name, "topic", slug) for slug, name in ctx.office.topics(language).items()]
    rows = [[button(ctx.say.plain(_("Everything for {office}", office=ctx.office.name)), OFFICE, "")]]
    leave = ctx.button(_("Nothing at all"), "unfollow")
    return ctx.screen(_words(ctx, is_out=following.is_out), *rows, *_pairs(areas), *_pairs(topics), [leave],
                      in_place=in_place)  # fmt: skip


def _words(ctx: Ctx, *, is_out: bool) -> Text:
    first = _("Which notices would you like? Press to change; those with ✓ come to you.")
    urgent = _("What is urgent (storm, flood, no water) still comes from the office and from areas you once chose. "
               "Not even that? Say TD.")  # fmt: skip
    if is_out:
        urgent = _("At present you get no notices at all, not even urgent ones. Press what you would like.")
    return join([ctx.say(first), ctx.say(urgent)])


@router.action("follow")
def follow(ctx: Ctx, kind: str, slug: str) -> Screen:
    """On or off. A button that knows something that is no more changes nothing."""
    mine, directory = ctx.office.subscriptions, ctx.office.notices.directory
    if ctx.person.has_consented:
        if kind == OFFICE:
            mine.toggle_office(ctx.person)
        elif kind == "area" and slug in directory.areas:
            mine.toggle_area(ctx.person, slug)
        elif kind == "topic" and slug in ctx.office.topics(ctx.say.language):
            mine.toggle_topic(ctx.person, slug)
    return choices(ctx, in_place=True)


@router.command("unsubscribe", about=_("No more notices"))
def unsubscribe(ctx: Ctx, _rest: str) -> Screen:
    return leave(ctx)


@router.action("unfollow", by_yes=False)
def leave(ctx: Ctx) -> Screen:
    """Everything ends at once, also what is on its way; answers to one's own matters still come."""
    ctx.office.subscriptions.leave(ctx.person)
    return ctx.screen(
        _("Done. No more notices from now on, not even urgent ones (storm, flood, no water). "
          "Answers to what you brought yourself still come."),
        [ctx.button(_("But urgent ones, please"), "follow.urgent"), ctx.button(_("As it was before"), "follow.again")],
    )  # fmt: skip


@router.action("follow.urgent", by_yes=False)
def only_urgent(ctx: Ctx) -> Screen:
    ctx.office.subscriptions.only_urgent(ctx.person)
    return ctx.screen(_("Good: only what is urgent. To choose more: /subscribe"))


@router.action("follow.again", by_yes=False)
def again(ctx: Ctx) -> Screen:
    if ctx.office.subscriptions.of(ctx.person).is_out:
        ctx.office.subscriptions.come_back(ctx.person)
    return choices(ctx)


@router.command("stop")
def stop(ctx: Ctx, _rest: str) -> Screens:
    """The same word ends a form, a notice of one's own that is going out, or all notices to oneself."""
    if ctx.conversation.filling is not None:
        return drafts.drop(ctx)
    if ctx.person.is_official:
        return approvals.stop_mine(ctx) or menu.cancel(ctx, "")
    return leave(ctx)


def _pairs(buttons: list[Button]) -> list[list[Button]]:
    return [buttons[start : start + 2] for start in range(0, len(buttons), 2)]
