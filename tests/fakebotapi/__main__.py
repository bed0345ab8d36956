"""The fake server as a process: says in one line of JSON where it is, then serves until SIGTERM."""

import argparse
import asyncio
import json
import signal
from collections.abc import Callable

from tests.fakebotapi.control import Control
from tests.fakebotapi.server import TOKEN, FakeBotApi


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fakebotapi", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--journal", help="a file for a line of JSON per request and update step")
    parser.add_argument("--no-limits", action="store_true")
    parser.add_argument("--redeliver", type=float, default=0.0, help="share of confirmed updates that come again")
    parser.add_argument("--control", action="store_true", help="also listen for people, faults and bursts")
    return parser.parse_args()


async def serve(wanted: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    api = FakeBotApi(
        wanted.token, seed=wanted.seed, limits=not wanted.no_limits, port=wanted.port, journal=wanted.journal
    )
    async with api:
        api.redeliver(wanted.redeliver)
        control = Control(api)
        where = {"base_url": api.base_url, "base_file_url": api.base_file_url, "token": api.token}
        if wanted.control:
            where["control_url"] = await control.open()
        print(json.dumps(where), flush=True)
        await stop.wait()
        await control.close()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it can be had: load tests need it."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(options()))
