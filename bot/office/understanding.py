"""Reads free words by the rules in content: what kinds of matter, where, what danger. It proposes, no more."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations, zip_longest
from pathlib import Path
from typing import Any

from bot.errors import ConfigError
from bot.office.likeness import Examples

LONGEST = 8000  # characters looked at
LONGEST_REMARK = 14  # characters: longer words are never small talk
SHORTEST_MATTER = 3
SHORTEST_SENTENCE = 10  # characters: shorter words are too few to be like anything
PHYSICAL = frozenset(("urban", "utilities", "housing", "transport", "environment", "safety", "village"))
ORDER = ("help", "complaint", "errand", "consult", "suggestion")  # a fault comes before the question about it
_FAULTS = frozenset(("help", "complaint", "report"))
_ENDS = re.compile(r"([\s，,。；;！!？?]+)")
_CLAUSES = re.compile(r"([，,。.；;！!？?\n]+)")
_EDGE = " \t\n,.;:!?，。；：！？、~…"


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing somebody wants, in their own words. All else is a guess."""

    text: str
    kind: str | None
    sure: bool
    category: str | None = None
    things: frozenset[str] = frozenset()  # the words that name what it is about
    place: str | None = None
    needs_place: bool = False
    concerns_staff: bool = False
    wants_person: bool = False


@dataclass(frozen=True, slots=True)
class Understanding:
    """What was heard: matters, or small talk; and danger, if there is any."""

    matters: tuple[Matter, ...]
    talk: str | None = None
    danger: str | None = None
    goes_on: bool = False  # it begins as something further to what was said before
    asks: bool = False  # it ends as a question does


@dataclass(frozen=True, slots=True)
class Accused:
    """Words of a complaint about staff, taken apart: whom, what happened. Either may be missing."""

    who: str
    story: str
    is_chief: bool  # somebody who leads or supervises may be meant


