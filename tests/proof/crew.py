"""Processes that work on one database together; whoever dies is replaced by its like."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.proof.outside import alive, started, until

Command = Sequence[str | Path]


class Crew:
    """`says` is what each of them says when it is at work."""

    def __init__(self, commands: Sequence[Command], folder: Path, says: str) -> None:
        self._commands = commands
        self._folder = folder
        self._says = says
        self._workers: list[asyncio.subprocess.Process] = []
        self._thawing: list[asyncio.Task[None]] = []

    async def come(self) -> None:
        """The first one makes the keys; the others come together."""
        for place in range(len(self._commands)):
            self._workers.append(await self._hired(place))
            if place == 0:
                await self._is_at_work(place)
        for place in range(len(self._commands)):
            await self._is_at_work(place)

    async def loses(self, place: int) -> None:
        """Nobody waits for whoever comes instead."""
        await self._ended(self._workers[place])
        self._workers[place] = await self._hired(place)

    def freezes(self, place: int, seconds: float) -> None:
        process = self._workers[place]
        process.send_signal(signal.SIGSTOP)
        self._thawing.append(asyncio.create_task(_thaw(process, seconds)))

    async def go(self) -> None:
        await asyncio.gather(*self._thawing)
        for process in self._workers:
            await self._ended(process)
            alive.remove(process)

    async def _hired(self, place: int) -> asyncio.subprocess.Process:
        return await started(*self._commands[place], log=self._log(place))

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        process.kill()
        await process.wait()

    async def _is_at_work(self, place: int) -> None:
        await until(lambda: self._says in self._log(place).read_text("utf-8"))

    def _log(self, place: int) -> Path:
        return self._folder / f"worker{place}"


async def _thaw(process: asyncio.subprocess.Process, after: float) -> None:
    await asyncio.sleep(after)
    if process.returncode is None:
        process.send_signal(signal.SIGCONT)
