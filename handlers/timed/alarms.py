"""What administrators hear when something is stuck, day or night: how many, for how long, and what to type."""

from bot.dialogue.event import Due
from bot.dialogue.screen import Screen
from bot.office.people.model import Role
from bot.telling import Telling
from bot.words import Message, _
from handlers.context import RESIDENTS, Ctx, Router

router = Router("alarms", who=RESIDENTS)

COMMAND = "huiyin status"
WORDS = {
    "inbox": _("What people send is not being handled: {count} waiting, the oldest for {minutes} min."),
    "inbox.set_aside": _("A message could not be handled and was set aside. Set aside in all: {count}."),
    "outbox": _("What we owe people is not going out: {count} waiting, the oldest for {minutes} min."),
    "outbox.sending": _("Messages have been on their way for too long: {count}, the oldest for {minutes} min."),
    "timers": _("Reminders and dates are late: {count} due, the oldest for {minutes} min."),
    "timers.set_aside": _("A reminder could not be carried out and was set aside. Set aside in all: {count}."),
    "jobs": _("Files are not being fetched: {count} waiting, the oldest for {minutes} min."),
    "poll": _("{of} has not answered for {minutes} min; residents there cannot reach us."),
    "rival": _(
        "Another program uses the same token for {of} and takes messages away. End it; if it is none of yours, "
        "the token was stolen: have it replaced."
    ),
    "receive": _("What comes in from {of} cannot be stored for {minutes} min; it waits with the platform."),
    "writer": _("The database has not finished writing for {minutes} min."),
    "loops": _("A part of me has stopped and is started again: {of}."),
    "disk": _("The disk is nearly full: {megabytes} MB are free."),
    "disk.files": _("The disk is getting full: photos, voice notes and files of residents are refused now. Make room."),
    "disk.messages": _(
        "The disk is nearly full: no more messages are taken. They wait with the platform, Telegram keeps them for a "
        "day. Make room now."
    ),
    "wal": _("The database's log has grown to {megabytes} MB."),
    "database": _("The database cannot be read."),
}


@router.timed("health.beat")
def beat(_ctx: Ctx, _due: Due) -> None:
    """That it fires shows that the way from a due row to a commit is open; where it does not, it is itself overdue."""


@router.timed("health.alarm")
def alarm(ctx: Ctx, due: Due) -> None:
    """One message a kind and hour for each administrator; an older one that is still queued is taken back."""
    kind, slot = due.data["kind"], due.data["slot"]
    for person in ctx.office.people.all_with(Role.ADMINISTRATOR):
        ctx.office.take_back(due.subject, person.id)
        ctx.office.tell(Telling(kind="health.alarm", subject=due.subject, recipient=person.id, address=person.address,
                                key=f"alarm:{kind}:{slot}", data=due.data))  # fmt: skip


@router.telling("health.alarm")
def tell_alarm(ctx: Ctx, telling: Telling) -> Screen | None:
    if Role.ADMINISTRATOR not in ctx.person.roles:
        return None
    return ctx.screen(
        _("⚠️ {words}\nOn the server, type: {command}", words=_words(telling), command=COMMAND)
    )  # fmt: skip


def _words(telling: Telling) -> Message:
    data = telling.data
    facts = {
        "count": data.get("count") or 0,
        "minutes": max(1, round((data.get("seconds") or 0) / 60)),
        "megabytes": (data.get("bytes") or 0) // 1_000_000,
        "of": data.get("of", ""),
    }
    return WORDS[data["kind"]](**facts)
