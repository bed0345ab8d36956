"""Policies in plain words: browsing in place, the best part for a question, a person where there is none (M51)."""

from datetime import date, time
from functools import lru_cache

import msgspec

from bot.dialogue.context import Screens, button
from bot.dialogue.screen import Mode, Screen
from bot.office.cases.model import Case, Kind
from bot.office.cases.service import Matter
from bot.office.policies.model import Page
from bot.office.policies.service import Policies
from bot.text import Text, bold, join
from bot.words import Translator, _
from handlers.context import (
    RESIDENTS,
    Ctx,
    Router,
    just_registered,
    my_cases_button,
    note_registered,
    promised,
    source_of,
)
from handlers.residents import consent

MOST_ASKED = 20_000  # characters of questions that go to a person together
READ_FOR = 1800.0  # seconds in which the next question may belong to the page

router = Router("policies", who=RESIDENTS)

SHOWN = 3


@router.command("policy", about=_("Policies"))
def policy(ctx: Ctx, rest: str) -> Screens:
    return answer(ctx, rest) if rest else sections(ctx)


@router.action("policy.list")
def sections(ctx: Ctx) -> Screen:
    """The sections of the tree, in place of the screen whose button was pressed."""
    found = ctx.office.policies.sections(ctx.say.language, _today(ctx))
    rows = [[ctx.button(section.name, "policy.section", section.slug)] for section in found]
    return ctx.screen(_("What is it about? You can also just type your question."), *rows, in_place=True)


@router.action("policy.section")
def section(ctx: Ctx, slug: str) -> Screen:
    shown = ctx.office.policies.sections(ctx.say.language, _today(ctx))
    found = next((item for item in shown if item.slug == slug), None)
    if found is None:
        return sections(ctx)
    rows = [[ctx.button(page.title, "policy.page", page.slug)] for page in found.pages]
    return ctx.screen(bold(found.name), *rows, [ctx.button(_("Back"), "policy.list")], in_place=True)


@router.action("policy.page")
def page(ctx: Ctx, slug: str) -> Screen:
    return _page_screen(ctx, ctx.office.policies.page(slug, ctx.say.language), in_place=True)


@router.action("policy.part")
def part(ctx: Ctx, slug: str, number: str) -> Screen:
    """One part of a page."""
    found = ctx.office.policies.page(slug, ctx.say.language)
    if not number.isdecimal() or int(number) >= len(found.parts):
        return _page_screen(ctx, found, in_place=True)
    return _part_screen(ctx, found, int(number), in_place=True)


def _part_screen(ctx: Ctx, found: Page, number: int, *, in_place: bool = False) -> Screen:
    _open(ctx, found)
    shown = found.parts[number]
    lines: list[Text | str] = [bold(f"{found.title} · {shown.heading}"), shown.words]
    lines += _warnings(ctx.say, found, _today(ctx))
    return ctx.screen(
        join(lines),
        [
            ctx.button(_("The whole page"), "policy.page", found.slug),
            ctx.button(_("Ask a person"), "policy.ask", found.slug),
        ],
        in_place=in_place,
    )


def answer(ctx: Ctx, question: str) -> Screens:
    """A question: the best section if it is sure, else three to choose from, else a person."""
    hits = ctx.office.policies.search(question, ctx.say.language, _today(ctx), SHOWN)
    band = ctx.office.policies.band(question, hits)
    ctx.memory["asked"] = question
    if band == "none" or not hits:
        return offer_person(ctx, None)
    if band == "answer":
        return _page_screen(ctx, hits[0].page)
    pages = list({hit.page.slug: hit.page for hit in hits}.values())
    rows = [[ctx.button(found.title, "policy.page", found.slug)] for found in pages]
    return ctx.screen(
        _("Which of these do you mean?"), *rows, [ctx.button(_("None of these, ask a person"), "policy.ask", "")]
    )


def _open(ctx: Ctx, page: Page) -> None:
    """The page that is read now: what is asked next may be about it."""
    ctx.memory["page"] = {"slug": page.slug, "at": ctx.now.timestamp()}


def in_context(ctx: Ctx, question: str) -> Screens:
    """A further question right after a page: nothing is worked out by machine, the department's people answer."""
    opened = ctx.memory.get("page")
    if not isinstance(opened, dict):
        return None
    ctx.memory.pop("page")
    if ctx.now.timestamp() - opened["at"] > READ_FOR:
        return None  # a question of days later is a new one
    slug = opened["slug"]
    asked = "\n".join(filter(None, (ctx.memory.get("asked"), question)))
    ctx.memory["asked"] = asked if len(asked) <= MOST_ASKED else question  # what was offered a person long ago goes
    return offer_person(ctx, slug)


