"""The office as a process that dies by kill -9 at a named point.

python -m tests.proof.victim CONFIG [POINT HIT [SECONDS]]

SECONDS is after how long a message is repeated that may have arrived: a proof does not wait a minute for each.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from bot.config import read_settings
from bot.logs import set_up_logs
from bot.outside import Outside
from bot.running import start_office, stop_office
from bot.store import sending

MARK = ".died"  # of the file beside the settings that says at which point it died


class Killer:
    """Kills this very process when a named point is passed for the n-th time."""

    def __init__(self, point: str, hit: int, mark: Path) -> None:
        self._point = point
        self._left = hit
        self._mark = mark

    def __call__(self, name: str) -> None:
        if name == self._point:
            self._left -= 1
            if self._left == 0:
                self._mark.write_text(self._point, "utf-8")
                os.kill(os.getpid(), signal.SIGKILL)


async def live(config: Path, point: str, hit: int) -> None:
    killer = Killer(point, hit, config.with_suffix(MARK))
    office = await start_office(read_settings(config), outside=Outside(failpoint=killer))
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print("ready", flush=True)
    await stopped.wait()
    await stop_office(office)


def main(arguments: list[str]) -> None:
    set_up_logs("error")
    config, point, hit, seconds = arguments + ["", "never", "0", "60"][len(arguments) :]
    sending.RESEND_AFTER = timedelta(seconds=float(seconds))
    asyncio.run(live(Path(config), point, int(hit)))


if __name__ == "__main__":
    main(sys.argv[1:])
