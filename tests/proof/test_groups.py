"""Groups from outside: `huiyin run` against a strict Bot API, every request into a group, kill -9 between (T5)."""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.config import CONTENT
from tests.fakebotapi import FakeBotApi
from tests.proof.outside import PATIENCE, configured
from tests.proof.test_central_talk import Office, a_registered_lamp, sees

pytestmark = [pytest.mark.sockets, pytest.mark.slow]


def always_open(folder: Path, config: Path) -> Path:
    """The office works day and night: a card waits for nobody to come."""
    content = folder / "content"
    shutil.copytree(CONTENT, content)
    this = datetime.now(UTC).year
    for year in range(this - 1, this + 2):
        days = [date(year, 1, 1) + timedelta(days=number) for number in range(365)]
        weekends = ", ".join(day.isoformat() for day in days if day.weekday() > 4)
        (content / "calendar" / f"{year}.toml").write_text(f"off = []\nswapped = [{weekends}]\n", "utf-8")
    hours = '[office]\nopens = "0:00"\ncloses = "23:59"\n'
    config.write_text(f'{hours}[content]\nfolder = "{content}"\n{config.read_text("utf-8")}', "utf-8")
    return config


def said_in(api: FakeBotApi, *chats: int) -> str:
    """Every request that went into these chats, as it was."""
    found = [entry for entry in api.journal.entries if entry.chat in chats and entry.what == "call"]
    return json.dumps([str(entry) for entry in found], ensure_ascii=False)


async def test_a_staff_group_from_taking_in_to_moving_and_strangers_groups(tmp_path: Path) -> None:
    async with FakeBotApi() as api:
        office = Office(always_open(tmp_path, configured(tmp_path, api)), tmp_path / "log")
        ada, zhou, wang = api.person("管理员"), api.person("小周"), api.person("王阿姨CANARY")
        await office.starts()
        zhou.starts()
        await zhou.sees("是程序", timeout=PATIENCE)  # it is up
        ada.starts(await office.invites("--role", "administrator"))
        await sees(ada, "工作人员")
        zhou.starts(await office.invites("--role", "handler", "--department", "xingfuli"))
        await sees(zhou, "幸福里社区")

        staff = api.group("幸福里工作群", "group", bot="left")
        staff.add_bot(ada)
        await staff.sees("/register", timeout=PATIENCE)
        ada.says("/register@huiyin_bot", into=staff)
        await staff.sees("哪里的新件", timeout=PATIENCE)
        ada.presses("幸福里社区", into=staff)
        await staff.sees("登记好了", timeout=PATIENCE)

        number, _told = await a_registered_lamp(api, wang)
        card = await staff.sees(number, timeout=PATIENCE)
        assert card.body["has_protected_content"]
        refused = wang.presses("我来办", into=staff)
        assert (await refused.answered(PATIENCE)).show_alert
        await office.dies()
        taken = zhou.presses("我来办", into=staff)
        await office.starts()
        assert "归您了" in (await taken.answered(PATIENCE)).text
        await staff.sees("在办", timeout=PATIENCE)
        zhou.presses("回话", into=staff)
        await sees(zhou, "直接打字")

        old = staff.id
        staff.migrate()
        _second = wang.says("幸福里5号楼自来水发黄")
        await sees(wang, "另一件事")
        wang.presses("另一件事")
        await sees(wang, "我这样登记")
        wang.presses("登记")
        await staff.sees("自来水发黄", timeout=PATIENCE)

        strange = api.group("广场舞群", bot="left")
        strange.add_bot(wang)
        wang.says("/start@huiyin_bot 我家灯坏了", into=strange)
        await office.dies()
        await office.starts()
        await strange.sees("登记过的工作群", timeout=PATIENCE)
        await api.until(lambda: strange.chat.status == "left", PATIENCE)
        assert len(strange.received) == 1

        staff.remove_bot(zhou)
        await sees(ada, "移出")
        await office.stops()
        assert api.complaints == []
        into_groups = said_in(api, old, staff.id, strange.id)
        assert number in into_groups
        for canary in ("CANARY", str(wang.id), wang.phone):
            assert canary not in into_groups
        for secret in (number, "灯", "水"):
            assert secret not in said_in(api, strange.id)
