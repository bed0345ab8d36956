"""Who works here: asked for by one administrator, approved by another; taken away by one, at once (threat T4)."""

from bot.dialogue.context import Screens
from bot.dialogue.screen import Button, Clearing, Screen
from bot.errors import NotFound
from bot.office.people.model import Role
from bot.telling import Lane, Telling
from bot.text import join
from bot.words import Message, _
from handlers.context import MOST_LISTED, Ctx, Router, number_in

router = Router("roles", who=Role.ADMINISTRATOR)

NAMES: dict[Role, Message] = {
    Role.HANDLER: _("handler"),
    Role.DISPATCHER: _("dispatcher"),
    Role.INTAKE: _("intake"),
    Role.HEAD: _("head"),
    Role.SUPERVISOR: _("supervisor"),
    Role.CUSTODIAN: _("custodian"),
    Role.EDITOR: _("editor"),
    Role.APPROVER: _("approver"),
    Role.PARTNER: _("partner"),
    Role.ADMINISTRATOR: _("administrator"),
}
IDLE = (Role.CUSTODIAN, Role.PARTNER)  # nothing is in their hands yet: nobody is invited for it
LISTED = 20  # roles on one screen
WHOLE = "office"  # in place of a department's slug


@router.command("invite", about=_("Invite a colleague"))
def invite(ctx: Ctx, rest: str) -> Screens:
    """`/invite`, `/invite handler housing`, `/invite head`."""
    words = rest.split()
    role = _role(ctx, words[0]) if words else None
    if role is None:
        rows = [[ctx.button(name, "invite.role", role.value)] for role, name in NAMES.items() if role not in IDLE]
        return ctx.screen(_("For which work?"), *rows)
    if len(words) == 1:
        return choose_department(ctx, role.value)
    return ask(ctx, role.value, ctx.office.departments.named(words[1]) or words[1])


@router.action("invite.role")
def choose_department(ctx: Ctx, role: str) -> Screen:
    departments = ctx.office.departments
    rows = [
        [ctx.button(departments.name(slug, ctx.say.language), "invite.ask", role, slug)] for slug in departments.slugs
    ]
    return ctx.screen(
        _("For which department?"), *rows, [ctx.button(_("The whole office"), "invite.ask", role, WHOLE)]
    )  # fmt: skip


@router.action("invite.ask", by_yes=False)
def ask(ctx: Ctx, role: str, department: str) -> Screen:
    """Another administrator must agree; who is alone here asks on the server."""
    wanted = _role(ctx, role)
    if wanted is None or department not in (*ctx.office.departments.slugs, WHOLE):
        raise NotFound("department")
    others = [one for one in ctx.office.people.with_role(Role.ADMINISTRATOR, None) if one.id != ctx.person.id]
    if not others:
        return ctx.screen(
            _("A second administrator has to agree, and there is none. On the server, `huiyin invite` does it.")
        )
    where = None if department == WHOLE else department
    request = ctx.office.people.ask_invite(wanted, where, by=ctx.person)
    for other in others:
        ctx.office.tell(Telling(kind="invite.asked", subject=request, recipient=other.id, address=other.address,
                                key=f"invite:{request}", lane=Lane.DEADLINE,
                                data={"role": role, "department": where or ""}))  # fmt: skip
    return ctx.screen(_("Asked. As soon as another administrator agrees, you get the code to pass on."))


@router.action("invite.agree", by_yes=False)
def agree(ctx: Ctx, request: str) -> Screen:
    code, asker = ctx.office.people.approve_invite(number_in(request), by=ctx.person)
    if asker is not None:
        key = f"invite-granted:{request}"
        ctx.office.tell(Telling(kind="invite.granted", subject=number_in(request), recipient=asker.id,
                                address=asker.address, key=key, data={"code": code}))  # fmt: skip
    return ctx.screen(_("Agreed. Whoever asked has the code now."))


@router.telling("invite.asked")
def tell_asked(ctx: Ctx, telling: Telling) -> Screen | None:
    if Role.ADMINISTRATOR not in ctx.roles:
        return None
    role, where = Role(telling.data["role"]), telling.data["department"] or None
    return ctx.screen(
        _("Another administrator wants to invite somebody: {what}. Do you agree?", what=_what(ctx, role, where)),
        [ctx.button(_("Agree"), "invite.agree", telling.subject), ctx.button(_("No"), "menu")],
    )


