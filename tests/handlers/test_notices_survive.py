"""A notice under deaths and odd platforms: nobody gets it twice, and every message is accounted for."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select, update

from bot.dialogue.screen import encode_action
from bot.errors import NotSent, Refused, Uncertain
from bot.office.notices import sending
from bot.office.notices.tables import delivery, notice
from bot.office.people.records import address
from bot.store import queues
from bot.store.queues import outbox
from bot.store.transaction import Transaction
from tests.handlers.notices import WORDS, agreed, asked, office, residents
from tests.rig import SHANGHAI, Town

PEOPLE = 7
POINTS = ("after claim", "mid-batch", "timer", "before commit", "after commit")


class Death(BaseException):
    """The process is gone: no handler of exceptions runs on."""


class Killer:
    """Dies when a point is passed for the n-th time after it was armed."""

    def __init__(self) -> None:
        self.point, self.left = "", 0

    def __call__(self, name: str) -> None:
        if name == self.point:
            self.left -= 1
            if self.left == 0:
                self.point = ""
                raise Death


@pytest.fixture
def killer() -> Killer:
    return Killer()


@pytest.fixture
async def mortal(
    tmp_path: Path, database_url: str, killer: Killer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Town]:
    """A town that can die; its platform forgets what was sent, and slices are small."""
    monkeypatch.setattr(sending, "FIRST", 2)
    monkeypatch.setattr(sending, "SLICE", 2)
    town = Town(tmp_path, database_url, failpoint=killer)
    town.channel.abilities = msgspec.structs.replace(town.channel.abilities, idempotent_send=False)
    await town.open()
    yield town
    await town.close()


def rows(town: Town) -> dict[str, int]:
    """How many messages stand how."""
    counted = select(delivery.c.state, func.count().label("messages")).group_by(delivery.c.state)
    return town.store.writer.run(lambda tx: {row.state: row.messages for row in tx.read(counted)})


async def starts_again(town: Town) -> None:
    """A new run: what the last one was sending is settled first."""
    town.crash()
    await town.open()
    sender = town.app.senders[town.channel.name]
    await town.store.writer.submit(sender.ledger.settle_orphans)


async def goes_on(town: Town) -> None:
    for seconds in (61, 10, 5, 5, 5, 5):
        await town.passes(seconds=seconds)


@pytest.mark.parametrize("hit", [1, 4])
@pytest.mark.parametrize("point", POINTS)
async def test_a_death_at_any_moment_writes_to_nobody_twice(
    mortal: Town, killer: Killer, point: str, hit: int
) -> None:  # fmt: skip
    people = await residents(mortal, PEOPLE)
    chen, li = await office(mortal)
    await asked(mortal, chen)
    await agreed(li, PEOPLE)
    killer.point, killer.left = point, hit
    with pytest.raises(Death):
        await goes_on(mortal)
    await starts_again(mortal)
    for _minute in range(5):
        await mortal.passes(minutes=1)
    got = [sum(WORDS in words for words in person.news()) for person in people]
    states = rows(mortal)
    assert max(got) <= 1
    assert sum(states.values()) == PEOPLE
    assert states.keys() <= {"sent", "uncertain"}
    assert got.count(0) <= states.get("uncertain", 0)  # what did not arrive is listed
    assert "发完了" in chen.last.text


async def test_a_person_with_two_addresses_gets_one(mortal: Town) -> None:
    people = await residents(mortal, 3)

    def join(tx: Transaction) -> None:
        found = [mortal.app.office(tx).people.meet(mortal.channel.name, name) for name in ("r0", "r1")]
        tx.write(update(address).where(address.c.id == found[1].address).values(person=found[0].id))

    mortal.store.writer.run(join)
    chen, li = await office(mortal)
    await asked(mortal, chen)
    await agreed(li, 2)
    await mortal.passes(minutes=2)
    assert [len(person.news()) for person in people] == [0, 1, 1]


async def test_the_start_fires_twice_and_writes_once(mortal: Town) -> None:
    """Two timers of one notice, as after a slow office on a server: the second finds nobody left."""
    people = await residents(mortal, PEOPLE)
    chen, li = await office(mortal)
    await asked(mortal, chen)
    await agreed(li, PEOPLE)
    of = mortal.store.writer.run(lambda tx: tx.read(select(notice.c.id)).scalar_one())

    def arm(tx: Transaction) -> None:
        for round_, step in enumerate(("start", "slice", "tick") * 2):
            due = tx.now + timedelta(seconds=61 + 5 * round_)
            queues.arm(tx, id=mortal.house.means.ids(), key=f"again:{round_}", kind=f"notice.{step}", due_at=due,
                       subject=of)  # fmt: skip

    mortal.store.writer.run(arm)
    await goes_on(mortal)
    await goes_on(mortal)
    assert [len(person.news()) for person in people] == [1] * PEOPLE


@pytest.mark.parametrize(
    ("fault", "state", "words"),
    [
        (Refused("403 Forbidden: bot was blocked by the user", gone=True), "gone", "拉黑或停用 1"),
        (Refused("400 Bad Request"), "failed", "没发成 1"),
        (Uncertain("reset"), "uncertain", "不确定 1"),
        (NotSent("429", timedelta(seconds=30)), "retrying", "在重试 1"),
        (NotSent("closed", timedelta(days=300)), "page", "打开网页才看到 1"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() else "",
)
async def test_each_outcome_has_its_figure(mortal: Town, fault: Exception, state: str, words: str) -> None:
    people = await residents(mortal, 2)
    chen, li = await office(mortal)
    await asked(mortal, chen)
    await agreed(li, 2)
    mortal.channel.fault = fault  # type: ignore[assignment]  # one of the errors of delivery
    await mortal.passes(seconds=61)
    await mortal.passes(seconds=6)
    assert rows(mortal) == {"sent": 1, state: 1}
    assert words in chen.last.text
    assert "已送出 1" in chen.last.text
    assert sum(len(person.news()) for person in people) == 1
    assert not any("送不到" in heard.text for heard in (*chen.heard, *li.heard))  # no case is looked for


async def test_what_is_stopped_while_it_is_tried_again_stays_stopped(mortal: Town) -> None:
    people = await residents(mortal, 1)
    chen, li = await office(mortal)
    await asked(mortal, chen)
    await agreed(li, 1)
    mortal.channel.fault = NotSent("429", timedelta(seconds=300))
    await mortal.passes(seconds=61)
    await chen.says("停")
    await mortal.passes(minutes=10)
    assert not people[0].news()
    assert rows(mortal) == {"stopped": 1}
    assert "停掉的 1" in chen.last.text


async def test_stopped_before_it_starts_nothing_goes_out(mortal: Town) -> None:
    people = await residents(mortal, 3)
    chen, li = await office(mortal)
    await asked(mortal, chen)
    await agreed(li, 3)
    await li.presses("停")
    assert "停了" in li.last.text
    await mortal.passes(minutes=10)
    assert not any(person.news() for person in people)
    await li.presses("停")  # once more
    assert "停了" in li.last.text


async def test_an_ordinary_notice_does_not_run_into_the_night(mortal: Town) -> None:
    """Started at 21:29 with more people than a minute holds: the rest waits until eight, rows and all."""
    people = await residents(mortal, PEOPLE)
    chen, li = await office(mortal)
    mortal.clock.set(datetime(2026, 9, 17, 17, 0, tzinfo=SHANGHAI))
    await asked(mortal, chen)
    mortal.clock.set(datetime(2026, 9, 17, 21, 28, 50, tzinfo=SHANGHAI))
    await agreed(li, PEOPLE)
    mortal.channel.fault = NotSent("429", timedelta(seconds=30))
    await mortal.becomes(datetime(2026, 9, 18, 7, 59, tzinfo=SHANGHAI))
    assert sum(len(person.news()) for person in people) == 1
    await mortal.becomes(datetime(2026, 9, 18, 8, 2, tzinfo=SHANGHAI))
    assert sum(len(person.news()) for person in people) == PEOPLE - 1
    assert "发完了" in chen.last.text


async def test_messages_that_something_else_took_back_do_not_keep_it_running(mortal: Town) -> None:
    await residents(mortal, 1)
    chen, li = await office(mortal)
    await asked(mortal, chen)
    await agreed(li, 1)
    mortal.channel.fault = NotSent("429", timedelta(hours=2))
    await mortal.passes(seconds=61)
    mortal.store.writer.run(
        lambda tx: tx.flushed().execute(update(outbox).where(outbox.c.state == "queued").values(state="cancelled"))
    )
    for _tick in range(3):
        await mortal.passes(seconds=5)
    assert "停掉的 1" in chen.last.text
    assert "发完了" in chen.last.text


async def test_the_progress_is_one_message_changed_in_place(mortal: Town) -> None:
    await residents(mortal, PEOPLE)
    chen, li = await office(mortal)
    await asked(mortal, chen)
    before = len(chen.heard)
    await agreed(li, PEOPLE)
    shown = chen.last
    assert "全青石街道 7 人" in shown.text
    for seconds in (61, 5, 5, 5, 5):
        await mortal.passes(seconds=seconds)
    assert len(chen.heard) == before + 1
    assert "已送出 7" in shown.text


async def test_each_reads_it_in_their_own_language(mortal: Town) -> None:
    chen, li = await office(mortal)
    one, other = mortal.resident("one", "zh_CN"), mortal.resident("other", "en")
    for person in (one, other):
        await person.opens()
        await person.says("好")
    await asked(mortal, chen)
    await agreed(li, 2)
    await mortal.passes(minutes=2)
    assert one.last.text == f"青石街道 9 月 15 日（周二）：{WORDS}\n不想再收，回 TD"
    assert other.last.text == f"青石街道, Tue 15 Sep: {WORDS}\nNo more of these? Reply TD"


async def test_what_is_corrected_is_read_by_nobody_more(mortal: Town) -> None:
    """Somebody's page was closed: opened after the correction was agreed to, it does not show what was wrong."""
    people = await residents(mortal, 2)
    chen, li = await office(mortal)
    await asked(mortal, chen)
    await agreed(li, 2)
    mortal.channel.fault = NotSent("closed", timedelta(days=300))
    for seconds in (61, 10, 5):
        await mortal.passes(seconds=seconds)
    await chen.presses("给已收到的人发更正")
    await chen.says("是后天")
    await chen.presses("送批")
    await agreed(li, 1)
    mortal.store.writer.run(lambda tx: [mortal.app.office(tx).people.woke("silent", name) for name in ("r0", "r1")])
    await mortal.passes(minutes=5)
    got = sorted(len(person.news()) for person in people)
    assert got == [0, 2]
    assert rows(mortal) == {"sent": 2, "stopped": 1}


async def test_nothing_is_corrected_before_it_has_ended(mortal: Town) -> None:
    """Whoever it has reached is not known yet."""
    await residents(mortal, PEOPLE)
    chen, li = await office(mortal)
    await asked(mortal, chen)
    await agreed(li, PEOPLE)
    await mortal.passes(seconds=61)
    of = mortal.store.writer.run(lambda tx: tx.read(select(notice.c.id)).scalar_one())
    await chen.forges(encode_action("notice.correct", of))
    await chen.says("是后天")
    drafts = mortal.store.writer.run(lambda tx: tx.read(select(func.count()).select_from(notice)).scalar_one())
    assert drafts == 1
