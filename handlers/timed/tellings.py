"""The rest of what many people must hear: a slice at a time, so that no event renders for a whole street."""

import msgspec

from bot.dialogue.event import Due
from bot.telling import Telling
from handlers.context import RESIDENTS, Ctx, Router

router = Router("tellings", who=RESIDENTS)


@router.timed("tellings.rest")
def rest(ctx: Ctx, due: Due) -> None:
    """Tells the recipients of this slice; who may no longer read it is left out when it is rendered."""
    for telling in msgspec.convert(due.data["tellings"], list[Telling], strict=False):
        ctx.office.tell(telling)
