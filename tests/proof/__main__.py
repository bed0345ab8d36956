"""Every proof at its full size: python -m tests.proof [ID …]. Prints `id name value limit`; a miss is the exit code.

K16 takes SOAK_MINUTES from the environment; two hours without it.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.logs import set_up_logs
from bot.store.queues import Policy
from tests.postgres import a_database, database_at, serving
from tests.proof import (
    broken,
    cancelling,
    clocks,
    doubled,
    dying,
    examples,
    faulty,
    firing,
    forging,
    incoming,
    mailing,
    outgoing,
    places,
    promoting,
    restoring,
    several,
    soaking,
    takeover,
    timers,
    upgrading,
)
from tests.proof.figure import Figure
from tests.proof.outside import end_all

Proof = Callable[[Path], Awaitable[list[Figure]]]


def on_a_server(prove: Callable[[Path, str], Awaitable[list[Figure]]]) -> Proof:
    """With a PostgreSQL of its own; `prove` gets the address of an empty database there."""

    async def proof(folder: Path) -> list[Figure]:
        with serving(folder) as server, a_database(server, "proof") as url:
            return await prove(folder, url)

    return proof


PROOFS: dict[str, Proof] = {
    "K1": lambda folder: dying.prove(folder, kills=200, times=3),
    "K2": lambda folder: outgoing.prove(folder, Policy.HOLD, owed=6000, kills=200),
    "K3": lambda folder: outgoing.prove(folder, Policy.RESEND, owed=6000, kills=200),
    "K4": faulty.prove,
    "K5": lambda folder: incoming.prove_order(folder, updates=10_000),
    "K6 locked": lambda folder: broken.prove(folder, "locked", broken.locked(10), updates=500),
    "K6 full": lambda folder: broken.prove(folder, "full", broken.full, updates=500, alarm=True),
    "K6 read-only": lambda folder: broken.prove(folder, "read-only", broken.read_only, updates=500, alarm=True),
    "K6 server": on_a_server(
        lambda folder, url: broken.prove(
            folder,
            "disconnected",
            broken.disconnected(database_at(url, "postgres"), 100),
            updates=500,
            database=url,
            whole=False,
        )
    ),
    "K6 server read-only": on_a_server(
        lambda folder, url: broken.prove(
            folder,
            "read-only server",
            broken.read_only_server(database_at(url, "postgres")),
            updates=500,
            database=url,
            alarm=True,
        )
    ),
    "K6 server away": on_a_server(
        lambda folder, url: broken.prove(
            folder, "stopped", broken.stopped(database_at(url, "postgres"), 60), updates=500, database=url, alarm=True
        )
    ),
    "K6 standby": on_a_server(
        lambda folder, url: promoting.prove(folder, database_at(url, "postgres"), times=5, people=50, each=9, away=10)
    ),
    "K7": lambda folder: cancelling.prove(folder, cancellations=1000),
    "K8": lambda folder: mailing.prove(folder, people=2000, kills=20),
    "K10": on_a_server(
        lambda folder, url: timers.prove(folder, database=url, timers=10_000, span=60, workers=4, kills=25, stops=20)
    ),
    "K10 parts": on_a_server(
        lambda folder, url: firing.prove(folder, url, people=3000, dispatchers=4, span=60, kills=25, stops=20)
    ),
    "K11 absence": lambda folder: clocks.prove_absence(folder, cases=500),
    "K11 jumps": lambda folder: clocks.prove_jumps(folder, days=60),
    "K11 holidays": clocks.prove_holidays,
    "K11 zones": clocks.prove_all_zones,
    "K12": lambda folder: restoring.prove(folder, owed=100_000),
    "K13 token": doubled.prove_rivals,
    "K13 file": doubled.prove_one_file,
    "K13 server": on_a_server(lambda folder, url: doubled.prove_one_server(folder, database=url, owed=2000)),
    "K13 takeover": on_a_server(lambda folder, url: takeover.prove(folder, url, standstill=60)),
    "K14": lambda folder: incoming.prove_odd(folder, updates=1_000_000),
    "K15": lambda _folder: examples.prove(places.files(), examples=5000, steps=50),
    "K15 server": lambda folder: examples.prove(places.a_server(folder), examples=500, steps=50),
    "K16": soaking.prove,
    "K17": lambda folder: upgrading.prove(folder, cases=10_000, kills=20),
    "K17 server": on_a_server(lambda folder, url: upgrading.prove(folder, cases=10_000, kills=20, database=url)),
    "T3": lambda folder: forging.prove(folder, presses=100_000),
    "P4": on_a_server(lambda folder, url: several.prove(folder, url, chats=200, events=10_200, processes=4)),
}


async def prove(wanted: list[str]) -> int:
    misses = 0
    for id in wanted or PROOFS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                figures = await PROOFS[id](Path(folder))
            finally:
                await end_all()
        for figure in figures:
            print(figure, flush=True)
            misses += not figure.holds
    return min(misses, 1)


if __name__ == "__main__":
    set_up_logs("critical")
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"of {', '.join(PROOFS)}; without any, all")
    ids = parser.parse_args().ids
    if unknown := [id for id in ids if id not in PROOFS]:
        parser.error(f"no such proof: {', '.join(unknown)}")
    sys.exit(asyncio.run(prove(ids)))
