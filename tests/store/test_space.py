"""When the disk is too full for files, and when for messages."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.store.space import MOST_FOR_FILES, MOST_FOR_MESSAGES, Space

GB = 2**30
SMALL = 10_000_000_000  # bytes


def disk(monkeypatch: pytest.MonkeyPatch, *, total: int, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(total=total, free=free))


def shared(*folders: Path) -> Space:
    return Space(folders, for_files=10, for_messages=3)


@pytest.mark.parametrize(
    ("free", "files", "messages"), [(10, True, True), (9, False, True), (3, False, True), (2, False, False)]
)
def test_a_share_of_the_disk_must_be_free(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, files: bool, messages: bool
) -> None:
    disk(monkeypatch, total=SMALL, free=free * SMALL // 100)
    space = shared(tmp_path)
    assert (space.takes_files, space.takes_messages) == (files, messages)


def test_of_a_large_disk_no_more_than_is_ever_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    disk(monkeypatch, total=4000 * GB, free=MOST_FOR_FILES)
    assert shared(tmp_path).takes_files
    disk(monkeypatch, total=4000 * GB, free=MOST_FOR_MESSAGES)
    assert not shared(tmp_path).takes_files
    assert shared(tmp_path).takes_messages
    disk(monkeypatch, total=4000 * GB, free=MOST_FOR_MESSAGES - 1)
    assert not shared(tmp_path).takes_messages


def test_an_office_may_do_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    disk(monkeypatch, total=20 * GB, free=0)
    space = Space((tmp_path,), for_files=0, for_messages=0)
    assert space.takes_files
    assert space.takes_messages


def test_the_fullest_disk_counts_and_a_folder_still_to_be_made_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def usage(folder: Path) -> SimpleNamespace:
        if not folder.exists():
            raise FileNotFoundError(folder)
        return SimpleNamespace(total=20 * GB, free=0 if folder.name == "full" else 20 * GB)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    (tmp_path / "full").mkdir()
    assert shared(tmp_path, tmp_path / "none").takes_messages
    assert not shared(tmp_path, tmp_path / "full").takes_messages
