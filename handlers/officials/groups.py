"""Staff groups: registering them, their cards of new cases, and the one polite line for every other group (T5).

What needs words goes on in the presser's private chat. Rights are those of whoever presses, read at the press.
"""

import re

from bot.dialogue.context import Screens, listed
from bot.dialogue.event import Due, Membership, Moved, Standing
from bot.dialogue.screen import Button, Mode, Screen
from bot.errors import NotFound, NotPermitted, OfficeError
from bot.office.cases.model import Case, Privacy, Status
from bot.office.groups.model import Group
from bot.office.people.model import Role
from bot.telling import Telling
from bot.text import Text, bold, join, quote
from bot.words import Message, _
from handlers.context import MOST_LISTED, WORKERS, Ctx, Router, alert, number_in
from handlers.excuses import excuse
from handlers.officials.queue import heading, name_of
from handlers.officials.roles import WHOLE

router = Router("groups", who=WORKERS)

LISTED = 20  # groups on one screen
IN_PRIVATE = {"reply": "write.reply", "pass": "case.pass"}  # what goes on there: the press in the group, the action
_NUMBERS = re.compile(r"\d(?:[ -]?\d){6,}")  # telephones, identity cards: nobody in a group needs them
WHAT_CHANGED: dict[str, Message] = {
    "registered": _("A group is registered as a staff group now: {where}. It gets the cards of new cases."),
    "lost": _("I was put out of a staff group: {where}. It is not registered any more."),
    "administrator": _(
        "In a staff group ({where}) I was made administrator. I hear everything that is said there then, and keep "
        "nothing of it; I need no such right, please take it away again."
    ),
    "member": _("In a staff group ({where}) I am an ordinary member now. That is enough."),
    "silenced": _("In a staff group ({where}) I may not write any more. Cards do not arrive there."),
}


# --- registering ---


@router.group_command("register", who=Role.ADMINISTRATOR)
def register_here(ctx: Ctx, _rest: str) -> Screen:
    """Asks for which department; nothing is shown in the group before that."""
    departments = ctx.office.departments
    rows = [
        [ctx.button(departments.name(slug, ctx.say.language), "group.register", slug)] for slug in departments.slugs
    ]
    return ctx.screen(
        _("Whose new cases are to be shown in this group? Everybody in it will see them, so only staff should be here. "
          "Complaints about staff never come here, and of a confidential matter only that there is one."),
        *rows,
        [ctx.button(_("The whole office"), "group.register", WHOLE), ctx.button(_("Not here"), "group.unregister")],
    )  # fmt: skip


@router.group_action("group.register", who=Role.ADMINISTRATOR)
def register(ctx: Ctx, department: str) -> Screen:
    if department not in (*ctx.office.departments.slugs, WHOLE):
        raise NotFound("department")
    group = ctx.office.groups.register(_here(ctx).id, None if department == WHOLE else department, by=ctx.person)
    return ctx.screen(
        _("This is a staff group now: {where}. New cases come here. What needs words you write in your private chat "
          "with me. To end it: /unregister", where=_where(ctx, group.department)),
        in_place=True,
    )  # fmt: skip


@router.group_command("unregister", who=Role.ADMINISTRATOR)
def unregister_here(ctx: Ctx, _rest: str) -> None:
    ctx.office.groups.unregister(_here(ctx).id, by=ctx.person)


@router.group_action("group.unregister", who=Role.ADMINISTRATOR)
def unregister(ctx: Ctx) -> None:
    ctx.office.groups.unregister(_here(ctx).id, by=ctx.person)


@router.command("groups", who=Role.ADMINISTRATOR, about=_("Staff groups"))
@router.command("register", who=Role.ADMINISTRATOR)
def groups(ctx: Ctx, _rest: str) -> Screen:
    return listed_groups(ctx)


