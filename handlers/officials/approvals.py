"""Agreeing to somebody else's notice, watching it go out, stopping it."""

import re
import unicodedata

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.screen import Button, Screen
from bot.office.notices.model import REACHED, RUNNING, Arrival, Notice, Status
from bot.office.notices.service import APPROVERS, WRITERS
from bot.telling import Telling
from bot.text import Text, join
from bot.words import Message, _
from handlers.context import Ctx, Router
from handlers.officials import notices
from handlers.officials.queue import pushed
from handlers.residents.letters import read_id

EITHER = tuple(dict.fromkeys((*WRITERS, *APPROVERS)))
router = Router("approvals", who=APPROVERS)

_COUNT = re.compile(r"(?:批\s*[:：]?\s*)?(\d{1,3}(?:,\d{3})+|\d{1,9})\s*人?")
STATES: dict[Status, Message] = {
    Status.ASKED: _("waits for approval"),
    Status.APPROVED: _("goes out {moment}"),
    Status.SENDING: _("on its way"),
    Status.SENT: _("gone out"),
    Status.STOPPED: _("stopped"),
}
FIGURES: dict[Arrival, Message] = {
    Arrival.SENT: _("sent {count}"),
    Arrival.GONE: _("blocked or gone {count}"),
    Arrival.RETRYING: _("being tried again {count}"),
    Arrival.UNCERTAIN: _("uncertain {count}"),
    Arrival.FAILED: _("failed {count}"),
    Arrival.STOPPED: _("stopped {count}"),
    Arrival.QUEUED: _("not yet {count}"),
    Arrival.PAGE: _("when the page is opened {count}"),
}
ALWAYS = (Arrival.SENT, Arrival.GONE)


@router.telling("notice.ask")
def tell_ask(ctx: Ctx, telling: Telling) -> Screen | None:
    """What is asked for; gone where it has changed or somebody else has decided."""
    notice = ctx.office.notices.find(telling.subject)
    if notice is None or notice.status is not Status.ASKED or notice.mark != telling.data["mark"]:
        return None
    if ctx.roles.isdisjoint(APPROVERS):
        return None
    intro = (
        _("An urgent notice waits for your agreement.") if notice.urgent else _("A notice waits for your agreement.")
    )
    return ctx.screen(join([ctx.say(intro), *notices.shown(ctx, notice)]), *_decide(ctx, notice))


def _decide(ctx: Ctx, notice: Notice) -> list[list[Button]]:
    return [[ctx.button(_("I have read it"), "notice.review", notice.id),
             ctx.button(_("I do not agree"), "notice.refuse", notice.id)]]  # fmt: skip


@router.action("notice.review")
def review(ctx: Ctx, id_: str) -> Screen:
    """The preview as it is now; only the number typed after it agrees, and only to this."""
    notice = ctx.office.notices.asked(read_id(id_), ctx.person)
    ctx.expect({"approve": [notice.id, notice.mark]}, number=True)
    asks = _("Read it once more. If it may go out so, type the number of people in digits. Nothing else agrees.")
    return ctx.screen(
        join([*notices.shown(ctx, notice), ctx.say(asks)]),
        [ctx.button(_("I do not agree"), "notice.refuse", notice.id)],
    )


@router.hook("said")
def typed(ctx: Ctx, said: Said) -> Screens:
    """The number of readers, from whoever has just read the preview; from anybody else it only shows it."""
    if ctx.roles.isdisjoint(APPROVERS):
        return None
    found = _COUNT.fullmatch(unicodedata.normalize("NFKC", said.text).strip())
    if found is None or said.files:
        return None
    count = int(found[1].replace(",", ""))
    waited = ctx.expected("approve")
    if waited is not None:
        id_, mark = waited
        if ctx.office.notices.asked(id_, ctx.person).mark != mark:
            return review(ctx, str(id_))  # asked for anew since it was read
        return _started(ctx, ctx.office.notices.approve(id_, mark, count, by=ctx.person))
    meant = [notice for notice in ctx.office.notices.waiting_for(ctx.person) if notice.count == count]
    return review(ctx, str(meant[0].id)) if len(meant) == 1 else None


def _started(ctx: Ctx, notice: Notice) -> Screen:
    assert notice.starts_at is not None
    seconds = round((notice.starts_at - ctx.now).total_seconds())
    words = _("Agreed. It starts in {seconds} seconds: 50 people first, then the others.", seconds=seconds)
    if seconds > 120:
        words = _("Agreed. It starts {moment}: 50 people first, then the others.", moment=notice.starts_at)
    return ctx.screen(words, [ctx.button(_("Stop"), "notice.stop", notice.id)])


@router.action("notice.refuse", by_yes=False)
def refuse(ctx: Ctx, id_: str) -> Screen:
    ctx.office.notices.refuse(read_id(id_), by=ctx.person)
    return ctx.screen(_("It does not go out. Whoever wrote it hears so."))


@router.telling("notice.refused")
def tell_refused(ctx: Ctx, telling: Telling) -> Screen | None:
    if ctx.roles.isdisjoint(WRITERS):
        return None
    title = ctx.office.notices.title(telling.subject)
    return ctx.screen(_("“{title}” was not agreed to. It is a draft again.", title=title),
                      [ctx.button(_("Open"), "notice.open", telling.subject)])  # fmt: skip


