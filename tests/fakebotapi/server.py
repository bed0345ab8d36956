"""A strict fake of Telegram's Bot API server on the loopback address; it never reaches the network.

What it refuses, it refuses in the real server's words; what the real one lets pass and a careful client does not send
stands in `complaints`.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tests.fakebotapi import albums, answering, editing, polling, sending, settings, webhook
from tests.fakebotapi.accounts import Account
from tests.fakebotapi.faults import Faults
from tests.fakebotapi.groups import Group
from tests.fakebotapi.hub import Hub
from tests.fakebotapi.journal import Journal
from tests.fakebotapi.limits import Limits
from tests.fakebotapi.listener import Listener
from tests.fakebotapi.people import Person
from tests.fakebotapi.requests import Requests
from tests.fakebotapi.ticker import ManualClock
from tests.fakebotapi.updates import encode

__all__ = ["TOKEN", "FakeBotApi", "ManualClock"]

METHODS_IN = (albums, answering, editing, polling, sending, settings, webhook)  # imported for what they register
TOKEN = "123456:TEST-canary_TOKEN-of-nobody_abcdefgh"

T = TypeVar("T")
Step = tuple[str, str, dict[str, Any]]


class FakeBotApi:
    """`async with FakeBotApi() as api:`; `clock` is like time.time, a ManualClock moves every wait with it."""

    def __init__(
        self,
        token: str = TOKEN,
        clock: Callable[[], float] = time.time,
        seed: int = 0,
        limits: bool = True,
        *,
        port: int = 0,
        journal: Path | str | None = None,
    ) -> None:
        self.token = token
        self._limits = limits
        self._crowd: list[Person] = []
        self._share = 0.0
        self.hub = Hub(clock, seed, journal)
        self._listener = Listener(self._handle, port)
        self.faults = Faults(self.hub.chance, self._listener.listen)
        self._requests = Requests(self.hub, self.faults)
        self.bot(token)

    async def __aenter__(self) -> "FakeBotApi":
        await self._listener.open()
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.faults.release()
        for account in self.hub.accounts.values():
            if account.poll is not None:
                account.poll.end()
            if account.webhook is not None:
                await account.webhook.close()
        await self._requests.close()
        await self._listener.close()
        for session in self.hub.sessions:
            await session.close()
        self.hub.journal.close()

    async def _handle(self, request: Any) -> Any:
        return await self._requests.handle(request)

    @property
    def url(self) -> str:
        return self._listener.url

    @property
    def base_url(self) -> str:
        return f"{self.url}/bot"

    @property
    def base_file_url(self) -> str:
        return f"{self.url}/file/bot"

    @property
    def journal(self) -> Journal:
        return self.hub.journal

    @property
    def complaints(self) -> list[str]:
        return self.hub.complaints

    @property
    def account(self) -> Account:
        """The default bot."""
        return self.hub.accounts[self.token]

    @property
    def limits(self) -> Limits:
        return self.account.limits

    def bot(self, token: str, username: str | None = None) -> Account:
        """The bot with this token; it exists from now on."""
        account = self.hub.accounts.get(token)
        if account is None:
            name = username or ("Huiyin_bot" if not self.hub.accounts else f"Huiyin{len(self.hub.accounts)}_bot")
            account = self.hub.accounts[token] = Account(self.hub, token, name, limits=self._limits)
            account.queue.share = self._share
        return account

    def person(self, name: str, language: str | None = "zh-hans", **more: Any) -> Person:
        """Somebody with a phone; the same name is the same person. `more`: username, last_name, id, account."""
        if name in self.hub.named and not more:
            return self.hub.named[name]
        account = more.pop("account", self.account)
        return Person(self.hub, account, name, language, **more)

    def crowd(self, size: int, language: str | None = "zh-hans") -> list[Person]:
        """The first so many of the people P0, P1 …, who have started the bot without an update: for load."""
        for number in range(len(self._crowd), size):
            person = Person(self.hub, self.account, f"P{number}", language)
            person.chat.status = "member"
            self._crowd.append(person)
        return self._crowd[:size]

    async def burst(self, updates: int, people: int = 1, rate: float = 0.0, text: str = "第 {} 条") -> list[int]:
        """So many messages from so many people in turn, so many a second or all at once; gives the updates' ids."""
        crowd = self.crowd(people)
        began, found = self.hub.ticker.now(), []
        for number in range(updates):
            if rate and (early := began + number / rate - self.hub.ticker.now()) > 0:
                await self.hub.ticker.sleep(early)
            found.append(crowd[number % people].says(text.format(number)).update_id or 0)
        return found

    async def play(self, script: Sequence[Step], people: int = 0, rate: float = 0.0) -> int:
        """What people do, one step after another, so many a second or all at once; the first `people` are the crowd.

        A step is a name, a verb of acts.py and its arguments. Gives the number of the journal's last entry before.
        """
        self.crowd(people)
        began, before = self.hub.ticker.now(), len(self.journal.entries)
        for number, (name, verb, arguments) in enumerate(script):
            if rate and (early := began + number / rate - self.hub.ticker.now()) > 0:
                await self.hub.ticker.sleep(early)
            getattr(self.hub.named[name], verb)(**arguments)
        return before

    def group(self, title: str, kind: str = "supergroup", **more: Any) -> Group:
        """A group or supergroup with the bot in it; `more`: username, bot ("member", "administrator", "left")."""
        return Group(self.hub, self.account, title, kind, **more)

    def channel(self, title: str, **more: Any) -> Group:
        return Group(self.hub, self.account, title, "channel", **{"bot": "administrator"} | more)

    def raw_update(self, update: dict[str, Any] | bytes, account: Account | None = None) -> int | None:
        """Queues anything; with no update_id in it the next one is given. Gives the id."""
        queue = (account or self.account).queue
        if isinstance(update, dict) and isinstance(update.get("update_id"), int):
            queue.jump_ids(update["update_id"])
            update = {key: value for key, value in update.items() if key != "update_id"}
        return queue.add_raw("", update if isinstance(update, bytes) else encode(update), chat=None)

    def redeliver(self, share: float) -> None:
        """From now on confirmed updates come again with this probability."""
        self._share = share
        for account in self.hub.accounts.values():
            account.queue.share = share

    def jump_ids(self, to: int | None = None) -> None:
        self.account.queue.jump_ids(to)

    @property
    def is_drained(self) -> bool:
        """Whether every update has been confirmed."""
        return not any(len(account.queue) for account in self.hub.accounts.values())

    async def until(self, look: Callable[[], T | None], timeout: float = 60.0) -> T:  # noqa: ASYNC109 - the vocabulary
        """Waits until `look` finds something true; looks again whenever something happened here."""
        return await self.hub.changes.until(look, timeout)
