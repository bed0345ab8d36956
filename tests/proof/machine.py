"""K15: anybody does anything, the process dies at any point, messages fail: the office equals the model throughout."""

import asyncio
import re
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, Phase, settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from bot.errors import DeliveryError, NotSent, Uncertain
from bot.office.cases.chain import broken_links
from bot.office.cases.tables import case, case_event, entry
from bot.office.people.model import Role
from bot.store.queues import inbox, outbox, timer
from bot.store.transaction import Transaction
from bot.store.types import to_micros
from bot.telling import Lane
from tests.proof.figure import Figure, at_least, exactly
from tests.proof.line import Died, Dying, Line
from tests.proof.model import APPROVER, OFFICIALS, RESIDENTS, WRITER, Matter, Model
from tests.proof.places import Place
from tests.rig import SHANGHAI, Heard, Someone, Town
from tests.sample import read_once

T = TypeVar("T")

POINTS = ("inbox commit", "acknowledgement", "mid-batch", "before commit", "after commit", "after claim", "after HTTP",
          "timer")  # fmt: skip
WRONG_CODE = "000 000"
PAIR = re.compile(r"编号 ([0-9A-Z]{4}-[0-9A-Z]{4})，查询码 (\d{3} \d{3})")
TROUBLES: tuple[tuple[bool, DeliveryError], ...] = (
    (False, NotSent("flood", timedelta(seconds=30))),
    (False, NotSent("flood", timedelta(hours=1))),
    (False, Uncertain("timeout")),
    (True, Uncertain("timeout")),
)
who = strategies.sampled_from(RESIDENTS)
official = strategies.sampled_from(sorted(OFFICIALS))
which = strategies.integers(0, 30)  # counted around


