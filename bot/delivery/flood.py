"""How much one chat may send: a bucket for each, in memory. It looks at nothing that is said."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

MOST_BUCKETS = 20_000
APART = 60.0  # seconds: further than this the two clocks are apart only after an outage
URGENT_EVERY = timedelta(minutes=5)  # who has just heard what to do in a danger is not told again with every message


class Verdict(Enum):
    """What becomes of an update."""

    TAKEN = "taken"
    TOLD = "told"  # the first over the limit: stored, so that the person is told
    URGENT = "urgent"  # over the limit, and taken: it tells of danger
    DROPPED = "dropped"  # the rest: confirmed to the platform, counted, not kept


@dataclass(frozen=True)
class Limit:
    """So many updates a minute in the long run, so many at once."""

    per_minute: int
    burst: int


@dataclass(slots=True)
class _Bucket:
    left: float
    at: datetime
    said_at: datetime | None = None
    counted: float = 0.0  # seconds by arrival that the dates have not shown yet: they must not count twice
    is_told: bool = False
    calls: dict[str, datetime] = field(default_factory=dict)  # by danger, the latest call last

    def hears(self, danger: str, now: datetime) -> bool:
        """Whether this call for help is taken; a clock that was set back keeps nobody waiting."""
        called_at = self.calls.get(danger)
        if called_at is not None and timedelta(0) <= now - called_at < URGENT_EVERY:
            return False
        self.calls.pop(danger, None)
        self.calls[danger] = now
        return True


class Flood:
    """The named exception to “nothing is lost”: it keeps one chat from filling the disk and delaying the others.

    An emptied bucket must be a quarter full again before anything more is taken, so that whoever
    goes on sending is not told again with every second message.
    """

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._buckets: OrderedDict[int, _Bucket] = OrderedDict()  # whoever has been quiet longest goes first
        self.dropped = 0

    def judge(
        self, lane: int, now: datetime, said_at: datetime | None = None, danger: Callable[[], str | None] = lambda: None
    ) -> Verdict:
        """Time passes between two updates by when they arrived or by when they were said, whichever is more.

        What a chat said in the hours of an outage arrives all at once afterwards, and is no flood. `danger` says
        which one the update tells of; it is asked only of what would not be taken.
        """
        bucket = self._filled(lane, now, said_at)
        is_dropped = bucket.is_told and bucket.left < self._limit.burst / 4
        if not is_dropped:
            bucket.is_told = False
            if bucket.left >= 1:
                bucket.left -= 1
                return Verdict.TAKEN
        told_of = danger()
        if told_of is not None and bucket.hears(told_of, now):
            return Verdict.URGENT
        if is_dropped:
            self.dropped += 1
            return Verdict.DROPPED
        bucket.is_told = True
        return Verdict.TOLD

    def give_back(self, lane: int, verdict: Verdict) -> None:
        """An update that was judged could not be stored: as if it had not come yet."""
        bucket = self._buckets.get(lane)
        if bucket is None:
            return
        match verdict:
            case Verdict.TAKEN:
                bucket.left = min(self._limit.burst, bucket.left + 1)
            case Verdict.TOLD:
                bucket.is_told = False
            case Verdict.URGENT:
                bucket.calls.popitem()

    def _filled(self, lane: int, now: datetime, said_at: datetime | None) -> _Bucket:
        bucket = self._buckets.pop(lane, None) or _Bucket(self._limit.burst, now, said_at)
        if len(self._buckets) >= MOST_BUCKETS:
            self._buckets.popitem(last=False)
        self._buckets[lane] = bucket
        passed = max(0.0, (now - bucket.at).total_seconds())
        bucket.at = max(now, bucket.at)
        bucket.counted = min(bucket.counted + passed, APART)
        if said_at is not None:
            before = bucket.said_at or said_at
            said = max(0.0, (said_at - before).total_seconds())
            passed += max(0.0, said - bucket.counted)
            bucket.counted = max(0.0, bucket.counted - said)
            bucket.said_at = max(said_at, before)
        bucket.left = min(self._limit.burst, bucket.left + passed * self._limit.per_minute / 60)
        return bucket
