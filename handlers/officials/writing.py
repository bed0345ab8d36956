"""What officials write: every word for a resident is shown first and sent second."""

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.screen import Screen
from bot.errors import MoveNotAllowed
from bot.office.cases.model import Case, Outcome, Privacy, Status
from bot.text import clean, join, quote
from bot.words import Message, _
from handlers.context import WORKERS, Ctx, Router, called, said_with, speaker, split_number
from handlers.officials import day
from handlers.officials.drafts import drafts, keep, mark_of
from handlers.officials.queue import card, number_for
from handlers.officials.wording import clearer, dated, has_phone

router = Router("writing", who=WORKERS)

UNSEEN = ("note", "contacted")  # ways of writing that no resident reads
AWAITED = frozenset(("words", "pass", "decline", "name"))  # what officials are asked to type
TYPED = AWAITED | {"notice", "approve"}
UNKNOWN = _("They do not want to be known: do not ask who they are, for a phone or an address.")
OUTCOMES: dict[Outcome, Message] = {
    Outcome.SOLVED: _("solved"),
    Outcome.PARTLY_SOLVED: _("partly solved"),
    Outcome.EXPLAINED: _("explained"),
    Outcome.ANSWERED: _("question answered"),
    Outcome.ADOPTED: _("adopted"),
    Outcome.NOT_ADOPTED: _("not adopted"),
    Outcome.TRANSFERRED: _("passed on outside"),
}
ASKS = {
    "reply": _("Type what you want to say. I show it to you first, then you choose whether it is the answer."),
    "tell": _("Type what the resident should know by now. I show it to you before it goes out."),
    "ask": _("Type your question to the resident. I show it to you before it goes out."),
    "answer": _("Type the answer. I show it to you before it goes out."),
    "note": _("Type the note. Only colleagues see it."),
    "contacted": _(
        "How did you reach them, and what was said? One sentence for the record; the resident does not see it."
    ),
    "close": _("Type the answer. I show it to you before it goes out."),
    "keep": _("Type why it is not done again. I show it to you before it goes out."),
}
DONE = {
    "tell": _("Sent; that counts as first contact. This case still owes an answer."),
    "ask": _("Asked. The reply comes to you here."),
    "answer": _("Answered. The resident is asked whether it is solved."),
    "note": _("Noted; the resident does not see it."),
    "contacted": _("Recorded as contact. This case still owes an answer."),
    "close": _("Answered. The resident is asked whether it is solved."),
    "keep": _("Sent. It stays answered; the resident reads why."),
}


@router.command("answer", about=_("Answer a case"))
def answer_command(ctx: Ctx, rest: str) -> Screens:
    return typed(ctx, "answer", rest)


@router.command("tell", about=_("Tell progress"))
def tell_command(ctx: Ctx, rest: str) -> Screens:
    return typed(ctx, "tell", rest)


@router.command("ask", about=_("Ask the resident"))
def ask_command(ctx: Ctx, rest: str) -> Screens:
    return typed(ctx, "ask", rest)


@router.command("note", about=_("Note for colleagues"))
def note_command(ctx: Ctx, rest: str) -> Screens:
    number, words = _split(ctx, rest)
    return _send(ctx, number, "note", words, "") if words else write(ctx, "note", number)


@router.command("contacted", about=_("Was contacted"))
def contacted_command(ctx: Ctx, rest: str) -> Screens:
    number, words = _split(ctx, rest)
    return _send(ctx, number, "contacted", words, "") if words else write(ctx, "contacted", number)


@router.command("close", about=_("Answer with an outcome"))
def close_command(ctx: Ctx, rest: str) -> Screens:
    """Closing needs an outcome and words."""
    number, words = _split(ctx, rest)
    case = ctx.office.cases.at_work(number, ctx.person)
    _check_stands(case, "close")
    if words:
        keep(ctx, {"number": case.number, "words": clean(words).strip(), "outcome": "", "way": "close"})
    return outcomes(ctx, case.number)


