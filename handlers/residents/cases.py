"""My cases: look, take back, share with family, say whether it was solved; and what residents are told."""

from bot.dialogue.context import Screens, listed
from bot.dialogue.event import Finished, Said
from bot.dialogue.screen import Screen
from bot.errors import NotFound
from bot.office.cases.model import Case, Privacy, Status
from bot.office.cases.model import Said as Entered
from bot.office.cases.number import find_numbers
from bot.telling import Telling
from bot.text import Text, join, quote
from bot.words import Message, _
from handlers.context import (
    MOST_LISTED,
    RESIDENTS,
    STATES,
    Ctx,
    Router,
    called,
    excerpt,
    my_cases_button,
    number_in,
    promised,
    speaker,
    verdict_buttons,
)
from handlers.reading import page_of
from handlers.residents import additions, privacy

router = Router("cases", who=RESIDENTS)

SHARED_LATELY = 3600.0  # seconds
LISTED = 8  # cases at a time
_FROM_OFFICE = frozenset((Entered.PROGRESS, Entered.ANSWER, Entered.QUESTION))
_UNSOLVED = ("没解决", "没有解决", "没修好", "not solved", "unsolved")
_SOLVED = ("解决了", "修好了", "solved")


@router.command("cases", about=_("My cases"))
def my_cases(ctx: Ctx, _rest: str) -> Screen:
    return _listed(ctx, 0)


@router.action("cases")
def pressed_my_cases(ctx: Ctx, first: str = "0") -> Screen:
    return _listed(ctx, number_in(first, MOST_LISTED))


def _listed(ctx: Ctx, first: int) -> Screen:
    """Some of the cases, the newest first, and the way to the others."""
    cases = ctx.office.cases.mine(ctx.person, at_most=first + LISTED + 1)[first:]
    if not cases:
        return ctx.screen(_("You have no cases here yet. Whatever it is, just write, speak or send a photo."))
    there = cases[:LISTED]
    lines = [Text() + f"{number} " + _line(ctx, case) for number, case in enumerate(there, 1)]
    rows = [[ctx.button(f"{number} {case.title[:14] or case.number}", "case.show", case.number)]
            for number, case in enumerate(there, 1)]  # fmt: skip
    older = [ctx.button(_("Older ones"), "cases", first + LISTED)] if len(cases) > LISTED else []
    return ctx.screen(join([ctx.say(_("Your cases:")), *lines]), *rows, older)


@router.action("case.show")
def show(ctx: Ctx, number: str) -> Screen:
    case = ctx.office.cases.find(number, ctx.person)
    ctx.subject = case.id
    lines = [called(case), ctx.say(_("Number {number}: {state}.", number=case.number, state=STATES[case.status]))]
    if case.is_open:
        lines.append(ctx.say(_("Answer by {due} at the latest.", due=promised(case))))
    story = ctx.office.cases.story(case, ctx.person)
    for entry in [entry for entry in story if entry.kind in _FROM_OFFICE][-3:]:
        lines.append(ctx.say(_("{who} on {day}:", who=speaker(ctx, case), day=ctx.say.day(entry.happened_at))))
        lines.append(excerpt(entry.words))
    if missing := _files_missing(ctx, case):
        lines.append(ctx.say(missing))
    buttons = [ctx.button(_("Add something"), "case.more", case.number)]
    is_own = ctx.office.cases.brought_by(case, ctx.person)
    if case.is_open and is_own:
        buttons.append(ctx.button(_("Take it back"), "case.withdraw", case.number))
    hard = [ctx.button(_("Somebody makes it hard for me"), "sealed.hard", case.number)] if case.sealed else []
    verdict = verdict_buttons(ctx, case) if case.status is Status.CLOSED and is_own else []
    whole = ctx.button(_("Everything that was said"), "case.read", case.number)
    return ctx.screen(join(lines), verdict, buttons, hard, [whole, my_cases_button(ctx)])


@router.action("case.read")
def read_whole(ctx: Ctx, number: str, page: str = "0") -> Screen:
    """Every word, page by page."""
    case = ctx.office.cases.find(number, ctx.person)
    ctx.subject = case.id
    parts: list[tuple[Text, str]] = []
    for entry in ctx.office.cases.story(case, ctx.person):
        who = speaker(ctx, case) if entry.kind in _FROM_OFFICE else ctx.say.plain(_("You"))
        parts.append((ctx.say(_("{who} on {day}:", who=who, day=ctx.say.day(entry.happened_at))), entry.words))
    return page_of(ctx, parts, page, "case.read", case.number)


def _files_missing(ctx: Ctx, case: Case) -> Message | None:
    """What a push would have told; of a confidential case a push tells nothing."""
    if case.privacy is not Privacy.CONFIDENTIAL:
        return None
    _case, _entries, files = ctx.office.cases.with_papers(case, ctx.person)
    count = sum(file.state in ("lost", "refused") for file in files)
    words = _("{count} of your files did not come through; please send them once more.", count=count)
    return words if count else None


@router.hook("said")
def said_more(ctx: Ctx, said: Said) -> Screens:
    """Words that were waited for, or words after a question about being solved."""
    adding = ctx.expected("add")
    return additions.added(ctx, adding, said) if adding is not None else verdict_in_words(ctx, said.text)


