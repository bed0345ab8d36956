"""The bots as processes of their own, in front of a fake Bot API in another: started, asked what they cost, stopped."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.against.meter import children, cores, on
from tests.fakebotapi.remote import Remote, launched

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".venv-peers" / "bin" / "python"
HERE = Path(__file__).parent
PATIENCE = 60.0  # seconds


class Fake:
    """A fake Bot API on the load generator's core, with everybody in it."""

    def __init__(self, people: int, *options: str) -> None:
        self._people = people
        self._options = options
        self._stack = ExitStack()

    def __enter__(self) -> "Fake":
        before = set(children(os.getpid()))
        self.remote: Remote = self._stack.enter_context(launched(*self._options))
        (self.pid,) = set(children(os.getpid())) - before
        self.remote.play([], people=self._people)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()


@dataclass(frozen=True)
class Bot:
    """A running bot; `server` are the processes of its database server, if it has one."""

    name: str
    process: subprocess.Popen[bytes]
    began: float  # time.time() just before it was started
    server: Sequence[int] = field(default_factory=tuple)

    @property
    def pid(self) -> int:
        return self.process.pid


@contextmanager
def running(name: str, command: Sequence[str | Path], log: Path, server: Sequence[int] = ()) -> Iterator[Bot]:
    """The bot on its core, until the end of the block."""
    _load, core = cores()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.time()
    with log.open("ab") as out:
        process = subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=out, stderr=out, preexec_fn=on(core),  # noqa: PLW1509 - no thread runs yet
                                   env=environment)  # fmt: skip
    try:
        yield Bot(name, process, began, server)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def first_answer(fake: Remote, bot: Bot) -> float:
    """Seconds from the start of the process to its first message."""
    while not (found := fake.journal(method="sendMessage")):
        time.sleep(0.02)
        if time.time() - bot.began > PATIENCE:
            raise TimeoutError(bot.name)
    return float(found[0]["at"]) - bot.began


def huiyin(config: Path) -> list[str | Path]:
    """`huiyin run` of this very folder, whatever is installed."""
    return [sys.executable, "-c", "from bot.cli import main; main()", "run", "--config", config]


def echo_of_ptb(fake: Remote) -> list[str | Path]:
    return [sys.executable, HERE / "echo_ptb.py", fake.base_url, fake.token]


def echo_of_aiogram(fake: Remote) -> list[str | Path] | None:
    """None where aiogram is not installed: `make compare` puts it into an environment of its own."""
    return [PEERS, HERE / "echo_aiogram.py", fake.base_url, fake.token] if PEERS.exists() else None
