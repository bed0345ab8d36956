"""A message changed afterwards: nothing is overwritten in a case, and nothing that was changed goes unnoticed."""

from bot.dialogue.context import Screens, listed
from bot.dialogue.event import Said
from bot.dialogue.form import MOST_WORDS, TEXT
from bot.words import _
from handlers.context import RESIDENTS, Ctx, Router, source_of
from handlers.residents import additions, albums, held

REMEMBERED = 5  # messages of an open form, so that an edit finds its words in the answers

router = Router("edits", who=RESIDENTS)


@router.hook("first")
def remember(ctx: Ctx, said: Said) -> None:
    """Which words of the open form came by which message."""
    if ctx.event.message is not None and said.text and ctx.person.has_consented:
        lately = {**ctx.memory.get("lately", {}), ctx.event.message: said.text}
        ctx.memory["lately"] = dict([*lately.items()][-REMEMBERED:])


@router.hook("edited")
def edited(ctx: Ctx, said: Said) -> Screens:
    """The words, and what to do about a picture that was changed: a platform does not tell whether it was."""
    screens = listed(_reworded(ctx, said))
    if said.files:
        again = _("If the photo or file is another one now, please send it once more: "
                  "of a changed message I see the words alone.")  # fmt: skip
        screens.append(ctx.screen(again))
    return screens


def _reworded(ctx: Ctx, said: Said) -> Screens:
    """Kept as a further version in its case; before that, the new words take the place of the old ones."""
    source, message = source_of(ctx), ctx.event.message
    if source is None or message is None or not said.text:
        return None
    standing = ctx.office.cases.of_source(source, ctx.person)
    if standing is not None and standing[1] != said.text:
        instead = additions.instead_of_adding(ctx, standing[0], Said(said.text))
        if instead is not None:
            return instead
    case = ctx.office.cases.add_version(source, said.text, by=ctx.person, said_at=ctx.event.happened_at)
    if case is not None:
        return ctx.screen(_("Seen: your change is added to number {number}.", number=case.number))
    if held.change(ctx, message, said.text) or albums.change(ctx, message, said.text):
        return ctx.screen(_("Seen: I have kept your change."))
    old = ctx.memory.get("lately", {}).get(message)
    if old is None:
        return ctx.screen(_("You changed an earlier message. If something is still to be done about it, just say it."))
    if old == said.text:
        return []
    filling = ctx.conversation.filling
    if filling is None or old not in (filling.answers.get(TEXT) or ""):
        ctx.memory["lately"][message] = said.text
        return ctx.screen(_("You changed an earlier message. If something is still to be done about it, just say it."))
    words = held.with_changed(filling.answers[TEXT], old, said.text)
    if len(words) > MOST_WORDS:
        return [ctx.full(), *ctx.ask()]
    ctx.memory["lately"][message] = said.text
    filling.answers[TEXT] = words
    place = filling.answers.get("place") or {}
    if place.get("words") and place["words"] in old:  # it was found in the words that are changed now
        matters = ctx.office.understand(filling.answers[TEXT]).matters
        found = matters[0].place if len(matters) == 1 else None
        filling.answers["place"] = {"words": found or ""}
    return ctx.ask()
