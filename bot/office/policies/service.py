"""The office's pages for its residents: menus, single pages, and answers to questions in their own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from bot.errors import NotFound
from bot.office.policies import search
from bot.office.policies.model import Page, Section, Tree
from bot.office.policies.reading import read_trees
from bot.office.policies.search import Band, Engine, Scored

SPARE = 20  # finds beyond those asked for, as some may not be in force


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that may answer a question."""

    page: Page
    section: Section
    score: float
    found_in: str  # the language in which the question's words were found


class Policies:
    """All pages in all languages. `today` is the office's own day."""

    def __init__(self, trees: Mapping[str, Tree], default: str) -> None:
        self.default = default
        self._trees = dict(trees)
        self._engines = {language: _indexed(tree) for language, tree in trees.items()}
        self._menus: dict[tuple[str, date], tuple[Section, ...]] = {}  # of the last day that was asked for

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._trees)

    @property
    def pages(self) -> tuple[Page, ...]:
        """All of the default language, in force or not."""
        return self._trees[self.default].pages

    def sections(self, language: str, today: date) -> tuple[Section, ...]:
        """What a menu shows: the sections that have a page in force, with those pages."""
        key = (self._tree(language).language, today)
        shown = self._menus.get(key)
        if shown is None:
            self._menus = {known: menu for known, menu in self._menus.items() if known[1] == today}
            shown = self._menus[key] = self._in_menu(language, today)
        return shown

    def _in_menu(self, language: str, today: date) -> tuple[Section, ...]:
        own = {section.slug: section for section in self._tree(language).sections}
        shown = []
        for section in self._trees[self.default].sections:
            pages = tuple(self.page(page.slug, language) for page in section.pages if page.is_in_force(today))
            if pages:
                shown.append(replace(own.get(section.slug, section), pages=pages))
        return tuple(shown)

    def page(self, slug: str, language: str) -> Page:
        """A page in the language, else in the default one, in force or not. Raises NotFound."""
        page = self._tree(language).by_slug.get(slug) or self._trees[self.default].by_slug.get(slug)
        if page is None:
            raise NotFound("link")
        return page

    def search(self, question: str, language: str, today: date, at_most: int = 3) -> list[Hit]:
        """The pages in force that fit a question best, best first, shown in `language` where there is a translation.

        The question may be in any of the languages: it is taken in the one where it finds its words best.
        """
        found = {tongue: self._in_force(question, tongue, today, at_most) for tongue in self._tongues(language)}
        best = max(found, key=lambda tongue: self._engines[tongue].confidence(question, found[tongue]))
        return [self._hit(best, slug, score, language) for slug, score in found[best]]

    def confidence(self, question: str, hits: Sequence[Hit]) -> float:
        """How likely the first hit is right, 0 to 1, roughly. `hits` as `search` gave them for the question."""
        if not hits:
            return 0.0
        return self._engines[hits[0].found_in].confidence(question, [(hit.page.slug, hit.score) for hit in hits])

    def band(self, question: str, hits: Sequence[Hit]) -> Band:
        """What may be done with the hits: answer, offer them, or none."""
        return search.band(self.confidence(question, hits))

    def _tree(self, language: str) -> Tree:
        return self._trees.get(language) or self._trees[self.default]

    def _tongues(self, language: str) -> list[str]:
        """All languages, the reader's own first."""
        return list(dict.fromkeys((self._tree(language).language, *self._trees)))

    def _in_force(self, question: str, tongue: str, today: date, at_most: int) -> list[Scored]:
        """Pages found by the words of one language."""
        pages = self._trees[tongue].by_slug
        found = self._engines[tongue].search(question, at_most + SPARE)
        return [(slug, score) for slug, score in found if pages[slug].is_in_force(today)][:at_most]

    def _hit(self, tongue: str, slug: str, score: float, language: str) -> Hit:
        page = self.page(slug, self._tree(language).language)
        section = self._tree(page.language).section(page.section)
        return Hit(page=page, section=section, score=score, found_in=tongue)


def read_policies(folder: Path, default: str) -> Policies:
    """The pages in a folder. Raises ConfigError that names the faulty file."""
    return Policies(read_trees(folder, default), default)


def _indexed(tree: Tree) -> Engine:
    """The index of a tree: the way to a page and the questions put to it are its title."""
    engine = Engine()
    engine.index(
        (page.slug, " ".join((page.title, section.name, *page.aliases)), page.body)
        for section in tree.sections
        for page in section.pages
    )
    return engine
