"""Forgetting a person: at once what a transaction holds, the rest a slice at a time, and in the end the person.

The person who writes again is somebody new from the first transaction on: the chat leads to nobody known any more.
Who works here stays known as an official; what was theirs as a resident goes (threat T16).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import Table, delete, func, select, update

from bot.ids import Ids, Randomness
from bot.office.people import records
from bot.office.people.model import Person
from bot.office.people.records import address, person, role_grant
from bot.store import expiring, traces
from bot.store.queues import conversation
from bot.store.schema import metadata
from bot.store.traces import Going, Traces
from bot.store.transaction import Transaction

log = structlog.get_logger()

REST = "erasure.rest"
FAREWELL_WITHIN = timedelta(hours=1)  # after that it ends without a word: nobody may be there to hear it
MISSES_FOR = timedelta(hours=1)  # how long wrong look-ups count: forgetting must not be a way to go on guessing
AGAIN = timedelta(seconds=2)
IDLE_AT_ONCE = 500  # people looked at in one slice
# Rows that name a person and are not theirs to take away: the office's own records, in ids only.
OFFICE_RECORDS = frozenset(("role_grant", "case_party", "outbox", "passing_file"))
TRACES = frozenset(("notice_delivery",))  # that somebody was written to keeps them no longer than otherwise


class CasesOf(Protocol):
    """The part of cases that forgetting needs."""

    def forget_person(self, person: int, mark: str, traces: Traces, upto: int, *, works_here: bool) -> Going: ...


@dataclass
class Rest:
    """What is left to do of one erasure, in ids and codes: it travels in a timer."""

    person: int
    asked_at: float
    upto: int  # what was owed before this id is of the time before
    works_here: bool = False
    addresses: list[int] = field(default_factory=list)
    lanes: list[int] = field(default_factory=list)
    cases: list[int] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    misses: bool = False  # wrong look-ups of the last hour stand in the conversation

    @property
    def farewell(self) -> str:
        """The key of the last message."""
        return f"forgotten:{self.upto}"


class Erasures:
    """The acts of forgetting, each inside the caller's transaction."""

    def __init__(self, tx: Transaction, *, ids: Ids, random: Randomness, cases: CasesOf) -> None:
        self._tx = tx
        self._ids = ids
        self._random = random
        self._cases = cases
        self.traces = Traces(tx)

    def begin(self, who: Person, *, mark: str, event: int, lane: int | None, misses: bool = False) -> Rest:
        """Takes away what fits into this transaction; `event` is the update by which it was asked for."""
        tx, upto = self._tx, self._ids()
        self.traces.begin()
        found = tx.read(select(address).where(address.c.person == who.id)).all()
        rest = Rest(person=who.id, asked_at=tx.now.timestamp(), upto=upto, works_here=who.is_official, misses=misses,
                    addresses=[row.id for row in found], lanes=[row.lane for row in found])  # fmt: skip
        self.traces.note_event(event, lane)
        if not rest.works_here:
            self.traces.cancel(rest.addresses)
        self._slice(rest, mark)
        for other in rest.lanes:
            self.traces.leave_lane(other)
            if other != lane:
                self.traces.empty_conversation(other)
        expiring.expire_at_once(tx, who.id)
        if not rest.works_here:
            self._detach(found)
        self._withdraw_consent(rest)
        records.note(tx, id=self._ids(), code="person.erased", actor=None, subject=who.id)
        tx.cache.clear()
        return rest

    def go_on(self, rest: Rest, mark: str) -> timedelta | None:
        """The next slice; how long to wait for the one after, or None: the person is forgotten."""
        self._slice(rest, mark)
        for case in rest.cases:
            self.traces.silence(case, rest.upto, rest.person)
        rest.cases = [case for case in rest.cases if traces.is_under_way(self._tx, case, rest.upto)]
        rest.jobs = self.traces.drop_jobs(rest.jobs)
        is_patient = self._tx.now.timestamp() - rest.asked_at < FAREWELL_WITHIN.total_seconds()
        if is_patient and not self._said(rest):
            return AGAIN
        if self._has_cases(rest) or rest.cases or rest.jobs:
            return AGAIN
        if rest.works_here:
            return None
        return self._finish(rest)

    def idle(self, after: int, before: datetime) -> tuple[list[Person], int | None]:
        """People of whom nothing is kept but that they once wrote: their cases are over and erased, or never were.

        Looks at the next so many by id; (those people, the next cursor).
        """
        ids = self._tx.read(
            select(person.c.id).where(person.c.id > after).order_by(person.c.id).limit(IDLE_AT_ONCE)
        ).scalars().all()  # fmt: skip
        party = metadata.tables["case_party"]
        last = select(conversation.c.id).where(conversation.c.id == address.c.lane, conversation.c.changed_at >= before)
        busy = [
            select(party.c.id).where(party.c.person == person.c.id).exists(),
            select(role_grant.c.id)
            .where(role_grant.c.person == person.c.id, role_grant.c.revoked_at.is_(None))
            .exists(),
            select(address.c.id).where(address.c.person == person.c.id, last.exists()).exists(),
            *(select(table.c.person).where(table.c.person == person.c.id).exists() for table in others()
              if table.name not in TRACES),
        ]  # fmt: skip
        statement = select(person.c.id).where(
            person.c.id.in_(ids), person.c.created_at < before, *(~condition for condition in busy)
        )
        idle = self._tx.flushed().execute(statement).scalars().all() if ids else []
        people = list(records.by_id(self._tx, idle).values())
        return people, ids[-1] if len(ids) == IDLE_AT_ONCE else None

    def drop(self, who: Person) -> None:
        """Somebody of whom only the address is left, without a word: they have been away for the whole term."""
        found = self._tx.read(select(address).where(address.c.person == who.id)).all()
        rest = Rest(person=who.id, asked_at=0.0, upto=self._ids(), addresses=[row.id for row in found],
                    lanes=[row.lane for row in found])  # fmt: skip
        self.traces.cancel(rest.addresses)
        if not traces.is_sending(self._tx, rest.addresses):
            self._detach(found)
            self._finish(rest)

    def _withdraw_consent(self, rest: Rest) -> None:
        gone: dict[str, Any] = {"consent": 0, "consent_at": None}
        mine = person.c.id == rest.person
        if not rest.works_here:
            self.traces.went(self._tx.read(select(person.c.name).where(mine)).scalars())
            gone["name"] = None
        self._tx.write(update(person).where(mine).values(gone))

    def _slice(self, rest: Rest, mark: str) -> None:
        going = self._cases.forget_person(rest.person, mark, self.traces, rest.upto, works_here=rest.works_here)
        rest.cases += going.cases
        rest.jobs += going.jobs

    def _has_cases(self, rest: Rest) -> bool:
        party = metadata.tables["case_party"]
        parts = ("requester", "follower") if rest.works_here else ("requester", "follower", "subject")
        statement = select(party.c.id).where(party.c.person == rest.person, party.c.part.in_(parts)).limit(1)
        return self._tx.read(statement).scalar_one_or_none() is not None

    def _said(self, rest: Rest) -> bool:
        """Whether the farewell has gone out, and nothing else is on its way."""
        is_over = any(traces.is_settled(self._tx, rest.farewell, one) for one in rest.addresses)
        return is_over and not traces.is_sending(self._tx, rest.addresses)

    def _detach(self, found: Sequence[Any]) -> None:
        """The chat leads to nobody known; the address stays for as long as the farewell needs it."""
        for row in found:
            self.traces.went([row.lookup])
            lookup = self._random.getrandbits(256).to_bytes(32, "big")
            self._tx.write(update(address).where(address.c.id == row.id).values(lookup=lookup, lane=0))

    def _finish(self, rest: Rest) -> timedelta | None:
        """Nothing is owed any more: addresses, person, and everything that still names the chat."""
        tx = self._tx
        left = self._tx.now.timestamp() - rest.asked_at
        keeps_misses = rest.misses and left < MISSES_FOR.total_seconds()
        self.traces.drop_outbox(rest.addresses)
        for lane in rest.lanes:
            newcomer = tx.read(select(func.min(address.c.created_at)).where(address.c.lane == lane)).scalar_one()
            self.traces.drop_lane(lane, newcomer, talk_too=not keeps_misses)
        self.traces.drop_jobs_about(rest.person)
        chats = tx.read(select(address.c.chat).where(address.c.id.in_(rest.addresses))).scalars()
        self.traces.went(chats)
        tx.write(delete(address).where(address.c.id.in_(rest.addresses)))
        for table in others():
            tx.write(delete(table).where(table.c.person == rest.person))
        if tx.write(delete(person).where(person.c.id == rest.person)).rowcount:
            log.info("person_erased", person=rest.person)
        tx.cache.clear()
        return MISSES_FOR - timedelta(seconds=left) if keeps_misses else None


def others() -> list[Table]:
    """Every further table with rows of a person, whoever declared it: they go with the person."""
    known = {*OFFICE_RECORDS, "address"}
    return [table for table in metadata.sorted_tables if "person" in table.c and table.name not in known]
