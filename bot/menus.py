"""The commands in the platforms' own menus: for everybody, and for one chat by the roles held there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog

from bot.delivery.channel import Channel, Menu
from bot.dialogue.router import Router, visible_commands
from bot.errors import Absent, Refused
from bot.office.office import House, Office
from bot.office.people import records as people_records
from bot.office.people.model import Person, Role
from bot.store.transaction import Transaction
from bot.store.writer import Writer

log = structlog.get_logger()

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
                try:
                    await self._channels[name].publish(menu)
                except Exception as error:
                    log.warning("menu_not_shown", channel=name, error=type(error).__name__)

    async def show(self, person: int, data: dict[str, Any]) -> dict[str, Any]:
        """The commands in the menu of one chat: by the roles held now, in the language chosen."""

        def read(tx: Transaction) -> tuple[Person | None, bytes | None]:
            found = Office(tx, self._house).people.find([person]).get(person)
            return found, people_records.sealed_chats(tx, [data["address"]]).get(data["address"])

        found, sealed = await self._writer.submit(read)
        if found is None or sealed is None:
            raise Refused("gone")
        if found.channel not in self._channels:
            raise Absent()
        chat = self._house.identity.open_chat(sealed)
        for menu in self._made(found.roles, _shown(found), chat, spoken=found.language):
            await self._channels[found.channel].publish(menu)
        return {}

    async def of(self, channel: str, chat: str, language: str) -> tuple[tuple[str, str], ...]:
        """The commands of a page that opens, in the language chosen, else in the page's own."""
        found = await self._writer.submit(lambda tx: Office(tx, self._house).people.known(channel, chat))
        roles = found.roles if found is not None else frozenset[Role]()
        return self._commands(roles, _shown(found), (found.language if found is not None else None) or language)

    def _made(
        self, roles: frozenset[Role], shown: Sequence[str], chat: str | None, *, spoken: str | None = None
    ) -> list[Menu]:
        """One menu for each language of a device, and one for every other; all in the language that was chosen."""
        languages = (None, *self._house.words.languages)
        return [Menu(self._commands(roles, shown, spoken or language), language, chat) for language in languages]

    def _commands(
        self, roles: frozenset[Role], shown: Sequence[str], language: str | None
    ) -> tuple[tuple[str, str], ...]:
        visible, say = visible_commands(self._router, roles), self._house.words.speak(language)
        return tuple((name, say.plain(visible[name])) for name in shown if name in visible)


def _shown(person: Person | None) -> Sequence[str]:
    return OFFICIAL_COMMANDS if person is not None and person.is_official else SHOWN_COMMANDS