def offer_person(ctx: Ctx, slug: str | None) -> Screen:
    """What the machine does not know goes to a person, if the resident wishes."""
    page = ctx.office.policies.page(slug, ctx.say.language) if slug else None
    due = ctx.office.calendar.due_after_working_days(ctx.now, 3)
    buttons = [ctx.button(_("Yes, please"), "policy.register", slug or "")]
    if page is not None and page.parts:
        buttons.append(ctx.button(page.parts[0].heading, "policy.part", page.slug, 0))
    buttons.append(ctx.button(_("No need"), "menu"))
    if page is None:
        words = _("I find nothing sure about that in the policies. Shall somebody answer you, by {due} at the latest?",
                  due=due.at)  # fmt: skip
        return ctx.screen(words, buttons)
    who = ctx.office.departments.name(page.department, ctx.say.language) or ctx.office.name
    words = _("I do not dare to work that out for you; a mistake would cost you. "
              "Shall {who} answer you, by {due} at the latest?", who=who, due=due.at)  # fmt: skip
    return ctx.screen(words, buttons)


@router.action("policy.ask")
def ask(ctx: Ctx, slug: str) -> Screen:
    return offer_person(ctx, slug or None)


@router.action("policy.register")
def register(ctx: Ctx, slug: str) -> Screens:
    """The question goes to a person, with what was said about it."""
    asked = str(ctx.memory.get("asked") or "")
    page = ctx.office.policies.page(slug, ctx.say.language) if slug else None
    words = asked or (page.title if page is not None else "")
    if not words:
        return ctx.screen(_("What would you like to ask? Just type it."))
    if not ctx.person.has_consented:
        return consent.first(ctx, "policy.register", slug)
    by = f"policy:{slug}"
    if not asked and (case := just_registered(ctx, by)) is not None:
        return _passed_on(ctx, case)
    source = source_of(ctx)
    case = ctx.office.cases.register(
        Matter(
            kind=Kind.CONSULT,
            words=words,
            department=page.department if page is not None else None,
            sources=(source,) if source else (),
        ),
        by=ctx.person,
        said_at=ctx.event.happened_at,
    )
    ctx.memory.pop("asked", None)
    note_registered(ctx, by, case)
    return _passed_on(ctx, case)


def _passed_on(ctx: Ctx, case: Case) -> Screen:
    ctx.subject = case.id
    return ctx.screen(
        _("Passed on, number {number}. What you just said goes with it. You get an answer by {due} at the latest.",
          number=case.number, due=promised(case)),
        [my_cases_button(ctx)],
    )  # fmt: skip


def _page_screen(ctx: Ctx, page: Page, *, in_place: bool = False) -> Screen:
    _open(ctx, page)
    calendar = ctx.office.calendar
    closes = calendar.closes if calendar.is_open(ctx.now) else None
    shown = _whole_page(ctx.say, ctx.office.policies, page.slug, _today(ctx), closes)
    return msgspec.structs.replace(shown, mode=Mode.IN_PLACE) if in_place else shown


@lru_cache(maxsize=1000)
def _whole_page(say: Translator, policies: Policies, slug: str, today: date, closes: time | None) -> Screen:
    """The same for everybody who reads it today in one language. Changed pages are other `policies`, so nothing here
    grows old; what is asked for least goes when there are too many.
    """
    page = policies.page(slug, say.language)
    lines: list[Text | str] = [bold(page.title), say(_("In a word: {sentence}", sentence=page.in_sentence))]
    if page.bring:
        lines.append(say(_("Bring: {things}.", things=say.plain(_(", ")).join(page.bring))))
    if closes is not None:
        lines.append(say(_("The hall is open until {hour} today.", hour=closes)))
    lines += _warnings(say, page, today)
    parts = [button(say, part.heading, "policy.part", slug, number) for number, part in enumerate(page.parts[:6])]
    rows = [tuple(parts[start : start + 2]) for start in range(0, len(parts), 2)]
    rows.append((button(say, _("Ask a person"), "policy.ask", slug), button(say, _("All policies"), "policy.list")))
    return Screen(join(lines), tuple(rows))


def _warnings(say: Translator, page: Page, today: date) -> list[Text]:
    lines = []
    if not page.is_in_force(today):
        lines.append(say(_("This is no longer in force.")))
    elif page.is_stale(today):
        lines.append(say(_("This page is due for review; please ask before you rely on it.")))
    if page.sample:
        lines.append(say(_("(sample page)")))
    return lines


def _today(ctx: Ctx) -> date:
    return ctx.now.astimezone(ctx.office.house.zone).date()
