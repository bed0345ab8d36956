"""The server as a process, driven through its control address."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.fakebotapi.remote import Remote, launched

pytestmark = pytest.mark.sockets


def call(fake: Remote, method: str, **parameters: Any) -> Any:
    request = urllib.request.Request(
        f"{fake.base_url}{fake.token}/{method}",
        data=json.dumps(parameters).encode(),
        headers={"Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.loads(answer.read())["result"]


def test_a_talk_through_another_process(tmp_path: Path) -> None:
    with launched("--no-limits", "--journal", str(tmp_path / "journal.jsonl"), "--redeliver", "0.05") as fake:
        alice = fake.person("Alice", language="en")
        said = alice.says("hello")
        assert said["from"]["language_code"] == "en"
        alice.sends_photo(data=b"\xff\xd8picture", caption="x")
        assert call(fake, "getUpdates")[0]["message"]["message_id"] == said["message_id"]
        keyboard = {"inline_keyboard": [[{"text": "登记", "callback_data": "r"}]]}
        call(fake, "sendMessage", chat_id=alice.id, text="收到", reply_markup=keyboard)
        assert alice.sees("收到")["buttons"] == ["登记"]
        press = alice.presses("登记")
        call(fake, "answerCallbackQuery", callback_query_id=press["id"], text="好")
        assert alice.answered(id=press["id"])["text"] == "好"
        assert alice.screen is not None
        assert fake.screen("Alice")["messages"][0]["shown"] == "hello"
        with pytest.raises(AssertionError, match="no button '没有'"):
            alice.presses("没有")
        group = fake.group("工作群")
        fake.in_group("工作群", "add_bot", by="Alice", admin=True)
        assert alice.says("大家好", into="工作群")["chat"]["id"] == group
        fake.fault("server_error", method="getMe", times=1)
        with pytest.raises(urllib.error.HTTPError) as refused:
            call(fake, "getMe")
        refused.value.close()
        for broken in ("reset_before", "reset_after"):
            fake.fault(broken, method="sendMessage")
            with pytest.raises(OSError):
                call(fake, "sendMessage", chat_id=alice.id, text=broken)
        assert fake.screen("Alice")["screen"]["shown"] == "reset_after"
        fake.fault("refuse")
        with pytest.raises(urllib.error.URLError):
            call(fake, "getMe")
        fake.clear_faults()
        assert call(fake, "getMe")["is_bot"]
        assert len(fake.burst(50, people=10)) == 50
        assert fake.state()["pending"] == 55
        assert fake.journal(method="sendMessage")[0]["ok"]
        before = fake.play(
            [["P3", "says", {"text": "甲"}], ["P4", "says", {"text": "乙"}], ["P3", "sends_location",
             {"latitude": 1, "longitude": 2}]], people=5, rate=200,
        )  # fmt: skip
        assert [entry["what"] for entry in fake.journal(before)] == ["queued"] * 3
        assert [message["shown"] for message in fake.screen("P3")["messages"]][-2:] == ["甲", ""]
        with pytest.raises(AssertionError, match="no button '没有'"):
            fake.play([["P3", "presses", {"label": "没有"}]])
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text("utf-8").splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert {"call", "queued", "handed"} == {line["what"] for line in lines}
