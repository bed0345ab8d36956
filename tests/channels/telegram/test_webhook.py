"""Updates brought by Telegram: stored first, confirmed afterwards, watched over, and none lost between two ways in."""

import asyncio
import io
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.channels.telegram.webhook import place_of
from bot.config import Settings, read_settings
from bot.errors import ConfigError, StoreError
from bot.office.cases.records import ENTRY
from bot.office.cases.tables import entry
from bot.running import start_office, stop_office
from bot.sealing import read_keys
from bot.store.queues import inbox
from tests.channels.telegram.hooked import UPDATE, Gate, Held, Hooked, hooked
from tests.channels.telegram.tiny import TOKEN, TinyApi, channel_of, fails, serving
from tests.fakebotapi import FakeBotApi, ManualClock, Person
from tests.proof.outside import free_port, rows, until

SECRET = TOKEN.partition(":")[2]

sockets = pytest.mark.sockets


def known(url: str, **more: Any) -> dict[str, Any]:
    """An answer of getWebhookInfo."""
    return {"ok": True, "result": {"url": url, "pending_update_count": 3, **more}}


async def gathered(hook: Hooked, count: int) -> None:
    """Until so many updates wait for the next commit."""
    async with asyncio.timeout(60):
        while len(hook.webhook._waiting) < count:  # noqa: ASYNC110  nothing tells of what waits
            await asyncio.sleep(0)


@sockets
async def test_it_is_set_once_the_port_is_open(tmp_path: Path) -> None:
    heard: list[str] = []
    async with serving() as api:
        usual = api._usual

        def watching(method: str) -> Any:
            if method == "setWebhook":
                with socket.create_connection(("127.0.0.1", hook.webhook.endpoint.port), timeout=60):
                    heard.append(method)
            return usual(method)

        api._usual = watching  # type: ignore[method-assign]  # looks on, then does the usual
        async with hooked(tmp_path, api.url) as hook:
            calls = await api.until("setWebhook", 1)
            assert calls == [
                {
                    "url": hook.webhook.url,
                    "secret_token": hook.secret,
                    "allowed_updates": ["message", "edited_message", "callback_query", "my_chat_member"],
                    "max_connections": 40,
                    "drop_pending_updates": False,
                }
            ]
            assert hook.webhook.url.endswith(f"/bots/{hook.path}")
            await hook.stop()
            assert await hook.call() == 503
    assert heard == ["setWebhook"]
    assert not {"deleteWebhook", "getUpdates"} & set(api.methods)


@sockets
async def test_path_and_secret_stay_and_are_the_offices_own(tmp_path: Path) -> None:
    found = []
    async with serving() as api:
        for folder in (tmp_path / "a", tmp_path / "a", tmp_path / "b"):
            async with hooked(folder, api.url) as hook:
                found.append((hook.path, hook.secret))
    assert found[0] == found[1]
    assert len({*found[0], *found[2]}) == 4
    assert all(len(word) == 43 and SECRET not in word for words in found for word in words)


@sockets
async def test_a_200_comes_after_the_commit_and_what_came_meanwhile_shares_the_next(tmp_path: Path) -> None:
    commit = Held("inbox commit")
    async with serving() as api, hooked(tmp_path, api.url, failpoint=commit) as hook:
        first = asyncio.create_task(hook.call())
        await asyncio.to_thread(commit.reached.wait, 60)
        others = [asyncio.create_task(hook.call(UPDATE | {"update_id": number})) for number in range(11, 31)]
        await gathered(hook, 20)
        assert hook.rows == 0
        assert not first.done()
        commit.let_go.set()
        assert await first == 200
        assert set(await asyncio.gather(*others)) == {200}
        assert hook.rows == 21
        assert commit.passes == 2


@sockets
async def test_an_answer_is_a_row(tmp_path: Path) -> None:
    async with serving() as api, hooked(tmp_path, api.url) as hook:
        for number in range(1, 50):
            assert await hook.call(UPDATE | {"update_id": number}) == 200
            assert hook.rows == number


class Trouble:
    """A failpoint that fails the store until it is mended."""

    def __init__(self) -> None:
        self.is_on = True

    def __call__(self, name: str) -> None:
        if self.is_on and name == "inbox commit":
            raise StoreError("disk full")


