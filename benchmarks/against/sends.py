"""What sending costs: one message, through our channel and through python-telegram-bot's; and a thousand a second.

python -m benchmarks.against.sends HOW BASE_URL TOKEN COUNT, as a process of its own; prints JSON.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

IN_FLIGHT = 32
WORDS = "楼道灯的事，幸福里社区说：“修好了，昨天下午换了新灯头。”\n解决了吗？"
LABELS = ("解决了", "没解决", "还没看")
FIRST = 5_000_000_001  # the first of the fake's people

Send = Callable[[int], Awaitable[Any]]


async def through_huiyin(base_url: str, token: str, count: int) -> float:
    from bot.channels.telegram.channel import TelegramChannel
    from bot.clock import SystemClock
    from bot.delivery.channel import Outgoing
    from bot.dialogue.screen import Button, Screen
    from bot.text import as_text

    channel = TelegramChannel(token, base_url=base_url, base_file_url=base_url, clock=SystemClock(), repeat_mark="",
                              read_file=_no_file)  # fmt: skip
    screen = Screen(as_text(WORDS), (tuple(Button(label, f"case.verdict:{label}") for label in LABELS),))
    found = await timed(lambda number: channel.send(Outgoing(number, str(FIRST + number), screen)), count)
    await channel.close()
    return found


async def through_ptb(base_url: str, token: str, count: int) -> float:
    from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup

    def send(number: int) -> Awaitable[Any]:
        rows = [[InlineKeyboardButton(label, callback_data=label) for label in LABELS]]
        return bot.send_message(FIRST + number, WORDS, reply_markup=InlineKeyboardMarkup(rows))

    async with Bot(token, base_url) as bot:
        return await timed(send, count)


async def timed(send: Send, count: int) -> float:
    """Microseconds of this process's time for each message, after a few to warm up."""
    await _all(send, IN_FLIGHT)
    began = time.process_time()
    await _all(send, count)
    return (time.process_time() - began) / count * 1e6


async def _all(send: Send, count: int) -> None:
    numbers = iter(range(count))

    async def lane() -> None:
        for number in numbers:
            await send(number)

    await asyncio.gather(*(lane() for _number in range(IN_FLIGHT)))


async def _no_file(_digest: str) -> bytes:
    raise FileNotFoundError


async def paced(base_url: str, token: str, count: int) -> dict[str, float]:
    """A whole office with so many messages owed to as many people, at the highest pace, until the last is out."""
    from benchmarks.against.office import RATE, Size, make_past, write_config, write_content
    from bot.config import read_settings
    from bot.database import open_store
    from bot.logs import set_up_logs
    from bot.outside import Outside
    from bot.running import start_office, stop_office
    from bot.store.queues import Policy
    from tests.proof.inside import owing

    set_up_logs(level="error")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = write_content(folder)
        make_past(folder / "office", content, Size(count, 0, 0))
        settings = read_settings(write_config(folder / "office", content, base_url=base_url))
        store = open_store(settings, Outside())
        owing(store, Policy.HOLD, [f"通知 {number}" for number in range(count)])
        store.close()
        running = await start_office(settings)
        sender = next(sender for name, sender in running.app.senders.items() if name.startswith("telegram"))
        began, spent = time.monotonic(), time.process_time()
        while sender.sent + sender.failed + sender.uncertain < count:
            if time.monotonic() - began > 20 * count / RATE:
                break
            await asyncio.sleep(0.05)
        seconds, processor = time.monotonic() - began, time.process_time() - spent
        sent = sender.sent
        await stop_office(running)
    return {"sent": sent, "seconds": seconds, "share": processor / seconds, "each": processor / count * 1e6}


def main(how: str, base_url: str, token: str, count: str) -> None:
    from uvloop import new_event_loop

    factory = None if how == "ptb" else new_event_loop  # as each runs when nothing is said
    doing: dict[str, Any] = {"huiyin": through_huiyin, "ptb": through_ptb, "paced": paced}
    with asyncio.Runner(loop_factory=factory) as runner:
        print(json.dumps(runner.run(doing[how](base_url, token, int(count)))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