@router.action("case.close")
def outcomes(ctx: Ctx, number: str) -> Screen:
    case = ctx.office.cases.at_work(number, ctx.person)
    _check_stands(case, "close")
    ctx.subject = case.id
    rows = [[ctx.button(label, "close.as", case.number, outcome.value)] for outcome, label in OUTCOMES.items()]
    return ctx.screen(
        join([ctx.say(_("Number {number}", number=case.number)), called(case), ctx.say(_("How did it end?"))]), *rows
    )


@router.action("close.as", by_yes=False)
def close_as(ctx: Ctx, number: str, outcome: str) -> Screens:
    if outcome not in {known.value for known in OUTCOMES}:
        return card(ctx, number)
    draft = drafts(ctx).get(number)
    if draft is not None and draft["way"] == "close":
        return preview(ctx, number, "close", draft["words"], outcome)
    return write(ctx, "close", number, outcome)


@router.action("write.tell")
def write_tell(ctx: Ctx, number: str) -> Screen:
    return write(ctx, "tell", number)


@router.action("write.reply")
def write_reply(ctx: Ctx, number: str) -> Screen:
    """Words first; whether they are progress or the answer is chosen at the preview."""
    return write(ctx, "reply", number)


@router.action("write.ask")
def write_ask(ctx: Ctx, number: str) -> Screen:
    return write(ctx, "ask", number)


@router.action("write.answer")
def write_answer(ctx: Ctx, number: str) -> Screen:
    return write(ctx, "answer", number)


@router.action("write.contacted")
def write_contacted(ctx: Ctx, number: str) -> Screen:
    return write(ctx, "contacted", number)


@router.action("write.note")
def write_note(ctx: Ctx, number: str) -> Screen:
    return write(ctx, "note", number)


def write(ctx: Ctx, way: str, number: str, outcome: str = "") -> Screen:
    """Waits for the words; nothing is sent by them alone."""
    case = ctx.office.cases.at_work(number, ctx.person)
    _check_stands(case, way)
    ctx.expect({"words": {"number": case.number, "way": way, "outcome": outcome}})
    ctx.subject = case.id
    lines = [ctx.say(_("Number {number}", number=case.number)), quote(case.title or "…"), ctx.say(ASKS[way])]
    if way == "ask" and case.privacy is not Privacy.NAMED:
        lines.append(ctx.say(UNKNOWN))
    return ctx.screen(
        join(lines),
        [ctx.button(_("Leave it"), "write.drop")],
    )


@router.hook("said")
def written(ctx: Ctx, said: Said) -> Screens:
    """The words that were waited for."""
    if not ctx.person.is_official:
        return None
    if not said.text:
        return _words_please(ctx)
    writing: dict[str, str] | None = ctx.expected("words")
    if writing is None:
        return None
    if writing["way"] in UNSEEN:
        return _send(ctx, writing["number"], writing["way"], said.text, "")
    way = "" if writing["way"] == "reply" else writing["way"]
    return preview(ctx, writing["number"], way, said.text, writing["outcome"])


def _words_please(ctx: Ctx) -> Screens:
    """A photo or a voice note where words are waited for: it is no matter of the official's own, and goes nowhere."""
    awaited = ctx.memory.get("expects", {})
    if TYPED.isdisjoint(awaited) or awaited.get("until", 0.0) < ctx.now.timestamp():
        return None
    return ctx.screen(
        _("Only words work here so far: this was neither sent nor kept. Type it, or leave it."),
        [ctx.button(_("Leave it"), "write.drop")] if ctx.person.works_on_cases else [],
    )


@router.hook("quoted")
def quoted(ctx: Ctx, said: Said) -> Screens:
    """A reply to a card sends nothing: it shows what would be sent and asks as what."""
    subject = ctx.office.subject_of(ctx.person.address, said.reply_to or "")
    case = ctx.office.cases.readable(subject, ctx.person) if subject is not None else None
    if case is None or not ctx.person.is_official:
        return None
    if case.id in {own.id for own in ctx.office.cases.mine(ctx.person, at_most=50)}:
        return None  # a resident's own matter, even if an official brought it
    if not said.text:
        return ctx.screen(
            _("Only words can be sent to the resident so far. Reply once more with words; nothing was sent.")
        )
    return preview(ctx, case.number, "", said.text)


