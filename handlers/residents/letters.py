"""A notice as residents read it, and what they answer: every answer is a matter, none is lost (M08)."""

from datetime import datetime

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.screen import Request, Screen
from bot.errors import NotFound
from bot.office.cases.model import Case, Kind
from bot.office.cases.service import Matter
from bot.office.notices.model import Notice
from bot.telling import Telling
from bot.text import Text, join
from bot.words import _
from handlers.context import RESIDENTS, Ctx, Router, concerns_staff, number_in, plain_files, source_of, words_of
from handlers.residents import registration

router = Router("letters", who=RESIDENTS)

DANGER = "notice"  # the emergency text that stands under what is urgent


def letter(ctx: Ctx, notice: Notice, at: datetime) -> Text:
    """The whole message, the same in a preview and when it arrives."""
    day = at.astimezone(ctx.office.calendar.zone).date()
    head = _("{office}, {day}: {words}")
    if notice.corrects is not None:
        head = _("{office}, {day}, correction: {words}")
    if notice.urgent:
        head = _("[Urgent] {office}, {day}: {words}")
        if notice.corrects is not None:
            head = _("[Urgent] {office}, {day}, correction: {words}")
    lines = [ctx.say(head(office=ctx.office.name, day=day, words=notice.words))]
    if notice.urgent:
        emergencies = ctx.office.emergencies
        lines.append(ctx.say(emergencies.words(DANGER, ctx.say.language) if DANGER in emergencies.topics else ""))
        lines.append(ctx.say(_("If you need help, answer this message; somebody is reading.")))
    lines.append(ctx.say(_("No more of these? Reply TD")))
    return join(lines)


@router.telling("notice.letter")
def tell_letter(ctx: Ctx, telling: Telling) -> Screen:
    notice = ctx.office.notices.letter(telling.subject)
    return ctx.screen(letter(ctx, notice, notice.starts_at or ctx.now))


@router.hook("quoted")
def answered(ctx: Ctx, said: Said) -> Screens:
    """An answer to a notice goes on as a matter that names it; to an urgent one it is registered at once.

    A complaint about staff goes its own way: whoever reads the answers may not read it, so nobody would be rung.
    """
    subject = ctx.office.subject_of(ctx.person.address, said.reply_to or "")
    notice = ctx.office.notices.received(subject, ctx.person)
    if notice is None or not ctx.person.has_consented:
        return None
    understood = ctx.office.understand(said.text)
    if understood.talk is not None and not said.files and said.spot is None:
        return None  # thanks and greetings
    if notice.urgent and not concerns_staff(ctx, said.text):
        return _urgent(ctx, notice, said)
    found = understood.matters[0] if len(understood.matters) == 1 else None
    kind = Kind(found.kind) if found is not None and found.kind else Kind.CONSULT
    return registration.begin(ctx, said, kind, found, notice=notice.id)


@router.hook("said")
def more(ctx: Ctx, said: Said) -> Screens:
    """What is said right after an answer to an urgent notice belongs to it, and is heard at once too."""
    waited = ctx.expected("answer")
    notice = ctx.office.notices.received(waited, ctx.person) if waited is not None else None
    if notice is None or concerns_staff(ctx, said.text):
        return None
    return _urgent(ctx, notice, said)


def _urgent(ctx: Ctx, notice: Notice, said: Said) -> Screen:
    """Whoever reads the answers is rung now; the resident may say more, and nothing has to be said twice."""
    mine = ctx.office.cases.open_of(ctx.person)
    known = next((case for case in mine if ctx.office.notices.answered_by(case) == notice.id), None)
    case = _added(ctx, known, said) if known is not None else _registered(ctx, notice, said)
    ctx.office.notices.call_reader(notice, case)
    ctx.subject = case.id
    ctx.expect({"answer": notice.id})
    if known is not None:
        return ctx.screen(_("Passed on at once. Number {number}.", number=case.number))
    lines = [ctx.say(_("Whoever is on duty is being rung now. Number {number}.", number=case.number))]
    if DANGER in ctx.office.emergencies.topics:
        lines.append(ctx.say(ctx.office.emergencies.words(DANGER, ctx.say.language)))
    if said.spot is not None:
        return ctx.screen(join(lines))
    lines.append(ctx.say(_("Where are you? Type it, speak, or send the place.")))
    return ctx.screen(join(lines), [ctx.asks_device(_("Send place"), Request.PLACE)])


def _registered(ctx: Ctx, notice: Notice, said: Said) -> Case:
    source = source_of(ctx)
    matter = Matter(kind=Kind.HELP, words=words_of(said), files=plain_files(ctx, said.files), notice=notice.id,
                    sources=(source,) if source else ())  # fmt: skip
    return ctx.office.cases.register(matter, by=ctx.person, said_at=ctx.event.happened_at)


def _added(ctx: Ctx, case: Case, said: Said) -> Case:
    return ctx.office.cases.add(case.number, words_of(said), plain_files(ctx, said.files), by=ctx.person,
                                source=source_of(ctx), said_at=ctx.event.happened_at)  # fmt: skip


def read_id(text: str) -> int:
    """The id in a button or a typed word; raises NotFound."""
    if not (number := number_in(text)):
        raise NotFound("notice")
    return number
