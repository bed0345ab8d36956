"""What comes from outside: time, chance and ids; tests put their own in place of them. It reads no settings."""

import secrets
from dataclasses import dataclass, field

from bot.clock import Clock, SystemClock
from bot.ids import Ids, Randomness
from bot.store.writer import Failpoint, no_failpoint


@dataclass
class Outside:
    """What comes from outside: time, chance, and in tests the points to fail at."""

    clock: Clock = field(default_factory=SystemClock)
    random: Randomness = field(default_factory=secrets.SystemRandom)
    failpoint: Failpoint = no_failpoint


def new_ids(outside: Outside) -> Ids:
    """Where all ids of this process come from."""
    return Ids(lambda: int(outside.clock.now().timestamp() * 1000), outside.random)
