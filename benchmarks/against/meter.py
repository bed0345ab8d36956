"""What a process costs, read from /proc: processor time of all its threads, memory; and which core it runs on."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
EVERY = 0.01  # seconds


def cores() -> tuple[int, int]:
    """The load generator's core and the bot's; one and the same where there is only one."""
    found = sorted(os.sched_getaffinity(0))
    return found[0], found[-1]


def on(core: int) -> Callable[[], None]:
    """What a process does before it begins, to stay on this core."""
    return lambda: os.sched_setaffinity(0, {core})


def processor_seconds(pid: int) -> float:
    """utime + stime of the process, all threads; 0 for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def waited_seconds(pid: int) -> float:
    """How long its threads were ready and no core was free for them (/proc/PID/schedstat, the second field)."""
    waited = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            waited += int((task / "schedstat").read_text("ascii").split()[1]) / 1e9
    return waited


def children(pid: int) -> list[int]:
    """The processes that this one started and that are still there."""
    return [int(found) for found in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def resident_megabytes(pid: int) -> float:
    return _megabytes(pid, "VmRSS")


def most_megabytes(pid: int) -> float:
    """The most that it ever held."""
    return _megabytes(pid, "VmHWM")


def _megabytes(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


class Watch:
    """Notes again and again how much processor time some processes have had, to tell it for any span later."""

    def __init__(self, read: Callable[[], Sequence[float]]) -> None:
        self._read = read
        self._notes: list[tuple[float, Sequence[float]]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watch":
        self._notes.append((time.time(), self._read()))
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._notes.append((time.time(), self._read()))

    def between(self, start: float, end: float) -> list[float]:
        """Seconds of processor time in a span of time.time(), rather more than less."""
        first = max((note for note in self._notes if note[0] <= start), default=self._notes[0])
        last = min((note for note in self._notes if note[0] >= end), default=self._notes[-1])
        return [after - before for before, after in zip(first[1], last[1], strict=True)]

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            self._notes.append((time.time(), self._read()))