class Office(RuleBasedStateMachine):
    """One example: an office of its own, and the model beside it."""

    place: ClassVar[Place]
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.left, self.is_open = ExitStack(), False

    @initialize()
    def opens(self) -> None:
        folder, url = self.left.enter_context(type(self).place())
        self.model, self.dying, self.words = Model(), Dying(), 0
        self.seen: dict[str, int] = {}
        self.runner = self.left.enter_context(asyncio.Runner())
        self.town = Town(folder, url, failpoint=self.dying)
        self.town.channel = self.line = Line(heard=self.town._hear, gone=self.town._gone)
        self.runner.run(self._opens())
        self.is_open = True
        for name in RESIDENTS:
            self._agrees(name)

    async def _opens(self) -> None:
        await self.town.open()
        for name, role in OFFICIALS.items():
            await self.town.official(name, Role(role), "xingfuli" if role == "handler" else None)
        await self.town.official(WRITER, Role.HEAD)
        await self.town.official(APPROVER, Role.APPROVER)

    def teardown(self) -> None:
        try:
            if self.is_open:
                self.model_holds_after_a_quiet_hour()
                self.runner.run(self.town.close())
        finally:
            self.left.close()

    # --- what residents do ---

    @precondition(lambda self: self._strangers())
    @rule(one=which)
    def agrees(self, one: int) -> None:
        self._agrees(_pick(self._strangers(), one))

    def _agrees(self, name: str) -> None:
        self._does(lambda: self._person(name).opens())
        self._does(lambda: self._person(name).says("好"))
        self.model.agrees(name)

    @precondition(lambda self: self._free())
    @rule(one=which)
    def begins(self, one: int) -> None:
        name, words = _pick(self._free(), one), f"幸福里3号楼2单元的灯坏了，{self._word()}"
        self._does(lambda: self._person(name).says(f"/request {words}"))
        self.model.drafts(name, words, f"in{self.line.raws[-1].key}")

    @precondition(lambda self: self._drafting())
    @rule(one=which)
    def adds_to_draft(self, one: int) -> None:
        name, words = _pick(self._drafting(), one), f"还有{self._word()}"
        self._settled()
        self._does(lambda: self._person(name).says(words))
        self.model.adds_to_draft(name, words)

    @precondition(lambda self: self._drafting())
    @rule(one=which, twice=strategies.booleans())
    def registers(self, one: int, twice: bool) -> None:
        name = _pick(self._drafting(), one)
        number = self._new_number(lambda: self._presses(name, "登记", twice=twice))
        self.model.registers(name, number)

    @precondition(lambda self: self._drafting())
    @rule(one=which)
    def drops(self, one: int) -> None:
        name = _pick(self._drafting(), one)
        self._does(lambda: self._person(name).says("算了"))
        self.model.drops_draft(name)

    @precondition(lambda self: self._free())
    @rule(one=which)
    def complains(self, one: int) -> None:
        name = _pick(self._free(), one)
        words = f"我要投诉外来人口窗口姓刘的，收了我200块加急费，{self._word()}"
        self._does(lambda: self._person(name).says(words))
        self._presses(name, "保密，能传话")
        number = self._new_number(lambda: self._presses(name, "交上去"))
        self.model.complains(name, number, words)

    @precondition(lambda self: self._free())
    @rule(one=which)
    def complains_namelessly(self, one: int) -> None:
        """Nothing of it stays with the person: it is nobody's, and whoever has the code may look it up."""
        name = _pick(self._free(), one)
        words = f"我要投诉外来人口窗口姓刘的，收了我200块加急费，{self._word()}"
        self._does(lambda: self._person(name).says(words))
        self._presses(name, "匿名，不留账号")
        number = self._new_number(lambda: self._presses(name, "交上去"))
        self._settled()
        shown = [PAIR.search(heard.text) for heard in self._person(name).heard]
        code = next((found[2] for found in shown if found and found[1] == number), "")
        self.model.complains_namelessly(number, code, words)

    @precondition(lambda self: self._free() and self._coded())
    @rule(one=which, other=which, is_right=strategies.booleans())
    def looks_up(self, one: int, other: int, is_right: bool) -> None:
        name, matter = _pick(self._free(), one), _pick(self._coded(), other)
        self._looked_up(name, matter, is_right=self.model.looks_up(name, is_right))

    def _looked_up(self, name: str, matter: Matter, *, is_right: bool) -> None:
        """Number and code show the case as it stands, another code shows nothing of it."""
        code, before = matter.code if is_right else WRONG_CODE, len(self._person(name).heard)
        self._does(lambda: self._person(name).says(f"查进度 {matter.number} {code}"))
        self._settled()
        shown = "\n".join(heard.text for heard in self._person(name).heard[before:])
        assert ("还在查" in shown) == (is_right and matter.is_open), shown
        assert ("有结果了" in shown) == (is_right and not matter.is_open), shown
        assert ("编号和查询码对不上" in shown) == (not is_right), shown

    @precondition(lambda self: self._agreed() and self._running())
    @rule(one=which, other=which)
    def adds(self, one: int, other: int) -> None:
        """To a matter of their own, or of somebody else's, which does not exist for them."""
        name, matter, words = _pick(self._agreed(), one), _pick(self._running(), other), f"楼上也是{self._word()}"
        self._does(lambda: self._person(name).says(f"/add {matter.number} {words}"))
        self.model.adds(name, matter, words)

    @precondition(lambda self: any(matter.source for matter in self._own()))
    @rule(one=which, again=strategies.booleans())
    def edits(self, one: int, again: bool) -> None:
        matter = _pick([matter for matter in self._own() if matter.source], one)
        words = matter.last_version if again and matter.last_version else f"幸福里的灯又坏了，{self._word()}"
        self._does(lambda: self._person(matter.by).edits(matter.source, words))
        self.model.edits(matter, words)

    @precondition(lambda self: self._own())
    @rule(one=which)
    def withdraws(self, one: int) -> None:
        matter = _pick(self._own(), one)
        self._does(lambda: self._person(matter.by).says(f"/withdraw {matter.number}"))
        self._presses(matter.by, "是，撤回")
        self.model.withdraws(matter)

    @precondition(lambda self: self._own())
    @rule(one=which)
    def forgets(self, one: int) -> None:
        name = _pick(self._own(), one).by
        self._does(lambda: self._person(name).says("删掉我的信息"))
        is_open = any(matter.is_open for matter in self.model.matters if matter.by == name)
        self._presses(name, "撤回，全部删掉" if is_open else "删掉我的信息")
        self._presses(name, "全部删除")
        self._passes(seconds=10)
        self.model.forgets(name)

    @precondition(lambda self: self._agreed())
    @rule(one=which)
    def blocks(self, one: int) -> None:
        name = _pick(self._agreed(), one)
        self.line.blocked.add(name)
        self.model.leaves(name)
        self._does(lambda: self._person(name).blocks(), is_silent=True)

    @precondition(lambda self: self.line.blocked)
    @rule(one=which)
    def unblocks(self, one: int) -> None:
        name = _pick(sorted(self.line.blocked), one)
        self.line.blocked.discard(name)
        self.model.comes_back(name)
        self._does(lambda: self._person(name).unblocks(), is_silent=True)

    @precondition(lambda self: self._stale())
    @rule(one=which)
    def presses_an_old_button(self, one: int) -> None:
        """One of a screen that does not count any more: it changes nothing."""
        name, label, heard = _pick(self._stale(), one)
        self._does(lambda: self._person(name).presses(label, on=heard))

    # --- what officials do ---

    @precondition(lambda self: self.model.matters)
    @rule(name=official, one=which)
    def takes(self, name: str, one: int) -> None:
        matter = _pick(self.model.matters, one)
        self._does(lambda: self._person(name).says(f"/take {matter.number}"))
        self.model.takes(name, matter)

    @precondition(lambda self: self.model.matters)
    @rule(name=official, one=which, act=strategies.sampled_from(("tell", "ask", "answer")))
    def speaks(self, name: str, one: int, act: str) -> None:
        matter, before = _pick(self.model.matters, one), len(self._person(name).heard)
        self._does(lambda: self._person(name).says(f"/{act} {matter.number} 师傅在路上了，{self._word()}"))
        shown = any("发送" in heard.labels for heard in self._person(name).heard[before:])
        assert shown or not self.model.may_speak(name, matter), matter
        assert not shown or matter.may_be_read_by(name), matter
        if shown:
            self._presses(name, "发送")
            self.model.speaks(name, matter, act)

    @precondition(lambda self: self.model.matters)
    @rule(name=official, one=which)
    def notes(self, name: str, one: int) -> None:
        matter = _pick(self.model.matters, one)
        self._does(lambda: self._person(name).says(f"/note {matter.number} 老住户，{self._word()}"))
        self.model.notes(name, matter)

    @precondition(lambda self: any(matter.state == "answered" for matter in self.model.matters))
    @rule(name=official, one=which)
    def redoes(self, name: str, one: int) -> None:
        matter = _pick(self.model.matters, one)
        self._does(lambda: self._person(name).says(f"/redo {matter.number}"))
        self.model.redoes(name, matter)

    @precondition(lambda self: any(matter.is_sealed for matter in self.model.matters))
    @rule(name=official, one=which, subject=official)
    def names(self, name: str, one: int, subject: str) -> None:
        matter = _pick([matter for matter in self.model.matters if matter.is_sealed], one)
        known = self._read(lambda tx: self.town.app.office(tx).people.known("silent", subject))
        self._does(lambda: self._person(name).forges(f"sealed.name:{matter.number}:{known.id}"))
        self.model.names(name, matter, subject)

    @precondition(lambda self: self._is_day() and any(map(self.model._hears, self.model.residents.values())))
    @rule(is_stopped=strategies.booleans())
    def announces(self, is_stopped: bool) -> None:
        words, before = f"明天检修水管，{self._word()}", self._read(_letters)
        self.model.announces(words)
        notice = self.model.notices[-1]
        self._does(lambda: self._person(WRITER).says(f"/notice {words}"))
        self._presses(WRITER, f"全青石街道 {len(notice.readers)} 人")
        self._presses(WRITER, "送批")
        self._presses(APPROVER, "看过了，我来批")
        self._does(lambda: self._person(APPROVER).says(str(len(notice.readers))))
        notice.is_agreed, notice.is_stopped = True, is_stopped
        if is_stopped:
            self._does(lambda: self._person(WRITER).presses("停"))
        shown = [heard.text for heard in self._person(WRITER).heard[-2:]]
        self._passes(minutes=3)
        written = self._read(_letters) - before
        assert written == (0 if is_stopped else len(notice.readers)), f"{written} letters of {notice}: {shown}"

    # --- what happens to them ---

    @rule(point=strategies.sampled_from(POINTS), passing=strategies.integers(1, 4))
    def is_to_die(self, point: str, passing: int) -> None:
        self.dying.arm(point, passing)

    @rule()
    def starts_anew(self) -> None:
        self.runner.run(self._restarted())

    @rule(name=who, trouble=strategies.sampled_from(TROUBLES))
    def loses_a_message(self, name: str, trouble: tuple[bool, DeliveryError]) -> None:
        self.line.troubles[name] = trouble

    @rule(number=which)
    def comes_twice(self, number: int) -> None:
        if self.line.raws:
            raw = self.line.raws[-1 - number % len(self.line.raws)]
            if raw.chat not in RESIDENTS or raw.chat in self._agreed():
                self.runner.run(self._comes(raw))

    @rule(minutes=strategies.sampled_from((1, 20, 300, 1500, 3000)))
    def time_goes_by(self, minutes: int) -> None:
        self._passes(minutes=minutes)

    # --- what holds ---

    @invariant()
    def equals_the_model(self) -> None:
        type(self).steps += 1
        self._read(self._compared)
        self._read(self._delivered)
        self._nobody_reads_what_is_kept_from_them()

    def model_holds_after_a_quiet_hour(self) -> None:
        """Whatever was on its way has arrived, or is listed."""
        self.dying.arm("", 0)
        self.line.troubles.clear()
        self._passes(minutes=70)
        for matter in self.model.matters:
            if matter.by is None:
                continue
            person = self._person(matter.by)
            receipts = {
                heard.outgoing.id for heard in person.heard
                if matter.number in heard.text and ("登记好了" in heard.text or "交给督办员了" in heard.text)
            }  # fmt: skip
            assert len(receipts) <= 1, "one receipt"
            if not self.model.residents[matter.by].missed and not matter.is_forgotten:
                assert len(receipts) == 1, "a receipt"
        for matter in self._coded():
            for is_right in (False, True):
                self._looked_up(f"whoever has the code of {matter.number}", matter, is_right=is_right)
        for name in RESIDENTS:
            if name not in self.line.blocked:
                before = len(self._person(name).heard)
                self._does(lambda name=name: self._person(name).says("菜单"))  # type: ignore[misc]  # mypy infers none with a default
                assert len(self._person(name).heard) > before, "no dead end"

    def _compared(self, tx: Transaction) -> None:
        rows = {row.number: row for row in tx.read(select(case))}
        count = select(entry.c.case, func.count().label("said"))
        said = {row.case: row.said for row in tx.read(count.group_by(entry.c.case))}
        armed = [row.key for row in tx.flushed().execute(select(timer.c.key).where(timer.c.state == "armed"))]
        assert len(rows) == len(self.model.matters), "each registered once"
        for matter in self.model.matters:
            row = rows[matter.number]
            ends = {"answered": "closed", "withdrawn": "withdrawn"}
            if matter.is_open:
                assert row.status not in ends.values()
                assert (row.status == "waiting_resident") == matter.waits
                owner = self.town.app.office(tx).people.known("silent", matter.owner) if matter.owner else None
                assert row.owner == (owner.id if owner else None)
            else:
                assert row.status == ends[matter.state]
            if not matter.is_forgotten:
                assert said[row.id] == matter.said, f"every word once: {said[row.id]} of {matter}"
            due = [key for key in armed if key.startswith(f"case:{row.id}:") and not key.endswith("verdict")]
            assert matter.is_open or not due, "no date for what is over"
            assert not matter.is_open or due or row.due_at < tx.now, "a date for what is open"
        links = tx.read(select(case_event).order_by(case_event.c.case, case_event.c.number))
        chain = ({**row._mapping, "at": to_micros(row.at)} for row in links)
        assert list(broken_links(chain)) == [], "the chain of acts"

    def _delivered(self, tx: Transaction) -> None:
        columns = (outbox.c.id, outbox.c.state, outbox.c.policy, outbox.c.repeats, outbox.c.tries)
        for row in tx.flushed().execute(select(*columns)):
            times = self.line.arrived[row.id]
            was_uncertain = row.repeats or (row.policy in ("prompt", "free") and row.tries > 1)  # these say no "again"
            assert row.state != "sending", "nothing is left on its way"
            assert row.state != "sent" or times, "what is sent has arrived"
            assert row.state not in ("failed", "superseded", "cancelled") or was_uncertain or not times
            assert row.policy != "hold" or times <= 1, "held, never twice"
            assert row.policy != "resend" or self.line.unmarked[row.id] <= 1, "a repeat says so"

    def _nobody_reads_what_is_kept_from_them(self) -> None:
        for name in (*OFFICIALS, WRITER, APPROVER):
            heard = self._person(name).heard
            for message in heard[self.seen.get(name, 0) :]:
                for matter in self.model.matters:
                    if not matter.may_be_read_by(name) and (matter.is_sealed or name in matter.kept_out):
                        assert matter.number not in message.text or message.text.startswith("没有这个编号")
                        assert not any(words in message.text for words in matter.words), "no forbidden reader"
            self.seen[name] = len(heard)

    # --- how it is done ---

    def _does(self, act: Callable[[], Awaitable[Any]], *, is_silent: bool = False) -> None:
        last = self._read(lambda tx: tx.flushed().execute(select(func.max(inbox.c.id))).scalar()) or 0
        self.runner.run(self._through_death(act))
        if not is_silent:
            assert self._read(lambda tx: _unanswered(tx, last)) == 0, "everything said is answered"

    async def _through_death(self, act: Callable[[], Awaitable[Any]]) -> None:
        """What was not acknowledged comes again after the start."""
        count = len(self.line.raws)
        try:
            await act()
        except Died:
            await self._restarted()
            for raw in self.line.raws[count:]:
                await self.line.hand_in_again(raw)
            await self.town.settle()

    async def _restarted(self) -> None:
        self.dying.arm("", 0)
        sender = self.town.app.senders[self.town.channel.name]
        self.town.crash()
        for task in (*sender._tasks, sender._recording):
            if task is not None:
                task.cancel()
        self.town.clock.advance(seconds=1)  # no start takes less
        await self.town.open()
        sender = self.town.app.senders[self.town.channel.name]
        await self.town.store.writer.submit(sender.ledger.settle_orphans)
        await self.town.settle()

    async def _comes(self, raw: Any) -> None:
        before = self.line.arrived.total()
        await self._through_death(lambda: self._again(raw))
        assert self.line.arrived.total() == before, "what comes twice does nothing"

    async def _again(self, raw: Any) -> None:
        await self.line.hand_in_again(raw)
        await self.town.settle()

    def _passes(self, **span: float) -> None:
        until = self.town.clock.now() + timedelta(**span)
        for _again in range(2):  # behind a death on the way, or to find that nothing is left to do
            self.runner.run(self._through_death(lambda: self.town.becomes(until)))

    def _settled(self) -> None:
        """People wait for their screen before they press: until no answer is on its way."""
        queued = select(func.min(outbox.c.not_before)).where(
            outbox.c.state == "queued", outbox.c.lane == Lane.INTERACTIVE
        )
        while (due := self._read(lambda tx: tx.flushed().execute(queued).scalar())) is not None:
            self._passes(seconds=max(61.0, (due - self.town.clock.now()).total_seconds()))

    def _presses(self, name: str, label: str, *, twice: bool = False) -> None:
        self._settled()
        heard = next(heard for heard in reversed(self._person(name).heard) if label in heard.labels)
        for _time in range(1 + twice):
            self._does(lambda: self._person(name).presses(label, on=heard))

    def _new_number(self, act: Callable[[], None]) -> str:
        """The case that the act has registered."""
        known = {matter.number for matter in self.model.matters}
        act()
        fresh = set(self._read(lambda tx: tx.read(select(case.c.number)).scalars().all())) - known
        assert len(fresh) == 1, "registered once"
        return str(fresh.pop())

    def _read(self, look: Callable[[Transaction], Any]) -> Any:
        return self.runner.run(self._submitted(look))

    async def _submitted(self, look: Callable[[Transaction], Any]) -> Any:
        armed, self.dying._left = self.dying._left, 0  # looking is not what dies
        try:
            return await self.town.store.writer.submit(look)
        finally:
            self.dying._left = armed

    def _person(self, name: str) -> Someone:
        return self.town.resident(name)

    def _word(self) -> str:
        self.words += 1
        return f"记号{self.words}号"

    def _agreed(self) -> list[str]:
        return [name for name, one in self.model.residents.items() if one.has_agreed and not one.is_away]

    def _strangers(self) -> list[str]:
        return [name for name, one in self.model.residents.items() if not one.has_agreed and not one.is_away]

    def _free(self) -> list[str]:
        return [name for name in self._agreed() if self.model.residents[name].draft is None]

    def _drafting(self) -> list[str]:
        return [name for name in self._agreed() if self.model.residents[name].draft is not None]

    def _running(self) -> list[Matter]:
        """What is said to a matter that was taken back begins anew, as any words do."""
        return [matter for matter in self.model.matters if matter.state != "withdrawn"]

    def _own(self) -> list[Matter]:
        """Matters whose people are here."""
        return [matter for matter in self.model.matters if not matter.is_forgotten and matter.by in self._agreed()]

    def _coded(self) -> list[Matter]:
        return [matter for matter in self.model.matters if matter.code]

    def _stale(self) -> list[tuple[str, str, Heard]]:
        labels = ("登记", "算了", "交上去")
        return [
            (name, label, heard)
            for name in self._free() for heard in self._person(name).heard for label in labels
            if label in heard.labels and not heard.is_gone
        ]  # fmt: skip

    def _is_day(self) -> bool:
        """Officials are asked in working hours."""
        now = self.town.clock.now()
        return self.town.house.calendar.is_open(now) and now.astimezone(SHANGHAI).hour < 16


