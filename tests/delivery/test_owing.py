"""What an event owes: its own chat's screens, and what others must hear."""

import msgspec
import pytest

from bot.delivery.owing import REST
from bot.dialogue.conversation import Arrival
from bot.dialogue.event import Due, Said
from bot.dialogue.screen import Mode, Screen
from bot.errors import NotFound, StoreError
from bot.store.facts import fact
from bot.store.queues import Policy, inbox, outbox
from bot.store.transaction import Transaction
from bot.telling import Lane, Letters, Recipient, Telling
from bot.text import as_text
from tests.delivery.stage import LOOKUP, Act, Stage, writes


def telling(kind: str, key: str, *, recipient: int = 5, lane: Lane = Lane.REPLY) -> Telling:
    return Telling(kind=kind, subject=77, recipient=recipient, address=recipient, key=key, lane=lane)


def prompts(text: str) -> Act:
    return lambda _tx, _arrival: [Screen(as_text(text), prompt=True)]


async def test_a_prompt_is_superseded_by_a_newer_one_before_it_is_sent(stage: Stage) -> None:
    for text in ("first?", "second?"):
        stage.desk.on(text, prompts(text))
        await stage.says("wang", text)
    await stage.settle()
    assert stage.owed() == ["second?"]
    assert sorted(row.state for row in stage.rows(outbox)) == ["queued", "superseded"]


async def test_only_prompts_are_ever_superseded(stage: Stage) -> None:
    stage.desk.on("question", prompts("question?"))
    for text in ("receipt", "question", "receipt again"):
        await stage.says("wang", text)
    await stage.settle()
    assert stage.owed() == ["got receipt", "question?", "got receipt again"]


async def test_an_events_screens_go_out_in_one_lane_and_in_order(stage: Stage) -> None:
    stage.desk.on("all", lambda *_: [Screen(as_text(word)) for word in ("one", "two", "three")])
    await stage.says("wang", "all")
    await stage.settle()
    assert stage.owed() == ["one", "two", "three"]
    assert {row.lane for row in stage.rows(outbox)} == {Lane.INTERACTIVE}


async def test_a_press_is_answered_even_where_nothing_is_shown(stage: Stage) -> None:
    stage.desk.on("nothing", lambda *_: [])
    await stage.presses("wang", "nothing")
    await stage.settle()
    (row,) = stage.rows(outbox)
    assert (row.answers, row.policy) == ("press-nothing", Policy.FREE)


async def test_a_screen_in_place_edits_the_message_that_was_pressed(stage: Stage) -> None:
    stage.desk.on("next", lambda *_: [Screen(as_text("page 2"), mode=Mode.IN_PLACE), Screen(as_text("more"))])
    await stage.presses("wang", "next")
    await stage.settle()
    first, second = stage.rows(outbox)
    assert (first.edits, first.answers, first.policy) == ("card", "press-next", Policy.FREE)
    assert (second.edits, second.answers, second.policy) == (None, None, Policy.RESEND)


