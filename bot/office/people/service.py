"""Acts about people, each inside the caller's transaction: meeting, consent, invitations, roles."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.errors import NotFound, NotPermitted
from bot.identity import Identity
from bot.ids import Ids
from bot.office.people import records
from bot.office.people.model import CASE_ROLES, CONSENT_VERSION, Grant, Person, Role, StandingGrant
from bot.sealing import Lookup
from bot.store import sending
from bot.store.transaction import Transaction

INVITE_LIFE = timedelta(days=7)
HEARING_ROLES = CASE_ROLES - {Role.SUPERVISOR}  # who decides hears of a case when there is something to decide


class People:
    """The people of one open transaction. What it has read it keeps until somebody's rights change."""

    def __init__(self, tx: Transaction, *, ids: Ids, lookup: Lookup, identity: Identity) -> None:
        self._tx = tx
        self._ids = ids
        self._lookup = lookup
        self._identity = identity

    def expect(self, chats: Iterable[tuple[str, str]]) -> None:
        """Reads the people of these (channel, chat) pairs in bulk."""
        wanted = {self.key(channel, chat): (channel, chat) for channel, chat in chats}
        if wanted:
            found = records.by_lookup(self._tx, [*wanted])
            self._tx.cache |= {wanted[key]: person for key, person in found.items()}

    def meet(self, channel: str, chat: str, language: str | None = None) -> Person:
        """Whoever speaks in this chat; somebody new gets a person and an address, and nothing else is kept."""
        if (channel, chat) not in self._tx.cache:
            self.expect([(channel, chat)])
        known: Person | None = self._tx.cache.get((channel, chat))
        return known if known is not None else self._welcome(channel, chat, language)

    def at_lane(self, lane: int) -> Person | None:
        """The person whose conversation this is."""
        return records.lanes_of(self._tx, [lane]).get(lane)

    def find(self, ids: Iterable[int]) -> dict[int, Person]:
        """People at their newest reachable address."""
        wanted, seen = list(ids), self._tx.seen
        strangers = [id_ for id_ in wanted if ("person", id_) not in seen]
        if strangers:
            found = records.by_id(self._tx, strangers)
            seen |= {("person", id_): found.get(id_) for id_ in strangers}
        people: dict[int, Person | None] = {id_: seen["person", id_] for id_ in wanted}
        return {id_: person for id_, person in people.items() if person is not None}

    def channel_of(self, address: int) -> str | None:
        """The channel of an address; whether anybody can be reached there is another question."""
        return records.channel_of(self._tx, address)

    def agree(self, person: Person) -> Person:
        """Consent to what the current version says."""
        records.set_consent(self._tx, person.id, CONSENT_VERSION)
        self._tx.cache.clear()
        return Person(person.id, person.address, person.channel, person.language, CONSENT_VERSION, person.grants)

    def speak(self, person: Person, language: str) -> None:
        records.set_language(self._tx, person.id, language)
        self._tx.cache.clear()

    def invite(self, role: Role, department: str | None) -> str:
        """A code for one use, seven days; only its hash is kept."""
        code = secrets.token_urlsafe(18)
        records.add_invite(
            self._tx,
            id=self._ids(),
            code=self._lookup.digest("invite", code),
            role=role,
            department=department,
            expires_at=self._tx.now + INVITE_LIFE,
        )
        return code

    def ask_invite(self, role: Role, department: str | None, *, by: Person) -> int:
        """An invitation that nobody can use before another administrator agrees; its id."""
        id_ = self._ids()
        records.add_invite(self._tx, id=id_, code=self._lookup.digest("invite", secrets.token_urlsafe(18)), role=role,
                           department=department, expires_at=self._tx.now + INVITE_LIFE, asked_by=by.id)  # fmt: skip
        records.note(self._tx, id=self._ids(), code="invite.asked", actor=by.id, subject=id_, detail=role.value)
        return id_

    def approve_invite(self, id_: int, *, by: Person) -> tuple[str, Person | None]:
        """The code, and whoever asked for it; raises NotFound for one's own, a used or an expired one."""
        code = secrets.token_urlsafe(18)
        asker = records.approve_invite(self._tx, id_, self._lookup.digest("invite", code), by.id)
        if asker is None:
            raise NotFound("invite")
        records.note(self._tx, id=self._ids(), code="invite.approved", actor=by.id, subject=id_)
        return code, self.find([asker]).get(asker)

    def grants(self) -> list[StandingGrant]:
        """Every role in force."""
        return records.standing_grants(self._tx)

    def revoke(self, grant_id: int, *, by: Person) -> Person:
        """Ends a role at once; the last administrator stays. What its holder had in hand is for `cases.cut_off`."""
        standing = self.grants()
        found = next((grant for grant in standing if grant.id == grant_id), None)
        if found is None:
            raise NotFound("role")
        administrators = {grant.person for grant in standing if grant.role is Role.ADMINISTRATOR}
        if found.role is Role.ADMINISTRATOR and administrators == {found.person}:
            raise NotPermitted("role.last")
        records.revoke(self._tx, grant_id)
        records.note(self._tx, id=self._ids(), code="role.revoked", actor=by.id, subject=found.person,
                     detail=found.role.value)  # fmt: skip
        self._tx.cache.clear()
        return self.find([found.person])[found.person]

    def join(self, code: str, person: Person) -> Grant:
        """Uses an invitation up; a used, expired or unknown one is the same to whoever tries."""
        found = records.use_invite(self._tx, self._lookup.digest("invite", code), person.id)
        if found is None:
            raise NotFound("invite")
        role, department = found
        records.add_grant(
            self._tx, id=self._ids(), person_id=person.id, role=role, department=department, by=None
        )  # fmt: skip
        records.note(self._tx, id=self._ids(), code="role.granted", actor=None, subject=person.id, detail=role.value)
        self._tx.cache.clear()
        return Grant(role, department)

    def concerned(self, department: str | None, *, sealed: bool = False) -> list[Person]:
        """The officials who are to hear of a new case of this department; where it has none, the whole office's."""
        if sealed:
            return self.with_role(Role.SUPERVISOR, None)
        near = records.granted_near(self._tx, HEARING_ROLES, department)
        ids = near or records.granted(self._tx, CASE_ROLES, None)
        return list(self.find(sorted(ids)).values()) if ids else []

    def with_role(self, role: Role, department: str | None) -> list[Person]:
        """The holders of a role whose grant covers the department; none there: the whole office's."""
        near = records.granted(self._tx, (role,), department) if department is not None else set()
        ids = near or records.granted(self._tx, (role,), None)
        return list(self.find(sorted(ids)).values()) if ids else []

    def all_with(self, *roles: Role) -> list[Person]:
        """Everybody who holds one of these roles, for the whole office or a department."""
        holders = records.holders(self._tx, roles)
        return list(self.find(holders).values()) if holders else []

    def has_any_official(self) -> bool:
        return bool(records.holders(self._tx, tuple(Role)))

    def wrote_since(self, address: int, moment: datetime) -> bool:
        """Whether somebody spoke or pressed there after the moment: they are awake and waiting."""
        last = records.last_words_at(self._tx, address)
        return last is not None and last >= moment

    def addresses(self, person_id: int) -> list[int]:
        """All addresses of somebody."""
        return records.addresses_of(self._tx, person_id)

    def lost(self, address: int) -> None:
        """Nobody can be reached at this address any more."""
        records.set_unreachable(self._tx, address)

    def found_again(self, address: int) -> bool:
        """Somebody can be reached again; True where meanwhile something about a case did not reach them."""
        has_missed = records.has_missed(self._tx, address)
        records.set_reachable(self._tx, address)
        return has_missed

    def woke(self, channel: str, chat: str) -> int:
        """The page of this chat is open again: what waits for it is due."""
        key = self.key(channel, chat)
        person = records.by_lookup(self._tx, [key]).get(key)
        return sending.wake_address(self._tx, person.address, sending.CLOSED) if person else 0

    def _welcome(self, channel: str, chat: str, language: str | None) -> Person:
        person = Person(self._ids(), self._ids(), channel, _kept(language))
        records.add_person(self._tx, person.id, person.language)
        records.add_address(
            self._tx,
            id=person.address,
            person_id=person.id,
            channel=channel,
            lookup=self.key(channel, chat),
            chat=self._identity.seal_chat(chat),
            lane=self._lookup.lane(channel, chat),
        )
        self._tx.cache[channel, chat] = person
        return person

    def known(self, channel: str, chat: str) -> Person | None:
        """Whoever has this private chat; nobody is met by it, and nothing is kept."""
        key = self.key(channel, chat)
        return records.by_lookup(self._tx, [key]).get(key)

    def lane(self, channel: str, chat: str) -> int:
        """The conversation of a chat."""
        return self._lookup.lane(channel, chat)

    def can_be_reached(self, address: int) -> bool:
        """Whether messages arrive there, as far as is known."""
        return records.is_reachable(self._tx, address)

    def call(self, person: Person, name: str) -> None:
        """What colleagues see of an official; their own wish."""
        records.set_name(self._tx, person.id, self._identity.seal_name(name))

    def name_of(self, person: int) -> str:
        """The name that an official goes by among colleagues; empty for none."""
        sealed = records.sealed_name(self._tx, person)
        return self._identity.open_name(sealed) if sealed is not None else ""

    def note(self, code: str, *, actor: int | None, subject: int | None, detail: str = "") -> None:
        """A line of the audit log, in codes."""
        records.note(self._tx, id=self._ids(), code=code, actor=actor, subject=subject, detail=detail)

    def sealed_chat(self, chat: str) -> bytes:
        return self._identity.seal_chat(chat)

    def key(self, channel: str, chat: str) -> bytes:
        """By what a chat is found."""
        return self._lookup.digest("address", channel, chat)


def _kept(tag: str | None) -> str | None:
    """A language as a device tells it; of one with many parts (RFC 5646: “ca-ES-valencia”) its name alone."""
    if tag is None or len(tag) <= records.LONGEST_TAG:
        return tag
    return tag.replace("_", "-").partition("-")[0][: records.LONGEST_TAG]
