"""What officials write: every word for a resident is shown first and sent second."""

import hashlib
import re

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.screen import Screen, Shown
from bot.office.cases.model import Case, Outcome, Privacy
from bot.text import clean, join, quote
from bot.words import Message, _
from handlers.context import WORKERS, Ctx, Router, said_with, speaker, split_number
from handlers.officials.queue import card, card_of, number_of

router = Router("writing", who=WORKERS)

_PHONE = re.compile(r"(?<!\d)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)|(?<!\d)0\d{2,3}-\d{7,8}(?!\d)")
MOST_DRAFTS = 10
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
    "tell": _("Type what the resident should know by now. I show it to you before it goes out."),
    "ask": _("Type your question to the resident. I show it to you before it goes out."),
    "answer": _("Type the answer. I show it to you before it goes out."),
    "note": _("Type the note. Only colleagues see it."),
    "close": _("Type the answer. I show it to you before it goes out."),
    "keep": _("Type why it is not done again. I show it to you before it goes out."),
}
DONE = {
    "tell": _("Sent; that counts as first contact. This case still owes an answer."),
    "ask": _("Asked. The reply comes to you here."),
    "answer": _("Answered. The resident is asked whether it is solved."),
    "note": _("Noted; the resident does not see it."),
    "close": _("Answered. The resident is asked whether it is solved."),
    "keep": _("Sent. It stays answered; the resident reads why."),
}


@router.command("take", about=_("Take a case"))
def take_command(ctx: Ctx, rest: str) -> Screen:
    return take(ctx, number_of(rest))


@router.action("case.take")
def take(ctx: Ctx, number: str) -> Screen:
    case = ctx.office.cases.take(number, by=ctx.person)
    screen = card_of(ctx, *ctx.office.cases.with_papers(case, ctx.person))
    return Screen(join([ctx.say(_("It is yours now.")), screen.text]), screen.rows)


@router.command("answer", about=_("Answer a case"))
def answer_command(ctx: Ctx, rest: str) -> Screens:
    return _command(ctx, "answer", rest)


@router.command("tell")
def tell_command(ctx: Ctx, rest: str) -> Screens:
    return _command(ctx, "tell", rest)


@router.command("ask")
def ask_command(ctx: Ctx, rest: str) -> Screens:
    return _command(ctx, "ask", rest)


@router.command("note")
def note_command(ctx: Ctx, rest: str) -> Screens:
    number, words = _split(rest)
    return _send(ctx, number, "note", words, "") if words else write(ctx, "note", number)


@router.command("contacted")
def contacted_command(ctx: Ctx, rest: str) -> Screen:
    number, words = _split(rest)
    ctx.office.cases.contacted(number, words, by=ctx.person)
    return ctx.screen(_("Recorded as contact. This case still owes an answer."))


@router.command("close")
def close_command(ctx: Ctx, rest: str) -> Screens:
    """Closing needs an outcome and words."""
    number, words = _split(rest)
    case, _entries, _files = ctx.office.cases.work_on(number, ctx.person)
    if words:
        _keep(ctx, {"number": case.number, "words": clean(words).strip(), "outcome": "", "way": "close"})
    rows = [[ctx.button(label, "close.as", case.number, outcome.value)] for outcome, label in OUTCOMES.items()]
    return ctx.screen(_("How did it end?"), *rows)


@router.action("close.as", by_yes=False)
def close_as(ctx: Ctx, number: str, outcome: str) -> Screens:
    if outcome not in {known.value for known in OUTCOMES}:
        return card(ctx, number)
    draft = _drafts(ctx).get(number)
    if draft is not None and draft["way"] == "close":
        return preview(ctx, number, "close", draft["words"], outcome)
    return write(ctx, "close", number, outcome)


@router.command("redo")
def redo_command(ctx: Ctx, rest: str) -> Screen:
    return redo(ctx, number_of(rest))


@router.action("case.redo", by_yes=False)
def redo(ctx: Ctx, number: str) -> Screen:
    case = ctx.office.cases.redo(number, by=ctx.person)
    return ctx.screen(_("Number {number} is done again, due {due}. The resident is told.",
                        number=case.number, due=case.due_at))  # fmt: skip


@router.command("keep")
def keep_command(ctx: Ctx, rest: str) -> Screens:
    return _command(ctx, "keep", rest)


@router.action("write.keep")
def write_keep(ctx: Ctx, number: str) -> Screen:
    return write(ctx, "keep", number)


@router.action("write.tell")
def write_tell(ctx: Ctx, number: str) -> Screen:
    return write(ctx, "tell", number)


@router.action("write.ask")
def write_ask(ctx: Ctx, number: str) -> Screen:
    return write(ctx, "ask", number)


@router.action("write.answer")
def write_answer(ctx: Ctx, number: str) -> Screen:
    return write(ctx, "answer", number)


@router.action("write.note")
def write_note(ctx: Ctx, number: str) -> Screen:
    return write(ctx, "note", number)


def write(ctx: Ctx, way: str, number: str, outcome: str = "") -> Screen:
    """Waits for the words; nothing is sent by them alone."""
    case, _entries, _files = ctx.office.cases.work_on(number, ctx.person)
    ctx.expect({"words": {"number": case.number, "way": way, "outcome": outcome}})
    ctx.subject = case.id
    return ctx.screen(
        join([ctx.say(_("Number {number}", number=case.number)), quote(case.title or "…"), ctx.say(ASKS[way])]),
        [ctx.button(_("Leave it"), "write.drop")],
    )


