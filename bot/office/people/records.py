"""Tables and statements of people: identity sealed, found by keyed hash only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    bindparam,
    func,
    insert,
    select,
    update,
)

from bot.office.people.model import CASE_ROLES, Grant, Person, Role, StandingGrant
from bot.store.prepared import Prepared
from bot.store.queues import CONVERSATIONS, OutboxState, conversation, outbox
from bot.store.schema import metadata
from bot.store.transaction import Transaction
from bot.store.types import UtcTime
from bot.telling import Lane

LONGEST_TAG = 12  # characters of a language's tag

person = Table(
    "person",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("language", String(LONGEST_TAG)),
    Column("consent", SmallInteger, nullable=False),  # version agreed to; 0: none
    Column("consent_at", UtcTime),
    Column("name", LargeBinary),  # sealed; of officials, by their own wish of residents
    Column("created_at", UtcTime, nullable=False),
)

address = Table(
    "address",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("person", BigInteger, nullable=False, index=True),
    Column("channel", String(80), nullable=False),
    Column("lookup", LargeBinary(32), nullable=False, unique=True),
    Column("chat", LargeBinary, nullable=False),  # sealed with the identity key
    Column("lane", BigInteger, nullable=False, index=True),  # its conversation
    Column("reachable", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("found_at", UtcTime),  # when it could be reached again; none: it always could
)

role_grant = Table(
    "role_grant",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("person", BigInteger, nullable=False, index=True),
    Column("role", String(20), nullable=False),
    Column("department", String(60)),
    Column("granted_by", BigInteger),  # none: from the command line
    Column("granted_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)

invite = Table(
    "invite",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("code", LargeBinary(32), nullable=False, unique=True),  # keyed hash
    Column("role", String(20), nullable=False),
    Column("department", String(60)),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    Column("used_by", BigInteger),
    Column("asked_by", BigInteger),  # an administrator; none: from the command line, which counts as two people
    Column("approved_by", BigInteger),  # another administrator; an invitation that was asked for needs one
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", BigInteger),
    Column("code", String(40), nullable=False),
    Column("subject", BigInteger),
    Column("detail", String(200)),  # codes and ids, never words of people
    Index("ix_audit_at", "at"),
)

_PEOPLE = (  # one row for each role that somebody holds at this moment, or one alone
    select(
        address.c.lookup,
        person.c.id,
        address.c.id,
        address.c.channel,
        person.c.language,
        person.c.consent,
        role_grant.c.role,
        role_grant.c.department,
    )
    .join(person, person.c.id == address.c.person)
    .outerjoin(role_grant, (role_grant.c.person == person.c.id) & role_grant.c.revoked_at.is_(None))
)
_OF_LANES = Prepared(_PEOPLE.add_columns(address.c.lane).where(address.c.lane.in_(bindparam("lanes", expanding=True))))
_FOUND = Prepared(_PEOPLE.where(address.c.lookup.in_(bindparam("keys", expanding=True))))
_BY_PERSON = Prepared(
    _PEOPLE.where(address.c.person.in_(bindparam("keys", expanding=True))).order_by(address.c.reachable, address.c.id)
)
_GRANTS = Prepared(
    select(role_grant.c.person, role_grant.c.role, role_grant.c.department).where(
        role_grant.c.person.in_(bindparam("keys", expanding=True)), role_grant.c.revoked_at.is_(None)
    )
)
_HOLDERS = select(role_grant.c.person).where(
    role_grant.c.role.in_(bindparam("roles", expanding=True)), role_grant.c.revoked_at.is_(None)
)
_IN_DEPARTMENT = Prepared(_HOLDERS.where(role_grant.c.department == bindparam("department")))
_IN_WHOLE = Prepared(_HOLDERS.where(role_grant.c.department.is_(None)))
_NEAR = Prepared(
    _HOLDERS.where(role_grant.c.department.is_(None) | (role_grant.c.department == bindparam("department")))
)
_LAST_WORDS = Prepared(
    select(conversation.c.changed_at)
    .join(address, address.c.lane == conversation.c.id)
    .where(address.c.id == bindparam("at"))
)
_CHATS = Prepared(select(address.c.id, address.c.chat).where(address.c.id.in_(bindparam("ids", expanding=True))))
_ADD_PERSON = Prepared(insert(person), ["id", "language", "consent", "created_at"])
_ADD_ADDRESS = Prepared(insert(address), [column.name for column in address.c])


def by_lookup(tx: Transaction, keys: Sequence[bytes]) -> dict[bytes, Person]:
    """The people at these addresses, with the roles they hold at this moment."""
    return _people(tx.rows(_FOUND, {"keys": keys}), key=0)


def by_id(tx: Transaction, ids: Iterable[int]) -> dict[int, Person]:
    """People at their newest reachable address."""
    wanted = list(ids)
    return _people(tx.rows(_BY_PERSON, {"keys": wanted}) if wanted else [], key=1)


def _people(rows: Sequence[Any], *, key: int) -> dict[Any, Person]:
    grants: dict[int, set[Grant]] = {}
    for row in rows:
        held = grants.setdefault(row[1], set())
        if row.role is not None:
            held.add(Grant(Role(row.role), row.department))
    return {row[key]: Person(row[1], row[2], row[3], row[4], row[5], frozenset(grants[row[1]])) for row in rows}


def grants_of(tx: Transaction, ids: Iterable[int]) -> dict[int, frozenset[Grant]]:
    wanted = list(ids)
    found: dict[int, set[Grant]] = {}
    if wanted:
        for row in tx.rows(_GRANTS, {"keys": wanted}):
            found.setdefault(row.person, set()).add(Grant(Role(row.role), row.department))
    return {id_: frozenset(grants) for id_, grants in found.items()}


def holders(tx: Transaction, roles: Iterable[Role]) -> dict[int, frozenset[Grant]]:
    """Everybody who holds one of these roles, with all their grants."""
    statement = select(role_grant.c.person).where(
        role_grant.c.role.in_([role.value for role in roles]), role_grant.c.revoked_at.is_(None)
    )
    return grants_of(tx, tx.read(statement.distinct()).scalars())


def granted(tx: Transaction, roles: Iterable[Role], department: str | None) -> set[int]:
    """Everybody who holds one of these roles for this very department, or (None) for the whole office."""
    facts = {"roles": sorted(role.value for role in roles), "department": department}
    return {row.person for row in tx.rows(_IN_WHOLE if department is None else _IN_DEPARTMENT, facts)}


def granted_near(tx: Transaction, roles: Iterable[Role], department: str | None) -> set[int]:
    """Everybody who holds one of these roles for the whole office, or for this very department."""
    facts = {"roles": sorted(role.value for role in roles), "department": department}
    return {row.person for row in tx.rows(_NEAR, facts)}


def sealed_chats(tx: Transaction, addresses: Sequence[int]) -> Mapping[int, bytes]:
    return {row.id: row.chat for row in tx.rows(_CHATS, {"ids": addresses})} if addresses else {}


def addresses_of(tx: Transaction, person_id: int) -> list[int]:
    return list(tx.read(select(address.c.id).where(address.c.person == person_id)).scalars())


def channel_of(tx: Transaction, address_id: int) -> str | None:
    statement = select(address.c.channel).where(address.c.id == address_id)
    return tx.read(statement).scalar_one_or_none()


def last_words_at(tx: Transaction, address_id: int) -> datetime | None:
    """When the talk at this address last went on."""
    rows = _LAST_WORDS.rows(tx.flushed(CONVERSATIONS), {"at": address_id})
    return rows[0].changed_at if rows else None


def lanes_of(tx: Transaction, lanes: Iterable[int]) -> dict[int, Person]:
    """The people whose conversations these are."""
    rows = tx.rows(_OF_LANES, {"lanes": [*lanes]})
    found = _people(rows, key=0)
    return {row.lane: found[row.lookup] for row in rows}


def add_person(tx: Transaction, id_: int, language: str | None) -> None:
    tx.change(_ADD_PERSON, {"id": id_, "language": language, "consent": 0, "created_at": tx.now})


def add_address(
    tx: Transaction, *, id: int, person_id: int, channel: str, lookup: bytes, chat: bytes, lane: int
) -> None:
    row = {"id": id, "person": person_id, "channel": channel, "lookup": lookup, "chat": chat, "lane": lane}
    tx.change(_ADD_ADDRESS, row | {"reachable": True, "created_at": tx.now, "found_at": None})


def set_unreachable(tx: Transaction, address_id: int) -> None:
    tx.write(update(address).where(address.c.id == address_id).values(reachable=False))


def set_reachable(tx: Transaction, address_id: int) -> None:
    lost = update(address).where(address.c.id == address_id, address.c.reachable.is_(False))
    tx.write(lost.values(reachable=True, found_at=tx.now))


def has_missed(tx: Transaction, address_id: int) -> bool:
    """Whether nobody can be reached here, and a message about a case failed since somebody last could."""
    lost = (address.c.id == address_id, address.c.reachable.is_(False))
    since = select(func.coalesce(address.c.found_at, address.c.created_at)).where(*lost)
    failed = select(outbox.c.id).where(
        outbox.c.address == address_id, outbox.c.state == OutboxState.FAILED, outbox.c.subject > 0,
        outbox.c.lane < Lane.NOTICE, outbox.c.settled_at >= since.scalar_subquery(),
    )  # fmt: skip
    return tx.flushed().execute(failed.limit(1)).first() is not None


def is_reachable(tx: Transaction, address_id: int) -> bool:
    statement = select(address.c.reachable).where(address.c.id == address_id)
    return bool(tx.read(statement).scalar_one_or_none())


def set_name(tx: Transaction, person_id: int, sealed: bytes) -> None:
    tx.write(update(person).where(person.c.id == person_id).values(name=sealed))


def sealed_name(tx: Transaction, person_id: int) -> bytes | None:
    return tx.read(select(person.c.name).where(person.c.id == person_id)).scalar_one_or_none()


def set_consent(tx: Transaction, person_id: int, version: int) -> None:
    tx.write(update(person).where(person.c.id == person_id).values(consent=version, consent_at=tx.now))


def set_language(tx: Transaction, person_id: int, language: str) -> None:
    tx.write(update(person).where(person.c.id == person_id).values(language=language))


def add_invite(
    tx: Transaction, *, id: int, code: bytes, role: Role, department: str | None, expires_at: datetime,
    asked_by: int | None = None,
) -> None:  # fmt: skip
    row = {"id": id, "code": code, "role": role.value, "department": department, "expires_at": expires_at}
    tx.write(insert(invite), row | {"created_at": tx.now, "asked_by": asked_by})


def approve_invite(tx: Transaction, id_: int, code: bytes, by: int) -> int | None:
    """Agreed to by somebody else than whoever asked, once; the asker, or None where that is not possible."""
    fits = (invite.c.id == id_, invite.c.asked_by.is_not(None), invite.c.asked_by != by,
            invite.c.approved_by.is_(None), invite.c.used_at.is_(None), invite.c.expires_at > tx.now)  # fmt: skip
    asker = tx.read(select(invite.c.asked_by).where(*fits)).scalar_one_or_none()
    if asker is None or tx.write(update(invite).where(*fits).values(code=code, approved_by=by)).rowcount != 1:
        return None
    return int(asker)


def standing_grants(tx: Transaction) -> list[StandingGrant]:
    """Every role in force, the oldest first."""
    columns = (
        role_grant.c.id,
        role_grant.c.person,
        role_grant.c.role,
        role_grant.c.department,
        role_grant.c.granted_at,
    )
    rows = tx.read(select(*columns).where(role_grant.c.revoked_at.is_(None)).order_by(role_grant.c.id))
    return [StandingGrant(row.id, row.person, Role(row.role), row.department, row.granted_at) for row in rows]


def revoke(tx: Transaction, grant_id: int) -> bool:
    statement = update(role_grant).where(role_grant.c.id == grant_id, role_grant.c.revoked_at.is_(None))
    return tx.write(statement.values(revoked_at=tx.now)).rowcount == 1


def use_invite(tx: Transaction, code: bytes, by: int) -> tuple[Role, str | None] | None:
    """The role in an unused invitation, used up by this call; None where there is no such."""
    is_agreed = invite.c.asked_by.is_(None) | invite.c.approved_by.is_not(None)
    fits = (invite.c.code == code, invite.c.used_at.is_(None), invite.c.expires_at > tx.now, is_agreed)
    row = tx.read(select(invite.c.id, invite.c.role, invite.c.department).where(*fits)).one_or_none()
    if row is None:
        return None
    used = update(invite).where(invite.c.id == row.id, invite.c.used_at.is_(None))
    if tx.write(used.values(used_at=tx.now, used_by=by)).rowcount != 1:
        return None
    return Role(row.role), row.department


def manned(connection: Connection) -> set[str | None]:
    """The departments in which somebody may take cases; None stands for the whole office."""
    takers = [role.value for role in CASE_ROLES - {Role.SUPERVISOR}]
    statement = select(role_grant.c.department).where(role_grant.c.role.in_(takers), role_grant.c.revoked_at.is_(None))
    return set(connection.execute(statement.distinct()).scalars())


def add_grant(tx: Transaction, *, id: int, person_id: int, role: Role, department: str | None, by: int | None) -> None:
    row = {"id": id, "person": person_id, "role": role.value, "department": department, "granted_by": by}
    tx.write(insert(role_grant), row | {"granted_at": tx.now})


def note(tx: Transaction, *, id: int, code: str, actor: int | None, subject: int | None, detail: str = "") -> None:
    """A line of the audit log: who did what to what, in codes."""
    row = {"id": id, "at": tx.now, "actor": actor, "code": code, "subject": subject, "detail": detail}
    tx.write(insert(audit), row)


def note_all(tx: Transaction, ids: Callable[[], int], *, code: str, subjects: Sequence[int]) -> None:
    """The same for many at once, by nobody with a role here."""
    rows = [{"id": ids(), "at": tx.now, "actor": None, "code": code, "subject": subject, "detail": ""}
            for subject in subjects]  # fmt: skip
    if rows:
        tx.write(insert(audit), rows)
