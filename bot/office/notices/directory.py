"""Areas and topics from content: their names, and which areas a text speaks of. Slugs are permanent."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import ConfigError
from bot.office.entries import names_of, read_entries, words_of

_SLUG = re.compile(r"[a-z0-9-]{1,24}")  # short enough for a button


@dataclass(frozen=True, slots=True)
class Area:
    """A community or village; or several of them under one name, which nobody follows but a notice may name."""

    slug: str
    names: Mapping[str, str]
    words: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def calls(self) -> frozenset[str]:
        """Everything that a text may call it."""
        return frozenset((*self.names.values(), *self.words))


class Directory:
    """What residents can follow, and officials choose from."""

    def __init__(self, areas: Mapping[str, Area], topics: Mapping[str, Mapping[str, str]]) -> None:
        self._areas = areas
        self._topics = topics

    @property
    def areas(self) -> tuple[str, ...]:
        """Single areas: what somebody can live in."""
        return tuple(slug for slug, area in self._areas.items() if not area.parts)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(slug for slug, area in self._areas.items() if area.parts)

    @property
    def own_topics(self) -> tuple[str, ...]:
        return tuple(self._topics)

    def parts(self, slug: str) -> tuple[str, ...]:
        """The single areas that an area stands for."""
        area = self._areas.get(slug)
        return (area.parts or (slug,)) if area else ()

    def area_name(self, slug: str, language: str) -> str:
        area = self._areas.get(slug)
        return _in(area.names, language) if area else slug

    def topic_name(self, slug: str, language: str) -> str:
        return _in(self._topics[slug], language) if slug in self._topics else slug

    def together(self, areas: Collection[str], language: str) -> str:
        """The name of exactly these areas, where they have one in common; else their names."""
        for group in self.groups:
            if set(self._areas[group].parts) == set(areas):
                return self.area_name(group, language)
        between = "、" if language.startswith("zh") else ", "
        return between.join(self.area_name(slug, language) for slug in self.areas if slug in areas)

    def named_in(self, words: str) -> tuple[str, ...]:
        """The single areas that a text speaks of, by any of their names."""
        flat = words.casefold()
        named = [slug for slug, area in self._areas.items() if any(call.casefold() in flat for call in area.calls)]
        found = {part for slug in named for part in self.parts(slug)}
        return tuple(slug for slug in self.areas if slug in found)


def read_directory(areas: Path, topics: Path) -> Directory:
    """Both files; a fault names the file and the entry."""
    found = {slug: _area(areas, slug, entry) for slug, entry in _short(areas).items()}
    for area in found.values():
        for part in area.parts:
            if part not in found or found[part].parts:
                raise ConfigError(f"{areas}: {area.slug}.parts: no single area {part}")
    own = {slug: names_of(topics, slug, entry) for slug, entry in _short(topics).items()}
    return Directory(found, own)


def _area(path: Path, slug: str, entry: Mapping[str, Any]) -> Area:
    names = names_of(path, slug, entry)
    return Area(slug, names, words_of(path, slug, entry, "words"), words_of(path, slug, entry, "parts"))


def _short(path: Path) -> dict[str, dict[str, Any]]:
    """Entries whose slugs fit into buttons."""
    found = read_entries(path)
    for slug in found:
        if not _SLUG.fullmatch(slug):
            raise ConfigError(f"{path}: {slug}: at most 24 small letters, digits and hyphens")
    return found


def _in(names: Mapping[str, str], language: str) -> str:
    return names.get(language) or next(iter(names.values()))