@router.action("case.share")
def share(ctx: Ctx, number: str) -> Screen:
    """A code for the family. One that was made a moment ago would end by a new one: that is asked first."""
    if ctx.now.timestamp() - ctx.memory.get("shared", {}).get(number, 0.0) < SHARED_LATELY:
        return ctx.screen(
            _("You have a code for this already. A new one ends the old one. Make a new one?"),
            [ctx.button(_("Yes, a new one"), "case.share_anew", number), ctx.button(_("No, keep the old one"), "menu")],
        )
    return share_anew(ctx, number)


@router.action("case.share_anew", by_yes=False)
def share_anew(ctx: Ctx, number: str) -> Screen:
    ctx.memory["shared"] = {number: ctx.now.timestamp()}
    code = ctx.office.cases.share(number, by=ctx.person)
    spaced = f"{code[:3]} {code[3:]}"
    return ctx.screen(
        _("Pass this on to your family; they send it to me: check {number} {code}\n"
          "Whoever has both can see how it stands, not who you are.", number=number, code=spaced)
    )  # fmt: skip


@router.hook("quoted")
def quoted(ctx: Ctx, said: Said) -> Screens:
    """A reply to one of our messages about a case of theirs goes into that case."""
    subject = ctx.office.subject_of(ctx.person.address, said.reply_to or "")
    if subject is None:
        return None
    mine = next((case for case in ctx.office.cases.mine(ctx.person, at_most=50) if case.id == subject), None)
    if mine is None:
        return None
    return verdict_in_words(ctx, said.text, mine) or additions.added(ctx, mine.number, said)


@router.command("withdraw")
def withdraw(ctx: Ctx, rest: str) -> Screens:
    number = next(iter(find_numbers(rest)), None)
    if number is not None:
        return ask_withdraw(ctx, number)
    cases = ctx.office.cases.open_of(ctx.person)
    if not cases:
        return ctx.screen(_("There is nothing open to take back."))
    return ctx.screen(_("Which one?"), *([ctx.button(case.title[:16] or case.number, "case.withdraw", case.number)]
                                         for case in cases))  # fmt: skip


@router.action("case.withdraw")
def ask_withdraw(ctx: Ctx, number: str) -> Screen:
    case = ctx.office.cases.find(number, ctx.person)
    return ctx.screen(
        join([ctx.say(_("Take this back? Then nobody works on it any more.")), called(case)]),
        [ctx.button(_("Yes, take it back"), "case.withdrawn", case.number), ctx.button(_("No, leave it"), "menu")],
    )


@router.action("case.withdrawn", by_yes=False)
def withdrawn(ctx: Ctx, number: str) -> Screen:
    case = ctx.office.cases.withdraw(number, by=ctx.person)
    return ctx.screen(_("Number {number} is taken back. You can bring it again at any time.", number=case.number))


@router.action("case.solved")
def solved(ctx: Ctx, number: str) -> Screen:
    ctx.office.cases.solved(number, by=ctx.person)
    return ctx.screen(_("Good. Thank you for telling us."))


@router.action("case.unsolved")
def unsolved(ctx: Ctx, number: str, *_more: str) -> Screen:
    return _unsolved(ctx, number, "")


@router.action("case.unseen")
def unseen(ctx: Ctx, number: str) -> Screen:
    return ctx.screen(_("No hurry. Have a look, then write “solved” or “not solved”."))


def _unsolved(ctx: Ctx, number: str, words: str) -> Screen:
    case, by = ctx.office.cases.unsolved(number, words, by=ctx.person, said_at=ctx.event.happened_at)
    ctx.subject = case.id
    ctx.expect({"add": number})
    return ctx.screen(
        _("I am sorry. This is not over: it goes to the supervisor to decide whether it is reopened, and you hear by "
          "{by}.\nNo need to say it all again; a photo can be sent right here.", by=by),
        [ctx.button(_("Add a photo"), "case.more", number), ctx.button(_("A person"), "human")],
    )  # fmt: skip


def verdict_in_words(ctx: Ctx, text: str, of: Case | None = None) -> Screens:
    """ "Not solved, it went out again", typed after the question."""
    plain = text.strip().casefold()
    is_no = plain.startswith(_UNSOLVED)
    if not is_no and plain.rstrip("。!！.") not in _SOLVED:
        return None
    case = of if of is not None else ctx.office.cases.awaiting_verdict(ctx.person)
    if case is None or case.status is not Status.CLOSED:
        return None
    if not is_no:
        return solved(ctx, case.number)
    if case.privacy is Privacy.CONFIDENTIAL and privacy.seen(text) is not None:
        return [_unsolved(ctx, case.number, ""), *listed(additions.look_twice(ctx, case, Said(text.strip())))]
    return _unsolved(ctx, case.number, text.strip())


def _line(ctx: Ctx, case: Case) -> Text:
    words = _("{number} {state}", number=case.number, state=STATES[case.status])
    if case.is_open:
        words = _("{number} {state}, by {due}", number=case.number, state=STATES[case.status], due=promised(case))
    return called(case) + "\n" + ctx.say(words)


