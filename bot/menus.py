"""The commands in the platforms' own menus: for everybody, and for one chat by the roles held there."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.delivery.channel import Channel, Menu
from bot.dialogue.router import Router, visible_commands
from bot.errors import Refused
from bot.office.office import House, Office
from bot.office.people import records as people_records
from bot.office.people.model import Person, Role
from bot.store.transaction import Transaction
from bot.store.writer import Writer

SHOWN_COMMANDS = ("menu", "request", "complain", "policy", "cases", "human", "help")  # seven at most
OFFICIAL_COMMANDS = (  # of these the ones that the roles allow
    "queue", "overdue", "answer", "tell", "ask", "note", "take", "transfer", "close", "contacted", "redo", "keep",
    "notice", "notices", "subject", "recuse", "stats", "case", "invite", "roles", "groups", "name", "help",
)  # fmt: skip


class Menus:
    """The menus of one office."""

    def __init__(self, router: Router[Any], house: House, channels: Mapping[str, Channel], writer: Writer) -> None:
        self._router = router
        self._house = house
        self._channels = channels
        self._writer = writer

    async def publish(self, channels: Iterable[str]) -> None:
        """The residents' commands on these channels. A platform that is away gets them next time."""
        names = list(channels)
        for menu in self._made(frozenset(), SHOWN_COMMANDS, None):
            for name in names:
                with contextlib.suppress(Exception):
                    await self._channels[name].publish(menu)

    async def show(self, person: int, data: dict[str, Any]) -> dict[str, Any]:
        """The commands in the menu of one chat: by the roles held now, in the language chosen."""

        def read(tx: Transaction) -> tuple[Person | None, bytes | None]:
            found = Office(tx, self._house).people.find([person]).get(person)
            return found, people_records.sealed_chats(tx, [data["address"]]).get(data["address"])

        found, sealed = await self._writer.submit(read)
        if found is None or sealed is None or found.channel not in self._channels:
            raise Refused("gone")
        chat = self._house.identity.open_chat(sealed)
        shown = OFFICIAL_COMMANDS if found.is_official else SHOWN_COMMANDS
        for menu in self._made(found.roles, shown, chat, spoken=found.language):
            await self._channels[found.channel].publish(menu)
        return {}

    def _made(
        self, roles: frozenset[Role], shown: Sequence[str], chat: str | None, *, spoken: str | None = None
    ) -> list[Menu]:
        """One menu for each language of a device, and one for every other; all in the language that was chosen."""
        visible, words = visible_commands(self._router, roles), self._house.words
        menus = []
        for language in (None, *words.languages):
            say = words.speak(spoken or language)
            commands = tuple((name, say.plain(visible[name])) for name in shown if name in visible)
            menus.append(Menu(commands, language, chat))
        return menus
