"""Departments and categories from content: names, and which department a matter goes to first. Slugs are permanent."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import ConfigError
from bot.office.entries import names_of, read_entries, words_of

_A_PLACE = r"(?!\s?(?:[0-9０-９一二三四五六七八九十]|[号栋幢里内门楼旁边外]|附近|对面|周边|estate|building|block))"


@dataclass(frozen=True, slots=True)
class Department:
    slug: str
    names: Mapping[str, str]
    categories: tuple[str, ...]
    areas: tuple[str, ...]  # words that name its area


class Departments:
    """The directory of the office; it proposes, a person confirms (M14)."""

    def __init__(self, departments: Mapping[str, Department], categories: Mapping[str, Mapping[str, str]]) -> None:
        self._departments = departments
        self._categories = categories

    @property
    def slugs(self) -> tuple[str, ...]:
        return tuple(self._departments)

    def named(self, words: str) -> str | None:
        """The slug of the department that somebody calls by its slug or one of its names."""
        for slug, department in self._departments.items():
            if words == slug or words in department.names.values():
                return slug
        return None

    def name(self, slug: str | None, language: str) -> str:
        """The department's name in a language; empty for none."""
        if slug is None or slug not in self._departments:
            return slug or ""
        names = self._departments[slug].names
        return names.get(language) or next(iter(names.values()))

    def category_name(self, slug: str, language: str) -> str:
        names = self._categories.get(slug, {})
        return names.get(language) or next(iter(names.values()), slug)

    def department_for(self, category: str | None, place: str, *, but_not: Container[str] = frozenset()) -> str | None:
        """The area's own department where it does this kind of thing, else the category's; never one of `but_not`."""
        may = [found for found in self._departments.values() if found.slug not in but_not]
        near = [found for found in may if any(area in place for area in found.areas)]
        for found in near:
            if category is None or not found.categories or category in found.categories:
                return found.slug
        return next((found.slug for found in may if category in found.categories), None)

    def spoken_of(self, words: str) -> frozenset[str]:
        """The departments called by name; a name that a house or “near” follows is a place and not meant."""
        return frozenset(
            slug
            for slug, department in self._departments.items()
            if any(re.search(re.escape(name) + _A_PLACE, words, re.I) for name in department.names.values())
        )


def read_departments(departments: Path, categories: Path) -> Departments:
    """Both files; a fault names the file and the entry."""
    found = {slug: _department(departments, slug, entry) for slug, entry in read_entries(departments).items()}
    names = {slug: names_of(categories, slug, entry) for slug, entry in read_entries(categories).items()}
    for department in found.values():
        for category in department.categories:
            if category not in names:
                raise ConfigError(f"{departments}: {department.slug}: no category {category}")
    return Departments(found, names)


def _department(path: Path, slug: str, entry: Mapping[str, Any]) -> Department:
    return Department(slug, names_of(path, slug, entry), words_of(path, slug, entry, "categories"),
                      words_of(path, slug, entry, "areas"))  # fmt: skip
