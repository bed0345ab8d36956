"""Answers while a notice goes out to 10,000 people: `huiyin run` as a process, against the strict fake Bot API.

python -m benchmarks.notices [--people 10000] [--seconds 60] [--whole]

Twenty updates a second come from people who are among the recipients; each is timed from the moment the platform has
it to the moment the platform has the answer: words to their review, a press to the end of its wait and to the receipt.
A message of the notice and an answer count alike, thirty in any second. After so many seconds somebody says stop; with
--whole the notice goes on to its end. Beside that: from the start of the process to its first answer, and its memory.
Prints `name value limit`.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.against.meter import most_megabytes, processor_seconds, resident_megabytes
from bot.config import Settings, read_settings
from bot.office.notices.model import FIRST, UNSETTLED
from bot.office.notices.tables import delivery
from tests.delivery.stage import most_in_a_second
from tests.fakebotapi import FakeBotApi
from tests.fakebotapi.journal import Entry
from tests.fakebotapi.people import Person
from tests.fakebotapi.presses import Press
from tests.proof.mailing import agreed, is_letter
from tests.proof.outside import HUIYIN, configured, rows, started, stopped, until

RATE = 20  # updates a second
THINKS = 5.0  # seconds between reading the review and pressing the button
RECEIPT_MOST, TAP_P95 = 2.0, 1.0  # seconds
STOP_MOST = 2.0  # seconds
START_MOST = 1.5  # seconds
GROWS_MOST = 100.0  # megabytes
WORDS = "楼道灯坏了 幸福里3号楼2单元"
_ROWS = select(func.count()).select_from(delivery)


@dataclass
class Times:
    """Seconds from an update to its answer."""

    reviews: list[float] = field(default_factory=list)
    taps: list[float] = field(default_factory=list)
    receipts: list[float] = field(default_factory=list)
    missing: int = 0


async def load(api: FakeBotApi, people: Sequence[Person]) -> Times:
    """Updates at an even rate: words, and some seconds later the press that registers them."""
    times, talks = Times(), []
    began = time.monotonic()
    for number, person in enumerate(people):
        await asyncio.sleep(max(0.0, began + number * 2 / RATE - time.monotonic()))
        talks.append(asyncio.create_task(_talk(api, person, times)))
    await asyncio.gather(*talks)
    return times


async def _talk(api: FakeBotApi, person: Person, times: Times) -> None:
    try:
        began, seen = time.time(), len(api.journal.entries)
        person.says(WORDS)
        times.reviews.append((await _seen(api, person, "登记", seen)).at - began)
        await asyncio.sleep(THINKS)
        began, seen = time.time(), len(api.journal.entries)
        press = person.presses("登记")
        answered = asyncio.create_task(_answered(press, began))
        times.receipts.append((await _seen(api, person, "登记好了", seen)).at - began)
        times.taps.append(await answered)
    except TimeoutError:
        times.missing += 1


async def _seen(api: FakeBotApi, person: Person, part: str, after: int) -> Entry:
    """The first message to this person with these words."""

    def fits(entry: Entry) -> bool:
        if entry.method != "sendMessage" or str(entry.chat) != str(person.id):
            return False
        return entry.ok and part in str(entry.parameters)

    return await api.journal.wait(fits, timeout=30.0, after=after)


async def _answered(press: Press, began: float) -> float:
    await press.answered(30.0)
    return time.time() - began


async def measure(people: int, seconds: float, *, whole: bool) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        async with FakeBotApi() as api:
            config = configured(Path(folder), api)
            settings = read_settings(config)
            crowd = api.crowd(people)
            agreed(settings, api, crowd)
            waits = api.person("Waits")
            waits.starts()
            began = time.time()
            process = await started(HUIYIN, "--config", config, "run")
            try:
                first = await _seen(api, waits, "", 0)
                is_soon = told("start.to_first_answer", first.at - began, START_MOST, "s")
                return await _measured(api, settings, process.pid, crowd, seconds, whole=whole) and is_soon
            finally:
                await stopped(process)


async def _measured(
    api: FakeBotApi, settings: Settings, office: int, crowd: Sequence[Person], seconds: float, *, whole: bool
) -> bool:
    """`office`: the id of its process."""
    at_rest = resident_megabytes(office)
    await api.journal.wait(is_letter, timeout=120.0)
    await until(lambda: rows(settings, _ROWS)[0][0] > FIRST)  # the first few wait for those who might say stop
    second = time.time()
    written = asyncio.create_task(_written(settings, len(crowd), second))
    chosen = random.Random(1).sample(list(crowd[2:]), int(RATE * seconds))  # half of them for each time of load
    cpu, began = processor_seconds(office), time.time()
    times = await load(api, chosen[::2])
    share = (processor_seconds(office) - cpu) / (time.time() - began)
    under_load = [entry for entry in api.journal.sent() if entry.at >= began]
    alone = await _pace(api)
    at_end = await _ended(api, settings, crowd, whole=whole)
    good = [
        *_told_times("notice", times),
        told("notice.memory_grown", most_megabytes(office) - at_rest, GROWS_MOST, "MB"),
        told("notice.in_any_second", most_in_a_second([entry.at for entry in api.journal.sent()]), 30, "messages"),
        told("notice.refused_429", api.limits.refused, 0, ""),
        told("notice.rows_written", await written, 10.0, "s"),
        told("notice.twice", _twice(api), 0, "people"),
        at_end,
    ]
    letters = [entry.at for entry in api.journal.sent() if is_letter(entry)]
    print(f"notice.letters {len(letters)} of {len(crowd)} in {max(letters) - min(letters):.0f} s")
    ours = sum(map(is_letter, under_load))
    span = under_load[-1].at - began
    print(f"notice.messages_under_load {len(under_load) / span:.1f} a second, of the notice {ours / span:.1f}; "
          f"of the notice alone {alone:.1f}")  # fmt: skip
    print(f"memory at rest {at_rest:.0f} MB, at most {most_megabytes(office):.0f} MB")
    print(f"notice.cpu {share:.0%} of a core, load of the machine {os.getloadavg()[0]:.1f}")
    _told_times("without", await load(api, chosen[1::2]))  # the same with nothing else going out: no limit of ours
    return all(good)


def _told_times(name: str, times: Times) -> list[bool]:
    print(f"{name}.medians receipt {_quantile(times.receipts, 0.5):.3f} s, tap {_quantile(times.taps, 0.5):.3f} s, "
          f"n {len(times.receipts)}")  # fmt: skip
    return [
        told(f"{name}.receipt p99", _quantile(times.receipts, 0.99), RECEIPT_MOST, "s"),
        told(f"{name}.receipt max", _quantile(times.receipts, 1.0), RECEIPT_MOST, "s"),
        told(f"{name}.tap p95", _quantile(times.taps, 0.95), TAP_P95, "s"),
        told(f"{name}.answer p99", _quantile(times.reviews, 0.99), RECEIPT_MOST, "s"),
        told(f"{name}.unanswered", times.missing, 0, ""),
    ]


async def _pace(api: FakeBotApi) -> float:
    """Messages of the notice a second while nobody asks for anything."""
    began = time.time()
    await asyncio.sleep(5)
    return sum(is_letter(entry) and entry.at >= began for entry in api.journal.sent()) / (time.time() - began)


async def _written(settings: Settings, people: int, since: float) -> float:
    """Seconds from the row behind the first few to the last one."""
    await until(lambda: rows(settings, _ROWS)[0][0] == people)
    return time.time() - since


async def _ended(api: FakeBotApi, settings: Settings, crowd: Sequence[Person], *, whole: bool) -> bool:
    """The end of the notice, or the seconds until nothing more goes out after somebody said stop."""
    if whole:
        settled = select(func.count()).select_from(delivery).where(delivery.c.state == "sent")
        while rows(settings, settled)[0][0] < len(crowd):  # noqa: ASYNC110  no event reaches over from a process
            await asyncio.sleep(1)
        return told("notice.left_over", len(crowd) - rows(settings, settled)[0][0], 0, "people")
    said = time.time()
    crowd[0].says("停")
    await asyncio.sleep(5)
    after = [entry.at for entry in api.journal.sent() if is_letter(entry) and entry.at > said]
    lost = select(func.count()).select_from(delivery).where(delivery.c.state.in_(UNSETTLED))
    is_whole = told("notice.neither_sent_nor_stopped", rows(settings, lost)[0][0], 0, "people")
    return told("notice.stopped_after", max(after, default=said) - said, STOP_MOST, "s") and is_whole


def _twice(api: FakeBotApi) -> int:
    letters = Counter(str(entry.chat) for entry in api.journal.sent() if is_letter(entry))
    return sum(count > 1 for count in letters.values())


def _quantile(figures: Sequence[float], share: float) -> float:
    return sorted(figures)[min(len(figures) - 1, int(len(figures) * share))] if figures else float("inf")


def told(name: str, value: float, limit: float, unit: str) -> bool:
    shown = f"{value:.3f}" if isinstance(value, float) else str(value)
    print(f"{name} {shown} {unit} limit {limit}{'' if value <= limit else '  OVER'}", flush=True)
    return value <= limit


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.notices", description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--whole", action="store_true", help="to the end of the notice, some ten minutes")
    return parser.parse_args()


if __name__ == "__main__":
    wanted = options()
    sys.exit(0 if asyncio.run(measure(wanted.people, wanted.seconds, whole=wanted.whole)) else 1)
