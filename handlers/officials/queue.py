"""What waits for an official: the queue, one case as a card, taking it, and the cards that arrive by themselves."""

from datetime import date, datetime

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.screen import Button, Screen
from bot.errors import NotFound
from bot.office.cases.figures import FILTERS
from bot.office.cases.model import Case, Privacy, Status
from bot.office.cases.model import Said as Entered
from bot.office.cases.number import find_numbers
from bot.office.cases.records import Attachment, Entry
from bot.telling import Telling
from bot.text import Text, bold, join, quote
from bot.words import Message, _
from handlers.context import KINDS, MOST_LISTED, WORKERS, Ctx, Router, called, number_in, split_number, words_shown
from handlers.reading import page_of

router = Router("queue", who=WORKERS)

SHOWN = 8  # entries on a card; more are read page by page
LONG = 800  # characters of one entry on a card

ENTRIES = {
    Entered.WORDS: _("Resident"),
    Entered.ADDITION: _("Resident added"),
    Entered.VERSION: _("Resident changed it to"),
    Entered.REPLY: _("Resident replied"),
    Entered.UNSOLVED: _("Resident: not solved"),
    Entered.HARASSED: _("Urgent: somebody makes it hard for them"),
    Entered.PROGRESS: _("Progress told"),
    Entered.CONTACTED: _("Contacted"),
    Entered.QUESTION: _("Asked"),
    Entered.ANSWER: _("Answered"),
    Entered.NOTE: _("Note"),
}
STATUS = {
    Status.RECEIVED: _("new"),
    Status.ACCEPTED: _("accepted"),
    Status.RETURNED: _("declined"),
    Status.DISPATCHED: _("dispatched"),
    Status.OBJECTED: _("objected"),
    Status.IN_PROGRESS: _("in progress"),
    Status.WAITING: _("waiting for the resident"),
    Status.EXTENDED: _("extended"),
    Status.ANSWERED: _("answer being checked"),
    Status.CLOSED: _("closed"),
    Status.REDO: _("redo"),
    Status.LINKED: _("linked"),
    Status.WITHDRAWN: _("withdrawn by the resident"),
    Status.ARCHIVED: _("archived"),
}


FILTER_WORDS = {
    "mine": ("mine", "我的"),
    "department": ("department", "本科室", "本部门", "我科室", "我部门"),
    "unowned": ("unowned", "没人接", "未接"),
    "overdue": ("overdue", "超期"),
}


@router.command("queue", about=_("What waits"))
def queue(ctx: Ctx, rest: str) -> Screen:
    """Everything open in this official's sight, or with a word behind it a part of it."""
    return waiting(ctx, filter_of(rest) or "all")


def filter_of(words: str) -> str | None:
    """The part of the queue that the words name."""
    word = words.strip().casefold()
    return next((only for only, known in FILTER_WORDS.items() if word in known), None)


@router.action("queue")
def pressed_queue(ctx: Ctx) -> Screen:
    return waiting(ctx, "all")


@router.action("queue.only")
def pressed_filter(ctx: Ctx, only: str, first: str = "0") -> Screen:
    return waiting(ctx, only if only in FILTERS else "all", number_in(first, MOST_LISTED))


def waiting(ctx: Ctx, only: str, first: int = 0) -> Screen:
    counts = ctx.office.cases.counts(ctx.person)
    cases, total = ctx.office.cases.queue(ctx.person, only=only, first=first)
    filters = [
        ctx.button(label(count=counts[name]), "queue.only", name)
        for name, label in (("mine", _("Mine ({count})")), ("department", _("My department ({count})")),
                            ("unowned", _("Unassigned ({count})")), ("overdue", _("Overdue ({count})")))
        if name != only and counts[name] and counts[name] != counts["open"]
    ]  # fmt: skip
    if only != "all" and counts["open"]:
        filters.append(ctx.button(_("All"), "queue"))
    if not cases:
        return ctx.screen(_("Nothing waits for you.") if only == "all" else _("None of these."), filters)
    head = _("{open} open: {overdue} overdue, {today} due today, {waiting} waiting for a reply.", **counts)
    lines = [Text() + f"{number} " + _row(ctx, case) for number, case in enumerate(cases, 1)]
    if left := total - first - len(cases):
        lines.append(ctx.say(_("… and {count} more.", count=left)))
        filters.append(ctx.button(_("Next ones"), "queue.only", only, first + len(cases)))
    rows = [[ctx.button(f"{number} {case.number}", "case.card", case.number)] for number, case in enumerate(cases, 1)]
    return ctx.screen(join([ctx.say(head), *lines]), *rows, filters)


@router.command("case", about=_("One case"))
def case_command(ctx: Ctx, rest: str) -> Screen:
    return card(ctx, number_for(ctx, rest))


