"""One burst of updates at a bot: what it cost and how long it took, by the fake server's own journal."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.against.contenders import Bot
from benchmarks.against.meter import Watch, processor_seconds
from benchmarks.against.mix import Step
from tests.fakebotapi.remote import Remote

QUIET = 1.3  # seconds without anything new: longer than a chat's messages are kept apart
TAIL = 0.15  # seconds after the last call in which what it brought is still being recorded
LONGEST = 180.0  # seconds
SHOWING = frozenset(("sendMessage", "editMessageText"))


@dataclass(frozen=True)
class Burst:
    """`processor` in seconds of the bot, its database server and the fake; `seconds` until all were answered once."""

    updates: int
    processor: float
    server: float
    fake: float
    seconds: float
    calls: int
    unanswered: int
    waits: Sequence[float]  # seconds from each update to its answer
    refused: int  # calls that the Bot API did not take

    @property
    def each(self) -> float:
        """Milliseconds of the bot's processor time for one update."""
        return self.processor / self.updates * 1000


def settled(fake: Remote, quiet: float = QUIET) -> None:
    """Returns when the fake has nothing more to hand out and has heard nothing for a while."""
    began = since = time.monotonic()
    seen = -1
    while time.monotonic() - began < LONGEST:
        found = fake.state()
        if found["entries"] != seen:
            seen, since = found["entries"], time.monotonic()
        elif time.monotonic() - since >= quiet and found["pending"] == 0:
            return
        time.sleep(0.1)
    raise TimeoutError("the bot does not come to rest")


def prepare(fake: Remote, before: Sequence[Sequence[Step]]) -> None:
    for steps in before:
        if steps:
            fake.play(steps)
            settled(fake)


def measure(
    fake: Remote, fake_pid: int, bot: Bot, steps: Sequence[Step], *, rate: float = 0.0, held: float = 0.0
) -> Burst:
    """Plays the steps and waits for the end; `held` is how many seconds the fake keeps each answer back."""

    def read() -> list[float]:
        return [processor_seconds(bot.pid), sum(map(processor_seconds, bot.server)), processor_seconds(fake_pid)]

    with Watch(read) as watch:
        before = fake.play(steps, rate=rate)
        settled(fake)
    entries = fake.journal(before)
    calls = [entry for entry in entries if entry["what"] == "call" and entry["method"] != "getUpdates"]
    handed = [entry["at"] for entry in entries if entry["what"] == "handed"] or [entries[0]["at"]]
    answered = first_answers(entries)
    start, end = min(handed), max(entry["at"] for entry in calls)
    processor, server, of_fake = watch.between(start, end + TAIL)
    return Burst(
        updates=len(steps),
        processor=processor,
        server=server,
        fake=of_fake,
        seconds=max((at for _asked, at in answered.values()), default=end) - start,
        calls=len(calls),
        unanswered=unanswered(entries),
        waits=[at - asked - held for asked, at in answered.values()],
        refused=sum(not entry["ok"] for entry in calls),
    )


def first_answers(entries: Sequence[dict[str, Any]]) -> dict[int, tuple[float, float]]:
    """By chat: when its update came and when the first message to it, or the change of one, was heard."""
    asked: dict[int, float] = {}
    found: dict[int, tuple[float, float]] = {}
    for entry in entries:
        chat = entry["chat"]
        if chat is None:
            continue
        if entry["what"] == "queued":
            asked.setdefault(int(chat), entry["at"])
        elif entry["what"] == "call" and entry["ok"] and int(chat) in asked:
            found.setdefault(int(chat), (asked[int(chat)], entry["at"]))
    return found


def unanswered(entries: Sequence[dict[str, Any]]) -> int:
    """Updates of a chat beyond the messages and changes that it got."""
    asked = Counter(int(entry["chat"]) for entry in entries if entry["what"] == "queued")
    heard = Counter(
        int(entry["chat"])
        for entry in entries
        if entry["what"] == "call" and entry["ok"] and entry["method"] in SHOWING and entry["chat"] is not None
    )
    return sum((asked - heard).values())