class Understander:
    """The rules of all languages together: residents mix them."""

    def __init__(self, rules: Mapping[str, Any]) -> None:
        self._kinds = {kind: _in_flat(words) for kind, words in rules["kinds"].items()}
        self._strong = {kind: _in_flat(words) for kind, words in rules["strong"].items()}
        said = rules["examples"]
        self._examples = Examples({kind: [normalised(text) for text in texts] for kind, texts in said.items()})
        self._not_kinds = {kind: _in_flat(words) for kind, words in rules["unless"].items()}
        self._categories = {slug: _in_flat(words) for slug, words in rules["categories"].items()}
        self._danger = {topic: _in_flat(words) for topic, words in rules["danger"].items()}
        self._no_danger = _in_flat(rules["no_danger"])
        self._asked_last: tuple[str, str | None] = ("", None)
        self._talk = {kind: re.compile(f"^(?:{'|'.join(words)})+$", re.I) for kind, words in rules["talk"].items()}
        self._place = _any(rules["place"])
        self._before_place = _any(rules["before_place"])
        self._vague_place = _any(rules["vague_place"])
        self._needs_place = _in_flat(rules["needs_place"])
        self._staff = _in_flat(rules["staff"])
        self._person = _in_flat(rules["person"])
        self._asks = _in_flat(rules["asks"])
        self._days = re.compile(
            "|".join(f"(?P<{name}>{_alternatives(words)})" for name, words in rules["days"].items()), re.I
        )
        self._opening = _any(rules["opening"])
        self._accused = _any(rules["accused"])
        self._hollow = _any(rules["hollow"])
        self._chief = _in_flat(rules["chief"])
        self._traced = _in_flat(rules["traced"])
        self._privacy = {way: _in_flat(words) for way, words in rules["privacy"].items()}
        self._split = re.compile("|".join(rules["split"]), re.I)
        self._commands = {word: name for name, words in rules["commands"].items() for word in words}
        self._official = {word: name for name, words in rules["official_commands"].items() for word in words}

    def understand(self, text: str) -> Understanding:
        """One guess for the whole message; at most 8,000 characters of it are looked at."""
        plain = text[:LONGEST]
        flat = normalised(plain)
        if (talk := self._small_talk(flat)) is not None:
            return Understanding((), talk)
        known: dict[str, Matter] = {}  # a part is judged alone and with what follows it, often with nothing between
        matters = tuple(self._matter(part, known) for part in self._parts(plain, known))
        asks = self._asks.search(flat.strip()) is not None
        return Understanding(matters, None, self._in_danger(flat), self._goes_on(plain), asks)

    @property
    def dangers(self) -> frozenset[str]:
        """Every kind of danger that it can tell of."""
        return frozenset(self._danger)

    def danger(self, text: str) -> str | None:
        """The kind of danger that the words tell of, alone: asked for every message."""
        return self._in_danger(normalised(text[:LONGEST]))

    def accused(self, text: str) -> Accused:
        """Whom it is about and what happened, in the resident's own words; what says neither is left out."""
        who, story = "", ""
        cut = _CLAUSES.split(text[:LONGEST])
        for clause, edge in zip_longest(cut[::2], cut[1::2], fillvalue=""):
            said = self._opening.sub("", clause.strip()).strip()
            if self._hollow.fullmatch(said):
                continue
            found = self._accused.match(said) if not who else None
            if found is not None:
                who, said = found[0], said[found.end() :].strip()
            story += said + edge if said else ""
        return Accused(who, story.strip(_EDGE), bool(self._chief.search(normalised(text))))

    def asks_whether_known(self, text: str) -> bool:
        """Whether somebody asks if they can be found out."""
        return bool(self._traced.search(normalised(text[:LONGEST])))

    def privacy(self, text: str) -> str | None:
        """Who may know, where a whole message says nothing else: named, confidential, anonymous."""
        flat = normalised(text[:LONGEST]).strip(_EDGE)
        return next((way for way, words in self._privacy.items() if words.fullmatch(flat)), None)

    def read_command(self, text: str, official: bool) -> str | None:
        """The command that a whole message means; a longer sentence is content."""
        word = normalised(text).strip(_EDGE)
        if len(word) > 20:
            return None
        return (self._official.get(word) if official else None) or self._commands.get(word)

    def _goes_on(self, text: str) -> bool:
        joins = self._split.match(text.lstrip())
        return joins is not None and bool(joins[0].strip(_EDGE))

    def days_in(self, text: str, today: date) -> list[tuple[str, date]]:
        """The words in the text that name a day by where today stands, with those days, in their order."""
        return [(found[0], _day(str(found.lastgroup), today)) for found in self._days.finditer(text[:LONGEST])]

    def command_words(self, command: str) -> tuple[str, ...]:
        """What may be typed for a command of officials."""
        return tuple(word for word, name in self._official.items() if name == command)

    def _small_talk(self, flat: str) -> str | None:
        bare = "".join(filter(str.isalnum, flat))
        if not bare:
            return "wordless"
        if len(bare) > LONGEST_REMARK:
            return None
        return next((kind for kind, pattern in self._talk.items() if pattern.match(bare)), None)

    def _in_danger(self, flat: str) -> str | None:
        """Asked of every message, and again where its kind is guessed: the last answer is kept."""
        asked, danger = self._asked_last
        if asked != flat:
            danger = self._danger_in(flat)
            self._asked_last = flat, danger
        return danger

    def _danger_in(self, flat: str) -> str | None:
        if self._no_danger.search(flat):
            return None
        return next((topic for topic, pattern in self._danger.items() if pattern.search(flat)), None)

    def _parts(self, text: str, known: dict[str, Matter]) -> Sequence[str]:
        """The message cut where another matter begins; whole where the parts are one matter."""
        cut = [part.strip(_EDGE) for part in self._split.split(text) if part is not None]
        parts = [part for part in cut if part]
        if len(parts) < 2:
            return self._fault_and_question(text, known)
        if any(len(part) < SHORTEST_MATTER for part in parts):
            return [text.strip()]
        guesses = [self._matter(part, known) for part in parts]
        if not all(guess.sure for guess in guesses):
            return [text.strip()]
        is_each_another = all(_differ(one, other) for one, other in combinations(guesses, 2))
        return parts if is_each_another else [text.strip()]

    def _fault_and_question(self, text: str, known: dict[str, Matter]) -> Sequence[str]:
        """Without a word that joins them, a fault and a question about something else are still two matters.

        Nothing else is cut where no such word stands: a story told in short sentences is one matter.
        """
        pieces = _pieces(text)
        if len(pieces) < 2:
            return [text.strip()]
        groups: list[str] = []
        guesses: list[Matter] = []
        for piece, edge in pieces:
            guess = self._matter(piece, known)
            if not groups or (guess.sure and guess.category is not None and _apart(guesses[-1], guess)):
                groups.append(piece + edge)
                guesses.append(guess)
            else:
                groups[-1] += piece + edge
                guesses[-1] = guesses[-1] if guesses[-1].sure else self._matter(groups[-1], known)
        if len(groups) < 2 or not all(guess.sure and guess.category for guess in guesses):
            return [text.strip()]
        return [group.strip(_EDGE) for group in groups]

    def _matter(self, text: str, known: dict[str, Matter]) -> Matter:
        found = known.get(text)
        if found is None:
            found = known[text] = self._judged(text)
        return found

    def _judged(self, text: str) -> Matter:
        flat = normalised(text)
        category, things = self._category(flat)
        kind, sure = self._kind(flat, category)
        place = self._place_in(text)
        staff = kind in ("complaint", "report") and bool(self._staff.search(flat))
        needs = kind in ("help", "complaint") and not staff and not place and bool(self._needs_place.search(flat))
        return Matter(text, kind, sure, "conduct" if staff else category, things, place, needs, staff,
                      bool(self._person.search(flat)))  # fmt: skip

    def _place_in(self, text: str) -> str | None:
        """Where it is, if that is said: “our estate” or “the gate” alone leads nobody there."""
        named = (self._before_place.sub("", found[0]) for found in self._place.finditer(text))
        return next((words for words in named if self._vague_place.sub("", words).strip()), None)

    def _kind(self, flat: str, category: str | None) -> tuple[str | None, bool]:
        for kind, pattern in self._strong.items():
            if pattern.search(flat) and not self._excluded(kind, flat):
                return kind, True
        for kind in ORDER:
            if self._kinds[kind].search(flat) and not self._excluded(kind, flat):
                return kind, True
        if self._in_danger(flat):
            return "help", True
        return self._unruled(flat, category)

    def _unruled(self, flat: str, category: str | None) -> tuple[str | None, bool]:
        """No rule fits: sentences are judged by examples; shorter words may name a thing, but not what of it."""
        like = self._examples.most_like(flat) if len(flat) >= SHORTEST_SENTENCE else None
        if like is not None:
            return like.kind, like.clear
        if category is None:
            return None, False
        return ("help" if category in PHYSICAL else "consult"), False

    def _excluded(self, kind: str, flat: str) -> bool:
        pattern = self._not_kinds.get(kind)
        return bool(pattern and pattern.search(flat))

    def _category(self, flat: str) -> tuple[str | None, frozenset[str]]:
        """The category that most of the words speak for, and those words."""
        best: tuple[str | None, list[str]] = (None, [])
        most = 0
        for slug, pattern in self._categories.items():
            words = pattern.findall(flat)
            if words and (length := sum(map(len, words))) > most:
                best, most = (slug, words), length
        return best[0], frozenset(best[1])


