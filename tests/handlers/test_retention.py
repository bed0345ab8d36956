"""What is kept for a term goes in the night after it, and not before; every class with the clock set forward."""

import os
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Table, func, select, update

from bot.app import NIGHT
from bot.config import RetentionSettings
from bot.dialogue.event import FileKind
from bot.office.cases.tables import attachment, case, case_event, case_party, entry
from bot.office.people.records import address, person
from bot.office.retention import CLASSES, Retention
from bot.store import leftovers
from bot.store.queues import arm_once, conversation, inbox, job, outbox, timer
from bot.store.talks import web_message
from bot.store.transaction import Transaction
from bot.upkeep import next_night
from tests.handlers.talks import LAMP, PHOTO, answered, registered
from tests.rig import SHANGHAI, Town

MARK = "（到期已删除）"


async def a_night_later(town: Town, **span: float) -> None:
    """So much later, and then through the next night."""
    town.clock.advance(**span)
    await town.settle()

    def arm(tx: Transaction) -> None:
        arm_once(tx, id=town.house.means.ids(), kind=NIGHT, due_at=next_night(tx.now, town.house))

    await town.store.writer.submit(arm)
    due = (await town.rows(select(timer.c.due_at).where(timer.c.key == NIGHT)))[0].due_at
    town.clock.set(due)
    await town.settle()


async def aged(town: Town, table: Table, column: str, **values: Any) -> None:
    await town.store.writer.submit(lambda tx: tx.flushed().execute(update(table).values({column: tx.now, **values})))


async def test_handled_updates_are_known_for_two_weeks(town: Town) -> None:
    await registered(town)
    await a_night_later(town, days=13)
    assert await town.counted(inbox, inbox.c.channel == "silent") > 0
    await a_night_later(town, days=1)
    assert await town.counted(inbox, inbox.c.channel == "silent") == 0


async def test_updates_that_were_set_aside_wait_two_weeks_for_an_operator(town: Town) -> None:
    await registered(town)
    await aged(town, inbox, "received_at", state="set_aside", raw=b"sealed")
    await a_night_later(town, days=13)
    assert await town.counted(inbox, inbox.c.raw == b"sealed") > 0
    await a_night_later(town, days=1)
    assert await town.counted(inbox, inbox.c.raw == b"sealed") == 0


async def test_an_update_that_waits_is_never_too_old(town: Town) -> None:
    await registered(town)
    await aged(town, inbox, "received_at", state="new", lane=-999)
    before = await town.counted(inbox)

    def sweeps(tx: Transaction) -> None:
        leftovers.sweep_inbox(tx, 0, tx.now + timedelta(days=1))
        leftovers.sweep_set_aside(tx, 0, tx.now + timedelta(days=1))

    await town.store.writer.submit(sweeps)
    assert await town.counted(inbox) == before


async def test_messages_about_no_case_are_known_for_a_month_and_those_about_a_case_as_long_as_it(town: Town) -> None:
    await registered(town)
    about = await town.counted(outbox, outbox.c.subject.is_not(None))
    await a_night_later(town, days=29)
    assert await town.counted(outbox, outbox.c.subject.is_(None)) > 0
    await a_night_later(town, days=1)
    assert await town.counted(outbox, outbox.c.subject.is_(None), outbox.c.state != "queued") == 0
    assert await town.counted(outbox, outbox.c.subject.is_not(None)) >= about > 0


async def test_words_that_may_have_arrived_wait_two_weeks_for_an_operator(town: Town) -> None:
    await registered(town)
    await aged(town, outbox, "settled_at", state="uncertain", body=b"sealed")
    await a_night_later(town, days=13)
    assert await town.counted(outbox, outbox.c.body == b"sealed") > 0
    await a_night_later(town, days=1)
    assert await town.counted(outbox, outbox.c.body == b"sealed") == 0
    assert await town.counted(outbox, outbox.c.state == "uncertain") > 0


