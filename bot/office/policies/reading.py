"""Loads the pages of all languages from files and refuses what residents would stumble over."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TypeVar

import frontmatter
import yaml
from msgspec import Struct, ValidationError, convert

from bot.errors import ConfigError
from bot.office.policies.markdown import Fault, read_parts
from bot.office.policies.model import Page, Section, Tree

Head = TypeVar("Head", bound=Struct)

SECTION_FILE = "_section.md"
MOST_PARTS = 6
# What must be the same in every language, so that no translation outlives the page.
SHARED = ("section", "order", "department", "valid_from", "valid_to", "review_by", "related", "sample")


class SectionHead(Struct, forbid_unknown_fields=True):
    """The front matter of a `_section.md`."""

    name: str
    order: int


class PageHead(Struct, forbid_unknown_fields=True, kw_only=True):
    """The front matter of a page."""

    title: str
    slug: str
    section: str
    order: int
    department: str
    in_sentence: str
    valid_from: date
    valid_to: date | None = None
    review_by: date
    source: str
    aliases: list[str]
    related: list[str] = []
    bring: list[str] = []
    sample: bool = False


def read_trees(folder: Path, default: str) -> dict[str, Tree]:
    """The trees in `folder/<language>/<section>/<slug>.md`. Raises ConfigError that names the file."""
    languages = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if default not in languages:
        raise ConfigError(f"{folder / default}: no pages in the default language")
    trees = {language: _read_tree(folder / language) for language in languages}
    for tree in trees.values():
        _check_against(trees[default], tree, folder)
    return trees


def _read_tree(folder: Path) -> Tree:
    sections = [_read_section(path) for path in sorted(folder.iterdir()) if path.is_dir()]
    sections.sort(key=lambda section: (section.order, section.slug))
    _check_slugs((page for section in sections for page in section.pages), folder)
    return Tree(folder.name, tuple(sections))


def _read_section(folder: Path) -> Section:
    _, head = _read(folder / SECTION_FILE, SectionHead)
    files = sorted(path for path in folder.glob("*.md") if path.name != SECTION_FILE)
    pages = sorted((_read_page(path) for path in files), key=lambda page: (page.order, page.slug))
    return Section(slug=folder.name, name=head.name, order=head.order, pages=tuple(pages))


def _read_page(path: Path) -> Page:
    body, head = _read(path, PageHead)
    for fault in _faults(head, path):
        raise ConfigError(f"{path}: {fault}")
    try:
        parts = read_parts(body)
    except Fault as fault:
        raise ConfigError(f"{path}: {fault}") from None
    if not 1 <= len(parts) <= MOST_PARTS:
        raise ConfigError(f"{path}: a page has 1 to {MOST_PARTS} ## headings, not {len(parts)}")
    return Page(
        slug=head.slug,
        language=path.parent.parent.name,
        section=head.section,
        order=head.order,
        title=head.title,
        department=head.department,
        in_sentence=head.in_sentence,
        bring=tuple(head.bring),
        parts=parts,
        source=head.source,
        valid_from=head.valid_from,
        valid_to=head.valid_to,
        review_by=head.review_by,
        aliases=tuple(head.aliases),
        related=tuple(head.related),
        sample=head.sample,
    )


def _faults(head: PageHead, path: Path) -> Iterator[str]:
    """What is wrong with a page's front matter."""
    if head.slug != path.stem:
        yield f"slug: {head.slug} is not the name of the file"
    if head.section != path.parent.name:
        yield f"section: {head.section} is not the folder"
    for name in ("title", "department", "in_sentence", "source"):
        words = str(getattr(head, name))
        if not words.strip() or "\n" in words.strip():
            yield f"{name}: one line with words is needed"
    if not all(words.strip() for words in (*head.aliases, *head.bring)):
        yield "aliases, bring: an empty entry"
    if head.valid_to is not None and head.valid_to < head.valid_from:
        yield "valid_to: lies before valid_from"
    if head.review_by < head.valid_from:
        yield "review_by: lies before valid_from"


def _read(path: Path, kind: type[Head]) -> tuple[str, Head]:
    """The body and the front matter of one file."""
    try:
        post = frontmatter.loads(path.read_text(encoding="utf-8"))
        return post.content, convert(post.metadata, kind)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not written in UTF-8") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: front matter cannot be read: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise ConfigError(f"{path}: {error}") from None


def _check_slugs(pages: Iterable[Page], folder: Path) -> None:
    """Slugs are unique in a language, and related pages exist."""
    known: dict[str, Page] = {}
    for page in pages:
        if page.slug in known:
            raise ConfigError(f"{_file(folder, page)}: slug: {_file(folder, known[page.slug])} has it already")
        known[page.slug] = page
    for page in known.values():
        missing = [slug for slug in page.related if slug not in known]
        if missing:
            raise ConfigError(f"{_file(folder, page)}: related: there is no page {missing[0]}")


def _check_against(default: Tree, tree: Tree, folder: Path) -> None:
    """A translation belongs to a page of the default language and agrees with it in everything but words."""
    originals: Mapping[str, Page] = default.by_slug
    for page in tree.pages:
        path = _file(folder / tree.language, page)
        original = originals.get(page.slug)
        if original is None:
            raise ConfigError(f"{path}: slug: no such page in {default.language}")
        different = [name for name in SHARED if getattr(page, name) != getattr(original, name)]
        if different:
            raise ConfigError(f"{path}: {different[0]}: not the same as in {default.language}")
        if len(page.parts) != len(original.parts):
            raise ConfigError(f"{path}: not as many ## headings as in {default.language}")


def _file(folder: Path, page: Page) -> Path:
    return folder / page.section / f"{page.slug}.md"
