"""Runs a talk written as a transcript: who says what, and what they are to read. It knows no rule of the product.

A transcript is Markdown. `## 9-16 10:05` sets the clock. `居：words` says something, `居：【label】` presses a
button, `居：（语音 9 秒）` and `居：（照片）` send files. `回 居：words` is the next message that this person must
have got; ⏎ is a new line in it, 【…】 are its buttons in order, `…` stands for anything. `{name}` keeps what
stands there for later lines. `剩 居：words` is all that still stands in their chat, messages
divided by ／ and none of their own. People are named in the head: `- 居: resident, zh_CN`, `- 干: handler, housing`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.dialogue.event import FileKind
from bot.office.people.model import Role
from tests.rig import SHANGHAI, Heard, Someone, Town

_HEAD = re.compile(r"^- (?P<name>\S+): (?P<role>\w+)(?:, (?P<where>\w[\w-]*))?(?:, (?P<language>\w+))?$")
_CLOCK = re.compile(r"^## (?:(?P<year>\d{4})-)?(?P<month>\d+)-(?P<day>\d+) (?P<hour>\d+):(?P<minute>\d+)")
_HEARS = re.compile(r"^回 (?P<name>[^：\s]+)：(?P<words>.*)$")
_LEFT = re.compile(r"^剩 (?P<name>[^：\s]+)：(?P<words>.*)$")
_SAYS = re.compile(r"^(?P<name>[^：\s]+)：(?P<words>.*)$")
_QUOTES = re.compile(r"^（回复“(?P<part>.+?)”）(?P<words>.*)$")
PHOTO = Path(__file__).with_name("lamp.jpg")


class TranscriptBroken(AssertionError):
    """The talk went otherwise than written; names the line."""


@dataclass
class Line:
    number: int
    text: str


class Performance:
    """One transcript being played in one town."""

    def __init__(self, town: Town, path: Path) -> None:
        self._town = town
        self._path = path
        self._people: dict[str, Someone] = {}
        self._read: dict[str, int] = {}
        self._kept: dict[str, str] = {}

    async def play(self) -> None:
        for line in _lines(self._path):
            try:
                await self._line(line)
            except AssertionError as error:
                raise TranscriptBroken(f"{self._path.name}:{line.number}: {line.text}\n{error}") from None
        for name, person in self._people.items():
            if unread := person.heard[self._read[name] :]:
                raise TranscriptBroken(f"{self._path.name}: {name} also got: {_shown(unread[0])}")

    async def _line(self, line: Line) -> None:
        if found := _HEAD.match(line.text):
            await self._enter(found["name"], found["role"], found["where"], found["language"])
        elif found := _CLOCK.match(line.text):
            await self._move(found)
        elif found := _HEARS.match(line.text):
            self._hears(found["name"], found["words"])
        elif found := _LEFT.match(line.text):
            person = self._people[found["name"]]
            assert person.said == [], "their own words still stand there"
            assert found["words"] == "／".join(person.left), f"instead: {person.left}"
        elif (found := _SAYS.match(line.text)) and found["name"] in self._people:
            await self._says(self._people[found["name"]], self._filled(found["words"]))
        else:
            raise AssertionError("a line of no known kind")

    async def _enter(self, name: str, role: str, where: str | None, language: str | None) -> None:
        if role == "resident":
            person = self._town.resident(name, language or where or "zh_CN")
        else:
            person = await self._town.official(name, Role(role), where)
        self._people[name] = person
        self._read[name] = len(person.heard)

    async def _move(self, found: re.Match[str]) -> None:
        now = self._town.clock.now().astimezone(SHANGHAI)
        numbers = {key: int(value) for key, value in found.groupdict().items() if value}
        moment = datetime(numbers.get("year", now.year), numbers["month"], numbers["day"],
                          numbers["hour"], numbers["minute"], tzinfo=SHANGHAI)  # fmt: skip
        await self._town.becomes(moment)

    async def _says(self, person: Someone, words: str) -> None:
        if words.startswith("【"):
            await person.presses(words.strip("【】"))
        elif words.startswith("（语音"):
            await person.sends(FileKind.VOICE, b"OggS" + bytes(60), seconds=9)
        elif words.startswith("（照片"):
            await person.sends(FileKind.PHOTO, PHOTO.read_bytes())
        elif found := _QUOTES.match(words):
            await person.says(found["words"], reply_to=_containing(person, found["part"]))
        else:
            await person.says(words)

    def _hears(self, name: str, words: str) -> None:
        person = self._people[name]
        position = self._read[name]
        if position >= len(person.heard):
            raise AssertionError("nothing more was said")
        heard = person.heard[position]
        self._read[name] = position + 1
        got = _shown(heard)
        found = re.fullmatch(self._pattern(words), got, re.DOTALL)
        if found is None:
            raise AssertionError(f"instead: {got}")
        self._kept.update({key: value for key, value in found.groupdict().items() if value})

    def _pattern(self, words: str) -> str:
        pattern = ""
        for part in re.split(r"(…|\{\w+\})", words):
            if part == "…":
                pattern += ".*?"
            elif part.startswith("{"):
                name = part.strip("{}")
                pattern += re.escape(self._kept[name]) if name in self._kept else f"(?P<{name}>[0-9A-Z -]+)"
            else:
                pattern += re.escape(part)
        return pattern

    def _filled(self, words: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: self._kept[match[1]], words)


def _shown(heard: Heard) -> str:
    return heard.text.replace("\n", "⏎") + "".join(f"【{label}】" for label in heard.labels)


def _containing(person: Someone, part: str) -> Heard:
    return next(heard for heard in reversed(person.heard) if part in heard.text)


def _lines(path: Path) -> Iterator[Line]:
    for number, text in enumerate(path.read_text("utf-8").splitlines(), 1):
        stripped = text.strip()
        if stripped and not stripped.startswith(("# ", "<!--", ">")):
            yield Line(number, stripped)
