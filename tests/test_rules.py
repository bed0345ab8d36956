"""Rules of the house that no single part can keep alone."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot import app
from bot.dialogue.event import FileKind
from bot.store import claims
from bot.store.queues import JobState, job, outbox
from tests.handlers.talks import LAMP
from tests.rig import Town

ROOT = Path(app.__file__).parent.parent
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "sleep"}
PYTHONS_OWN = 0.005  # seconds that a thread may compute while others wait, unless it is told otherwise
OUTSIDE = {"asyncio", "socket", "aiohttp", "threading", "time", "subprocess", "sqlite3", "os"}


def modules(*folders: str) -> Iterator[tuple[Path, ast.AST]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text("utf-8"))


def test_nobody_who_decides_reads_the_clock() -> None:
    """`now` comes from the transaction: one for an event, and moved at will in tests."""
    found = [
        f"{path.name}:{call.lineno}"
        for path, tree in modules("handlers", "bot/office", "bot/dialogue")
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in CLOCKS
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in ("datetime", "date", "time")
    ]
    assert found == []


def test_no_handler_waits_or_reaches_outside() -> None:
    found = []
    for path, tree in modules("handlers", "bot/dialogue"):
        for node in ast.walk(tree):
            if isinstance(node, (ast.AsyncFunctionDef, ast.Await)):
                found.append(f"{path.name}:{node.lineno} waits")
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name} imports {name}" for name in names if name.partition(".")[0] in OUTSIDE]
    assert found == []


def test_nothing_of_ptb_that_keeps_state_in_memory_is_loaded() -> None:
    """Updater, JobQueue, ConversationHandler, persistence and rate limiter all live in telegram.ext."""
    code = (
        "import sys, bot.running, bot.building, bot.channels.telegram.channel, bot.channels.telegram.client\n"
        "print([name for name in sys.modules if name.startswith('telegram.ext')])"
    )
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_start_asks_for_shorter_turns_of_threads(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What that gains the loop beside a busy writer hangs on the machine, and is not shown here."""
    asked: list[float] = []
    monkeypatch.setattr(sys, "setswitchinterval", asked.append)
    monkeypatch.setattr(town.app, "open", _stopped)
    with pytest.raises(_Stopped):
        await town.app.start()
    assert len(asked) == 1
    assert asked[0] <= PYTHONS_OWN / 10


class _Stopped(Exception):
    pass


async def _stopped() -> None:
    raise _Stopped


async def test_the_first_batch_after_a_crash_handles_one_event(town: Town) -> None:
    assert not town.app.dispatcher._singly
    town.crash()
    await town.open()
    assert town.app.dispatcher._singly


async def test_a_receipt_never_waits_for_a_job(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform hands out no file for now: what was said is registered and confirmed all the same."""

    async def nothing() -> int:
        return 0

    monkeypatch.setattr(town.app.worker, "step", nothing)
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.sends(FileKind.PHOTO, b"unseen", text=LAMP)
    await resident.presses("登记")
    assert "登记好了" in resident.last.text
    states = await town.store.writer.submit(lambda tx: list(tx.flushed().execute(job.select()).mappings()))
    assert [row["state"] for row in states if row["kind"] == "file.fetch"] == [JobState.WAITING]


async def test_order_holds_where_the_clock_was_set_back_between_two_runs(town: Town) -> None:
    """Ids order what a chat says and hears; a machine that wakes up an hour early must not turn that round."""
    resident = town.resident()
    await resident.opens()
    before = await town.store.writer.submit(claims.newest_id)
    town.crash()
    town.clock.advance(hours=-1)
    await town.open()
    await resident.says("谢谢")
    said = await town.store.writer.submit(claims.newest_id)
    assert said > before
    replies = await town.store.writer.submit(lambda tx: list(tx.flushed().execute(select(outbox.c.id)).scalars()))
    assert max(replies) > said
    assert resident.last.text == "不客气。"


def test_every_test_that_is_named_beside_a_rule_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "rules.md").read_text("utf-8")))
    there = {
        found
        for path in (ROOT / "tests").rglob("test_*.py")
        for found in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert named
    assert named - there == set()
