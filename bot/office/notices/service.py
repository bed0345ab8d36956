"""Writing a notice and agreeing to it, one act a method; how it goes out is in sending.py."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.errors import Changed, Invalid, MoveNotAllowed, NotFound, NotPermitted
from bot.office.notices import audience as people_of
from bot.office.notices.audience import area_key, belongs, topic_key
from bot.office.notices.model import (
    RING_AGAIN,
    RING_FOR,
    RUNNING,
    SAID_EVERY,
    Audience,
    Notice,
    Reach,
    Status,
    checked,
)
from bot.office.notices.sending import Sending
from bot.office.people.model import Person, Role
from bot.store import queues, withdrawal
from bot.telling import Lane, Telling

WRITERS = (Role.EDITOR, Role.HEAD)
APPROVERS = (Role.APPROVER, Role.HEAD)
LISTED = (Status.ASKED, Status.APPROVED, Status.SENDING, Status.SENT, Status.STOPPED)


class Notices(Sending):
    """The notices of one open transaction."""

    # --- writing ---

    def draft(self, words: str, *, by: Person, corrects: int | None = None) -> Notice:
        """A new one; of its readers nothing is carried over from any other. A correction goes to whom it corrects."""
        new = Notice(id=self._id(), author=by.id, address=by.address, status=Status.DRAFT, words=checked(words))
        if corrects is not None:
            old = self._found(corrects)
            if old.status not in (Status.SENT, Status.STOPPED):
                raise MoveNotAllowed("notice.over")
            new = replace(new, corrects=old.id, urgent=old.urgent, reader=old.reader, audience=Audience(reached=old.id))
        return self._records.add(new)

    def drafts(self, by: Person) -> list[Notice]:
        """What this person has not sent and not thrown away."""
        return self._records.latest(5, author=by.id, statuses=(Status.DRAFT, Status.ASKED))

    def own(self, id_: int, by: Person) -> Notice:
        """A notice of one's own; anybody else's draft does not exist."""
        found = self._records.find(id_)
        if found is None or found.author != by.id or found.status is Status.DROPPED:
            raise NotFound("notice")
        return found

    def reword(self, id_: int, words: str, *, by: Person) -> Notice:
        return self._change(id_, by, words=checked(words), is_confirmed=False)

    def set_urgent(self, id_: int, urgent: bool, *, by: Person) -> Notice:
        old = self.own(id_, by)
        return self._change(id_, by, urgent=urgent, reader=old.reader if urgent else None)

    def set_reader(self, id_: int, reader: int, *, by: Person) -> Notice:
        if reader not in {person.id for person in self.readers()}:
            raise NotFound("notice.reader")
        return self._change(id_, by, reader=reader)

    def choose(self, id_: int, audience: Audience, *, by: Person) -> Notice:
        if not set(audience.areas) <= set(self.directory.areas) or not set(audience.topics) <= set(self._topics()):
            raise NotFound("notice.audience")
        return self._change(id_, by, audience=audience, is_confirmed=False)

    def confirm(self, id_: int, *, by: Person) -> Notice:
        """Wider than the area that its words name, and meant so."""
        return self._change(id_, by, is_confirmed=True)

    def drop(self, id_: int, *, by: Person) -> None:
        """Thrown away; what was asked for is not to be agreed to any more."""
        old = self.own(id_, by)
        if not old.is_editable:
            raise MoveNotAllowed("notice.over")
        self._records.save(old, replace(old, status=Status.DROPPED, digest=None))
        self._silence(old)

    def _change(self, id_: int, by: Person, **values: object) -> Notice:
        old = self.own(id_, by)
        if old.status is Status.ASKED:
            self._silence(old)
        return self._records.save(old, old.changed(**values))

    # --- whom it reaches ---

    def readers(self) -> list[Person]:
        """Who may be the one that reads the answers: whoever sees the whole office's cases."""
        holders = {grant.person for grant in self._people.grants()}
        found = self._people.find(holders).values() if holders else []
        return sorted((person for person in found if person.sees_whole_office), key=lambda person: person.id)

    def reach(self, audience: Audience, *, urgent: bool, by: datetime | None = None) -> Reach:
        """How many people as it stands now, of those who belonged at `by`."""
        by = by or self._now
        who = belongs(audience, urgent=urgent, by=by)
        return people_of.count(self._tx, who, by=by, now=self._carriers.now, later=self._carriers.later)

    def followers(self, *, urgent: bool) -> tuple[dict[str, int], dict[str, int]]:
        """How many would get it in each area, and of each topic."""
        found = people_of.followers(self._tx, urgent=urgent, channels=(*self._carriers.now, *self._carriers.later))
        return (
            {slug: found.get(area_key(slug), 0) for slug in self.directory.areas},
            {slug: found.get(topic_key(slug), 0) for slug in self._topics()},
        )

    def wider(self, of: Notice) -> tuple[str, ...]:
        """The areas that its words name, where it would go to others too and nobody has confirmed that yet."""
        named = self.directory.named_in(of.words)
        if not named or of.is_confirmed or of.audience.reached is not None or not of.audience.is_wider_than(named):
            return ()
        return named

    # --- agreeing ---

    def ask(self, id_: int, *, by: Person) -> tuple[Notice, int]:
        """Somebody else has to agree: how many of them hear of it. From here on nobody is added."""
        old = self.own(id_, by)
        if old.status is Status.ASKED and not self._has_rung_out(old):
            return old, len(self._approvers(old))  # pressed twice
        if old.status is Status.ASKED:
            old = self._records.save(old, old.changed())
        if self.wider(old):
            raise Invalid("notice.wider")
        new = old.asked(self.reach(old.audience, urgent=bool(old.urgent)).people, self._now)
        approvers = self._approvers(new)
        if not approvers:
            raise NotPermitted("notice.alone")
        saved = self._records.save(old, new)
        self._log("notice.asked", by, saved)
        self._ring(saved)
        return saved, len(approvers)

    def ring(self, id_: int) -> None:
        """Once more, for half an hour, as long as nobody has agreed to an urgent one; its author hears so."""
        found = self._records.find(id_)
        if found is None or found.status is not Status.ASKED or found.asked_at is None:
            return
        self._ring(found)
        waited = self._now - found.asked_at
        if waited // SAID_EVERY > (waited - RING_AGAIN) // SAID_EVERY:
            minutes = waited // timedelta(minutes=1)
            self._tell(Telling(kind="notice.waits", subject=found.id, recipient=found.author, address=found.address,
                               key=f"notice:{found.id}:waits:{found.mark}:{minutes}",
                               data={"minutes": minutes, "mark": found.mark}))  # fmt: skip

    def asked(self, id_: int, by: Person) -> Notice:
        """What this person may agree to."""
        found = self._found(id_)
        if not _may_approve(by):
            raise NotPermitted("notice.approver")
        if found.author == by.id:
            raise NotPermitted("notice.own")
        if found.status in (*RUNNING, Status.SENT):
            raise Changed("notice.agreed")
        if found.status is not Status.ASKED:
            raise Changed("notice.changed")
        author = self._people.find([found.author]).get(found.author)
        if author is None or author.roles.isdisjoint(WRITERS):
            raise NotPermitted("notice.former")
        return found

    def waiting_for(self, by: Person) -> list[Notice]:
        """What waits for this person's agreement, the newest first."""
        if not _may_approve(by):
            return []
        asked = self._records.latest(5, author=None, statuses=(Status.ASKED,))
        return [found for found in asked if found.author != by.id]

    def approve(self, id_: int, mark: str, count: int, *, by: Person) -> Notice:
        """By somebody else, who looked at this very text and typed the number of its readers."""
        old = self.asked(id_, by)
        if mark != old.mark or not old.is_as_asked():
            raise Changed("notice.changed")
        if count != old.count:
            raise Invalid("notice.count")
        new = replace(old, status=Status.APPROVED, approver=by.id, starts_at=self.start_of(old))
        saved = self._records.save(old, new)
        self._log("notice.approved", by, saved)
        if saved.corrects is not None:
            self.take_back(saved.corrects)
        self._silence(saved)
        self._arm(saved, "start", saved.starts_at)
        return self._show(saved, {})

    def refuse(self, id_: int, *, by: Person) -> None:
        """Not like this: it is a draft again, and its author hears so."""
        old = self.asked(id_, by)
        saved = self._records.save(old, old.changed())
        self._log("notice.refused", by, saved)
        self._silence(old)
        self._tell(Telling(kind="notice.refused", subject=saved.id, recipient=saved.author, address=saved.address,
                           key=f"notice:{saved.id}:refused:{saved.revision}"))  # fmt: skip

    def listed(self) -> list[Notice]:
        """The last ones, for whoever writes or agrees to notices."""
        return self._records.latest(8, author=None, statuses=LISTED)

    def running(self) -> list[Notice]:
        return self._records.latest(8, author=None, statuses=tuple(RUNNING))

    def _approvers(self, of: Notice) -> list[Person]:
        found = {person.id: person for role in APPROVERS for person in self._people.with_role(role, None)}
        return [person for person in found.values() if person.id != of.author]

    def _ring(self, of: Notice) -> None:
        """All who may agree, together; of an urgent one at any hour and again every two minutes."""
        opening = self.opening_for(of)
        for person in self._approvers(of):
            self._tell(Telling(kind="notice.ask", subject=of.id, recipient=person.id, address=person.address,
                               key=f"notice:{of.id}:ask:{of.mark}:{self._now:%d%H%M}", lane=Lane.DEADLINE,
                               data={"mark": of.mark}, not_before=opening))  # fmt: skip
        if of.urgent and not self._has_rung_out(of):
            self._arm(of, "ring", self._now + RING_AGAIN)

    def _has_rung_out(self, of: Notice) -> bool:
        return bool(of.urgent) and of.asked_at is not None and self._now - of.asked_at >= RING_FOR

    def opening_for(self, of: Notice) -> datetime | None:
        """When those who may agree hear of it, if not at once: outside working hours only what is urgent rings."""
        calendar = self._calendar
        return None if of.urgent or calendar.is_open(self._now) else calendar.next_opening(self._now)

    def _silence(self, of: Notice) -> None:
        """Nobody needs to be asked any more."""
        queues.disarm(self._tx, self._timer(of, "ring"))
        for person in self._approvers(of):
            withdrawal.cancel_for(self._tx, of.id, person.id)


def _may_approve(person: Person) -> bool:
    """For the whole office: nobody agrees to what goes beyond their own department."""
    return any(person.may(role, None) for role in APPROVERS)
