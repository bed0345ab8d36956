"""A person's own data: seen as one file, and forgotten for good (threat T16; 个人信息保护法 §45, §47)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.dialogue.conversation import Conversation
from bot.dialogue.event import Finished
from bot.dialogue.screen import Screen, Shown
from bot.office.cases.model import Said as Entered
from bot.office.cases.records import Attachment
from bot.office.holdings import HeldCase, Holdings
from bot.office.office import House
from bot.telling import Lane, Telling
from bot.text import join
from bot.words import Message, Translator, _
from handlers.context import KINDS, RESIDENTS, STATES, Ctx, Router, called

router = Router("own data", who=RESIDENTS)

SURE_FOR = 600.0  # seconds between the first button and the second
DELETE_ALL = _("Delete it all")

ASKED = _("(deleted at this person’s request)")
TERM = _("(deleted after its term)")
SAID = {
    Entered.WORDS: _("You said"),
    Entered.ADDITION: _("You added"),
    Entered.VERSION: _("You changed it to"),
    Entered.REPLY: _("You replied"),
    Entered.UNSOLVED: _("You said it is not solved"),
    Entered.HARASSED: _("You said that somebody makes it hard for you"),
    Entered.PROGRESS: _("We told you"),
    Entered.QUESTION: _("We asked you"),
    Entered.ANSWER: _("We answered"),
}
FILES = {
    "photo": _("photo"),
    "voice": _("voice note"),
    "video": _("video"),
    "document": _("document"),
}
PLATFORMS = {"web": _("the web chat"), "telegram": _("Telegram")}


def mark(ctx: Ctx, words: Message = ASKED) -> str:
    """What stands where somebody's words stood, in the office's own language."""
    return ctx.office.speak(ctx.office.house.language).plain(words)


# --- seeing it ---


@router.command("mydata", about=_("What is kept of me"))
def my_data(ctx: Ctx, _rest: str) -> Screen:
    """The file is made outside and comes by itself; nothing waits for it."""
    ctx.office.collect_data(ctx.person)
    return ctx.screen(_("I am putting together what is kept of you. It comes here as a file in a moment."))


@router.action("mydata")
def pressed_my_data(ctx: Ctx) -> Screen:
    return my_data(ctx, "")


@router.job("mydata")
def collected(ctx: Ctx, finished: Finished) -> None:
    person = ctx.office.people.find([finished.subject]).get(finished.subject)
    digest = finished.result.get("digest")
    if digest is not None:
        ctx.office.keep_copy(str(digest), person)
    if person is not None:
        ctx.office.tell(Telling(kind="mydata.ready", subject=0, recipient=person.id, address=person.address,
                                key=f"mydata:{ctx.arrival.id}", data={"digest": digest}))  # fmt: skip


@router.telling("mydata.ready")
def tell_ready(ctx: Ctx, telling: Telling) -> Screen:
    digest = telling.data["digest"]
    if digest is None:
        return ctx.screen(_("I could not put it together just now. Please ask once more: /mydata"))
    words = _("This is all that is kept of you. Only you get it; after 24 hours the file is deleted here.")
    name = ctx.say.plain(_("my-data")) + ".txt"
    return Screen(ctx.say(words), files=(Shown(str(digest), "document", name),))


def written(held: Holdings, unregistered: Sequence[str], house: House, at: datetime) -> str:
    """The file's text, readable from top to bottom."""
    say = house.words.speak(held.language)
    return "\n".join(say.plain(line) for line in _lines(held, unregistered, house, say, at)) + "\n"


def _lines(
    held: Holdings, unregistered: Sequence[str], house: House, say: Translator, at: datetime
) -> Iterator[Message | str]:
    yield _("What {office} keeps of you, as of {at}", office=house.name, at=at)
    yield ""
    yield _("You have been here since {day}.", day=held.since)
    if held.consent and held.consent_at is not None:
        yield _("You agreed on {day} that we deal with what you say.", day=held.consent_at)
    else:
        yield _("You have not agreed that anything is registered.")
    yield _("Language: {language}", language=held.language or house.language)
    names = {channel: PLATFORMS.get(channel.partition(":")[0], channel.partition(":")[0]) for channel in held.channels}
    for name in names.values():
        yield _("We reach you through: {platform} (how exactly is kept sealed)", platform=name)
    for subscription in held.subscriptions:
        yield _("You get notices about: {what}", what=subscription)
    for words in unregistered:
        yield ""
        yield _("Said, not registered yet:")
        yield words
    for case in held.cases:
        yield ""
        yield from _case_lines(case)
    if not held.cases:
        yield _("You have brought no cases.")
    yield ""
    yield _("A case loses your words, your files and your name {days} days after its end. To have all of it deleted "
            "now, write: delete my data", days=house.retention.cases)  # fmt: skip


def _case_lines(held: HeldCase) -> Iterator[Message | str]:
    case = held.case
    facts = {"number": case.number, "kind": KINDS[case.kind], "state": STATES[case.status]}
    if held.is_own:
        yield _("Number {number}, {kind}: {state}", **facts)
        if case.place:
            yield _("Place: {place}", place=case.place)
    else:
        yield _("Number {number}, brought by somebody else and followed by you: {state}", **facts)
    yield _("Received {day}, promised by {due}", day=case.received_at, due=case.due_at)
    files = {entry.id: [file for file in held.files if file.entry == entry.id] for entry in held.entries}
    for entry in held.entries:
        yield _("{who}, {at}:", who=SAID[entry.kind], at=entry.happened_at)
        if entry.words:
            yield entry.words
        for file in files[entry.id]:
            yield _file_line(file)


