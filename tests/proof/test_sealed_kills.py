"""kill -9 while an anonymous complaint is handed in, and while its talk is deleted: wholly, or not at all."""

import re
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.config import Settings, read_settings
from bot.office.cases.tables import attachment, case, case_party, entry
from bot.sealing import read_keys
from bot.store.queues import conversation, inbox, job, outbox
from tests.fakebotapi import FakeBotApi, Person
from tests.proof.outside import AGAIN, PATIENCE, PHOTO, configured, has_died, is_settled, rows, stopped, until, victim
from tests.unsealed import opened

CANARY = "外来人口窗口姓刘的，绿皮收据本上写着壹佰捌拾柒"
PAIR = re.compile(r"编号 ([0-9A-Z]{4}-[0-9A-Z]{4})，查询码 (\d{3} \d{3})")

pytestmark = [pytest.mark.sockets, pytest.mark.slow]


def tells_of_it(settings: Settings) -> bool:
    """Whether any queue or conversation still holds its words, for whoever has the keys."""
    keys = read_keys(settings.security.key_file)
    for column in (conversation.c.state, outbox.c.body, inbox.c.raw, job.c.data):
        for (value,) in rows(settings, select(column).where(column.is_not(None))):
            if "绿皮收据本" in opened(keys, value):
                return True
    return False


def registered(settings: Settings) -> int:
    return int(rows(settings, select(func.count()).select_from(case))[0][0])


async def drafted(alice: Person) -> None:
    for words, answer in (
        ("/start", "是程序，不是真人"), ("好", "直接说"), ("我要投诉窗口一个人，不能让他知道是我", "选一种"),
        ("匿名，不留账号", "哪个人"), (CANARY, "请看对不对"),
    ):  # fmt: skip
        alice.says(words)
        await alice.sees(answer if answer != "直接说" else "好", timeout=PATIENCE)
    alice.presses("加照片")
    await alice.sees("现在发过来", timeout=PATIENCE)
    alice.sends_photo(PHOTO)
    await alice.sees("照片收到", timeout=PATIENCE)


async def dies(config: Path, point: str, hit: int, api: FakeBotApi, settings: Settings) -> bool:
    """Runs the office until it dies at the point or has nothing more to do; whether it died."""
    process = await victim(config, point, str(hit), AGAIN)
    return await has_died(process, config, point, lambda: api.is_drained and is_settled(settings))


@pytest.mark.parametrize("point", ["mid-batch", "before commit", "after commit", "after HTTP", "file stored"])
async def test_it_is_registered_and_blanked_or_neither(tmp_path: Path, point: str) -> None:
    async with FakeBotApi(limits=False) as api:
        config = configured(tmp_path, api)
        settings = read_settings(config)
        alice = api.person("老何")
        process = await victim(config)
        await drafted(alice)
        await until(lambda: api.is_drained and is_settled(settings))
        await stopped(process)
        alice.presses("用这张，交上去")
        deaths = 0
        for hit in range(1, 9):
            died = await dies(config, point, hit, api, settings)
            assert registered(settings) == (0 if tells_of_it(settings) else 1)
            deaths += died
            if not died:
                break  # all that was left is done, and the point was not passed so often
        assert deaths
        process = await victim(config, "never", "0", AGAIN)
        stored = select(func.count()).select_from(attachment).where(attachment.c.state == "stored")
        await until(lambda: rows(settings, stored)[0][0] == 1 and is_settled(settings) and api.is_drained)
        assert registered(settings) == 1
        assert rows(settings, select(func.count()).select_from(entry))[0][0] == 1
        assert rows(settings, select(case_party.c.id)) == []
        assert len({found[0] for message in alice.received if (found := PAIR.search(message.text or ""))}) == 1
        await stopped(process)
        assert api.complaints == []


@pytest.mark.parametrize("point", ["after claim", "after deletion", "after HTTP"])
async def test_a_talk_is_deleted_on_both_sides_through_a_death(tmp_path: Path, point: str) -> None:
    async with FakeBotApi(limits=False) as api:
        config = configured(tmp_path, api)
        settings = read_settings(config)
        alice = api.person("老何")
        process = await victim(config)
        await drafted(alice)
        alice.presses("用这张，交上去")
        await alice.sees("只显示这一次", timeout=PATIENCE)
        await until(lambda: api.is_drained and is_settled(settings))
        await stopped(process)
        alice.presses("抄好了，清掉聊天")
        assert await dies(config, point, 1, api, settings)
        process = await victim(config, "never", "0", AGAIN)
        await alice.sees("好了。需要时回“菜单”", timeout=PATIENCE)
        await until(lambda: api.is_drained and is_settled(settings))
        left = [message.text for message in alice.messages]
        assert {text.removeprefix("（重发）\n") for text in left} == {"好了。需要时回“菜单”。"}
        await stopped(process)
        assert api.complaints == []