@router.action("case.card")
def card(ctx: Ctx, number: str) -> Screen:
    """A case with all that was said; the one who brought it stays unnamed here."""
    return card_of(ctx, *ctx.office.cases.work_on(number, ctx.person))


def card_of(ctx: Ctx, case: Case, entries: list[Entry], files: list[Attachment]) -> Screen:
    ctx.subject = case.id
    lines = [heading(ctx, case)]
    if about := ctx.office.notices.title_for(case):
        lines.append(ctx.say(_("Answers the notice “{title}”", title=about)))
    if case.place:
        lines.append(ctx.say(_("Place: {place}", place=quote(case.place))))
    for entry in entries[-SHOWN:]:
        lines.append(ctx.say(_("{kind}, {at}:", kind=ENTRIES[entry.kind], at=_when(ctx, case, entry))))
        lines.append(words_shown(ctx, entry.words, LONG))
    stored = [file for file in files if file.state == "stored"]
    if missing := len(files) - len(stored):
        lines.append(ctx.say(_("{count} files are being fetched or could not be kept.", count=missing)))
    show = [ctx.button(_("Show files ({count})", count=len(stored)), "case.files", case.number)] if stored else []
    if len(entries) > SHOWN or any(len(entry.words) > LONG for entry in entries):
        show.append(ctx.button(_("Everything that was said"), "case.whole", case.number))
    return ctx.screen(join(lines), *_buttons(ctx, case), show)


@router.command("take", about=_("Take a case"))
def take_command(ctx: Ctx, rest: str) -> Screen:
    return take(ctx, number_for(ctx, rest))


@router.action("case.take")
def take(ctx: Ctx, number: str) -> Screen:
    case = ctx.office.cases.take(number, by=ctx.person)
    screen = card_of(ctx, *ctx.office.cases.with_papers(case, ctx.person))
    return Screen(join([ctx.say(_("It is yours now.")), screen.text]), screen.rows)


@router.action("case.whole")
def read_whole(ctx: Ctx, number: str, page: str = "0") -> Screen:
    """Every word of a case, page by page."""
    case, entries, _files = ctx.office.cases.work_on(number, ctx.person)
    ctx.subject = case.id
    parts = [(ctx.say(_("{kind}, {at}:", kind=ENTRIES[entry.kind], at=entry.happened_at)), entry.words)
             for entry in entries]  # fmt: skip
    return page_of(ctx, parts, page, "case.whole", case.number)


@router.hook("said")
def mentioned(ctx: Ctx, said: Said) -> Screens:
    """An official who sends just a number sees the card."""
    if not ctx.person.is_official or said.files:
        return None
    number, rest = split_number(said.text)
    if number is not None and rest:
        screens: Screens = ctx.router.commands["tell"].handler(ctx, f"{number} {rest}")
        return screens
    if len(said.text) > 12:
        return None
    numbers = find_numbers(said.text)
    if not numbers:
        return None
    try:
        return card(ctx, numbers[0])
    except NotFound:
        return None


def _when(ctx: Ctx, case: Case, entry: Entry) -> datetime | date:
    """Of what an anonymous person said there is a day only."""
    if case.privacy is Privacy.ANONYMOUS and entry.author is None:
        return entry.happened_at.astimezone(ctx.office.calendar.zone).date()
    return entry.happened_at


def number_of(rest: str) -> str:
    """The case number in a command's words; raises NotFound."""
    numbers = find_numbers(rest)
    if not numbers:
        raise NotFound("case")
    return numbers[0]


def number_for(ctx: Ctx, rest: str) -> str:
    """The case that a command is about: by its number, by the card it replies to, else the card shown last."""
    if numbers := find_numbers(rest):
        return numbers[0]
    what, address = ctx.event.what, ctx.person.address
    card_of_it = what.reply_to if isinstance(what, Said) else None
    subject = ctx.office.subject_of(address, card_of_it) if card_of_it else ctx.office.last_subject(address)
    case = ctx.office.cases.readable(subject, ctx.person) if subject else None
    if case is None:
        raise NotFound("case.which")
    return case.number


def name_of(ctx: Ctx, official: int) -> str:
    """What colleagues call whoever has a case."""
    return ctx.office.people.name_of(official) or ctx.say.plain(_("A colleague"))


def heading(ctx: Ctx, case: Case) -> Text:
    """Number, kind, state and date: what tells nothing of anybody."""
    facts: list[Message | str] = [KINDS[case.kind], STATUS[case.status]]
    if case.category:
        facts.append(ctx.office.departments.category_name(case.category, ctx.say.language))
    if case.department:
        facts.append(ctx.office.departments.name(case.department, ctx.say.language) or case.department)
    if case.privacy is Privacy.CONFIDENTIAL:
        facts.append(_("confidential: I pass your messages on"))
    if case.privacy is Privacy.ANONYMOUS:
        facts.append(_("anonymous: they read it when they look it up, and hear of nothing"))
    words = " · ".join(ctx.say.plain(fact) for fact in facts)
    return join([bold(case.number) + "  " + words, _due(ctx, case)])