def _pieces(text: str) -> list[tuple[str, str]]:
    """(words, the punctuation behind them)."""
    cut = _ENDS.split(text)
    return [(words, edge) for words, edge in zip_longest(cut[::2], cut[1::2], fillvalue="") if words]


def _differ(one: Matter, other: Matter) -> bool:
    """Another kind, or about another thing; where a thing is not named it may be the same."""
    if one.kind != other.kind:
        return True
    named = [(word, another) for word in one.things for another in other.things]
    return bool(named) and not any(word in another or another in word for word, another in named)


def _apart(one: Matter, other: Matter) -> bool:
    """A fault and a question, about different things."""
    return (one.kind in _FAULTS) != (other.kind in _FAULTS) and one.category != other.category


def normalised(text: str) -> str:
    """Half width, lower case; the words stay the resident's."""
    return unicodedata.normalize("NFKC", text).casefold()


def read_understanding(folder: Path, language: str | None = None) -> Understander:
    """The rules in `folder/*.toml`, joined; a fault names the file. The office's own language must have some."""
    rules: dict[str, Any] = {}
    own = False
    for path in sorted(folder.glob("*.toml")):
        try:
            found = tomllib.loads(path.read_text("utf-8"))
            own = own or (path.stem == language and bool(found))
            _join(rules, found)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path}: {error}") from None
    if language is not None and not own:
        raise ConfigError(f"{folder}/{language}.toml: no rules")
    try:
        return Understander(rules)
    except (AttributeError, TypeError) as error:
        raise ConfigError(f"{folder}: {error}") from None
    except KeyError as error:
        raise ConfigError(f"{folder}: no rules for {error.args[0]}") from None
    except re.error as error:
        raise ConfigError(f"{folder}: {error.pattern!r} is no pattern: {error.msg}") from None


def _join(rules: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict):
            _join(rules.setdefault(name, {}), value)
        elif isinstance(value, list):
            rules.setdefault(name, []).extend(value)
        else:
            raise TypeError(f"{name}: a list of patterns is needed")


def _day(name: str, today: date) -> date:
    """`in_2` is the day after tomorrow, `next_0` the Monday of next week, `this_4` the Friday of this one."""
    kind, _underscore, number = name.partition("_")
    if kind == "in":
        return today + timedelta(days=int(number))
    return today + timedelta(days=int(number) - today.weekday() + (7 if kind == "next" else 0))


def _alternatives(patterns: Sequence[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _any(patterns: Sequence[str], flags: re.RegexFlag = re.I) -> "re.Pattern[str]":
    """None of no patterns: an empty list must not fit every message."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)", flags)


def _in_flat(patterns: Sequence[str]) -> "re.Pattern[str]":
    """The same for normalised words: what is small in both need not be compared as great letters too."""
    is_small = all(pattern == pattern.lower() for pattern in patterns)
    return _any(patterns, re.NOFLAG if is_small else re.I)
