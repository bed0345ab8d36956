"""How much officials may learn of the sender: as chosen in words, and against what a device adds by itself."""

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.form import Answers
from bot.office.cases.model import Privacy
from bot.words import Message, _
from handlers.context import Ctx
from handlers.officials.wording import has_identity_number, has_phone

SEALED_WAYS = (Privacy.CONFIDENTIAL, Privacy.ANONYMOUS)
PHONE_REFUSED = _("Your phone number says who you are. I do not take it, and nobody gets it.")
PHONE_SEEN = _("There is a phone number in it. It can say who you are: better take it out.")
IDENTITY_SEEN = _("There is an identity card number in it. It says who you are: better take it out.")


def seen(words: str) -> Message | None:
    """What in the words says who somebody is, to be pointed out before it goes in; their own choice then."""
    if has_phone(words):
        return PHONE_SEEN
    return IDENTITY_SEEN if has_identity_number(words) else None


def refused(ctx: Ctx, said: Said, *, places: bool = False) -> Screens:
    """A phone number that the device sends says who it is, and a point on the map may: where nobody may know, they are
    not taken."""
    if said.phone:
        return ctx.screen(PHONE_REFUSED)
    if said.spot and places:
        return ctx.screen(_("A point on the map can say who you are. I do not take it; if the place matters, type it."))
    return None


def chosen(ctx: Ctx, answers: Answers, said: Said, among: tuple[Privacy, ...] = tuple(Privacy)) -> Screens:
    """“I want to stay anonymous” is the choice, at whatever question it is said; it stands in no words and no place."""
    way = ctx.office.privacy_in(said.text) if said.text and not said.files else None
    if way is None or Privacy(way) not in among:
        return None
    answers["identity"] = way
    return []