@sockets
async def test_what_is_not_stored_comes_again(tmp_path: Path) -> None:
    trouble, clock, gate = Trouble(), ManualClock(), Gate()
    async with FakeBotApi(TOKEN, clock=clock, limits=False) as api:
        async with hooked(tmp_path, api.url, failpoint=trouble, pause=gate) as hook:
            said = api.person("Alice").says("楼道灯坏了")
            await api.until(lambda: sum(each.what == "failed" for each in api.journal.entries) == 2 or None)
            assert hook.rows == 0
            assert await hook.call() == 503
            trouble.is_on = False
            clock.advance(2)
            await api.until(lambda: api.is_drained)
            assert hook.rows == 1
            assert api.journal.fates(said.update_id or 0)[-1] == "confirmed"
            failed = [each.description for each in api.journal.entries if each.what == "failed"]
            assert failed == ["Wrong response from the webhook: 503"] * 2
        assert api.complaints == []


@sockets
async def test_a_webhook_somebody_else_has_set_is_an_alarm_and_set_again(
    tmp_path: Path, everything_logged: io.StringIO
) -> None:
    gate = Gate()
    async with serving() as api, hooked(tmp_path, api.url, pause=gate) as hook:
        error = f"Wrong response from the webhook: 503 at {hook.webhook.url} {hook.secret} {TOKEN}"
        api.lay_down(
            "getWebhookInfo",
            known(hook.webhook.url),
            known(f"https://thief.example/{TOKEN}"),
            known(""),
            fails(502, "Bad Gateway"),
            fails(401, "Unauthorized"),
            {"ok": True, "result": True},
            known(hook.webhook.url, last_error_date=1_789_000_000, last_error_message=error),
            known(hook.webhook.url, last_error_date=1_789_000_000, last_error_message=error),
            known(hook.webhook.url),
        )
        await hook.call(path="nowhere")
        gate.open(8)
        await api.until("getWebhookInfo", 8)
        await api.until("setWebhook", 3)
        gate.open()
        await api.until("getWebhookInfo", 9)
        assert set(gate.seconds) == {300.0}
        assert hook.webhook.heard_at is not None
    told = everything_logged.getvalue()
    expected = {"webhook_changed": 2, "webhook_unchecked": 3, "webhook_failing": 1, "webhook_calls_refused": 1}
    assert {event: told.count(f"event='{event}'") for event in expected} == expected
    assert "host='thief.example'" in told
    for canary in (SECRET, hook.path, hook.secret):
        assert canary not in told


@sockets
async def test_it_is_set_for_as_long_as_it_takes(tmp_path: Path, everything_logged: io.StringIO) -> None:
    gate = Gate()
    refused = fails(400, "Bad Request: bad webhook: Failed to resolve host: Name or service not known")
    async with serving() as api:
        api.lay_down("setWebhook", refused, fails(429, "Too Many Requests: retry after 7", retry_after=7), refused)
        async with hooked(tmp_path, api.url, pause=gate) as hook:
            assert await hook.call() == 200  # the webhook of the last run is still there
            gate.open(3)
            await api.until("setWebhook", 4)
            assert gate.seconds[:3] == [1.0, 7.0, 4.0]
            told = everything_logged.getvalue()
            assert "Failed to resolve host" in told
            assert hook.path not in told


