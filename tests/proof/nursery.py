"""Where victims are born for the proofs of every change: what a start imports is imported once, and then forked.

Each is a process of its own that opens the office anew and dies alone. `make proof` starts an interpreter for each.

python -m tests.proof.nursery
A line with a victim's arguments as JSON is a birth; the answer is its number.
"""

import asyncio
import contextlib
import importlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

IMPORTED_LATE = ("bot.building", "bot.channels.telegram.channel", "bot.channels.telegram.polling", "bot.listening")


class Born:
    """A victim, with what is used of a process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._handle: int | None = os.pidfd_open(pid)
        except ProcessLookupError:  # it is dead already
            self._handle = None

    @property
    def returncode(self) -> int | None:
        """None as long as it lives; how it ended is not known."""
        if self._handle is None:
            return 0
        return 0 if select.select([self._handle], [], [], 0)[0] else None

    def send_signal(self, which: int) -> None:
        if self._handle is None:
            raise ProcessLookupError
        signal.pidfd_send_signal(self._handle, which)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> None:
        if self._handle is None:
            return
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._handle, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._handle)
        os.close(self._handle)
        self._handle = None


class Nursery:
    """Opened by the first birth, for as long as the block lasts."""

    def __init__(self) -> None:
        self.is_open = False
        self._process: subprocess.Popen[str] | None = None

    @contextmanager
    def opened(self) -> Iterator[None]:
        self.is_open = True
        try:
            yield
        finally:
            self.is_open = False
            if self._process is not None:
                self._process.communicate()  # nothing more to read: it ends
                self._process = None

    def bear(self, *arguments: str) -> Born:
        if self._process is None:
            command = (sys.executable, "-m", "tests.proof.nursery")
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(arguments), file=self._process.stdin, flush=True)
        return Born(int(self._process.stdout.readline()))


nursery = Nursery()


def tend() -> None:
    """Forks for each line; nobody is waited for."""
    from tests.proof import victim

    for name in IMPORTED_LATE:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            with contextlib.suppress(KeyboardInterrupt):
                victim.main(json.loads(line))
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    tend()
