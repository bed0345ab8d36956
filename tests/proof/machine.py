"""The state machine of K15: what anybody may do, and what may happen to them."""

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

from hypothesis import strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import func, select

from bot.errors import DeliveryError, NotSent, Uncertain
from bot.office.cases.tables import case
from bot.office.people.model import Role
from bot.store.queues import outbox
from bot.store.transaction import Transaction
from bot.telling import Lane
from tests.proof.comparison import Comparison
from tests.proof.model import APPROVER, OFFICIALS, RESIDENTS, WRITER, Matter, Model
from tests.proof.places import Place
from tests.proof.stage import Stage
from tests.rig import SHANGHAI, Heard

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
        self.stage = Stage(folder, url, self.left.enter_context(asyncio.Runner()))
        self.model, self.words = Model(), 0
        self.comparison = Comparison(self.model, self.stage)
        self.stage.run(self._opens())
        self.is_open = True
        for name in RESIDENTS:
            self._agrees(name)

    async def _opens(self) -> None:
        await self.stage.town.open()
        for name, role in OFFICIALS.items():
            await self.stage.town.official(name, Role(role), "xingfuli" if role == "handler" else None)
        await self.stage.town.official(WRITER, Role.HEAD)
        await self.stage.town.official(APPROVER, Role.APPROVER)

    def teardown(self) -> None:
        try:
            if self.is_open:
                self.model_holds_after_a_quiet_hour()
                self.stage.run(self.stage.town.close())
        finally:
            self.left.close()

    # --- what residents do ---

    @precondition(lambda self: self.model.strangers())
    @rule(one=which)
    def agrees(self, one: int) -> None:
        self._agrees(_pick(self.model.strangers(), one))

    def _agrees(self, name: str) -> None:
        self.stage.does(lambda: self.stage.person(name).opens())
        self.stage.does(lambda: self.stage.person(name).says("好"))
        self.model.agrees(name)

    @precondition(lambda self: self.model.free())
    @rule(one=which)
    def begins(self, one: int) -> None:
        name, words = _pick(self.model.free(), one), f"幸福里3号楼2单元的灯坏了，{self._word()}"
        self.stage.does(lambda: self.stage.person(name).says(f"/request {words}"))
        self.model.drafts(name, words, f"in{self.stage.line.raws[-1].key}")

    @precondition(lambda self: self.model.drafting())
    @rule(one=which)
    def adds_to_draft(self, one: int) -> None:
        name, words = _pick(self.model.drafting(), one), f"还有{self._word()}"
        self.stage.settled()
        self.stage.does(lambda: self.stage.person(name).says(words))
        self.model.adds_to_draft(name, words)

    @precondition(lambda self: self.model.drafting())
    @rule(one=which, twice=strategies.booleans())
    def registers(self, one: int, twice: bool) -> None:
        name = _pick(self.model.drafting(), one)
        missed = self.model.residents[name].missed
        number = self._new_number(lambda: self.stage.presses(name, "登记", twice=twice, has_missed=missed))
        self.model.registers(name, number)

    @precondition(lambda self: self.model.drafting())
    @rule(one=which)
    def drops(self, one: int) -> None:
        name = _pick(self.model.drafting(), one)
        self.stage.does(lambda: self.stage.person(name).says("算了"))
        self.model.drops_draft(name)

    @precondition(lambda self: self.model.free())
    @rule(one=which)
    def complains(self, one: int) -> None:
        name = _pick(self.model.free(), one)
        words = f"我要投诉外来人口窗口姓刘的，收了我200块加急费，{self._word()}"
        self.stage.does(lambda: self.stage.person(name).says(words))
        self.stage.presses(name, "保密，能传话")
        number = self._new_number(lambda: self.stage.presses(name, "交上去"))
        self.model.complains(name, number, words)

    @precondition(lambda self: self.model.free())
    @rule(one=which)
    def complains_namelessly(self, one: int) -> None:
        """Nothing of it stays with the person: it is nobody's, and whoever has the code may look it up."""
        name = _pick(self.model.free(), one)
        words = f"我要投诉外来人口窗口姓刘的，收了我200块加急费，{self._word()}"
        self.stage.does(lambda: self.stage.person(name).says(words))
        self.stage.presses(name, "匿名，不留账号")
        number = self._new_number(lambda: self.stage.presses(name, "交上去"))
        self.stage.settled()
        shown = [PAIR.search(heard.text) for heard in self.stage.person(name).heard]
        code = next((found[2] for found in shown if found and found[1] == number), "")
        self.model.complains_namelessly(number, code, words)

    @precondition(lambda self: self.model.free() and self.model.coded())
    @rule(one=which, other=which, is_right=strategies.booleans())
    def looks_up(self, one: int, other: int, is_right: bool) -> None:
        name, matter = _pick(self.model.free(), one), _pick(self.model.coded(), other)
        self._looked_up(name, matter, is_right=self.model.looks_up(name, is_right))

    def _looked_up(self, name: str, matter: Matter, *, is_right: bool) -> None:
        """Number and code show the case as it stands, another code shows nothing of it."""
        code, before = matter.code if is_right else WRONG_CODE, len(self.stage.person(name).heard)
        self.stage.does(lambda: self.stage.person(name).says(f"查进度 {matter.number} {code}"))
        self.stage.settled()
        shown = "\n".join(heard.text for heard in self.stage.person(name).heard[before:])
        assert ("还在查" in shown) == (is_right and matter.is_open), shown
        assert ("有结果了" in shown) == (is_right and not matter.is_open), shown
        assert ("编号和查询码对不上" in shown) == (not is_right), shown

    @precondition(lambda self: self.model.agreed() and self.model.running())
    @rule(one=which, other=which)
    def adds(self, one: int, other: int) -> None:
        """To a matter of their own, or of somebody else's, which does not exist for them."""
        name, matter, words = (
            _pick(self.model.agreed(), one),
            _pick(self.model.running(), other),
            f"楼上也是{self._word()}",
        )
        self.stage.does(lambda: self.stage.person(name).says(f"/add {matter.number} {words}"))
        self.model.adds(name, matter, words)

    @precondition(lambda self: any(matter.source for matter in self.model.own()))
    @rule(one=which, again=strategies.booleans())
    def edits(self, one: int, again: bool) -> None:
        matter = _pick([matter for matter in self.model.own() if matter.source], one)
        words = matter.last_version if again and matter.last_version else f"幸福里的灯又坏了，{self._word()}"
        self.stage.does(lambda: self.stage.person(matter.person).edits(matter.source, words))
        self.model.edits(matter, words)

    @precondition(lambda self: self.model.own())
    @rule(one=which)
    def withdraws(self, one: int) -> None:
        matter = _pick(self.model.own(), one)
        self.stage.does(lambda: self.stage.person(matter.person).says(f"/withdraw {matter.number}"))
        self.stage.presses(matter.person, "是，撤回")
        self.model.withdraws(matter)

    @precondition(lambda self: self.model.own())
    @rule(one=which)
    def forgets(self, one: int) -> None:
        name = _pick(self.model.own(), one).person
        self.stage.does(lambda: self.stage.person(name).says("删掉我的信息"))
        is_open = any(matter.is_open for matter in self.model.matters if matter.by == name)
        self.stage.presses(name, "撤回，全部删掉" if is_open else "删掉我的信息")
        self.stage.presses(name, "全部删除")
        self.stage.passes(seconds=10)
        self.model.forgets(name)

    @precondition(lambda self: self.model.agreed())
    @rule(one=which)
    def blocks(self, one: int) -> None:
        name = _pick(self.model.agreed(), one)
        self.stage.line.blocked.add(name)
        self.model.leaves(name)
        self.stage.does(lambda: self.stage.person(name).blocks(), is_silent=True)

    @precondition(lambda self: self.stage.line.blocked)
    @rule(one=which)
    def unblocks(self, one: int) -> None:
        name = _pick(sorted(self.stage.line.blocked), one)
        self.stage.line.blocked.discard(name)
        self.model.comes_back(name)
        self.stage.does(lambda: self.stage.person(name).unblocks(), is_silent=True)

    @precondition(lambda self: self._stale())
    @rule(one=which)
    def presses_an_old_button(self, one: int) -> None:
        """One of a screen that does not count any more: it changes nothing."""
        name, label, heard = _pick(self._stale(), one)
        self.stage.does(lambda: self.stage.person(name).presses(label, on=heard))

    # --- what officials do ---

    @precondition(lambda self: self.model.matters)
    @rule(name=official, one=which)
    def takes(self, name: str, one: int) -> None:
        matter = _pick(self.model.matters, one)
        self.stage.does(lambda: self.stage.person(name).says(f"/take {matter.number}"))
        self.model.takes(name, matter)

    @precondition(lambda self: self.model.matters)
    @rule(name=official, one=which, act=strategies.sampled_from(("tell", "ask", "answer")))
    def speaks(self, name: str, one: int, act: str) -> None:
        matter, before = _pick(self.model.matters, one), len(self.stage.person(name).heard)
        self.stage.does(lambda: self.stage.person(name).says(f"/{act} {matter.number} 师傅在路上了，{self._word()}"))
        self.stage.settled()  # behind a death on the way
        shown = any("发送" in heard.labels for heard in self.stage.person(name).heard[before:])
        assert shown or not self.model.may_speak(name, matter), matter
        assert not shown or matter.may_be_read_by(name), matter
        if shown:
            self.stage.presses(name, "发送")
            self.model.speaks(name, matter, act)

    @precondition(lambda self: self.model.matters)
    @rule(name=official, one=which)
    def notes(self, name: str, one: int) -> None:
        matter = _pick(self.model.matters, one)
        self.stage.does(lambda: self.stage.person(name).says(f"/note {matter.number} 老住户，{self._word()}"))
        self.model.notes(name, matter)

    @precondition(lambda self: any(matter.state == "answered" for matter in self.model.matters))
    @rule(name=official, one=which)
    def redoes(self, name: str, one: int) -> None:
        matter = _pick(self.model.matters, one)
        self.stage.does(lambda: self.stage.person(name).says(f"/redo {matter.number}"))
        self.model.redoes(name, matter)

    @precondition(lambda self: any(matter.is_sealed for matter in self.model.matters))
    @rule(name=official, one=which, subject=official)
    def names(self, name: str, one: int, subject: str) -> None:
        matter = _pick([matter for matter in self.model.matters if matter.is_sealed], one)
        known = self.stage.read(lambda tx: self.stage.town.app.office(tx).people.known("silent", subject))
        assert known is not None, "an official is somebody"
        self.stage.does(lambda: self.stage.person(name).forges(f"sealed.name:{matter.number}:{known.id}"))
        self.model.names(name, matter, subject)

    @precondition(lambda self: self._is_day() and self.model.agreed())
    @rule(is_stopped=strategies.booleans())
    def announces(self, is_stopped: bool) -> None:
        words, before = f"明天检修水管，{self._word()}", self.stage.read(_letters)
        self.model.announces(words)
        notice = self.model.notices[-1]
        self.stage.does(lambda: self.stage.person(WRITER).says(f"/notice {words}"))
        self.stage.presses(WRITER, f"全青石街道 {len(notice.readers)} 人")
        self.stage.presses(WRITER, "送批")
        self.stage.presses(APPROVER, "看过了，我来批")
        self.stage.does(lambda: self.stage.person(APPROVER).says(str(len(notice.readers))))
        notice.is_agreed, notice.is_stopped = True, is_stopped
        if is_stopped:
            self.stage.does(lambda: self.stage.person(WRITER).presses("停"))
        shown = [heard.text for heard in self.stage.person(WRITER).heard[-2:]]
        self.stage.passes(minutes=3)
        written = self.stage.read(_letters) - before
        assert written == (0 if is_stopped else len(notice.readers)), f"{written} letters of {notice}: {shown}"

    # --- what happens to them ---

    @rule(point=strategies.sampled_from(POINTS), passing=strategies.integers(1, 4))
    def is_to_die(self, point: str, passing: int) -> None:
        self.stage.dying.arm(point, passing)

    @rule()
    def starts_anew(self) -> None:
        self.stage.starts_anew()

    @rule(name=who, trouble=strategies.sampled_from(TROUBLES))
    def loses_a_message(self, name: str, trouble: tuple[bool, DeliveryError]) -> None:
        self.stage.line.troubles[name] = trouble

    @rule(number=which)
    def comes_twice(self, number: int) -> None:
        if self.stage.line.raws:
            raw = self.stage.line.raws[-1 - number % len(self.stage.line.raws)]
            if raw.chat not in RESIDENTS or raw.chat in self.model.agreed():
                self.stage.comes_again(raw)

    @rule(minutes=strategies.sampled_from((1, 20, 300, 1500, 3000)))
    def time_goes_by(self, minutes: int) -> None:
        self.stage.passes(minutes=minutes)

    # --- what holds ---

    @invariant()
    def equals_the_model(self) -> None:
        type(self).steps += 1
        self.comparison.after_a_step()

    def model_holds_after_a_quiet_hour(self) -> None:
        self.stage.dying.arm("", 0)
        self.stage.line.troubles.clear()
        self.stage.passes(minutes=70)
        self.comparison.in_the_end()
        for matter in self.model.coded():
            for is_right in (False, True):
                self._looked_up(f"whoever has the code of {matter.number}", matter, is_right=is_right)
        for name in RESIDENTS:
            if name not in self.stage.line.blocked:
                self._is_heard(name)

    def _is_heard(self, name: str) -> None:
        before = len(self.stage.person(name).heard)
        self.stage.does(lambda: self.stage.person(name).says("菜单"))
        assert len(self.stage.person(name).heard) > before, "no dead end"

    # --- how it is done ---

    def _new_number(self, act: Callable[[], None]) -> str:
        """The case that the act has registered."""
        known = {matter.number for matter in self.model.matters}
        act()
        fresh = set(self.stage.read(lambda tx: tx.read(select(case.c.number)).scalars().all())) - known
        assert len(fresh) == 1, "registered once"
        return str(fresh.pop())

    def _now(self) -> datetime:
        return self.stage.town.clock.now()

    def _word(self) -> str:
        self.words += 1
        return f"记号{self.words}号"

    def _stale(self) -> list[tuple[str, str, Heard]]:
        labels = ("登记", "算了", "交上去")
        return [
            (name, label, heard)
            for name in self.model.free() for heard in self.stage.person(name).heard for label in labels
            if label in heard.labels and not heard.is_gone
        ]  # fmt: skip

    def _is_day(self) -> bool:
        """Officials are asked in working hours."""
        now = self._now()
        return self.stage.town.house.calendar.is_open(now) and now.astimezone(SHANGHAI).hour < 16


def _pick(found: Sequence[T], one: int) -> T:
    return found[one % len(found)]


def _letters(tx: Transaction) -> int:
    statement = select(func.count()).select_from(outbox).where(outbox.c.lane == Lane.NOTICE)
    return int(tx.flushed().execute(statement).scalar_one())