def _due(ctx: Ctx, case: Case) -> Text:
    if not case.is_open:
        return Text()
    if case.is_overdue(ctx.now):
        return ctx.say(_("Overdue since {due}", due=case.due_at))
    return ctx.say(_("Due {due}", due=case.due_at))


def _row(ctx: Ctx, case: Case) -> Text:
    return Text() + case.number + "  " + called(case) + " " + _due(ctx, case)


def _buttons(ctx: Ctx, case: Case) -> list[list[Button]]:
    if case.status is Status.CLOSED:
        again, keep = ctx.button(_("Do it again"), "case.redo", case.number), _("Leave it as it is")
        return [[again, ctx.button(keep, "write.keep", case.number)]]
    if not case.is_open:
        return []
    if ctx.office.cases.offered_to(case, ctx.person) is not None:
        return [
            [ctx.button(_("Take"), "case.take", case.number), ctx.button(_("Decline"), "case.decline", case.number)]
        ]
    guarding = [
        ctx.button(_("Whom it is about"), "sealed.who", case.number),
        ctx.button(_("Step back"), "sealed.recuse", case.number),
    ]
    if case.owner is None:
        first = [ctx.button(_("Take"), "case.take", case.number), ctx.button(_("Answer"), "write.answer", case.number)]
        return [first, guarding] if case.sealed else [first]
    return [
        [
            ctx.button(_("Tell progress"), "write.tell", case.number),
            ctx.button(_("Answer"), "write.answer", case.number),
        ],
        [ctx.button(_("Ask the resident"), "write.ask", case.number), ctx.button(_("Note"), "write.note", case.number)],
        [
            *(guarding if case.sealed else [ctx.button(_("Pass on"), "case.pass", case.number)]),
            ctx.button(_("Was contacted"), "write.contacted", case.number),
            ctx.button(_("Close"), "case.close", case.number),
        ],
    ]


def pushed(ctx: Ctx, telling: Telling, intro: Message) -> Screen | None:
    """A card that arrives by itself; whoever may not work on the case gets nothing."""
    case = ctx.office.cases.workable(telling.subject, ctx.person)
    if case is None:
        return None
    is_offered = ctx.office.cases.offered_to(case, ctx.person) is not None
    shown = ("card", telling.kind, case.id, ctx.say.language, is_offered)  # colleagues see the same
    return ctx.office.alike(shown, lambda: _announced(ctx, case, intro))


def _announced(ctx: Ctx, case: Case, intro: Message) -> Screen:
    screen = card_of(ctx, *ctx.office.cases.with_papers(case, ctx.person))
    return Screen(join([ctx.say(intro), screen.text]), screen.rows)


@router.telling("case.new")
def tell_new(ctx: Ctx, telling: Telling) -> Screen | None:
    return pushed(ctx, telling, _("New"))


@router.telling("case.added")
def tell_added(ctx: Ctx, telling: Telling) -> Screen | None:
    return pushed(ctx, telling, _("The resident added something"))


@router.telling("case.files")
def tell_files(ctx: Ctx, telling: Telling) -> Screen | None:
    """What the resident sent has been fetched and checked: it can be looked at now."""
    case = ctx.office.cases.readable(telling.subject, ctx.person)
    if case is None:
        return None
    files = [file for file in ctx.office.cases.work_on(case.number, ctx.person)[2] if file.state == "stored"]
    words = _("Number {number}: the files are here.", number=case.number)
    return ctx.screen(
        join([ctx.say(words), called(case)]),
        [ctx.button(_("Show files ({count})", count=len(files)), "case.files", case.number)],
    )


@router.telling("case.lost")
def tell_lost(ctx: Ctx, telling: Telling) -> Screen | None:
    """A message about this case did not reach its reader: somebody should call (M31)."""
    return pushed(ctx, telling, _("A message about this case could not be delivered; please reach them another way"))


@router.telling("case.withdrawn")
def tell_withdrawn(ctx: Ctx, telling: Telling) -> Screen | None:
    return pushed(ctx, telling, _("Taken back by the resident"))


@router.telling("case.unsolved")
def tell_unsolved(ctx: Ctx, telling: Telling) -> Screen | None:
    return pushed(ctx, telling, _("The resident says it is not solved; please decide whether it is reopened"))


@router.telling("case.reopened")
def tell_reopened(ctx: Ctx, telling: Telling) -> Screen | None:
    return pushed(ctx, telling, _("To be done again"))
