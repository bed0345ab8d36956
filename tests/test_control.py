"""How other commands ask a running office: what it cannot answer it says, and whoever asks never waits for ever."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest

from bot import control
from bot.config import Settings
from bot.control import NobodyThere, ask, serve, socket_of
from bot.errors import ConfigError

pytestmark = pytest.mark.sockets


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"database": {"url": f"sqlite:///{tmp_path}/huiyin.db"}})


async def answers(question: dict[str, Any]) -> list[str]:
    return [f"you asked {question['do']}"]


async def test_a_question_is_answered_and_a_fault_of_the_question_is_said(settings: Settings) -> None:
    async def refuses(_question: dict[str, Any]) -> list[str]:
        raise ConfigError("--role: mayor is none of them")

    with pytest.raises(NobodyThere):
        await ask(settings, {"do": "status"})
    server = await serve(socket_of(settings), answers)
    assert await ask(settings, {"do": "status"}) == ["you asked status"]
    assert server is not None
    server.close()
    socket_of(settings).unlink()
    again = await serve(socket_of(settings), refuses)
    assert again is not None
    with pytest.raises(ConfigError, match="mayor"):
        await ask(settings, {"do": "invite"})
    again.close()


async def test_whoever_asks_hears_of_a_fault_within_the_office(settings: Settings) -> None:
    server = await serve(socket_of(settings), answers)
    assert server is not None
    with pytest.raises(ConfigError, match="cannot answer"):
        await ask(settings, {"undo": "status"})
    reader, writer = await asyncio.open_unix_connection(socket_of(settings))
    writer.write(b"no question\n")
    assert b"DecodeError" in await reader.readline()
    writer.close()
    await writer.wait_closed()
    server.close()


async def test_nobody_waits_for_ever_for_an_office_that_stands_still(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = asyncio.Event()

    async def stands_still(_question: dict[str, Any]) -> list[str]:
        await goes_on.wait()
        return []

    monkeypatch.setattr(control, "ANSWERS_WITHIN", 0.05)
    server = await serve(socket_of(settings), stands_still)
    assert server is not None
    with pytest.raises(ConfigError, match="does not answer"):
        await ask(settings, {"do": "invite"})
    goes_on.set()
    server.close()
    await server.wait_closed()


async def test_a_second_process_does_not_take_the_place_of_the_first(settings: Settings) -> None:
    first = await serve(socket_of(settings), answers)
    assert first is not None
    assert await serve(socket_of(settings), answers) is None
    first.close()
    await first.wait_closed()
    second = await serve(socket_of(settings), answers)  # what the first left there is nobody's
    assert second is not None
    assert await ask(settings, {"do": "status"}) == ["you asked status"]
    second.close()


def test_an_office_on_a_server_is_asked_where_its_files_are(tmp_path: Path) -> None:
    """A service manager gives a service a temporary folder of its own, which nobody else sees."""
    settings = Settings.model_validate(
        {"database": {"url": "postgresql://db/huiyin"}, "files": {"folder": str(tmp_path / "files")}}
    )
    assert socket_of(settings) == tmp_path / "files" / "office.sock"


def test_a_folder_that_somebody_else_could_have_made_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    far = Settings.model_validate({"database": {"url": f"sqlite:///{tmp_path}/{'long/' * 30}huiyin.db"}})
    assert socket_of(far).parent.parent == tmp_path
    socket_of(far).parent.chmod(0o755)
    with pytest.raises(ConfigError, match="not a private folder"):
        socket_of(far)
