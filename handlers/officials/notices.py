"""Writing a notice: the words, then when, to whom, and who reads the answers; nothing goes out from here."""

import re

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.screen import Button, Screen
from bot.office.notices.model import Audience, Notice
from bot.office.notices.service import WRITERS
from bot.office.people.model import Person
from bot.text import Text, join, quote
from bot.words import Message, _
from handlers.context import Ctx, Router, said_with
from handlers.officials.roles import NAMES
from handlers.residents.letters import letter, read_id

router = Router("notices", who=WRITERS)

_SPOKEN = re.compile(r"(?:通知|notice)[\s:：,，]+(?=\S)", re.I)
MOST_READERS = 8


@router.command("notice", about=_("Write to many"))
def notice_command(ctx: Ctx, rest: str) -> Screens:
    if rest:
        return _drafted(ctx, said_with(ctx, rest))
    drafts = ctx.office.notices.drafts(ctx.person)
    ctx.expect({"notice": {}})
    rows = [[ctx.button(_("Go on: {title}", title=draft.title), "notice.open", draft.id)] for draft in drafts]
    return ctx.screen(_("Type the notice. I show it to you before anything goes out."), *rows)


@router.hook("said")
def written(ctx: Ctx, said: Said) -> Screens:
    """“通知 …” from whoever may write notices, or the words that were waited for."""
    if ctx.roles.isdisjoint(WRITERS) or not said.text:
        return None
    waited = ctx.expected("notice")
    if waited is not None:
        if "change" in waited:
            return _next(ctx, ctx.office.notices.reword(waited["change"], said.text, by=ctx.person))
        return _drafted(ctx, said, corrects=waited.get("corrects"))
    spoken = _SPOKEN.match(said.text)
    if spoken is None:
        return None
    return _drafted(ctx, Said(said.text[spoken.end() :], said.files))


def _drafted(ctx: Ctx, said: Said, corrects: int | None = None) -> Screens:
    notice = ctx.office.notices.draft(said.text, by=ctx.person, corrects=corrects)
    shown = _next(ctx, notice)
    if said.files:
        return [ctx.screen(_("The file is not sent along: only words can be sent so far.")), shown]
    return shown


@router.action("notice.open")
def open_(ctx: Ctx, id_: str) -> Screen:
    return _next(ctx, _own(ctx, id_))


def _next(ctx: Ctx, notice: Notice) -> Screen:
    """What has to be decided next; in the end the preview."""
    if not notice.is_editable:
        return ctx.screen(_("It is agreed to already. /notices shows how it stands."))
    if notice.urgent is None:
        if ctx.office.calendar.quiet_until(ctx.now) is not None:
            return _ask_when(ctx, notice)
        notice = ctx.office.notices.set_urgent(notice.id, False, by=ctx.person)
    if not notice.audience:
        return _ask_whom(ctx, notice)
    if named := ctx.office.notices.wider(notice):
        return _ask_wider(ctx, notice, named)
    if notice.urgent and notice.reader is None:
        return _ask_reader(ctx, notice)
    return _preview(ctx, notice)


def _ask_when(ctx: Ctx, notice: Notice) -> Screen:
    morning = ctx.office.calendar.quiet_until(ctx.now)
    assert morning is not None
    return ctx.screen(
        _("It is {hour}. From 21:30 to 8:00 residents are left in peace; only what is urgent goes out. This is:",
          hour=ctx.say.hour(ctx.now)),
        [ctx.button(_("Urgent, tonight"), "notice.urgent", notice.id)],
        [ctx.button(_("Not urgent: {moment}", moment=morning), "notice.calm", notice.id)],
        [ctx.button(_("Keep as a draft"), "notice.keep", notice.id)],
    )  # fmt: skip


@router.action("notice.urgent", by_yes=False)
def urgent(ctx: Ctx, id_: str) -> Screen:
    return _next(ctx, ctx.office.notices.set_urgent(_own(ctx, id_).id, True, by=ctx.person))