def _pick(found: Sequence[T], one: int) -> T:
    return found[one % len(found)]


def _letters(tx: Transaction) -> int:
    statement = select(func.count()).select_from(outbox).where(outbox.c.lane == Lane.NOTICE)
    return int(tx.flushed().execute(statement).scalar_one())


def _unanswered(tx: Transaction, since: int) -> int:
    """Updates without a screen of their own."""
    connection = tx.flushed()
    ids = connection.execute(select(inbox.c.id).where(inbox.c.id > since, inbox.c.channel == "silent")).scalars().all()
    owed = connection.execute(select(outbox.c.key).where(outbox.c.key.in_([f"event:{id_}:0" for id_ in ids]))).scalars()
    return len(ids) - len(owed.all())


async def prove(home: AbstractContextManager[Place], *, examples: int, steps: int) -> list[Figure]:
    """So many examples; the first difference ends it, and is shown with the steps that lead there."""
    differences = done = 0
    with home as place:
        try:
            done = await asyncio.to_thread(run, place, examples=examples, steps=steps)
        except Exception:
            traceback.print_exc()
            differences = 1
    return [
        at_least("K15", "steps", done, examples),
        exactly("K15", "differences between the office and the model", differences, 0),
    ]


def run(place: Place, *, examples: int, steps: int) -> int:
    """Runs so many examples, always the same ones; how many steps that were. A difference raises."""
    machine = type("Office", (Office,), {"place": staticmethod(place), "steps": 0})
    plan = settings(
        max_examples=examples, stateful_step_count=steps, derandomize=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    with read_once():
        run_state_machine_as_test(machine, settings=plan)
    return int(machine.steps)  # type: ignore[attr-defined]  # counted by the class above