@sockets
async def test_polling_takes_a_webhook_away_before_it_asks() -> None:
    async def run(api: TinyApi) -> list[str]:
        async with channel_of(api.url) as channel:
            task = asyncio.create_task(channel.receive(lambda _raws: asyncio.sleep(0)))
            await api.until("getUpdates", 1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return api.methods

    async with serving() as api:
        api.lay_down("getWebhookInfo", known("https://bot.example.org/x"))
        assert await run(api) == ["getMe", "getWebhookInfo", "deleteWebhook", "getUpdates"]
        assert api.calls("deleteWebhook") == [{"drop_pending_updates": False}]
    async with serving() as api:
        assert await run(api) == ["getMe", "getWebhookInfo", "getUpdates"]
    async with serving() as api:
        api.lay_down("getWebhookInfo", fails(502, "Bad Gateway"))
        assert await run(api) == ["getMe", "getWebhookInfo", "getUpdates"]


@pytest.mark.parametrize(
    "lines, fault",
    [
        ('mode = "webhook"', r"telegram\.webhook_url: needed"),
        ('mode = "webhook"\nwebhook_url = "http://bot.example.org"', r"telegram\.webhook_url: must begin with https"),
        ('webhook_url = "https://"', r"telegram\.webhook_url: must begin"),
        ('webhook_url = "https://[x"', r"telegram\.webhook_url: not a web address"),
        ('webhook_url = "https://bot.example.org/?a=b"', r"telegram\.webhook_url: must not"),
        ('webhook_url = "https://bot.example.org:8444"', r"telegram\.webhook_url: Telegram calls the ports"),
        ('webhook_networks = ["telegram"]', r"telegram\.webhook_networks"),
        ('mode = "pulling"', r"telegram\.mode"),
    ],
)
def test_a_fault_in_the_settings_names_its_key(tmp_path: Path, lines: str, fault: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[telegram]\ntoken = "{TOKEN}"\n{lines}\n')
    with pytest.raises(ConfigError, match=fault):
        read_settings(path)


def test_a_server_of_ones_own_takes_plain_addresses(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    own = 'base_url = "http://127.0.0.1:8081/bot"\nwebhook_url = "http://127.0.0.1:9000"\nmode = "webhook"'
    path.write_text(f'[telegram]\ntoken = "{TOKEN}"\n{own}\nwebhook_networks = ["149.154.160.0/20"]')
    chosen = read_settings(path).telegram
    assert chosen is not None
    assert [str(network) for network in chosen.webhook_networks] == ["149.154.160.0/20"]


def test_an_address_is_known_however_it_is_spelt() -> None:
    assert (
        place_of("https://Bot.example.org:443/a") == place_of("https://bot.example.org/a") == ("bot.example.org", "/a")
    )
    assert place_of("https://bot.example.org/b") != place_of("https://bot.example.org/a")
    assert place_of("") == place_of("https://[x")


def office_in(folder: Path, api: FakeBotApi, mode: str, port: int) -> Settings:
    telegram = {
        "token": api.token, "base_url": api.base_url, "base_file_url": api.base_file_url, "mode": mode,
        "webhook_url": f"http://127.0.0.1:{port}", "webhook_port": port,
    }  # fmt: skip
    return Settings.model_validate(
        {
            "database": {"url": f"sqlite:///{folder}/huiyin.db"},
            "security": {"key_file": folder / "keys"},
            "files": {"folder": folder / "files"},
            "web": None,
            "telegram": telegram,
        }
    )


def inbox_of(settings: Settings) -> list[tuple[str, str]]:
    """Key and state of every update that came, in order."""
    statement = select(inbox.c.key, inbox.c.state).where(inbox.c.channel != "job").order_by(inbox.c.id)
    return [(row.key, row.state) for row in rows(settings, statement)]


async def registered(alice: Person) -> str:
    """The number of a case that Alice registers."""
    alice.starts()
    for words in ("好", "/request 幸福里3号楼2单元的灯坏了", "登记"):
        alice.says(words)
    receipt = await alice.sees("登记好了", timeout=60)
    return next(word.strip("。，") for word in (receipt.text or "").split() if "-" in word)[:9]


@sockets
async def test_a_talk_goes_on_through_both_ways_in(tmp_path: Path, everything_logged: io.StringIO) -> None:
    """Polling, webhook, polling: each while updates wait, and with some brought again."""
    port = free_port()
    async with FakeBotApi(TOKEN, limits=False) as api:
        alice = api.person("Alice")
        expected: list[str] = []

        def says(words: str) -> None:
            alice.says(f"/add {number} {words}")
            expected.append(words)

        for turn, mode in enumerate(("polling", "webhook", "polling", "webhook")):
            settings = office_in(tmp_path, api, mode, port)
            office = await start_office(settings)
            if not turn:
                number = await registered(alice)
                api.redeliver(0.2)
            for part in range(3):
                says(f"第{turn}轮第{part}句")
            await api.until(lambda: api.is_drained, 60)
            assert (api.account.webhook is not None) == (mode == "webhook")
            await alice.sees("补到“", timeout=60)
            says(f"第{turn}轮末句")  # on its way, whether it is taken now or by the next run
            await stop_office(office)
            assert (api.account.webhook is not None) == (mode == "webhook")
            says(f"第{turn}轮之后")
        office = await start_office(office_in(tmp_path, api, "polling", port))
        await api.until(lambda: api.is_drained, 60)
        await until(lambda: all(state == "done" for _key, state in inbox_of(settings)))
        await stop_office(office)
        assert api.complaints == []
        queued = [each.update_id for each in api.journal.entries if each.what == "queued"]

    assert Counter(key for key, _state in inbox_of(settings)) == Counter(str(number) for number in queued)
    keys = read_keys(settings.security.key_file)
    words = [keys.content.open(row.words, ENTRY).decode() for row in rows(settings, select(entry).order_by(entry.c.id))]
    assert words[1:] == expected
    assert SECRET not in everything_logged.getvalue()