@router.action("notice.calm", by_yes=False)
def calm(ctx: Ctx, id_: str) -> Screen:
    return _next(ctx, ctx.office.notices.set_urgent(_own(ctx, id_).id, False, by=ctx.person))


@router.action("notice.whom")
def ask_whom(ctx: Ctx, id_: str) -> Screen:
    return _ask_whom(ctx, _own(ctx, id_))


def _ask_whom(ctx: Ctx, notice: Notice, *, in_place: bool = False) -> Screen:
    """Every choice with its count, none of them made; areas and topics add up."""
    notices, language, chosen = ctx.office.notices, ctx.say.language, notice.audience
    is_urgent = bool(notice.urgent)
    areas, topics = notices.followers(urgent=is_urgent)
    everybody = notices.reach(Audience(whole=True), urgent=is_urgent).people
    rows = [[ctx.button(_labelled(ctx, whom(ctx, Audience(whole=True)), everybody), "notice.all", notice.id)]]
    directory = notices.directory
    groups = [
        (slug, notices.reach(Audience(areas=directory.parts(slug)), urgent=is_urgent).people, directory.parts(slug))
        for slug in directory.groups
    ]
    singles = [(slug, areas[slug], (slug,)) for slug in directory.areas]
    buttons = [
        _toggle(ctx, directory.area_name(slug, language), count, set(parts) <= set(chosen.areas),
                "notice.area", notice.id, slug)
        for slug, count, parts in (*groups, *singles)
    ]  # fmt: skip
    buttons += [
        _toggle(ctx, name, topics[slug], slug in chosen.topics, "notice.topic", notice.id, slug)
        for slug, name in ctx.office.topics(language).items()
    ]
    rows += [buttons[start : start + 2] for start in range(0, len(buttons), 2)]
    if chosen.areas or chosen.topics:
        people = notices.reach(chosen, urgent=is_urgent).people
        rows.append([ctx.button(_("These: {people} people", people=f"{people:,}"), "notice.open", notice.id)])
    return ctx.screen(_("To whom? I choose nothing for you."), *rows, in_place=in_place)


@router.action("notice.all", by_yes=False)
def everybody(ctx: Ctx, id_: str) -> Screen:
    return _next(ctx, ctx.office.notices.choose(_own(ctx, id_).id, Audience(whole=True), by=ctx.person))


@router.action("notice.area", by_yes=False)
def toggle_area(ctx: Ctx, id_: str, slug: str) -> Screen:
    notice = _own(ctx, id_)
    audience = notice.audience.with_area(ctx.office.notices.directory.parts(slug))
    return _ask_whom(ctx, ctx.office.notices.choose(notice.id, audience, by=ctx.person), in_place=True)


@router.action("notice.topic", by_yes=False)
def toggle_topic(ctx: Ctx, id_: str, slug: str) -> Screen:
    notice = _own(ctx, id_)
    audience = notice.audience.with_topic(slug)
    return _ask_whom(ctx, ctx.office.notices.choose(notice.id, audience, by=ctx.person), in_place=True)


def _ask_wider(ctx: Ctx, notice: Notice, named: tuple[str, ...]) -> Screen:
    """The words speak of one area, the choice is wider: that is asked about, never assumed."""
    notices, is_urgent = ctx.office.notices, bool(notice.urgent)
    fewer = notices.reach(Audience(areas=named), urgent=is_urgent).people
    more = notices.reach(notice.audience, urgent=is_urgent).people - fewer
    area = notices.directory.together(named, ctx.say.language)
    return ctx.screen(
        _("The words speak of {area} only, but it goes to {whom}: {more} people more.",
          area=area, whom=whom(ctx, notice.audience), more=f"{max(0, more):,}"),
        [ctx.button(_("{area} instead, {people} people", area=area, people=f"{fewer:,}"), "notice.narrow", notice.id)],
        [ctx.button(_("It is right: {whom}", whom=whom(ctx, notice.audience)), "notice.wide", notice.id)],
    )  # fmt: skip