@router.action("groups", who=Role.ADMINISTRATOR)
def listed_groups(ctx: Ctx, first: str = "0") -> Screen:
    """Every registered group, some at a time. They have no titles here: department and day tell them apart."""
    start = number_in(first, MOST_LISTED)
    found = ctx.office.groups.registered()
    there = list(enumerate(found, 1))[start : start + LISTED]
    how = ctx.say(_("To register one: take me into the group, then type /register there."))
    lines = [
        ctx.say(_("{number} {what}, since {day}", number=number, what=_where(ctx, group.department),
                  day=group.changed_at.astimezone(ctx.office.calendar.zone).date()))
        for number, group in there
    ]  # fmt: skip
    rows = [[ctx.button(_("End {number}", number=number), "group.end", group.id)]
            for number, group in there]  # fmt: skip
    more = [ctx.button(_("More"), "groups", start + LISTED)] if len(found) > start + LISTED else []
    head = ctx.say(_("Staff groups:") if found else _("No staff group is registered."))
    return ctx.screen(join([head, *lines, how]), *rows, more)


@router.action("group.end", who=Role.ADMINISTRATOR, by_yes=False)
def end(ctx: Ctx, group: str) -> Screen:
    ctx.office.groups.unregister(number_in(group), by=ctx.person)
    return ctx.screen(_("Ended. Nothing more is shown there, and I leave that group."))


@router.telling("group.changed")
def tell_changed(ctx: Ctx, telling: Telling) -> Screen | None:
    if Role.ADMINISTRATOR not in ctx.roles:
        return None
    where = _where(ctx, telling.data["department"] or None)
    return ctx.screen(WHAT_CHANGED[telling.data["what"]](where=where), [ctx.button(_("Staff groups"), "groups")])


# --- what happens to the bot in a group ---


@router.hook("group membership")
def membership(ctx: Ctx, change: Membership) -> Screens:
    group = _here(ctx)
    if change.standing is Standing.OUT:
        ctx.office.groups.put_out(group)
    elif group.is_registered:
        ctx.office.groups.noticed(group, change.standing.value)
    elif ctx.office.groups.taken_in(group, ctx.person):
        return ctx.screen(_("To make this a staff group, an administrator of the office types /register here. "
                            "Otherwise I leave in an hour."))  # fmt: skip
    return None


@router.hook("group moved")
def moved(ctx: Ctx, change: Moved) -> None:
    ctx.office.groups.moved(ctx.arrival.channel, change.before, change.now)


@router.hook("said in group")
def spoken(ctx: Ctx) -> None:
    """Nothing is answered. A group that nobody has registered is left."""
    ctx.office.groups.spoken_in(_here(ctx))


@router.timed("group.leave")
def leave(ctx: Ctx, due: Due) -> None:
    ctx.office.groups.leave(due.subject)


@router.timed("group.lost")
def lost(ctx: Ctx, due: Due) -> None:
    """A message could not be sent there, and no other ever will."""
    ctx.office.groups.lost(due.subject)


@router.telling("group.farewell")
def say_goodbye(ctx: Ctx, _telling: Telling) -> Screen:
    return ctx.screen(
        _("I only work in registered staff groups of {office}. You can write to me in private at any time. Goodbye.",
          office=ctx.office.name)
    )  # fmt: skip


@router.telling("group.left")
def go_out(_ctx: Ctx, _telling: Telling) -> Screen:
    return Screen(Text(), mode=Mode.LEAVE)


# --- cards ---


@router.telling("group.card")
def tell_card(ctx: Ctx, telling: Telling) -> Screen:
    """The one card of a case, as it stands now; read with the eyes of the group's department."""
    case = ctx.office.cases.readable(telling.subject, ctx.person)
    if case is None:
        number = bold(str(telling.data["number"]))
        return ctx.screen(join([number, ctx.say(_("Passed on to another department."))]), in_place=True)
    lines = [ctx.say(_standing(ctx, case)), heading(ctx, case)]
    if case.privacy is Privacy.NAMED and case.is_open:
        if case.place:
            lines.append(ctx.say(_("Place: {place}", place=_quoted(case.place))))
        if case.title:
            lines.append(_quoted(case.title))
    elif case.is_open:
        lines.append(ctx.say(_("What it is about stands in your private chat.")))
    return ctx.screen(join(lines), _buttons(ctx, case), in_place=True)