@router.telling("invite.granted")
def tell_granted(ctx: Ctx, telling: Telling) -> Screen | None:
    if Role.ADMINISTRATOR not in ctx.roles:
        return None
    words = _(
        "The other administrator agreed. Your colleague sends me this, once, within seven days: /start {code}",
        code=telling.data["code"],
    )
    return ctx.screen(words)


@router.telling("case.nobody")
def tell_nobody(ctx: Ctx, telling: Telling) -> Screen | None:
    """A matter that nobody can take: which department is missing its people, and nothing of the matter."""
    if Role.ADMINISTRATOR not in ctx.roles:
        return None
    where = ctx.office.departments.name(telling.data["department"], ctx.say.language)
    return ctx.screen(
        _("A resident's matter waits and nobody can take it: {where}. Please invite a colleague: /invite",
          where=where or ctx.say.plain(_("The whole office")))
    )  # fmt: skip


@router.command("roles", about=_("Who works here"))
def roles(ctx: Ctx, _rest: str) -> Screen:
    return listed(ctx, "0")


@router.action("roles")
def listed(ctx: Ctx, first: str) -> Screen:
    """Every role in force, some at a time. People have no names here: the day they joined tells them apart."""
    start = number_in(first, MOST_LISTED)
    grants = ctx.office.people.grants()
    there = list(enumerate(grants, 1))[start : start + LISTED]
    lines = [
        ctx.say(_("{number} {what}, since {day}", number=number, what=_what(ctx, grant.role, grant.department),
                  day=grant.since.astimezone(ctx.office.calendar.zone).date()))
        for number, grant in there
    ]  # fmt: skip
    buttons = [ctx.button(_("Remove {number}", number=number), "role.remove", grant.id)
               for number, grant in there]  # fmt: skip
    more = [ctx.button(_("More"), "roles", start + LISTED)] if len(grants) > start + LISTED else []
    return ctx.screen(join([ctx.say(_("Who works here:")), *lines]), *_pairs(buttons), more)


@router.action("role.remove", by_yes=False)
def confirm(ctx: Ctx, grant: str) -> Screen:
    found = next((one for one in ctx.office.people.grants() if str(one.id) == grant), None)
    if found is None:
        raise NotFound("role")
    return ctx.screen(
        _("Remove this: {what}? It ends at once, and open cases go back to the queue.",
          what=_what(ctx, found.role, found.department)),
        [ctx.button(_("Yes, remove"), "role.removed", grant), ctx.button(_("No, leave the role"), "menu")],
    )  # fmt: skip


@router.action("role.removed", by_yes=False)
def remove(ctx: Ctx, grant: str) -> Screen:
    person = ctx.office.people.revoke(number_in(grant), by=ctx.person)
    ctx.office.cases.cut_off(person, by=ctx.person)
    ctx.office.show_menu(person)
    for address in ctx.office.people.addresses(person.id):
        ctx.office.tell(Telling(kind="role.ended", subject=0, recipient=person.id, address=address,
                                key=f"role-ended:{grant}"))  # fmt: skip
    return ctx.screen(_("Removed."))


@router.telling("role.ended")
def tell_ended(ctx: Ctx, telling: Telling) -> Screen:
    """Whoever has no role left keeps no cards either, as far back as the platform lets anybody delete them."""
    if ctx.roles:
        return ctx.screen(_("One of your roles here has ended. /help shows what you can do now."))
    words = ctx.say(
        _("You do not work here any more. What this chat has shown you of cases is deleted, as far as I may.")
    )
    return Screen(words, clears=Clearing(ctx.office.foreign_cards(ctx.person, telling.address), words))


def _what(ctx: Ctx, role: Role, department: str | None) -> str:
    where = ctx.office.departments.name(department, ctx.say.language) or ctx.say.plain(_("The whole office"))
    return f"{ctx.say.plain(NAMES[role])} · {where}"


def _role(ctx: Ctx, word: str) -> Role | None:
    """The work that somebody may be invited for, by either of its names."""
    named = (role for role, name in NAMES.items() if word in (role.value, ctx.say.plain(name)))
    return next((role for role in named if role not in IDLE), None)


def _pairs(buttons: list[Button]) -> list[list[Button]]:
    return [buttons[start : start + 2] for start in range(0, len(buttons), 2)]
