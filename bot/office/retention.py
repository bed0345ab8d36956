"""How long things are kept, and going through them by night: one class after another, a slice at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.office.cases.service import Cases
from bot.office.people.erasure import Erasures
from bot.store import leftovers
from bot.store.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Days. What was said before consent waits one day and an open form seven: their own timers see to that."""

    cases: int  # the resident's words, files and place in the case, after its end
    people: int  # of somebody who has nothing open and has not written since
    talks: int  # what web chats have shown
    set_aside: int  # updates that could not be handled, for an operator
    uncertain: int  # words of messages that may have arrived, for an operator
    queues: int  # keys of handled updates, to know repeats; timers and jobs that are over
    messages: int  # that a message about no case went out, without its words
    copies: int  # of the database, made before it was brought to a newer version


@dataclass(frozen=True)
class Slice:
    """Where the night stands: a class, and the last id looked at in it."""

    name: str
    after: int = 0


Sweep = Callable[[Transaction, int, datetime], int | None]
SWEEPS: Mapping[str, Sweep] = {
    "inbox": leftovers.sweep_inbox,
    "set_aside": leftovers.sweep_set_aside,
    "messages": leftovers.sweep_outbox,
    "uncertain": leftovers.blank_uncertain,
    "timers": leftovers.sweep_timers,
    "jobs": leftovers.sweep_jobs,
    "talks": leftovers.sweep_talks,
}
CLASSES = (*SWEEPS, "cases", "people")
_QUEUES = frozenset(("inbox", "timers", "jobs"))


class Nights:
    """The slices of one transaction."""

    def __init__(self, tx: Transaction, terms: Retention, cases: Cases, erasures: Erasures) -> None:
        self._tx = tx
        self._terms = terms
        self._cases = cases
        self._erasures = erasures

    def begin(self) -> Slice:
        return Slice(CLASSES[0])

    def sweep(self, at: Slice, mark: str, upto: int) -> Slice | None:
        """Erases what is too old in this slice; the next one, or None when the night is over."""
        before = self._before(at.name)
        if at.name == "cases":
            going = self._cases.forget_old(before, mark, self._erasures.traces, upto)
            again = at.after if going.more else None
        elif at.name == "people":
            people, again = self._erasures.idle(at.after, before)
            for person in people:
                self._erasures.drop(person)
        else:
            again = SWEEPS[at.name](self._tx, at.after, before)
        if again is not None:
            return Slice(at.name, again)
        behind = CLASSES[CLASSES.index(at.name) + 1 :]
        return Slice(behind[0]) if behind else None

    def _before(self, name: str) -> datetime:
        days = self._terms.queues if name in _QUEUES else getattr(self._terms, name)
        return self._tx.now - timedelta(days=days)