@router.group_action("group.take")
def take(ctx: Ctx, number: str) -> Screen:
    _shown_here(ctx, number)
    ctx.office.cases.take(number, by=ctx.person)
    return alert(ctx, _("Number {number} is yours now.", number=number))


@router.group_action("group.reply")
def reply(ctx: Ctx, number: str) -> Screen:
    return _in_private(ctx, "reply", number)


@router.group_action("group.pass")
def hand_on(ctx: Ctx, number: str) -> Screen:
    return _in_private(ctx, "pass", number)


@router.hook("pressed in group")
def not_for_you(ctx: Ctx) -> Screen:
    """Told to whoever pressed and to nobody else; the group sees nothing of it."""
    group = _here(ctx)
    if not group.is_registered:
        ctx.office.groups.spoken_in(group)
    return alert(ctx, _("This is for the staff who work on it. You can write to me in private at any time."))


@router.timed("go.on")
def go_on(ctx: Ctx, due: Due) -> Screens:
    """What was begun in a group goes on here, with the rights of this moment."""
    return _action(ctx, str(due.data["action"]), tuple(due.data["args"]))


@router.link("on_")
def come_over(ctx: Ctx, code: str) -> Screens:
    """The same by a link, for those who cannot be written to before they open the chat."""
    what, _space, number = code.removeprefix("on_").partition("_")
    return _action(ctx, IN_PRIVATE.get(what, ""), (number,))


def _action(ctx: Ctx, name: str, args: tuple[str, ...]) -> Screens:
    route = ctx.router.actions.get(name) if name in IN_PRIVATE.values() else None
    if route is None or not route.admits(ctx.roles):
        return ctx.screen(excuse(NotFound("link")))
    try:
        return listed(route.handler(ctx, *args))
    except OfficeError as error:  # nothing has been written yet: it may be said here, where a timer has no other way
        return ctx.screen(excuse(error))


def _in_private(ctx: Ctx, what: str, number: str) -> Screen:
    """The words for it are typed in private; the group sees nothing of them."""
    case = _shown_here(ctx, number)
    if case.owner not in (None, ctx.person.id) and what == "reply":
        raise NotPermitted("case.not_yours", number=number)
    who = ctx.event.who
    if who is None or not ctx.office.people.can_be_reached(ctx.person.address):
        return alert(ctx, _("Open your private chat with me; it goes on there."), opens=f"on_{what}_{case.number}")
    ctx.office.go_on(ctx.arrival.channel, who.user, IN_PRIVATE[what], case.number)
    return alert(ctx, _("It goes on in your private chat with me."))


def _shown_here(ctx: Ctx, number: str) -> Case:
    """The case of a card of this very group, as the presser's own work; raises NotFound."""
    group = _here(ctx)
    case = ctx.office.cases.at_work(number, ctx.person)
    if not group.is_registered or not ctx.office.groups.has_card(case.id, group.id):
        raise NotFound("case", number=number)
    return case


def _here(ctx: Ctx) -> Group:
    group = ctx.office.groups.find(ctx.group) if ctx.group is not None else None
    if group is None:
        raise NotFound("group")
    return group


def _where(ctx: Ctx, department: str | None) -> str:
    return ctx.office.departments.name(department, ctx.say.language) or ctx.say.plain(_("The whole office"))


def _standing(ctx: Ctx, case: Case) -> Message:
    who = name_of(ctx, case.owner) if case.owner is not None else ""
    if case.status is Status.CLOSED:
        return _("Answered by {who}", who=who) if who else _("Answered")
    if not case.is_open:
        return _("Over")
    if case.owner is None:
        return _("New")
    return _("{who} has it", who=who)


def _quoted(words: str) -> Text:
    return quote(_NUMBERS.sub("…", words))


def _buttons(ctx: Ctx, case: Case) -> list[Button]:
    if not case.is_open:
        return []
    first = [ctx.button(_("I take it"), "group.take", case.number)] if case.owner is None else []
    return [*first, ctx.button(_("Reply to them"), "group.reply", case.number),
            ctx.button(_("Hand on"), "group.pass", case.number)]  # fmt: skip
