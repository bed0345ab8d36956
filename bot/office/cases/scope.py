"""Who may read which case, as one SQL condition. Excluded means absent: in lists, counts and errors alike."""

from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, exists, false, or_, select, true

from bot.office.cases.tables import assignment, case, case_party
from bot.office.people.model import Person

KEPT_OUT = ("subject", "recused")  # complained about, or stepped back from it (信访工作条例 §28, §30)


class Machine:
    """The viewer for what no person sees: moving timers along, keeping the chain. Its reads go to nobody."""

    id = 0


MACHINE = Machine()
Viewer = Person | Machine


class Sight(StrEnum):
    """How far an official's sight reaches; one statement for each, so that none is built anew for every read."""

    MACHINE = "machine"
    SUPERVISOR = "supervisor"
    OFFICE = "office"
    DEPARTMENTS = "departments"
    RESIDENT = "resident"


def sight_of(viewer: Viewer) -> Sight:
    if isinstance(viewer, Machine):
        return Sight.MACHINE
    if viewer.supervises:
        return Sight.SUPERVISOR
    if viewer.sees_whole_office:
        return Sight.OFFICE
    return Sight.DEPARTMENTS if viewer.departments else Sight.RESIDENT


def facts_of(viewer: Viewer) -> dict[str, Any]:
    """The values that the conditions of this viewer's sight need."""
    if isinstance(viewer, Machine):
        return {}
    return {"viewer": viewer.id, "departments": sorted(viewer.departments)}


@cache
def readable(sight: Sight) -> ColumnElement[bool]:
    """The cases that somebody with this sight may know of: brought, followed, or in their work."""
    if sight is Sight.MACHINE:
        return true()
    return and_(or_(brought(), _in_office(sight)), ~_complained_about())


@cache
def workable(sight: Sight) -> ColumnElement[bool]:
    """The cases that are somebody's work: their own matters are not."""
    if sight is Sight.MACHINE:
        return true()
    return and_(_in_office(sight), ~_complained_about(), ~brought())


def owned_by_resident() -> ColumnElement[bool]:
    """The cases that the viewer brought or follows."""
    return and_(brought(), ~_complained_about())


def brought() -> ColumnElement[bool]:
    """By their own few rows first: asking it of each case would read them all."""
    mine = case_party.c.part.in_(("requester", "follower"))
    return case.c.id.in_(select(case_party.c.case).where(case_party.c.person == bindparam("viewer"), mine))


def _complained_about() -> ColumnElement[bool]:
    return exists().where(
        case_party.c.case == case.c.id, case_party.c.person == bindparam("viewer"), case_party.c.part.in_(KEPT_OUT)
    )


def _in_office(sight: Sight) -> ColumnElement[bool]:
    if sight is Sight.SUPERVISOR:
        return true()
    if sight is Sight.RESIDENT:
        return false()
    unsealed = case.c.sealed.is_(False)
    if sight is Sight.OFFICE:
        return unsealed
    mine: BindParameter[list[str]] = bindparam("departments", expanding=True)
    helped = exists().where(
        assignment.c.case == case.c.id, assignment.c.department.in_(mine), assignment.c.until.is_(None)
    )
    return and_(unsealed, or_(case.c.department.in_(mine), helped))
