"""The translator: every word for people comes through here. English source strings, gettext catalogs, Babel."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import get_day_names, get_month_names
from babel.messages.pofile import PoFileError, read_po

from bot.errors import ConfigError
from bot.text import Piece, Text, as_text

SOURCE_LANGUAGE = "en"
_FIELD = re.compile(r"\{(\w+)\}")
_OF_A_DAY = ("month", "number", "day", "weekday")


@dataclass(frozen=True)
class Message:
    """Words that wait for a language. Called with facts it gives the same words about those facts."""

    id: str
    facts: Mapping[str, object] = field(default_factory=dict)
    plural: str = ""

    def __call__(self, **facts: object) -> "Message":
        return Message(self.id, {**self.facts, **facts}, self.plural)


def _(id: str, **facts: object) -> Message:
    """Marks words for translation; the fields in braces are facts."""
    return Message(id, facts)


def _n(singular: str, plural: str, *, count: int, **facts: object) -> Message:
    """Words that depend on `count`."""
    return Message(singular, {**facts, "count": count}, plural)


class Translator:
    """Speaks one language in one time zone."""

    def __init__(self, language: str, catalog: Mapping[str, tuple[str, ...]], zone: ZoneInfo) -> None:
        self.language = language
        self.zone = zone
        self._catalog = catalog
        self._months = dict(get_month_names("abbreviated", locale=language))
        self._weekdays = dict(get_day_names("abbreviated", locale=language))
        self._said: dict[str, Text] = {}  # words without facts, which are most of them

    def __call__(self, message: Message | Text | str) -> Text:
        """The words as Text. Facts may be Text, messages, moments, days, or anything with a str()."""
        if not isinstance(message, Message):
            return as_text(message)
        if not message.facts and (said := self._said.get(message.id)) is not None:
            return said
        parts = _parsed(self._find(message))
        if len(parts) == 1:
            said = self._said[message.id] = Text((Piece(parts[0]),))
            return said
        pieces: list[Piece] = []
        plain = ""
        for position, part in enumerate(parts):
            if position % 2 == 0:
                plain += part
                continue
            fact = self._shown(message.facts[part])
            if isinstance(fact, str):
                plain += fact
                continue
            pieces += [Piece(plain), *fact.pieces] if plain else fact.pieces
            plain = ""
        if plain:
            pieces.append(Piece(plain))
        return Text(tuple(pieces))

    def plain(self, message: Message | Text | str) -> str:
        if isinstance(message, str):
            return message
        text = self(message)
        return text.pieces[0].words if len(text.pieces) == 1 else str(text)

    def day(self, moment: datetime | date, remark: str = "") -> str:
        """A day in words, with its weekday and what there is to say of it."""
        local = self._local(moment)
        month, weekday = self._months[local.month], self._weekdays[local.weekday()]
        facts = {"month": month, "number": local.month, "day": local.day, "weekday": weekday}
        if remark:
            return self._pattern(_("{weekday} {day} {month} ({remark})"), facts | {"remark": remark})
        return self._pattern(_("{weekday} {day} {month}"), facts)

    def moment(self, moment: datetime, remark: str = "") -> str:
        """A day and an hour in words."""
        return self._pattern(_("{day}, {hour}"), {"day": self.day(moment, remark), "hour": self.hour(moment)})

    def hour(self, moment: datetime | time) -> str:
        local = moment.astimezone(self.zone) if isinstance(moment, datetime) else moment
        return f"{local.hour}:{local.minute:02}"

    def _local(self, moment: datetime | date) -> date:
        return moment.astimezone(self.zone) if isinstance(moment, datetime) else moment

    def _pattern(self, message: Message, facts: Mapping[str, object]) -> str:
        return _FIELD.sub(lambda match: str(facts[match[1]]), self._find(message))

    def _find(self, message: Message) -> str:
        forms = self._catalog.get(message.id)
        if forms is None:
            forms = (message.id, message.plural)
        if not message.plural:
            return forms[0]
        return forms[0] if message.facts["count"] == 1 or len(forms) == 1 else forms[1]

    def _shown(self, fact: object) -> str | Text:
        if isinstance(fact, Message | Text):
            return self(fact)
        if isinstance(fact, datetime):
            return self.moment(fact)
        if isinstance(fact, date):
            return self.day(fact)
        if isinstance(fact, time):
            return self.hour(fact)
        return str(fact)


class Words:
    """All catalogs. An unknown language gets the default one."""

    def __init__(self, catalogs: Mapping[str, Mapping[str, tuple[str, ...]]], default: str, zone: ZoneInfo) -> None:
        everything = {SOURCE_LANGUAGE: {}, **catalogs}
        self._translators = {name: Translator(name, catalog, zone) for name, catalog in everything.items()}
        if default not in self._translators:
            raise ConfigError(f"office.language: no words for {default}; there are {', '.join(self._translators)}")
        self.default = default

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._translators)

    def speak(self, language: str | None) -> Translator:
        """The translator for a language tag such as "zh-hans" or "en_GB"."""
        return self._translators[self.nearest(language)]

    def nearest(self, language: str | None) -> str:
        """The known language that serves a tag best."""
        if not language:
            return self.default
        name = language.replace("-", "_")
        if name in self._translators:
            return name
        stem = name.split("_")[0].lower()
        near = [known for known in self._translators if known.split("_")[0] == stem]
        return near[0] if near else self.default


def read_words(folder: Path, default: str, zone: ZoneInfo) -> Words:
    """The catalogs in `folder/<language>.po`; a faulty file stops the start and is named."""
    catalogs: dict[str, Mapping[str, tuple[str, ...]]] = {}
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder")
    for path in sorted(folder.glob("*.po")):
        try:
            with path.open("rb") as file:
                catalog = read_po(file, locale=path.stem, abort_invalid=True)
        except (PoFileError, ValueError, OSError) as error:
            raise ConfigError(f"{path}: {error}") from None
        catalogs[path.stem] = found = {
            _key(entry.id): _forms(entry.string)
            for entry in catalog
            if entry.id and entry.string and all(entry.string) and not entry.fuzzy  # a guess of the tool says nothing
        }
        for id, forms in found.items():
            if unknown := _unknown_fields(id, forms):
                raise ConfigError(f"{path}: {{{unknown[0]}}} is no field of “{id}”")
    return Words(catalogs, default, zone)


def _unknown_fields(id: str, forms: tuple[str, ...]) -> list[str]:
    """What a translation would put in and nobody hands it; the pattern of a day chooses among the parts of a day."""
    known = {*_FIELD.findall(id), "count", *(_OF_A_DAY if "{weekday}" in id else ())}
    return sorted({name for form in forms for name in _FIELD.findall(form)} - known)


def _key(id: str | list[str] | tuple[str, ...]) -> str:
    return id if isinstance(id, str) else id[0]


def _forms(string: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string)


@lru_cache(maxsize=4096)
def _parsed(template: str) -> tuple[str, ...]:
    """Words and field names by turns: words stand at even positions."""
    return tuple(_FIELD.split(template))
