"""Tables of content with an entry for each slug: its names by language and its lists of words. It knows no subject."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.errors import ConfigError

_LANGUAGE = re.compile(r"[a-z]{2}(_[A-Z]{2})?")


def read_entries(path: Path) -> dict[str, dict[str, Any]]:
    """The entries by slug; a fault names the file, and the entry."""
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    for slug, entry in found.items():
        if not isinstance(entry, dict):
            raise ConfigError(f"{path}: {slug}: not a table")
    return found


def names_of(path: Path, slug: str, entry: Mapping[str, Any]) -> dict[str, str]:
    """What it is called, by language: keys of its own, or all under `name`."""
    names = {key: value for key, value in entry.items() if _LANGUAGE.fullmatch(key) and isinstance(value, str)}
    nested = entry.get("name")
    if isinstance(nested, dict):
        names |= nested
    if not names:
        raise ConfigError(f"{path}: {slug}: no name (zh_CN, en)")
    return names


def words_of(path: Path, slug: str, entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of words; empty where there is none."""
    value = entry.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ConfigError(f"{path}: {slug}.{key}: a list of words is needed")
    return tuple(value)
