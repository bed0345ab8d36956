"""Acts about staff groups, each inside the caller's transaction: registering, leaving, moving, and the cards there."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from bot.errors import NotFound
from bot.office.cases.acts import Means
from bot.office.cases.model import Case
from bot.office.cases.records import Records
from bot.office.cases.scope import MACHINE
from bot.office.groups import records
from bot.office.groups.model import SHOWN, Group, State, is_shown_anew, may_be_shown
from bot.office.groups.records import Card
from bot.office.people.model import Person, Role
from bot.office.people.service import People
from bot.store import claims, queues, withdrawal
from bot.store.transaction import Transaction
from bot.telling import OPEN, Lane, Telling

GRACE = timedelta(seconds=20)  # a group that goes on under another id says so a moment later
PATIENCE = timedelta(hours=1)  # an administrator has taken the bot in: so long it waits to be registered
LEAVING = "group.leave"
_REGISTERED = "registered groups"


class Groups:
    """The groups of one open transaction."""

    def __init__(self, tx: Transaction, means: Means, people: People, tell: Callable[[Telling], None]) -> None:
        self._tx = tx
        self._means = means
        self._people = people
        self._tell = tell

    def at(self, channel: str, chat: str) -> Group:
        """The group of this chat; one that was never heard of is strange."""
        known = records.by_lookup(self._tx, self._people.key(channel, chat))
        if known is not None:
            return known
        new = Group(id=self._means.ids(), channel=channel, state=State.STRANGE, department=None, excused=False,
                    changed_at=self._tx.now)  # fmt: skip
        records.add(self._tx, new, lookup=self._people.key(channel, chat), chat=self._people.sealed_chat(chat))
        return new

    def find(self, id_: int) -> Group | None:
        return records.by_id(self._tx, id_)

    def registered(self) -> list[Group]:
        """All registered groups, the oldest first."""
        if _REGISTERED not in self._tx.cache:
            self._tx.cache[_REGISTERED] = records.registered(self._tx)
        found: list[Group] = self._tx.cache[_REGISTERED]
        return found

    def register(self, id_: int, department: str | None, *, by: Person) -> Group:
        """From now on the group gets cards of this department's new cases; the other administrators hear of it."""
        old = self._known(id_)
        if old.is_registered and old.department == department:
            return old
        if old.is_registered:
            self._clear(old)
        new = replace(old, state=State.REGISTERED, department=department, excused=False)
        self._save(new, "group.registered", by.id)
        queues.disarm(self._tx, _leaving(id_))
        self._tell_administrators("registered", new, but=by.id)
        return new

    def unregister(self, id_: int, *, by: Person) -> Group:
        """Nothing more is shown there, and the bot leaves."""
        new = self._end(self._known(id_), "group.unregistered", by.id)
        self._say_goodbye(new)
        return new

    def taken_in(self, group: Group, by: Person | None) -> bool:
        """The bot is in a group. Whether it waits to be registered: an administrator of ours has taken it in."""
        if group.is_registered:
            return False
        is_ours = by is not None and Role.ADMINISTRATOR in by.roles
        if group.state is not State.STRANGE or is_ours:
            self._save(replace(group, state=State.STRANGE), "", None)
        self._leave_after(group, PATIENCE if is_ours else GRACE)
        return is_ours

    def spoken_in(self, group: Group) -> None:
        """Somebody speaks to the bot in a group that is not registered: it goes, unless it waits to be registered."""
        if not group.is_registered and claims.armed_for(self._tx, _leaving(group.id)) is None:
            self._leave_after(group, GRACE)

    def _leave_after(self, group: Group, span: timedelta) -> None:
        queues.arm(self._tx, id=self._means.ids(), key=_leaving(group.id), kind=LEAVING,
                   due_at=self._tx.now + span, subject=group.id)  # fmt: skip

    def leave(self, id_: int) -> None:
        """The moment has come: whoever has not been registered by now is left, with one line, once."""
        group = self.find(id_)
        if group is None or group.is_registered:
            return
        self._say_goodbye(group)

    def put_out(self, group: Group) -> None:
        """Somebody has put the bot out of the group, or it has left."""
        queues.disarm(self._tx, _leaving(group.id))
        if group.is_registered:
            new = self._end(group, "group.lost", None)
            self._tell_administrators("lost", new)
        elif group.state is not State.LEFT:
            self._save(replace(group, state=State.LEFT), "", None)

    def lost(self, id_: int) -> None:
        """The platform says that nothing can be sent there any more."""
        group = self.find(id_)
        if group is not None:
            self.put_out(group)

    def noticed(self, group: Group, what: str) -> None:
        """What the bot may do in a registered group has changed: the administrators hear of it."""
        if group.is_registered:
            self._people.note(f"group.{what}", actor=None, subject=group.id)
            self._tell_administrators(what, group)

    def moved(self, channel: str, before: str, now: str) -> None:
        """The group goes on under another id: it stays registered, its cards begin anew."""
        known = records.by_lookup(self._tx, self._people.key(channel, before))
        if known is not None:
            self.move(known.id, now)

    def move(self, id_: int, chat: str) -> bool:
        """Whether it is one of ours; it may be known already."""
        known = self.find(id_)
        key = self._people.key(known.channel, chat) if known is not None else b""
        there = records.by_lookup(self._tx, key) if key else None
        if known is None or (there is not None and there.id == id_):
            return known is not None
        if there is not None:
            queues.disarm(self._tx, _leaving(there.id))
        records.move(self._tx, id_, lookup=key, chat=self._people.sealed_chat(chat))
        records.leave_cards(self._tx, id_)
        self._tx.cache.pop(_REGISTERED, None)
        self._people.note("group.moved", actor=None, subject=id_)
        return True

    def has_card(self, case_id: int, group: int) -> bool:
        return group in records.cards(self._tx, case_id)

    def follow(self, logged: Iterable[tuple[int, str]]) -> None:
        """The cards of these cases show what has become of them: one card a case and group, changed in place."""
        steps: dict[int, set[str]] = {}
        for case_id, code in logged:
            if code in SHOWN:
                steps.setdefault(case_id, set()).add(code)
        groups = self.registered() if steps else []
        for case_id, codes in steps.items() if groups else ():
            case = Records(self._tx, self._means.content).by_id(case_id, viewer=MACHINE)
            if case is None or not may_be_shown(case):
                continue
            known = records.cards(self._tx, case_id)
            for group in groups:
                self._follow(case, group, known.get(group.id), is_shown_anew(codes))

    def _follow(self, case: Case, group: Group, card: Card | None, is_new: bool) -> None:
        if card is None and not (is_new and group.concerns(case) and case.is_open):
            return
        opening = self._means.calendar.opening_for(self._tx.now)
        shown_from = card.shown_from if card is not None else opening
        row = self._means.ids()
        before = card.newest if card is not None else None
        if before is not None:
            queues.supersede(self._tx, before)
        self._tell(Telling(kind="group.card", subject=case.id, recipient=group.id, address=group.id, key=f"card:{row}",
                           lane=Lane.DEADLINE, data={"number": case.number}, audience=group.audience, row=row,
                           replaces=before, not_before=max(shown_from, self._tx.now)))  # fmt: skip
        if group.concerns(case):
            records.put_card(self._tx, case.id, group.id, row, shown_from)
        else:
            records.drop_card(self._tx, case.id, group.id)  # it went to another department: the card ends here

    def _known(self, id_: int) -> Group:
        found = self.find(id_)
        if found is None:
            raise NotFound("group")
        return found

    def _end(self, group: Group, code: str, by: int | None) -> Group:
        new = replace(group, state=State.LEFT)
        self._clear(group)
        self._save(new, code, by)
        return new

    def _clear(self, group: Group) -> None:
        withdrawal.cancel_address(self._tx, group.id)
        records.drop_cards(self._tx, group.id)

    def _save(self, group: Group, code: str, by: int | None) -> None:
        records.save(self._tx, group)
        self._tx.cache.pop(_REGISTERED, None)
        if code:
            self._people.note(code, actor=by, subject=group.id, detail=group.department or "")

    def _say_goodbye(self, group: Group) -> None:
        """One polite line, unless it has been said before, and then out. Both are owed like everything else."""
        key = f"group:{group.id}:{self._means.ids()}"
        if not group.excused:
            self._tell(Telling(kind="group.farewell", subject=group.id, recipient=group.id, address=group.id,
                               key=f"{key}:line", audience=OPEN))  # fmt: skip
        self._tell(Telling(kind="group.left", subject=group.id, recipient=group.id, address=group.id,
                           key=f"{key}:out", audience=OPEN))  # fmt: skip
        self._save(replace(group, state=State.LEFT, excused=True), "group.left", None)

    def _tell_administrators(self, what: str, group: Group, *, but: int | None = None) -> None:
        key = f"group:{group.id}:{what}:{self._means.ids()}"
        for person in self._people.all_with(Role.ADMINISTRATOR):
            if person.id != but:
                self._tell(Telling(kind="group.changed", subject=group.id, recipient=person.id, address=person.address,
                                   key=key, data={"what": what, "department": group.department or ""}))  # fmt: skip


def _leaving(id_: int) -> str:
    return f"{LEAVING}:{id_}"
