"""Every limit turns red by a row that is too old, and not a moment before."""

import asyncio
import shutil
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from bot.delivery.supervision import Supervisor
from bot.errors import StoreError
from bot.health import report
from bot.health.report import TRIED
from bot.store import claims, standing
from bot.telling import Lane
from tests.health.stage import Ward


async def test_all_is_well_in_a_quiet_office(ward: Ward) -> None:
    found = await ward.app.look()
    assert found.ok
    assert found.source == "office"
    assert found.revision
    assert found.epoch == 1


@pytest.mark.parametrize(
    ("put", "name", "limit"),
    [
        ("comes_in", "inbox", 30),
        ("owes", "outbox", 60),
        ("arms", "timers", 10),
        ("starts_job", "jobs", 600),
    ],
)
async def test_what_waits_longer_than_its_limit_is_red(ward: Ward, put: str, name: str, limit: int) -> None:
    await getattr(ward, put)()
    ward.clock.advance(seconds=limit)
    assert await ward.names() == []
    ward.clock.advance(seconds=0.5)
    assert await ward.names() == [name]
    line = await ward.line(name)
    assert (line.count, line.seconds, line.limit) == (1, limit + 0.5, limit)


async def test_the_oldest_of_many_counts(ward: Ward) -> None:
    await ward.comes_in("1")
    ward.clock.advance(seconds=20)
    await ward.comes_in("2")
    line = await ward.line("inbox")
    assert (line.count, line.seconds) == (2, 20)


async def test_a_message_that_has_been_on_its_way_too_long_is_red(ward: Ward) -> None:
    await ward.owes(state="sending", sending_at=ward.clock.now(), epoch=1)
    ward.clock.advance(seconds=300)
    assert await ward.names() == []
    ward.clock.advance(seconds=1)
    assert await ward.names() == ["outbox.sending"]


async def test_what_is_meant_for_later_is_not_late(ward: Ward) -> None:
    await ward.owes(wait=3600)
    ward.clock.advance(seconds=3600)
    assert await ward.names() == []
    ward.clock.advance(seconds=61)
    assert await ward.names() == ["outbox"]


async def test_notices_to_many_may_take_their_time(ward: Ward) -> None:
    await ward.owes(lane=Lane.NOTICE)
    ward.clock.advance(hours=3)
    assert await ward.names() == []
    assert (await ward.line("outbox")).count == 1


async def test_a_closed_page_is_not_stuck(ward: Ward) -> None:
    await ward.owes(cause="closed", tries=9)
    ward.clock.advance(hours=3)
    assert await ward.names() == []


async def test_what_is_put_off_again_and_again_counts_from_when_it_was_owed(ward: Ward) -> None:
    later = ward.clock.now() + timedelta(days=1)
    await ward.owes(cause="502", tries=2, not_before=later)
    ward.clock.advance(seconds=61)
    assert await ward.names() == []  # once or twice happens
    await ward.owes(cause="502", tries=3, not_before=later)
    ward.clock.advance(seconds=61)
    assert await ward.names() == ["outbox"]


async def test_a_platform_that_does_not_answer_is_red(ward: Ward) -> None:
    channel = ward.town.channel
    channel.heard_at = None  # type: ignore[attr-defined]  # as of a channel that polls
    channel.silent_at_most = 90.0  # type: ignore[attr-defined]  # as of a channel that polls
    ward.clock.advance(seconds=91)
    assert await ward.names() == ["poll"]  # never since the start
    channel.heard_at = ward.clock.now()  # type: ignore[attr-defined]  # as of a channel that polls
    ward.clock.advance(seconds=90)
    assert await ward.names() == []
    ward.clock.advance(seconds=1)
    assert await ward.names() == ["poll"]


async def test_a_second_office_at_the_same_token_is_red(ward: Ward) -> None:
    channel = ward.town.channel
    channel.rival_at = None  # type: ignore[attr-defined]  # as of a channel that polls
    assert await ward.names() == []
    channel.rival_at = ward.clock.now()  # type: ignore[attr-defined]  # as of a channel that polls
    assert await ward.names() == ["rival"]
    ward.clock.advance(seconds=121)
    assert await ward.names() == []