@router.hook("said")
def written(ctx: Ctx, said: Said) -> Screens:
    """The words that were waited for."""
    if not said.text or not ctx.person.is_official:
        return None
    writing: dict[str, str] | None = ctx.expected("words")
    if writing is None:
        return None
    if writing["way"] == "note":
        return _send(ctx, writing["number"], "note", said.text, "")
    return preview(ctx, writing["number"], writing["way"], said.text, writing["outcome"])


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


def preview(ctx: Ctx, number: str, way: str, words: str, outcome: str = "") -> Screen:
    """The exact message, not yet sent. An untouched preview stays a draft."""
    case, _entries, _files = ctx.office.cases.work_on(number, ctx.person)
    ctx.subject = case.id
    words = clean(words).strip()
    mark = _keep(ctx, {"number": case.number, "words": words, "outcome": outcome, "way": way})
    note = ctx.button(_("Note only"), "draft.note", case.number, mark)
    drop = ctx.button(_("Do not send"), "write.drop", case.number)
    if _PHONE.search(words):
        again = ctx.button(_("Change it, then send"), "draft.change", case.number, way or "tell")
        return ctx.screen(_("Not sent. There is a phone number in it; that looks meant for a colleague."),
                          [note, again, drop])  # fmt: skip
    if way != "keep" and case.owner not in (None, ctx.person.id):
        return ctx.screen(_("Not sent. This case belongs to a colleague; you can leave a note."), [note, drop])
    lines = [
        ctx.say(_("Not sent yet. The resident will see:")),
        quote(f"{speaker(ctx, case)}（{case.number}）：{words}"),
    ]
    if said_with(ctx, "").files:
        lines.append(ctx.say(_("The file is not sent along: only words can be sent so far.")))
    if way:
        send = ctx.button(_("Send"), f"draft.{way}", case.number, mark)
        change = ctx.button(_("Change it"), "draft.change", case.number, way)
        return ctx.screen(join(lines), [send, change, drop])
    choices = [
        ctx.button(_("As progress"), "draft.tell", case.number, mark),
        ctx.button(_("As the answer"), "draft.answer", case.number, mark),
    ]
    return ctx.screen(join(lines), choices, [note, drop])


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
    _drafts(ctx).pop(number, None)
    return write(ctx, way if way in ASKS else "tell", number)


@router.action("write.drop")
def drop(ctx: Ctx, number: str = "") -> Screen:
    _drafts(ctx).pop(number, None)
    return ctx.screen(_("Nothing was sent."), [ctx.button(_("To do"), "queue")])


@router.command("send")
def send_command(ctx: Ctx, _rest: str) -> Screens:
    """The word "send" sends the draft as it was shown; one that has not been told what it is gets its buttons again."""
    number = ctx.memory.get("draft", "")
    draft = _drafts(ctx).get(number)
    if draft is None:
        return ctx.screen(_("There is nothing to send."))
    if draft["way"] not in DONE:
        return preview(ctx, number, "", draft["words"])
    return _send_draft(ctx, number, draft["way"], _mark(draft["words"]))


def _may_go_out(ctx: Ctx, number: str, way: str, words: str) -> bool:
    """What the preview checked, once more at the moment of sending."""
    case, _entries, _files = ctx.office.cases.work_on(number, ctx.person)
    return not _PHONE.search(words) and (way == "keep" or case.owner in (None, ctx.person.id))


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
        digest = str(file.digest)
        name = file.name if case.privacy is Privacy.NAMED else ""  # a name may tell who sent it
        screens.append(Screen(ctx.say(warned), files=(Shown(digest, file.kind, name or f"{case.number}-{position}"),)))
    return screens


def _command(ctx: Ctx, way: str, rest: str) -> Screens:
    number, words = _split(rest)
    return preview(ctx, number, way, words) if words else write(ctx, way, number)


def _split(rest: str) -> tuple[str, str]:
    """Case number and words of "/tell N words"."""
    number, words = split_number(rest)
    return number or number_of(rest), words


def _send_draft(ctx: Ctx, number: str, way: str, mark: str) -> Screens:
    """Sends what the pressed preview showed, and only that; an older preview of the case sends nothing."""
    draft = _drafts(ctx).get(number)
    if draft is None or mark != _mark(draft["words"]):
        return ctx.screen(_("That preview is from before. Nothing was sent."), [ctx.button(_("To do"), "queue")])
    if way != "note" and not _may_go_out(ctx, number, way, draft["words"]):
        return preview(ctx, number, way, draft["words"], draft["outcome"])
    _drafts(ctx).pop(number)
    return _send(ctx, number, way, draft["words"], draft["outcome"])


def _drafts(ctx: Ctx) -> dict[str, dict[str, str]]:
    """Previews that nobody has touched yet, by case number."""
    drafts: dict[str, dict[str, str]] = ctx.memory.setdefault("drafts", {})
    return drafts


def _keep(ctx: Ctx, draft: dict[str, str]) -> str:
    """Keeps a draft, the newest last; its mark goes with the buttons that send it."""
    drafts = _drafts(ctx)
    drafts.pop(draft["number"], None)
    drafts[draft["number"]] = draft
    for number in [*drafts][:-MOST_DRAFTS]:
        del drafts[number]
    ctx.memory["draft"] = draft["number"]
    return _mark(draft["words"])


def _mark(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:8]


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
        case "keep":
            case = cases.keep(number, words, by=by)
        case _:
            case = cases.answer(number, words, by=by, outcome=Outcome(outcome) if outcome else None)
    ctx.subject = case.id
    done = DONE[way]
    if case.privacy is Privacy.ANONYMOUS and way != "note":
        done = _("It stands there now. They read it when they look it up; nothing is sent to them.")
    return ctx.screen(done, [ctx.button(_("To do"), "queue")])