async def test_a_telling_is_owed_once_for_each_key_and_recipient(stage: Stage) -> None:
    def tell(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        stage.desk.told += [telling("taken", "case-event:1", recipient=who) for who in (5, 6, 5)]
        return []

    stage.desk.on("take", tell)
    for _again in range(2):
        await stage.says("wang", "take")
    await stage.settle()
    told = stage.rows(outbox)
    assert [(row.key, row.address, row.subject, row.person) for row in told] == [
        ("case-event:1", 5, 77, 5),
        ("case-event:1", 6, 77, 6),
    ]


async def test_what_an_undone_event_wanted_to_tell_is_not_told(stage: Stage) -> None:
    def tell_and_fail(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        stage.desk.told.append(telling("taken", "case-event:1"))
        raise NotFound("case")

    stage.desk.on("take", tell_and_fail)
    await stage.says("wang", "take")
    await stage.settle()
    assert stage.owed() == ["no: case"]


async def test_a_telling_that_has_nothing_to_say_owes_nothing(stage: Stage) -> None:
    def tell(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        stage.desk.told.append(telling("nothing", "case-event:1"))
        return []

    stage.desk.on("take", tell)
    await stage.says("wang", "take")
    await stage.settle()
    assert stage.owed() == []


async def test_a_notice_that_may_have_arrived_is_not_repeated_but_a_telling_is(stage: Stage) -> None:
    def tell(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        stage.desk.told += [telling("news", "n:1", lane=Lane.NOTICE), telling("taken", "c:1")]
        return []

    stage.desk.on("publish", tell)
    await stage.says("wang", "publish")
    await stage.settle()
    assert {row.key: row.policy for row in stage.rows(outbox)} == {"n:1": Policy.HOLD, "c:1": Policy.RESEND}


async def test_more_than_fifty_recipients_are_told_in_slices(stage: Stage) -> None:
    slices: list[int] = []

    def tell(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        stage.desk.told += [telling("news", "n:1", recipient=who) for who in range(120)]
        return []

    def rest(_tx: Transaction, arrival: Arrival) -> list[Screen]:
        assert isinstance(arrival.event.what, Due)
        stage.desk.told += msgspec.convert(arrival.event.what.data["tellings"], list[Telling], strict=False)
        slices.append(len(stage.desk.told))
        return []

    stage.desk.on("publish", tell)
    stage.desk.on(REST, rest)
    await stage.says("wang", "publish")
    assert (await stage.dispatcher.step()).handled == 1
    assert len(stage.rows(outbox)) == 50
    await stage.settle()
    assert slices == [50, 20]
    assert sorted(row.address for row in stage.rows(outbox)) == list(range(120))


async def test_a_fault_in_rendering_owes_plain_words_and_keeps_the_act(stage: Stage) -> None:
    def tell(tx: Transaction, _arrival: Arrival) -> list[Screen]:
        stage.desk.told.append(telling("faulty", "c:1"))
        tx.write(fact.insert().values(name="act", value="1"))
        return []

    stage.desk.on("take", tell)
    await stage.says("wang", "take")
    await stage.settle()
    assert stage.owed() == ["there is news"]
    assert stage.facts() == {"act"}


async def test_a_store_error_in_rendering_is_no_fault_in_words(stage: Stage) -> None:
    def tell(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        stage.desk.told.append(telling("full", "c:1"))
        return []

    stage.desk.on("take", tell)
    await stage.says("wang", "take")
    with pytest.raises(StoreError):
        await stage.dispatcher.step()
    assert stage.owed() == []
    assert [row.tries for row in stage.rows(inbox)] == [0]


async def test_a_timer_that_comes_again_owes_again(stage: Stage) -> None:
    lane = LOOKUP.lane("silent", "wang")
    await stage.says("wang", "hello")
    for _again in range(2):
        stage.arms("recall", lane=lane)
        stage.clock.advance(seconds=1)
        await stage.settle()
    keys = [row.key for row in stage.rows(outbox)]
    assert len(keys) == len(set(keys))


async def test_an_apology_comes_at_most_hourly(stage: Stage) -> None:
    stage.desk.on("wrong", writes("wrong", KeyError("bug")))
    for minutes in (0, 30, 31):
        stage.clock.advance(minutes=minutes)
        await stage.says("wang", "wrong")
        await stage.settle()
    assert [words[:5] for words in stage.owed()] == ["sorry", "sorry"]


def letters(key: str, *people: int) -> Letters:
    languages = {person: "en" if person % 2 else None for person in people}
    to = [
        Recipient(id=100 + person, person=person, address=person, channel="silent", language=language)
        for person, language in languages.items()
    ]
    return Letters(kind="news", subject=77, key=key, recipients=to)


def writes_letters(stage: Stage, *written: Letters) -> Act:
    def act(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        stage.desk.written += written
        return []

    return act


async def test_letters_to_many_are_rows_in_the_lane_of_notices_each_in_their_language(stage: Stage) -> None:
    stage.desk.on("notice", writes_letters(stage, letters("n1", 1, 2, 3)))
    await stage.says("wang", "notice")
    await stage.settle()
    assert stage.owed() == ["news in en", "news in None", "news in en"]
    rows = stage.rows(outbox)
    assert [(row.id, row.person, row.subject, row.lane, row.policy) for row in rows] == [
        (100 + person, person, 77, Lane.NOTICE, Policy.HOLD) for person in (1, 2, 3)
    ]


async def test_letters_under_one_key_are_owed_to_each_once(stage: Stage) -> None:
    again = letters("n1", 2)
    twice = Letters(kind="news", subject=77, key="n1", recipients=[
        Recipient(id=999, person=2, address=2, channel="silent", language=None)])  # fmt: skip
    stage.desk.on("notice", writes_letters(stage, again, twice))
    await stage.says("wang", "notice")
    await stage.settle()
    assert [row.id for row in stage.rows(outbox)] == [102]


async def test_a_telling_may_take_the_place_of_an_earlier_one(stage: Stage) -> None:
    def act(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        number = len(stage.desk.seen)
        stage.desk.told.append(
            Telling(kind="figures", subject=77, recipient=5, address=5, key=f"f{number}", row=900 + number,
                    replaces=899 + number if number > 1 else None)
        )  # fmt: skip
        return []

    stage.desk.on("tick", act)
    for number in (1, 2):
        await stage.does("wang", Said("tick"), f"m{number}")
        await stage.settle()
    first, second = stage.rows(outbox)
    assert [(row.id, row.replaces) for row in (first, second)] == [(901, None), (902, 901)]
