"""Evidence on disk: sealed, by its content, once; and nothing that a name could reach outside its folder."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.errors import Refused
from bot.sealing import Sealer
from bot.store.files import Files
from tests.rig import FakeClock


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path, Sealer(bytes(32)))


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_comes_back(files: Files) -> None:
    assert files.get(files.put(b"picture")) == b"picture"


def test_the_same_bytes_at_once_are_stored_once(files: Files, tmp_path: Path) -> None:
    data = b"picture" * 100_000
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(files.put, [data] * 32))
    assert len(digests) == 1
    assert [path.name for path in stored(tmp_path)] == list(digests)


def test_only_the_owner_may_read_and_nothing_is_in_clear(files: Files, tmp_path: Path) -> None:
    files.put(b"picture")
    (path,) = stored(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"picture" not in path.read_bytes()


def test_what_comes_in_again_does_not_go_with_somebody_elses_copy(tmp_path: Path) -> None:
    clock = FakeClock()
    files = Files(tmp_path, Sealer(bytes(32)), clock)
    digest = files.put(b"picture")
    files.put(b"picture")
    assert not files.remove(digest)
    clock.advance(minutes=11)
    assert files.remove(digest)
    assert stored(tmp_path) == []
    assert files.remove(digest)  # gone is gone


def test_a_file_does_not_tell_when_it_came(files: Files, tmp_path: Path) -> None:
    files.put(b"picture")
    assert stored(tmp_path)[0].stat().st_mtime == 0


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a" * 63, "/" * 64, "f" * 64])
def test_a_name_that_is_no_digest_of_ours_is_gone(files: Files, name: str) -> None:
    with pytest.raises(Refused):
        files.get(name)
