"""What a chat remembers for a while only: bare ids of messages for two days, a matter that is being looked at."""

from datetime import UTC, datetime, timedelta

from bot.dialogue.event import Due, Linked, Said
from handlers.context import RESIDENTS, Ctx, Router

KEPT = timedelta(hours=48)  # as long as platforms let both sides' messages be deleted
MOST = 500  # ids; the newest are kept
KIND = "chat.tidy"
READING = "reading"
LOOKING = "looking"  # a number whose code is still waited for
LEFT = "owed"  # spans of which what was shown goes; some of it has not arrived yet
LOOKED_AGAIN = timedelta(minutes=5)  # whether that has arrived
SEALED = "sealed"  # the form of complaints about staff
# other matters, counts, officials' work, what is still to go
KEPT_MEMORY = frozenset(("waiting", "position", "misses", "drafts", "draft", LEFT))

router = Router("tidy", who=RESIDENTS)


def note(ctx: Ctx) -> None:
    """The id of what somebody sent, so that the talk can be deleted. Nothing else of it is kept."""
    message, talk = ctx.event.message, ctx.conversation
    if message is None or ctx.arrival.lane is None or not isinstance(ctx.event.what, Said | Linked):
        return
    was_empty = not talk.messages
    remember(ctx, {message: int(ctx.event.happened_at.timestamp())})
    if was_empty and talk.messages and ctx.memory.keys().isdisjoint((READING, LOOKING)):
        _arm(ctx, ctx.now + KEPT)


def remember(ctx: Ctx, messages: dict[str, int]) -> None:
    """Joins ids to those that are known; what is too old goes."""
    oldest = (ctx.now - KEPT).timestamp()
    joined = {id_: at for id_, at in (ctx.conversation.messages | messages).items() if at > oldest}
    ctx.conversation.messages = dict([*joined.items()][-MOST:])


def look_again(ctx: Ctx, at: datetime) -> None:
    """Something in this chat ends at that moment."""
    _arm(ctx, at)


@router.timed(KIND)
def tidy(ctx: Ctx, _due: Due) -> None:
    """Forgets what its time is up for, and comes again for the rest."""
    reading = ctx.memory.get(READING)
    if reading is not None and reading["until"] <= ctx.now.timestamp():
        stop_reading(ctx)
        reading = None
    looking = ctx.memory.get(LOOKING)
    if looking is not None and looking["until"] <= ctx.now.timestamp():
        del ctx.memory[LOOKING]
        _goes(ctx, looking["since"])
        looking = None
    _blank_seen(ctx)
    if ctx.memory.get("alarm", {}).get("until", 0.0) <= ctx.now.timestamp():
        ctx.memory.pop("alarm", None)
    remember(ctx, {})
    ends = [datetime.fromtimestamp(at, UTC) + KEPT for at in ctx.conversation.messages.values()]
    ends += [datetime.fromtimestamp(one["until"], UTC) for one in (reading, looking) if one is not None]
    if LEFT in ctx.memory:
        ends.append(ctx.now + LOOKED_AGAIN)
    if ends:
        _arm(ctx, max(min(ends), ctx.now + timedelta(minutes=1)))


def forget(ctx: Ctx, since: datetime) -> None:
    """What this chat holds of a talk goes: rows, drafts, held words, an album, recent words. Bare ids stay two days."""
    _blank(ctx, since)
    talk = ctx.conversation
    talk.drafts = [draft for draft in talk.drafts if draft.form != SEALED]
    talk.choices, talk.asked, talk.prompt = (), (), 0
    for name in ctx.memory.keys() - KEPT_MEMORY:
        del ctx.memory[name]


def stop_reading(ctx: Ctx) -> None:
    """Which matter was looked at here is not remembered any more; what they are about to say besides stays."""
    reading = ctx.memory.pop(READING, None)
    if reading is None:
        return
    _goes(ctx, reading["since"])
    ctx.memory.pop("lately", None)
    if any(button.action.startswith("sealed.") for button in ctx.conversation.choices):
        ctx.conversation.choices = ()


def _blank(ctx: Ctx, since: datetime) -> None:
    if ctx.arrival.lane is not None:
        remember(ctx, ctx.office.blank_talk(ctx.person, ctx.arrival.lane, since))


def _goes(ctx: Ctx, since: float) -> None:
    """The time for it is up. What is said or shown from now on is another talk, and stays."""
    ctx.memory[LEFT] = [*ctx.memory.get(LEFT, []), [since, ctx.now.timestamp()]]


def _blank_seen(ctx: Ctx) -> None:
    """Nobody has asked for it: an answer that is still on its way arrives first."""
    spans, lane = ctx.memory.pop(LEFT, []), ctx.arrival.lane
    if lane is None:
        return
    still = []
    for since, until in spans:
        began, ended = (datetime.fromtimestamp(at, UTC) for at in (since, until))
        ids, waits = ctx.office.blank_seen(ctx.person, lane, began, ended)
        remember(ctx, ids)
        if waits:
            still.append([since, until])
    if still:
        ctx.memory[LEFT] = still


def _arm(ctx: Ctx, at: datetime) -> None:
    ctx.office.remember(f"tidy:{ctx.arrival.lane}", KIND, at, lane=ctx.arrival.lane)
