"""The whole product against bare frameworks: python -m benchmarks.against [--rounds 3] [--only echo,start].

Everything in one run on one machine, the contenders by turns. Each line: name, value, limit. docs/performance.md says
what each of them is.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from importlib.metadata import version
from pathlib import Path

from benchmarks.against import contenders
from benchmarks.against.bursts import Burst, measure, prepare, settled
from benchmarks.against.contenders import Bot, Fake, running
from benchmarks.against.figures import Figures, percentile
from benchmarks.against.meter import children, cores, on, resident_megabytes
from benchmarks.against.mix import Mix, Step, says
from benchmarks.against.office import Past, Size, make_past, write_config, write_content
from benchmarks.against.served import Served
from bot.logs import set_up_logs
from bot.office.policies.service import Policies, read_policies
from tests.fakebotapi.remote import Remote
from tests.postgres import serving
from tests.proof.outside import free_port

PARTS = ("echo", "growth", "start", "sends", "latency")
UPDATES = 700  # in one burst: with what officials are told, fewer messages than the pace allows at once
BURSTS = 2  # in one round
HELD = 0.04  # seconds that an answer takes where latency is measured
MEGABYTES = 160


class Comparison:
    """The seeded offices and the contenders in front of them."""

    def __init__(self, folder: Path, size: Size, rounds: int, figures: Figures) -> None:
        self._folder = folder
        self._rounds = rounds
        self._figures = figures
        self.content = write_content(folder)
        self._policies: Policies = read_policies(self.content / "policies", "zh_CN")
        self.past = make_past(folder / "past", self.content, size)
        self.small: Past | None = None

    # --- CPU and rate, by turns ---

    def echo(self, server: Served | None) -> None:
        """Ours in three shapes, and the bare echoes."""
        ways: dict[str, Callable[[], list[Burst]]] = {
            "huiyin.sqlite": lambda: self._ours(self.past),
            "huiyin.webhook": lambda: self._ours(self.past, webhook=True),
            "ptb": lambda: self._echo("ptb", contenders.echo_of_ptb),
        }
        if server is not None:
            ways["huiyin.postgresql"] = lambda: self._on_server(server)
        if contenders.PEERS.exists():
            ways["aiogram"] = lambda: self._echo("aiogram", contenders.echo_of_aiogram)
        else:
            print("left out: aiogram (make compare installs it)")
        found: dict[str, list[Burst]] = {name: [] for name in ways}
        for _round in range(self._rounds):
            for name, way in ways.items():
                found[name] += way()
        each = {name: self._tell(name, bursts) for name, bursts in found.items()}
        for ours in (name for name in found if name.startswith("huiyin")):
            for peer, limit in (("ptb", 1 / 10), ("aiogram", 1 / 5)):
                if peer in each:
                    self._figures.tell(f"{ours}/{peer}.cpu", each[ours] / each[peer], at_most=limit)

    def growth(self) -> None:
        """The same people's doings with a tenth of everything, and with all of it."""
        self.small = self.small or make_past(self._folder / "small", self.content, self.past.size.tenth)
        few: list[Burst] = []
        many: list[Burst] = []
        for _round in range(self._rounds):
            few += self._ours(self.small)
            many += self._ours(self.past)
        small, large = self._tell("tenth.sqlite", few), self._tell("whole.sqlite", many)
        self._figures.tell("growth.cpu (ten times as much in the database)", large / small, at_most=1.3)

    def _tell(self, name: str, bursts: Sequence[Burst]) -> float:
        figures = self._figures
        each = figures.spread(f"{name}.cpu", [burst.each for burst in bursts], "ms")
        figures.spread(f"{name}.rate", [burst.updates / burst.seconds for burst in bursts], "upd/s")
        figures.tell(f"{name}.calls", statistics.mean(burst.calls / burst.updates for burst in bursts), "an upd")
        figures.tell(f"{name}.unanswered", sum(burst.unanswered for burst in bursts), "of all", at_most=0)
        if any(burst.server for burst in bursts):
            figures.spread(f"{name}.server.cpu", [burst.server / burst.updates * 1000 for burst in bursts], "ms")
        busy = statistics.median(burst.fake / burst.seconds for burst in bursts)
        figures.tell(f"{name}.fake (share of a core)", busy)
        return each

    def _ours(self, past: Past, *, webhook: bool = False) -> list[Burst]:
        with self._office(past, webhook=webhook) as (fake, bot, mix):
            return [self._burst(fake, bot, mix) for _number in range(BURSTS)]

    def _burst(self, fake: Fake, bot: Bot, mix: Mix) -> Burst:
        before, steps = mix.burst(UPDATES)
        prepare(fake.remote, before)
        return measure(fake.remote, fake.pid, bot, steps)

    @contextlib.contextmanager
    def _office(
        self,
        past: Past,
        *,
        webhook: bool = False,
        url: str = "",
        server: Sequence[int] = (),
    ) -> Iterator[tuple[Fake, Bot, Mix]]:
        """A fresh copy of the office, running, with the fake before it."""
        with tempfile.TemporaryDirectory(dir=self._folder) as name, Fake(past.size.residents, "--no-limits") as fake:
            copy = past.copied(Path(name) / "office")
            config = write_config(copy.folder, self.content, base_url=fake.remote.base_url, url=url,
                                  webhook=free_port() if webhook else 0)  # fmt: skip
            log = Path(name) / "log"
            with running("huiyin", contenders.huiyin(config), log, server) as bot:
                settled(fake.remote)
                yield fake, bot, Mix(copy, self._policies, date.today())

    def _on_server(self, server: Served) -> list[Burst]:
        with self._office(self.past, url=server.fresh(self.past), server=_Family(server.postmaster)) as (
            fake,
            bot,
            mix,
        ):
            return [self._burst(fake, bot, mix) for _number in range(BURSTS)]

    def _echo(self, name: str, command: Callable[[Remote], list[str | Path] | None]) -> list[Burst]:
        bursts = []
        with Fake(UPDATES * BURSTS, "--no-limits") as fake:
            words = command(fake.remote)
            assert words is not None
            with running(name, words, self._folder / "log") as bot:
                settled(fake.remote)
                for number in range(BURSTS):
                    people = range(number * UPDATES, (number + 1) * UPDATES)
                    steps: list[Step] = [says(f"P{person}", "楼道灯坏了好几天了") for person in people]
                    bursts.append(measure(fake.remote, fake.pid, bot, steps))
        return bursts

    # --- start, memory ---

    def start(self) -> None:
        """From nothing to the first answer, with that database; then what it holds in memory after some work."""
        seconds, megabytes = [], []
        for _round in range(self._rounds):
            with tempfile.TemporaryDirectory(dir=self._folder) as name, Fake(2000, "--no-limits") as fake:
                copy = self.past.copied(Path(name) / "office")
                config = write_config(copy.folder, self.content, base_url=fake.remote.base_url)
                fake.remote.play([says("P500", "/policy")])
                with running("huiyin", contenders.huiyin(config), Path(name) / "log") as bot:
                    seconds.append(contenders.first_answer(fake.remote, bot))
                    fake.remote.play([], people=copy.size.residents)
                    self._burst(fake, bot, Mix(copy, self._policies, date.today()))
                    megabytes.append(resident_megabytes(bot.pid))
        self._figures.spread("start.to_first_answer", seconds, "s", at_most=1.5)
        self._figures.spread("memory.rss", megabytes, "MB", at_most=MEGABYTES)
        self._figures.tell("memory.imports", _memory_of_imports(), "MB")

    # --- sends ---

    def sends(self) -> None:
        """One message with buttons, through our channel and PTB's Bot; then a thousand a second by a whole office."""
        ours, theirs = [], []
        for _round in range(self._rounds):
            with Fake(3000, "--no-limits") as fake:
                ours.append(_sent("huiyin", fake.remote, 2000))
                theirs.append(_sent("ptb", fake.remote, 500))
        small = self._figures.spread("send.huiyin.cpu", ours, "us")
        large = self._figures.spread("send.ptb.cpu", theirs, "us")
        self._figures.tell("send.huiyin/ptb.cpu", small / large, at_most=1 / 15)
        with Fake(6000) as fake:
            fake.remote.post("/limits", paid=True)
            fake.remote.fault("latency", method="sendMessage", times=None, seconds=HELD)
            found = _child("paced", fake.remote, 6000)
            refused = fake.remote.state()["refused"]
        self._figures.tell("paced.rate (1000 a second allowed)", found["sent"] / found["seconds"], "msg/s")
        self._figures.tell("paced.core", found["share"], "cores", at_most=0.3)
        self._figures.tell("paced.each", found["each"], "us")
        self._figures.tell("paced.429", refused, "of all", at_most=0)

    # --- latency ---

    def latency(self) -> None:
        """A hundred updates a second; each answer is held back, and that time is not counted."""
        ours: list[Burst] = []
        theirs: list[Burst] = []
        for _round in range(self._rounds):
            with self._office(self.past) as (fake, bot, mix):
                before, steps = mix.burst(UPDATES)
                prepare(fake.remote, before)
                ours.append(_held(fake, bot, steps))
            if contenders.PEERS.exists():
                with Fake(UPDATES, "--no-limits") as fake:
                    command = contenders.echo_of_aiogram(fake.remote)
                    assert command is not None
                    with running("aiogram", command, self._folder / "log") as bot:
                        settled(fake.remote)
                        theirs.append(_held(fake, bot, [says(f"P{person}", "你好") for person in range(UPDATES)]))
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            limit = None
            if theirs:
                limit = statistics.median(percentile(burst.waits, share) * 1000 for burst in theirs)
                self._figures.tell(f"latency.aiogram.{name}", limit, "ms")
            value = statistics.median(percentile(burst.waits, share) * 1000 for burst in ours)
            self._figures.tell(f"latency.huiyin.{name}", value, "ms", at_most=limit if name == "p99" else None)


