"""The files of a case, as an official looks at them: the stored copies, named by what they are."""

from bot.dialogue.screen import Screen, Shown
from bot.office.cases.evidence import EXTENSIONS
from bot.office.cases.model import Case
from bot.office.cases.records import Attachment
from bot.words import _
from handlers.context import WORKERS, Ctx, Router

router = Router("files", who=WORKERS)


@router.action("case.files")
def files(ctx: Ctx, number: str) -> list[Screen]:
    """The stored copies, one message each."""
    case, _entries, attached = ctx.office.cases.work_on(number, ctx.person)
    ctx.subject = case.id
    shown = [file for file in attached if file.digest]
    screens = []
    for position, file in enumerate(shown, 1):
        words = _(
            "Number {number}, file {position} of {count}", number=case.number, position=position, count=len(shown)
        )
        warned = _("{words}. A voice or document may tell who it is from.", words=words) if file.may_identify else words
        screens.append(
            Screen(ctx.say(warned), files=(Shown(str(file.digest), file.kind, _named(case, position, file)),))
        )
    return screens


def _named(case: Case, position: int, file: Attachment) -> str:
    """By the case and by what its bytes are: a sender's own name could pretend to be another kind of file."""
    return f"{case.number}-{position}.{EXTENSIONS.get(file.mime or '', 'bin')}"