def _check_stands(case: Case, way: str) -> None:
    """Whether the case as it stands takes this at all: refused before anybody writes a word or reads a preview."""
    if way == "keep":
        if case.status is not Status.CLOSED:
            raise MoveNotAllowed("case.not_closed", number=case.number)
    elif way != "note" and not case.is_open:
        raise MoveNotAllowed("case.over", number=case.number)


def preview(ctx: Ctx, number: str, way: str, words: str, outcome: str = "") -> Screen:
    """The exact message, not yet sent. An untouched preview stays a draft."""
    case = ctx.office.cases.at_work(number, ctx.person)
    ctx.subject = case.id
    words = clean(words).strip()
    mark = keep(ctx, {"number": case.number, "words": words, "outcome": outcome, "way": way})
    note = ctx.button(_("Note only"), "draft.note", case.number, mark)
    drop = ctx.button(_("Do not send"), "write.drop", case.number)
    if has_phone(words):
        again = ctx.button(_("Change it, then send"), "draft.change", case.number, way or "reply")
        return ctx.screen(_("Not sent. There is a phone number in it; that looks meant for a colleague."),
                          [note, again, drop])  # fmt: skip
    if way == "keep":
        _check_stands(case, way)
    elif not case.is_open:
        return ctx.screen(_("Not sent. This case is over already; you can leave a note."), [note, drop])
    elif case.owner not in (None, ctx.person.id):
        return ctx.screen(_("Not sent. This case belongs to a colleague; you can leave a note."), [note, drop])
    lines = [
        ctx.say(_("Not sent yet. The resident will see:")),
        quote(f"{speaker(ctx, case)}（{case.number}）：{words}"),
    ]
    if way == "ask" and case.privacy is not Privacy.NAMED:
        lines.append(ctx.say(UNKNOWN))
    if outcome:
        lines.append(ctx.say(_("Ends as: {outcome}", outcome=OUTCOMES[Outcome(outcome)])))
    if said_with(ctx, "").files:
        lines.append(ctx.say(_("The file is not sent along: only words can be sent so far.")))
    days = clearer(ctx, words)
    date = [ctx.button(_("Put the date"), "draft.dated", case.number, mark)] if days else []
    if days:
        lines.append(days)
    if way:
        send = ctx.button(_("Send"), f"draft.{way}", case.number, mark)
        change = ctx.button(_("Change it"), "draft.change", case.number, way)
        other = [ctx.button(_("Another outcome"), "case.close", case.number)] if way == "close" else []
        return ctx.screen(join(lines), date, [send, change, drop], other)
    choices = [
        ctx.button(_("As progress"), "draft.tell", case.number, mark),
        ctx.button(_("As the answer"), "draft.answer", case.number, mark),
    ]
    return ctx.screen(join(lines), date, choices, [note, drop])


@router.action("draft.dated", by_yes=False)
def put_dates(ctx: Ctx, number: str, mark: str) -> Screens:
    """“Tomorrow” read tomorrow is another day: the date takes its place, and the preview is shown again."""
    draft = drafts(ctx).get(number)
    if draft is None or mark != mark_of(draft):
        return _of_before(ctx)
    return preview(ctx, number, draft["way"], dated(ctx, draft["words"]), draft["outcome"])


@router.action("draft.tell", by_yes=False)
def send_tell(ctx: Ctx, number: str, mark: str) -> Screens:
    return _send_draft(ctx, number, "tell", mark)


@router.action("draft.ask", by_yes=False)
def send_ask(ctx: Ctx, number: str, mark: str) -> Screens:
    return _send_draft(ctx, number, "ask", mark)


@router.action("draft.answer", by_yes=False)
def send_answer(ctx: Ctx, number: str, mark: str) -> Screens:
    return _send_draft(ctx, number, "answer", mark)


@router.action("draft.close", by_yes=False)
def send_close(ctx: Ctx, number: str, mark: str) -> Screens:
    return _send_draft(ctx, number, "close", mark)


@router.action("draft.keep", by_yes=False)
def send_keep(ctx: Ctx, number: str, mark: str) -> Screens:
    return _send_draft(ctx, number, "keep", mark)


@router.action("draft.note")
def keep_note(ctx: Ctx, number: str, mark: str) -> Screens:
    return _send_draft(ctx, number, "note", mark)


