"""`huiyin status` as a command: beside a running office, beside a stopped one, and where there is nothing to ask."""

import asyncio
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.config import Settings
from bot.control import socket_of

ROOT = Path(__file__).parent.parent.parent
HUIYIN = Path(sys.executable).with_name("huiyin")
HERE = os.environ | {"PYTHONPATH": str(ROOT)}
TOKEN = "123456789:AAExampleExampleExampleExampleExampl"  # made up
SETTINGS = f"""
[telegram]
token = "{TOKEN}"
base_url = "http://127.0.0.1:1/bot"
[web]
port = 0
[health]
port = 0
"""
OWED = """
INSERT INTO outbox (id, channel, address, lane, policy, key, state, not_before, created_at, tries, repeats)
VALUES (1, 'gone', 1, 1, 'resend', '1', 'queued', 1, 1, 0, 0)
"""


def status(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [HUIYIN, "status", *words]
    return subprocess.run(command, cwd=folder, env=HERE, capture_output=True, text=True, timeout=60, check=False)


def on_database(folder: Path, statement: str, *values: Any) -> None:
    database = sqlite3.connect(folder / "data" / "huiyin.db")
    with database:
        database.execute(statement, values)
    database.close()


async def running(folder: Path) -> tuple[asyncio.subprocess.Process, int]:
    """An office as a process, and the port of its health listener."""
    (folder / "config.toml").write_text(SETTINGS, "utf-8")
    process = await asyncio.create_subprocess_exec(
        HUIYIN, "run", cwd=folder, env=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    port = 0
    async with asyncio.timeout(60):
        while not port:
            line = (await process.stderr.readline()).decode()
            assert line, "it ended"
            if "health_listening" in line:
                port = int(re.sub(r"\x1b\[[0-9;]*m", "", line).rsplit("port=", 1)[1])
        await process.stdout.readline()  # it greets when it can be asked
    return process, port


async def ended(process: asyncio.subprocess.Process, by: signal.Signals) -> str:
    process.send_signal(by)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return (out + err).decode()


def test_where_there_is_nothing_to_ask(tmp_path: Path) -> None:
    done = status(tmp_path)
    assert done.returncode == 2
    assert "no database yet" in done.stderr
    assert not (tmp_path / "data" / "huiyin.db").exists()
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "huiyin.db").write_bytes(b"something else" * 100)
    done = status(tmp_path)
    assert done.returncode == 2
    assert "cannot be read" in done.stderr


@pytest.mark.slow
@pytest.mark.sockets
async def test_beside_a_running_office_and_after_it(tmp_path: Path) -> None:
    process, port = await running(tmp_path)
    done = await asyncio.to_thread(status, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("The office is running")
    assert "Nothing is over its limit." in done.stdout
    found = json.loads((await asyncio.to_thread(status, tmp_path, "--json")).stdout)
    assert (found["source"], found["ok"]) == ("office", True)
    assert any(line["name"] == "poll" and line["of"] == "telegram:123456789" for line in found["lines"])

    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")
        on_database(tmp_path, OWED)
        async with session.get(f"http://127.0.0.1:{port}/healthz") as answer:
            assert (answer.status, await answer.text()) == (503, "outbox\n")
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            assert TOKEN not in await answer.text()
    done = await asyncio.to_thread(status, tmp_path)
    assert done.returncode == 1
    assert "OVER outbox" in done.stdout
    on_database(tmp_path, "DELETE FROM outbox")

    assert TOKEN not in await ended(process, signal.SIGTERM)
    done = await asyncio.to_thread(status, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("No office is running")
    assert TOKEN not in done.stdout + done.stderr
    on_database(tmp_path, "INSERT INTO timer (id, key, kind, subject, data, due_at, state, tries)"
                " VALUES (1, 'x', 'x', 0, x'7b7d', 1, 'armed', 0)")  # fmt: skip
    done = await asyncio.to_thread(status, tmp_path, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["source"], found["stopped_cleanly"]) == ("database", True)
    assert [line["name"] for line in found["lines"] if line.get("over")] == ["timers"]


@pytest.mark.slow
@pytest.mark.sockets
async def test_an_office_that_was_killed_is_not_well(tmp_path: Path) -> None:
    process, _port = await running(tmp_path)
    await ended(process, signal.SIGKILL)
    done = await asyncio.to_thread(status, tmp_path)
    assert done.returncode == 1
    assert "Over its limit: office." in done.stdout


def test_an_office_that_does_not_answer(tmp_path: Path) -> None:
    """Something listens and says nothing."""
    (tmp_path / "data").mkdir()
    settings = Settings.model_validate({"database": {"url": f"sqlite:///{tmp_path}/data/huiyin.db"}})
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(socket_of(settings)))
        deaf.listen(0)
        deaf_for = subprocess.Popen((HUIYIN, "status"), cwd=tmp_path, env=HERE, stderr=subprocess.PIPE, text=True)
        connection, _ = deaf.accept()
        connection.close()
        _out, err = deaf_for.communicate(timeout=60)
    assert deaf_for.returncode == 2
    assert "does not answer" in err
