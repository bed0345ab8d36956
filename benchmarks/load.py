"""The whole office under load: python -m benchmarks.load [--only burst,storm …] [--seconds 60] [--on-server].

`huiyin run` as a process on one core, the strict fake Bot API in another process on the other. The Bot API takes 30
messages a second for nothing, so that the answers to 500 people at once need 17 seconds whatever the office does. Each
crowd is therefore measured up to its answers with the paid pace of 1000 a second, and the burst also with the free one:
there up to the moment where the answer is written and waits for its turn. Prints `name value limit`.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from benchmarks.against import contenders
from benchmarks.against.bursts import SHOWING, first_answers, prepare, settled, unanswered
from benchmarks.against.contenders import Bot, Fake, running
from benchmarks.against.figures import Figures, percentile
from benchmarks.against.meter import most_megabytes, processor_seconds, resident_megabytes, waited_seconds
from benchmarks.against.mix import RESIDENTS, Mix, Step, presses, says
from benchmarks.against.office import (
    CHANNEL,
    OFFICIALS,
    RATE,
    Past,
    Size,
    department,
    make_past,
    write_config,
    write_content,
)
from benchmarks.against.served import Served
from bot.config import Settings, read_settings
from bot.database import open_store
from bot.house import read_house
from bot.logs import set_up_logs
from bot.office.cases.tables import assignment, case
from bot.office.office import Office
from bot.office.people.model import Role
from bot.office.policies.service import Policies, read_policies
from bot.outside import Outside
from bot.store.queues import inbox, outbox
from bot.store.transaction import Transaction
from tests.delivery.stage import most_in_a_second
from tests.fakebotapi.hub import FIRST_PERSON
from tests.postgres import serving
from tests.proof.outside import rows

SHAPES = ("burst", "storm", "backlog", "abuser", "presses", "ten")
SIZE = Size(residents=12_000, cases=2_000, queued=2_000)
FREE, MOST_FREE = 28, 30  # messages a second: the product's pace, and what the Bot API takes from whoever does not pay
SOON = 1.0  # seconds, for 95 of 100
PEAK, DRIFT = 160.0, 20.0  # megabytes
GROWTH = 1.0  # megabytes a minute
DRAINED = 200.0  # updates a second
OTHERS, ABUSE = 10, 100  # updates a second
EACH_ONCE = 5  # residents for each of the others, alone and beside an abuser: nobody acts twice, and half are left out
ABUSED = "你们怎么还不回我，再不回我就一直发，发到你们回为止。" * 4
WARNED = "一下子发得太多"
PRESSES, PRESS_RATE = 10_000, 100
TEN, ROUNDS = 10, 5
Entries = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Running:
    """An office that runs, and what it is looked at with."""

    fake: Fake
    bot: Bot
    settings: Settings
    mix: Mix

    def play(self, steps: Sequence[Step], rate: float = 0.0) -> Entries:
        """What the Bot API saw from the first step to the last answer."""
        before = self.fake.remote.play(steps, rate=rate)
        settled(self.fake.remote)
        return self.fake.remote.journal(before)

    def written(self, entries: Entries) -> list[float]:
        """Seconds from each update to the transaction that wrote its answer."""
        came = {str(entry["update_id"]): entry["at"] for entry in entries if entry["what"] == "queued"}
        events = rows(self.settings, select(inbox.c.id, inbox.c.key).where(inbox.c.key.in_(came)))
        owed = dict(
            rows(self.settings, select(outbox.c.key, outbox.c.created_at).where(outbox.c.key.like("event:%:0")))
        )
        found = ((owed.get(f"event:{event.id}:0"), came[event.key]) for event in events)
        return [at.timestamp() - queued for at, queued in found if at is not None]

    def database_megabytes(self) -> float:
        """What is in use, wherever it lies: in the file or in its log."""
        if self.settings.database.url.startswith("postgresql"):
            return float(rows(self.settings, text("SELECT pg_database_size(current_database())"))[0][0]) / 1e6
        size = text(
            "SELECT (page_count - freelist_count) * page_size "
            "FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"
        )
        return float(rows(self.settings, size)[0][0]) / 1e6


class Loads:
    """The shapes, each with an office of its own."""

    def __init__(self, folder: Path, figures: Figures, seconds: int, server: Served | None) -> None:
        self._folder = folder
        self._figures = figures
        self._seconds = seconds
        self._size = Size(max(SIZE.residents, EACH_ONCE * OTHERS * seconds), SIZE.cases, SIZE.queued)
        self._server = server
        self._content = write_content(folder)
        self._policies: Policies = read_policies(self._content / "policies", "zh_CN")
        self._past = make_past(folder / "past", self._content, self._size)

    @contextmanager
    def _office(self, rate: int = RATE, before: Sequence[Step] = ()) -> Iterator[Running]:
        with tempfile.TemporaryDirectory(dir=self._folder) as name, Fake(self._size.residents) as fake:
            fake.remote.post("/limits", paid=True)
            if before:
                fake.remote.play(before)
            copy: Past = self._past.copied(Path(name) / "office")
            url = self._server.fresh(self._past) if self._server is not None else ""
            config = write_config(copy.folder, self._content, base_url=fake.remote.base_url, rate=rate, url=url)
            with running("huiyin", contenders.huiyin(config), self._folder / "log") as bot:
                settled(fake.remote)
                yield Running(fake, bot, read_settings(config), Mix(copy, self._policies, date.today()))

    # --- crowds ---

    def burst(self) -> None:
        """Five hundred within a second, as after a notice: with the paid pace, then with the free one."""
        with self._office() as office:
            self._crowd("burst", office, 500, 500)
        with self._office(FREE) as office:
            self._free("burst.free", office, 500)

    def storm(self) -> None:
        """Five thousand residents within a minute."""
        with self._office() as office:
            self._crowd("storm", office, 5000, 5000 / 60)

    def _crowd(self, name: str, office: Running, people: int, rate: float) -> None:
        before, steps = office.mix.burst(people, RESIDENTS)
        prepare(office.fake.remote, before)
        with self._costs(name, office):
            entries = office.play(steps, rate)
        self._answered(name, office, entries, at_most=SOON)
        self._whole(name, office, entries)

    def _free(self, name: str, office: Running, people: int) -> None:
        """What waits here waits for the platform; how long is a matter of how many messages there are."""
        before, steps = office.mix.burst(people, RESIDENTS)
        prepare(office.fake.remote, before)
        entries = office.play(steps, people)
        shown = [entry for entry in entries if entry["what"] == "call" and entry["method"] in SHOWING]
        sent = [entry["at"] for entry in shown if entry["method"] == "sendMessage"]
        waits = self._answered(name, office, entries)
        self._figures.tell(f"{name}.messages and changes", len(shown))
        self._figures.tell(f"{name}.last_answer", max(waits), "s", at_most=len(shown) / FREE * 1.1 + SOON)
        self._figures.tell(f"{name}.in_any_second", most_in_a_second(sent), "messages", at_most=MOST_FREE)
        self._whole(name, office, entries)

    def backlog(self) -> None:
        """Ten thousand updates that came while nobody was here."""
        people = range(OFFICIALS, OFFICIALS + 5000)
        steps = [
            says(f"P{person}", words) for words in ("楼道灯坏了好几天了", "和平3里3号楼2单元") for person in people
        ]
        with self._office(before=steps) as office:
            entries = office.fake.remote.journal()
            handed = min(entry["at"] for entry in entries if entry["what"] == "handed")
            queued = {str(entry["update_id"]): entry["at"] for entry in entries if entry["what"] == "queued"}
            written = office.written(entries)
            came = max(queued.values())
            self._figures.tell(
                "backlog.drained", len(queued) / (max(written) + came - handed), "upd/s", at_least=DRAINED
            )
            calls = [entry["at"] for entry in entries if entry["what"] == "call" and entry["method"] == "sendMessage"]
            self._figures.tell("backlog.answered", len(queued) / (max(calls) - handed), "upd/s", at_least=DRAINED)
            self._figures.tell("backlog.memory.peak", most_megabytes(office.bot.pid), "MB", at_most=PEAK)
            newer = select(func.count()).where(outbox.c.state == "superseded")
            passed_over = rows(office.settings, newer)[0][0]
            self._figures.tell("backlog.taken_place_of", passed_over, "screens")
            self._whole("backlog", office, entries, passed_over=passed_over)

    # --- one against all ---

    def abuser(self) -> None:
        """Ten others a second, at the free pace: alone, then beside one who sends a hundred a second."""
        with self._office(FREE) as office:
            alone, usual = self._others("others", office)
            beside, growth = self._others("abuser", office, abused=True)
            ratio = percentile(beside, 0.95) / percentile(alone, 0.95)
            self._figures.tell("abuser.p95 against alone", ratio, "times")
            self._figures.tell("abuser.database", growth - usual, "MB/min", at_most=GROWTH)

    def _others(self, name: str, office: Running, *, abused: bool = False) -> tuple[list[float], float]:
        """Seconds that each of the others waited, and the database's growth in megabytes a minute."""
        abuser = self._size.residents - 1
        before, steps = office.mix.burst(OTHERS * self._seconds // 100 * 100, RESIDENTS)
        prepare(office.fake.remote, before)
        script, each = steps, ABUSE // OTHERS
        if abused:
            script = [one for step in steps for one in (step, *[says(f"P{abuser}", ABUSED)] * each)]
        size = office.database_megabytes()
        with self._costs(name, office):
            entries = office.play(script, OTHERS * (1 + each if abused else 1))
        growth = (office.database_megabytes() - size) / (len(steps) / OTHERS / 60)
        self._figures.tell(f"{name}.growth", growth, "MB/min")
        if abused:
            theirs = [entry for entry in entries if _chat(entry) == FIRST_PERSON + abuser]
            told = sum(WARNED in str(entry.get("parameters")) for entry in theirs if entry["what"] == "call")
            self._figures.tell("abuser.sent", sum(entry["what"] == "queued" for entry in theirs), "updates")
            self._figures.tell("abuser.answered", sum(entry["what"] == "call" for entry in theirs), "messages")
            self._figures.tell("abuser.told", told, "times", at_most=1 + self._seconds / 30)
        others = [entry for entry in entries if _chat(entry) != FIRST_PERSON + abuser]
        waits = self._answered(name, office, others, at_most=SOON)
        self._whole(name, office, others)
        return waits, growth

    # --- presses ---

    def presses(self) -> None:
        """Ten thousand presses, each under a message of its own; Telegram keeps a press for 150 seconds."""
        people = range(OFFICIALS, OFFICIALS + PRESSES)
        with self._office() as office:
            prepare(office.fake.remote, [[says(f"P{person}", "/policy") for person in people]])
            with self._costs("presses", office):
                entries = office.play([presses(f"P{person}", "医保") for person in people], PRESS_RATE)
            self._answered("presses", office, entries, at_most=SOON)
            taps = sum(
                entry["what"] == "call"
                and entry["method"] == "answerCallbackQuery"
                and entry.get("outcome", "ok") == "ok"
                for entry in entries
            )
            self._figures.tell("presses.stopped_waiting", taps, "of all", at_least=PRESSES)
            self._whole("presses", office, entries)

    def ten(self) -> None:
        """Ten officials press the same button at the same moment: one has the case, all are answered."""
        numbers = self._past.unowned[0][-ROUNDS:]
        officials = range(TEN)
        _appoint(read_settings(self._past.folder / "config.toml"), officials)
        with self._office() as office:
            waits: list[float] = []
            missing = 0
            for number in numbers:
                prepare(office.fake.remote, [[says(f"P{official}", f"/case {number}") for official in officials]])
                entries = office.play([presses(f"P{official}", "接") for official in officials])
                waits += self._waits(entries)
                missing += unanswered(entries)
            self._figures.tell("ten.unanswered", missing, "of all", at_most=0)
            self._figures.tell("ten.p95", percentile(waits, 0.95), "s", at_most=SOON)
            chosen = (
                select(func.count())
                .select_from(assignment)
                .join(case, case.c.id == assignment.c.case)
                .where(case.c.number.in_(numbers))
            )
            self._figures.tell(
                "ten.taken", rows(office.settings, chosen)[0][0], "times", at_most=ROUNDS, at_least=ROUNDS
            )

    # --- figures ---

    @contextmanager
    def _costs(self, name: str, office: Running) -> Iterator[None]:
        """Memory, processor time, and how long the office was ready while no core was free: the machine's part."""
        pid = office.bot.pid
        before, spent, waited = resident_megabytes(pid), processor_seconds(pid), waited_seconds(pid)
        yield
        after = resident_megabytes(pid)
        self._figures.tell(f"{name}.cpu", processor_seconds(pid) - spent, "s")
        self._figures.tell(f"{name}.waited_for_a_core", waited_seconds(pid) - waited, "s")
        self._figures.tell(f"{name}.memory.before", before, "MB")
        self._figures.tell(f"{name}.memory.growth", after - before, "MB", at_most=DRIFT)
        self._figures.tell(f"{name}.memory.peak", most_megabytes(office.bot.pid), "MB", at_most=PEAK)

    def _answered(self, name: str, office: Running, entries: Entries, at_most: float | None = None) -> list[float]:
        waits, written = self._waits(entries), office.written(entries)
        self._figures.tell(f"{name}.written.p95", percentile(written, 0.95), "s", at_most=SOON)
        for share in (0.5, 0.95, 1.0):
            limit = at_most if share == 0.95 else None
            self._figures.tell(f"{name}.answer.p{share * 100:.0f}", percentile(waits, share), "s", at_most=limit)
        return waits

    def _waits(self, entries: Entries) -> list[float]:
        return [at - asked for asked, at in first_answers(entries).values()]

    def _whole(self, name: str, office: Running, entries: Entries, *, passed_over: int = 0) -> None:
        """Nothing is left over, and everything is answered, but for screens that a newer one has taken the place of."""
        left = rows(office.settings, select(func.count()).where(inbox.c.state != "done"))[0][0]
        self._figures.tell(f"{name}.not_handled", left, "updates", at_most=0)
        self._figures.tell(f"{name}.unanswered", unanswered(entries) - passed_over, "of all", at_most=0)
        self._figures.tell(f"{name}.429", office.fake.remote.state()["refused"], "calls", at_most=0)
        print(f"# load of the machine {os.getloadavg()[0]:.1f}", flush=True)


def _chat(entry: dict[str, Any]) -> int | None:
    return int(entry["chat"]) if entry.get("chat") is not None else None


def _appoint(settings: Settings, officials: Sequence[int]) -> None:
    """All of them deal with what comes to the first community."""
    outside = Outside()
    store = open_store(settings, outside)
    house = read_house(settings, store.keys, outside, {})

    def appoint(tx: Transaction) -> None:
        people = Office(tx, house).people
        for official in officials:
            person = people.meet(CHANNEL, str(FIRST_PERSON + official))
            people.join(people.invite(Role.HANDLER, department(0)), person)

    try:
        store.writer.run(appoint)
    finally:
        store.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(SHAPES))
    parser.add_argument("--seconds", type=int, default=60, help="of abuse")
    parser.add_argument("--on-server", action="store_true", help="on PostgreSQL")
    return parser.parse_args()


def main() -> int:
    wanted = _options()
    set_up_logs(level="error")
    figures = Figures()
    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="load"))
        server = Served(opened.enter_context(serving(Path(folder)))) if wanted.on_server else None
        loads = Loads(Path(folder), figures, wanted.seconds, server)
        for shape in wanted.only.split(","):
            getattr(loads, shape)()
    print(f"# missed: {', '.join(figures.missed) or 'nothing'}")
    return 1 if figures.missed else 0


if __name__ == "__main__":
    sys.exit(main())
