"""Due moments through the dispatcher: once, late if need be, again if they recur."""

from datetime import timedelta

from bot.dialogue.conversation import Arrival
from bot.dialogue.event import Due
from bot.dialogue.screen import Screen
from bot.errors import NotFound
from bot.store import queues
from bot.store.queues import TimerState, timer
from bot.store.transaction import Transaction
from bot.telling import Telling
from tests.delivery.stage import LOOKUP, Stage, writes


async def test_a_timer_fires_once_and_knows_how_late_it_is(stage: Stage) -> None:
    stage.arms("deadline", due_in=60)
    await stage.settle()
    assert stage.desk.seen == []
    stage.clock.advance(minutes=3)
    await stage.settle()
    await stage.settle()
    assert stage.desk.seen == ["deadline"]
    what = stage.desk.arrivals[0].event.what
    assert isinstance(what, Due)
    assert what.late == 120
    assert [row.state for row in stage.rows(timer)] == [TimerState.FIRED]


async def test_a_timer_disarmed_in_the_same_batch_does_not_fire(stage: Stage) -> None:
    stage.desk.on("first", lambda tx, _arrival: queues.disarm(tx, "second"))
    stage.arms("first", due_in=-2)
    stage.arms("second", due_in=-1)
    await stage.settle()
    assert stage.desk.seen == ["first"]
    assert [row.kind for row in stage.rows(timer)] == ["first"]


async def test_a_timer_armed_anew_in_the_same_batch_fires_at_its_new_moment_only(stage: Stage) -> None:
    def put_off(tx: Transaction, _arrival: Arrival) -> None:
        queues.arm(tx, id=stage.ids(), key="second", kind="second", due_at=tx.now + timedelta(hours=1))

    stage.desk.on("first", put_off)
    stage.arms("first", due_in=-2)
    stage.arms("second", due_in=-1)
    await stage.settle()
    assert stage.desk.seen == ["first"]
    stage.clock.advance(hours=1)
    await stage.settle()
    assert stage.desk.seen == ["first", "second"]


async def test_a_timer_about_a_conversation_goes_before_what_was_said_there(stage: Stage) -> None:
    await stage.says("wang", "hello")
    stage.arms("draft", lane=LOOKUP.lane("silent", "wang"))
    assert (await stage.dispatcher.step()).handled == 1
    await stage.settle()
    assert stage.desk.seen == ["draft", "hello"]


async def test_a_timer_that_fails_is_tried_again_a_minute_later_and_then_set_aside(stage: Stage) -> None:
    stage.desk.on("deadline", writes("deadline", KeyError("bug")))
    stage.arms("deadline")
    for count in (1, 2, 3):
        await stage.settle()
        assert len(stage.desk.seen) == count
        stage.clock.advance(minutes=1)
    await stage.settle()
    assert len(stage.desk.seen) == 3
    assert [row.state for row in stage.rows(timer)] == [TimerState.SET_ASIDE]


async def test_a_recurring_timer_rearms_even_when_its_handler_fails(stage: Stage) -> None:
    stage.desk.every["digest"] = timedelta(days=1)
    stage.desk.on("digest", writes("digest", KeyError("bug")))
    stage.arms("digest")
    for _try in range(3):
        await stage.settle()
        stage.clock.advance(minutes=1)
    (row,) = stage.rows(timer)
    assert (row.state, row.tries) == (TimerState.ARMED, 0)  # the next occurrence has all its tries
    stage.desk.on("digest", writes("digest"))
    stage.clock.advance(days=1)
    await stage.settle()
    assert stage.facts() == {"digest"}


async def test_a_recurring_timer_rearms_itself_when_it_fires(stage: Stage) -> None:
    stage.desk.every["digest"] = timedelta(days=1)
    stage.arms("digest")
    for _day in range(3):
        await stage.settle()
        stage.clock.advance(days=1)
    assert stage.desk.seen == ["digest"] * 3
    assert len(stage.rows(timer)) == 1


async def test_from_a_timer_an_office_error_counts_as_an_ordinary_one(stage: Stage) -> None:
    stage.desk.on("deadline", writes("deadline", NotFound("case")))
    stage.arms("deadline")
    await stage.settle()
    (row,) = stage.rows(timer)
    assert (row.state, row.tries) == (TimerState.ARMED, 1)
    assert stage.facts() == set()


async def test_a_timer_that_waits_for_earlier_words_comes_right_behind_them(stage: Stage) -> None:
    await stage.says("wang", "hello")
    stage.clock.advance(seconds=1)
    stage.arms("recall", lane=LOOKUP.lane("silent", "wang"))
    batch = await stage.dispatcher.step()
    assert (stage.desk.seen, batch.more) == (["hello"], True)  # nobody waits for the next tick
    await stage.dispatcher.step()
    assert stage.desk.seen == ["hello", "recall"]


async def test_a_timer_from_before_a_restore_that_failed_once_is_still_from_before_it(stage: Stage) -> None:
    """What it owes may have gone out before the restore: tried again, it is held as it would have been at first."""
    wrong = [KeyError("bug")]

    def tells(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        if wrong:
            raise wrong.pop()
        stage.desk.told.append(Telling(kind="due", subject=7, recipient=1, address=1, key="due:7"))
        return []

    stage.desk.on("deadline", tells)
    stage.arms("deadline")
    stage.clock.advance(hours=1)
    stage.dispatcher._restored_at = stage.clock.now()
    await stage.settle()
    stage.clock.advance(minutes=1)
    await stage.settle()
    (row,) = stage.rows(queues.outbox)
    assert (row.state, row.cause) == (queues.OutboxState.UNCERTAIN, queues.RESTORED)