@router.action("draft.change")
def change(ctx: Ctx, number: str, way: str) -> Screen:
    drafts(ctx).pop(number, None)
    return write(ctx, way if way in ASKS else "tell", number)


@router.hook("cancel")
def cancelled(ctx: Ctx) -> Screen | None:
    """The words that were waited for, or the preview they look at: not sent, and not kept for a later “send”."""
    looks_at_it = any(button.action.startswith("draft.") for button in ctx.conversation.choices)
    if not ctx.person.is_official or not (looks_at_it or AWAITED & ctx.awaited.keys()):
        return None
    return drop(ctx, ctx.memory.get("draft", "") if looks_at_it else "")


@router.action("write.drop", by_yes=False)
def drop(ctx: Ctx, number: str = "") -> Screen:
    drafts(ctx).pop(number, None)
    return ctx.screen(_("Nothing was sent."), [ctx.button(_("To do"), "queue")])


@router.command("send")
def send_command(ctx: Ctx, _rest: str) -> Screens:
    """The word "send" sends the draft as it was shown; one that has not been told what it is gets its buttons again."""
    number = ctx.memory.get("draft", "")
    draft = drafts(ctx).get(number)
    if draft is None:
        return ctx.screen(_("There is nothing to send."))
    if draft["way"] not in DONE:
        return preview(ctx, number, "", draft["words"])
    return _send_draft(ctx, number, draft["way"], mark_of(draft))


def _may_go_out(ctx: Ctx, number: str, way: str, words: str) -> bool:
    """What the preview checked, once more at the moment of sending."""
    case = ctx.office.cases.at_work(number, ctx.person)
    return not has_phone(words) and (way == "keep" or case.owner in (None, ctx.person.id))


def typed(ctx: Ctx, way: str, rest: str) -> Screens:
    """A typed command, with or without the words behind it."""
    number, words = _split(ctx, rest)
    return preview(ctx, number, way, words) if words else write(ctx, way, number)


def _split(ctx: Ctx, rest: str) -> tuple[str, str]:
    """Case number and words of "/tell N words"; without a number it is about the card shown last."""
    number, words = split_number(rest)
    return number or number_for(ctx, rest), words


def _send_draft(ctx: Ctx, number: str, way: str, mark: str) -> Screens:
    """Sends what the pressed preview showed, and only that; an older preview of the case sends nothing."""
    draft = drafts(ctx).get(number)
    if draft is None and ctx.memory.get("sent") == f"{number}:{mark}":
        return ctx.screen(_("That was sent already, once."), [ctx.button(_("To do"), "queue")])
    if draft is None or mark != mark_of(draft):
        return _of_before(ctx)
    if way == "close" and not draft["outcome"]:
        return outcomes(ctx, number)
    if way != "note" and not _may_go_out(ctx, number, way, draft["words"]):
        return preview(ctx, number, way, draft["words"], draft["outcome"])
    drafts(ctx).pop(number)
    ctx.memory["sent"] = f"{number}:{mark}"
    return _send(ctx, number, way, draft["words"], draft["outcome"])


def _of_before(ctx: Ctx) -> Screen:
    return ctx.screen(_("That preview is from before. Nothing was sent."), [ctx.button(_("To do"), "queue")])


def _send(ctx: Ctx, number: str, way: str, words: str, outcome: str) -> Screen:
    cases, by = ctx.office.cases, ctx.person
    case: Case
    match way:
        case "tell":
            case = cases.tell(number, words, by=by)
        case "ask":
            case = cases.ask(number, words, by=by)
        case "note":
            case = cases.note(number, words, by=by)
        case "contacted":
            case = cases.contacted(number, words, by=by)
        case "keep":
            case = cases.keep(number, words, by=by)
        case _:
            case = cases.answer(number, words, by=by, outcome=Outcome(outcome) if outcome else None)
    ctx.subject = case.id
    said = DONE[way]
    if case.privacy is Privacy.ANONYMOUS and way != "note":
        said = _("It stands there now. They read it when they look it up; nothing is sent to them.")
    done = ctx.screen(said, [ctx.button(_("To do"), "queue")])
    return done if way in UNSEEN else day.after(ctx, case, done)
