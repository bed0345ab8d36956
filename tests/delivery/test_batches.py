"""What one transaction takes in, and how its events see each other."""

from bot.delivery.dispatcher import AT_MOST
from bot.dialogue.conversation import Arrival
from bot.dialogue.screen import Screen
from bot.store.facts import fact
from bot.store.transaction import Transaction
from bot.text import as_text
from tests.delivery.stage import Stage, writes


async def test_a_batch_takes_one_event_of_each_conversation(stage: Stage) -> None:
    for chat, text in (("wang", "one"), ("wang", "two"), ("li", "three")):
        await stage.says(chat, text)
    assert (await stage.dispatcher.step()).handled == 2
    assert stage.desk.seen == ["one", "three"]


async def test_a_batch_is_cut_off_when_its_time_is_over(stage: Stage) -> None:
    stage.dispatcher = stage.a_dispatcher(longest=-1.0)
    for chat in ("wang", "li", "zhao"):
        await stage.says(chat, chat)
    batch = await stage.dispatcher.step()
    assert (batch.handled, batch.more) == (1, True)
    await stage.settle()
    assert sorted(stage.desk.seen) == ["li", "wang", "zhao"]


async def test_nothing_is_looked_for_behind_the_last(stage: Stage) -> None:
    await stage.says("wang", "hello")
    batch = await stage.dispatcher.step()
    assert (batch.handled, batch.more) == (1, False)


async def test_many_due_timers_do_not_hold_up_people(stage: Stage) -> None:
    for number in range(120):
        stage.arms("deadline", key=f"case:{number}")
    await stage.says("wang", "hello")
    await stage.dispatcher.step()
    assert "hello" in stage.desk.seen


async def test_a_batch_has_at_most_a_hundred_events(stage: Stage) -> None:
    for number in range(AT_MOST + 20):
        await stage.says(f"chat{number}", str(number))
    batch = await stage.dispatcher.step()
    assert (batch.handled, batch.more) == (AT_MOST, True)
    await stage.settle()
    assert len(stage.desk.seen) == AT_MOST + 20


async def test_the_first_batch_after_an_unclean_stop_handles_one_event(stage: Stage) -> None:
    stage.dispatcher = stage.a_dispatcher(singly=True)
    stage.arms("deadline")
    await stage.says("wang", "one")
    await stage.says("li", "two")
    assert (await stage.dispatcher.step()).handled == 1
    assert (await stage.dispatcher.step()).handled == 2


async def test_an_event_sees_what_earlier_events_of_its_batch_wrote(stage: Stage) -> None:
    def look(tx: Transaction, _arrival: Arrival) -> list[Screen]:
        return [Screen(as_text(",".join(sorted(tx.read(fact.select()).scalars()))))]

    stage.desk.on("write", writes("written"))
    stage.desk.on("look", look)
    await stage.says("wang", "write")
    await stage.says("li", "look")
    await stage.settle()
    assert stage.owed() == ["wrote written", "written"]


async def test_on_a_server_an_event_that_writes_office_rows_is_the_last_of_its_batch(stage: Stage) -> None:
    stage.desk.on("write", writes("written"))
    await stage.says("wang", "write")
    await stage.says("li", "look")
    assert (await stage.dispatcher.step()).handled == (1 if stage.is_on_a_server else 2)
