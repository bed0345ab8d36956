"""What administrators hear: once a kind and hour, day or night, and nobody else hears it."""

import shutil
from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from bot.delivery.channel import Raw
from bot.errors import StoreError
from bot.health.report import Line
from bot.health.watch import Watch
from bot.office.people.model import Role
from bot.office.people.records import role_grant
from bot.store.queues import outbox
from tests.health.stage import SECRET, Ward
from tests.rig import SHANGHAI, Someone

STUCK = "该发给居民的消息发不出去：积压 1 条，最早的已等 2 分钟。"


async def looks(ward: Ward) -> None:
    await ward.app.watch.step()
    await ward.town.settle()


async def administrator(ward: Ward, chat: str = "root", language: str = "zh_CN") -> Someone:
    person = await ward.town.official(chat, Role.ADMINISTRATOR, language=language)
    person.news()
    return person


async def test_administrators_hear_of_it_once_an_hour_and_nobody_else_does(ward: Ward) -> None:
    root, again = await administrator(ward), await administrator(ward, "root2", "en")
    others = [await ward.town.official(role.value, role) for role in Role if role is not Role.ADMINISTRATOR]
    others.append(ward.town.resident())
    for other in others:
        other.news()
    await ward.owes()
    ward.clock.advance(seconds=59)
    await looks(ward)
    assert root.news() == []
    ward.clock.advance(seconds=61)
    await looks(ward)
    (words,) = root.news()
    assert STUCK in words
    assert "huiyin status" in words
    (words,) = again.news()
    assert "What we owe people is not going out: 1 waiting, the oldest for 2 min." in words
    for _minute in range(58):
        ward.clock.advance(minutes=1)
        await looks(ward)
    assert root.news() == []
    ward.clock.advance(minutes=2)
    await looks(ward)
    assert len(root.news()) == 1
    assert [other.news() for other in others] == [[] for _other in others]


async def test_each_kind_is_told_by_itself(ward: Ward) -> None:
    root = await administrator(ward)
    await ward.owes()
    ward.clock.advance(minutes=2)
    await looks(ward)
    assert len(root.news()) == 1
    ward.town.channel.heard_at = None  # type: ignore[attr-defined]  # as of a channel that polls
    ward.town.channel.silent_at_most = 90.0  # type: ignore[attr-defined]  # as of a channel that polls
    await looks(ward)
    (words,) = root.news()
    assert "没有回应" in words


async def test_of_a_second_office_at_the_same_token_the_words_are_plain(ward: Ward) -> None:
    root = await administrator(ward)
    ward.town.channel.rival_at = ward.clock.now()  # type: ignore[attr-defined]  # as of a channel that polls
    await looks(ward)
    (words,) = root.news()
    assert "也在用同一个令牌" in words


async def test_alarms_come_by_night_too(ward: Ward) -> None:
    root = await administrator(ward)
    await ward.town.becomes(datetime(2026, 9, 19, 2, 30, tzinfo=SHANGHAI))  # a Saturday
    await ward.owes()
    ward.clock.advance(minutes=2)
    await looks(ward)
    assert len(root.news()) == 1


async def test_a_restart_within_the_hour_tells_nobody_twice(ward: Ward) -> None:
    root = await administrator(ward)
    await ward.owes()
    ward.clock.advance(minutes=2)
    await looks(ward)
    ward.app.watch = Watch(ward.app.look, ward.app._alarm, ward.clock)
    ward.clock.advance(minutes=1)
    await looks(ward)
    assert len(root.news()) == 1


async def test_an_older_alarm_that_could_not_go_out_is_taken_back(ward: Ward) -> None:
    await administrator(ward)
    await ward.owes()
    ward.clock.advance(minutes=2)
    for _hour in range(3):
        await ward.app.watch.step()
        await ward.app.dispatcher.step()  # and the sender does nothing
        ward.clock.advance(hours=1)
    statement = select(outbox.c.state).where(outbox.c.key.like("alarm:%")).order_by(outbox.c.id)
    states = await ward.writer.submit(lambda tx: tx.flushed().execute(statement).scalars().all())
    assert states == ["cancelled", "cancelled", "queued"]


async def test_whoever_has_ceased_to_be_an_administrator_hears_nothing(ward: Ward) -> None:
    root = await administrator(ward)
    await ward.owes()
    ward.clock.advance(minutes=2)
    await ward.app.watch.step()
    await ward.writer.submit(lambda tx: tx.write(update(role_grant).values(revoked_at=tx.now)))
    await ward.town.settle()
    assert root.news() == []


async def test_what_was_set_aside_is_told_once(ward: Ward) -> None:
    root = await administrator(ward)
    await ward.app.receivers["silent"].take_in([Raw("odd", SECRET, SECRET.encode(), ward.clock.now())])
    await ward.town.settle()  # nobody can read it
    assert ward.app.dispatcher.set_aside == 1
    for _minute in range(130):
        await looks(ward)
        ward.clock.advance(minutes=1)
    (words,) = [words for words in root.news() if "存下" in words]  # a machine that stands still has alarms of its own
    assert "共存下 1 条" in words


async def test_an_alarm_that_cannot_be_noted_is_tried_again(ward: Ward) -> None:
    told: list[Line] = []
    faults = [StoreError("full")]

    async def tell(lines: Sequence[Line]) -> None:
        if faults:
            raise faults.pop()
        told.extend(lines)

    await ward.owes()
    ward.clock.advance(minutes=2)
    watch = Watch(ward.app.look, tell, ward.clock)
    assert await watch.step() == []
    assert [line.name for line in await watch.step()] == ["outbox"]
    assert [line.name for line in told] == ["outbox"]


async def test_a_disk_that_takes_no_more_is_told_in_words(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    root = await administrator(ward)
    ward.town.store.files.folder.mkdir(exist_ok=True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(total=10**12, free=900 * 2**20))
    await looks(ward)
    found = root.news()
    assert any("不收居民的照片、语音和文件" in words for words in found)
    assert any("不收新消息" in words for words in found)