@router.action("notice.narrow", by_yes=False)
def narrow(ctx: Ctx, id_: str) -> Screen:
    notice = _own(ctx, id_)
    named = ctx.office.notices.wider(notice)
    if not named:
        return _next(ctx, notice)
    return _next(ctx, ctx.office.notices.choose(notice.id, Audience(areas=named), by=ctx.person))


@router.action("notice.wide", by_yes=False)
def wide(ctx: Ctx, id_: str) -> Screen:
    return _next(ctx, ctx.office.notices.confirm(_own(ctx, id_).id, by=ctx.person))


@router.action("notice.who")
def ask_reader(ctx: Ctx, id_: str) -> Screen:
    return _ask_reader(ctx, _own(ctx, id_))


def _ask_reader(ctx: Ctx, notice: Notice) -> Screen:
    """Who reads the answers, day and night. People have no names here: their work tells them apart."""
    readers = ctx.office.notices.readers()
    if not readers:
        return ctx.screen(_("Nobody here sees the cases of the whole office, so nobody could read the answers."))
    rows = [
        [ctx.button(f"{number} {reader_name(ctx, person)}", "notice.reader", notice.id, person.id)]
        for number, person in enumerate(readers[:MOST_READERS], 1)
    ]
    return ctx.screen(_("Who reads the answers tonight? They are rung at once, whatever the hour."), *rows)


@router.action("notice.reader", by_yes=False)
def reader(ctx: Ctx, id_: str, person: str) -> Screen:
    return _next(ctx, ctx.office.notices.set_reader(_own(ctx, id_).id, read_id(person), by=ctx.person))


def reader_name(ctx: Ctx, person: Person) -> str:
    if person.id == ctx.person.id:
        return ctx.say.plain(_("I myself"))
    since = min(grant.since for grant in ctx.office.people.grants() if grant.person == person.id)
    work = sorted(ctx.say.plain(NAMES[role]) for role in person.roles)
    day = since.astimezone(ctx.office.calendar.zone).date()
    return ctx.say.plain(_("{work}, since {day}", work="·".join(work), day=day))


def shown(ctx: Ctx, notice: Notice) -> list[Text]:
    """To whom, how many and when; then the message word for word. The same for its author and whoever agrees."""
    notices = ctx.office.notices
    reach = notices.reach(notice.audience, urgent=bool(notice.urgent), by=notice.asked_at)
    people = notice.count if notice.count is not None else reach.people
    start = notices.start_of(notice)
    lines = [
        ctx.say(_("To {whom}, {people} people.", whom=whom(ctx, notice.audience), people=f"{people:,}")),
        ctx.say(_("{now} get it at once, in about {minutes} min; {later} see it when they open their page.",
                  now=f"{reach.now:,}", minutes=notices.minutes(reach.now), later=f"{reach.later:,}")),
    ]  # fmt: skip
    if not notice.urgent and ctx.office.calendar.quiet_until(ctx.now) is not None:
        lines.append(ctx.say(_("Once agreed to, it goes out {moment} at the earliest.", moment=start)))
    lines += [ctx.say(_("Residents will see:")), quote(str(letter(ctx, notice, start)))]
    if notice.urgent and notice.reader is not None:
        found = ctx.office.people.find([notice.reader]).get(notice.reader)
        name = reader_name(ctx, found) if found is not None and found.is_official else "—"
        lines.append(ctx.say(_("The answers are read by: {name}.", name=name)))
    return lines


def _preview(ctx: Ctx, notice: Notice) -> Screen:
    calm = ctx.button(_("Make it urgent"), "notice.urgent", notice.id)
    if notice.urgent:
        calm = ctx.button(_("Not urgent"), "notice.calm", notice.id)
    whom_and_how_many, *rest = shown(ctx, notice)
    return ctx.screen(
        join([whom_and_how_many, ctx.say(_("Not sent yet.")), *rest]),
        [ctx.button(_("Ask for approval"), "notice.ask", notice.id)],
        [ctx.button(_("Change the words"), "notice.reword", notice.id), *_whom_button(ctx, notice), calm],
        [ctx.button(_("Another reader"), "notice.who", notice.id)] if notice.urgent else [],
        [ctx.button(_("Keep as a draft"), "notice.keep", notice.id),
         ctx.button(_("Throw away"), "notice.drop", notice.id)],
    )  # fmt: skip


