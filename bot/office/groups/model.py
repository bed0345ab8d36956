"""What a group is to the office, and which cases are shown in it. No clock, no SQL, no platform."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.office.cases.model import Case, Privacy
from bot.office.people.model import Grant, Person, Role
from bot.telling import staff_of

OUTSIDE = "group"  # the class of a chat that nobody has registered: only what is open to all may go there

# Links of a case's chain after which its card looks different, and those that bring it to a department.
SHOWN = frozenset(
    ("register", "accept", "dispatch", "sign", "take", "ask", "reply", "answer", "redo", "withdraw", "release", "offer",
     "accept_offer")
)  # fmt: skip
BRINGING = frozenset(("register", "offer", "accept_offer"))


class State(StrEnum):
    """Where a group stands with the office."""

    STRANGE = "strange"  # the bot is in it, and nobody has registered it
    REGISTERED = "registered"
    LEFT = "left"  # the bot is out of it, or on its way out


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A group on a platform. Its title and its members are nobody's business here."""

    id: int
    channel: str
    state: State
    department: str | None  # none: the whole office
    excused: bool  # the polite line has been said there; once is enough
    changed_at: datetime

    @property
    def is_registered(self) -> bool:
        return self.state is State.REGISTERED

    @property
    def audience(self) -> str:
        return staff_of(self.department) if self.is_registered else OUTSIDE

    @property
    def reader(self) -> Person:
        """Whose eyes the group reads with: a handler's of its department, never a supervisor's."""
        return Person(self.id, self.id, self.channel, grants=frozenset((Grant(Role.HANDLER, self.department),)))

    def concerns(self, case: Case) -> bool:
        return self.department in (None, case.department)


def may_be_shown(case: Case) -> bool:
    """Complaints about staff and anonymous matters have no card anywhere but with those who work on them."""
    return not case.sealed and case.privacy is not Privacy.ANONYMOUS


def is_shown_anew(codes: Iterable[str]) -> bool:
    """Whether a group that has no card of the case gets one now."""
    return not BRINGING.isdisjoint(codes)
