"""The report as a table, as JSON, and over HTTP: numbers, and never a word, a name, a chat or a token."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from structlog.testing import CapturingLogger

from bot.errors import ConfigError
from bot.health import watch
from bot.health.listener import HealthServer
from bot.health.metrics import HELP, Sample, exposition
from bot.health.report import Report
from bot.health.table import show
from tests.health.stage import SECRET, Ward


@pytest.fixture
async def server(ward: Ward) -> AsyncIterator[HealthServer]:
    server = HealthServer(ward.app.look, ward.app.counts, host="127.0.0.1", port=0)
    await server.start()
    yield server
    await server.stop()


async def got(server: HealthServer, path: str) -> tuple[int, str]:
    address = f"http://127.0.0.1:{server.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return answer.status, await answer.text()


def table(report: Report) -> str:
    out = io.StringIO()
    show(report, out)
    return out.getvalue()


@pytest.mark.sockets
async def test_healthz_is_ok_or_names_what_is_over_its_limit(ward: Ward, server: HealthServer) -> None:
    assert await got(server, "/healthz") == (200, "ok\n")
    await ward.owes()
    await ward.arms()
    ward.clock.advance(minutes=2)
    assert await got(server, "/healthz") == (503, "outbox\ntimers\n")
    assert (await got(server, "/"))[0] == 404


@pytest.mark.sockets
async def test_metrics_count_what_was_done(ward: Ward, server: HealthServer) -> None:
    resident = await ward.registers()
    await ward.owes()
    ward.clock.advance(minutes=2)
    status, text = await got(server, "/metrics")
    assert status == 200
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values['huiyin_updates_received_total{channel="silent"}'] == "3"
    assert values["huiyin_updates_handled_total"] == "3"
    assert values['huiyin_messages_sent_total{channel="silent"}'] == str(len(resident.heard))
    assert values['huiyin_rows{kind="cases.open"}'] == "1"
    assert values['huiyin_oldest_seconds{kind="outbox",of="elsewhere reply"}'] == "120.000000"
    assert values['huiyin_over_limit{kind="outbox",of="elsewhere reply"}'] == "1"
    assert values["huiyin_healthy"] == "0"
    assert float(values["huiyin_handling_seconds_total"]) > 0


async def test_every_metric_has_its_help_once(ward: Ward) -> None:
    ward.town.store.files.folder.mkdir(exist_ok=True)
    text = exposition(await ward.app.look(), ward.app.counts())
    helped = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP")]
    assert sorted(helped) == sorted(f"huiyin_{name}" for name in HELP) == sorted(set(helped))


async def test_a_label_cannot_forge_a_line(ward: Ward) -> None:
    text = exposition(await ward.app.look(), [Sample("batches_total", {"channel": 'a"}\nb\\'}, 1)])
    assert 'huiyin_batches_total{channel="a\\"}\\nb\\\\"} 1\n' in text


@pytest.mark.sockets
async def test_a_busy_port_is_named(ward: Ward, server: HealthServer) -> None:
    second = HealthServer(ward.app.look, ward.app.counts, host="127.0.0.1", port=server.port)
    with pytest.raises(ConfigError, match=r"health\.port"):
        await second.start()


async def test_the_table_marks_and_names_what_is_over_its_limit(ward: Ward) -> None:
    assert "Nothing is over its limit." in table(await ward.app.look())
    await ward.owes()
    ward.clock.advance(minutes=7)
    text = table(await ward.app.look())
    (line,) = [line for line in text.splitlines() if line.startswith("owed, not sent")]
    assert line.split()[-6:] == ["7", "min", "60", "s", "OVER", "outbox"]
    assert "Over its limit: outbox." in text


@pytest.mark.sockets
async def test_no_output_holds_a_word_a_name_or_a_chat(
    ward: Ward, server: HealthServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries = [SECRET, *SECRET.split(), "wang", "root", "幸福里", "灯"]
    root = await ward.town.official("root")
    await ward.registers(SECRET)
    await ward.comes_in()
    await ward.town.settle()
    await ward.owes()
    await ward.owes(state="failed", settled_at=ward.clock.now(), cause=SECRET)
    ward.clock.advance(minutes=7)
    logs = CapturingLogger()
    monkeypatch.setattr(watch, "log", logs)
    await ward.app.watch.step()
    report = await ward.app.look()
    outputs = [table(report), msgspec.json.encode(report).decode(), str(logs.calls)]
    outputs += [(await got(server, path))[1] for path in ("/healthz", "/metrics")]
    for output in outputs:
        assert not [canary for canary in canaries if canary in output.replace(str(tmp_path), "")]
    assert {(call.method_name, *call.args) for call in logs.calls} == {
        ("error", "over_limit"), ("warning", "set_aside")
    }  # fmt: skip
    assert root.heard
