"""Where the time comes from; nothing below the composition root reads it elsewhere."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of the present moment, in aware UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)
