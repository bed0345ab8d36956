"""One office as six processes, each with a part of the work: people notice nothing of it, on Telegram or on a page."""

import asyncio
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from bot.config import Settings, read_settings
from bot.office.cases.tables import attachment
from bot.store.leases import lease
from tests.channels.web.house import Visitor
from tests.fakebotapi import FakeBotApi
from tests.postgres import a_database
from tests.proof.outside import HUIYIN, PATIENCE, PHOTO, configured, free_port, is_settled, rows, started, until

pytestmark = [pytest.mark.sockets, pytest.mark.slow]

PARTS = ("tick", "receive", "dispatch", "dispatch", "send", "web")


async def test_an_office_in_parts_answers_everywhere(tmp_path: Path, postgres: str) -> None:
    port = free_port()
    with a_database(postgres, f"parts{uuid.uuid4().hex}") as url:
        async with FakeBotApi(limits=False) as api:
            config = configured(tmp_path, api, database=url)
            config.write_text(config.read_text("utf-8").replace("enabled = false", f"port = {port}"), "utf-8")
            settings = read_settings(config)
            processes, alice = [], api.person("王阿姨")
            for part in PARTS:
                processes.append(await started(HUIYIN, "run", "--config", config, "--only", part, log=tmp_path / part))
                await until(lambda: runs(settings) == len(processes))
            await until(lambda: names(settings) >= {"web", f"receive telegram:{api.account.id}"})

            alice.starts()
            for words, answer in (("好", "您说"), ("/request 幸福里3号楼2单元的灯坏了", "我这样登记"),
                                  ("登记", "登记好了")):  # fmt: skip
                alice.says(words)
                await alice.sees(answer, timeout=PATIENCE)
            alice.sends_photo(PHOTO, "就是这盏")
            stored = select(func.count()).select_from(attachment).where(attachment.c.state == "stored")
            await alice.sees("补到之前那件", timeout=PATIENCE)
            alice.presses("补到：幸福里3号楼2单元的灯坏了")
            await until(lambda: rows(settings, stored)[0][0] == 1)

            page = Visitor(SimpleNamespace(url=f"http://127.0.0.1:{port}"))  # type: ignore[arg-type]  # all it asks for
            await page.opens()
            await page.says("/start")
            assert "是程序" in "".join(piece[0] for piece in (await page.sees())["text"])
            await page.close()

            await until(lambda: api.is_drained and is_settled(settings))
            for process in processes:
                process.terminate()
                assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
            assert names(settings) == set()
            assert api.complaints == []


def names(settings: Settings) -> set[str]:
    return {row.name for row in rows(settings, select(lease.c.name))}


def runs(settings: Settings) -> int:
    return sum(name.startswith("run ") for name in names(settings))
