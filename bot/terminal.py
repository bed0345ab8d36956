"""A talk in the terminal: what is typed goes the whole way through the database, and the answers are printed."""

import asyncio
import sys
from contextlib import suppress
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from bot.channels.silent import SilentChannel
from bot.config import Settings
from bot.delivery.channel import Outgoing
from bot.dialogue.event import Linked, Pressed, Said
from bot.running import start_office, stop_office
from bot.text import Style, Text
from bot.words import _

CHANNEL = "terminal"
_MARKS = {Style.BOLD: "bold", Style.QUOTE: "cyan", Style.ITALIC: "italic", Style.CODE: "green"}


class Screenful:
    """What the person at the keyboard sees: messages as panels, buttons numbered."""

    def __init__(self, console: Console, chat: str) -> None:
        self._console = console
        self._chat = chat
        self.buttons: list[tuple[str, str, str]] = []  # label, action, message

    def show(self, outgoing: Outgoing, message: str) -> None:
        screen = outgoing.screen
        if outgoing.chat != self._chat or not (screen.text or screen.buttons):
            return
        lines = [marked(screen.text)]
        if screen.buttons:
            self.buttons = [(button.label, button.action, message) for button in screen.buttons if button.action]
            numbered = (
                f"[reverse] {escape(_numbered(number, label))} [/]"
                for number, (label, *_rest) in enumerate(self.buttons, 1)
            )
            lines.append(" ".join(numbered))
        self._console.print(Panel("\n".join(lines), border_style="green", width=min(self._console.width, 76)))

    def pressed(self, line: str) -> tuple[str, str] | None:
        """The action and message of a typed number or label."""
        for number, (label, action, message) in enumerate(self.buttons, 1):
            if line in (str(number), label):
                return action, message
        return None


def _numbered(number: int, label: str) -> str:
    """A label with its number; entries of a list have theirs already."""
    return label if label.startswith(f"{number} ") else f"{number} {label}"


def marked(text: Text) -> str:
    """Text in rich's own markup, everything foreign escaped."""
    parts = []
    for piece in text.pieces:
        style = _MARKS.get(piece.style)
        words = escape(piece.words)
        parts.append(f"[{style}]{words}[/]" if style else words)
    return "".join(parts)


async def talk(settings: Settings, who: str, role: str | None, department: str | None) -> None:
    """Runs until the input ends."""
    console = Console(highlight=False)
    screenful = Screenful(console, who)
    run = f"{int(datetime.now(UTC).timestamp()):x}-"
    channel = SilentChannel(CHANNEL, heard=screenful.show, run=run)
    alone = settings.model_copy(update={"telegram": None, "web": None})
    office = await start_office(alone, extra=[(channel, _("Nothing leaves this machine."))])
    try:
        code = ""
        if role is not None:
            code = (await office.invite(role, department))[1]
        await channel.say(who, Linked(code), datetime.now(UTC))
        await _converse(channel, screenful, who)
    finally:
        await stop_office(office)


async def _converse(channel: SilentChannel, screenful: Screenful, who: str) -> None:
    loop = asyncio.get_running_loop()
    with suppress(KeyboardInterrupt):
        while True:
            line = await loop.run_in_executor(None, sys.stdin.readline)
            if not line:
                await asyncio.sleep(0.5)  # the answer to the last line is still on its way
                return
            words = line.strip()
            if not words:
                continue
            if (found := screenful.pressed(words)) is not None:
                action, message = found
                await channel.say(who, Pressed(action, "p"), datetime.now(UTC), message=message)
            else:
                await channel.say(who, Said(words), datetime.now(UTC))