def _whom_button(ctx: Ctx, notice: Notice) -> list[Button]:
    if notice.audience.reached is not None:
        return []
    return [ctx.button(_("Choose others"), "notice.whom", notice.id)]


@router.action("notice.ask", by_yes=False)
def ask(ctx: Ctx, id_: str) -> Screen:
    notice = _own(ctx, id_)
    if ctx.office.notices.wider(notice):
        return _next(ctx, notice)
    notice, approvers = ctx.office.notices.ask(notice.id, by=ctx.person)
    words = _("Nobody agrees to a notice of their own: {count} others have been asked.", count=approvers)
    if opening := ctx.office.notices.opening_for(notice):
        words = _("Nobody agrees to a notice of their own: {count} others see it {moment}, when the office opens.",
                  count=approvers, moment=opening)  # fmt: skip
    if notice.urgent:
        words = _("Nobody agrees to a notice of their own: {count} others are being rung, and again every two minutes.",
                  count=approvers)  # fmt: skip
    return ctx.screen(words, [ctx.button(_("Do not send"), "notice.back", notice.id)])


@router.action("notice.back")
def take_back(ctx: Ctx, id_: str) -> Screen:
    """Asked for, and not wanted any more: a draft again."""
    notice = _own(ctx, id_)
    return _preview(ctx, ctx.office.notices.reword(notice.id, notice.words, by=ctx.person))


@router.action("notice.reword")
def reword(ctx: Ctx, id_: str) -> Screen:
    notice = _own(ctx, id_)
    ctx.expect({"notice": {"change": notice.id}})
    return ctx.screen(join([ctx.say(_("Type it anew. Until now it says:")), quote(notice.words)]),
                      [ctx.button(_("Keep these words"), "notice.open", notice.id)])  # fmt: skip


@router.action("notice.keep")
def keep(ctx: Ctx, id_: str) -> Screen:
    _own(ctx, id_)
    return ctx.screen(_("Kept. /notice brings it back."))


@router.action("notice.drop", by_yes=False)
def drop(ctx: Ctx, id_: str) -> Screen:
    ctx.office.notices.drop(_own(ctx, id_).id, by=ctx.person)
    return ctx.screen(_("Thrown away. Nothing was sent."))


@router.action("notice.correct")
def correct(ctx: Ctx, id_: str) -> Screen:
    """To those whom a notice has reached already."""
    notice = ctx.office.notices.find(read_id(id_))
    if notice is None:
        return ctx.screen(_("There is no such notice, or not any more."))
    ctx.expect({"notice": {"corrects": notice.id}})
    return ctx.screen(join([ctx.say(_("Type the correction. It goes to those who got this:")), quote(notice.words)]))


def whom(ctx: Ctx, audience: Audience) -> str:
    """An audience in words."""
    language = ctx.say.language
    parts: list[Message | str] = []
    if audience.whole:
        parts.append(_("everybody in {office}", office=ctx.office.name))
    if audience.reached is not None:
        parts.append(_("those who got “{title}”", title=ctx.office.notices.title(audience.reached)))
    if audience.areas:
        parts.append(ctx.office.notices.directory.together(audience.areas, language))
    topics = ctx.office.topics(language)
    parts += [_("followers of “{topic}”", topic=topics.get(slug, slug)) for slug in audience.topics]
    return " + ".join(ctx.say.plain(part) for part in parts)


def _labelled(ctx: Ctx, name: str, count: int) -> Message:
    return _("{name}: {people} people", name=name, people=f"{count:,}")


def _toggle(ctx: Ctx, name: str, count: int, is_on: bool, action: str, *args: str | int) -> Button:
    label = f"{name} {count:,}"
    return ctx.button(f"✓ {label}" if is_on else label, action, *args)


def _own(ctx: Ctx, id_: str) -> Notice:
    return ctx.office.notices.own(read_id(id_), ctx.person)
