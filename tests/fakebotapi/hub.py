"""What all parts of the server share: time, chance, journal, files and who exists; it answers nothing itself."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from tests.fakebotapi.changes import Changes
from tests.fakebotapi.files import LARGEST_UPLOAD, Files
from tests.fakebotapi.journal import Journal
from tests.fakebotapi.ticker import Ticker

if TYPE_CHECKING:
    from tests.fakebotapi.accounts import Account
    from tests.fakebotapi.groups import Group
    from tests.fakebotapi.people import Person

FIRST_PERSON = 5_000_000_001
FIRST_GROUP = 4_000_000_001


class Hub:
    def __init__(self, clock: Callable[[], float], seed: int, journal: Path | str | None) -> None:
        self.ticker = Ticker(clock)
        self.chance = random.Random(seed)
        self.changes = Changes()
        self.journal = Journal(clock, self.changes, journal)
        self.files = Files(clock)
        self.complaints: list[str] = []
        self.accounts: dict[str, Account] = {}  # by token
        self.people: dict[int, Person] = {}
        self.named: dict[str, Person] = {}
        self.groups: dict[int, Group] = {}
        self.press_life = 150.0  # seconds in which a press can be answered
        self.plain_webhooks = True  # also http:// addresses
        self.largest_upload = LARGEST_UPLOAD
        self.sessions: list[aiohttp.ClientSession] = []  # of webhooks, closed at the end
        self._last_person = FIRST_PERSON - 1
        self._last_group = FIRST_GROUP - 1

    def now(self) -> int:
        """A date as the Bot API writes it."""
        return int(self.ticker.now())

    def complain(self, about: str) -> None:
        """What the real server lets pass or quietly mends, and a careful client does not send."""
        self.complaints.append(about)

    def next_person(self) -> int:
        self._last_person += 1
        return self._last_person

    def next_group(self) -> int:
        self._last_group += 1
        return self._last_group

    def token_number(self) -> str:
        return str(self.chance.randrange(10**18))