@router.job("file.fetch")
def file_fetched(ctx: Ctx, finished: Finished) -> None:
    """A file was stored, refused or lost."""
    ctx.office.cases.file_settled(finished.subject, finished.result)


def _told(ctx: Ctx, telling: Telling) -> Case:
    case = ctx.office.cases.readable(telling.subject, ctx.person)
    if case is None:
        raise NotFound("case")
    return case


@router.telling("case.taken")
def tell_taken(ctx: Ctx, telling: Telling) -> Screen:
    case = _told(ctx, telling)
    words = _("{who} is on it. Answer by {due} at the latest.", who=speaker(ctx, case), due=promised(case))
    return ctx.screen(join([called(case), ctx.say(words)]), silent=telling.silent)


@router.telling("case.progress")
def tell_progress(ctx: Ctx, telling: Telling) -> Screen | None:
    return _spoken(ctx, telling, _("{who} says:"), _("I have something to say"))


@router.telling("case.question")
def tell_question(ctx: Ctx, telling: Telling) -> Screen | None:
    return _spoken(ctx, telling, _("{who} asks:"), _("Reply"))


def _spoken(ctx: Ctx, telling: Telling, intro: Message, label: Message) -> Screen | None:
    case = _told(ctx, telling)
    entry = ctx.office.cases.entry(int(telling.data["entry"]), case, ctx.person)
    if entry is None:
        return None
    return ctx.screen(
        join([called(case), ctx.say(intro(who=speaker(ctx, case))), quote(entry.words)]),
        [ctx.button(label, "case.more", case.number)],
        silent=telling.silent,
    )


@router.telling("case.answered")
def tell_answered(ctx: Ctx, telling: Telling) -> Screen | None:
    """The answer, and whether it was solved."""
    case = _told(ctx, telling)
    entry = ctx.office.cases.entry(int(telling.data["entry"]), case, ctx.person)
    if entry is None:
        return None
    lines = [
        called(case),
        ctx.say(_("There is an answer. {who} says:", who=speaker(ctx, case))),
        quote(entry.words),
    ]
    if not ctx.office.cases.brought_by(case, ctx.person):
        return ctx.screen(join(lines), silent=telling.silent)
    lines.append(ctx.say(_("Is it solved?")))
    return ctx.screen(join(lines), verdict_buttons(ctx, case), silent=telling.silent)


@router.telling("case.redo")
def tell_redo(ctx: Ctx, telling: Telling) -> Screen:
    case = _told(ctx, telling)
    words = _("It is being done again. You get an answer by {due} at the latest.", due=promised(case))
    return ctx.screen(join([called(case), ctx.say(words)]), silent=telling.silent)


@router.telling("case.kept")
def tell_kept(ctx: Ctx, telling: Telling) -> Screen | None:
    """Not done again: why, and where else one can turn."""
    case = _told(ctx, telling)
    entry = ctx.office.cases.entry(int(telling.data["entry"]), case, ctx.person)
    if entry is None:
        return None
    lines = [called(case), ctx.say(_("It was looked at again and stays as it is. The reason:")), quote(entry.words)]
    if ctx.office.outside_phone.strip():
        lines.append(ctx.say(_("If you do not agree, you can also call {phone}.", phone=ctx.office.outside_phone)))
    return ctx.screen(join(lines), [ctx.button(_("Add something"), "case.more", case.number)], silent=telling.silent)


@router.telling("case.file_missing")
def tell_file_missing(ctx: Ctx, telling: Telling) -> Screen:
    """Files of one message that did not come through are said, with the way out; `lost` counts them by reason."""
    case = _told(ctx, telling)
    reasons = {
        "too_large": _(
            "A file you sent is larger than 20 MB and could not be kept. A smaller one, or a photo of it, works."
        ),
        "heic": _("Photos of this kind (HEIC) cannot be kept. Please send it as an ordinary photo."),
        "gone": _("A file you sent could not be fetched any more. Please send it once more."),
        "full": _(
            "One matter holds {most} photos and files, and this one is full: what came after is not in it. If there is "
            "more that counts, bring it to the office, or ask for a person.",
            most=telling.data.get("most", ""),
        ),
        "no_room": _(
            "We have no room for photos, voice notes and files just now: the one you sent could not be kept, your "
            "words are. Please type what counts, or ask for a person; or send it again tomorrow."
        ),
    }
    other = _("A file you sent is of a kind that is not taken. A photo works.")
    lost: dict[str, int] = telling.data["lost"]
    lines = [called(case)]
    if (count := sum(lost.values())) > 1:
        lines.append(ctx.say(_("{count} files did not come through.", count=count)))
    said = {words.id: words for words in (reasons.get(reason, other) for reason in lost)}
    lines += [ctx.say(words) for words in said.values()]
    buttons = [] if lost.keys() == {"full"} else [ctx.button(_("Send it again"), "case.more", case.number)]
    if not lost.keys().isdisjoint(("full", "no_room")):
        buttons.append(ctx.button(_("A person"), "human"))
    return ctx.screen(join(lines), buttons)