def _file_line(file: Attachment) -> Message:
    kind = FILES.get(file.kind, FILES["document"])
    return _("With it: {kind} {name}", kind=kind, name=file.name) if file.name else _("With it: {kind}", kind=kind)


# --- having it deleted ---


@router.command("forget", about=_("Delete my data"))
def forget(ctx: Ctx, _rest: str) -> Screen:
    """What goes and what stays, in plain words; nothing is deleted by this."""
    ctx.memory.pop("forgets", None)
    open_cases = ctx.office.cases.open_brought(ctx.person)
    lines = [
        ctx.say(_("I can delete your data. Gone for good: what you said, your photos and voice notes, how we reach "
                  "you, our talk here.")),
        ctx.say(_("What stays is a case’s number, kind, dates and our answer, without you and without your words.")),
    ]  # fmt: skip
    if ctx.person.is_official:
        lines.append(ctx.say(_("What you did here as an official is the office’s record and stays, and so does your "
                               "access. Only what is yours as a resident goes.")))  # fmt: skip
    if open_cases:
        lines.append(ctx.say(_("{count} of your cases have no answer yet:", count=len(open_cases))))
        lines += [called(case) for case in open_cases[:5]]
        lines.append(ctx.say(_("Either you wait for the answer first, or they are taken back and nobody works on them "
                               "any more.")))  # fmt: skip
        first = ctx.button(_("Take back and delete"), "forget.sure")
        return ctx.screen(join(lines), [ctx.button(_("Wait for the answer"), "forget.wait")], [first])
    return ctx.screen(
        join(lines), [ctx.button(_("Delete my data"), "forget.sure")], [ctx.button(_("No, keep it"), "forget.no")]
    )


@router.action("forget", by_yes=False)
def pressed_forget(ctx: Ctx) -> Screen:
    return forget(ctx, "")


@router.action("forget.wait")
def wait(ctx: Ctx) -> Screen:
    return ctx.screen(_("All right, nothing is deleted. When you have your answer, write: delete my data"))


@router.action("forget.no")
def no(ctx: Ctx) -> Screen:
    ctx.memory.pop("forgets", None)
    return ctx.screen(_("All right, nothing is deleted."))


@router.action("forget.sure", by_yes=False)
def sure(ctx: Ctx) -> Screen:
    """The second question: only its own button or its own words are an answer to it."""
    ctx.memory["forgets"] = {"at": ctx.now.timestamp(), "open": _open_numbers(ctx)}
    return ctx.screen(
        _("Really everything? It cannot be brought back. Press the button or type: {words}", words=DELETE_ALL),
        [ctx.button(_("No, keep it"), "forget.no")],
        [ctx.button(DELETE_ALL, "forget.now")],
    )


@router.action("forget.now", by_yes=False)
def now(ctx: Ctx) -> Screen:
    """Deleted, if the first question was answered a moment ago about these very cases; else it is explained again."""
    asked = ctx.memory.pop("forgets", {})
    is_fresh = ctx.now.timestamp() - asked.get("at", 0.0) <= SURE_FOR
    if not is_fresh or asked["open"] != _open_numbers(ctx):
        return forget(ctx, "")
    return _erased(ctx)


def _erased(ctx: Ctx) -> Screen:
    """From here on the chat is a stranger's. Wrong look-ups of the last hour go on counting, and nothing else stays."""
    hour_ago = (ctx.now - timedelta(hours=1)).timestamp()
    misses = [at for at in ctx.memory.get("misses", []) if at > hour_ago]
    ctx.office.erase(ctx.person, mark=mark(ctx), event=ctx.arrival.id, lane=ctx.arrival.lane, misses=bool(misses))
    talk, blank = ctx.conversation, Conversation(revision=ctx.conversation.revision)
    for name in Conversation.__struct_fields__:
        setattr(talk, name, getattr(blank, name))
    if misses:
        ctx.memory["misses"] = misses
    ctx.person = replace(ctx.person, consent=0)
    return ctx.screen(_("I am deleting it now. When it is done I tell you, and that is my last message."))


def _open_numbers(ctx: Ctx) -> list[str]:
    return sorted(case.number for case in ctx.office.cases.open_brought(ctx.person))


@router.job("talk.clear")
def talk_cleared(ctx: Ctx, finished: Finished) -> None:
    """The talk is gone wherever we keep it: the last message may go out."""
    person = ctx.office.people.find([finished.subject]).get(finished.subject)
    if person is not None and "farewell" in finished.result:
        ctx.office.tell(Telling(kind="forgotten", subject=0, recipient=person.id, address=finished.result["address"],
                                key=finished.result["farewell"], lane=Lane.INTERACTIVE))  # fmt: skip


@router.telling("forgotten")
def tell_forgotten(ctx: Ctx, _telling: Telling) -> Screen:
    if ctx.person.is_official:
        return ctx.screen(_("Deleted: what was yours as a resident. What you did as an official stays on record."))
    return ctx.screen(
        _("Deleted. I do not know you any more; if you ever write again, we begin anew. What your own phone and the "
          "platform keep of our talk, please delete there.")
    )  # fmt: skip


@router.telling("case.erased")
def tell_erased(ctx: Ctx, telling: Telling) -> Screen | None:
    """Somebody else's message about a case was taken back, because it held the words of whoever left."""
    case = ctx.office.cases.readable(telling.subject, ctx.person)
    if case is None:
        return None
    return ctx.screen(
        _("Number {number}: whoever brought it had their data deleted, words and files too. Number, dates and answer "
          "stay.", number=case.number)
    )  # fmt: skip