class _Family(Sequence[int]):
    """A process and those that it has started, as they are at the moment of asking."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def __len__(self) -> int:
        return len(children(self._pid)) + 1

    def __getitem__(self, place: int) -> int:  # type: ignore[override]  # no slices are asked for
        return [self._pid, *children(self._pid)][place]


def _held(fake: Fake, bot: Bot, steps: Sequence[Step]) -> Burst:
    for method in ("sendMessage", "editMessageText", "answerCallbackQuery"):
        fake.remote.fault("latency", method=method, times=None, seconds=HELD)
    try:
        return measure(fake.remote, fake.pid, bot, steps, rate=100, held=HELD)
    finally:
        fake.remote.clear_faults()


def _child(how: str, fake: Remote, count: int) -> dict[str, float]:
    _load, core = cores()
    command = (sys.executable, "-m", "benchmarks.against.sends", how, fake.base_url, fake.token, str(count))
    done = subprocess.run(command, cwd=contenders.ROOT, stdout=subprocess.PIPE, check=True, preexec_fn=on(core))
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _sent(how: str, fake: Remote, count: int) -> float:
    return float(_child(how, fake, count))  # type: ignore[arg-type]  # these two print one number


def _memory_of_imports() -> float:
    """What a process holds that has imported all that a running office imports, and nothing else."""
    names = "uvloop, bot.cli, bot.logs, bot.running, bot.building, bot.channels.telegram.client"
    code = f"import os, {names}, apscheduler.schedulers.asyncio\n"
    code += "from benchmarks.against.meter import resident_megabytes\nprint(resident_megabytes(os.getpid()))"
    done = subprocess.run((sys.executable, "-c", code), cwd=contenders.ROOT, stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def _about() -> None:
    load, core = cores()
    where = (
        f"load generator on core {load}, bot on core {core}" if load != core else "one core for both: rates mean little"
    )
    print(f"# Python {platform.python_version()}, {where}")
    packages = ("python-telegram-bot", "httpx", "aiohttp", "uvloop", "SQLAlchemy")
    print("# " + ", ".join(f"{name} {version(name)}" for name in packages))
    if contenders.PEERS.exists():
        command = (contenders.PEERS, "-c", "import aiogram, aiohttp; print(aiogram.__version__, aiohttp.__version__)")
        found = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split()
        print(f"# in an environment of its own: aiogram {found[0]}, aiohttp {found[1]}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The whole product against bare frameworks.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS), help="of: " + ", ".join(PARTS))
    parser.add_argument("--tenth", action="store_true", help="with a tenth in the database, to try things out")
    parser.add_argument("--without-server", action="store_true", help="leave PostgreSQL out")
    return parser.parse_args()


def main() -> int:
    wanted = _options()
    parts = wanted.only.split(",")
    set_up_logs(level="error")
    _about()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="against")))
        server = None
        if "echo" in parts and not wanted.without_server:
            server = Served(stack.enter_context(serving(folder)))
        load, _core = cores()
        os.sched_setaffinity(0, {load})
        figures = Figures()
        size = Size().tenth if wanted.tenth else Size()
        comparison = Comparison(folder, size, wanted.rounds, figures)
        print(f"# {size.residents} residents, {size.cases} open cases, {size.queued} messages that wait for later")
        if "echo" in parts:
            comparison.echo(server)
        if wanted.tenth and "growth" in parts:
            parts.remove("growth")  # there is no tenth of it with people enough
        for part in ("growth", "start", "sends", "latency"):
            if part in parts:
                getattr(comparison, part)()
    print(f"# missed: {', '.join(figures.missed) or 'nothing'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
