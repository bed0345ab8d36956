"""What to do in danger and whom to call: texts from content, shown at once and without consent (N01)."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bot.errors import ConfigError


class Emergencies:
    """Texts by topic and language."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]], default: str) -> None:
        self._texts = texts
        self._default = default

    def words(self, topic: str, language: str) -> str:
        """The text in this language, or in the office's own."""
        texts = self._texts.get(language, {})
        return texts.get(topic) or self._texts[self._default][topic]

    @property
    def topics(self) -> frozenset[str]:
        return frozenset(self._texts[self._default])


def read_emergencies(folder: Path, default: str, needed: Iterable[str] = ()) -> Emergencies:
    """`folder/<language>.toml`, each `topic = "text"` or `[topic] text = "…"`; one for each of the `needed`."""
    texts: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            stored = tomllib.loads(path.read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from None
        texts[path.stem] = {topic: _text(path, topic, entry) for topic, entry in stored.items()}
    if default not in texts:
        raise ConfigError(f"{folder}: no emergency texts in {default}")
    if missing := sorted(set(needed) - texts[default].keys()):
        raise ConfigError(f"{folder}/{default}.toml: no text for {missing[0]}")
    return Emergencies(texts, default)


def _text(path: Path, topic: str, entry: Any) -> str:
    words = entry.get("text") if isinstance(entry, dict) else entry
    if not isinstance(words, str) or not words.strip():
        raise ConfigError(f"{path}: {topic}: a text is needed")
    return words.strip()