async def test_a_writer_that_does_not_come_back_is_red(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(report.LIMITS, "writer", 0.01)
    began, go_on = threading.Event(), threading.Event()

    def hangs(_tx: object) -> None:
        began.set()
        go_on.wait(30)

    hanging = asyncio.ensure_future(ward.writer.submit(hangs))
    await asyncio.to_thread(began.wait, 30)
    while not await ward.names():
        pass
    assert await ward.names() == ["writer"]  # and the rest could be read beside it
    go_on.set()
    await hanging
    assert await ward.names() == []


async def test_a_loop_that_fails_is_red(ward: Ward) -> None:
    async def fails() -> None:
        raise RuntimeError

    async def ends() -> None:
        return

    ward.app._supervisor.start("send elsewhere", fails)
    ward.app._supervisor.start("dispatch", ends)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await ward.names() == ["loops"]
    assert (await ward.line("loops")).of == "send elsewhere, dispatch"
    await ward.app._supervisor.stop("send elsewhere", "dispatch")
    assert await ward.names() == []


async def test_a_loop_is_well_again_after_a_while() -> None:
    supervisor, failed = Supervisor(), asyncio.Event()

    async def fails() -> None:
        failed.set()
        raise RuntimeError

    supervisor.start("x", fails)
    await failed.wait()
    await asyncio.sleep(0)
    assert list(supervisor.failing) == ["x"]
    supervisor._failed_at["x"] -= 31
    assert list(supervisor.failing) == []
    await supervisor.stop("x")


async def test_a_full_disk_and_a_grown_log_are_red(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    ward.town.store.files.folder.mkdir(exist_ok=True)
    small = SimpleNamespace(total=2 * report.LEAST_FREE, free=report.LEAST_FREE - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: small)
    assert await ward.names() == ["disk"]
    monkeypatch.setattr(report, "MOST_LOG", -1)
    expected = ["disk", "wal"] if ward.town.url.startswith("sqlite") else ["disk"]
    assert await ward.names() == expected


@pytest.mark.parametrize(("percent", "names"), [(10, []), (9, ["disk.files"]), (2, ["disk.files", "disk.messages"])])
async def test_a_disk_too_full_for_files_or_messages_is_red(
    ward: Ward, monkeypatch: pytest.MonkeyPatch, percent: int, names: list[str]
) -> None:
    total = 100 * report.LEAST_FREE
    found = SimpleNamespace(total=total, free=total * percent // 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: found)
    ward.town.store.files.folder.mkdir(exist_ok=True)
    assert await ward.names() == names


async def test_updates_that_cannot_be_stored_are_red(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot grow takes the small changes of all that is there already: nothing else shows it."""

    def full(*_arguments: object) -> int:
        raise StoreError("disk full")

    monkeypatch.setattr(claims, "take_in", full)
    for seconds in (0, 30, 0.5):
        ward.clock.advance(seconds=seconds)
        with pytest.raises(StoreError):
            await ward.comes_in()
        assert await ward.names() == (["receive"] if seconds == 0.5 else [])
    ward.clock.advance(seconds=TRIED + 1)
    assert await ward.names() == []  # nobody hands it over any more
    with pytest.raises(StoreError):
        await ward.comes_in()
    monkeypatch.undo()
    await ward.comes_in()
    assert await ward.names() == []


async def test_a_database_that_cannot_be_read_is_red(ward: Ward) -> None:
    await ward.writer.submit(lambda tx: tx.write(text("DROP TABLE alembic_version")))
    found = await ward.app.look()
    assert found.names == ["database"]
    assert found.revision == ""


async def test_what_was_set_aside_is_told_and_does_not_turn_the_office_red(ward: Ward) -> None:
    await ward.comes_in()
    await ward.sets_aside()
    await ward.arms(state="set_aside")
    found = await ward.app.look()
    assert found.ok
    assert [line.name for line in found.lines if line.news] == ["inbox.set_aside", "timers.set_aside"]
    ward.clock.advance(hours=1)
    assert not any(line.news for line in (await ward.app.look()).lines)
    assert (await ward.line("inbox.set_aside")).count == 1  # it is kept, and shown


async def test_what_went_wrong_is_counted_by_channel_and_lane(ward: Ward) -> None:
    now = ward.clock.now()
    await ward.owes(state="uncertain", lane=Lane.DEADLINE)
    await ward.owes(state="failed", settled_at=now)
    await ward.owes(state="failed", settled_at=now, channel="silent")
    await ward.owes(state="failed", settled_at=now - standing.FAILED_WITHIN)
    lines = [(line.name, line.of, line.count) for line in (await ward.app.look()).lines if line.of and line.count]
    assert lines == [
        ("outbox.failed", "elsewhere reply", 1),
        ("outbox.failed", "silent reply", 1),
        ("outbox.uncertain", "elsewhere deadline", 1),
    ]


async def test_cases_are_counted_without_complaints_about_staff(ward: Ward) -> None:
    await ward.registers()
    figures = [(await ward.line(f"cases.{name}")).count for name in ("open", "overdue", "unowned")]
    assert figures == [1, 0, 1]
    ward.clock.advance(days=60)
    assert (await ward.line("cases.overdue")).count == 1
    await ward.writer.submit(lambda tx: tx.write(text('UPDATE "case" SET sealed = true')))
    assert (await ward.line("cases.open")).count == 0


async def test_the_beat_goes_on_and_is_missed_when_nothing_can_be_committed(ward: Ward) -> None:
    await ward.writer.submit(ward.app._first_beat)
    for _ in range(3):
        await ward.town.passes(seconds=30)
        assert await ward.names() == []
    ward.clock.advance(seconds=41)  # and the dispatcher does nothing
    assert await ward.names() == ["timers"]
