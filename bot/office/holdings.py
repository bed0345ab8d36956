"""All that the office holds of one person, for that person alone: nobody else's words, and no notes about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bot.office.cases.model import Case
from bot.office.cases.records import Attachment, Entry
from bot.office.cases.service import Cases
from bot.office.people.model import Person
from bot.office.people.records import address, person
from bot.store.queues import CONVERSATIONS, conversation
from bot.store.transaction import Transaction


@dataclass(frozen=True)
class HeldCase:
    """One case: what this person said in it, what they were told, and the files that they sent."""

    case: Case
    is_own: bool  # brought, not only followed: then the answers are theirs too
    entries: Sequence[Entry]
    files: Sequence[Attachment]


@dataclass(frozen=True)
class Holdings:
    """`talks` are the sealed places in the dialogue, which only the loops can open."""

    since: datetime
    language: str | None
    consent: int
    consent_at: datetime | None
    channels: Sequence[str]
    cases: Sequence[HeldCase]
    subscriptions: Sequence[str]
    talks: Sequence[bytes]


def read_holdings(tx: Transaction, cases: Cases, follows: Sequence[str], of: Person) -> Holdings | None:
    """Reads only; None where the person is not known any more. `follows` are the notices they get, in words."""
    who = tx.read(select(person).where(person.c.id == of.id)).one_or_none()
    if who is None:
        return None
    addresses = tx.read(select(address.c.channel, address.c.lane).where(address.c.person == of.id)).all()
    lanes = [row.lane for row in addresses]
    talks = select(conversation.c.state).where(conversation.c.id.in_(lanes))
    return Holdings(
        since=who.created_at,
        language=who.language,
        consent=who.consent,
        consent_at=who.consent_at,
        channels=[row.channel for row in addresses],
        cases=[HeldCase(*held) for held in cases.held_of(of)],
        subscriptions=follows,
        talks=[state for state in tx.flushed(CONVERSATIONS).execute(talks).scalars() if state],
    )