@router.telling("notice.waits")
def tell_waits(ctx: Ctx, telling: Telling) -> Screen | None:
    """Nobody has agreed to what is urgent: its author has to do more than wait."""
    notice = ctx.office.notices.find(telling.subject)
    if notice is None or notice.status is not Status.ASKED or notice.mark != telling.data["mark"]:
        return None
    words = _("“{title}”: nobody has agreed for {minutes} minutes, nothing has gone out. Call somebody by phone.",
              title=notice.title, minutes=telling.data["minutes"])  # fmt: skip
    return ctx.screen(words, [ctx.button(_("Open"), "notice.open", notice.id)])


@router.telling("notice.void")
def tell_void(ctx: Ctx, telling: Telling) -> Screen | None:
    if ctx.roles.isdisjoint(WRITERS):
        return None
    title = ctx.office.notices.title(telling.subject)
    words = _("“{title}” has not gone out: it is not what was agreed to. It is a draft again; ask for approval anew.",
              title=title)  # fmt: skip
    return ctx.screen(words, [ctx.button(_("Open"), "notice.open", telling.subject)])


@router.telling("notice.progress")
def tell_progress(ctx: Ctx, telling: Telling) -> Screen | None:
    """For its author: one message, changed in place."""
    notice = ctx.office.notices.find(telling.subject)
    if notice is None or ctx.roles.isdisjoint(EITHER):
        return None
    screen = card(ctx, notice)
    return ctx.screen(screen.text, *screen.rows, silent=telling.silent)


@router.action("notice.show", who=EITHER)
def show(ctx: Ctx, id_: str) -> Screen:
    notice = ctx.office.notices.find(read_id(id_))
    return card(ctx, notice) if notice is not None else listed(ctx, "")


def card(ctx: Ctx, notice: Notice) -> Screen:
    """How it stands: figures by outcome, and what can still be done."""
    lines = [ctx.say(_("Notice “{title}”", title=notice.title)), _state(ctx, notice)]
    rows = []
    if notice.status is Status.ASKED and notice.author != ctx.person.id and not ctx.roles.isdisjoint(APPROVERS):
        rows = _decide(ctx, notice)
    if notice.status in RUNNING:
        rows = [[ctx.button(_("Stop"), "notice.stop", notice.id)]]
    figures = ctx.office.notices.figures(notice)
    is_writer = not ctx.roles.isdisjoint(WRITERS)
    if notice.status not in RUNNING and is_writer and any(figures.get(state) for state in REACHED):
        rows = [[ctx.button(_("Send those a correction"), "notice.correct", notice.id)]]
    return ctx.screen(join(lines), *rows)


def _state(ctx: Ctx, notice: Notice) -> Text:
    """The state, then each figure that is not zero; answers are counted, reading is not."""
    parts = [ctx.say.plain(STATES[notice.status](moment=notice.starts_at))]
    if notice.count is not None:
        parts.append(ctx.say.plain(_("{whom}, {people} people", whom=notices.whom(ctx, notice.audience),
                                     people=f"{notice.count:,}")))  # fmt: skip
    if notice.status not in (Status.ASKED, Status.APPROVED):
        figures = ctx.office.notices.figures(notice)
        parts += [ctx.say.plain(words(count=f"{figures.get(state, 0):,}"))
                  for state, words in FIGURES.items() if figures.get(state) or state in ALWAYS]  # fmt: skip
        if replies := ctx.office.notices.replies(notice):
            parts.append(ctx.say.plain(_("answers {count}", count=replies)))
    return join(parts, " · ")


@router.action("notice.stop", who=EITHER, by_yes=False)
def stop(ctx: Ctx, id_: str) -> Screen:
    """Whoever writes or agrees may stop, whoever wrote it."""
    notice = ctx.office.notices.stop(read_id(id_), by=ctx.person)
    screen = card(ctx, notice)
    words = _("Stopped. What was on its way this very moment still arrives; the figures say how many.")
    return ctx.screen(join([ctx.say(words), screen.text]), *screen.rows)


def stop_mine(ctx: Ctx) -> Screen | None:
    """The word “stop”: the one notice that is going out, or a choice of several; None where there is none."""
    running = [] if ctx.roles.isdisjoint(EITHER) else ctx.office.notices.running()
    if not running:
        return None
    if len(running) == 1:
        return stop(ctx, str(running[0].id))
    return ctx.screen(_("Which one shall stop?"),
                      *([ctx.button(notice.title, "notice.stop", notice.id)] for notice in running))  # fmt: skip


@router.command("notices", who=EITHER, about=_("What became of notices"))
def listed(ctx: Ctx, _rest: str) -> Screen:
    """The last ones with their outcomes."""
    found = ctx.office.notices.listed()
    if not found:
        return ctx.screen(_("No notice has been sent yet. /notice writes one."))
    lines = [join([f"{number} {notice.title}", _state(ctx, notice)]) for number, notice in enumerate(found, 1)]
    rows = [
        [ctx.button(f"{number} {notice.title}", "notice.show", notice.id)] for number, notice in enumerate(found, 1)
    ]
    return ctx.screen(join(lines), *rows)


@router.telling("notice.answered")
def tell_answered(ctx: Ctx, telling: Telling) -> Screen | None:
    """An answer to an urgent notice, for whoever reads them."""
    return pushed(ctx, telling, _("Answer to your urgent notice. Somebody may need help now"))