async def test_timers_and_jobs_that_are_over_go(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.sends(FileKind.PHOTO, PHOTO, text=f"/add {number}")
    assert await town.counted(job, job.c.kind == "file.fetch", job.c.data == b"") == 1  # its ref went with its end
    await answered(town, official, number)
    await town.passes(days=7)
    await a_night_later(town, days=14)
    await a_night_later(town, days=14)
    old = town.clock.now() - timedelta(days=14)
    assert await town.counted(timer, timer.c.state == "fired", timer.c.due_at < old) == 0
    assert await town.counted(job, job.c.kind == "file.fetch") == 0


async def test_what_web_chats_have_shown_goes_after_a_year(town: Town) -> None:
    def shows(tx: Transaction) -> None:
        tx.write(web_message.insert(), {"id": 1, "chat": 7, "mine": False, "body": b"sealed", "at": tx.now})

    await town.store.writer.submit(shows)
    await a_night_later(town, days=364)
    assert await town.counted(web_message) == 1
    await a_night_later(town, days=1)
    assert await town.counted(web_message) == 0


async def test_a_case_loses_its_person_a_year_after_its_end(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.sends(FileKind.PHOTO, PHOTO, text=f"/add {number} 就是这盏")
    await town.passes(days=3)
    await answered(town, official, number)
    await a_night_later(town, days=363)
    assert await town.counted(case_party) == 1
    await official.says(f"/case {number}")
    assert LAMP in official.last.text
    await a_night_later(town, days=2)
    await official.says(f"/case {number}")
    assert LAMP not in official.last.text
    assert "就是这盏" not in official.last.text
    assert MARK in official.last.text
    assert "换了新灯头" in official.last.text
    assert await town.counted(case_party) == 0
    assert await town.counted(attachment) == 0
    assert await town.counted(entry, entry.c.source.is_not(None)) == 0
    assert await town.counted(outbox, outbox.c.subject.is_not(None), outbox.c.state == "sent",
                         outbox.c.created_at < town.clock.now() - timedelta(days=2)) == 0  # fmt: skip
    await town.settle()
    assert not list((town.folder / "files").rglob("?" * 64))
    codes = await town.rows(select(case_event.c.code).order_by(case_event.c.number))
    assert codes[-1].code == "erased"


async def test_a_case_taken_back_counts_from_that_day(town: Town) -> None:
    resident, number = await registered(town)
    await town.passes(days=20)
    await resident.says(f"/withdraw {number}")
    await resident.presses("是，撤回")
    await a_night_later(town, days=350)
    assert await town.counted(case, case.c.erased_at.is_not(None)) == 0
    await a_night_later(town, days=15)
    assert await town.counted(case, case.c.erased_at.is_not(None)) == 1


async def test_an_open_case_keeps_its_person_however_long_it_takes(town: Town) -> None:
    await registered(town)
    await a_night_later(town, days=800)
    assert await town.counted(case, case.c.erased_at.is_not(None)) == 0
    assert await town.counted(person) == 1


async def test_somebody_who_has_not_come_for_a_year_is_nobody_any_more(town: Town) -> None:
    official = await town.official()
    reader = town.resident("reader")
    await reader.says("医保怎么报销")
    resident, number = await registered(town)
    await answered(town, official, number)
    await town.passes(days=3)
    await a_night_later(town, days=361)
    assert await town.counted(person) == 3
    await reader.says("你好")
    await a_night_later(town, days=4)
    assert await town.counted(person) == 2  # the reader was here lately, and the official works here
    assert await town.counted(address) == 2
    assert await town.counted(conversation, conversation.c.id ==
                         town.store.keys.lookup.lane("silent", resident.chat)) == 0  # fmt: skip
    await resident.says("我的事")
    assert "还没有登记过事" in resident.last.text


async def test_a_night_with_more_than_a_slice_goes_on_until_nothing_is_left(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "WINDOW", 7)
    for number in range(6):
        await registered(town, chat=f"r{number}")
    await a_night_later(town, days=14)
    assert await town.counted(inbox, inbox.c.channel == "silent") == 0
    assert await town.counted(timer, timer.c.key == "retention.slice", timer.c.state == "armed") == 0


async def test_the_next_night_comes_by_itself(town: Town) -> None:
    await registered(town)
    await a_night_later(town, days=1)
    due = (await town.rows(select(timer.c.due_at, timer.c.state).where(timer.c.key == NIGHT)))[0]
    assert due.state == "armed"
    assert due.due_at == town.clock.now() + timedelta(days=1)
    assert due.due_at.astimezone(SHANGHAI).hour == 3


async def test_a_night_gone_by_while_nobody_was_there_is_made_up_for(town: Town) -> None:
    await a_night_later(town, days=1)
    passed = (await town.rows(select(timer.c.due_at).where(timer.c.key == NIGHT)))[0].due_at
    town.clock.advance(days=3)
    await town.store.writer.submit(town.app._first_beat)
    assert (await town.rows(select(timer.c.due_at).where(timer.c.key == NIGHT)))[0].due_at == passed


def test_a_night_whose_hour_comes_twice_is_one_night() -> None:
    """On 27 October 2024 it is ten past three twice in Athens."""
    house: Any = SimpleNamespace(zone=ZoneInfo("Europe/Athens"))
    moment, nights = datetime(2024, 10, 26, 12, tzinfo=UTC), []
    for _night in range(3):
        moment = next_night(moment, house)
        nights.append(moment.astimezone(UTC))
    assert nights == [
        datetime(2024, 10, 27, 0, 10, tzinfo=UTC),
        datetime(2024, 10, 28, 1, 10, tzinfo=UTC),
        datetime(2024, 10, 29, 1, 10, tzinfo=UTC),
    ]


async def test_copies_of_before_a_migration_go_after_five_weeks(town: Town) -> None:
    if not town.url.startswith("sqlite"):
        pytest.skip("a server's backups are its own")
    old, new = town.folder / "huiyin.db.20260101-000000.0001.backup", town.folder / "huiyin.db.x.0002.backup"
    unfinished = town.folder / "huiyin.db.copying"
    for copy in (old, new, unfinished):
        copy.write_bytes(b"copy")
    moment = (town.clock.now() - timedelta(days=33)).timestamp()
    for copy in (old, unfinished):
        os.utime(copy, (moment, moment))
    os.utime(new, (town.clock.now().timestamp(),) * 2)
    await a_night_later(town, days=3)
    assert not old.exists()
    assert not unfinished.exists()
    assert new.exists()


async def test_databases_that_a_restore_moved_aside_go_after_five_weeks_too(town: Town) -> None:
    """Whoever is forgotten after the restore must not stand in one for ever."""
    if not town.url.startswith("sqlite"):
        pytest.skip("a server's backups are its own")
    name = "huiyin.db.20260101-000000.before-restore"
    old, its_log = town.folder / name, town.folder / f"{name}-wal"
    new = town.folder / "huiyin.db.20260910-000000.before-restore"
    for copy in (old, its_log, new):
        copy.write_bytes(b"copy")
    moment = (town.clock.now() - timedelta(days=33)).timestamp()
    for copy in (old, its_log):
        os.utime(copy, (moment, moment))
    os.utime(new, (town.clock.now().timestamp(),) * 2)
    await a_night_later(town, days=3)
    assert not old.exists()
    assert not its_log.exists()
    assert new.exists()


async def test_officials_who_were_told_see_the_mark_in_a_web_chat_no_more(town: Town) -> None:
    """Whatever a web chat has shown about a case goes with its words: found by the message's own id."""
    official = await town.official()
    resident, number = await registered(town)
    await answered(town, official, number)
    shown = await town.rows(select(outbox.c.id).where(outbox.c.subject.is_not(None)))
    count = int((await town.rows(select(func.count()).select_from(web_message)))[0][0])

    def shows(tx: Transaction) -> None:
        for row in shown:
            tx.write(web_message.insert(), {"id": row.id, "chat": 7, "mine": False, "body": b"card", "at": tx.now})
            tx.flushed().execute(update(outbox).where(outbox.c.id == row.id).values(message=str(row.id)))

    await town.store.writer.submit(shows)
    assert count == 0
    await resident.says("删掉我的信息")
    await resident.presses("删掉我的信息")
    await resident.presses("全部删除")
    assert await town.counted(web_message) == 0


def test_the_settings_and_the_terms_name_the_same() -> None:
    assert {term.name for term in fields(Retention)} == set(RetentionSettings.model_fields)
    assert {"cases", "people", "talks", "set_aside", "uncertain", "messages"} <= set(CLASSES)


@pytest.mark.parametrize("hour", [0, 3, 4, 23])
async def test_a_night_is_ten_past_three_by_the_offices_clock(town: Town, hour: int) -> None:
    found = next_night(datetime(2026, 9, 15, hour, 10, tzinfo=SHANGHAI), town.house).astimezone(SHANGHAI)
    assert (found.hour, found.minute) == (3, 10)
    assert found.day == (15 if hour < 3 else 16)
