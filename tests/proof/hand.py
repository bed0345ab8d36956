"""One process of several that share an office's work, in front of a channel without a network.

python -m tests.proof.hand CONFIG PARTS

Says `ready`, then on SIGTERM what it did: events, batches, how often others stood in its way, and how many
milliseconds of processor time it has had since it was ready.
"""

import asyncio
import signal
import sys
import time
from pathlib import Path

from bot.channels.silent import SilentChannel
from bot.config import read_settings
from bot.logs import set_up_logs
from bot.parts import read_parts
from bot.running import start_office, stop_office
from bot.words import Message


async def work(config: Path, parts: str) -> None:
    channel = SilentChannel()
    office = await start_office(
        read_settings(config), extra=[(channel, Message("Nothing leaves this machine."))], parts=read_parts(parts)
    )
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print("ready", flush=True)
    before = time.process_time()
    await stopped.wait()
    spent = time.process_time() - before
    await stop_office(office)
    done = office.app.dispatcher
    print(done.handled, done.batches, done.contended, round(spent * 1000), flush=True)


if __name__ == "__main__":
    set_up_logs("critical")
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2]))
