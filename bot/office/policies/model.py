"""A policy page and its place in the tree. Pure: it reads no file and no clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from bot.text import Text, join


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of a page."""

    words: Text


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of short points."""

    items: tuple[Text, ...]


Block = Paragraph | Bullets


@dataclass(frozen=True, slots=True)
class Part:
    """What stands under one `##` heading of a page."""

    heading: str
    blocks: tuple[Block, ...]

    @property
    def words(self) -> Text:
        """The part as it is shown in a chat, without its heading."""
        return join(_lines(self.blocks))


def _lines(blocks: tuple[Block, ...]) -> Iterator[Text]:
    for block in blocks:
        if isinstance(block, Paragraph):
            yield block.words
        else:
            yield from (Text() + "· " + item for item in block.items)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One policy in one language. `slug` never changes; the same slug in another language is the same page."""

    slug: str
    language: str
    section: str
    order: int
    title: str
    department: str
    in_sentence: str  # the answer in one sentence
    bring: tuple[str, ...]
    parts: tuple[Part, ...]
    source: str
    valid_from: date
    valid_to: date | None  # the last day on which it holds
    review_by: date
    aliases: tuple[str, ...]
    related: tuple[str, ...]
    sample: bool  # made up to show how pages work; never the office's own word

    def is_in_force(self, today: date) -> bool:
        """Whether the page may be quoted as the rule of the day."""
        return self.valid_from <= today and (self.valid_to is None or today <= self.valid_to)

    def is_stale(self, today: date) -> bool:
        """Whether the day has passed by which somebody should have looked whether it is still right."""
        return today > self.review_by

    @property
    def body(self) -> str:
        """All words of the page but its title and its aliases."""
        parts = (f"{part.heading}\n{part.words}" for part in self.parts)
        return "\n".join((self.in_sentence, *self.bring, *parts))


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A group of pages under one name, in the order of a menu."""

    slug: str
    name: str
    order: int
    pages: tuple[Page, ...]


@dataclass(frozen=True)
class Tree:
    """All pages of one language."""

    language: str
    sections: tuple[Section, ...]
    by_slug: Mapping[str, Page] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_slug", {page.slug: page for section in self.sections for page in section.pages})

    @property
    def pages(self) -> tuple[Page, ...]:
        return tuple(self.by_slug.values())

    def section(self, slug: str) -> Section:
        """A section by its slug; KeyError where there is none."""
        for section in self.sections:
            if section.slug == slug:
                return section
        raise KeyError(slug)
